//! ConfigMaps and Secrets around a Canary: what is asked for now, and the copies that the primary reads.
//!
//! The copy `<name>-primary` is Flagger's. What it held before a promotion is kept beside it, as
//! `<name>-primary-previous`, until the next one: a promotion that is taken back needs it. Contents are found by their
//! checksum, wherever they are; that of a Secret is never held anywhere but in a Secret.

use crate::baseline;
use crate::baseline::Baseline;
use crate::baseline::Snapshot;
use crate::canary::workload;
use crate::config;
use crate::config::Checksums;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::template;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// One ConfigMap or Secret, and its copies.
#[derive(Clone, Copy, Debug, Default)]
struct Found<'a> {
    live: Option<&'a Object>,
    copy: Option<&'a Object>,
    previous: Option<&'a Object>,
}

/// All of them, by [`config::key`].
#[derive(Debug, Default)]
pub(super) struct Configs<'a>(BTreeMap<String, Found<'a>>);

/// What must be seen: what the target's and the primary's templates name, and what is on record.
pub(super) fn ask(
    settings: &Settings,
    namespace: &str,
    templates: [Option<&Object>; 2],
    baseline: Option<&Baseline>,
    seen: &Observation,
) -> Vec<Query> {
    let mut wanted = Vec::new();
    for key in keys(settings, templates, baseline) {
        let [live, copy, previous] = names(&key, namespace);
        if may_need_previous(&key, baseline, seen, [&live, &copy]) {
            wanted.push(Query::Object(previous));
        }
        wanted.extend([Query::Object(live), Query::Object(copy)]);
    }
    wanted
}

fn keys(
    settings: &Settings,
    [target, primary]: [Option<&Object>; 2],
    baseline: Option<&Baseline>,
) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    if !settings.config_tracking {
        return keys;
    }
    if let Some(target) = target {
        keys.extend(config::named(&template::of(target)).into_keys());
    }
    match (baseline, primary) {
        (Some(baseline), _) => {
            let snapshots = [Some(&baseline.promoted), baseline.candidate.as_ref()];
            keys.extend(
                snapshots
                    .into_iter()
                    .flatten()
                    .flat_map(|s| s.configs.keys().cloned()),
            );
        }
        // There is nothing on record yet: a primary that Flagger made reads copies.
        (None, Some(primary)) => {
            let named = config::named(&template::of(primary)).into_keys();
            keys.extend(named.filter_map(|key| key.strip_suffix("-primary").map(str::to_owned)));
        }
        (None, None) => {}
    }
    keys
}

/// The object itself, the primary's copy, and what that held before.
fn names(key: &str, namespace: &str) -> [ObjectRef; 3] {
    ["", "-primary", "-primary-previous"]
        .map(|suffix| config::object_ref(&format!("{key}{suffix}"), namespace))
}

/// What is kept is of use only where something is not what was promoted: a promotion writes it, or takes from it.
fn may_need_previous(
    key: &str,
    baseline: Option<&Baseline>,
    seen: &Observation,
    names: [&ObjectRef; 2],
) -> bool {
    let Some(promoted) = baseline.and_then(|baseline| baseline.promoted.configs.get(key)) else {
        return false;
    };
    names.into_iter().any(|name| match seen.object(name) {
        Observed::Known(object) => object.as_ref().map(config::checksum).as_ref() != Some(promoted),
        Observed::Unknown(_) => false,
    })
}

impl<'a> Configs<'a> {
    /// Gathers what was seen.
    ///
    /// # Errors
    /// What could not be.
    pub(super) fn look(
        settings: &Settings,
        namespace: &str,
        templates: [Option<&Object>; 2],
        baseline: Option<&Baseline>,
        seen: &'a Observation,
    ) -> Result<Self, Reason> {
        let look = |name: &ObjectRef| match seen.object(name) {
            Observed::Known(object) => Ok(object.as_ref()),
            Observed::Unknown(why) => Err(Reason::CannotSee {
                what: name.to_string(),
                why,
            }),
        };
        let mut all = BTreeMap::new();
        for key in keys(settings, templates, baseline) {
            let [live, copy, previous] = names(&key, namespace);
            let previous = match seen.has(&Query::Object(previous.clone())) {
                true => look(&previous)?,
                false => None,
            };
            let found = Found {
                live: look(&live)?.filter(|object| config::is_tracked(object)),
                copy: look(&copy)?,
                previous,
            };
            all.insert(key, found);
        }
        Ok(Self(all))
    }

    /// The checksums of what a target's template names. What is opted out, or not there, does not count.
    pub(super) fn asked(&self, template: &Value) -> Checksums {
        self.sums(template, |found| found.live.map(config::checksum))
    }

    /// The same as Flagger has it in the status.
    pub(super) fn for_status(&self, template: &Value) -> Checksums {
        self.sums(template, |found| found.live.map(config::flagger_checksum))
    }

    /// The checksums of the copies that a primary reads, by what they are copies of.
    pub(super) fn copied(&self, primary: &Value) -> Checksums {
        let named = config::named(primary);
        let all = self.0.iter().filter_map(|(key, found)| {
            let is_read = named.contains_key(&format!("{key}-primary"));
            Some((key.clone(), config::checksum(found.copy.filter(|_| is_read)?)))
        });
        all.collect()
    }

    fn sums(&self, template: &Value, sum: impl Fn(&Found<'a>) -> Option<String>) -> Checksums {
        let named = config::named(template).into_keys();
        named
            .filter_map(|key| {
                let sum = sum(self.0.get(&key)?)?;
                Some((key, sum))
            })
            .collect()
    }

    /// The first thing that the pods of a template cannot start without, and that is not there.
    pub(super) fn missing(&self, seen: &Observation, namespace: &str, template: &Value) -> Option<ObjectRef> {
        let mandatory = config::named(template)
            .into_iter()
            .filter(|(_, mandatory)| *mandatory);
        mandatory
            .map(|(key, _)| config::object_ref(&key, namespace))
            .find(|name| matches!(seen.object(name), Observed::Known(None)))
    }

    /// What is to be written so that the copies hold what a snapshot says, and what of it is nowhere to be found.
    /// `promoted` is what must not be lost on the way.
    pub(super) fn hold(
        &self,
        canary: &Object,
        settings: &Settings,
        snapshot: &Snapshot,
        promoted: &Snapshot,
    ) -> (Vec<Effect>, Vec<String>) {
        let (mut effects, mut lost) = (Vec::new(), Vec::new());
        for (key, sum) in &snapshot.configs {
            let found = self.0.get(key).copied().unwrap_or_default();
            let holds = |object: &Object| config::checksum(object) == *sum;
            if found.copy.is_some_and(holds) || is_shared(canary, found.copy, snapshot, promoted) {
                continue;
            }
            let sources = [found.live, found.previous].into_iter().flatten();
            let Some(source) = sources.into_iter().find(|object| holds(object)) else {
                lost.push(key.clone());
                continue;
            };
            let [_, copy, previous] = names(key, canary.namespace());
            // What serves now is kept before it is overwritten.
            let serves = found
                .copy
                .filter(|copy| promoted.configs.get(key) == Some(&config::checksum(copy)));
            if let Some(serves) = serves {
                effects.extend(copy_write(canary, &previous, found.previous, serves, &[]));
            }
            let labels: Vec<_> = match found.live {
                Some(live) => workload::included(settings, live, "labels").collect(),
                None => Vec::new(),
            };
            effects.extend(copy_write(canary, &copy, found.copy, source, &labels));
        }
        (effects, lost)
    }
}

/// Whether a copy that another Canary reads too is to be left as it is: two that held it, each to its own, would write
/// for ever. Only a promotion writes such a copy, as with Flagger.
fn is_shared(canary: &Object, copy: Option<&Object>, snapshot: &Snapshot, promoted: &Snapshot) -> bool {
    let owners = copy.and_then(|copy| copy.at("/metadata/ownerReferences")?.as_array());
    let mut others = owners
        .into_iter()
        .flatten()
        .filter(|owner| owner["kind"] == "Canary" && owner["name"] != canary.name());
    snapshot.template_hash == promoted.template_hash && others.next().is_some()
}

/// A copy of an object's content under another name, owned by the Canary. The copy is never immutable: the next
/// promotion writes it.
fn copy_write(
    canary: &Object,
    name: &ObjectRef,
    seen: Option<&Object>,
    source: &Object,
    labels: &[(String, String)],
) -> Option<Effect> {
    let mut copy = seen.cloned().unwrap_or_else(|| Object::named(name));
    let mut owners = vec![baseline::owner(canary)];
    let others = seen.and_then(|seen| seen.at("/metadata/ownerReferences")?.as_array());
    for other in others.into_iter().flatten() {
        if other["kind"] != "Canary" || other["name"] != canary.name() {
            let mut other = other.clone();
            other["controller"] = Value::from(false);
            owners.push(other);
        }
    }
    copy.set("/metadata/ownerReferences", Value::from(owners));
    for (key, value) in labels {
        let pointer = format!("/metadata/labels/{}", template::escaped(key));
        copy.set(&pointer, Value::from(value.clone()));
    }
    for field in ["data", "binaryData", "type"] {
        match (source.0.get(field), &mut copy.0) {
            (Some(value), Value::Object(fields)) => drop(fields.insert(field.to_owned(), value.clone())),
            (None, Value::Object(fields)) => drop(fields.remove(field)),
            _ => {}
        }
    }
    if seen == Some(&copy) {
        return None;
    }
    let write = if seen.is_some() {
        Write::Update(copy)
    } else {
        Write::Create(copy)
    };
    Some(Effect::Write(write))
}
