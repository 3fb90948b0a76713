//! Objects at rest, and the history of their changes.
//!
//! Every change gets the next resourceVersion, one counter for all kinds, as in etcd. The history is bounded: who
//! asks for what came before its beginning is told that it is gone.

use recant_core::object::Object;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Where an object is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// `resource.group`.
    pub(crate) stored_as: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Added,
    Modified,
    Deleted,
}

/// One entry of the history.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) happened: Happened,
    /// As it is now; of a deleted object: as it was last, at the version of the deletion.
    pub(crate) object: Arc<Object>,
    pub(crate) before: Option<Arc<Object>>,
}

/// How many changes are remembered.
const HISTORY: usize = 4096;

#[derive(Clone, Debug)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Arc<Object>>,
    history: VecDeque<Change>,
    /// The last version given out.
    version: u64,
    /// Changes up to this version are forgotten.
    forgotten: u64,
    limit: usize,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            version: 0,
            forgotten: 0,
            limit: HISTORY,
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Remembers at most that many changes from now on.
    pub(crate) fn limit(&mut self, limit: usize) {
        self.limit = limit;
        self.cut();
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// The objects of one resource, of one namespace or (empty) of all, by namespace and name.
    pub(crate) fn list<'a>(
        &'a self,
        stored_as: &str,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Object>)> {
        let from = Key {
            stored_as: stored_as.to_owned(),
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let (stored_as, namespace) = (stored_as.to_owned(), namespace.to_owned());
        self.objects.range(from..).take_while(move |(k, _)| {
            k.stored_as == stored_as && (namespace.is_empty() || k.namespace == namespace)
        })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Object>)> {
        self.objects.iter()
    }

    /// The changes after a version, oldest first.
    pub(crate) fn after(&self, version: u64) -> impl Iterator<Item = &Change> {
        let start = self.history.partition_point(|c| c.version <= version);
        self.history.range(start..)
    }

    /// Stores the object at the next resourceVersion, and returns it with that version.
    pub(crate) fn put(&mut self, key: Key, mut object: Object) -> Arc<Object> {
        let version = self.next();
        object.set("/metadata/resourceVersion", version.to_string().into());
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        let happened = if before.is_some() {
            Happened::Modified
        } else {
            Happened::Added
        };
        self.remember(Change {
            version,
            key,
            happened,
            object: Arc::clone(&object),
            before,
        });
        object
    }

    /// Removes the object; the one returned carries the version of its deletion.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<Object>> {
        let before = self.objects.remove(key)?;
        let version = self.next();
        let mut object = (*before).clone();
        object.set("/metadata/resourceVersion", version.to_string().into());
        let object = Arc::new(object);
        let (key, happened) = (key.clone(), Happened::Deleted);
        self.remember(Change {
            version,
            key,
            happened,
            object: Arc::clone(&object),
            before: Some(before),
        });
        Some(object)
    }

    fn next(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn remember(&mut self, change: Change) {
        self.history.push_back(change);
        self.cut();
    }

    fn cut(&mut self) {
        while self.history.len() > self.limit {
            if let Some(change) = self.history.pop_front() {
                self.forgotten = change.version;
            }
        }
    }
}
