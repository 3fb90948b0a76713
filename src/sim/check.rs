//! What must be true at every moment of every story, whatever goes wrong: one small function for each promise.
//!
//! Called after each simulated second. What the promises say of the past (what was measured, which commits are new) is
//! remembered here, never asked of recant. That a story ends at all is the scenario's own expectation.

use crate::fleet::BOT;
use crate::forge::Stage;
use crate::git::Git;
use crate::traffic::rule::Name;
use crate::traffic::rule::Proxy;
use crate::traffic::rule::Rule;
use crate::world::World;
use recant_core::baseline::Baseline;
use recant_core::baseline::RECANT_API;
use recant_core::canary::spec::API_VERSION;
use recant_core::canary::status::Phase;
use recant_core::canary::status::Status;
use recant_core::forge::PullRequests;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::pull::Does;
use recant_core::pull::RevertStatus;
use recant_core::settings::Settings;
use recant_core::template;
use recant_core::template::Naming;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// The promises, and what must be remembered to hold recant to them.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// Words that must not be told to anybody: tokens.
    secrets: Vec<String>,
    /// Templates that got requests while they were analysed, or were there first: Canary and hash.
    measured: BTreeSet<(ObjectRef, String)>,
    /// The template each primary had a second ago.
    primaries: BTreeMap<ObjectRef, String>,
    /// The head of the deployed branch that was looked at last.
    head: Option<String>,
    /// The heads of recant's branches that were looked at last.
    branches: BTreeMap<String, String>,
    /// The heads of all branches a second ago, and whether it was recant who made that commit.
    heads: BTreeMap<String, (String, bool)>,
    /// The pull requests that were there a second ago.
    pulls: BTreeSet<u64>,
    /// Branches whose pull request a person closed.
    refused: BTreeSet<String>,
}

impl Promises {
    /// The promises, and secrets that nobody may be told.
    pub fn new(secrets: &[&str]) -> Self {
        Self {
            secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Whether all of them hold now.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&mut self, world: &mut World) -> Result<(), String> {
        world.read_topology();
        for canary in world.cluster.list(API_VERSION, "Canary", "") {
            at_rest_the_canary_gets_nothing(world, &canary)?;
            weights_go_where_pods_are(world, &canary)?;
            the_primary_is_on_record(world, &canary)?;
            self.only_what_was_measured_is_promoted(world, &canary)?;
        }
        one_open_pull_request_for_one_revert(world)?;
        a_pull_request_is_on_record(world)?;
        self.a_deed_is_on_record_before_it_is_done(world)?;
        self.what_a_person_closed_stays_closed(world)?;
        self.nobody_elses_branch_is_pushed(world)?;
        self.branches_hold_what_was_planned(world)?;
        self.the_deployed_branch_is_never_pushed(world)?;
        self.nobody_is_told_a_secret(world)
    }

    /// A primary only ever gets a template that got requests under analysis; but for the first, `skipAnalysis`,
    /// and what a person promotes.
    fn only_what_was_measured_is_promoted(&mut self, world: &World, canary: &Object) -> Result<(), String> {
        let name = canary.reference();
        let status = Status::of(canary);
        // Blue/green and mirroring measure without a weight.
        let weight = status.canary_weight;
        if let Some(run) = status.analysis.filter(|run| weight > 0 || !run.ticks.is_empty()) {
            self.measured.insert((name.clone(), run.template_hash));
        }
        let Some(primary) = workload(world, canary, "-primary") else {
            return Ok(());
        };
        let pointer = format!(
            "/spec/template/metadata/annotations/{}",
            template::escaped(template::ID_ANNOTATION)
        );
        let hash = primary.str(&pointer).to_owned();
        let before = self.primaries.insert(name.clone(), hash.clone());
        let skips = canary.at("/spec/skipAnalysis") == Some(&Value::Bool(true));
        let by_hand = Status::of(canary)
            .analysis
            .is_some_and(|run| run.promoted_by.is_some());
        if before.is_none() || skips || by_hand {
            self.measured.insert((name, hash));
            return Ok(());
        }
        if before.as_ref() == Some(&hash) || self.measured.contains(&(name.clone(), hash.clone())) {
            return Ok(());
        }
        Err(format!(
            "the primary of {name} has template {hash}, which was never measured"
        ))
    }

    /// What recant pushes changes the files of the plan that is on record for it, and no others.
    fn branches_hold_what_was_planned(&mut self, world: &mut World) -> Result<(), String> {
        let reverts = reverts(world);
        let base = world.head()?;
        let git = world.git()?;
        let own = PullRequests::default().branch_prefix;
        for (branch, head) in git
            .branches()
            .into_iter()
            .filter(|(name, _)| name.starts_with(&own))
        {
            if self.branches.insert(branch.clone(), head.clone()).as_ref() == Some(&head)
                || !is_bots(git.as_ref(), &head)
            {
                continue;
            }
            let of_branch = |revert: &&Object| branch.ends_with(&format!("/{}", revert.name()));
            let plans = reverts
                .iter()
                .filter(of_branch)
                .filter_map(|revert| RevertStatus::of(revert).plan);
            let planned: Vec<String> = plans.flat_map(|plan| plan.files).collect();
            if planned.is_empty() {
                return Err(format!("{branch} was pushed without a plan on record"));
            }
            let touched = touched(git.as_ref(), &base, &head)?;
            if let Some(file) = touched.iter().find(|file| !planned.contains(file)) {
                return Err(format!("{branch} changes {file}, which is not in the plan"));
            }
        }
        Ok(())
    }

    /// The branch that is deployed moves by people's commits and merges, never by a push of recant's.
    fn the_deployed_branch_is_never_pushed(&mut self, world: &mut World) -> Result<(), String> {
        let head = world.head()?;
        let merged: Vec<String> = world
            .pull_requests()
            .into_iter()
            .filter_map(|pull| match pull.stage {
                Stage::Merged { commit, .. } => Some(commit),
                Stage::Open | Stage::Closed => None,
            })
            .collect();
        let git = world.git()?;
        let mut at = Some(head.clone());
        while let Some(id) = at.filter(|id| self.head.as_ref() != Some(id)) {
            // A person who merges by rebase or squash brings a commit of recant's there, and may.
            if is_bots(git.as_ref(), &id) && !merged.contains(&id) {
                return Err(format!("recant's commit {id} was pushed to the deployed branch"));
            }
            at = git.show(&id).and_then(|commit| commit.parents.first().cloned());
        }
        self.head = Some(head);
        Ok(())
    }

    /// A pull request is opened by somebody who had put on record that this comes next.
    fn a_deed_is_on_record_before_it_is_done(&mut self, world: &mut World) -> Result<(), String> {
        for pull in world.pull_requests() {
            if !self.pulls.insert(pull.number) || pull.user != BOT {
                continue;
            }
            let on_record = of_branch(world, &pull.head_branch).into_iter().any(|revert| {
                let status = RevertStatus::of(&revert);
                let opens = status.next.is_some_and(|deed| deed.does == Does::OpenPull);
                opens || status.pull_request.is_some()
            });
            if !on_record {
                return Err(format!(
                    "pull request {} was opened without a record",
                    pull.number
                ));
            }
        }
        Ok(())
    }

    /// A pull request that a person closed does not come back.
    fn what_a_person_closed_stays_closed(&mut self, world: &mut World) -> Result<(), String> {
        for pull in world.pull_requests().into_iter().filter(|pull| pull.user == BOT) {
            let own_word = |comment: &crate::forge::Comment| {
                comment.user == BOT && comment.body.contains("recant closes")
            };
            match pull.stage {
                Stage::Closed if !pull.comments.iter().any(own_word) => {
                    self.refused.insert(pull.head_branch);
                }
                Stage::Open if self.refused.contains(&pull.head_branch) => {
                    return Err(format!(
                        "pull request {} is open, and a person has closed one from {}",
                        pull.number, pull.head_branch
                    ));
                }
                Stage::Open | Stage::Closed | Stage::Merged { .. } => {}
            }
        }
        Ok(())
    }

    /// recant pushes to branches of its own, and to none that a person has pushed to.
    fn nobody_elses_branch_is_pushed(&mut self, world: &mut World) -> Result<(), String> {
        let deployed = world.branch()?;
        let git = world.git()?;
        let own = PullRequests::default().branch_prefix;
        for (branch, head) in git.branches() {
            if branch == deployed {
                continue;
            }
            let by_bot = is_bots(git.as_ref(), &head);
            if by_bot && !branch.starts_with(&own) {
                return Err(format!("recant pushed to {branch}, which is not its own"));
            }
            let before = self.heads.insert(branch.clone(), (head.clone(), by_bot));
            if let Some((old, false)) = before.filter(|(old, _)| by_bot && *old != head) {
                return Err(format!(
                    "recant pushed to {branch}, where somebody had pushed {old}"
                ));
            }
        }
        Ok(())
    }

    /// No pull request, comment, commit message or commit status holds a secret.
    fn nobody_is_told_a_secret(&self, world: &mut World) -> Result<(), String> {
        if self.secrets.is_empty() {
            return Ok(());
        }
        let told = told(world)?;
        let leak = told
            .iter()
            .find(|text| self.secrets.iter().any(|secret| text.contains(secret)));
        leak.map_or(Ok(()), |text| Err(format!("a secret is told: {text}")))
    }
}

/// A Canary at rest sends nothing to the canary, by no rule, and the weights of a mesh make 100.
fn at_rest_the_canary_gets_nothing(world: &World, canary: &Object) -> Result<(), String> {
    let phase = Status::of(canary).phase;
    let rests = matches!(
        phase,
        Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting
    );
    for rule in rules(world, canary) {
        let sum: i64 = rule.backends.iter().map(|backend| backend.weight).sum();
        let own = rule.share_pct(&service(canary, "-canary")).unwrap_or_default();
        let mirrored = rule
            .mirrors
            .iter()
            .any(|mirror| mirror.service == service(canary, "-canary"));
        let off = rule.proxy == Proxy::Sidecar && sum != 100_000;
        if off || (rests && (own != 0 || mirrored)) {
            return Err(format!(
                "{} is {phase:?}, and its route says canary {own} percent, all weights {}",
                canary.reference(),
                sum / 1000
            ));
        }
    }
    Ok(())
}

/// Traffic is only sent to a Deployment that is meant to have pods.
fn weights_go_where_pods_are(world: &World, canary: &Object) -> Result<(), String> {
    for rule in rules(world, canary) {
        let own = rule.share_pct(&service(canary, "-canary")).unwrap_or_default();
        for (weight, suffix) in [(100 - own, "-primary"), (own, "")] {
            if weight > 0 && is_down(world, canary, suffix) {
                return Err(format!(
                    "{weight} percent go to {}{suffix}, which is scaled to zero",
                    canary.str("/spec/targetRef/name")
                ));
            }
        }
    }
    Ok(())
}

/// Whether a workload is not there, or is not meant to have pods.
fn is_down(world: &World, canary: &Object, suffix: &str) -> bool {
    workload(world, canary, suffix).is_none_or(|it| {
        let selector = format!(
            "/spec/template/spec/nodeSelector/{}",
            template::escaped(template::SCALE_TO_ZERO.0)
        );
        it.int("/spec/replicas") == Some(0) || it.at(&selector).is_some()
    })
}

/// The primary's template is the Baseline's promoted one, or the one that is being promoted.
fn the_primary_is_on_record(world: &World, canary: &Object) -> Result<(), String> {
    let (Some(target), Some(primary)) = (workload(world, canary, ""), workload(world, canary, "-primary"))
    else {
        return Ok(());
    };
    let name = Baseline::name(canary);
    let object = match world.cluster.get(&name) {
        Some(object) => object,
        // Somebody else had it, and recant has not looked yet.
        None if Status::of(canary).observed_generation == 0 => return Ok(()),
        None => return Err(format!("{name} is gone")),
    };
    let baseline = Baseline::of(&object)?;
    let naming = naming(&target)?;
    let is = template::of(&primary);
    let candidate = baseline.candidate.filter(|_| {
        matches!(
            Status::of(canary).phase,
            Phase::Progressing | Phase::WaitingPromotion | Phase::Promoting | Phase::Finalising
        )
    });
    let mut known = [Some(baseline.promoted), candidate].into_iter().flatten();
    if known.any(|snapshot| snapshot.primary(&naming) == is) {
        return Ok(());
    }
    Err(format!(
        "{} has a template that is not on record",
        primary.reference()
    ))
}

/// How a primary is told from its target; a Service's has no label of its own.
fn naming(target: &Object) -> Result<Naming, String> {
    let selector_labels = Settings::default().selector_labels;
    let label = template::selector_label(target, &selector_labels);
    if label.is_none() && target.str("/kind") != "Service" {
        return Err(format!("{} has no label to select by", target.reference()));
    }
    Ok(Naming {
        target: target.name().to_owned(),
        label,
        selector_labels,
    })
}

/// The Reverts of this cluster and of those that work on the same repositories.
fn reverts(world: &World) -> Vec<Object> {
    let mut all = world.cluster.list(RECANT_API, "Revert", "");
    all.extend(world.neighbours.iter().cloned());
    all
}

fn of_branch(world: &World, branch: &str) -> Vec<Object> {
    let mut all = reverts(world);
    all.retain(|revert| branch.ends_with(&format!("/{}", revert.name())));
    all
}

/// Every open pull request of recant's belongs to a Revert that says so, with a plan.
fn a_pull_request_is_on_record(world: &mut World) -> Result<(), String> {
    let pulls = world.pull_requests().into_iter();
    for pull in pulls.filter(|pull| pull.stage == Stage::Open && pull.user == BOT) {
        let of_it = of_branch(world, &pull.head_branch).into_iter();
        let mut statuses = of_it.map(|revert| RevertStatus::of(&revert));
        if !statuses.any(|status| status.branch == pull.head_branch && status.plan.is_some()) {
            return Err(format!(
                "pull request {} is open, and no Revert says so",
                pull.number
            ));
        }
    }
    Ok(())
}

/// There is never more than one open pull request for one Revert, nor for one change.
fn one_open_pull_request_for_one_revert(world: &mut World) -> Result<(), String> {
    let mut open = BTreeSet::new();
    for pull in world.pull_requests() {
        if pull.stage == Stage::Open
            && let Some((_, rest)) = pull.body.split_once(" undoes=")
            && let Some(change) = rest.split_whitespace().next()
            && !open.insert(format!("{change} to be undone"))
        {
            return Err(format!("two pull requests undo {change}"));
        }
        if pull.stage == Stage::Open && !open.insert(pull.head_branch.clone()) {
            return Err(format!("two pull requests from {} are open", pull.head_branch));
        }
    }
    Ok(())
}

/// The target of a Canary, or what is named after it.
fn workload(world: &World, canary: &Object, suffix: &str) -> Option<Object> {
    let of = |field: &str| canary.str(&format!("/spec/targetRef/{field}"));
    let name = format!("{}{suffix}", of("name"));
    world.cluster.get(&ObjectRef::new(
        of("apiVersion"),
        of("kind"),
        canary.namespace(),
        &name,
    ))
}

/// The rules of a Canary's route that name the canary's Service.
fn rules(world: &World, canary: &Object) -> Vec<Rule> {
    let own = service(canary, "-canary");
    let rules = world
        .topology()
        .apexes
        .get(&service(canary, ""))
        .into_iter()
        .flatten();
    let of_it = |rule: &&Rule| {
        rule.share_pct(&own).is_some() || rule.mirrors.iter().any(|mirror| mirror.service == own)
    };
    rules.filter(of_it).cloned().collect()
}

/// The apex Service of a Canary, or a half of it.
fn service(canary: &Object, suffix: &str) -> Name {
    let apex = match canary.str("/spec/service/name") {
        "" => canary.str("/spec/targetRef/name"),
        name => name,
    };
    (canary.namespace().to_owned(), format!("{apex}{suffix}"))
}

fn is_bots(git: &dyn Git, id: &str) -> bool {
    git.show(id)
        .is_some_and(|commit| commit.author.starts_with(&format!("{BOT} <")))
}

/// The files in which a commit differs from where it left the base.
fn touched(git: &dyn Git, base: &str, head: &str) -> Result<Vec<String>, String> {
    let fork = git
        .merge_base(base, head)
        .ok_or_else(|| format!("{head} has nothing in common with the deployed branch"))?;
    let tree = |id: &str| git.tree(id).ok_or_else(|| format!("commit {id} has no files"));
    Ok(tree(&fork)?.changed(&tree(head)?))
}

/// Everything recant has told people outside of the cluster.
fn told(world: &mut World) -> Result<Vec<String>, String> {
    let mut told = Vec::new();
    for pull in world.pull_requests() {
        told.extend(pull.comments.into_iter().map(|comment| comment.body));
        told.extend([pull.title, pull.body, pull.head_branch]);
    }
    let heads = world.git()?.branches();
    for head in heads.values() {
        let git = world.git()?;
        let commits = git.log(None, head, 50);
        for commit in commits {
            let statuses = world.forge.statuses(crate::fleet::REPO, &commit.id);
            told.extend(statuses.into_iter().map(|status| status.description.clone()));
            told.push(commit.message);
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests;
