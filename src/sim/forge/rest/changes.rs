//! What a pull request changes: its commits, its files, its diff.

use super::Answer;
use super::Asked;
use super::Body;
use super::Response;
use crate::forge::Refusal;
use crate::forge::record::PullRequest;
use crate::git::diff;
use crate::git::diff::FileDiff;
use crate::git::diff::Kind;
use serde_json::Value;
use serde_json::json;

const MAX_COMMITS: usize = 10_000;

impl Asked<'_> {
    pub(super) fn pull_commits(&self, pull: &PullRequest) -> Answer {
        let git = self.git()?;
        let log = git.log(Some(&pull.merge_base), &pull.head, MAX_COMMITS);
        Ok(self.page(log.iter().map(|commit| self.show_commit(git, commit)).collect()))
    }

    pub(super) fn pull_files(&self, pull: &PullRequest) -> Answer {
        let files = self.diff(pull)?;
        Ok(self.page(files.iter().map(|file| self.show_file(pull, file)).collect()))
    }

    pub(super) fn pull_diff(&self, pull: &PullRequest) -> Answer {
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: Body::Text(diff::unified(&self.diff(pull)?)),
        })
    }

    fn diff(&self, pull: &PullRequest) -> Result<Vec<FileDiff>, Refusal> {
        let git = self.git()?;
        let before = git.tree(&pull.merge_base).unwrap_or_default();
        let after = git.tree(&pull.head).ok_or_else(Refusal::not_found)?;
        Ok(diff::diff(&before, &after))
    }

    fn show_file(&self, pull: &PullRequest, file: &FileDiff) -> Value {
        let (added, removed) = file.counts();
        let page = |kind: &str| {
            let base = self.forge.base_url();
            format!("{base}/{}/{kind}/commit/{}/{}", self.repo, pull.head, file.path)
        };
        json!({
            "filename": file.path,
            "status": match file.kind {
                Kind::Added => "added",
                Kind::Deleted => "deleted",
                Kind::Changed => "changed",
            },
            "additions": added,
            "deletions": removed,
            "changes": added + removed,
            "html_url": page("src"),
            "raw_url": page("raw"),
            "contents_url": self.url(&format!("contents/{}?ref={}", file.path, pull.head)),
        })
    }
}
