//! Repositories, branches, commits and references.

use super::Answer;
use super::Asked;
use super::Response;
use super::decode;
use crate::forge::Refusal;
use serde_json::Value;
use serde_json::json;

const MAX_COMMITS: usize = 10_000;

impl Asked<'_> {
    pub(super) fn repository(&mut self, parts: &[&str]) -> Answer {
        match (self.method(), parts) {
            ("GET", []) => Ok(Response::json(200, self.show_repo(self.git()?))),
            ("GET", ["branches"]) => self.branches(),
            ("GET", ["branches", name @ ..]) => self.branch(&name.join("/")),
            ("DELETE", ["branches", name @ ..]) => self.delete_branch(&name.join("/")),
            ("GET", ["commits"]) => self.commits(),
            ("GET", ["git", "commits", id]) => self.commit(id),
            ("GET", ["git", "refs", name @ ..]) => self.references(&name.join("/")),
            _ => Err(Refusal::not_found()),
        }
    }

    fn branches(&self) -> Answer {
        let git = self.git()?;
        let branches = git.branches();
        let show = |(name, head): (&String, &String)| self.show_branch(git, name, head);
        Ok(self.page(branches.iter().map(show).collect()))
    }

    fn branch(&self, name: &str) -> Answer {
        let git = self.git()?;
        let head = git.head(name).ok_or_else(Refusal::not_found)?;
        Ok(Response::json(200, self.show_branch(git, name, &head)))
    }

    fn delete_branch(&mut self, name: &str) -> Answer {
        let by = self.writer()?;
        let git = self.git()?;
        if name == git.default_branch() {
            return Err(Refusal::new(403, "can not delete default branch"));
        }
        let head = git.head(name).ok_or_else(Refusal::not_found)?;
        if self.forge.may_push(&self.repo, name, by.user).is_err() {
            return Err(Refusal::new(403, "branch protected"));
        }
        let git = self.repos.get_mut(&self.repo).ok_or_else(Refusal::not_found)?;
        git.set_branch(name, Some(&head), None)
            .map_err(|why| Refusal::new(409, why.to_string()))?;
        Ok(Response::empty(204))
    }

    fn commits(&self) -> Answer {
        let git = self.git()?;
        let from = self
            .query
            .get("sha")
            .cloned()
            .unwrap_or_else(|| git.default_branch());
        let id = self.resolve(&from)?;
        let log = git.log(None, &id, MAX_COMMITS);
        Ok(self.page(log.iter().map(|commit| self.show_commit(git, commit)).collect()))
    }

    fn commit(&self, id: &str) -> Answer {
        let git = self.git()?;
        let commit = git.show(&self.resolve(id)?).ok_or_else(Refusal::not_found)?;
        Ok(Response::json(200, self.show_commit(git, &commit)))
    }

    fn references(&self, prefix: &str) -> Answer {
        let git = self.git()?;
        let wanted = format!("refs/{}", decode(prefix).trim_start_matches("refs/"));
        let show = |(name, head): (&String, &String)| -> Option<Value> {
            let name = format!("refs/heads/{name}");
            name.starts_with(&wanted).then(|| {
                json!({
                    "ref": name,
                    "url": self.url(&format!("git/{name}")),
                    "object": {
                        "type": "commit",
                        "sha": head,
                        "url": self.url(&format!("git/commits/{head}")),
                    },
                })
            })
        };
        let found: Vec<Value> = git.branches().iter().filter_map(show).collect();
        if found.is_empty() {
            return Err(Refusal::not_found());
        }
        Ok(Response::json(200, Value::Array(found)))
    }

    /// The commit a branch's name or a commit's id means.
    pub(super) fn resolve(&self, name: &str) -> Result<String, Refusal> {
        let git = self.git()?;
        let name = name.trim_start_matches("refs/heads/");
        let found = git.head(name).or_else(|| git.show(name).map(|commit| commit.id));
        found.ok_or_else(Refusal::not_found)
    }
}
