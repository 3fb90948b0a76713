//! A scenario being played: acts on the world when its time has come, and looks whether what it expects is there.

mod hand;

use crate::fleet::PERSON;
use crate::fleet::REPO;
use crate::forge::By;
use crate::forge::Stage;
use crate::forge::Style;
use crate::git::Content;
use crate::git::NewCommit;
use crate::scenario::Edit;
use crate::scenario::Scenario;
use crate::scenario::Statement;
use crate::scenario::Verb;
use crate::scenario::outside;
use crate::world::World;
use jiff::Timestamp;
use recant_core::baseline::Baseline;
use recant_core::canary::status::Status;
use recant_core::effect::Write;
use recant_core::object::ObjectRef;
use recant_render::Tree;
use std::collections::BTreeMap;

/// A scenario being played.
#[derive(Clone, Debug)]
pub struct Play {
    scenario: Scenario,
    /// The statement that is next, or being waited for.
    at: usize,
    /// When it began to be waited for.
    since: Option<Timestamp>,
    /// Whether a person outside merges and closes; else the play does.
    by_hand: bool,
}

/// How far a play is.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A statement was carried out.
    Did(Statement),
    /// This statement is being waited for.
    Waiting(Statement),
    /// All of it was played.
    Done,
}

impl Play {
    /// Begins at the first statement. With `by_hand`, `merge` and `close` wait for a person to do it.
    pub const fn new(scenario: Scenario, by_hand: bool) -> Self {
        Self {
            scenario,
            at: 0,
            since: None,
            by_hand,
        }
    }

    /// Carries out at most one statement.
    ///
    /// # Errors
    /// `file:line: message` when a statement cannot be carried out, or what was expected did not come in its time.
    pub fn poll(&mut self, world: &mut World) -> Result<Progress, String> {
        let Some(statement) = self.scenario.statements.get(self.at).cloned() else {
            return Ok(Progress::Done);
        };
        let since = *self.since.get_or_insert_with(|| world.now());
        let done = self.carry_out(world, &statement.verb, since);
        let done = done.map_err(|message| format!("{}:{}: {message}", self.scenario.name, statement.line))?;
        if !done {
            return Ok(Progress::Waiting(statement));
        }
        self.at += 1;
        self.since = None;
        Ok(Progress::Did(statement))
    }

    fn carry_out(&self, world: &mut World, verb: &Verb, since: Timestamp) -> Result<bool, String> {
        let now = world.now();
        match verb {
            Verb::Repo { .. } | Verb::MeshProvider(_) | Verb::Say(_) | Verb::Setting(..) => Ok(true),
            Verb::Image { image, behaviour } => {
                world.behaviours.set(image, behaviour.clone());
                Ok(true)
            }
            Verb::Config { word, behaviour } => {
                world.behaviours.set_config(word, behaviour.clone());
                Ok(true)
            }
            Verb::Flagger(canary) => leave(world, canary).map(|()| true),
            Verb::Load {
                namespace,
                service,
                load,
            } => {
                world.traffic.set_load(namespace, service, load.clone());
                Ok(true)
            }
            Verb::Commit {
                message,
                author,
                edits,
            } => commit(world, message, author, edits).map(|()| true),
            Verb::Wait(time) => Ok(now >= since + *time),
            Verb::Expect { what, within } => match what.check(world) {
                Ok(()) => Ok(true),
                Err(_) if now < since + *within => Ok(false),
                Err(found) => Err(format!("expected within {within:#}: {found}")),
            },
            Verb::Merge(_) if self.by_hand => Ok(no_open_pull(world)),
            Verb::Close if self.by_hand => Ok(no_open_pull(world)),
            Verb::Merge(style) => merge_as(world, *style).map(|()| true),
            Verb::Push { message, edits } => push(world, message, edits).map(|()| true),
            Verb::Annotate {
                kind,
                name,
                key,
                value,
            } => hand::annotate(world, kind, name, (key, value)).map(|()| true),
            Verb::Forge(spec) => hand::forge(world, spec).map(|()| true),
            Verb::Repository { name, edits } => hand::repository(world, name, edits).map(|()| true),
            Verb::Hook { url, says } => {
                world.receivers.set(url, says.clone());
                Ok(true)
            }
            Verb::Gate { key, open } => {
                world.receivers.gate(key, *open);
                Ok(true)
            }
            Verb::Ask { verb, canary, reason } => outside::asks(world, *verb, canary, reason).map(|()| true),
            Verb::Resume { canary } => outside::resumes(world, canary).map(|()| true),
            Verb::Close => close(world).map(|()| true),
        }
    }
}

/// Takes recant's record of a Canary away, and what it alone writes into the status.
fn leave(world: &mut World, canary: &ObjectRef) -> Result<(), String> {
    let now = world.now();
    let missing = || format!("{canary} does not exist");
    let mut left = world.cluster.get(canary).ok_or_else(missing)?;
    if let Some(record) = world.cluster.get(&Baseline::name(&left)) {
        let (name, uid) = (record.reference(), record.uid().to_owned());
        let write = Write::Delete { name, uid };
        world
            .cluster
            .write(now, PERSON, &write)
            .map_err(|e| e.to_string())?;
    }
    let mut status = Status::of(&left);
    status.analysis = None;
    status.observed_generation = 0;
    // Flagger writes it each time it moves the weight.
    status.last_transition_time = Some(now);
    status.last_applied_spec = "5d9c7b5f4".to_owned();
    status.last_promoted_spec = "5d9c7b5f4".to_owned();
    status
        .conditions
        .retain(|condition| condition.r#type == "Promoted");
    left.set(
        "/status",
        serde_json::to_value(&status).map_err(|e| e.to_string())?,
    );
    let write = Write::UpdateStatus(left);
    world
        .cluster
        .write(now, PERSON, &write)
        .map(drop)
        .map_err(|e| e.to_string())
}

/// A person commits on top of the head.
fn commit(world: &mut World, message: &str, author: &str, edits: &[Edit]) -> Result<(), String> {
    let tree = world.head_tree()?;
    let (branch, head) = (world.branch()?, world.head()?);
    commit_on(world, &tree, (&branch, &head), (message, author), edits)
}

fn commit_on(
    world: &mut World,
    tree: &Tree,
    (branch, head): (&str, &str),
    (message, author): (&str, &str),
    edits: &[Edit],
) -> Result<(), String> {
    let mut files = BTreeMap::new();
    for edit in edits {
        let (file, bytes) = edited(tree, &files, edit)?;
        files.insert(file, bytes);
    }
    let (name, email) = author.split_once('<').unwrap_or((author, ""));
    let new = NewCommit {
        parents: vec![head.to_owned()],
        content: Content::Files(files),
        author: name.trim().to_owned(),
        email: email.trim_end_matches('>').to_owned(),
        message: format!("{}\n", message.trim_end()),
        date_s: world.now().as_second(),
    };
    let git = world.git()?;
    let id = git.commit(&new).map_err(|e| e.to_string())?;
    git.set_branch(branch, Some(head), Some(&id))
        .map_err(|e| e.to_string())
}

/// The new contents of files by path; none for those that are deleted.
type Files = BTreeMap<String, Option<Vec<u8>>>;

/// A file after an edit of the files of `tree`, of which `files` have been edited already.
///
/// # Errors
/// When the edit does not fit.
pub fn edited(tree: &Tree, files: &Files, edit: &Edit) -> Result<(String, Option<Vec<u8>>), String> {
    let text_of = |file: &str| match files.get(file) {
        Some(bytes) => bytes.as_ref().and_then(|b| String::from_utf8(b.clone()).ok()),
        None => tree.text(file).map(str::to_owned),
    };
    match edit {
        Edit::Replace { file, old, new } => {
            let text =
                text_of(file).ok_or_else(|| format!("replace: there is no text file {file} at the head"))?;
            match text.matches(old.as_str()).count() {
                1 => Ok((
                    file.clone(),
                    Some(text.replacen(old.as_str(), new, 1).into_bytes()),
                )),
                n => Err(format!(
                    "replace: {file} has {old:?} {n} times; it must be there exactly once"
                )),
            }
        }
        Edit::Write { file, text } => Ok((file.clone(), Some(text.clone().into_bytes()))),
        Edit::Delete { file } => {
            text_of(file).ok_or_else(|| format!("delete: there is no file {file} at the head"))?;
            Ok((file.clone(), None))
        }
    }
}

fn no_open_pull(world: &mut World) -> bool {
    world.pull_requests().iter().all(|pull| pull.stage != Stage::Open)
}

fn newest_open(world: &mut World) -> Result<u64, String> {
    let pulls = world
        .pull_requests()
        .into_iter()
        .filter(|pull| pull.stage == Stage::Open);
    pulls
        .map(|pull| pull.number)
        .max()
        .ok_or_else(|| "there is no open pull request".to_owned())
}

/// A person merges the newest open pull request.
///
/// # Errors
/// When there is none, or the forge refuses.
pub fn merge(world: &mut World) -> Result<(), String> {
    merge_as(world, Style::Merge)
}

fn merge_as(world: &mut World, style: Style) -> Result<(), String> {
    let number = newest_open(world)?;
    let by = By {
        user: PERSON,
        now: world.now(),
    };
    let World { forge, repos, .. } = world;
    forge
        .merge(repos, by, REPO, number, style)
        .map(drop)
        .map_err(|e| e.to_string())
}

/// A person pushes a commit to the branch of the newest open pull request.
fn push(world: &mut World, message: &str, edits: &[Edit]) -> Result<(), String> {
    let number = newest_open(world)?;
    let pulls = world.pull_requests();
    let pull = pulls.into_iter().find(|pull| pull.number == number);
    let pull = pull.ok_or("there is no open pull request")?;
    let tree = world.git()?.tree(&pull.head).ok_or("its head has no files")?;
    commit_on(
        world,
        &tree,
        (&pull.head_branch, &pull.head),
        (message, "Kim Example <kim@example.com>"),
        edits,
    )
}

/// A person presses Close.
fn close(world: &mut World) -> Result<(), String> {
    let number = newest_open(world)?;
    let by = By {
        user: PERSON,
        now: world.now(),
    };
    world
        .forge
        .close(by, REPO, number, "not now")
        .map_err(|e| e.to_string())
}
