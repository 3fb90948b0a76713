//! What a commit, or an edit of one, makes of a target: judged by rendering, never by when anything happened.

use super::NoProposal;
use super::goals;
use super::root;
use super::tree;
use crate::pull::record::RevertSpec;
use crate::pull::record::Target;
use crate::query::Observation;
use crate::subject;
use crate::trail;
use recant_render::Cache;
use recant_render::Tree;
use recant_render::render;
use recant_render::roots_with;

/// What a commit renders of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pull) enum Stand {
    /// What failed.
    Bad,
    /// What was promoted.
    Good,
    /// Something else.
    Other,
}

/// What a commit renders of a target: judged by rendering, never by when anything happened.
pub(in crate::pull) fn stand(
    spec: &RevertSpec,
    seen: &Observation,
    target: &Target,
    commit: &str,
) -> Result<Stand, NoProposal> {
    let (root, id) = (root(seen, target)?, trail::object_id(&target.object));
    let rendered = render(tree(spec, seen, commit)?, &root);
    if !rendered.ok() {
        // Nothing can be said about it; what failed is taken to be there still.
        return Ok(Stand::Bad);
    }
    let is = rendered.find(&id).map(|object| subject::essence(&object.json()));
    let of = |commit: &str| Ok(trail::essence(tree(spec, seen, commit)?, &root, &id));
    let (good, bad) = (of(&target.good)?, of(spec.change())?);
    Ok(if is.is_some() && is == good {
        Stand::Good
    } else if bad.is_none() || is == bad {
        Stand::Bad
    } else {
        Stand::Other
    })
}

/// Whether an edit of the head renders what was promoted, for every target; as the edited files say that Flux deploys it.
pub(in crate::pull) fn restores(
    spec: &RevertSpec,
    seen: &Observation,
    (head, after): (&Tree, &Tree),
) -> Result<bool, NoProposal> {
    let cache = &mut Cache::default();
    let (here, there) = (roots_with(head, cache), roots_with(after, cache));
    for goal in goals(spec, seen, (head, &here))? {
        let (root, id) = &goal.place;
        let edited = subject::counterpart(root, &here, &there);
        let good = trail::essence(goal.good, root, id);
        if good.is_none() || trail::essence(after, edited.as_ref().unwrap_or(root), id) != good {
            return Ok(false);
        }
    }
    Ok(true)
}
