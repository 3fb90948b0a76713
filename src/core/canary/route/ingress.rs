//! NGINX: a canary Ingress beside the owner's, which is only read.
//!
//! The canary Ingress is the owner's with the canary's Service as backend, and annotations that say which requests it
//! takes. Unlike Flagger's, it follows the owner's annotations when they change.

use crate::canary::route::Traffic;
use crate::canary::route::matches;
use crate::canary::route::matches::Text;
use crate::canary::route::scene;
use crate::canary::route::scene::Scene;
use crate::canary::services::OPT_OUTS;
use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Reason;
use serde_json::Value;
use std::collections::BTreeMap;

const API: &str = "networking.k8s.io/v1";

/// The owner's Ingress, and the canary's.
pub(super) fn names(spec: &Spec, namespace: &str) -> Vec<ObjectRef> {
    let name = spec
        .ingress_ref
        .as_ref()
        .map_or("", |ingress| ingress.name.as_str());
    [name.to_owned(), format!("{name}-canary")]
        .map(|name| ObjectRef::new(API, "Ingress", namespace, &name))
        .to_vec()
}

/// # Errors
/// No Ingress is named, or more conditions than the annotations can say.
pub(super) fn check(spec: &Spec) -> Result<(), Reason> {
    if spec
        .ingress_ref
        .as_ref()
        .is_none_or(|ingress| ingress.name.is_empty())
    {
        let detail = "spec.ingressRef: must name an Ingress when the provider is nginx".to_owned();
        return Err(Reason::InvalidSpec { detail });
    }
    conditions(spec).map(drop)
}

pub(super) fn hold(scene: &Scene<'_>, traffic: Traffic) -> Result<Vec<Effect>, Reason> {
    let seen = scene.seen(1);
    let [source_name, name]: [ObjectRef; 2] = names(scene.spec, scene.namespace())
        .try_into()
        .expect("two names");
    let source = match scene.seen(0) {
        Some(source) => Some((source, canary_spec(scene, source)?)),
        // A rollback needs the canary's Ingress alone.
        None if seen.is_some() && traffic.canary_pct == 0 => None,
        None => {
            return Err(Reason::InvalidRoute {
                route: source_name.to_string(),
                detail: "not found: create it, or mend spec.ingressRef".to_owned(),
            });
        }
    };
    let mut next = scene.begin(seen, &name);
    let mut annotations = next.strings("/metadata/annotations");
    let canary = |suffix: &str| format!("{}/{suffix}", scene.settings.ingress_annotations_prefix);
    annotations.retain(|key, _| !key.starts_with(&canary("canary")));
    if let Some((source, spec)) = source {
        next.set("/spec", spec);
        if let Some(labels) = source.at("/metadata/labels").filter(|_| seen.is_none()) {
            next.set("/metadata/labels", labels.clone());
        }
        let copied = source.strings("/metadata/annotations").into_iter();
        annotations.extend(copied.filter(|(key, _)| {
            !key.starts_with(&canary("canary")) && key != "kubectl.kubernetes.io/last-applied-configuration"
        }));
    }
    annotations.extend(OPT_OUTS.map(|(key, value)| (key.to_owned(), value.to_owned())));
    annotations.insert(canary("canary"), "true".to_owned());
    annotations.extend(
        said(scene.spec, traffic)?
            .into_iter()
            .map(|(key, value)| (canary(key), value)),
    );
    next.set(
        "/metadata/annotations",
        serde_json::to_value(annotations).unwrap_or_default(),
    );
    Ok(scene::write(seen, next).into_iter().collect())
}

/// The annotations that say which requests the canary takes.
fn said(spec: &Spec, traffic: Traffic) -> Result<BTreeMap<&'static str, String>, Reason> {
    let mut said = BTreeMap::new();
    if traffic.canary_pct > 0 && !spec.analysis.r#match.is_empty() {
        said = conditions(spec)?;
        said.insert("canary-weight", "0".to_owned());
    } else {
        said.insert("canary-weight", traffic.canary_pct.to_string());
    }
    Ok(said)
}

/// The conditions of the analysis as annotations: one cookie by its name, and one header.
fn conditions(spec: &Spec) -> Result<BTreeMap<&'static str, String>, Reason> {
    matches::only_headers(spec, "nginx")?;
    let mut said: BTreeMap<&'static str, String> = BTreeMap::new();
    for (entry, name, text) in matches::headers(spec) {
        let field = format!("headers.{name}");
        let only = |why: &str| matches::wrong(entry, &field, why);
        let text = Text::of(text);
        if name.eq_ignore_ascii_case("cookie") {
            let Some(Text::Exact(cookie)) = text else {
                return Err(only("must be exact: the name of a cookie whose value is always"));
            };
            if said.insert("canary-by-cookie", cookie.to_owned()).is_some() {
                return Err(only("nginx knows one cookie"));
            }
            continue;
        }
        if said.insert("canary-by-header", name.clone()).is_some() {
            return Err(only("nginx knows one header"));
        }
        match text {
            Some(Text::Exact(value)) => said.insert("canary-by-header-value", value.to_owned()),
            Some(Text::Regex(value)) => said.insert("canary-by-header-pattern", value.to_owned()),
            Some(Text::Prefix(_) | Text::Suffix(_)) => return Err(only("must be exact or regex")),
            None => None,
        };
    }
    Ok(said)
}

/// The owner's spec with the canary's Service in the apex' place.
fn canary_spec(scene: &Scene<'_>, source: &Object) -> Result<Value, Reason> {
    let mut spec = source.at("/spec").cloned().unwrap_or_default();
    let mut found = false;
    let rules = spec.get_mut("rules").and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten() {
        let paths = rule.pointer_mut("/http/paths").and_then(Value::as_array_mut);
        for path in paths.into_iter().flatten() {
            if let Some(name) = path.pointer_mut("/backend/service/name")
                && name == scene.apex()
            {
                *name = Value::from(scene.own());
                found = true;
            }
        }
    }
    if found {
        return Ok(spec);
    }
    Err(Reason::InvalidRoute {
        route: source.reference().to_string(),
        detail: format!(
            "no path has the backend {}: add one, or mend spec.ingressRef",
            scene.apex()
        ),
    })
}
