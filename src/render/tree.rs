//! A Git tree as a value: paths and their bytes. There is no file system here, and no path leaves the tree.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

/// One entry of a tree.
#[derive(Clone, Debug, Eq)]
pub enum Entry {
    /// A regular file.
    File(Arc<[u8]>),
    /// A symbolic link and its target, as Git stores it.
    Link(Arc<str>),
}

impl PartialEq for Entry {
    /// Two trees of one repository share most entries: those are not compared byte by byte.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(a), Self::File(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Link(a), Self::Link(b)) => a == b,
            _ => false,
        }
    }
}

/// The files of one commit. Cheap to clone: a changed tree shares all else with the one it came from.
///
/// Paths are relative to the root of the repository, with `/` between the parts, without `.` or `..`.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    base: Arc<BTreeMap<String, Entry>>,
    /// Changes on top of `base`; `None` deletes.
    over: BTreeMap<String, Option<Entry>>,
    /// Whether there may be symbolic links: most repositories have none.
    links: bool,
}

impl Tree {
    /// A tree of these entries.
    pub fn new(entries: impl IntoIterator<Item = (String, Entry)>) -> Self {
        let base: BTreeMap<String, Entry> = entries.into_iter().collect();
        Self {
            links: base.values().any(|entry| matches!(entry, Entry::Link(_))),
            base: Arc::new(base),
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

    /// Whether there may be symbolic links in it; `false` is certain.
    pub(crate) fn may_have_links(&self) -> bool {
        self.links
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
        tree.links |= matches!(entry, Some(Entry::Link(_)));
        tree.over.insert(path.to_owned(), entry);
        tree
    }

    /// All entries, in order of path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.below("")
    }

    /// The entries whose paths begin so, in order of path.
    pub fn below(&self, prefix: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let kept = self
            .base
            .range::<str, _>(from)
            .take_while(|(path, _)| path.starts_with(prefix))
            .filter(|(path, _)| self.over.is_empty() || !self.over.contains_key(*path))
            .map(|(p, e)| (p.as_str(), e));
        let over = self
            .over
            .range::<str, _>(from)
            .take_while(|(path, _)| path.starts_with(prefix))
            .filter_map(|(p, e)| Some((p.as_str(), e.as_ref()?)));
        let mut all: Vec<_> = kept.collect();
        let kept = all.len();
        all.extend(over);
        if all.len() > kept {
            all.sort_by_key(|(path, _)| *path);
        }
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
        if Arc::ptr_eq(&self.base, &other.base) {
            let paths: BTreeSet<&String> = self.over.keys().chain(other.over.keys()).collect();
            let differ = |path: &&String| self.get(path) != other.get(path);
            return paths.into_iter().filter(differ).cloned().collect();
        }
        let (mut mine, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        let mut out = Vec::new();
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (None, None) => return out,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            let left = mine.next_if(|_| order != Ordering::Greater);
            let right = theirs.next_if(|_| order != Ordering::Less);
            if left.map(|(_, entry)| entry) != right.map(|(_, entry)| entry) {
                out.extend(left.or(right).map(|(path, _)| path.to_owned()));
            }
        }
    }
}

/// Whether a path has one of the endings of YAML files.
pub fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}
