//! A story told in a running house: statement by statement, with everything worth telling on the way.

use crate::clock::Clock;
use crate::controller::Told;
use crate::demo::house::House;
use crate::demo::line::Line;
use crate::demo::teller::Teller;
use anyhow::Context as _;
use jiff::SignedDuration;
use recant_core::baseline::RECANT_API;
use recant_core::object::ObjectRef;
use recant_core::pull::RevertStatus;
use recant_core::reason::Reason;
use recant_sim::scenario::Expectation;
use recant_sim::scenario::Play;
use recant_sim::scenario::Progress;
use recant_sim::scenario::Verb;
use recant_sim::world::World;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::io::IsTerminal as _;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the story looks at the world.
const LOOK: Duration = Duration::from_millis(50);
/// How long, on the demo's clock, the last agreement may take after the story.
const CONVERGENCE: SignedDuration = SignedDuration::from_secs(120);

/// How a show ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The story came to its end, and Git and cluster agree.
    Converged,
    /// Something did not come as expected.
    Failed(String),
    /// A person interrupted it.
    Interrupted,
}

/// A show.
pub(crate) struct Show<'a> {
    pub(crate) house: &'a House,
    pub(crate) clock: Clock,
    pub(crate) teller: &'a mut Teller,
    pub(crate) told: &'a mut mpsc::UnboundedReceiver<Told>,
    /// Whether a person is to merge.
    pub(crate) by_hand: bool,
    /// The last word about each object.
    pub(crate) last: BTreeMap<ObjectRef, Reason>,
}

impl Show<'_> {
    /// Plays to the end.
    pub(crate) async fn play(&mut self, mut play: Play) -> anyhow::Result<Ending> {
        let mut presses = presses(self.by_hand);
        let mut asked = false;
        let mut looks = tokio::time::interval(LOOK);
        let mut interrupted = std::pin::pin!(crate::interrupt::interrupted());
        loop {
            tokio::select! {
                stopped = &mut interrupted => return Ok(stopped.map(|()| Ending::Interrupted)?),
                Some(told) = self.told.recv() => self.tell_recant(&told)?,
                Some(()) = presses.recv() => self.merge(),
                _ = looks.tick() => match self.look(&mut play)? {
                    Looked::On(Some(Verb::Merge(_))) if self.by_hand && !asked => {
                        asked = true;
                        self.teller.ask_for_merge(&self.house.places.pages)?;
                    }
                    Looked::On(_) => {}
                    Looked::Over => return self.converge().await,
                    Looked::Broken(message) => return Ok(Ending::Failed(message)),
                },
            }
        }
    }

    /// Only tells, until interrupted: the person's own Git is the story.
    pub(crate) async fn watch(&mut self) -> anyhow::Result<Ending> {
        let mut looks = tokio::time::interval(LOOK);
        let mut interrupted = std::pin::pin!(crate::interrupt::interrupted());
        loop {
            tokio::select! {
                stopped = &mut interrupted => return Ok(stopped.map(|()| Ending::Interrupted)?),
                Some(told) = self.told.recv() => self.tell_recant(&told)?,
                _ = looks.tick() => self.tell_world()?,
            }
        }
    }

    /// Waits for the last agreement.
    async fn converge(&mut self) -> anyhow::Result<Ending> {
        let end = self.clock.now() + CONVERGENCE;
        loop {
            let found = self.house.stage.with(|world| Expectation::Converged.check(world));
            self.tell_world()?;
            while let Ok(told) = self.told.try_recv() {
                self.tell_recant(&told)?;
            }
            match found {
                Ok(()) => return Ok(Ending::Converged),
                Err(found) if self.clock.now() > end => return Ok(Ending::Failed(found)),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Tells what recant did, unless it is what was told of that object last.
    fn tell_recant(&mut self, told: &Told) -> anyhow::Result<()> {
        let last = self.last.insert(told.about.clone(), told.because.clone());
        if last.as_ref() != Some(&told.because) {
            self.teller.tell(Line::of_recant(told))?;
        }
        Ok(())
    }

    fn look(&mut self, play: &mut Play) -> anyhow::Result<Looked> {
        self.tell_world()?;
        loop {
            let (now, progress) = self.house.stage.with(|world| (world.now(), play.poll(world)));
            match progress {
                Err(message) => return Ok(Looked::Broken(message)),
                Ok(Progress::Done) => return Ok(Looked::Over),
                Ok(Progress::Waiting(statement)) => return Ok(Looked::On(Some(statement.verb))),
                Ok(Progress::Did(statement)) => self.teller.tell(Line::of_story(now, &statement.verb))?,
            }
        }
    }

    fn tell_world(&mut self) -> anyhow::Result<()> {
        let happened = self.house.stage.with(|world| std::mem::take(&mut world.trace));
        for happening in &happened {
            self.teller.tell(Line::of_world(happening))?;
        }
        Ok(())
    }

    fn merge(&self) {
        self.house.stage.with(|world| {
            if let Err(refused) = recant_sim::scenario::merge(world) {
                tracing::warn!("{refused}");
            }
        });
    }
}

/// What a look at the story came to.
enum Looked {
    /// It goes on; this is being waited for.
    On(Option<Verb>),
    /// It is over.
    Over,
    /// It cannot go on.
    Broken(String),
}

/// A person's Enter, when there is a person at a terminal.
fn presses(by_hand: bool) -> mpsc::UnboundedReceiver<()> {
    let (pressed, presses) = mpsc::unbounded_channel();
    if by_hand && std::io::stdin().is_terminal() {
        std::thread::spawn(move || {
            let mut line = String::new();
            while matches!(std::io::stdin().lock().read_line(&mut line), Ok(n) if n > 0) {
                if pressed.send(()).is_err() {
                    return;
                }
            }
        });
    }
    presses
}

/// The summary: the last line of `--json`, and the words at the end otherwise.
pub(crate) fn summary(world: &mut World, ending: &Ending) -> Value {
    let reverts = world.cluster.list(RECANT_API, "Revert", "");
    let status = reverts.last().map(RevertStatus::of).unwrap_or_default();
    let plan = status.plan.clone().unwrap_or_default();
    let (verdict, why) = match ending {
        Ending::Converged => ("converged", String::new()),
        Ending::Failed(why) => ("failed", why.clone()),
        Ending::Interrupted => ("interrupted", String::new()),
    };
    json!({
        "verdict": verdict,
        "why": why,
        "pull_request": status.pull_request.map(|pull| pull.url),
        "files_changed": plan.files.len(),
        "lines_added": plan.lines_added,
        "lines_removed": plan.lines_removed,
        "proof": plan.proof,
        "converged": *ending == Ending::Converged,
    })
}

/// Reads a story from a file.
///
/// # Errors
/// The file and the line that is wrong, and what would be right.
pub(crate) fn read(path: &std::path::Path) -> anyhow::Result<recant_sim::scenario::Scenario> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--play {}", path.display()))?;
    Ok(recant_sim::scenario::parse(&path.display().to_string(), &text)?)
}
