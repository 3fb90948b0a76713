//! What comes: commits that a source has and Flux has not applied yet. Rendering tells which of them change the target,
//! and those are told at once that an analysis will follow.

use crate::baseline::Baseline;
use crate::canary::status::Coming;
use crate::canary::status::Judged;
use crate::canary::status::Status;
use crate::canary::turn::Turn;
use crate::chain;
use crate::chain::Chain;
use crate::chain::Link;
use crate::config;
use crate::config::Checksums;
use crate::effect::StatusState;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::RepoUrl;
use crate::trail;
use crate::trail::Trail;
use crate::trail::Until;

/// A link whose source is ahead of what is applied.
struct Ahead<'a> {
    link: &'a Link,
    repo: RepoUrl,
    /// The source's revision.
    revision: String,
    /// What this link renders of the chain: the target and what its pods read, or the Kustomization below.
    objects: Vec<ObjectRef>,
}

impl Ahead<'_> {
    fn trail(&self) -> Trail<'_> {
        Trail {
            repo: &self.repo,
            from: self.link.commit(),
            to: chain::commit_of(&self.revision),
            kustomization: &self.link.kustomization,
            objects: &self.objects,
        }
    }

    fn is_known(&self, status: &Status) -> bool {
        let name = self.link.kustomization.to_string();
        let mut coming = status.coming.iter();
        coming.any(|known| known.kustomization == name && known.revision == self.revision)
    }
}

/// What must be seen to know what comes.
pub(super) fn ask(status: &Status, canary: &Object, target: &ObjectRef, seen: &Observation) -> Vec<Query> {
    let Observed::Known(Some(object)) = seen.object(target) else {
        return Vec::new();
    };
    let Some(Ok(chain)) = chain::applier(object).map(|first| chain::read(seen, &first)) else {
        return Vec::new();
    };
    let Observed::Known(Some(record)) = seen.object(&Baseline::name(canary)) else {
        return Vec::new();
    };
    let configs = Baseline::of(record).map(|baseline| baseline.promoted.configs);
    let objects = objects(target, &configs.unwrap_or_default());
    let new = ahead(&chain, &objects, seen).into_iter();
    new.filter(|ahead| !ahead.is_known(status))
        .flat_map(|ahead| trail::ask(seen, &ahead.trail(), Until::End))
        .collect()
}

/// The target, and what its pods read.
fn objects(target: &ObjectRef, configs: &Checksums) -> Vec<ObjectRef> {
    let configs = configs
        .keys()
        .map(|key| config::object_ref(key, &target.namespace));
    std::iter::once(target.clone()).chain(configs).collect()
}

fn ahead<'a>(chain: &'a Chain, objects: &[ObjectRef], seen: &Observation) -> Vec<Ahead<'a>> {
    let below = chain.links.iter().map(|link| vec![link.kustomization.clone()]);
    let objects = std::iter::once(objects.to_vec()).chain(below);
    let all = chain.links.iter().zip(objects);
    all.filter_map(|(link, objects)| {
        let Observed::Known(Some(source)) = seen.object(&link.source) else {
            return None;
        };
        let revision = source.str("/status/artifact/revision").to_owned();
        let is_new = link.source.kind == "GitRepository"
            && !link.commit().is_empty()
            && !revision.is_empty()
            && chain::commit_of(&revision) != link.commit();
        is_new.then(|| Ahead {
            link,
            repo: RepoUrl(link.url.clone()),
            revision,
            objects,
        })
    })
    .collect()
}

impl Turn<'_> {
    /// Tells the commits that come, once, that they will be analysed.
    pub(super) fn announce(&mut self) {
        let Some(chain) = self.chain.clone() else { return };
        let Some((_, baseline)) = &self.baseline else {
            return;
        };
        let objects = objects(&self.target.reference(), &baseline.promoted.configs);
        for ahead in ahead(&chain, &objects, self.seen) {
            if ahead.is_known(&self.status) {
                continue;
            }
            let Ok(commits) = trail::commits(self.seen, &ahead.trail(), Until::End) else {
                continue;
            };
            let url = &ahead.link.url;
            let commits: Vec<Judged> = commits
                .into_iter()
                .map(|commit| Judged {
                    url: url.clone(),
                    commit,
                })
                .collect();
            let word = "seen in Git: it will be analysed when Flux has applied it";
            self.statuses(&commits, StatusState::Pending, word);
            let kustomization = ahead.link.kustomization.to_string();
            let older = self
                .status
                .coming
                .iter_mut()
                .find(|c| c.kustomization == kustomization);
            match older {
                Some(older) => {
                    older.revision = ahead.revision;
                    older.commits.retain(|old| !commits.contains(old));
                    older.commits.extend(commits);
                }
                None => self.status.coming.push(Coming {
                    kustomization,
                    revision: ahead.revision,
                    commits,
                }),
            }
        }
    }

    /// What has come and is applied now, to be judged by what the target asks for.
    pub(super) fn take_coming(&mut self) -> Vec<Judged> {
        let coming = std::mem::take(&mut self.status.coming);
        let mut all = Vec::new();
        for judged in coming.into_iter().flat_map(|coming| coming.commits) {
            if !all.contains(&judged) {
                all.push(judged);
            }
        }
        all
    }

    /// What has come needs no analysis: what the target asks for is known. Says so, once Flux has applied it.
    pub(super) fn settle_coming(&mut self, state: StatusState, word: &str) {
        let settled = self.chain.as_ref().is_some_and(|chain| chain.settled);
        if settled && !self.status.coming.is_empty() {
            let commits = self.take_coming();
            self.statuses(&commits, state, word);
        }
    }
}
