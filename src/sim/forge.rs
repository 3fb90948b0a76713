//! A forge: pull requests, comments, labels and commit statuses beside the world's repositories.
//!
//! It speaks Gitea's REST API ([`Forge::handle`]); the simulator and the demo's buttons call the same things by the
//! typed methods here. Its view of Git is live: a pull request's head moves with its branch. Never here: HTTP, tokens
//! (the caller says who asks), the present time (the caller says when).

mod live;
mod merge;
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
use recant_core::effect::PullText;
use recant_core::query::Branch;
use recant_core::query::Pull;
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

    /// The pull requests from one head branch, open and closed, newest first.
    pub fn pulls(&mut self, repos: &Repos, now: Timestamp, branch: &Branch) -> Result<Vec<Pull>, Refusal> {
        let repo = self.known(repos, &branch.repo)?;
        self.refresh(repos, now);
        let all = self.desk(&repo).pulls.values().rev().cloned().collect::<Vec<_>>();
        let ours = all.iter().filter(|pull| pull.head_branch == branch.name);
        Ok(ours.map(|pull| self.as_pull(&repo, pull)).collect())
    }

    /// All pull requests of a repository, newest first, as they are now.
    pub fn all_pulls(&mut self, repos: &Repos, now: Timestamp, repo: &str) -> Vec<PullRequest> {
        self.refresh(repos, now);
        let desk = self.desks.get(repo);
        desk.map(|desk| desk.pulls.values().rev().cloned().collect())
            .unwrap_or_default()
    }

    /// How many pull requests of a repository were open when last looked at.
    pub fn count_open(&self, repo: &str) -> usize {
        let pulls = self
            .desks
            .get(repo)
            .into_iter()
            .flat_map(|desk| desk.pulls.values());
        pulls.filter(|pull| pull.stage == Stage::Open).count()
    }

    /// One pull request as it is now.
    pub fn pull(&mut self, repos: &Repos, now: Timestamp, repo: &str, number: u64) -> Option<PullRequest> {
        self.refresh(repos, now);
        self.desks.get(repo)?.pulls.get(&number).cloned()
    }

    /// Opens a pull request with its labels, or returns the open one from that branch into that base.
    pub fn open(&mut self, repos: &Repos, by: By<'_>, text: &PullText) -> Result<Pull, Refusal> {
        let repo = self.known(repos, &text.branch.repo)?;
        self.refresh(repos, by.now);
        let number = match self.open_from(&repo, &text.branch.name, &text.base) {
            Some(pull) => pull.number,
            None => {
                let labels = text.labels.iter().map(|name| self.label(&repo, name)).collect();
                self.create_pull(repos, &repo, by, text, labels)?
            }
        };
        self.pull(repos, by.now, &repo, number)
            .map(|pull| self.as_pull(&repo, &pull))
            .ok_or_else(Refusal::not_found)
    }

    /// Gives a pull request a new title and body.
    pub fn update(&mut self, by: By<'_>, number: u64, text: &PullText) -> Result<(), Refusal> {
        let repo = self.name_of(&text.branch.repo).ok_or_else(Refusal::not_found)?;
        let pull = self.pull_to_edit(&repo, number, by)?;
        pull.title.clone_from(&text.title);
        pull.body.clone_from(&text.body);
        Ok(())
    }

    /// Closes a pull request, with a comment unless that is empty. Closing a closed one does nothing.
    pub fn close(&mut self, by: By<'_>, repo: &str, number: u64, comment: &str) -> Result<(), Refusal> {
        let pull = self.pull_to_edit(repo, number, by)?;
        match pull.stage {
            Stage::Closed => return Ok(()),
            Stage::Merged { .. } => {
                return Err(Refusal::new(
                    412,
                    "cannot change state of this pull request, it was already merged",
                ));
            }
            Stage::Open => pull.stage = Stage::Closed,
        }
        pull.closed = Some(by.now);
        if !comment.is_empty() {
            self.comment(by, repo, number, comment)?;
        }
        Ok(())
    }

    /// Comments on a pull request; returns the comment's id.
    pub fn comment(&mut self, by: By<'_>, repo: &str, number: u64, body: &str) -> Result<u64, Refusal> {
        let id = self.new_id();
        let pull = self
            .desk(repo)
            .pulls
            .get_mut(&number)
            .ok_or_else(Refusal::not_found)?;
        pull.updated = by.now;
        pull.comments.push(Comment {
            id,
            user: by.user.to_owned(),
            body: body.to_owned(),
            created: by.now,
            updated: by.now,
        });
        Ok(id)
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
            target_url: String::new(),
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

    fn create_pull(
        &mut self,
        repos: &Repos,
        repo: &str,
        by: By<'_>,
        text: &PullText,
        labels: Vec<u64>,
    ) -> Result<u64, Refusal> {
        if text.branch.name == text.base {
            return Err(Refusal::new(
                422,
                "Invalid PullRequest: There are no changes between the head and the base",
            ));
        }
        let git = repos.get(repo).ok_or_else(Refusal::not_found)?;
        let head = git.head(&text.branch.name).ok_or_else(Refusal::not_found)?;
        let base = git.head(&text.base).ok_or_else(Refusal::not_found)?;
        if let Some(there) = self.open_from(repo, &text.branch.name, &text.base) {
            return Err(already_exists(there, repo_id(self, repo)));
        }
        let merge_base = git.merge_base(&base, &head).unwrap_or_default();
        let id = self.new_id();
        let desk = self.desk(repo);
        desk.last_number += 1;
        let pull = PullRequest {
            id,
            number: desk.last_number,
            user: by.user.to_owned(),
            title: text.title.clone(),
            body: text.body.clone(),
            labels,
            head_branch: text.branch.name.clone(),
            base_branch: text.base.clone(),
            head,
            base,
            merge_base,
            mergeable: true,
            stage: Stage::Open,
            ahead: None,
            checked: None,
            comments: Vec::new(),
            created: by.now,
            updated: by.now,
            closed: None,
        };
        let number = pull.number;
        desk.pulls.insert(number, pull);
        self.refresh(repos, by.now);
        Ok(number)
    }

    fn open_from(&self, repo: &str, head: &str, base: &str) -> Option<&PullRequest> {
        let mut pulls = self.desks.get(repo)?.pulls.values();
        pulls.find(|pull| pull.stage == Stage::Open && pull.head_branch == head && pull.base_branch == base)
    }

    /// The pull request, for its author or a writer to edit.
    fn pull_to_edit(&mut self, repo: &str, number: u64, by: By<'_>) -> Result<&mut PullRequest, Refusal> {
        let writer = self.role(by.user) >= Role::Writer;
        let desk = self.desks.get_mut(repo).ok_or_else(Refusal::not_found)?;
        let pull = desk.pulls.get_mut(&number).ok_or_else(Refusal::not_found)?;
        if !writer && pull.user != by.user {
            return Err(Refusal::new(403, ""));
        }
        pull.updated = by.now;
        Ok(pull)
    }

    fn pull_to_comment(&mut self, repo: &str, number: u64) -> Result<&mut PullRequest, Refusal> {
        let desk = self.desks.get_mut(repo).ok_or_else(Refusal::not_found)?;
        desk.pulls.get_mut(&number).ok_or_else(Refusal::not_found)
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

    fn as_pull(&self, repo: &str, pull: &PullRequest) -> Pull {
        Pull {
            number: pull.number,
            url: self.pull_url(repo, pull.number),
            state: pull.stage.as_state(),
            head: pull.head.clone(),
            base: pull.base_branch.clone(),
            title: pull.title.clone(),
            body: pull.body.clone(),
        }
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

fn already_exists(pull: &PullRequest, repo_id: usize) -> Refusal {
    Refusal::new(
        409,
        format!(
            "pull request already exists for these targets [id: {}, issue_id: {}, head_repo_id: {repo_id}, \
             base_repo_id: {repo_id}, head_branch: {}, base_branch: {}]",
            pull.id, pull.number, pull.head_branch, pull.base_branch
        ),
    )
}

#[cfg(test)]
mod tests;
