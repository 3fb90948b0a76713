//! What a story's expectations look at, on the real parts.

use crate::stage::cluster::Http;
use crate::stage::git;
use crate::stage::gitea::Gitea;
use crate::stage::hooks::Hooks;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_sim::scenario::Pull;
use recant_sim::scenario::Scene;
use recant_sim::traffic::Tally;
use serde_json::Value;
use std::path::Path;

/// The API server, and a repository in Gitea.
pub(crate) struct Real<'a> {
    pub(crate) cluster: &'a Http,
    pub(crate) gitea: &'a Gitea,
    pub(crate) hooks: &'a Hooks,
    /// The repository.
    pub(crate) name: &'a str,
    /// A person's clone of it.
    pub(crate) clone: &'a Path,
}

impl Real<'_> {
    fn api(&self, path: &str) -> Result<Value, String> {
        let path = format!("/api/v1/repos/dana/{}{path}", self.name);
        self.gitea
            .http
            .get(&path)
            .ok_or_else(|| format!("{path}: no answer"))
    }
}

impl Scene for Real<'_> {
    fn object(&mut self, name: &ObjectRef) -> Option<Object> {
        let all = self
            .cluster
            .plural(&name.api_version, &name.kind, &name.namespace)?;
        self.cluster.get(&format!("{all}/{}", name.name)).map(Object)
    }

    fn objects(&mut self, api_version: &str, kind: &str) -> Vec<Object> {
        let Some(all) = self.cluster.plural(api_version, kind, "") else {
            return Vec::new();
        };
        let items = self.cluster.list(&all).into_iter();
        // The items of a list do not say what they are.
        let whole = items.map(|mut item| {
            item["apiVersion"] = api_version.into();
            item["kind"] = kind.into();
            Object(item)
        });
        whole.collect()
    }

    fn pulls(&mut self) -> Result<Vec<Pull>, String> {
        let all = self.api("/pulls?state=all")?;
        all.as_array()
            .into_iter()
            .flatten()
            .map(|pull| self.pull(pull))
            .collect()
    }

    fn head(&mut self) -> Result<String, String> {
        Ok(text(&self.api("/branches/main")?["commit"]["id"]))
    }

    fn file(&mut self, path: &str) -> Result<Option<String>, String> {
        git(self.clone, &["fetch", "-q", "origin", "main"])?;
        let shown = git(self.clone, &["show", &format!("FETCH_HEAD:{path}")]);
        Ok(shown
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn branches(&mut self) -> Result<usize, String> {
        Ok(self.api("/branches")?.as_array().map_or(0, Vec::len))
    }

    fn tally(&mut self, _namespace: &str, _service: &str) -> Result<Tally, String> {
        Err("requests are not counted here".to_owned())
    }

    fn times_called(&mut self, url: &str) -> Result<usize, String> {
        Ok(self.hooks.with(|receivers| receivers.times(url)))
    }

    fn heard(&mut self, url: &str) -> Result<Vec<String>, String> {
        Ok(self.hooks.with(|receivers| receivers.heard(url)))
    }

    fn commit_status(&mut self, subject: &str, canary: &ObjectRef) -> Result<String, String> {
        let commits = self.api("/commits?sha=main&limit=50")?;
        let mut commits = commits.as_array().into_iter().flatten();
        let is_meant = |commit: &&Value| text(&commit["commit"]["message"]).lines().next() == Some(subject);
        let commit = commits
            .find(is_meant)
            .ok_or_else(|| format!("there is no commit {subject:?}"))?;
        let statuses = self.api(&format!("/statuses/{}", text(&commit["sha"])))?;
        let end = format!("/{}/{}", canary.namespace, canary.name);
        let mut statuses = statuses.as_array().into_iter().flatten();
        let found = statuses.find(|status| text(&status["context"]).ends_with(&end));
        Ok(found.map_or_else(|| "none".to_owned(), |status| text(&status["status"])))
    }
}

impl Real<'_> {
    fn pull(&self, pull: &Value) -> Result<Pull, String> {
        let number = pull["number"].as_u64().unwrap_or_default();
        let files = self.api(&format!("/pulls/{number}/files"))?;
        let files = files.as_array().cloned().unwrap_or_default();
        let sum = |field: &str| files.iter().filter_map(|file| file[field].as_u64()).sum::<u64>() as usize;
        let comments = self.api(&format!("/issues/{number}/comments"))?;
        let state = match (pull["merged"] == true, pull["state"] == "open") {
            (true, _) => "merged",
            (false, true) => "open",
            (false, false) => "closed",
        };
        Ok(Pull {
            number,
            state,
            title: text(&pull["title"]),
            body: text(&pull["body"]),
            comments: comments
                .as_array()
                .into_iter()
                .flatten()
                .map(|c| text(&c["body"]))
                .collect(),
            changes: (files.len(), sum("additions"), sum("deletions")),
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
