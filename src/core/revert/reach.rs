//! Who else reads a file, and whether an edit moves anything but what it is meant for.
//!
//! Only to choose among candidates: what a plan really moves is for the proof to say, which does not trust this.

use crate::subject;
use recant_render::ObjectId;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Every root of the tree at head, rendered once.
pub(super) struct Reach<'t> {
    head: &'t Tree,
    root: &'t Root,
    target: &'t ObjectId,
    roots: Vec<(Root, Rendered)>,
}

impl<'t> Reach<'t> {
    pub(super) fn new(head: &'t Tree, root: &'t Root, target: &'t ObjectId) -> Self {
        let mut all = recant_render::roots(head);
        all.retain(|r| !r.is_form_of(root));
        all.push(root.clone());
        let roots = all
            .into_iter()
            .map(|r| (r.clone(), recant_render::render(head, &r)))
            .collect();
        Self {
            head,
            root,
            target,
            roots,
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

    /// Whether a tree differs from head in anything but the target.
    pub(super) fn moves_others(&self, after: &Tree) -> bool {
        let touched = self.head.changed(after);
        let reads = |r: &Rendered| touched.iter().any(|p| r.reads.contains(p));
        self.roots
            .iter()
            .filter(|(_, before)| reads(before))
            .any(|(root, before)| {
                let is_own = root == self.root;
                let now = recant_render::render(after, root);
                self.objects(before, is_own) != self.objects(&now, is_own)
            })
    }

    fn objects(&self, rendered: &Rendered, is_own: bool) -> BTreeMap<ObjectId, Value> {
        let all = rendered.objects.iter().map(|o| (o.id(), o.json()));
        all.filter(|(id, _)| !is_own || !(id.same_object(self.target) || subject::is_generated(id)))
            .collect()
    }
}
