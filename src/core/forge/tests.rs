//! What a Forge's manifest means, and what makes it ready.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use super::*;
use crate::query::Access;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

fn object(spec: Value) -> Object {
    Object(json!({
        "apiVersion": "recant.dev/v1alpha1", "kind": "Forge",
        "metadata": { "name": "hub", "namespace": "recant-system", "generation": 3 },
        "spec": spec,
    }))
}

#[test]
fn a_forge_that_says_little_gets_the_defaults() {
    let forge = Forge::of(&object(json!({ "type": "github", "url": "https://github.com" }))).unwrap();
    assert_eq!(
        forge.spec,
        ForgeSpec::new(ForgeType::GitHub, "https://github.com")
    );
    assert!(!forge.spec.pull_requests.auto_merge && !forge.spec.report_only && forge.spec.commit_statuses);
    assert_eq!(forge.spec.max_age_s(), 7 * 24 * 3600);
    assert_eq!(forge.spec.shared_reverts, SharedReverts::Pin);
}

#[test]
fn a_forge_is_written_as_it_is_read() {
    let spec = json!({
        "type": "bitbucketserver", "url": "https://git.example", "repositories": ["a/*"],
        "secretRef": { "name": "t" }, "certSecretRef": { "name": "ca" }, "proxySecretRef": { "name": "p" },
        "timeout": "20s", "reportOnly": true, "maxAge": "2h", "sharedReverts": "Propose",
        "pullRequests": {
            "branchPrefix": "bots/recant/", "labels": ["a"], "reviewers": ["ada", "team/ops"], "assignAuthor": true,
            "draft": true, "autoMerge": true, "titleTemplate": "[{{ cluster }}] {{ title }}",
            "bodyTemplate": "{{ body }}\n\nAsk #ops.",
        },
        "commits": {
            "author": { "name": "Bot", "email": "bot@example" }, "trailers": { "Ticket": "none" },
            "signingKey": { "type": "ssh", "secretRef": { "name": "k" } }, "signByForge": false,
        },
        "commitStatuses": false,
        "caps": { "openPullRequests": 3, "perDay": 0 },
    });
    let forge = Forge::of(&object(spec.clone())).unwrap();
    assert_eq!(serde_json::to_value(forge.spec).unwrap(), spec);
}

#[test]
fn every_mistake_names_its_field() {
    for (spec, field) in [
        (json!({ "type": "cvs", "url": "https://x" }), "cvs"),
        (json!({ "type": "github" }), "url"),
        (
            json!({ "type": "github", "url": "https://x", "maxAge": "week" }),
            "spec.maxAge",
        ),
        (
            json!({ "type": "github", "url": "https://x", "timeout": "0s" }),
            "spec.timeout",
        ),
        (
            json!({ "type": "github", "url": "https://x", "pullRequests": { "branchPrefix": "recant" } }),
            "branchPrefix",
        ),
        (
            json!({ "type": "github", "url": "https://x", "pullRequests": { "branchPrefix": "/" } }),
            "branchPrefix",
        ),
        (
            json!({ "type": "github", "url": "https://x", "pullRequests": { "branchPrefix": "a/../b/" } }),
            "branchPrefix",
        ),
        (
            json!({ "type": "github", "url": "https://x", "pullRequests": { "titleTemplate": "{{ tile }}" } }),
            "titleTemplate",
        ),
        (
            json!({ "type": "github", "url": "https://x", "pullRequests": { "bodyTemplate": "{{ body" } }),
            "bodyTemplate",
        ),
        (
            json!({ "type": "gitea", "url": "https://x", "commits": { "signByForge": true } }),
            "signByForge",
        ),
        (
            json!({ "type": "github", "url": "https://x", "commits": { "trailers": { "a b": "c" } } }),
            "trailers",
        ),
        (
            json!({ "type": "github", "url": "https://x", "commits": { "trailers": { "a": "c\nSigned-off-by: x" } } }),
            "trailers",
        ),
        (
            json!({ "type": "github", "url": "https://x", "commits": { "signByForge": true,
                "signingKey": { "type": "ssh", "secretRef": { "name": "k" } } } }),
            "exclude",
        ),
    ] {
        let error = Forge::of(&object(spec)).unwrap_err();
        assert!(error.contains(field), "{field}: {error}");
    }
}

#[test]
fn trailers_stand_in_one_block() {
    let mut spec = ForgeSpec::new(ForgeType::Gitea, "https://x");
    assert_eq!(spec.with_trailers("Revert a\n"), "Revert a\n");
    spec.commits
        .trailers
        .insert("Ticket".to_owned(), "OPS-1".to_owned());
    for (message, expected) in [
        ("Revert a", "Revert a\n\nTicket: OPS-1\n"),
        (
            "Revert a\n\nIt failed.\n",
            "Revert a\n\nIt failed.\n\nTicket: OPS-1\n",
        ),
        (
            "Revert a\n\nIt failed.\n\nReverts: 1\nFor: b\n",
            "Revert a\n\nIt failed.\n\nReverts: 1\nFor: b\nTicket: OPS-1\n",
        ),
    ] {
        assert_eq!(spec.with_trailers(message), expected);
    }
}

#[test]
fn a_template_gets_its_words_and_no_value_is_read_as_a_template() {
    let value = |word: &str| (word == "title").then(|| "{{ title }}".to_owned());
    assert_eq!(
        fill("a {{title}} b {{ title }}", value).unwrap(),
        "a {{ title }} b {{ title }}"
    );
    assert!(fill("{{ other }}", value).unwrap_err().contains("other"));
}

fn ready(forge: &Object, answer: Option<Observed<Access>>) -> (String, String, String) {
    let mut seen = Observation::default();
    for query in ask(forge) {
        if let Some(answer) = answer.clone() {
            let answer = match answer {
                Observed::Known(access) => Observed::Known(crate::query::Answer::Access(access)),
                Observed::Unknown(why) => Observed::Unknown(why),
            };
            seen.note(query, answer);
        }
    }
    let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let step = step(now, forge, &seen);
    let status = step.status.clone().unwrap();
    assert_eq!(status.int("/status/observedGeneration"), Some(3));
    let again = super::step(now, &status, &seen);
    assert_eq!(again.status, None, "said once");
    (
        status.str("/status/conditions/0/status").to_owned(),
        status.str("/status/conditions/0/reason").to_owned(),
        status.str("/status/conditions/0/message").to_owned(),
    )
}

#[test]
fn ready_says_what_the_credential_is_good_for() {
    let forge = object(json!({ "type": "github", "url": "https://github.com" }));
    assert_eq!(ask(&forge), [Query::Access(forge.reference())]);
    let good = Access {
        login: "recant[bot]".to_owned(),
        ..Access::default()
    };
    let lacking = Access {
        missing: vec!["contents: write (to push the branch)".to_owned()],
        ..good.clone()
    };
    let ending = Access {
        expires: Some("2026-11-25T00:00:00Z".parse().unwrap()),
        ..good.clone()
    };
    for (answer, expected) in [
        (Some(Observed::Known(good)), ("True", "ForgeReady", "recant[bot]")),
        (
            Some(Observed::Known(ending)),
            ("True", "ForgeReady", "expires at 2026-11-25"),
        ),
        (
            Some(Observed::Known(lacking)),
            ("False", "ForgeNotReady", "contents: write"),
        ),
        (
            Some(Observed::Unknown(Why::Denied("HTTP 401".to_owned()))),
            ("False", "ForgeNotReady", "HTTP 401"),
        ),
        (
            Some(Observed::Unknown(Why::Unreachable("502".to_owned()))),
            ("Unknown", "CannotSee", "502"),
        ),
        (None, ("Unknown", "CannotSee", "not asked")),
    ] {
        let (status, reason, message) = ready(&forge, answer);
        assert_eq!((status.as_str(), reason.as_str()), (expected.0, expected.1));
        assert!(message.contains(expected.2), "{message}");
    }
}

#[test]
fn a_spec_without_sense_is_stalled_and_asks_nothing() {
    let forge = object(json!({ "type": "github", "url": "https://x", "maxAge": "week" }));
    assert_eq!(ask(&forge), []);
    let step = step(Timestamp::UNIX_EPOCH, &forge, &Observation::default());
    let status = step.status.unwrap();
    assert_eq!(status.str("/status/conditions/1/type"), "Stalled");
    assert_eq!(step.wake, None);
}
