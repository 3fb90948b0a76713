//! Merging a pull request, in each of the styles Gitea offers.

use super::By;
use super::Forge;
use super::Refusal;
use super::Repos;
use super::Role;
use super::record::PullRequest;
use super::record::Stage;
use crate::git::Content;
use crate::git::Git;
use crate::git::NewCommit;
use crate::git::Refused;
use crate::git::merge;
use recant_core::query::Commit;

/// How the base branch takes up the commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A merge commit.
    Merge,
    /// The commits, put on top of the base.
    Rebase,
    /// The commits, put on top of the base, and a merge commit.
    RebaseMerge,
    /// One commit.
    Squash,
    /// The commits as they are, if the base has no others.
    FastForwardOnly,
}

impl Style {
    /// The style Gitea calls so.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "merge" => Self::Merge,
            "rebase" => Self::Rebase,
            "rebase-merge" => Self::RebaseMerge,
            "squash" => Self::Squash,
            "fast-forward-only" => Self::FastForwardOnly,
            _ => return None,
        })
    }
}

impl Forge {
    /// Merges an open pull request and returns the base branch's new head.
    pub fn merge(
        &mut self,
        repos: &mut Repos,
        by: By<'_>,
        repo: &str,
        number: u64,
        style: Style,
    ) -> Result<String, Refusal> {
        let pull = self
            .pull(repos, by.now, repo, number)
            .ok_or_else(Refusal::not_found)?;
        if self.role(by.user) < Role::Writer {
            return Err(Refusal::new(405, "User not allowed to merge PR"));
        }
        match pull.stage {
            Stage::Open if pull.mergeable && !pull.merge_base.is_empty() => {}
            Stage::Open => return Err(Refusal::new(405, "Please try again later")),
            Stage::Merged { .. } => return Err(Refusal::new(405, "")),
            Stage::Closed => return Err(Refusal::not_found()),
        }
        let job = Job {
            message: message(&pull, &self.pull_url(repo, number), style),
            pull: &pull,
            by,
        };
        let git = repos.get_mut(repo).ok_or_else(Refusal::not_found)?;
        let commit = job.commit(git.as_mut(), style).map_err(conflict)?;
        git.set_branch(&pull.base_branch, Some(&pull.base), Some(&commit))
            .map_err(conflict)?;
        self.note_merge(repo, number, by, &commit);
        Ok(commit)
    }

    fn note_merge(&mut self, repo: &str, number: u64, by: By<'_>, commit: &str) {
        if let Some(pull) = self.desk(repo).pulls.get_mut(&number) {
            pull.stage = Stage::Merged {
                commit: commit.to_owned(),
                by: by.user.to_owned(),
            };
            pull.closed = Some(by.now);
            pull.updated = by.now;
        }
    }
}

fn conflict(why: Refused) -> Refusal {
    Refusal::new(409, why.to_string())
}

fn message(pull: &PullRequest, url: &str, style: Style) -> String {
    let PullRequest { title, number, .. } = pull;
    let subject = match style {
        Style::Squash => format!("{title} (#{number})"),
        Style::Merge | Style::Rebase | Style::RebaseMerge | Style::FastForwardOnly => format!(
            "Merge pull request '{title}' (#{number}) from {} into {}",
            pull.head_branch, pull.base_branch
        ),
    };
    format!("{subject}\n\nReviewed-on: {url}\n")
}

struct Job<'a> {
    pull: &'a PullRequest,
    message: String,
    by: By<'a>,
}

impl Job<'_> {
    /// Makes the commits; the last one is to be the base branch's new head.
    fn commit(&self, git: &mut dyn Git, style: Style) -> Result<String, Refused> {
        let PullRequest { base, head, .. } = self.pull;
        match style {
            Style::Merge => self.join(git, head),
            Style::Squash => {
                let content = merged(git, &self.pull.merge_base, base, head)?;
                git.commit(&self.draft(vec![base.clone()], content, &self.pull.user))
            }
            Style::Rebase => self.rebase(git),
            Style::RebaseMerge => {
                let tip = self.rebase(git)?;
                self.join(git, &tip)
            }
            Style::FastForwardOnly if self.pull.merge_base == *base => Ok(head.clone()),
            Style::FastForwardOnly => Err(Refused::Invalid("the base has commits the head lacks".to_owned())),
        }
    }

    fn join(&self, git: &mut dyn Git, tip: &str) -> Result<String, Refused> {
        let base = &self.pull.base;
        let from = git.merge_base(base, tip).unwrap_or_default();
        let content = merged(git, &from, base, tip)?;
        git.commit(&self.draft(vec![base.clone(), tip.to_owned()], content, self.by.user))
    }

    fn rebase(&self, git: &mut dyn Git) -> Result<String, Refused> {
        let PullRequest {
            base,
            head,
            merge_base,
            ..
        } = self.pull;
        if merge_base == base {
            return Ok(head.clone());
        }
        let mut tip = base.clone();
        for commit in git.log(Some(merge_base), head, usize::MAX).into_iter().rev() {
            if let [parent] = commit.parents.as_slice() {
                let content = merged(git, parent, &tip, &commit.id)?;
                tip = git.commit(&self.replayed(&commit, tip, content))?;
            }
        }
        Ok(tip)
    }

    fn replayed(&self, commit: &Commit, onto: String, content: Content) -> NewCommit {
        let (author, email) = commit.author.split_once(" <").unwrap_or((&commit.author, ""));
        NewCommit {
            parents: vec![onto],
            content,
            author: author.to_owned(),
            email: email.trim_end_matches('>').to_owned(),
            message: commit.message.clone(),
            date_s: self.by.now.as_second(),
        }
    }

    fn draft(&self, parents: Vec<String>, content: Content, author: &str) -> NewCommit {
        NewCommit {
            parents,
            content,
            author: author.to_owned(),
            email: format!("{author}@noreply.localhost"),
            message: self.message.clone(),
            date_s: self.by.now.as_second(),
        }
    }
}

fn merged(git: &dyn Git, from: &str, ours: &str, theirs: &str) -> Result<Content, Refused> {
    let tree = |id: &str| git.tree(id).ok_or_else(|| Refused::NoCommit(id.to_owned()));
    match merge::trees(&tree(from)?, &tree(ours)?, &tree(theirs)?) {
        Ok(tree) => Ok(Content::Tree(tree)),
        Err(paths) => Err(Refused::Invalid(format!("conflict in {}", paths.join(", ")))),
    }
}
