//! Who else deploys from the repository: what this cluster says, beside what the repository does.

use super::NoProposal;
use crate::chain;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::proof::Proof;
use crate::pull::record::RevertSpec;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::trail;
use crate::trail::NoRoot;
use recant_render::Root;

/// Who else deploys from the repository in this cluster.
pub(in crate::pull) fn kustomizations() -> Query {
    Query::objects("kustomize.toolkit.fluxcd.io/v1", "Kustomization")
}

/// The Kustomizations that deploy from the same source, each with its root. One that makes no sense deploys nothing.
pub(super) fn neighbours(
    spec: &RevertSpec,
    seen: &Observation,
) -> Result<Vec<(ObjectRef, Root)>, NoProposal> {
    let all = match seen.objects(&kustomizations()) {
        Observed::Known(all) => all,
        Observed::Unknown(why) => return Err(NoProposal::Unseen("the Kustomizations".to_owned(), why)),
    };
    let is_from = |object: &&Object| chain::source_of(object) == spec.source;
    let mut found = Vec::new();
    for object in all.iter().filter(is_from) {
        match trail::root_of(seen, object) {
            Ok(root) => found.push((object.reference(), root)),
            Err(NoRoot::Unseen((what, why))) => return Err(NoProposal::Unseen(what, why)),
            Err(NoRoot::Gone | NoRoot::Invalid(_)) => {}
        }
    }
    Ok(found)
}

/// Those of them that deploy a root which reads what is edited.
pub(super) fn deployed_by(neighbours: &[(ObjectRef, Root)], proof: &Proof) -> Vec<ObjectRef> {
    let reads = |(_, root): &&(ObjectRef, Root)| proof.roots.iter().any(|name| is_named(root, name));
    neighbours
        .iter()
        .filter(reads)
        .map(|(name, _)| name.clone())
        .collect()
}

/// Whether a proof names a root so: by its path, and perhaps by more.
fn is_named(root: &Root, name: &str) -> bool {
    let path = name.split_whitespace().next().unwrap_or_default();
    root.path == path || (root.path.is_empty() && path == ".")
}
