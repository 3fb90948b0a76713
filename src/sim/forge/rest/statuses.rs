//! Commit statuses.

use super::Answer;
use super::Asked;
use super::Response;
use crate::forge::Refusal;
use crate::forge::record::Status;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

/// From the worst to the best: the combined status of a commit is the worst of its own.
const STATES: [&str; 5] = ["error", "failure", "warning", "pending", "success"];

#[derive(Deserialize)]
struct Create {
    #[serde(default)]
    state: String,
    #[serde(default)]
    context: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    target_url: String,
}

impl Asked<'_> {
    pub(super) fn statuses(&mut self, parts: &[&str]) -> Answer {
        match (self.method(), parts) {
            ("POST", ["statuses", sha]) => self.create_status(sha),
            ("GET", ["statuses", sha]) => self.list_statuses(sha),
            ("GET", ["commits", name @ .., "statuses"]) => self.list_statuses(&name.join("/")),
            ("GET", ["commits", name @ .., "status"]) => self.combined(&name.join("/")),
            _ => Err(Refusal::not_found()),
        }
    }

    fn create_status(&mut self, sha: &str) -> Answer {
        let by = self.writer()?;
        let form: Create = self.form()?;
        let commit = self.resolve(sha)?;
        if !STATES.contains(&form.state.as_str()) {
            return Err(Refusal::new(
                422,
                format!("[State]: invalid state {:?}", form.state),
            ));
        }
        let status = Status {
            id: self.forge.new_id(),
            commit,
            state: form.state,
            context: if form.context.is_empty() {
                "default".to_owned()
            } else {
                form.context
            },
            description: form.description,
            target_url: form.target_url,
            creator: by.user.to_owned(),
            created: by.now,
        };
        let shown = self.show_status(&status);
        self.forge.desk(&self.repo).statuses.push(status);
        Ok(Response::json(201, shown))
    }

    fn list_statuses(&self, name: &str) -> Answer {
        let commit = self.resolve(name)?;
        let desk = self.forge.desks.get(&self.repo);
        let all = desk.into_iter().flat_map(|desk| desk.statuses.iter().rev());
        let ours = all.filter(|status| status.commit == commit);
        Ok(self.page(ours.map(|status| self.show_status(status)).collect()))
    }

    fn combined(&self, name: &str) -> Answer {
        let commit = self.resolve(name)?;
        let latest = self.forge.statuses(&self.repo, &commit);
        let worst = STATES
            .iter()
            .find(|state| latest.iter().any(|status| status.state == **state));
        let shown: Vec<Value> = latest.iter().map(|status| self.show_status(status)).collect();
        Ok(Response::json(
            200,
            json!({
                "state": worst.unwrap_or(&""),
                "sha": commit,
                "total_count": shown.len(),
                "statuses": shown,
                "repository": self.show_repo(self.git()?),
                "commit_url": self.url(&format!("commits/{commit}")),
                "url": self.url(&format!("commits/{commit}/status")),
            }),
        ))
    }
}
