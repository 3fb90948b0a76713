//! Pull requests: list, open, read, edit, merge.

use super::Answer;
use super::Asked;
use super::Response;
use crate::forge::Refusal;
use crate::forge::Style;
use crate::forge::record::PullRequest;
use crate::forge::record::Stage;
use recant_core::effect::PullText;
use recant_core::effect::PullWishes;
use recant_core::query::Branch;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Create {
    #[serde(default)]
    head: String,
    #[serde(default)]
    base: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    labels: Vec<u64>,
}

#[derive(Deserialize)]
struct Edit {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    labels: Option<Vec<u64>>,
}

#[derive(Deserialize)]
struct Merge {
    #[serde(default, rename = "Do")]
    style: String,
    #[serde(default)]
    head_commit_id: String,
    #[serde(default)]
    delete_branch_after_merge: bool,
}

impl Asked<'_> {
    pub(super) fn pulls(&mut self, parts: &[&str]) -> Answer {
        let Some((number, rest)) = parts.split_first() else {
            return match self.method() {
                "GET" => Ok(self.list_pulls()),
                "POST" => self.create_pull(),
                _ => Err(Refusal::not_found()),
            };
        };
        let (number, suffix) = number.split_once('.').unwrap_or((number, ""));
        let pull = self.find_pull(number)?;
        match (self.method(), suffix, rest) {
            ("GET", "", []) => Ok(Response::json(200, self.show_pull(&pull))),
            ("GET", "diff", []) => self.pull_diff(&pull),
            ("PATCH", "", []) => self.edit_pull(&pull),
            ("GET", "", ["files"]) => self.pull_files(&pull),
            ("GET", "", ["commits"]) => self.pull_commits(&pull),
            ("POST", "", ["merge"]) => self.merge_pull(&pull),
            ("GET", "", ["merge"]) => match pull.stage {
                Stage::Merged { .. } => Ok(Response::empty(204)),
                Stage::Open | Stage::Closed => Err(Refusal::not_found()),
            },
            _ => Err(Refusal::not_found()),
        }
    }

    pub(super) fn find_pull(&self, number: &str) -> Result<PullRequest, Refusal> {
        let number: u64 = number.parse().map_err(|_| Refusal::not_found())?;
        let desk = self.forge.desks.get(&self.repo);
        let pull = desk.and_then(|desk| desk.pulls.get(&number));
        pull.cloned().ok_or_else(Refusal::not_found)
    }

    fn list_pulls(&self) -> Response {
        let value = |name: &str| self.query.get(name).map(String::as_str);
        let state = value("state").unwrap_or("open");
        let owner = self.repo.split('/').next().unwrap_or_default();
        let head = value("head").map(|head| head.strip_prefix(&format!("{owner}:")).unwrap_or(head));
        let wanted = |pull: &&PullRequest| {
            let open = pull.stage == Stage::Open;
            let state = match state {
                "open" => open,
                "closed" => !open,
                _ => true,
            };
            state
                && head.is_none_or(|head| head == pull.head_branch)
                && value("base_branch").is_none_or(|base| base == pull.base_branch)
        };
        let desk = self.forge.desks.get(&self.repo);
        let pulls = desk.into_iter().flat_map(|desk| desk.pulls.values().rev());
        let shown: Vec<Value> = pulls.filter(wanted).map(|pull| self.show_pull(pull)).collect();
        self.page(shown)
    }

    fn create_pull(&mut self) -> Answer {
        let by = self.by()?;
        let form: Create = self.form()?;
        for (name, value) in [("Head", &form.head), ("Base", &form.base), ("Title", &form.title)] {
            if value.is_empty() {
                return Err(Refusal::new(422, format!("[{name}]: Required")));
            }
        }
        let owner = self.repo.split('/').next().unwrap_or_default();
        let head = form.head.strip_prefix(&format!("{owner}:")).unwrap_or(&form.head);
        let text = PullText {
            branch: Branch {
                repo: self.forge.url_of(&self.repo),
                name: head.to_owned(),
            },
            base: form.base,
            title: form.title,
            body: form.body,
            labels: Vec::new(),
            wishes: PullWishes::default(),
        };
        let labels = self.known_labels(form.labels);
        let number = self
            .forge
            .create_pull(self.repos, &self.repo, by, &text, labels)?;
        let pull = self.find_pull(&number.to_string())?;
        Ok(Response::json(201, self.show_pull(&pull)))
    }

    fn edit_pull(&mut self, pull: &PullRequest) -> Answer {
        let by = self.by()?;
        let form: Edit = self.form()?;
        let labels = form.labels.map(|labels| self.known_labels(labels));
        let edited = self.forge.pull_to_edit(&self.repo, pull.number, by)?;
        if let Some(title) = form.title.filter(|title| !title.is_empty()) {
            edited.title = title;
        }
        if let Some(body) = form.body {
            edited.body = body;
        }
        if let Some(labels) = labels {
            edited.labels = labels;
        }
        match form.state.as_deref() {
            Some("closed") => self.forge.close(by, &self.repo, pull.number, "")?,
            Some("open") => self.reopen(pull)?,
            _ => {}
        }
        let pull = self.find_pull(&pull.number.to_string())?;
        Ok(Response::json(201, self.show_pull(&pull)))
    }

    fn reopen(&mut self, pull: &PullRequest) -> Result<(), Refusal> {
        let by = self.by()?;
        if let Stage::Merged { .. } = pull.stage {
            let why = "cannot change state of this pull request, it was already merged";
            return Err(Refusal::new(412, why));
        }
        let pull = self.forge.pull_to_edit(&self.repo, pull.number, by)?;
        (pull.stage, pull.closed, pull.checked) = (Stage::Open, None, None);
        self.forge.refresh(self.repos, self.now);
        Ok(())
    }

    fn merge_pull(&mut self, pull: &PullRequest) -> Answer {
        let by = self.by()?;
        let form: Merge = self.form()?;
        let name = if form.style.is_empty() {
            "merge"
        } else {
            &form.style
        };
        let style = Style::named(name).ok_or_else(|| {
            let why = format!("{name} is not allowed an allowed merge style for this repository");
            Refusal::new(405, why)
        })?;
        let open = pull.stage == Stage::Open;
        if open && !form.head_commit_id.is_empty() && form.head_commit_id != pull.head {
            return Err(Refusal::new(409, "head out of date"));
        }
        self.forge.merge(self.repos, by, &self.repo, pull.number, style)?;
        if form.delete_branch_after_merge {
            self.delete_head(by.user, pull)?;
        }
        Ok(Response::empty(200))
    }

    /// Deletes a merged branch, unless it is kept: protected, or the head of another open pull request.
    fn delete_head(&mut self, user: &str, pull: &PullRequest) -> Result<(), Refusal> {
        let desk = self.forge.desks.get(&self.repo);
        let mut others = desk.into_iter().flat_map(|desk| desk.pulls.values());
        let wanted = others.any(|other| other.stage == Stage::Open && other.head_branch == pull.head_branch);
        if wanted || self.forge.may_push(&self.repo, &pull.head_branch, user).is_err() {
            return Ok(());
        }
        let git = self.repos.get_mut(&self.repo).ok_or_else(Refusal::not_found)?;
        git.set_branch(&pull.head_branch, Some(&pull.head), None)
            .map_err(|why| Refusal::new(409, why.to_string()))
    }
}
