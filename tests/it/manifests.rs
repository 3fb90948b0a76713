//! `deploy/`: it is current, valid, and asks for no right that recant does not need.

use crate::files;
use clap::Parser as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// The verb as the program parses it.
#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    verb: recant::cli::manifests::Args,
}

#[test]
fn deploy_holds_what_recant_manifests_writes() {
    let dir = files::root().join("deploy");
    for (path, text) in recant::manifests::files() {
        let found = fs::read_to_string(dir.join(&path)).unwrap_or_default();
        assert!(
            found == text,
            "deploy/{path} is not current: cargo run -- manifests --dir deploy"
        );
    }
}

#[test]
fn deploy_holds_no_file_that_its_kustomization_forgets() {
    let mut found = files::below("deploy", "yaml");
    let mut written: Vec<String> = recant::manifests::files()
        .into_iter()
        .map(|(path, _)| format!("deploy/{path}"))
        .collect();
    found.sort();
    written.sort();
    assert_eq!(found, written);
}

#[test]
fn writing_twice_leaves_the_second_time_everything_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let line = Line::parse_from(["manifests", "--dir", &dir.path().display().to_string()]);
    let mut said = Vec::new();
    recant::cli::manifests::run(&line.verb, &mut said).unwrap();
    assert!(
        String::from_utf8(said)
            .unwrap()
            .lines()
            .all(|line| line.ends_with(" created"))
    );
    let mut said = Vec::new();
    recant::cli::manifests::run(&line.verb, &mut said).unwrap();
    assert!(
        String::from_utf8(said)
            .unwrap()
            .lines()
            .all(|line| line.ends_with(" unchanged"))
    );
    for (path, text) in recant::manifests::files() {
        assert_eq!(fs::read_to_string(dir.path().join(path)).unwrap(), text);
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = Line::parse_from(["manifests", "--dir", &file.path().display().to_string()]);
    let error = recant::cli::manifests::run(&line.verb, &mut Vec::new()).unwrap_err();
    assert!(
        error.to_string().contains(&file.path().display().to_string()),
        "{error}"
    );
}

#[test]
fn kustomize_renders_deploy_as_recant_manifests_prints_it() {
    let Some(rendered) = files::kustomize("deploy") else {
        return;
    };
    assert_eq!(by_name(&rendered), by_name(&recant::manifests::all()));
    assert_eq!(
        by_name(&files::documents(&recant::manifests::stream())),
        by_name(&recant::manifests::all())
    );
}

#[test]
fn no_role_has_a_wildcard_or_may_delete_and_secrets_are_listed_in_one_namespace_only() {
    for role in recant::manifests::all() {
        let kind = role["kind"].as_str().unwrap().to_owned();
        for rule in role["rules"].as_array().into_iter().flatten() {
            let words = rule.to_string();
            assert!(
                !words.contains('*') && !words.contains("delete"),
                "{kind}: {words}"
            );
            if words.contains("\"secrets\"") {
                // Those that pods read, and those that providers name, are asked for by name, under roles of their
                // own that can be left out.
                let verbs = match role["metadata"]["name"].as_str() {
                    Some("recant-config-tracking") => serde_json::json!(["get", "create", "update"]),
                    Some("recant-providers") => serde_json::json!(["get"]),
                    _ => serde_json::json!(["get", "list", "watch"]),
                };
                assert!(kind == "Role" || verbs[1] != "list", "{words}");
                assert_eq!(rule["verbs"], verbs);
            }
        }
    }
}

#[test]
fn roles_name_only_the_own_kinds_that_are_defined() {
    let defined: Vec<String> = recant::manifests::crds()
        .iter()
        .map(|crd| crd["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    let roles = recant::manifests::all();
    let rules = roles
        .iter()
        .flat_map(|role| role["rules"].as_array().into_iter().flatten());
    for rule in rules {
        let group = rule["apiGroups"][0].as_str().unwrap();
        if group != "flagger.app" && group != "recant.dev" {
            continue;
        }
        for resource in rule["resources"].as_array().unwrap() {
            let plural = resource.as_str().unwrap().split('/').next().unwrap();
            assert!(defined.contains(&format!("{plural}.{group}")), "{plural}.{group}");
        }
    }
}

#[test]
fn the_pod_meets_the_restricted_security_level_of_its_namespace() {
    let all = recant::manifests::all();
    let deployment = all.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    for container in pod["containers"].as_array().unwrap() {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]));
        let mounts = container["volumeMounts"].as_array().unwrap();
        let volumes = pod["volumes"].as_array().unwrap();
        for mount in mounts {
            assert!(
                volumes.iter().any(|volume| volume["name"] == mount["name"]),
                "{mount}"
            );
        }
    }
}

#[test]
fn kubectl_shows_a_canary_in_flaggers_columns() {
    let crds = recant::manifests::crds();
    let canary = crds
        .iter()
        .find(|crd| crd["metadata"]["name"] == "canaries.flagger.app");
    let columns = canary.unwrap()["spec"]["versions"][0]["additionalPrinterColumns"].clone();
    let columns: Vec<String> = columns
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            format!(
                "{} {} {}",
                c["name"].as_str().unwrap(),
                c["jsonPath"].as_str().unwrap(),
                c["priority"]
            )
        })
        .collect();
    assert_eq!(
        columns,
        [
            "Status .status.phase null",
            "Weight .status.canaryWeight null",
            "Suspended .spec.suspend 1",
            "FailedChecks .status.failedChecks 1",
            "Interval .spec.analysis.interval 1",
            "Mirror .spec.analysis.mirror 1",
            "StepWeight .spec.analysis.stepWeight 1",
            "StepWeights .spec.analysis.stepWeights 1",
            "MaxWeight .spec.analysis.maxWeight 1",
            "LastTransitionTime .status.lastTransitionTime null",
        ]
    );
}

/// Objects by `Kind/namespace/name`.
fn by_name(objects: &[Value]) -> BTreeMap<String, Value> {
    objects
        .iter()
        .map(|object| {
            let meta = &object["metadata"];
            (
                format!("{}/{}/{}", object["kind"], meta["namespace"], meta["name"]),
                object.clone(),
            )
        })
        .collect()
}
