//! What `recant check` looks at: the cluster's kinds, recant's rights, every Forge and its credential, the webhooks of
//! the Canaries. Nothing is changed, and no secret is shown.

use crate::manifests;
use crate::port::Answered;
use crate::port::Cluster;
use crate::port::Forge;
use recant_core::baseline::RECANT_API;
use recant_core::canary::spec::API_VERSION as FLAGGER_API;
use recant_core::forge;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_core::query::RepoUrl;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Whoever knows what an account may do in the cluster.
pub trait Reviewer: Send + Sync {
    /// Whether recant's account may do what these `resourceAttributes` say.
    fn may<'a>(&'a self, attributes: &'a Value) -> Answered<'a, bool>;
}

/// Whoever can ask a Git server whether it would take a push.
pub trait Pusher: Send + Sync {
    /// Asks for the right to push, and pushes nothing.
    fn may_push<'a>(&'a self, repo: &'a RepoUrl) -> Answered<'a, ()>;
}

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// recant works, but somebody may want to know.
    Note,
    /// recant does not work so.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it is.
    pub mark: Mark,
    /// What it is.
    pub what: String,
    /// What is to be said about it.
    pub detail: String,
}

/// Everything that is asked.
pub struct Check<'a> {
    /// The cluster.
    pub cluster: &'a dyn Cluster,
    /// Who knows recant's rights there.
    pub reviewer: &'a dyn Reviewer,
    /// The Git hosts.
    pub forge: &'a dyn Forge,
    /// Git.
    pub pusher: &'a dyn Pusher,
    /// recant's own namespace.
    pub namespace: &'a str,
}

impl Check<'_> {
    /// Looks at everything.
    pub async fn run(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for crd in manifests::crds() {
            lines.push(self.kind(&crd).await);
        }
        lines.extend(self.rights().await);
        lines.extend(self.forges().await);
        lines.extend(self.webhooks().await);
        lines
    }

    /// Whether a kind is installed, as this recant describes it.
    async fn kind(&self, crd: &Value) -> Line {
        let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (name, kind) = (text("/metadata/name"), text("/spec/names/kind"));
        let what = format!("kind {kind}");
        let reference = ObjectRef::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name);
        let install = "recant manifests | kubectl apply -f -";
        match self.cluster.get(&reference).await {
            Ok(Some(found)) => {
                let missing = missing_fields(crd, &found.0);
                if missing.is_empty() {
                    return Line::new(Mark::Good, what, "installed");
                }
                let detail = format!("an older definition, without {}: {install}", missing.join(", "));
                Line::new(Mark::Bad, what, detail)
            }
            Ok(None) => Line::new(Mark::Bad, what, format!("not installed: {install}")),
            Err(error) => Line::new(Mark::Note, what, format!("cannot be seen: {error}")),
        }
    }

    /// Whether recant's account has each right that `deploy/rbac.yaml` gives it.
    async fn rights(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for role in manifests::all() {
            let namespace = match role["kind"].as_str() {
                Some("ClusterRole") => "",
                Some("Role") => self.namespace,
                _ => continue,
            };
            let mut denied = BTreeSet::new();
            let mut asked = 0;
            for attributes in attributes(&role, namespace) {
                asked += 1;
                match self.reviewer.may(&attributes).await {
                    Ok(true) => {}
                    Ok(false) => drop(denied.insert(right(&attributes))),
                    Err(error) => {
                        let what = "rights".to_owned();
                        lines.push(Line::new(
                            Mark::Note,
                            what,
                            format!("cannot be asked about: {error}"),
                        ));
                        return lines;
                    }
                }
            }
            let what = match namespace {
                "" => "rights in the cluster".to_owned(),
                namespace => format!("rights in {namespace}"),
            };
            lines.push(if denied.is_empty() {
                Line::new(Mark::Good, what, format!("all {asked}"))
            } else {
                let denied: Vec<String> = denied.into_iter().collect();
                Line::new(Mark::Bad, what, format!("lacks {}", denied.join("; ")))
            });
        }
        lines
    }

    async fn forges(&self) -> Vec<Line> {
        let found = match self.cluster.list(RECANT_API, "Forge", self.namespace).await {
            Ok(found) => found,
            Err(error) => {
                return vec![Line::new(
                    Mark::Bad,
                    "Forges".to_owned(),
                    format!("cannot be seen: {error}"),
                )];
            }
        };
        if found.is_empty() {
            let detail = format!(
                "none in {}: recant analyses, and opens no pull request",
                self.namespace
            );
            return vec![Line::new(Mark::Note, "Forges".to_owned(), detail)];
        }
        let mut lines = Vec::new();
        for object in &found {
            lines.extend(self.one_forge(object).await);
        }
        lines
    }

    async fn one_forge(&self, object: &Object) -> Vec<Line> {
        let what = format!("Forge {}", object.name());
        let forge = match forge::Forge::of(object) {
            Ok(forge) => forge,
            Err(why) => return vec![Line::new(Mark::Bad, what, why)],
        };
        let access = match self.forge.access(&forge.name).await {
            Ok(access) => access,
            Err(error) => return vec![Line::new(Mark::Bad, what, error.to_string())],
        };
        let mut lines = Vec::new();
        let who = format!("{} at {}", access.login, forge.spec.url);
        lines.push(match access.missing.as_slice() {
            [] => Line::new(Mark::Good, what.clone(), who),
            missing => Line::new(
                Mark::Bad,
                what.clone(),
                format!("{who} lacks {}", missing.join("; ")),
            ),
        });
        let end = access.expires.map(|at| format!("the credential ends at {at}"));
        let notes = access.notes.into_iter().chain(end);
        lines.extend(notes.map(|note| Line::new(Mark::Note, what.clone(), note)));
        if forge.spec.pull_requests.auto_merge {
            let note = "autoMerge is on: nobody may see a revert before it is merged".to_owned();
            lines.push(Line::new(Mark::Note, what.clone(), note));
        }
        lines.extend(self.pushes(&what, &forge).await);
        lines
    }

    /// Whether the Git server would take a push to each repository that the Forge names and a GitRepository uses.
    async fn pushes(&self, what: &str, forge: &forge::Forge) -> Vec<Line> {
        let mut lines = Vec::new();
        let sources = self
            .cluster
            .list("source.toolkit.fluxcd.io/v1", "GitRepository", "")
            .await
            .unwrap_or_default();
        let urls: BTreeSet<&str> = sources.iter().map(|source| source.str("/spec/url")).collect();
        for url in urls {
            let repo = RepoUrl(url.to_owned());
            let bound = self.forge.of(&repo).await;
            if !matches!(&bound, Ok(Some(bound)) if bound.name == forge.name) {
                continue;
            }
            let what = format!("{what}, push to {url}");
            lines.push(match self.pusher.may_push(&repo).await {
                Ok(()) => Line::new(Mark::Good, what, "allowed"),
                Err(error) => Line::new(Mark::Bad, what, error.to_string()),
            });
        }
        lines
    }

    /// Whether the webhooks of the Canaries are addresses at all. They are not called: they act.
    async fn webhooks(&self) -> Vec<Line> {
        let canaries = match self.cluster.list(FLAGGER_API, "Canary", "").await {
            Ok(canaries) => canaries,
            Err(error) => {
                return vec![Line::new(
                    Mark::Note,
                    "webhooks".to_owned(),
                    format!("cannot be seen: {error}"),
                )];
            }
        };
        let mut bad = BTreeMap::new();
        let mut count = 0;
        for canary in &canaries {
            let hooks = canary.at("/spec/analysis/webhooks").and_then(Value::as_array);
            for hook in hooks.into_iter().flatten() {
                count += 1;
                let address = hook.get("url").and_then(Value::as_str).unwrap_or_default();
                let usable = url::Url::parse(address)
                    .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
                if !usable {
                    let name = hook.get("name").and_then(Value::as_str).unwrap_or_default();
                    bad.insert(
                        format!("{} {name}", canary.reference()),
                        "its url is no http address",
                    );
                }
            }
        }
        let mut lines: Vec<Line> = bad
            .into_iter()
            .map(|(hook, why)| Line::new(Mark::Bad, format!("webhook of {hook}"), why))
            .collect();
        if lines.is_empty() {
            let detail = format!("{count} in {} Canaries, not called", canaries.len());
            lines.push(Line::new(Mark::Good, "webhooks".to_owned(), detail));
        }
        lines
    }
}

impl Line {
    fn new(mark: Mark, what: String, detail: impl Into<String>) -> Self {
        Self {
            mark,
            what,
            detail: detail.into(),
        }
    }
}

impl Mark {
    /// Flux's symbols: data is readable without colour.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Good => "✔",
            Self::Note => "►",
            Self::Bad => "✗",
        }
    }
}

/// Every verb on every resource of a role, as the API server wants to be asked.
fn attributes(role: &Value, namespace: &str) -> Vec<Value> {
    let list = |rule: &Value, key: &str| -> Vec<String> {
        let all = rule.get(key).and_then(Value::as_array);
        all.into_iter()
            .flatten()
            .filter_map(|v| Some(v.as_str()?.to_owned()))
            .collect()
    };
    let mut all = Vec::new();
    for rule in role["rules"].as_array().into_iter().flatten() {
        for group in list(rule, "apiGroups") {
            for resource in list(rule, "resources") {
                let (resource, sub) = resource.split_once('/').unwrap_or((&resource, ""));
                for verb in list(rule, "verbs") {
                    let mut one = json!({ "group": group, "resource": resource, "verb": verb });
                    if !sub.is_empty() {
                        one["subresource"] = json!(sub);
                    }
                    if !namespace.is_empty() {
                        one["namespace"] = json!(namespace);
                    }
                    all.push(one);
                }
            }
        }
    }
    all
}

fn right(attributes: &Value) -> String {
    let text = |key: &str| attributes.get(key).and_then(Value::as_str).unwrap_or_default();
    let dot = |name: &str| match name {
        "" => String::new(),
        name => format!(".{name}"),
    };
    let sub = match text("subresource") {
        "" => String::new(),
        sub => format!("/{sub}"),
    };
    format!("{} {}{sub}{}", text("verb"), text("resource"), dot(text("group")))
}

/// The fields below `spec` and `status` that this recant knows and the installed definition does not.
fn missing_fields(own: &Value, installed: &Value) -> Vec<String> {
    let schema = |crd: &Value| {
        let versions = crd.pointer("/spec/versions").and_then(Value::as_array);
        let stored = versions.into_iter().flatten().find(|v| v["storage"] == true);
        stored
            .and_then(|v| v.pointer("/schema/openAPIV3Schema/properties"))
            .cloned()
    };
    let (Some(own), Some(installed)) = (schema(own), schema(installed)) else {
        return Vec::new();
    };
    let mut missing = Vec::new();
    for part in ["spec", "status"] {
        let fields = |of: &Value| -> BTreeSet<String> {
            let map = of
                .pointer(&format!("/{part}/properties"))
                .and_then(Value::as_object);
            map.into_iter().flat_map(|map| map.keys().cloned()).collect()
        };
        let lost: Vec<String> = fields(&own).difference(&fields(&installed)).cloned().collect();
        missing.extend(lost.into_iter().map(|field| format!("{part}.{field}")));
    }
    missing
}

/// Whether something is as it must not be.
pub fn is_bad(lines: &[Line]) -> bool {
    lines.iter().any(|line| line.mark == Mark::Bad)
}
