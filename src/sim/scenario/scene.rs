//! What an expectation looks at: the world in memory, or anything else in which the same story is told.

use crate::forge;
use crate::git::diff;
use crate::traffic::Tally;
use crate::world::World;
use recant_core::object::Object;
use recant_core::object::ObjectRef;

/// A cluster, a repository and its forge, to be looked at.
pub trait Scene {
    /// One object; none when it is not there.
    fn object(&mut self, name: &ObjectRef) -> Option<Object>;
    /// All objects of a kind, in all namespaces.
    fn objects(&mut self, api_version: &str, kind: &str) -> Vec<Object>;
    /// All pull requests there ever were.
    ///
    /// # Errors
    /// When there is no repository.
    fn pulls(&mut self) -> Result<Vec<Pull>, String>;
    /// The commit at the head of the branch that is deployed.
    ///
    /// # Errors
    /// When there is none.
    fn head(&mut self) -> Result<String, String>;
    /// The text of a file at that head; none when it is not there.
    ///
    /// # Errors
    /// When there is no head.
    fn file(&mut self, path: &str) -> Result<Option<String>, String>;
    /// How many branches the repository has.
    ///
    /// # Errors
    /// When there is no repository.
    fn branches(&mut self) -> Result<usize, String>;
    /// What has become of the requests to a Service.
    ///
    /// # Errors
    /// Where nobody counts them.
    fn tally(&mut self, namespace: &str, service: &str) -> Result<Tally, String>;
    /// How often a receiver of webhooks was called.
    ///
    /// # Errors
    /// Where there are no receivers.
    fn times_called(&mut self, url: &str) -> Result<usize, String>;
    /// What a receiver of webhooks or alerts was told: the texts of all that was posted there.
    ///
    /// # Errors
    /// Where there are no receivers.
    fn heard(&mut self, url: &str) -> Result<Vec<String>, String>;
    /// The state of recant's status of a commit of the deployed branch, by its subject, for a Canary; `none` without one.
    ///
    /// # Errors
    /// When there is no such commit.
    fn commit_status(&mut self, subject: &str, canary: &ObjectRef) -> Result<String, String>;
}

/// What is looked at of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// `open`, `merged` or `closed`.
    pub state: &'static str,
    /// The title.
    pub title: String,
    /// The body.
    pub body: String,
    /// The comments' texts.
    pub comments: Vec<String>,
    /// Files changed, lines added, lines removed.
    pub changes: (usize, usize, usize),
}

impl Scene for World {
    fn object(&mut self, name: &ObjectRef) -> Option<Object> {
        self.cluster.get(name)
    }

    fn objects(&mut self, api_version: &str, kind: &str) -> Vec<Object> {
        self.cluster.list(api_version, kind, "")
    }

    fn pulls(&mut self) -> Result<Vec<Pull>, String> {
        let all = self.pull_requests();
        all.iter().map(|pull| shown(self, pull)).collect()
    }

    fn head(&mut self) -> Result<String, String> {
        Self::head(self)
    }

    fn file(&mut self, path: &str) -> Result<Option<String>, String> {
        Ok(self.head_tree()?.text(path).map(str::to_owned))
    }

    fn branches(&mut self) -> Result<usize, String> {
        Ok(self.git()?.branches().len())
    }

    fn tally(&mut self, namespace: &str, service: &str) -> Result<Tally, String> {
        Ok(self.traffic.tally(namespace, service))
    }

    fn times_called(&mut self, url: &str) -> Result<usize, String> {
        Ok(self.receivers.times(url))
    }

    fn heard(&mut self, url: &str) -> Result<Vec<String>, String> {
        Ok(self.receivers.heard(url))
    }

    fn commit_status(&mut self, subject: &str, canary: &ObjectRef) -> Result<String, String> {
        let head = Self::head(self)?;
        let commits = self.git()?.log(None, &head, 100);
        let commit = commits.iter().find(|commit| commit.subject() == subject);
        let commit = commit.ok_or_else(|| format!("there is no commit {subject:?}"))?;
        let end = format!("/{}/{}", canary.namespace, canary.name);
        let statuses = self.forge.statuses(crate::fleet::REPO, &commit.id);
        let found = statuses.into_iter().find(|status| status.context.ends_with(&end));
        Ok(found.map_or_else(|| "none".to_owned(), |status| status.state.clone()))
    }
}

fn shown(world: &mut World, pull: &forge::PullRequest) -> Result<Pull, String> {
    let git = world.git()?;
    let (base, head) = (git.tree(&pull.merge_base), git.tree(&pull.head));
    let files = diff::diff(&base.unwrap_or_default(), &head.unwrap_or_default());
    let counts = files.iter().map(diff::FileDiff::counts);
    let (added, removed) = counts.fold((0, 0), |(a, r), (more_a, more_r)| (a + more_a, r + more_r));
    Ok(Pull {
        number: pull.number,
        state: match pull.stage {
            forge::Stage::Open => "open",
            forge::Stage::Merged { .. } => "merged",
            forge::Stage::Closed => "closed",
        },
        title: pull.title.clone(),
        body: pull.body.clone(),
        comments: pull.comments.iter().map(|comment| comment.body.clone()).collect(),
        changes: (files.len(), added, removed),
    })
}
