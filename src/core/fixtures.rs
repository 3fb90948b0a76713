//! What the tests of the revert and of its proof both begin with.

use recant_render::ObjectId;
use recant_render::Root;

/// A directory that nothing of Flux's is put on.
pub(crate) fn root(path: &str) -> Root {
    Root {
        path: path.to_owned(),
        flux: None,
    }
}

/// The Deployment `web`.
pub(crate) fn web(namespace: &str) -> ObjectId {
    ObjectId {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: namespace.to_owned(),
        name: "web".to_owned(),
    }
}
