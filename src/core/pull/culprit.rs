//! Whom a Revert blames: the link of the chain where a template was changed, and the commit that changed it. The names
//! of the Revert and of its branch follow from that alone, so that nobody has to remember that there is one.

use crate::baseline::RECANT_API;
use crate::baseline::Snapshot;
use crate::chain;
use crate::chain::Link;
use crate::config;
use crate::object::ObjectRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::RepoUrl;
use crate::reason::short;
use crate::repo_url::plain_url;
use crate::template;
use crate::trail;
use crate::trail::Trail;
use crate::trail::Unseen;
use crate::trail::Until;
use serde_json::json;

/// The link of the chain where a template was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    /// The link as it was when the promoted template was applied.
    pub good: Link,
    /// The link as it was when the failed template was applied.
    pub bad: Link,
    /// What Git spells out there, and is to be restored: the workload itself, ConfigMaps and Secrets that its pods
    /// read, or the Kustomization that patches it.
    pub objects: Vec<ObjectRef>,
    /// Where the cluster itself is deployed from: URL and path of the last link. Clusters that share it share their
    /// pull requests.
    pub scope: (String, String),
}

/// Finds the culprit between what was promoted and what failed.
///
/// # Errors
/// Why Git is not to blame, or cannot be mended.
pub fn culprit(target: &ObjectRef, promoted: &Snapshot, failed: &Snapshot) -> Result<Culprit, String> {
    let [bad, bad_parents @ ..] = failed.chain.as_slice() else {
        return Err(format!("{target} is not applied by a Flux Kustomization"));
    };
    let [good, good_parents @ ..] = promoted.chain.as_slice() else {
        return Err(format!(
            "there is no revision on record that rendered the promoted template of {target}"
        ));
    };
    let (good, bad, objects) = match (good_parents.first(), bad_parents.first()) {
        // The Kustomization itself was changed: its own manifest is what is to be restored, one level up.
        (Some(good_parent), Some(bad_parent)) if good.spec_hash != bad.spec_hash => {
            (good_parent, bad_parent, vec![bad.kustomization.clone()])
        }
        _ => (good, bad, changed(target, promoted, failed)),
    };
    let Some(object) = objects.first() else {
        return Err(format!(
            "what the pods of {target} read now was not there when it was promoted: going back would delete it, which \
             only a person may decide"
        ));
    };
    if bad.branch.is_empty() {
        return Err(format!(
            "{} follows no branch: there is nothing to merge into",
            bad.source
        ));
    }
    if good.kustomization != bad.kustomization || good.url != bad.url || good.branch != bad.branch {
        return Err(format!(
            "{object} is not applied from where it was when it was promoted"
        ));
    }
    if good.commit() == bad.commit() {
        return Err(format!(
            "Git did not change: {} was and is at {}",
            bad.source,
            short(bad.commit())
        ));
    }
    let top = failed.chain.last().unwrap_or(bad);
    Ok(Culprit {
        good: good.clone(),
        bad: bad.clone(),
        objects,
        scope: (plain_url(&top.url), plain_path(&top.path)),
    })
}

/// What differs: the workload's own template, and what its pods read under the same name.
fn changed(target: &ObjectRef, promoted: &Snapshot, failed: &Snapshot) -> Vec<ObjectRef> {
    let own = (promoted.template != failed.template).then(|| target.clone());
    let configs = promoted.configs.iter().filter(|(key, sum)| {
        let now = failed.configs.get(*key);
        now.is_some_and(|now| now != *sum)
    });
    let configs = configs.map(|(key, _)| config::object_ref(key, &target.namespace));
    own.into_iter().chain(configs).collect()
}

impl Culprit {
    /// Without what another Kustomization applies, or none: that its change came with these commits is not known.
    ///
    /// # Errors
    /// What is left out, when nothing is left.
    pub fn with_own_appliers(mut self, seen: &Observation) -> Result<Self, String> {
        let by = self.bad.kustomization.clone();
        let elsewhere = |name: &ObjectRef| match seen.object(name) {
            Observed::Known(Some(object)) if config::is_config(name) => {
                chain::applier(object).as_ref() != Some(&by)
            }
            _ => false,
        };
        let (others, own): (Vec<_>, Vec<_>) = self.objects.drain(..).partition(|name| elsewhere(name));
        self.objects = own;
        match others.first() {
            Some(other) if self.objects.is_empty() => Err(format!(
                "{other} is not applied by {by}, as the workload is: its change is not in the same commits"
            )),
            _ => Ok(self),
        }
    }

    /// What must be seen to know the commit that made the change.
    pub fn ask(&self, seen: &Observation) -> Vec<Query> {
        trail::ask(seen, &self.trail(&RepoUrl(self.bad.url.clone())), Until::Newest)
    }

    /// The commit that made the change: the newest that changed the object, on the way to what was applied. Where that
    /// is not to be told, what was applied.
    ///
    /// # Errors
    /// What could not be seen.
    pub fn change(&self, seen: &Observation) -> Result<String, Unseen> {
        let commits = trail::commits(seen, &self.trail(&RepoUrl(self.bad.url.clone())), Until::Newest)?;
        let newest = commits.into_iter().next();
        Ok(newest.unwrap_or_else(|| self.bad.commit().to_owned()))
    }

    fn trail<'a>(&'a self, repo: &'a RepoUrl) -> Trail<'a> {
        Trail {
            repo,
            from: self.good.commit(),
            to: self.bad.commit(),
            kustomization: &self.bad.kustomization,
            objects: &self.objects,
        }
    }

    /// The name of the Revert that undoes this change, in the namespace of the source.
    pub fn name(&self, change: &str) -> ObjectRef {
        let Link {
            source, url, branch, ..
        } = &self.bad;
        let id = template::hash(&json!([plain_url(url), branch, change, self.scope]));
        ObjectRef::new(
            RECANT_API,
            "Revert",
            &source.namespace,
            &format!("{}-{}", source.name, short(&id)),
        )
    }
}

fn plain_path(path: &str) -> String {
    path.trim_start_matches("./").trim_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Link);

    fn link(revision: &str) -> Link {
        let name = |kind: &str| ObjectRef::new("v1", kind, "flux-system", "apps");
        Link {
            kustomization: name("Kustomization"),
            spec_hash: String::new(),
            source: name("GitRepository"),
            url: "https://git.example/fleet".to_owned(),
            branch: "main".to_owned(),
            revision: format!("main@sha1:{revision}"),
            path: "apps".to_owned(),
        }
    }

    fn snapshot(image: &str, link: Link) -> Snapshot {
        let now = "2026-01-05T12:00:00Z".parse().expect("a time");
        Snapshot::new(now, json!({"image": image}), config::Checksums::new(), vec![link])
    }

    #[test]
    fn git_is_only_blamed_for_what_changed_there_on_the_branch_that_was_followed() {
        let target = ObjectRef::new("apps/v1", "Deployment", "test", "web");
        let promoted = snapshot("web:1", link("1"));
        let blamed = |change: Change| {
            let mut bad = link("2");
            change(&mut bad);
            culprit(&target, &promoted, &snapshot("web:2", bad))
        };
        let found = blamed(|_| {}).expect("a culprit");
        assert_eq!((found.good.commit(), found.bad.commit()), ("1", "2"));
        assert_eq!(found.objects, std::slice::from_ref(&target));
        let table: [(Change, &str); 4] = [
            (
                |bad| bad.revision = "main@sha1:1".to_owned(),
                "Git did not change",
            ),
            (|bad| bad.branch.clear(), "follows no branch"),
            (
                |bad| bad.branch = "next".to_owned(),
                "not applied from where it was",
            ),
            (|bad| bad.url.push_str("-2"), "not applied from where it was"),
        ];
        for (change, words) in table {
            let because = blamed(change).expect_err(words);
            assert!(because.contains(words), "{because}");
        }
    }
}
