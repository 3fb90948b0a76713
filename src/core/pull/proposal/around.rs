//! Who deploys what from the repository: what this cluster says, beside what the repository does.

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
use recant_render::Tree;
use recant_render::render;

/// Who else deploys from the repository in this cluster.
pub(in crate::pull) fn kustomizations() -> Query {
    Query::objects("kustomize.toolkit.fluxcd.io/v1", "Kustomization")
}

/// The Kustomizations that deploy from the same source, each with its root. One that makes no sense deploys nothing.
pub(super) fn neighbours(
    spec: &RevertSpec,
    seen: &Observation,
) -> Result<Vec<(ObjectRef, Root)>, NoProposal> {
    let mut found = Vec::new();
    for object in all(spec, seen)? {
        if let Some(root) = root_of(seen, object)? {
            found.push((object.reference(), root));
        }
    }
    Ok(found)
}

/// The root of a Kustomization, with the place where this cluster has it from: the same may be said in the directory of
/// another cluster, too. As it was where the repository does not tell.
pub(super) fn declared(
    spec: &RevertSpec,
    seen: &Observation,
    (head, roots): (&Tree, &[Root]),
    name: &ObjectRef,
    mut root: Root,
) -> Result<Root, NoProposal> {
    let Observed::Known(Some(object)) = seen.object(name) else {
        return Ok(root);
    };
    let by = chain::applier(object);
    let mut all = all(spec, seen)?.into_iter();
    let applier = all.find(|other| by.as_ref() == Some(&other.reference()));
    let above = match applier {
        Some(applier) => root_of(seen, applier)?,
        None => None,
    };
    if let (Some(above), Some(flux)) = (above, root.flux.as_mut()) {
        let applied = render(head, &above);
        let mut declared = roots.iter().filter_map(|other| other.flux.as_ref());
        let own = declared.find(|other| {
            let is_named =
                other.name == flux.name && (other.namespace.is_empty() || other.namespace == flux.namespace);
            is_named && other.declared_in().is_some_and(|file| applied.looks_at(file))
        });
        flux.origins = own.map(|own| own.origins.clone()).unwrap_or_default();
    }
    Ok(root)
}

/// The Kustomizations of this cluster that deploy from the same source.
fn all<'a>(spec: &RevertSpec, seen: &'a Observation) -> Result<Vec<&'a Object>, NoProposal> {
    match seen.objects(&kustomizations()) {
        Observed::Known(all) => Ok(all
            .iter()
            .filter(|object| chain::source_of(object) == spec.source)
            .collect()),
        Observed::Unknown(why) => Err(NoProposal::Unseen("the Kustomizations".to_owned(), why)),
    }
}

fn root_of(seen: &Observation, object: &Object) -> Result<Option<Root>, NoProposal> {
    match trail::root_of(seen, object) {
        Ok(root) => Ok(Some(root)),
        Err(NoRoot::Unseen((what, why))) => Err(NoProposal::Unseen(what, why)),
        Err(NoRoot::Gone | NoRoot::Invalid(_)) => Ok(None),
    }
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
