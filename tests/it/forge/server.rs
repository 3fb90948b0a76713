//! A forge with one repository on a port of its own, for as long as a test runs.

pub(crate) use crate::conformance::git::git;
pub(crate) use crate::conformance::git::git_ok;
pub(crate) use crate::conformance::git::git_tried;
use jiff::Timestamp;
use recant::demo::bare::BareGit;
use recant::demo::forge_http;
use recant::demo::forge_http::Hosted;
use recant::demo::forge_http::Site;
use recant::demo::forge_http::Users;
use recant::demo::git_http;
use recant::demo::git_http::Program;
use recant::demo::git_http::Served;
use recant_render::Tree;
use recant_sim::forge::Forge;
use recant_sim::forge::Repos;
use recant_sim::forge::Role;
use recant_sim::git::Content;
use recant_sim::git::Git;
use recant_sim::git::NewCommit;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

pub(crate) const REPO: &str = "demo/fleet";
pub(crate) const PERSON: &str = "person-token";
pub(crate) const RECANT: &str = "recant-token";

/// The forge, its repositories, and what was pushed.
pub(crate) struct World {
    state: Mutex<(Forge, Repos)>,
    pub(crate) pushes: Mutex<Vec<(String, String)>>,
}

impl Hosted for World {
    fn with(&self, job: &mut dyn FnMut(&mut Forge, &mut Repos, Timestamp)) {
        let mut state = self.state.lock().expect("no job panics");
        let (forge, repos) = &mut *state;
        job(forge, repos, Timestamp::now());
    }
}

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) world: Arc<World>,
    pub(crate) dir: tempfile::TempDir,
}

impl Server {
    /// Starts one; `main` holds these files and is protected.
    pub(crate) async fn start(files: &str) -> Self {
        let dir = tempfile::tempdir().expect("there is a temporary directory");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("there is a port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let path = dir.path().join("fleet.git");
        let mut git = BareGit::init(&path, "main").expect("the directory is new");
        commit(&mut git, "main", Tree::fixture(files), "the first commit\n");
        let mut forge = Forge::new(&url);
        forge.grant("ada", Role::Admin);
        forge.grant("recant", Role::Writer);
        forge.protect(REPO, "main", &["ada"]);
        let world = Arc::new(World {
            state: Mutex::new((
                forge,
                Repos::from([(REPO.to_owned(), Box::new(git) as Box<dyn Git>)]),
            )),
            pushes: Mutex::default(),
        });
        let users = Users::default().with(PERSON, "ada").with(RECANT, "recant");
        let (asked, told) = (world.clone(), world.clone());
        let served = Served {
            program: Program::find(std::env::var_os("PATH").as_deref()).expect("git is there"),
            repos: BTreeMap::from([(REPO.to_owned(), path)]),
            users: users.clone(),
            may_push: Arc::new(move |repo, branch, user| {
                let (forge, _) = &*asked.state.lock().expect("no job panics");
                forge.may_push(repo, branch, user).map_err(|why| why.message)
            }),
            pushed: Arc::new(move |repo, user| {
                let mut pushes = told.pushes.lock().expect("no job panics");
                pushes.push((repo.to_owned(), user.to_owned()));
            }),
        };
        let site = Site::new(world.clone(), users, "ada");
        let app = git_http::router(served).merge(forge_http::router(site));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, world, dir }
    }

    /// Runs a job on the forge.
    pub(crate) fn with<R>(&self, job: impl FnOnce(&mut Forge, &mut Repos, Timestamp) -> R) -> R {
        let (mut job, mut result) = (Some(job), None);
        self.world.with(&mut |forge, repos, now| {
            result = job.take().map(|job| job(forge, repos, now));
        });
        result.expect("the job ran")
    }

    /// Commits on a branch of the repository, as if pushed.
    pub(crate) fn commit(&self, branch: &str, tree: Tree, message: &str) -> String {
        self.with(|_, repos, _| {
            commit(
                repos.get_mut(REPO).expect("it is there").as_mut(),
                branch,
                tree,
                message,
            )
        })
    }

    /// The clone URL with a token.
    pub(crate) fn remote(&self, token: &str) -> String {
        let url = format!("{}/{REPO}.git", self.url);
        if token.is_empty() {
            return url;
        }
        url.replacen("http://", &format!("http://x:{token}@"), 1)
    }
}

/// Commits on top of `main` and moves the branch there.
pub(crate) fn commit(git: &mut dyn Git, branch: &str, tree: Tree, message: &str) -> String {
    let parents: Vec<String> = git.head("main").into_iter().collect();
    let new = NewCommit {
        date_s: 1_700_000_000 + 60 * git.branches().len() as i64,
        parents,
        content: Content::Tree(tree),
        author: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        message: message.to_owned(),
    };
    let id = git.commit(&new).expect("the commit can be made");
    let old = git.head(branch);
    git.set_branch(branch, old.as_deref(), Some(&id))
        .expect("the branch is where it was");
    id
}
