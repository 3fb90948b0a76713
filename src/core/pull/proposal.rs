//! From what was seen of the repository to a proved edit, for all targets of a Revert together.

use crate::diff;
use crate::diff::Change;
use crate::forge::SharedReverts;
use crate::proof;
use crate::proof::Claim;
use crate::proof::Collateral;
use crate::proof::Proof;
use crate::pull::record::PlanRecord;
use crate::pull::record::RevertSpec;
use crate::pull::record::Target;
use crate::query::CommitRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::RepoUrl;
use crate::query::Why;
use crate::revert;
use crate::revert::FormPolicy;
use crate::revert::NoPlan;
use crate::revert::Plan;
use crate::revert::Undo;
use crate::subject;
use crate::template;
use crate::trail;
use crate::trail::NoRoot;
use recant_render::Cache;
use recant_render::ObjectId;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A proved edit of the head.
pub(super) struct Proposal {
    /// The files to write, or to delete.
    pub(super) files: BTreeMap<String, Option<Vec<u8>>>,
    /// The edit as a unified diff.
    pub(super) diff: String,
    /// The files with the edit.
    pub(super) after: Tree,
    /// One part for each target that needed an edit of its own.
    pub(super) parts: Vec<Part>,
    /// What a status holds of it.
    pub(super) record: PlanRecord,
}

/// What one target contributed.
pub(super) struct Part {
    pub(super) target: Target,
    pub(super) plan: Plan,
    pub(super) proof: Proof,
    /// For each leaf of the plan, the places in files that its value comes from at head: `file:line`, by what.
    pub(super) origins: Vec<String>,
}

/// What a commit renders of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// What failed.
    Bad,
    /// What was promoted.
    Good,
    /// Something else.
    Other,
}

/// Why there is no proposal.
pub(super) enum NoProposal {
    /// The head renders the good state already.
    Moot,
    /// It cannot be expressed, or not proved.
    Blocked(String),
    /// Something was not seen.
    Unseen(String, Why),
}

/// What must be seen to propose on top of a head.
pub(super) fn ask(spec: &RevertSpec, head: &str) -> Vec<Query> {
    let repo = RepoUrl(spec.url.clone());
    let goods = spec.targets.iter().map(|target| target.good.clone());
    let mut commits: Vec<String> = goods.chain([head.to_owned(), spec.change().to_owned()]).collect();
    commits.sort();
    commits.dedup();
    let trees = commits.into_iter().map(|commit| {
        Query::Tree(CommitRef {
            repo: repo.clone(),
            commit,
        })
    });
    trees
        .chain(spec.targets.iter().map(|target| log(spec, target, head)))
        .collect()
}

/// The commits between a target's good state and the head.
pub(super) fn log(spec: &RevertSpec, target: &Target, head: &str) -> Query {
    Query::Log {
        repo: RepoUrl(spec.url.clone()),
        from: target.good.clone(),
        to: head.to_owned(),
    }
}

/// A target, and what it is to come back to.
struct Goal<'a> {
    target: &'a Target,
    good: &'a Tree,
    /// The root that renders it, and its name there.
    place: (Root, ObjectId),
}

/// What a commit renders of a target: judged by rendering, never by when anything happened.
pub(super) fn stand(
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

/// Whether a tree renders what was promoted, for every target.
pub(super) fn restores(spec: &RevertSpec, seen: &Observation, after: &Tree) -> Result<bool, NoProposal> {
    for goal in goals(spec, seen)? {
        let (root, id) = &goal.place;
        let good = trail::essence(goal.good, root, id);
        if good.is_none() || trail::essence(after, root, id) != good {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Plans and proves, target after target, each on top of the edits before it.
pub(super) fn propose(
    spec: &RevertSpec,
    seen: &Observation,
    head: &str,
    shared: SharedReverts,
) -> Result<Proposal, NoProposal> {
    let before = tree(spec, seen, head)?;
    let goals = goals(spec, seen)?;
    let places: Vec<(Root, ObjectId)> = goals.iter().map(|goal| goal.place.clone()).collect();
    let mut after = before.clone();
    let mut planned = Vec::new();
    for goal in &goals {
        let plan = planned_on(&after, goal, &places, shared)?;
        if let Some(plan) = &plan {
            after = plan.apply(&after);
        }
        planned.push((goal, plan));
    }
    let carriers: Vec<ObjectId> = planned
        .iter()
        .filter_map(|(_, plan)| plan.as_ref())
        .flat_map(|plan| plan.carriers.clone())
        .collect();
    let mut parts = Vec::new();
    let mut broken = Vec::new();
    for (goal, plan) in planned {
        let proof = proved((before, &after), goal, &places, &carriers);
        let target = goal.target.clone();
        match plan {
            Some(plan) => parts.push(Part {
                target,
                origins: origins(before, goal, &plan),
                plan,
                proof,
            }),
            // The edits for the others bring it back too, or it was never away; what they move is told there.
            None if proof.restored => {}
            None => broken.push(format!("{} would not be as it was", target.object)),
        }
    }
    match parts.first_mut() {
        Some(first) => first.proof.doubts.extend(broken),
        None => return Err(NoProposal::Moot),
    }
    let files = changed(before, &after);
    let record = record(&parts, &files, before, &after, shared);
    Ok(Proposal {
        diff: unified(before, &after),
        files,
        after,
        parts,
        record,
    })
}

fn goals<'a>(spec: &'a RevertSpec, seen: &'a Observation) -> Result<Vec<Goal<'a>>, NoProposal> {
    let goal = |target: &'a Target| {
        Ok(Goal {
            target,
            good: tree(spec, seen, &target.good)?,
            place: (root(seen, target)?, trail::object_id(&target.object)),
        })
    };
    spec.targets.iter().map(goal).collect()
}

/// The edit that one more target needs; `None` when it needs none.
fn planned_on(
    head: &Tree,
    goal: &Goal<'_>,
    places: &[(Root, ObjectId)],
    shared: SharedReverts,
) -> Result<Option<Plan>, NoProposal> {
    let (root, id) = &goal.place;
    let mut undo = Undo::new(goal.good, head, root, id);
    undo.form = match shared {
        SharedReverts::Pin => FormPolicy::Smallest,
        SharedReverts::Propose | SharedReverts::Refuse => FormPolicy::SharedOnly,
    };
    undo.also = places;
    // Image automation would write the failed tag again, within one interval of the merge.
    undo.hold_automation = true;
    match revert::plan(&undo) {
        Ok(plan) => Ok(Some(plan)),
        Err(NoPlan::NothingToRevert) => Ok(None),
        Err(no_plan) => Err(NoProposal::Blocked(format!("{}: {no_plan}", goal.target.object))),
    }
}

/// The proof of all edits together, as far as one target goes. Where the others are deployed they may move.
fn proved(
    (before, after): (&Tree, &Tree),
    goal: &Goal<'_>,
    places: &[(Root, ObjectId)],
    carriers: &[ObjectId],
) -> Proof {
    let (root, id) = &goal.place;
    let want = render(goal.good, root)
        .find(id)
        .map(recant_render::Object::json)
        .unwrap_or_default();
    let more: Vec<Root> = places.iter().map(|(root, _)| root.clone()).collect();
    let claim = Claim {
        head: before,
        after,
        want: &want,
        root,
        target: id,
        more_roots: &more,
        carriers,
    };
    let mut proof = proof::prove_with(&claim, &mut Cache::default());
    let is_goal = |moved: &Collateral| {
        let at = |(root, id): &(Root, ObjectId)| root.path == moved.root && id.same_object(&moved.object);
        places.iter().any(at)
    };
    proof.collateral.retain(|moved| !is_goal(moved));
    proof
}

fn tree<'a>(spec: &RevertSpec, seen: &'a Observation, commit: &str) -> Result<&'a Tree, NoProposal> {
    let query = CommitRef {
        repo: RepoUrl(spec.url.clone()),
        commit: commit.to_owned(),
    };
    match seen.tree(&query) {
        Observed::Known(tree) => Ok(tree),
        Observed::Unknown(why) => Err(NoProposal::Unseen(format!("commit {commit}"), why)),
    }
}

/// The root that renders the target, with Flux's layer as the cluster has it.
fn root(seen: &Observation, target: &Target) -> Result<Root, NoProposal> {
    let name = &target.kustomization;
    trail::root(seen, name).map_err(|no_root| match no_root {
        NoRoot::Gone => NoProposal::Blocked(format!("{name} is gone")),
        NoRoot::Invalid(why) => NoProposal::Blocked(why),
        NoRoot::Unseen((what, why)) => NoProposal::Unseen(what, why),
    })
}

/// Where the values that go back come from at head.
fn origins(head: &Tree, goal: &Goal<'_>, plan: &Plan) -> Vec<String> {
    let (root, id) = &goal.place;
    let rendered = render(head, root);
    let object = rendered.find(id);
    let of = |pointer: &str| {
        let origin = object?.origin(pointer)?;
        let sources = origin.sources();
        let places: Vec<String> = sources
            .iter()
            .map(|(file, line, ..)| format!("{file}:{line}"))
            .collect();
        let by = match &origin {
            recant_render::Origin::Derived { op, .. } => format!(" ({op})"),
            recant_render::Origin::Src { .. } | recant_render::Origin::External { .. } => String::new(),
        };
        Some(format!("{}{by}", places.join(", ")))
    };
    plan.leaves
        .iter()
        .map(|leaf| of(&leaf.pointer).unwrap_or_default())
        .collect()
}

/// The files that differ, with what they are to be.
pub(super) fn changed(before: &Tree, after: &Tree) -> BTreeMap<String, Option<Vec<u8>>> {
    let paths = before.changed(after).into_iter();
    paths
        .map(|path| {
            let bytes = after.bytes(&path).map(<[u8]>::to_vec);
            (path, bytes)
        })
        .collect()
}

/// The edit as a patch that `git apply` takes.
fn unified(before: &Tree, after: &Tree) -> String {
    let paths = before.changed(after);
    let change = |path: &String| (path.clone(), before.bytes(path), after.bytes(path));
    let changes: Vec<_> = paths.iter().map(change).collect();
    let changes: Vec<_> = changes
        .iter()
        .map(|(path, old, new)| Change {
            path,
            old: *old,
            new: *new,
        })
        .collect();
    String::from_utf8_lossy(&diff::unified(&changes)).into_owned()
}

fn record(
    parts: &[Part],
    files: &BTreeMap<String, Option<Vec<u8>>>,
    before: &Tree,
    after: &Tree,
    shared: SharedReverts,
) -> PlanRecord {
    let diff = unified(before, after);
    let count = |mark: char, header: &str| {
        diff.lines()
            .filter(|l| l.starts_with(mark) && !l.starts_with(header))
            .count()
    };
    let (lines_added, lines_removed) = (count('+', "+++ "), count('-', "--- "));
    let doubts = parts
        .iter()
        .flat_map(|part| doubts(&part.proof))
        .collect::<Vec<_>>();
    let may = |proof: &Proof| {
        let listed = shared == SharedReverts::Propose && proof.restored && proof.doubts.is_empty();
        proof.holds() || listed
    };
    PlanRecord {
        digest: digest(files),
        files: files.keys().cloned().collect(),
        lines_added,
        lines_removed,
        proof: if doubts.is_empty() {
            proof_words(parts)
        } else {
            doubts.join("; ")
        },
        proved: parts.iter().all(|part| may(&part.proof)),
    }
}

/// Tells one edit from another: a hash over what it writes.
pub(super) fn digest(files: &BTreeMap<String, Option<Vec<u8>>>) -> String {
    let texts: BTreeMap<_, _> = files
        .iter()
        .map(|(path, bytes)| (path, bytes.as_ref().map(|b| String::from_utf8_lossy(b))))
        .collect();
    template::hash(&serde_json::to_value(texts).unwrap_or(Value::Null))
}

fn proof_words(parts: &[Part]) -> String {
    let roots: BTreeSet<_> = parts.iter().flat_map(|part| &part.proof.roots).collect();
    match roots.len() {
        1 => "restored; no other object changes in the one root that reads what is edited".to_owned(),
        n => format!("restored; no other object changes in the {n} roots that read what is edited"),
    }
}

/// What a proof leaves open, in plain words.
pub(super) fn doubts(proof: &Proof) -> Vec<String> {
    let mut doubts = Vec::new();
    if !proof.restored {
        doubts.push("the object does not come back as it was".to_owned());
    }
    doubts.extend(proof.collateral.iter().map(|moved| {
        let which = if moved.sibling {
            "the same object"
        } else {
            "another object"
        };
        format!("{which} moves too: {} in {}", moved.object, moved.root)
    }));
    doubts.extend(proof.doubts.iter().cloned());
    doubts
}

#[cfg(test)]
mod tests;
