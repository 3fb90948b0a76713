//! What a router has before it: the Canary, what was seen of the router's objects, and how such an object is begun,
//! labelled, written and given back.

use crate::baseline;
use crate::canary::route::affinity::Cookies;
use crate::canary::route::made::MADE;
use crate::canary::services::OPT_OUTS;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Reason;
use crate::settings::Settings;
use crate::template;
use serde_json::Value;
use serde_json::json;

/// The annotation in which Flagger keeps the spec that an object had before it was taken over.
const ORIGINAL: &str = "flagger.kubernetes.io/original-configuration";

/// Where `kubectl apply` keeps what it applied last.
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a router has before it.
pub(in crate::canary) struct Scene<'a> {
    /// The Canary.
    pub(in crate::canary) canary: &'a Object,
    /// Its spec.
    pub(in crate::canary) spec: &'a Spec,
    /// What the operator chose.
    pub(in crate::canary) settings: &'a Settings,
    /// The label that selects the target's pods.
    pub(in crate::canary) label: &'a (String, String),
    /// The cookies of session affinity.
    pub(in crate::canary) cookies: Cookies,
    /// The router's objects, in the order of its names.
    pub(in crate::canary) seen: &'a [Option<&'a Object>],
}

impl Scene<'_> {
    pub(super) fn namespace(&self) -> &str {
        self.canary.namespace()
    }

    pub(super) fn apex(&self) -> &str {
        self.spec.apex_name()
    }

    pub(super) fn primary(&self) -> String {
        format!("{}-primary", self.apex())
    }

    pub(super) fn own(&self) -> String {
        format!("{}-canary", self.apex())
    }

    /// One of the router's objects.
    pub(super) fn seen(&self, index: usize) -> Option<&Object> {
        self.seen.get(index).copied().flatten()
    }

    /// The object as it is, or a new one that the Canary owns. One that was there before the Canary keeps, in an
    /// annotation, what it said then.
    pub(super) fn begin(&self, seen: Option<&Object>, name: &ObjectRef) -> Object {
        let Some(seen) = seen else {
            let mut new = Object::named(name);
            new.set("/metadata/ownerReferences", json!([baseline::owner(self.canary)]));
            return new;
        };
        let mut next = seen.clone();
        if !self.owns(seen) && seen.annotation(ORIGINAL).is_none() {
            let spec = seen.at("/spec").cloned().unwrap_or_default();
            annotate(&mut next, ORIGINAL, &spec.to_string());
        }
        next
    }

    /// Puts the apex' labels and annotations on a route, and those that keep Flux away; others stay.
    pub(super) fn dress(&self, route: &mut Object) {
        let given = &self.spec.service.apex;
        for (key, value) in &given.labels {
            let pointer = format!("/metadata/labels/{}", template::escaped(key));
            route.set(&pointer, Value::from(value.clone()));
        }
        let given = given.annotations.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        for (key, value) in given.chain(OPT_OUTS) {
            annotate(route, key, value);
        }
    }

    /// Whether the object was made for this Canary, by recant or by Flagger.
    pub(super) fn owns(&self, object: &Object) -> bool {
        let owners = object.at("/metadata/ownerReferences").and_then(Value::as_array);
        owners
            .into_iter()
            .flatten()
            .any(|owner| owner["kind"] == "Canary" && owner["name"] == self.canary.name())
    }

    /// The writes that give every object that was there before the Canary its old spec back, as far as it is known:
    /// from kubectl's annotation if there is one, else from Flagger's.
    pub(super) fn restore(&self) -> Vec<Effect> {
        let taken_over = self
            .seen
            .iter()
            .flatten()
            .filter(|object| !self.owns(object) && object.annotation(ORIGINAL).is_some());
        taken_over
            .filter_map(|object| {
                let mut next = (*object).clone();
                next.set("/spec", original(object)?);
                undress(&mut next);
                write(Some(object), next)
            })
            .collect()
    }
}

/// The spec that an object had before it was taken over.
fn original(object: &Object) -> Option<Value> {
    let applied = object.annotation(APPLIED).and_then(|text| {
        let applied: Value = serde_json::from_str(text).ok()?;
        applied.get("spec").cloned()
    });
    let kept = || serde_json::from_str(object.annotation(ORIGINAL)?).ok();
    applied.or_else(kept).filter(Value::is_object)
}

/// Takes off what was put on an object when it was taken over.
pub(super) fn undress(object: &mut Object) {
    if let Some(Value::Object(annotations)) = object.0.pointer_mut("/metadata/annotations") {
        for key in OPT_OUTS.map(|(key, _)| key).into_iter().chain([ORIGINAL, MADE]) {
            annotations.remove(key);
        }
    }
}

/// Sets an annotation.
pub(super) fn annotate(object: &mut Object, key: &str, value: &str) {
    let pointer = format!("/metadata/annotations/{}", template::escaped(key));
    object.set(&pointer, Value::from(value));
}

/// What is to be written so that the object is so; nothing when it is already.
pub(super) fn write(seen: Option<&Object>, next: Object) -> Option<Effect> {
    match seen {
        None => Some(Effect::Write(Write::Create(next))),
        Some(seen) if *seen == next => None,
        Some(_) => Some(Effect::Write(Write::Update(next))),
    }
}

/// The list at a pointer; an empty one when there is nothing.
///
/// # Errors
/// That something else is there.
pub(super) fn list(object: &Object, pointer: &str) -> Result<Vec<Value>, Reason> {
    match object.at(pointer) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list.clone()),
        Some(_) => Err(Reason::InvalidRoute {
            route: object.reference().to_string(),
            detail: format!(
                "{} is no list: mend it, or delete the object, and it is made anew",
                pointer.trim_start_matches('/').replace('/', ".")
            ),
        }),
    }
}
