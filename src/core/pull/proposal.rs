//! From what was seen of the repository to a proved edit, for all targets of a Revert together.

mod around;
mod stand;
mod told;

pub(super) use around::kustomizations;
pub(super) use stand::Stand;
pub(super) use stand::restores;
pub(super) use stand::stand;
pub(super) use told::changed;
pub(super) use told::digest;
pub(super) use told::doubts;

use crate::forge::SharedReverts;
use crate::object::ObjectRef;
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
use crate::trail;
use crate::trail::NoRoot;
use recant_render::Cache;
use recant_render::ObjectId;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use recant_render::roots_with;
use std::collections::BTreeMap;

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
    /// The Kustomizations of this cluster that deploy what reads the edited files.
    pub(super) deployed_by: Vec<ObjectRef>,
    /// For each leaf of the plan, the places in files that its value comes from at head: `file:line`, by what.
    pub(super) origins: Vec<String>,
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

/// Plans and proves, target after target, each on top of the edits before it.
pub(super) fn propose(
    spec: &RevertSpec,
    seen: &Observation,
    head: &str,
    shared: SharedReverts,
) -> Result<Proposal, NoProposal> {
    let before = tree(spec, seen, head)?;
    let goals = goals(spec, seen, (before, &roots_with(before, &mut Cache::default())))?;
    let places: Vec<(Root, ObjectId)> = goals.iter().map(|goal| goal.place.clone()).collect();
    let neighbours = around::neighbours(spec, seen)?;
    let told = neighbours.iter().map(|(_, root)| root.clone());
    let told: Vec<Root> = places.iter().map(|(root, _)| root.clone()).chain(told).collect();
    let mut after = before.clone();
    let mut planned = Vec::new();
    for goal in &goals {
        let plan = planned_on(&after, goal, (&places, &told), shared)?;
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
        let proof = proved((before, &after), goal, (&places, &told), &carriers);
        let target = goal.target.clone();
        match plan {
            Some(plan) => parts.push(Part {
                target,
                origins: told::origins(before, goal, &plan),
                deployed_by: around::deployed_by(&neighbours, &proof),
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
    let diff = told::unified(before, &after);
    let record = told::record(&parts, &files, &diff, shared);
    Ok(Proposal {
        diff,
        files,
        after,
        parts,
        record,
    })
}

/// What the targets are to come back to, with their roots where the head, whose roots these are, declares them.
fn goals<'a>(
    spec: &'a RevertSpec,
    seen: &'a Observation,
    head: (&Tree, &[Root]),
) -> Result<Vec<Goal<'a>>, NoProposal> {
    let goal = |target: &'a Target| {
        let root = around::declared(spec, seen, head, &target.kustomization, root(seen, target)?)?;
        Ok(Goal {
            target,
            good: tree(spec, seen, &target.good)?,
            place: (root, trail::object_id(&target.object)),
        })
    };
    spec.targets.iter().map(goal).collect()
}

/// The edit that one more target needs; `None` when it needs none.
fn planned_on(
    head: &Tree,
    goal: &Goal<'_>,
    (places, told): (&[(Root, ObjectId)], &[Root]),
    shared: SharedReverts,
) -> Result<Option<Plan>, NoProposal> {
    let (root, id) = &goal.place;
    let mut undo = Undo::new(goal.good, head, root, id);
    undo.form = match shared {
        SharedReverts::Pin => FormPolicy::Smallest,
        SharedReverts::Propose | SharedReverts::Refuse => FormPolicy::SharedOnly,
    };
    undo.also = places;
    undo.more_roots = told;
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
    (places, told): (&[(Root, ObjectId)], &[Root]),
    carriers: &[ObjectId],
) -> Proof {
    let (root, id) = &goal.place;
    let want = render(goal.good, root)
        .find(id)
        .map(recant_render::Object::json)
        .unwrap_or_default();
    let claim = Claim {
        head: before,
        after,
        want: &want,
        root,
        target: id,
        more_roots: told,
        carriers,
    };
    let mut proof = proof::prove_with(&claim, &mut Cache::default());
    let is_goal = |moved: &Collateral| {
        let at = |(there, id): &(Root, ObjectId)| {
            proof::named(there, root) == moved.root && id.same_object(&moved.object)
        };
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

#[cfg(test)]
mod tests;
