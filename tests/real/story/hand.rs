//! What people do by hand in the cluster.

use crate::stage::cluster::Http;
use crate::stage::gitea::Gitea;
use crate::stage::recant;
use jiff::Timestamp;
use recant_core::canary::verbs;
use recant_core::object::ObjectRef;
use recant_sim::workload::behaviour::Behaviour;
use recant_sim::workload::behaviour::Fate;
use serde_json::Value;
use serde_json::json;

/// A behaviour as the control plane's stand-in for nodes reads it.
pub(super) fn spelled(behaviour: &Behaviour) -> Value {
    let (fate, ready_s) = match behaviour.fate {
        Fate::Ready { after_s } => ("", after_s),
        Fate::NoImage => ("missing", 0.0),
        Fate::Crashes => ("crashes", 0.0),
        Fate::NeverReady => ("never-ready", 0.0),
    };
    json!({
        "success_pct": behaviour.success_pct, "error_status": behaviour.error_status,
        "latency_ms": behaviour.latency.median_ms, "ready_s": ready_s, "fate": fate,
    })
}

/// Annotates a `canary`, a `namespace`, or the newest `revert`.
pub(super) fn annotate(http: &Http, kind: &str, name: &str, key: &str, value: &str) -> Result<(), String> {
    const REVERTS: &str = "/apis/recant.dev/v1alpha1/reverts";
    let path = match kind {
        "canary" => {
            let (namespace, name) = name.split_once('/').ok_or("NAMESPACE/NAME")?;
            format!("/apis/flagger.app/v1beta1/namespaces/{namespace}/canaries/{name}")
        }
        "namespace" => format!("/api/v1/namespaces/{name}"),
        _ => {
            let text = |revert: &Value, field: &str| {
                revert["metadata"][field].as_str().unwrap_or_default().to_owned()
            };
            let all = http.list(REVERTS).into_iter();
            let newest = all.max_by_key(|revert| text(revert, "creationTimestamp"));
            let newest = newest.ok_or("there is no Revert")?;
            let (namespace, name) = (text(&newest, "namespace"), text(&newest, "name"));
            format!("/apis/recant.dev/v1alpha1/namespaces/{namespace}/reverts/{name}")
        }
    };
    patch(http, &path, key, &json!(value))
}

/// A person asks for something, as `recant retry` and its like do.
pub(super) fn asks(http: &Http, verb: verbs::Verb, canary: &ObjectRef, reason: &str) -> Result<(), String> {
    let words = verbs::words(Timestamp::now(), "dana", reason);
    patch(http, &path(canary), &verb.annotation(), &json!(words))
}

/// A person takes a pause away.
pub(super) fn resumes(http: &Http, canary: &ObjectRef) -> Result<(), String> {
    patch(
        http,
        &path(canary),
        &verbs::Verb::Pause.annotation(),
        &Value::Null,
    )
}

fn path(canary: &ObjectRef) -> String {
    let (namespace, name) = (&canary.namespace, &canary.name);
    format!("/apis/flagger.app/v1beta1/namespaces/{namespace}/canaries/{name}")
}

fn patch(http: &Http, path: &str, key: &str, value: &Value) -> Result<(), String> {
    let answer = http.json(
        "PATCH",
        path,
        &json!({ "metadata": { "annotations": { key: value } } }),
    );
    match answer.status {
        200 => Ok(()),
        status => Err(format!("{path}: {status} {}", answer.body)),
    }
}

/// The operator gives the Forge another spec.
pub(super) fn forge(http: &Http, gitea: &Gitea, spec: &str) -> Result<(), String> {
    let spec: Value = serde_json::from_str(spec).map_err(|error| format!("forge: {error}"))?;
    http.apply(&recant::forge(&gitea.url, &spec));
    Ok(())
}
