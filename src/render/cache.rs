//! What several renderings share: files that were parsed before, and the default tables.

use crate::config::Config;
use crate::roots::Known;
use crate::yaml::Node;
use crate::yaml::parse;
use crate::yaml::parse::Fault;
use crate::yaml::parse::Place;
use crate::yaml::parse::Twice;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many versions of one file are kept.
const VERSIONS: usize = 4;

/// The documents of a file, or why there are none. Their origins name file 0.
pub(crate) type Documents = Arc<Result<Vec<Node>, Fault>>;

/// The path of a file, and whether it is read as a kustomization.
type Key = (String, bool);

/// The bytes of a file and what they hold.
type Version = (Arc<[u8]>, Documents);

/// Parsed files by path, kept from one rendering to the next.
///
/// Rendering many roots of one repository, or many variants of one tree, parses each file once. A file that changes
/// is parsed again; nothing else has to be told.
#[derive(Clone, Debug)]
pub struct Cache {
    files: BTreeMap<Key, Vec<Version>>,
    pub(crate) defaults: Arc<Config>,
    /// The roots of the trees that were asked about last.
    pub(crate) roots: VecDeque<Known>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            defaults: Arc::new(Config::defaults()),
            roots: VecDeque::new(),
        }
    }
}

impl Cache {
    /// The documents of a file of resources or, for `Twice::Last`, of a kustomization.
    pub(crate) fn documents(&mut self, path: &str, bytes: &Arc<[u8]>, twice: Twice) -> Documents {
        let last = twice == Twice::Last;
        let versions = match self.files.get_mut(&(path.to_owned(), last)) {
            Some(versions) => versions,
            None => self.files.entry((path.to_owned(), last)).or_default(),
        };
        let same = |known: &Arc<[u8]>| Arc::ptr_eq(known, bytes) || known == bytes;
        if let Some((_, documents)) = versions.iter().find(|(known, _)| same(known)) {
            return Arc::clone(documents);
        }
        let parsed = Arc::new(parse::documents(bytes, &Place::File(0), twice));
        if versions.len() == VERSIONS {
            versions.remove(0);
        }
        versions.push((Arc::clone(bytes), Arc::clone(&parsed)));
        parsed
    }
}
