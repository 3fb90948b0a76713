//! A scenario in the simulator: world, recant and story, second by second, without a wall clock.

use crate::agent::Agent;
use crate::agent::Told;
use crate::fault::Faults;
use crate::fleet::BOT;
use crate::fleet::PERSON;
use crate::fleet::REPO;
use crate::fleet::point_at;
use crate::forge::Role;
use crate::git::Content;
use crate::git::Git;
use crate::git::MemoryGit;
use crate::git::NewCommit;
use crate::scenario::Play;
use crate::scenario::Progress;
use crate::scenario::Scenario;
use crate::world::World;
use jiff::SignedDuration;
use jiff::Timestamp;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::settings::Settings;
use recant_render::Tree;
use serde_json::Value;

/// No scenario takes longer than this.
const LONGEST: SignedDuration = SignedDuration::from_hours(6);

/// A running simulation.
pub struct Simulation {
    /// The world.
    pub world: World,
    /// recant.
    pub agent: Agent,
    /// What recant did and why, in order.
    pub told: Vec<Told>,
    play: Play,
}

/// What a simulation begins with.
pub struct Start<'a> {
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// The files of the repository.
    pub tree: &'a Tree,
    /// The cluster's directory in it.
    pub path: &'a str,
    /// The kinds to install.
    pub crds: &'a [Value],
    /// What goes wrong.
    pub faults: Faults,
}

impl Simulation {
    /// When every simulation begins.
    pub const BEGIN: &'static str = "2026-01-05T09:00:00Z";

    /// Sets the world up: a repository with one commit, the kinds, Flux pointed at it.
    ///
    /// # Errors
    /// What the world refused.
    pub fn new(start: &Start<'_>, scenario: Scenario) -> Result<Self, String> {
        let begin: Timestamp = Self::BEGIN.parse().map_err(|e| format!("{e}"))?;
        let mut world = World::new(start.seed, begin);
        let mut git = MemoryGit::new("main");
        let url = world.forge.url_of(REPO).0;
        let files = point_at(start.tree, start.path, &url, "main");
        let tree = files.iter().fold(start.tree.clone(), |tree, (file, bytes)| {
            tree.with(file, bytes.as_deref().unwrap_or_default())
        });
        let first = git.commit(&NewCommit {
            parents: Vec::new(),
            content: Content::Tree(tree),
            author: "Dana Example".to_owned(),
            email: "dana@example.com".to_owned(),
            message: "The fleet\n".to_owned(),
            date_s: begin.as_second(),
        });
        let first = first.map_err(|e| e.to_string())?;
        git.set_branch("main", None, Some(&first))
            .map_err(|e| e.to_string())?;
        world.repos.insert(REPO.to_owned(), Box::new(git));
        world.people();
        world.install(start.crds)?;
        world.install_mesh().map_err(|e| e.to_string())?;
        world
            .bootstrap(&url, "main", start.path)
            .map_err(|e| e.to_string())?;
        let agent = Agent::new(Settings::default(), start.faults.clone());
        Ok(Self {
            world,
            agent,
            told: Vec::new(),
            play: Play::new(scenario, false),
        })
    }

    /// Plays to the end. `check` is called after every second.
    ///
    /// # Errors
    /// `file:line: message` of the statement that could not be carried out or was not fulfilled; what `check` said.
    pub fn run(&mut self, mut check: impl FnMut(&mut World) -> Result<(), String>) -> Result<(), String> {
        let end = self.world.now() + LONGEST;
        while self.world.now() < end {
            if self.play_on()? {
                return Ok(());
            }
            let next = self.world.now() + SignedDuration::from_secs(1);
            self.world.advance(next);
            let told = self.agent.turn(&mut self.world);
            self.told.extend(told);
            check(&mut self.world).map_err(|e| format!("{}: {e}", self.world.now()))?;
        }
        Err("the scenario did not end within six hours".to_owned())
    }

    /// Carries out what is due; true at the end.
    fn play_on(&mut self) -> Result<bool, String> {
        loop {
            match self.play.poll(&mut self.world)? {
                Progress::Did(_) => {}
                Progress::Waiting(_) => return Ok(false),
                Progress::Done => return Ok(true),
            }
        }
    }
}

impl World {
    /// The people of the forge: the person may do everything, recant may push and open pull requests.
    pub fn people(&mut self) {
        self.forge.grant(PERSON, Role::Admin);
        self.forge.grant(BOT, Role::Writer);
        self.forge.protect(REPO, "main", &[PERSON]);
    }

    /// Installs custom resource definitions.
    ///
    /// # Errors
    /// What the API server refused.
    pub fn install(&mut self, crds: &[Value]) -> Result<(), String> {
        let now = self.now();
        for crd in crds {
            let write = Write::Create(Object(crd.clone()));
            self.cluster
                .write(now, "setup", &write)
                .map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}
