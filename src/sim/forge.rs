//! A forge: pull requests, comments, labels and commit statuses beside the world's repositories.
//!
//! It speaks Gitea's REST API ([`Forge::handle`]); the simulator and the demo's buttons call the same things by the
//! typed methods here. Its view of Git is live: a pull request's head moves with its branch. Never here: HTTP, tokens
//! (the caller says who asks), the present time (the caller says when).

mod live;
mod merge;
mod pulls;
mod record;
pub mod rest;

pub use merge::Style;
pub use record::Comment;
pub use record::Label;
pub use record::PullRequest;
pub use record::Stage;
pub use record::Status;
pub use rest::Body;
pub use rest::Request;
pub use rest::Response;

use crate::git::Git;
use jiff::Timestamp;
use recant_core::effect::CommitStatus;
use recant_core::query::RepoUrl;
use record::Desk;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// The repositories of the world by `owner/name`.
pub type Repos = BTreeMap<String, Box<dyn Git>>;

/// Who does it, and when.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// The user's login.
    pub user: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// What a user may do in every repository. Everybody may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read, comment.
    Reader,
    /// Push, merge, set statuses.
    Writer,
    /// All.
    Admin,
}

/// Why the forge did not do it: the HTTP status and the words a client of the REST API gets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (HTTP {status})")]
pub struct Refusal {
    /// The HTTP status code.
    pub status: u16,
    /// What it says.
    pub message: String,
}

impl Refusal {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    fn not_found() -> Self {
        Self::new(404, "The target couldn't be found.")
    }
}

/// The forge.
#[derive(Clone, Debug)]
pub struct Forge {
    base_url: String,
    users: Vec<(String, Role)>,
    desks: BTreeMap<String, Desk>,
    next_id: u64,
}

impl Forge {
    /// A forge at this address (`http://127.0.0.1:3000`, no slash at the end), without users or repositories.
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            users: Vec::new(),
            desks: BTreeMap::new(),
            next_id: 1,
        }
    }

    /// The address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Makes a user, or gives one another role.
    pub fn grant(&mut self, login: &str, role: Role) {
        match self.users.iter_mut().find(|(name, _)| name == login) {
            Some((_, old)) => *old = role,
            None => self.users.push((login.to_owned(), role)),
        }
    }

    /// What a user may do.
    pub fn role(&self, login: &str) -> Role {
        let user = self.users.iter().find(|(name, _)| name == login);
        user.map_or(Role::Reader, |(_, role)| *role)
    }

    /// Protects a branch: only these users may push to it. Pull requests into it can be merged all the same.
    pub fn protect(&mut self, repo: &str, branch: &str, pushers: &[&str]) {
        let pushers: BTreeSet<String> = pushers.iter().map(|user| (*user).to_owned()).collect();
        self.desk(repo).protected.insert(branch.to_owned(), pushers);
    }

    /// Whether a user may push to a branch (create, move or delete it); the refusal is what their Git prints.
    pub fn may_push(&self, repo: &str, branch: &str, user: &str) -> Result<(), Refusal> {
        if self.role(user) < Role::Writer {
            return Err(Refusal::new(
                403,
                format!("User permission denied for writing: {user}"),
            ));
        }
        let rule = self.desks.get(repo).and_then(|desk| desk.protected.get(branch));
        if rule.is_some_and(|pushers| !pushers.contains(user)) {
            return Err(Refusal::new(
                403,
                format!("Not allowed to push to protected branch {branch}"),
            ));
        }
        Ok(())
    }

    /// `owner/name` of a repository by its clone URL, if it is one of this forge's.
    pub fn name_of(&self, url: &RepoUrl) -> Option<String> {
        let path = url.0.strip_prefix(&self.base_url)?.strip_prefix('/')?;
        let path = path.trim_end_matches('/');
        let name = path.strip_suffix(".git").unwrap_or(path);
        let (owner, repo) = name.split_once('/')?;
        (!owner.is_empty() && !repo.is_empty() && !repo.contains('/')).then(|| name.to_owned())
    }

    /// The clone URL of a repository by `owner/name`.
    pub fn url_of(&self, repo: &str) -> RepoUrl {
        RepoUrl(format!("{}/{repo}.git", self.base_url))
    }

    /// The page of a pull request.
    pub fn pull_url(&self, repo: &str, number: u64) -> String {
        format!("{}/{repo}/pulls/{number}", self.base_url)
    }

    /// Sets a commit status; an equal one that stands already is left as it is.
    pub fn set_status(&mut self, repos: &Repos, by: By<'_>, status: &CommitStatus) -> Result<(), Refusal> {
        let repo = self.known(repos, &status.repo)?;
        if repos
            .get(&repo)
            .and_then(|git| git.show(&status.commit))
            .is_none()
        {
            return Err(Refusal::not_found());
        }
        if self.role(by.user) < Role::Writer {
            return Err(Refusal::new(
                403,
                "user should have a permission to write to a repo",
            ));
        }
        let new = Status {
            id: self.new_id(),
            commit: status.commit.clone(),
            state: record::state_word(status.state).to_owned(),
            context: status.context.clone(),
            description: status.description.clone(),
            target_url: status.url.clone(),
            creator: by.user.to_owned(),
            created: by.now,
        };
        let standing = self.statuses(&repo, &status.commit);
        if !standing.iter().any(|old| old.says_what(&new)) {
            self.desk(&repo).statuses.push(new);
        }
        Ok(())
    }

    /// The latest status of every context of a commit, in order of context.
    pub fn statuses(&self, repo: &str, commit: &str) -> Vec<&Status> {
        let all = self.desks.get(repo).map(|desk| desk.statuses.as_slice());
        let mut latest = BTreeMap::new();
        for status in all.unwrap_or_default().iter().filter(|s| s.commit == commit) {
            latest.insert(status.context.as_str(), status);
        }
        latest.into_values().collect()
    }

    /// The label of that name, made if it is missing.
    fn label(&mut self, repo: &str, name: &str) -> u64 {
        let there = self.desk(repo).labels.iter().find(|label| label.name == name);
        match there.map(|label| label.id) {
            Some(id) => id,
            None => self.new_label(repo, name, "7057ff", ""),
        }
    }

    fn new_label(&mut self, repo: &str, name: &str, color: &str, description: &str) -> u64 {
        let id = self.new_id();
        self.desk(repo).labels.push(Label {
            id,
            name: name.to_owned(),
            color: color.to_owned(),
            description: description.to_owned(),
        });
        id
    }

    /// The labels of a pull request.
    pub fn labels_of(&self, repo: &str, pull: &PullRequest) -> Vec<&Label> {
        let all = self.desks.get(repo).map(|desk| desk.labels.as_slice());
        let all = all.unwrap_or_default().iter();
        all.filter(|label| pull.labels.contains(&label.id)).collect()
    }

    fn known(&self, repos: &Repos, url: &RepoUrl) -> Result<String, Refusal> {
        let name = self.name_of(url).filter(|name| repos.contains_key(name));
        name.ok_or_else(Refusal::not_found)
    }

    fn desk(&mut self, repo: &str) -> &mut Desk {
        self.desks.entry(repo.to_owned()).or_default()
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// A number for a repository: its place among those that have a desk.
fn repo_id(forge: &Forge, repo: &str) -> usize {
    1 + forge.desks.keys().take_while(|name| *name != repo).count()
}

#[cfg(test)]
mod tests;
