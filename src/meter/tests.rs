//! The page of metrics, sample by sample.

use super::*;
use recant_core::object::Object;
use serde_json::Value;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn canary(phase: &str, weight: i64, checks: Value) -> Object {
    Object(json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"namespace": "test", "name": "web"},
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
                 "service": {"port": 80},
                 "analysis": {"stepWeight": 5, "metrics": [{"name": "request-duration"},
                     {"name": "mine", "query": "q"}]}},
        "status": {"phase": phase, "canaryWeight": weight,
                   "analysis": {"checks": checks, "ticks": [{"at": "2026-01-01T00:00:00Z", "weight": weight,
                       "values": [], "passed": true}]}},
    }))
}

fn checks() -> Value {
    json!([{"name": "request-duration", "outcome": {"pass": 250.0}, "range": {"max": 500.0}, "query": "q"},
           {"name": "mine", "outcome": {"fail": 0.5}, "range": {"max": 0.1}, "query": "q"},
           {"name": "dark", "outcome": "noData", "range": {}, "query": "q"}])
}

fn look(meter: &Meter, before: &Object, after: &Object) {
    meter.note(&Sight::Looked {
        before,
        after,
        took: Duration::from_millis(20),
        done: true,
    });
}

/// The value of a sample, by its name and labels as they are written.
fn sample(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').nth(1)?.parse().ok()
}

#[test]
fn flaggers_metrics_have_flaggers_names_labels_and_values() {
    let meter = Meter::new("linkerd", Arc::default());
    let running = canary("Progressing", 5, checks());
    look(&meter, &running, &running);
    let text = meter.text();
    let version = env!("CARGO_PKG_VERSION");
    for (name, value) in [
        (
            format!("flagger_info{{version=\"{version}\",mesh_provider=\"linkerd\"}}").as_str(),
            1.0,
        ),
        ("flagger_canary_total{namespace=\"test\"}", 1.0),
        ("flagger_canary_status{name=\"podinfo\",namespace=\"test\"}", 0.0),
        (
            "flagger_canary_weight{workload=\"podinfo-primary\",namespace=\"test\"}",
            95.0,
        ),
        (
            "flagger_canary_weight{workload=\"podinfo\",namespace=\"test\"}",
            5.0,
        ),
        // In seconds, though the check is in milliseconds.
        (
            "flagger_canary_metric_analysis{name=\"podinfo\",namespace=\"test\",metric=\"request-duration\"}",
            0.25,
        ),
        (
            "flagger_canary_metric_analysis{name=\"podinfo\",namespace=\"test\",metric=\"mine\"}",
            0.5,
        ),
        (
            "flagger_canary_duration_seconds_count{name=\"podinfo\",namespace=\"test\"}",
            1.0,
        ),
        (
            "flagger_canary_duration_seconds_sum{name=\"podinfo\",namespace=\"test\"}",
            0.02,
        ),
        (
            "flagger_canary_duration_seconds_bucket{le=\"+Inf\",name=\"podinfo\",namespace=\"test\"}",
            1.0,
        ),
    ] {
        assert_eq!(sample(&text, name), Some(value), "{name}\n{text}");
    }
    assert!(
        !text.contains("metric=\"dark\""),
        "what was not measured has no value"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_status_is_running_ok_or_failed_as_with_flagger() {
    for (phase, value) in [
        ("Initialized", 1.0),
        ("Waiting", 1.0),
        ("Progressing", 0.0),
        ("Promoting", 1.0),
        ("Succeeded", 1.0),
        ("Failed", 2.0),
    ] {
        let meter = Meter::new("istio", Arc::default());
        let seen = canary(phase, 0, json!([]));
        look(&meter, &seen, &seen);
        let name = "flagger_canary_status{name=\"podinfo\",namespace=\"test\"}";
        assert_eq!(sample(&meter.text(), name), Some(value), "{phase}");
    }
}

#[test]
fn ends_of_runs_are_counted_once_by_strategy_and_a_stopped_run_is_no_success() {
    let meter = Meter::new("istio", Arc::default());
    let of = |strategy: &str, status: &str| {
        format!(
            "{{name=\"podinfo\",namespace=\"test\",deployment_strategy=\"{strategy}\",analysis_status=\"{status}\"}}"
        )
    };
    let finalising = canary("Finalising", 0, json!([]));
    let promoted = canary("Succeeded", 0, json!([]));
    look(&meter, &finalising, &promoted);
    look(&meter, &promoted, &promoted);
    let mut stopped = promoted.clone();
    stopped.set(
        "/status/conditions",
        json!([{"type": "Reverted", "status": "True"}]),
    );
    look(&meter, &canary("Progressing", 5, json!([])), &stopped);
    let mut green = canary("Progressing", 0, json!([]));
    green.set("/spec/analysis", json!({"iterations": 3}));
    let mut failed = green.clone();
    failed.set("/status/phase", json!("Failed"));
    look(&meter, &green, &failed);
    let mut skipped = promoted.clone();
    skipped.set("/spec/skipAnalysis", json!(true));
    look(&meter, &finalising, &skipped);
    let text = meter.text();
    let counted = |what: &str, labels: String| sample(&text, &format!("flagger_canary_{what}_total{labels}"));
    assert_eq!(
        counted("successes", of("canary", "completed")),
        Some(1.0),
        "{text}"
    );
    assert_eq!(counted("successes", of("canary", "skipped")), Some(1.0));
    assert_eq!(counted("failures", of("blue-green", "completed")), Some(1.0));
    assert_eq!(counted("failures", of("canary", "completed")), None);
}

#[test]
fn nothing_is_told_of_a_canary_that_is_gone() {
    let meter = Meter::new("istio", Arc::default());
    let seen = canary("Progressing", 5, checks());
    look(&meter, &seen, &seen);
    meter.note(&Sight::Gone(&seen.reference()));
    let text = meter.text();
    assert!(
        !text.contains("flagger_canary_weight{") && !text.contains("flagger_canary_total{"),
        "{text}"
    );
}

#[test]
fn recants_own_metrics_tell_reverts_pull_requests_looks_checks_and_notifications() {
    let notifications = Arc::<Outcomes>::default();
    let meter = Meter::new("istio", Arc::clone(&notifications));
    let mut before = canary("Progressing", 5, json!([]));
    before.set("/status/analysis/ticks", json!([]));
    look(&meter, &before, &canary("Progressing", 5, checks()));
    let revert = |name: &str, phase: &str| {
        Object(json!({
            "apiVersion": "recant.dev/v1alpha1", "kind": "Revert", "metadata": {"namespace": "a", "name": name},
            "status": {"phase": phase, "pullRequest": {"number": 1, "url": "https://git/1"}},
        }))
    };
    for (name, phase) in [("a", "Proposed"), ("b", "Proposed"), ("c", "Merged")] {
        let seen = revert(name, phase);
        look(&meter, &seen, &seen);
    }
    meter.note(&Sight::Queue { ready: 3, running: 2 });
    notifications.sent.store(4, Ordering::Relaxed);
    notifications.failed.store(1, Ordering::Relaxed);
    meter.text();
    let text = meter.text();
    for (name, value) in [
        ("recant_canaries{phase=\"Progressing\"}", 1.0),
        ("recant_reverts{phase=\"Proposed\"}", 2.0),
        ("recant_reverts{phase=\"Merged\"}", 1.0),
        ("recant_pull_requests_open", 2.0),
        ("recant_reconciles_total{kind=\"Revert\",outcome=\"done\"}", 3.0),
        ("recant_reconcile_duration_seconds_count{kind=\"Canary\"}", 1.0),
        ("recant_queue_depth", 3.0),
        ("recant_reconciles_running", 2.0),
        ("recant_checks_total{outcome=\"passed\"}", 1.0),
        ("recant_checks_total{outcome=\"failed\"}", 1.0),
        ("recant_checks_total{outcome=\"no_data\"}", 1.0),
        ("recant_notifications_total{outcome=\"sent\"}", 4.0),
        ("recant_notifications_total{outcome=\"failed\"}", 1.0),
    ] {
        assert_eq!(sample(&text, name), Some(value), "{name}\n{text}");
    }
}

#[test]
fn of_an_object_only_what_is_told_is_kept() {
    let meter = Meter::new("istio", Arc::default());
    let mut seen = canary("Progressing", 5, checks());
    seen.set("/metadata/managedFields", json!([{"manager": "flux"}]));
    look(&meter, &seen, &seen);
    let kept = meter.lock().values().next().cloned().unwrap_or_default();
    assert_eq!(kept.reference(), seen.reference());
    assert!(kept.at("/metadata/managedFields").is_none() && kept.at("/status/analysis/ticks").is_none());
}
