//! Who else reads a file, and whether an edit moves anything but what it is meant for.
//!
//! Only to choose among candidates: what a plan really moves is for the proof to say, which does not trust this.

use super::Undo;
use crate::subject;
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::Readers;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use recant_render::roots_with;
use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

/// Every root of the tree at head; each is rendered when it is first asked about.
pub(super) struct Reach<'u, 't> {
    undo: &'u Undo<'t>,
    roots: OnceCell<Vec<Root>>,
    readers: RefCell<Readers<'t>>,
    rendered: RefCell<BTreeMap<usize, Rc<Rendered>>>,
}

impl<'u, 't> Reach<'u, 't> {
    pub(super) fn new(undo: &'u Undo<'t>) -> Self {
        Self {
            undo,
            roots: OnceCell::new(),
            readers: RefCell::new(Readers::new(undo.head)),
            rendered: RefCell::default(),
        }
    }

    /// How many roots may read one of these files.
    pub(super) fn readers<'p>(&self, files: impl IntoIterator<Item = &'p str>) -> usize {
        self.reading(&files.into_iter().map(str::to_owned).collect())
            .len()
    }

    /// The first object in which a tree differs from head, but for the target, what is to go back with it, and what
    /// the edit is written into on purpose.
    pub(super) fn moves(&self, after: &Tree, carriers: &[ObjectId]) -> Option<String> {
        let touched: BTreeSet<String> = self.undo.head.changed(after).into_iter().collect();
        let others = self.redeclared(after);
        let mut reading = self.reading(&touched);
        reading.extend(others.keys());
        reading.into_iter().find_map(|at| {
            let (root, before) = (&self.roots()[at], self.before(at));
            let other = others.get(&at);
            if other.is_none() && !touched.iter().any(|path| before.looks_at(path)) {
                return None;
            }
            let now = self.undo.render(after, other.unwrap_or(root));
            let (was, is) = (
                self.others(root, &before, carriers),
                self.others(root, &now, carriers),
            );
            let mut ids = was.keys().chain(is.keys());
            let moved = ids.find(|id| was.get(*id) != is.get(*id))?;
            Some(format!("{moved} in {}", root.path))
        })
    }

    /// The roots that a tree declares otherwise than head does.
    fn redeclared(&self, after: &Tree) -> BTreeMap<usize, Root> {
        let cache = &mut self.undo.cache.borrow_mut();
        let (here, there) = (roots_with(self.undo.head, cache), roots_with(after, cache));
        if Arc::ptr_eq(&here, &there) {
            return BTreeMap::new();
        }
        let pairs = subject::pairs(self.undo.root, self.undo.more_roots, &here, &there);
        let known = pairs.into_iter().take(self.roots_of(&here).len()).enumerate();
        known
            .filter(|(_, (before, after))| before != after && !subject::declares(self.undo.target, before))
            .map(|(at, (_, after))| (at, after))
            .collect()
    }

    fn roots(&self) -> &[Root] {
        let found = || roots_with(self.undo.head, &mut self.undo.cache.borrow_mut());
        self.roots.get_or_init(|| self.deployments(&found()))
    }

    fn roots_of(&self, found: &[Root]) -> &[Root] {
        self.roots.get_or_init(|| self.deployments(found))
    }

    fn deployments(&self, found: &[Root]) -> Vec<Root> {
        subject::deployments(self.undo.root, self.undo.more_roots, found)
    }

    /// The roots that may read one of these files, by their place.
    fn reading(&self, files: &BTreeSet<String>) -> Vec<usize> {
        let (mut readers, roots) = (self.readers.borrow_mut(), self.roots());
        let mut may_read = |root: &Root| readers.may_read(root, files, &mut self.undo.cache.borrow_mut());
        (0..roots.len()).filter(|at| may_read(&roots[*at])).collect()
    }

    fn before(&self, at: usize) -> Rc<Rendered> {
        if let Some(known) = self.rendered.borrow().get(&at) {
            return Rc::clone(known);
        }
        let rendered = Rc::new(self.undo.render(self.undo.head, &self.roots()[at]));
        self.rendered.borrow_mut().insert(at, Rc::clone(&rendered));
        rendered
    }

    fn others<'r>(
        &self,
        root: &Root,
        rendered: &'r Rendered,
        carriers: &[ObjectId],
    ) -> BTreeMap<ObjectId, &'r Object> {
        let is_own = root == self.undo.root;
        // Another cluster may deploy the same directory by the same name: where the root itself is listed, only that is it.
        let is_it = |there: &Root| match self.roots().contains(there) {
            true => there == root,
            false => subject::is_same_root(there, root),
        };
        let also = self.undo.also.iter().filter(|(there, _)| is_it(there));
        let also: Vec<&ObjectId> = also.map(|(_, other)| other).collect();
        let may_move = |id: &ObjectId| {
            let own = is_own && (id.same_object(self.undo.target) || subject::is_generated(id));
            own || also.iter().any(|other| id.same_object(other))
                || carriers.iter().any(|carrier| carrier.same_object(id))
        };
        let all = rendered.objects.iter().map(|o| (o.id(), o));
        all.filter(|(id, _)| !may_move(id)).collect()
    }
}
