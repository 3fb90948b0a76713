//! Which commits of a branch changed some objects, as rendering shows: the commits that are told about it, and the one
//! that is to be undone.
//!
//! Walks the first-parent line, so that a merge counts as the commit that brought the change to the branch. Nothing
//! depends on when anybody looked: every cluster that deploys the branch finds the same commits.

use crate::chain;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Commit;
use crate::query::CommitRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::RepoUrl;
use crate::query::Why;
use crate::subject;
use recant_render::ObjectId;
use recant_render::Root;
use recant_render::Tree;
use recant_render::flux;
use recant_render::flux::Files;
use recant_render::render;
use serde_json::Value;

/// How many commits are rendered at most; more than these are not told apart.
const COMMITS_MAX: usize = 12;

/// A stretch of a branch, and the objects that are looked for in it.
#[derive(Clone, Copy, Debug)]
pub struct Trail<'a> {
    /// The repository.
    pub repo: &'a RepoUrl,
    /// The older commit, exclusive.
    pub from: &'a str,
    /// The newer commit, inclusive.
    pub to: &'a str,
    /// The Flux Kustomization that renders the objects.
    pub kustomization: &'a ObjectRef,
    /// The objects.
    pub objects: &'a [ObjectRef],
}

/// How far a trail is to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// To the newest commit that changed one of the objects.
    Newest,
    /// To the end.
    End,
}

/// What could not be seen, and why not.
pub type Unseen = (String, Why);

/// What must be seen to follow a trail; ask again with the answers until nothing new is asked.
pub fn ask(seen: &Observation, trail: &Trail<'_>, until: Until) -> Vec<Query> {
    let mut wanted = ask_root(seen, trail.kustomization);
    wanted.push(log(trail));
    drop(walk(seen, trail, until, &mut |commit| {
        wanted.push(tree_query(trail, commit))
    }));
    wanted
}

/// The commits that changed one of the objects, newest first. None when it is not to be told: the trail is too long, or none
/// of its commits did.
///
/// # Errors
/// What could not be seen.
pub fn commits(seen: &Observation, trail: &Trail<'_>, until: Until) -> Result<Vec<String>, Unseen> {
    walk(seen, trail, until, &mut |_| ())
}

fn walk(
    seen: &Observation,
    trail: &Trail<'_>,
    until: Until,
    visit: &mut dyn FnMut(&str),
) -> Result<Vec<String>, Unseen> {
    let Observed::Known(log) = seen.log(&log(trail)) else {
        return Err(unseen(seen.log(&log(trail)), "the commits"));
    };
    let root = match root(seen, trail.kustomization) {
        Ok(root) => root,
        Err(NoRoot::Gone | NoRoot::Invalid(_)) => return Ok(Vec::new()),
        Err(NoRoot::Unseen(what)) => return Err(what),
    };
    let ids: Vec<ObjectId> = trail.objects.iter().map(object_id).collect();
    let mut changed = Vec::new();
    let mut at = trail.to.to_owned();
    for _ in 0..COMMITS_MAX {
        let Some((commit, parent)) = step_back(log, &at) else {
            return Ok(changed);
        };
        visit(&commit.id);
        visit(parent);
        let (now, before) = (tree(seen, trail, &commit.id)?, tree(seen, trail, parent)?);
        if essences(now, &root, &ids) != essences(before, &root, &ids) {
            changed.push(commit.id.clone());
            if until == Until::Newest {
                return Ok(changed);
            }
        }
        at.clone_from(parent);
    }
    Ok(if step_back(log, &at).is_none() {
        changed
    } else {
        Vec::new()
    })
}

/// A commit of the trail and its first parent.
fn step_back<'a>(log: &'a [Commit], at: &str) -> Option<(&'a Commit, &'a String)> {
    let commit = log.iter().find(|commit| commit.id == at)?;
    Some((commit, commit.parents.first()?))
}

/// What the root makes of the object: its essence, when the tree renders and has it.
pub fn essence(tree: &Tree, root: &Root, id: &ObjectId) -> Option<Value> {
    essences(tree, root, std::slice::from_ref(id)).pop().flatten()
}

fn essences(tree: &Tree, root: &Root, ids: &[ObjectId]) -> Vec<Option<Value>> {
    let rendered = render(tree, root);
    let of = |id| {
        let object = rendered.find(id).filter(|_| rendered.ok())?;
        Some(subject::essence(&object.json()))
    };
    ids.iter().map(of).collect()
}

/// Why it is not known what a Flux Kustomization renders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoot {
    /// There is no such Kustomization.
    Gone,
    /// It is none, and why.
    Invalid(String),
    /// It, or its source, could not be seen.
    Unseen(Unseen),
}

/// What must be seen to know what a Flux Kustomization renders: itself, and the source that says what of a commit it
/// gets to see.
pub fn ask_root(seen: &Observation, kustomization: &ObjectRef) -> Vec<Query> {
    let source = match seen.object(kustomization) {
        Observed::Known(Some(object)) => Some(Query::Object(chain::source_of(object))),
        Observed::Known(None) | Observed::Unknown(_) => None,
    };
    std::iter::once(Query::Object(kustomization.clone()))
        .chain(source)
        .collect()
}

/// The root of a Flux Kustomization, with Flux's layer as the cluster has it.
///
/// # Errors
/// Why it is not known.
pub fn root(seen: &Observation, kustomization: &ObjectRef) -> Result<Root, NoRoot> {
    root_of(seen, look(seen, kustomization)?.ok_or(NoRoot::Gone)?)
}

/// The same, of a Flux Kustomization that was seen; its source must have been, too.
///
/// # Errors
/// Why it is not known.
pub fn root_of(seen: &Observation, object: &Object) -> Result<Root, NoRoot> {
    let mut flux = flux::Kustomization::from_json(&object.0)
        .map_err(|problem| NoRoot::Invalid(format!("{}: {problem}", object.reference())))?;
    let source = look(seen, &chain::source_of(object))?;
    flux.files = Files::Commit {
        ignore: source
            .and_then(|source| source.at("/spec/ignore")?.as_str())
            .map(str::to_owned),
    };
    let path = object.str("/spec/path");
    let path = path.trim_start_matches("./").trim_matches('/');
    Ok(Root {
        path: path.to_owned(),
        flux: Some(flux),
    })
}

fn look<'a>(seen: &'a Observation, name: &ObjectRef) -> Result<Option<&'a Object>, NoRoot> {
    match seen.object(name) {
        Observed::Known(object) => Ok(object.as_ref()),
        Observed::Unknown(why) => Err(NoRoot::Unseen((name.to_string(), why))),
    }
}

/// The renderer's name of an object.
pub fn object_id(name: &ObjectRef) -> ObjectId {
    let (group, version) = name
        .api_version
        .split_once('/')
        .unwrap_or(("", &name.api_version));
    ObjectId {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: name.kind.clone(),
        namespace: name.namespace.clone(),
        name: name.name.clone(),
    }
}

fn tree<'a>(seen: &'a Observation, trail: &Trail<'_>, commit: &str) -> Result<&'a Tree, Unseen> {
    let commit_ref = CommitRef {
        repo: trail.repo.clone(),
        commit: commit.to_owned(),
    };
    match seen.tree(&commit_ref) {
        Observed::Known(tree) => Ok(tree),
        Observed::Unknown(why) => Err((format!("commit {commit}"), why)),
    }
}

fn tree_query(trail: &Trail<'_>, commit: &str) -> Query {
    Query::Tree(CommitRef {
        repo: trail.repo.clone(),
        commit: commit.to_owned(),
    })
}

fn log(trail: &Trail<'_>) -> Query {
    Query::Log {
        repo: trail.repo.clone(),
        from: trail.from.to_owned(),
        to: trail.to.to_owned(),
    }
}

fn unseen<T>(observed: Observed<T>, what: &str) -> Unseen {
    match observed {
        Observed::Known(_) => (what.to_owned(), Why::NotAsked),
        Observed::Unknown(why) => (what.to_owned(), why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Answer;
    use serde_json::json;

    #[test]
    fn what_the_source_leaves_out_of_its_artifact_is_left_out_of_the_root() {
        let name = ObjectRef::new(chain::KUSTOMIZE_API, "Kustomization", "flux-system", "apps");
        let kustomization = json!({
            "apiVersion": chain::KUSTOMIZE_API, "kind": "Kustomization",
            "metadata": {"namespace": "flux-system", "name": "apps"},
            "spec": {"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        });
        let source = json!({
            "apiVersion": chain::SOURCE_API, "kind": "GitRepository",
            "metadata": {"namespace": "flux-system", "name": "fleet"},
            "spec": {"ignore": "/apps/old/\n"},
        });
        let mut seen = Observation::default();
        // The source is only known by name once the Kustomization is.
        for object in [kustomization, source] {
            let asked = ask_root(&seen, &name);
            let query = asked
                .into_iter()
                .find(|query| !seen.has(query))
                .expect("more to ask");
            assert!(matches!(root(&seen, &name), Err(NoRoot::Unseen(_))), "{query:?}");
            seen.note(query, Observed::Known(Answer::Object(Some(Object(object)))));
        }
        let flux = root(&seen, &name)
            .ok()
            .and_then(|root| root.flux)
            .expect("a root");
        let ignore = Some("/apps/old/\n".to_owned());
        assert_eq!(flux.files, Files::Commit { ignore });
    }
}
