//! Who is told what: alerts with Flagger's messages and severities, events for webhooks, and failures that nobody
//! could see.

use super::BAD;
use super::NEWER;
use super::Phase;
use super::World;
use crate::alert::Alert;
use crate::alert::Severity;
use crate::object::ObjectRef;
use crate::query::Observed;
use crate::query::Why;
use crate::reason::Reason;
use serde_json::json;

/// A world whose Canary has these alerts, after its initialization.
fn world_with_alerts(alerts: serde_json::Value) -> World {
    let mut world = World::new();
    let mut canary = world.canary();
    canary.set("/spec/analysis/alerts", alerts);
    world.put(canary);
    world.run_until(Phase::Initialized);
    world.settle_down();
    world.weights.clear();
    world
}

fn said(alerts: &[Alert]) -> Vec<(Severity, &str)> {
    alerts
        .iter()
        .map(|alert| (alert.severity, alert.message.as_str()))
        .collect()
}

fn field<'a>(alert: &'a Alert, name: &str) -> &'a str {
    let found = alert.fields.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

#[test]
fn every_turn_of_a_run_is_told_with_flaggers_words_and_severity() {
    let mut world =
        world_with_alerts(json!([{"name": "all", "severity": "info", "providerRef": {"name": "chat"}}]));
    world.set_image(NEWER);
    world.run_until(Phase::Succeeded);
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    assert_eq!(
        said(&world.alerts),
        [
            (
                Severity::Info,
                "New Deployment detected, initialization completed."
            ),
            (
                Severity::Info,
                "New revision detected, progressing canary analysis."
            ),
            (
                Severity::Info,
                "Canary analysis completed successfully, promotion finished."
            ),
            (
                Severity::Info,
                "New revision detected, progressing canary analysis."
            ),
            (Severity::Error, "Failed checks threshold reached 2"),
        ]
    );
    let chat = ObjectRef::new("flagger.app/v1beta1", "AlertProvider", "test", "chat");
    assert!(
        world
            .alerts
            .iter()
            .all(|alert| alert.provider.as_ref() == Some(&chat))
    );
    let begin = &world.alerts[1];
    for (name, value) in [
        ("Cluster", "default"),
        ("Target", "Deployment/podinfo.test"),
        ("Failed checks threshold", "2"),
        ("Progress deadline", "60s"),
        ("Traffic routing", "Weight step: 50 max: 100"),
    ] {
        assert_eq!(field(begin, name), value);
    }
}

#[test]
fn a_failure_is_told_with_image_revision_metric_value_and_threshold() {
    let mut world = world_with_alerts(json!([{"name": "all", "providerRef": {"name": "chat"}}]));
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    let failure = world.alerts.last().expect("an alert");
    for (name, value) in [
        ("Cluster", "default"),
        ("Image", BAD),
        ("Revision", "main@sha1:00000000"),
        ("Failed metric", "request-success-rate"),
        ("Value", "62.00%"),
        ("Threshold", "min 99%"),
    ] {
        assert_eq!(field(failure, name), value, "{failure:?}");
    }
}

#[test]
fn a_missed_deadline_and_a_failed_promotion_are_told_too() {
    for (image, frozen, expected) in [
        (NEWER, "podinfo", "Progress deadline exceeded "),
        (NEWER, "podinfo-primary", "Promotion failed, primary not ready: "),
    ] {
        let mut world =
            world_with_alerts(json!([{"name": "bad", "severity": "error", "providerRef": {"name": "chat"}}]));
        world.set_image(image);
        if frozen == "podinfo-primary" {
            world.run_until(Phase::Promoting);
            world.unfit.push(image.to_owned());
            world.frozen_since = world.now;
        } else {
            world.freeze(frozen);
        }
        world.run_until(Phase::Failed);
        let [alert] = world.alerts.as_slice() else {
            panic!("{:?}", world.alerts)
        };
        assert_eq!(alert.severity, Severity::Error);
        assert!(alert.message.starts_with(expected), "{}", alert.message);
    }
}

#[test]
fn a_severity_lets_itself_and_worse_through_and_an_empty_one_means_info() {
    for (severity, alerts) in [("info", 3), ("", 3), ("warn", 1), ("error", 1)] {
        let mut world =
            world_with_alerts(json!([{"name": "a", "severity": severity, "providerRef": {"name": "chat"}}]));
        world.set_image(BAD);
        world.run_until(Phase::Failed);
        assert_eq!(world.alerts.len(), alerts, "{severity:?}");
    }
}

#[test]
fn each_provider_is_told_in_its_own_namespace_unless_that_is_forbidden() {
    let alerts = json!([{"name": "here", "providerRef": {"name": "a", "namespace": ""}},
                        {"name": "there", "providerRef": {"name": "b", "namespace": "ops"}}]);
    let world = world_with_alerts(alerts.clone());
    let providers = |world: &World| -> Vec<String> {
        let providers = world.alerts.iter().filter_map(|alert| alert.provider.clone());
        providers.map(|provider| provider.to_string()).collect()
    };
    assert_eq!(providers(&world), ["AlertProvider/test/a", "AlertProvider/ops/b"]);
    let mut world = World::new();
    world.settings.no_cross_namespace_refs = true;
    let mut canary = world.canary();
    canary.set("/spec/analysis/alerts", alerts);
    world.put(canary);
    world.run_until(Phase::Initialized);
    assert_eq!(
        providers(&world),
        ["AlertProvider/test/a", "AlertProvider/test/b"]
    );
}

#[test]
fn without_alerts_of_its_own_recants_own_provider_is_told_if_there_is_one() {
    let mut world = World::new();
    world.run_until(Phase::Initialized);
    assert_eq!(world.alerts, []);
    let mut world = World::new();
    world.settings.alerts = true;
    world.run_until(Phase::Initialized);
    assert_eq!(world.alerts.len(), 1);
    assert_eq!(world.alerts[0].provider, None);
}

#[test]
fn the_pull_request_is_told_once_with_its_page() {
    let mut world =
        world_with_alerts(json!([{"name": "a", "severity": "warn", "providerRef": {"name": "chat"}}]));
    world.set_image(BAD);
    world.run_until(Phase::Failed);
    world.settle_down();
    let [mut revert] = <[_; 1]>::try_from(world.all("Revert")).expect("one Revert");
    revert.set("/status/phase", json!("Proposed"));
    revert.set(
        "/status/pullRequest",
        json!({"number": 7, "url": "https://git.example/pulls/7"}),
    );
    world.put(revert);
    world.settle_down();
    assert_eq!(
        said(&world.alerts),
        [
            (Severity::Error, "Failed checks threshold reached 2"),
            (
                Severity::Warn,
                "Revert proposed, a pull request is waiting for review."
            ),
        ]
    );
    let alert = &world.alerts[1];
    assert_eq!(field(alert, "Pull request"), "https://git.example/pulls/7");
    assert_eq!(field(alert, "Failed metric"), "request-success-rate");
    let run = world.status().analysis.expect("a run");
    assert_eq!(run.pull_request.as_deref(), Some("https://git.example/pulls/7"));
}

#[test]
fn every_event_also_goes_to_recants_own_webhook_unless_the_canary_has_one() {
    let mut world = World::new();
    world.settings.event_webhook = true;
    world.run_until(Phase::Initialized);
    let said = world.event_hooks.iter();
    let said: Vec<&str> = said
        .filter_map(|hook| hook.payload.pointer("/metadata/eventMessage")?.as_str())
        .collect();
    assert_eq!(said, world.events);
    let hook = world.event_hooks.last().expect("a post");
    assert_eq!((hook.name.as_str(), hook.url.as_ref()), ("events", None));
    let at = (world.now.as_millisecond() - 5000).to_string();
    let expected = json!({
        "name": "podinfo", "namespace": "test", "phase": "Initialized",
        "checksum": hook.payload["checksum"],
        "metadata": {"eventMessage": "Initialization done! podinfo.test", "eventType": "Normal", "timestamp": at},
    });
    assert_eq!(hook.payload, expected);
    assert!(!hook.payload["checksum"].as_str().unwrap_or_default().is_empty());
}

#[test]
fn a_metric_that_passed_beside_one_that_could_not_be_seen_blames_no_commit() {
    let mut world = World::initialized();
    let mut canary = world.canary();
    let metrics = json!([{"name": "request-success-rate", "thresholdRange": {"min": 50}},
                         {"name": "dark", "templateRef": {"name": "missing"}}]);
    canary.set("/spec/analysis/metrics", metrics);
    world.put(canary);
    world.set_image(NEWER);
    world.run_until(Phase::Failed);
    world.settle_down();
    let run = world.status().analysis.expect("a run");
    assert!(
        run.ticks
            .iter()
            .all(|tick| !tick.passed && !tick.bad && tick.values[0].is_some())
    );
    assert!(
        matches!(world.because, Some(Reason::NotBlamed { .. })),
        "{:?}",
        world.because
    );
    assert!(world.all("Revert").is_empty());
}

#[test]
fn one_bad_value_among_what_nobody_saw_is_a_failure_of_the_commit() {
    let mut world = World::initialized();
    world.set_image(BAD);
    world.run_while(|world| world.status().failed_checks < 1);
    world.dark = Some(Observed::Unknown(Why::Unreachable("refused".to_owned())));
    world.run_until(Phase::Failed);
    world.settle_down();
    assert_eq!(world.all("Revert").len(), 1);
}

#[test]
fn an_infinite_value_fails_the_check_and_leaves_the_status_readable() {
    let mut world = World::initialized();
    let mut canary = world.canary();
    canary.set(
        "/spec/analysis/metrics",
        json!([{"name": "mine", "query": "q", "thresholdRange": {"max": 1}}]),
    );
    world.put(canary);
    world.dark = Some(Observed::Known(Some(f64::INFINITY)));
    world.set_image(NEWER);
    world.run_until(Phase::Failed);
    let run = world.status().analysis.expect("a run");
    assert_eq!(run.checks[0].value(), Some(f64::INFINITY));
    assert!(world.told("Halt podinfo.test advancement mine inf > 1"));
}

#[test]
fn a_template_whose_provider_is_not_spoken_to_stops_nothing_that_runs_and_begins_nothing_new() {
    let mut world = World::initialized();
    let mut canary = world.canary();
    canary.set(
        "/spec/analysis/metrics",
        json!([{"name": "mine", "templateRef": {"name": "odd"}}]),
    );
    world.put(canary);
    world.put(crate::object::Object(json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate",
        "metadata": {"name": "odd", "namespace": "test"},
        "spec": {"provider": {"type": "keptn"}, "query": "analysis/a/b"},
    })));
    world.set_image(NEWER);
    world.settle_down();
    assert!(
        matches!(world.because, Some(Reason::Unsupported { .. })),
        "{:?}",
        world.because
    );
    assert_eq!(world.status().phase, Phase::Initialized);
    assert!(world.weights.is_empty());
}
