//! The chain: Deployment ← Kustomization ← source ← the Kustomization that applied *those* ← … up to flux-system.
//!
//! Flux labels each object with the Kustomization that applied it, and a Kustomization is itself such an object. Each
//! link of the chain is a place where the change may have been made.

use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::template;
use serde::Deserialize;
use serde::Serialize;

/// Flux's Kustomizations.
pub const KUSTOMIZE_API: &str = "kustomize.toolkit.fluxcd.io/v1";
/// Flux's sources.
pub const SOURCE_API: &str = "source.toolkit.fluxcd.io/v1";
/// Longer chains than this are cut: a loop of labels must not hang the controller.
const LINKS_MAX: usize = 8;

/// One link: a Kustomization and the source it renders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The Kustomization.
    pub kustomization: ObjectRef,
    /// The hash of its spec: tells a change of the Kustomization itself from a change of what it renders.
    pub spec_hash: String,
    /// Its source.
    pub source: ObjectRef,
    /// The source's URL.
    pub url: String,
    /// The branch the source follows; empty when it follows something else.
    pub branch: String,
    /// What was applied, in Flux's words: `main@sha1:…`.
    pub revision: String,
    /// `spec.path`.
    pub path: String,
}

impl Link {
    /// The commit id of the revision (RFC-0005 of Flux: the part behind the last `:`).
    pub fn commit(&self) -> &str {
        commit_of(&self.revision)
    }
}

/// The commit id in a Flux revision: `main@sha1:abc` → `abc`; also of the old forms `main/abc` and `abc`.
pub fn commit_of(revision: &str) -> &str {
    revision.rsplit([':', '/']).next().unwrap_or(revision)
}

/// The chain as it is seen, nearest link first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The links.
    pub links: Vec<Link>,
    /// Whether every Kustomization of it says that its revision is applied and nothing newer is under way.
    pub settled: bool,
}

/// The Kustomization that applied an object, by Flux's labels.
pub fn applier(object: &Object) -> Option<ObjectRef> {
    let name = object.label("kustomize.toolkit.fluxcd.io/name")?;
    let namespace = object.label("kustomize.toolkit.fluxcd.io/namespace")?;
    Some(ObjectRef::new(KUSTOMIZE_API, "Kustomization", namespace, name))
}

/// What must be seen to know the chain that begins with this Kustomization.
pub fn ask(seen: &Observation, first: &ObjectRef) -> Vec<Query> {
    let mut wanted = Vec::new();
    walk(seen, first, |name| wanted.push(Query::Object(name.clone())));
    wanted
}

/// The chain that begins with this Kustomization.
///
/// # Errors
/// The object that could not be seen, and why.
pub fn read(seen: &Observation, first: &ObjectRef) -> Result<Chain, (ObjectRef, Why)> {
    let mut chain = Chain {
        links: Vec::new(),
        settled: true,
    };
    let mut failed = None;
    let pairs = walk(seen, first, |_| ());
    for (kustomization, source) in pairs {
        match (kustomization, source) {
            (Ok(kustomization), Ok(source)) => {
                chain.settled &= is_settled(&kustomization, &source);
                chain.links.push(link(&kustomization, &source));
            }
            (Err(e), _) | (_, Err(e)) => {
                failed = Some(e);
                break;
            }
        }
    }
    match failed {
        // A chain that is known in its first link is of use; one whose first link is unseen is not.
        Some(e) if chain.links.is_empty() => Err(e),
        Some(_) => Ok(Chain {
            settled: false,
            ..chain
        }),
        None => Ok(chain),
    }
}

type Seen = Result<Object, (ObjectRef, Why)>;

fn walk(seen: &Observation, first: &ObjectRef, mut visit: impl FnMut(&ObjectRef)) -> Vec<(Seen, Seen)> {
    let mut pairs: Vec<(Seen, Seen)> = Vec::new();
    let mut visited = vec![first.clone()];
    let mut next = Some(first.clone());
    while let Some(name) = next.take() {
        visit(&name);
        let kustomization = look(seen, &name);
        let source = match &kustomization {
            Ok(kustomization) => {
                let source = source_of(kustomization);
                visit(&source);
                next = applier(kustomization).filter(|n| !visited.contains(n) && visited.len() < LINKS_MAX);
                visited.extend(next.clone());
                look(seen, &source)
            }
            Err(e) => Err(e.clone()),
        };
        pairs.push((kustomization, source));
    }
    pairs
}

fn look(seen: &Observation, name: &ObjectRef) -> Seen {
    match seen.object(name) {
        Observed::Known(Some(object)) => Ok(object.clone()),
        Observed::Known(None) => Err((name.clone(), Why::Invalid("not found".to_owned()))),
        Observed::Unknown(why) => Err((name.clone(), why)),
    }
}

/// The source of a Kustomization: `spec.sourceRef`, by default in the Kustomization's own namespace.
pub fn source_of(kustomization: &Object) -> ObjectRef {
    let namespace = match kustomization.str("/spec/sourceRef/namespace") {
        "" => kustomization.namespace(),
        namespace => namespace,
    };
    let name = kustomization.str("/spec/sourceRef/name");
    ObjectRef::new(
        SOURCE_API,
        kustomization.str("/spec/sourceRef/kind"),
        namespace,
        name,
    )
}

fn link(kustomization: &Object, source: &Object) -> Link {
    let applied = match kustomization.str("/status/lastAttemptedRevision") {
        "" => kustomization.str("/status/lastAppliedRevision"),
        attempted => attempted,
    };
    let spec = kustomization.at("/spec").cloned().unwrap_or_default();
    Link {
        kustomization: kustomization.reference(),
        spec_hash: template::hash(&spec),
        source: source.reference(),
        url: source.str("/spec/url").to_owned(),
        branch: source.str("/spec/ref/branch").to_owned(),
        revision: applied.to_owned(),
        path: kustomization.str("/spec/path").to_owned(),
    }
}

/// Whether what the source has is what the Kustomization applied, last and for good.
fn is_settled(kustomization: &Object, source: &Object) -> bool {
    let applied = kustomization.str("/status/lastAppliedRevision");
    !applied.is_empty()
        && applied == kustomization.str("/status/lastAttemptedRevision")
        && applied == source.str("/status/artifact/revision")
        && kustomization.int("/status/observedGeneration") == Some(kustomization.generation())
}
