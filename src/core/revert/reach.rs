//! Who else reads a file, and whether an edit moves anything but what it is meant for.
//!
//! Only to choose among candidates: what a plan really moves is for the proof to say, which does not trust this.

use super::Undo;
use crate::subject;
use recant_render::ObjectId;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use recant_render::roots_with;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Every root of the tree at head, rendered once.
pub(super) struct Reach<'u, 't> {
    undo: &'u Undo<'t>,
    roots: Vec<(Root, Rendered)>,
}

impl<'u, 't> Reach<'u, 't> {
    pub(super) fn new(undo: &'u Undo<'t>) -> Self {
        let found = roots_with(undo.head, &mut undo.cache.borrow_mut());
        let all = subject::deployments(undo.root, undo.more_roots, found);
        let render = |root: Root| {
            let rendered = undo.render(undo.head, &root);
            (root, rendered)
        };
        Self {
            undo,
            roots: all.into_iter().map(render).collect(),
        }
    }

    /// How many roots read one of these files.
    pub(super) fn readers<'p>(&self, files: impl IntoIterator<Item = &'p str>) -> usize {
        let files: BTreeSet<&str> = files.into_iter().collect();
        self.roots
            .iter()
            .filter(|(_, r)| r.reads.iter().any(|p| files.contains(p.as_str())))
            .count()
    }

    /// The first object in which a tree differs from head, but for the target and what is to go back with it.
    pub(super) fn moves(&self, after: &Tree) -> Option<String> {
        let touched = self.undo.head.changed(after);
        let reads = |r: &Rendered| touched.iter().any(|p| r.reads.contains(p));
        let mut readers = self.roots.iter().filter(|(_, before)| reads(before));
        readers.find_map(|(root, before)| {
            let now = self.undo.render(after, root);
            let (was, is) = (self.others(root, before), self.others(root, &now));
            let mut ids = was.keys().chain(is.keys());
            let moved = ids.find(|id| was.get(*id) != is.get(*id))?;
            Some(format!("{moved} in {}", root.path))
        })
    }

    fn others(&self, root: &Root, rendered: &Rendered) -> BTreeMap<ObjectId, Value> {
        let is_own = root == self.undo.root;
        let also = |id: &ObjectId| {
            let mut all = self.undo.also.iter();
            all.any(|(there, other)| subject::is_same_root(there, root) && id.same_object(other))
        };
        let may_move = |id: &ObjectId| {
            (is_own && (id.same_object(self.undo.target) || subject::is_generated(id))) || also(id)
        };
        let all = rendered.objects.iter().map(|o| (o.id(), o.json()));
        all.filter(|(id, _)| !may_move(id)).collect()
    }
}
