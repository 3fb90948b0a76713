//! Pull requests by typed calls: for the simulator, and for the demo's buttons.

use super::By;
use super::Forge;
use super::Refusal;
use super::Repos;
use super::Role;
use super::record::Comment;
use super::record::PullRequest;
use super::record::Stage;
use super::repo_id;
use jiff::Timestamp;
use recant_core::effect::PullComment;
use recant_core::effect::PullText;
use recant_core::query::Branch;
use recant_core::query::Pull;

impl Forge {
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

    /// The bodies of the comments under a pull request from that branch, oldest first.
    pub fn comments(&self, branch: &Branch, number: u64) -> Result<Vec<String>, Refusal> {
        let pull = self.of_branch(branch, number)?;
        Ok(pull.comments.iter().map(|comment| comment.body.clone()).collect())
    }

    /// Makes the comment with that marker say this; writes it when there is none.
    pub fn upsert_comment(&mut self, by: By<'_>, wanted: &PullComment) -> Result<(), Refusal> {
        let PullComment {
            branch, number, body, ..
        } = wanted;
        let pull = self.of_branch(branch, *number)?;
        let standing = pull.comments.iter().find(|c| c.body.contains(&wanted.marker));
        let repo = self.name_of(&branch.repo).ok_or_else(Refusal::not_found)?;
        let Some(id) = standing.map(|comment| comment.id) else {
            return self.comment(by, &repo, *number, body).map(drop);
        };
        let comments = &mut self.pull_to_comment(&repo, *number)?.comments;
        for comment in comments.iter_mut().filter(|c| c.id == id && c.body != *body) {
            comment.body.clone_from(body);
            comment.updated = by.now;
        }
        Ok(())
    }

    fn of_branch(&self, branch: &Branch, number: u64) -> Result<&PullRequest, Refusal> {
        let repo = self.name_of(&branch.repo).ok_or_else(Refusal::not_found)?;
        let pull = self.desks.get(&repo).and_then(|desk| desk.pulls.get(&number));
        pull.filter(|pull| pull.head_branch == branch.name)
            .ok_or_else(Refusal::not_found)
    }

    pub(super) fn create_pull(
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
    pub(super) fn pull_to_edit(
        &mut self,
        repo: &str,
        number: u64,
        by: By<'_>,
    ) -> Result<&mut PullRequest, Refusal> {
        let writer = self.role(by.user) >= Role::Writer;
        let desk = self.desks.get_mut(repo).ok_or_else(Refusal::not_found)?;
        let pull = desk.pulls.get_mut(&number).ok_or_else(Refusal::not_found)?;
        if !writer && pull.user != by.user {
            return Err(Refusal::new(403, ""));
        }
        pull.updated = by.now;
        Ok(pull)
    }

    pub(super) fn pull_to_comment(&mut self, repo: &str, number: u64) -> Result<&mut PullRequest, Refusal> {
        let desk = self.desks.get_mut(repo).ok_or_else(Refusal::not_found)?;
        desk.pulls.get_mut(&number).ok_or_else(Refusal::not_found)
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
