//! The world of `recant-sim` served on loopback: to recant itself, and to a person's own git, kubectl and browser.
//!
//! recant runs against it through its production adapters. Never here: a decision recant makes, or an address other
//! than loopback.

pub mod bare;
pub mod example;
pub mod forge_http;
pub mod git_http;
pub mod hook_http;
mod house;
pub mod kube_api;
mod line;
mod pages;
pub mod prometheus_http;
mod setup;
mod show;
mod stage;
mod teller;

pub use setup::Source;
pub(crate) use show::read;

use crate::clock::Clock;
use crate::controller::Told;
use house::House;
use house::Plan;
use jiff::Timestamp;
use recant_sim::scenario::Play;
use recant_sim::scenario::Scenario;
use recant_sim::scenario::Verb;
use show::Ending;
use show::Show;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use teller::Teller;
use tokio::sync::mpsc;

/// A demo to be given.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The repository.
    pub source: Source,
    /// The cluster's directory in it; else what the story says, else `clusters/my-cluster`.
    pub path: Option<String>,
    /// The story; none to react to what is pushed.
    pub scenario: Option<Scenario>,
    /// Whether a person is to merge.
    pub by_hand: bool,
    /// Whether to go on after the story.
    pub keep: bool,
    /// Whether to tell it in JSON.
    pub json: bool,
    /// Where the pages listen.
    pub listen: SocketAddr,
    /// How fast the clock runs.
    pub speed: f64,
    /// The seed.
    pub seed: u64,
    /// When it begins, on the demo's clock.
    pub begin: Timestamp,
    /// The demo's clock.
    pub clock: Clock,
}

impl Demo {
    /// Gives it.
    ///
    /// # Errors
    /// What could not be started, and what to do about it.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let plan = Plan {
            source: self.source.clone(),
            path: self.path(),
            listen: self.listen,
            speed: self.speed,
            seed: self.seed,
            mesh_provider: self
                .scenario
                .as_ref()
                .and_then(|scenario| scenario.mesh_provider())
                .unwrap_or("linkerd")
                .to_owned(),
        };
        plan.check()?;
        let (heard, mut told) = mpsc::unbounded_channel::<Told>();
        let listener = Arc::new(move |told: &Told| drop(heard.send(told.clone())));
        let house = House::start(&plan, self.clock.clone(), listener).await?;
        let mut teller = Teller::new(self.begin, self.json);
        teller.places(&house.places, self.speed)?;
        let mut show = Show {
            house: &house,
            clock: self.clock.clone(),
            teller: &mut teller,
            told: &mut told,
            by_hand: self.by_hand,
            last: BTreeMap::new(),
        };
        let ending = match &self.scenario {
            Some(scenario) => show.play(Play::new(scenario.clone(), self.by_hand)).await?,
            None => {
                house.stage.with(setup::words);
                show.teller.words()?;
                show.watch().await?
            }
        };
        let summary = house.stage.with(|world| show::summary(world, &ending));
        if self.keep && ending != Ending::Interrupted {
            show.watch().await?;
        }
        house.stop().await?;
        if self.scenario.is_some() {
            teller.end(&summary)?;
        }
        Ok(match ending {
            Ending::Converged => ExitCode::SUCCESS,
            Ending::Interrupted if self.scenario.is_none() => ExitCode::SUCCESS,
            Ending::Interrupted => ExitCode::from(130),
            Ending::Failed(_) => ExitCode::FAILURE,
        })
    }

    fn path(&self) -> String {
        let told = self.scenario.iter().flat_map(|scenario| &scenario.statements);
        let mut told = told.filter_map(|statement| match &statement.verb {
            Verb::Repo { path, .. } => Some(path.clone()),
            _ => None,
        });
        self.path
            .clone()
            .or_else(|| told.next_back())
            .unwrap_or_else(|| "clusters/my-cluster".to_owned())
    }
}
