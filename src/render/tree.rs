//! A Git tree as a value: paths and their bytes. There is no file system here, and no path leaves the tree.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File(Arc<[u8]>),
    /// A symbolic link and its target, as Git stores it.
    Link(Arc<str>),
}

/// The files of one commit. Cheap to clone: a changed tree shares all else with the one it came from.
///
/// Paths are relative to the root of the repository, with `/` between the parts, without `.` or `..`.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    base: Arc<BTreeMap<String, Entry>>,
    /// Changes on top of `base`; `None` deletes.
    over: BTreeMap<String, Option<Entry>>,
}

impl Tree {
    /// A tree of these entries.
    pub fn new(entries: impl IntoIterator<Item = (String, Entry)>) -> Self {
        Self {
            base: Arc::new(entries.into_iter().collect()),
            over: BTreeMap::new(),
        }
    }

    /// A tree of regular files.
    pub fn of<P: Into<String>, B: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        Self::new(
            files
                .into_iter()
                .map(|(p, b)| (p.into(), Entry::File(Arc::from(b.as_ref())))),
        )
    }

    /// Several files in one string, for tests: a line `//- /path` opens each file.
    ///
    /// ```
    /// let tree = recant_render::Tree::fixture("//- /a/b.yaml\nx: 1\n//- /c.yaml\ny: 2\n");
    /// assert_eq!(tree.text("a/b.yaml"), Some("x: 1\n"));
    /// ```
    pub fn fixture(text: &str) -> Self {
        let mut files: Vec<(String, String)> = Vec::new();
        for line in text.split_inclusive('\n') {
            if let Some(path) = line.strip_prefix("//- /") {
                files.push((path.trim().to_owned(), String::new()));
            } else if let Some((_, body)) = files.last_mut() {
                body.push_str(line);
            }
        }
        Self::of(files)
    }

    /// The entry at a path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        match self.over.get(path) {
            Some(entry) => entry.as_ref(),
            None => self.base.get(path),
        }
    }

    /// The bytes of a regular file.
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        match self.get(path)? {
            Entry::File(bytes) => Some(bytes),
            Entry::Link(_) => None,
        }
    }

    /// The text of a regular file; `None` also when it is not UTF-8.
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(path)?).ok()
    }

    /// The same tree with a regular file's bytes set.
    #[must_use]
    pub fn with(&self, path: &str, bytes: &[u8]) -> Self {
        self.with_entry(path, Some(Entry::File(Arc::from(bytes))))
    }

    /// The same tree without an entry.
    #[must_use]
    pub fn without(&self, path: &str) -> Self {
        self.with_entry(path, None)
    }

    /// The same tree with an entry set or, for `None`, taken away.
    #[must_use]
    pub fn with_entry(&self, path: &str, entry: Option<Entry>) -> Self {
        let mut tree = self.clone();
        tree.over.insert(path.to_owned(), entry);
        tree
    }

    /// All entries, in order of path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let kept = self
            .base
            .iter()
            .filter(|(path, _)| !self.over.contains_key(*path))
            .map(|(p, e)| (p.as_str(), e));
        let over = self
            .over
            .iter()
            .filter_map(|(p, e)| Some((p.as_str(), e.as_ref()?)));
        let mut all: Vec<_> = kept.chain(over).collect();
        all.sort_unstable_by_key(|(path, _)| *path);
        all.into_iter()
    }

    /// Whether there is anything below this directory (the root is the empty path).
    pub fn is_dir(&self, path: &str) -> bool {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let kept = self
            .base
            .range(prefix.clone()..)
            .take_while(|(p, _)| p.starts_with(&prefix));
        kept.into_iter().any(|(p, _)| !self.over.contains_key(p))
            || self
                .over
                .iter()
                .any(|(p, e)| e.is_some() && p.starts_with(&prefix))
    }

    /// The paths whose entries differ between two trees, in order.
    pub fn changed(&self, other: &Self) -> Vec<String> {
        let mine: BTreeMap<_, _> = self.iter().collect();
        let theirs: BTreeMap<_, _> = other.iter().collect();
        let paths: BTreeSet<_> = mine.keys().chain(theirs.keys()).collect();
        paths
            .into_iter()
            .filter(|p| mine.get(**p) != theirs.get(**p))
            .map(|p| (*p).to_owned())
            .collect()
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}
