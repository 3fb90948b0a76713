//! The plan itself: an edit of the tree at head, and what is to be said about it.

use super::Automation;
use super::Leaf;
use super::find::Found;
use crate::diff;
use crate::diff::Change;
use crate::diff::Text;
use recant_render::ObjectId;
use recant_render::Tree;
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;

/// The form an edit has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Lines that changed go back.
    Revert,
    /// Lines are added to the object's own kustomization that restore just this object.
    Pin,
}

/// One line that the plan changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineChange {
    /// The file.
    pub file: String,
    /// The line at head, counted from 1; for a line that is only added, the one it comes before.
    pub head_line: usize,
    /// What it says at head; `None` when it is added.
    pub removed: Option<String>,
    /// What it is to say; `None` when it is taken away.
    pub added: Option<String>,
}

/// An edit of the tree at head.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The new content of each touched file; `None` deletes it.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// Every line that changes.
    pub lines: Vec<LineChange>,
    /// The fields that go back.
    pub leaves: Vec<Leaf>,
    /// The form.
    pub form: Form,
    /// Changed lines that Flux image automation writes.
    pub automation: Vec<Automation>,
    /// Objects beside the target that the edit is written into on purpose: the Flux Kustomization that deploys it, an
    /// ImageRepository that is to leave a tag out.
    pub carriers: Vec<ObjectId>,
    /// Files that changed between the good state and head, and stay as they are.
    pub kept: Vec<String>,
    /// What a reviewer should know, in plain words: why there is no pin, for one.
    pub notes: Vec<String>,
    /// How many candidates were rendered.
    pub renders: u32,
}

impl Plan {
    pub(super) fn of(found: Found) -> Self {
        Self {
            files: found.files,
            lines: Vec::new(),
            leaves: Vec::new(),
            form: Form::Revert,
            automation: Vec::new(),
            carriers: Vec::new(),
            kept: Vec::new(),
            notes: Vec::new(),
            renders: found.renders,
        }
    }

    /// The tree with the edit made.
    pub fn apply(&self, head: &Tree) -> Tree {
        self.files
            .iter()
            .fold(head.clone(), |tree, (path, bytes)| match bytes {
                Some(bytes) => tree.with(path, bytes),
                None => tree.without(path),
            })
    }

    /// The edit as a unified diff that `git apply` takes, byte for byte.
    pub fn patch(&self, head: &Tree) -> Vec<u8> {
        let files = self.files.iter();
        let changes: Vec<Change<'_>> = files
            .map(|(path, new)| Change {
                path,
                old: head.bytes(path),
                new: new.as_deref(),
            })
            .collect();
        diff::unified(&changes)
    }

    /// [`Plan::patch`] to read: bytes that are not UTF-8 are replaced.
    pub fn diff(&self, head: &Tree) -> String {
        String::from_utf8_lossy(&self.patch(head)).into_owned()
    }

    /// How many lines the edit adds, a changed line counting once here and once as removed.
    pub fn lines_added(&self) -> usize {
        self.lines.iter().filter(|l| l.added.is_some()).count()
    }

    /// How many lines the edit removes.
    pub fn lines_removed(&self) -> usize {
        self.lines.iter().filter(|l| l.removed.is_some()).count()
    }
}

/// Every line in which the files differ from head.
pub fn line_changes(head: &Tree, files: &BTreeMap<String, Option<Vec<u8>>>) -> Vec<LineChange> {
    files
        .iter()
        .flat_map(|(path, new)| of_file(path, head.bytes(path), new.as_deref()))
        .collect()
}

fn of_file(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Vec<LineChange> {
    let (old, new) = (
        Text::of(old.unwrap_or_default()),
        Text::of(new.unwrap_or_default()),
    );
    let (old, new) = (old.bodies(), new.bodies());
    let text = |line: Option<&&[u8]>| line.map(|l| String::from_utf8_lossy(l).into_owned());
    let changes = |hunk: diff::Hunk| {
        let (was, is) = (&old[hunk.old.clone()], &new[hunk.new.clone()]);
        let change = |nth: usize| LineChange {
            file: path.to_owned(),
            head_line: hunk.old.start + nth.min(was.len()) + 1,
            removed: text(was.get(nth)),
            added: text(is.get(nth)),
        };
        (0..was.len().max(is.len())).map(change).collect::<Vec<_>>()
    };
    diff::hunks(&old, &new).into_iter().flat_map(changes).collect()
}
