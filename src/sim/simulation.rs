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
use recant_core::baseline::RECANT_API;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
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
    /// A second replica, that does not know of the first.
    twin: Option<Agent>,
    /// Another cluster that deploys the same directory of the same repository, with a recant of its own.
    sister: Option<Box<(World, Agent)>>,
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
    /// What the operator of recant chose.
    pub settings: Settings,
    /// Who else is at work.
    pub company: Company,
}

/// Who else is at work on the same repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Company {
    /// Nobody.
    #[default]
    Alone,
    /// A second replica in the same cluster, and no lease between them.
    Twin,
    /// A second cluster that deploys the same directory, by another name.
    Sister,
    /// A second cluster that deploys the same directory, by the same name: a copy.
    Fork,
    /// A second cluster that deploys a directory of its own, in which the same is said as in the first one's.
    Neighbour,
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
        let tree = match start.company {
            Company::Neighbour => beside(&tree, start.path),
            _ => tree,
        };
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
        settle(&mut world, start, &url, start.path)?;
        let mut settings = start.settings.clone();
        if let Some(provider) = scenario.mesh_provider() {
            provider.clone_into(&mut settings.mesh_provider);
        }
        let agent = || Agent::new(settings.clone(), start.faults.clone());
        let twin = (start.company == Company::Twin).then(agent);
        let sister = match start.company {
            Company::Alone | Company::Twin => None,
            Company::Sister | Company::Fork | Company::Neighbour => {
                Some(Box::new(sister(start, begin, &url)?))
            }
        };
        Ok(Self {
            world,
            agent: agent(),
            twin,
            sister,
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
            let told = match &mut self.twin {
                Some(twin) => Agent::turns(&mut [&mut self.agent, twin], &mut self.world),
                None => self.agent.turn(&mut self.world),
            };
            self.told.extend(told);
            self.sisters_turn(next)?;
            check(&mut self.world).map_err(|e| format!("{}: {e}", self.world.now()))?;
        }
        Err("the scenario did not end within six hours".to_owned())
    }

    /// The other cluster's turn: it sees the same repositories and the same forge, and its Forges say the same.
    fn sisters_turn(&mut self, next: Timestamp) -> Result<(), String> {
        let Some(sister) = &mut self.sister else {
            return Ok(());
        };
        let (world, agent) = &mut **sister;
        same_forges(&self.world, world)?;
        std::mem::swap(&mut world.repos, &mut self.world.repos);
        std::mem::swap(&mut world.forge, &mut self.world.forge);
        world.behaviours = self.world.behaviours.clone();
        world.advance(next);
        let told = agent.turn(world);
        self.told.extend(told);
        std::mem::swap(&mut world.repos, &mut self.world.repos);
        std::mem::swap(&mut world.forge, &mut self.world.forge);
        self.world.neighbours = world.cluster.list(RECANT_API, "Revert", "");
        Ok(())
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

/// Puts the kinds, the mesh and Flux into a cluster, and points Flux at the repository.
fn settle(world: &mut World, start: &Start<'_>, url: &str, path: &str) -> Result<(), String> {
    world.install(start.crds)?;
    world.install_mesh().map_err(|e| e.to_string())?;
    world.bootstrap(url, "main", path).map_err(|e| e.to_string())
}

/// Says in another cluster what is said of the Git hosts in this one.
fn same_forges(world: &World, other: &mut World) -> Result<(), String> {
    for forge in world.cluster.list(RECANT_API, "Forge", "") {
        let name = forge.reference();
        let known = other.cluster.get(&name);
        let spec = forge.at("/spec").cloned().unwrap_or_default();
        if known
            .as_ref()
            .is_some_and(|known| known.at("/spec") == Some(&spec))
        {
            continue;
        }
        let namespace = ObjectRef::new("v1", "Namespace", "", &name.namespace);
        let mut object = known.clone().unwrap_or_else(|| Object::named(&name));
        object.set("/spec", spec);
        let write = match known {
            Some(_) => Write::Update(object),
            None => Write::Create(object),
        };
        let is_new = other.cluster.get(&namespace).is_none();
        let namespace = is_new.then(|| Write::Create(Object::named(&namespace)));
        for write in namespace.into_iter().chain([write]) {
            let now = other.now();
            let done = other.cluster.write(now, PERSON, &write);
            done.map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

/// The directory of the neighbour.
const NEIGHBOUR: &str = "clusters/neighbour";

/// The tree with the same directory once more for the neighbour.
fn beside(tree: &Tree, path: &str) -> Tree {
    let copied = tree.below(path).filter_map(|(file, _)| {
        let text = tree.text(file)?.replace(path, NEIGHBOUR);
        Some((file.replace(path, NEIGHBOUR), text))
    });
    copied.fold(tree.clone(), |tree, (file, text)| {
        tree.with(&file, text.as_bytes())
    })
}

/// Another cluster on the same repository.
fn sister(start: &Start<'_>, begin: Timestamp, url: &str) -> Result<(World, Agent), String> {
    let mut world = World::new(start.seed.wrapping_add(1), begin);
    let path = match start.company {
        Company::Neighbour => NEIGHBOUR,
        _ => start.path,
    };
    settle(&mut world, start, url, path)?;
    let mut settings = start.settings.clone();
    match start.company {
        Company::Sister => settings.cluster_name = "sister".to_owned(),
        Company::Neighbour => settings.cluster_name = "neighbour".to_owned(),
        Company::Alone | Company::Twin | Company::Fork => {}
    }
    Ok((world, Agent::new(settings, start.faults.clone())))
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
