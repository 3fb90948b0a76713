//! What a scenario can expect of the world.

use crate::scenario::parse::number;
use crate::scenario::parse::pair;
use crate::scenario::scene::Pull;
use crate::scenario::scene::Scene;
use recant_core::baseline::Baseline;
use recant_core::baseline::RECANT_API;
use recant_core::canary::spec::API_VERSION;
use recant_core::canary::status::Phase;
use recant_core::canary::status::Status;
use recant_core::config;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::pull::RevertStatus;
use recant_core::template;
use serde_json::Value;

/// Something that is to become true.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// A Canary's phase.
    Phase(ObjectRef, String),
    /// A Canary's weight, in percent.
    Weight(ObjectRef, i64),
    /// A Canary's condition and its status.
    Condition(ObjectRef, String, String),
    /// Words in a Canary's `Ready` condition.
    CanarySays(ObjectRef, String),
    /// An event on a Canary, in these words.
    CanaryTold(ObjectRef, String),
    /// A Canary's iterations.
    Iterations(ObjectRef, i64),
    /// How often, at least, a webhook was called.
    Called(String, usize),
    /// Words that a webhook, or a chat, was told, and whether it was.
    Heard(String, String, bool),
    /// A Deployment's image.
    Image(ObjectRef, String),
    /// A Deployment's replicas.
    Replicas(ObjectRef, i64),
    /// Nobody with a cookie was answered by another Service than the one that set it.
    UsersStay(String, String),
    /// How many requests to a Service had no answer.
    Lost(String, String, u64),
    /// At least how many copies of a Service's requests were sent.
    Mirrored(String, String, u64),
    /// How many pull requests there have been.
    Pulls(usize),
    /// The newest pull request's state: `open`, `merged` or `closed`.
    Pull(String),
    /// What the newest pull request changes: files, lines added, lines removed.
    PullChanges(usize, usize, usize),
    /// Words in the newest pull request's title or body.
    PullSays(String),
    /// Words in a comment on the newest pull request.
    PullCommented(String),
    /// How many Reverts there are.
    Reverts(usize),
    /// The newest Revert's phase.
    RevertPhase(String),
    /// Words in the newest Revert's `Ready` condition.
    RevertSays(String),
    /// The newest Revert's condition and its status.
    RevertCondition(String, String),
    /// recant's status of the commit with that subject, for a Canary: its state, or `none`.
    CommitStatus(String, ObjectRef, String),
    /// How many branches the repository has.
    Branches(usize),
    /// Words in a file at the head of the branch.
    FileSays(String, String),
    /// What an object has at a JSON pointer, as text; `absent` when there is nothing.
    Field(ObjectRef, String, String),
    /// Git, target, primary and pull request agree.
    Converged,
}

impl Expectation {
    /// Reads an expectation from its words.
    pub(super) fn parse(words: &[&str]) -> Result<Self, String> {
        let canary = |text: &str| {
            pair(text).map(|(namespace, name)| ObjectRef::new(API_VERSION, "Canary", &namespace, &name))
        };
        let deployment = |text: &str| {
            pair(text).map(|(namespace, name)| ObjectRef::new("apps/v1", "Deployment", &namespace, &name))
        };
        let text = |text: &str| text.to_owned();
        let count = |text: &str| number(text.trim_start_matches(['+', '-'])).map(|n| n as usize);
        Ok(match words {
            ["canary", name, "phase", phase] => Self::Phase(canary(name)?, text(phase)),
            ["canary", name, "weight", weight] => Self::Weight(canary(name)?, number(weight)? as i64),
            ["canary", name, "says", words] => Self::CanarySays(canary(name)?, text(words)),
            ["canary", name, "told", words] => Self::CanaryTold(canary(name)?, text(words)),
            ["canary", name, "iterations", n] => Self::Iterations(canary(name)?, number(n)? as i64),
            ["hook", url, "called", n] => Self::Called(text(url), count(n)?),
            ["hook", url, "heard", words] => Self::Heard(text(url), text(words), true),
            ["hook", url, "never", "heard", words] => Self::Heard(text(url), text(words), false),
            ["canary", name, condition, "is", status] => {
                Self::Condition(canary(name)?, text(condition), text(status))
            }
            ["users", name, "stay"] => {
                let (namespace, service) = pair(name)?;
                Self::UsersStay(namespace, service)
            }
            ["requests", name, "lost", n] => {
                let (namespace, service) = pair(name)?;
                Self::Lost(namespace, service, number(n)? as u64)
            }
            ["mirrored", name, n] => {
                let (namespace, service) = pair(name)?;
                Self::Mirrored(namespace, service, number(n)? as u64)
            }
            ["deployment", name, "image", image] => Self::Image(deployment(name)?, text(image)),
            ["deployment", name, "replicas", n] => Self::Replicas(deployment(name)?, number(n)? as i64),
            ["pulls", n] => Self::Pulls(count(n)?),
            ["pull", state @ ("open" | "merged" | "closed")] => Self::Pull(text(state)),
            ["pull", "changes", files, "files", added, removed] => {
                Self::PullChanges(count(files)?, count(added)?, count(removed)?)
            }
            ["pull", "says", words] => Self::PullSays(text(words)),
            ["pull", "commented", words] => Self::PullCommented(text(words)),
            ["reverts", n] => Self::Reverts(count(n)?),
            ["revert", "phase", phase] => Self::RevertPhase(text(phase)),
            ["revert", "says", words] => Self::RevertSays(text(words)),
            ["revert", condition, "is", status] => Self::RevertCondition(text(condition), text(status)),
            ["commit", subject, "status", name, state] => {
                Self::CommitStatus(text(subject), canary(name)?, text(state))
            }
            ["branches", n] => Self::Branches(count(n)?),
            ["file", path, "says", words] => Self::FileSays(text(path), text(words)),
            ["object", kind, name, pointer, "is", value] => {
                let (api_version, kind) = kind.rsplit_once('/').ok_or("object takes APIVERSION/KIND")?;
                let (namespace, name) = pair(name)?;
                let object = ObjectRef::new(api_version, kind, &namespace, &name);
                Self::Field(object, text(pointer), text(value))
            }
            ["converged"] => Self::Converged,
            _ => {
                return Err(format!(
                    "expect {}: not understood; expect canary, hook, deployment, pull, pulls, revert, reverts, branches, \
                     object, file or converged",
                    words.join(" ")
                ));
            }
        })
    }

    /// Whether it is true now.
    ///
    /// # Errors
    /// What is there instead.
    pub fn check(&self, scene: &mut dyn Scene) -> Result<(), String> {
        match self {
            Self::Phase(name, phase) => {
                let status = canary_status(scene, name)?;
                same(&format!("{:?}", status.phase), phase)
            }
            Self::Weight(name, weight) => same(&canary_status(scene, name)?.canary_weight, weight),
            Self::Condition(name, condition, wanted) => {
                let status = canary_status(scene, name)?;
                let found = status.conditions.iter().find(|c| c.r#type == *condition);
                same(found.map_or("absent", |c| c.status.as_str()), wanted.as_str())
            }
            Self::CanarySays(name, words) => {
                let status = canary_status(scene, name)?;
                let ready = status.conditions.iter().find(|c| c.r#type == "Ready");
                holds(ready.map_or("", |c| c.message.as_str()), words)
            }
            Self::CanaryTold(name, words) => told(scene, name, words),
            Self::Iterations(name, n) => same(&canary_status(scene, name)?.iterations, n),
            Self::Called(url, n) => {
                let times = scene.times_called(url)?;
                (times >= *n)
                    .then_some(())
                    .ok_or_else(|| format!("it was called {times} times"))
            }
            Self::Heard(url, words, wanted) => {
                let heard = scene.heard(url)?;
                match heard.iter().any(|text| text.contains(words)) == *wanted {
                    true => Ok(()),
                    false => Err(format!("it heard: {}", heard.join("; "))),
                }
            }
            Self::Image(name, image) => {
                let object = object(scene, name)?;
                same(&template::images(&template::of(&object)).join(" "), image)
            }
            Self::Replicas(name, replicas) => {
                same(&object(scene, name)?.int("/spec/replicas").unwrap_or(1), replicas)
            }
            Self::UsersStay(namespace, service) => {
                let tally = scene.tally(namespace, service)?;
                match (tally.kept, tally.strayed) {
                    (0, _) => Err("nobody has a cookie".to_owned()),
                    (_, 0) => Ok(()),
                    (kept, strayed) => Err(format!("{strayed} of {kept} requests went astray")),
                }
            }
            Self::Lost(namespace, service, n) => same(&scene.tally(namespace, service)?.lost, n),
            Self::Mirrored(namespace, service, n) => {
                let copies = scene.tally(namespace, service)?.mirrored;
                if copies >= *n {
                    Ok(())
                } else {
                    Err(format!("{copies} copies were sent"))
                }
            }
            Self::Pulls(n) => same(&scene.pulls()?.len(), n),
            Self::Pull(state) => same(newest(scene)?.state, state.as_str()),
            Self::PullChanges(files, added, removed) => pull_changes(scene, (*files, *added, *removed)),
            Self::PullSays(words) => {
                let pull = newest(scene)?;
                holds(&format!("{}\n{}", pull.title, pull.body), words)
            }
            Self::PullCommented(words) => holds(&newest(scene)?.comments.join("\n"), words),
            Self::Reverts(n) => same(&scene.objects(RECANT_API, "Revert").len(), n),
            Self::RevertPhase(phase) => same(&format!("{:?}", revert_status(scene)?.phase), phase),
            Self::RevertSays(words) => {
                let status = revert_status(scene)?;
                let ready = status.conditions.iter().find(|c| c.r#type == "Ready");
                holds(ready.map_or("", |c| c.message.as_str()), words)
            }
            Self::RevertCondition(condition, wanted) => {
                let status = revert_status(scene)?;
                let found = status.conditions.iter().find(|c| c.r#type == *condition);
                same(found.map_or("absent", |c| c.status.as_str()), wanted.as_str())
            }
            Self::CommitStatus(subject, name, wanted) => same(&scene.commit_status(subject, name)?, wanted),
            Self::Branches(n) => same(&scene.branches()?, n),
            Self::FileSays(path, words) => {
                let text = scene.file(path)?;
                holds(&text.ok_or_else(|| format!("there is no file {path}"))?, words)
            }
            Self::Field(name, pointer, value) => {
                let object = scene.object(name);
                let found = match object.as_ref().and_then(|object| object.at(pointer)) {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => "absent".to_owned(),
                };
                same(found.as_str(), value.as_str())
            }
            Self::Converged => converged(scene),
        }
    }
}

fn same<T: PartialEq + std::fmt::Display + ?Sized>(found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("it is {found}"))
    }
}

fn holds(text: &str, words: &str) -> Result<(), String> {
    if text.contains(words) {
        Ok(())
    } else {
        Err(format!("it says: {text}"))
    }
}

fn object(scene: &mut dyn Scene, name: &ObjectRef) -> Result<Object, String> {
    scene.object(name).ok_or_else(|| format!("{name} does not exist"))
}

fn canary_status(scene: &mut dyn Scene, name: &ObjectRef) -> Result<Status, String> {
    object(scene, name).map(|canary| Status::of(&canary))
}

/// Whether an event on the object has these words.
fn told(scene: &mut dyn Scene, about: &ObjectRef, words: &str) -> Result<(), String> {
    let events = scene.objects("v1", "Event");
    let about = |event: &&Object| {
        event.namespace() == about.namespace
            && event.str("/involvedObject/kind") == about.kind
            && event.str("/involvedObject/name") == about.name
    };
    let messages: Vec<&str> = events
        .iter()
        .filter(about)
        .map(|event| event.str("/message"))
        .collect();
    if messages.iter().any(|message| message.contains(words)) {
        return Ok(());
    }
    let last = messages.iter().rev().take(8).rev();
    Err(format!(
        "its events are: {}",
        last.copied().collect::<Vec<_>>().join("; ")
    ))
}

/// The status of the newest Revert.
fn revert_status(scene: &mut dyn Scene) -> Result<RevertStatus, String> {
    let reverts = scene.objects(RECANT_API, "Revert").into_iter();
    reverts
        .max_by_key(|revert| revert.str("/metadata/creationTimestamp").to_owned())
        .map(|revert| RevertStatus::of(&revert))
        .ok_or_else(|| "there is no Revert".to_owned())
}

fn newest(scene: &mut dyn Scene) -> Result<Pull, String> {
    let pulls = scene.pulls()?;
    pulls
        .into_iter()
        .max_by_key(|pull| pull.number)
        .ok_or_else(|| "there is no pull request".to_owned())
}

fn pull_changes(scene: &mut dyn Scene, wanted: (usize, usize, usize)) -> Result<(), String> {
    let found = newest(scene)?.changes;
    if found == wanted {
        return Ok(());
    }
    let (files, added, removed) = found;
    Err(format!("it changes {files} files +{added} -{removed}"))
}

/// Whether Git, targets, primaries and pull requests agree: no pull request is open, every Revert is at its end, every
/// source is at the head, and every Canary's target asks for what its primary has.
fn converged(scene: &mut dyn Scene) -> Result<(), String> {
    if let Some(open) = scene.pulls()?.iter().find(|pull| pull.state == "open") {
        return Err(format!("pull request {} is open", open.number));
    }
    for revert in scene.objects(RECANT_API, "Revert") {
        let status = RevertStatus::of(&revert);
        if !status.phase.is_final() {
            return Err(format!("{} is {:?}", revert.reference(), status.phase));
        }
    }
    let head = scene.head()?;
    for kustomization in scene.objects(recant_core::chain::KUSTOMIZE_API, "Kustomization") {
        let applied = kustomization.str("/status/lastAppliedRevision");
        if recant_core::chain::commit_of(applied) != head {
            return Err(format!("{} is at {applied}", kustomization.reference()));
        }
    }
    for canary in scene.objects(API_VERSION, "Canary") {
        agrees(scene, &canary)?;
    }
    Ok(())
}

fn agrees(scene: &mut dyn Scene, canary: &Object) -> Result<(), String> {
    let name = canary.reference();
    let status = Status::of(canary);
    if !status.is("Ready") || matches!(status.phase, Phase::Progressing | Phase::Promoting) {
        return Err(format!("{name} is {:?} and not ready", status.phase));
    }
    let baseline = Baseline::of(&object(scene, &Baseline::name(canary))?)?;
    let of = |field: &str| canary.str(&format!("/spec/targetRef/{field}"));
    let target = ObjectRef::new(of("apiVersion"), of("kind"), canary.namespace(), of("name"));
    let target = object(scene, &target)?;
    let mut hold = |(key, sum): (&String, &String)| {
        let config = scene.object(&config::object_ref(key, canary.namespace()));
        config.is_some_and(|config| config::checksum(&config) == *sum)
    };
    if template::of(&target) != baseline.promoted.template || !baseline.promoted.configs.iter().all(&mut hold)
    {
        return Err(format!(
            "{} does not ask for what is promoted",
            target.reference()
        ));
    }
    let mut primary = target.reference();
    primary.name.push_str("-primary");
    let primary = object(scene, &primary)?;
    let images = |object: &Object| template::images(&template::of(object));
    if images(&primary) != images(&target) {
        return Err(format!(
            "{} runs {}",
            primary.reference(),
            images(&primary).join(" ")
        ));
    }
    Ok(())
}
