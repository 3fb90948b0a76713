//! `examples-repo/`: what the real kustomize makes of it, and that it is what its comments say.

use crate::files;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const APPS: &str = "examples-repo/apps/my-cluster";
const CONFIGS: &str = "examples-repo/infrastructure/configs";

#[test]
fn every_root_renders() {
    for path in files::below("examples-repo", "yaml") {
        if let Some(root) = path.strip_suffix("/kustomization.yaml") {
            let Some(objects) = files::kustomize(root) else {
                return;
            };
            assert!(!objects.is_empty(), "{root}");
        }
    }
}

#[test]
fn flux_finds_every_path_and_every_dependency() {
    let mut layers = Vec::new();
    for path in files::below("examples-repo/clusters", "yaml") {
        let text = fs::read_to_string(files::root().join(path)).unwrap();
        layers.extend(files::documents(&text).into_iter().filter(|object| {
            object["kind"] == "Kustomization" && object["metadata"]["namespace"] == "flux-system"
        }));
    }
    assert_eq!(layers.len(), 3);
    for layer in &layers {
        let path = layer["spec"]["path"].as_str().unwrap();
        assert!(files::root().join("examples-repo").join(path).is_dir(), "{path}");
        assert_eq!(layer["spec"]["sourceRef"]["name"], "flux-system");
        for needed in layer["spec"]["dependsOn"].as_array().into_iter().flatten() {
            assert!(
                layers
                    .iter()
                    .any(|other| other["metadata"]["name"] == needed["name"]),
                "{needed}"
            );
        }
    }
}

#[test]
fn canaries_have_a_target_without_replicas_and_services_are_left_to_them() {
    let Some(apps) = files::kustomize(APPS) else {
        return;
    };
    let canaries: Vec<&Value> = of_kind(&apps, "Canary").collect();
    assert_eq!(canaries.len(), 2);
    for canary in canaries {
        let name = &canary["spec"]["targetRef"]["name"];
        let target = of_kind(&apps, "Deployment")
            .find(|d| d["metadata"]["name"] == *name)
            .unwrap();
        assert!(
            target["spec"]["replicas"].is_null(),
            "{name}: Flux would scale the idle target back up"
        );
        assert!(
            target["spec"]["selector"]["matchLabels"]["app"].is_string(),
            "{name}"
        );
    }
    assert_eq!(of_kind(&apps, "Service").count(), 0);
}

#[test]
fn metric_templates_are_where_the_canaries_look_for_them() {
    let (Some(apps), Some(configs)) = (files::kustomize(APPS), files::kustomize(CONFIGS)) else {
        return;
    };
    let mut looked_up = 0;
    for canary in of_kind(&apps, "Canary") {
        for metric in canary["spec"]["analysis"]["metrics"].as_array().unwrap() {
            let Some(template) = metric.get("templateRef") else {
                continue;
            };
            looked_up += 1;
            assert!(
                metric["interval"].is_string(),
                "{metric}: a template's metric has no default interval"
            );
            assert!(
                of_kind(&configs, "MetricTemplate").any(|t| t["metadata"]["name"] == template["name"]
                    && t["metadata"]["namespace"] == template["namespace"]),
                "{template}"
            );
        }
    }
    assert_eq!(looked_up, 2);
}

#[test]
fn a_new_tag_for_podinfo_changes_podinfo_and_nothing_else() {
    let Some(before) = files::kustomize(APPS) else {
        return;
    };
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .arg("-R")
        .arg(files::root().join("examples-repo"))
        .arg(copy.path())
        .status();
    assert!(copied.unwrap().success());
    let overlay = copy.path().join(APPS);
    bump_podinfo(&overlay.join("kustomization.yaml"));
    // An absolute path, which `kustomize` joins to the root as it is.
    let after = files::kustomize(overlay.to_str().unwrap()).unwrap();
    assert_eq!(before.len(), after.len());
    let changed: Vec<&Value> = after.iter().filter(|object| !before.contains(object)).collect();
    let [podinfo] = changed[..] else {
        panic!("{changed:#?}")
    };
    assert_eq!(
        (&podinfo["kind"], &podinfo["metadata"]["name"]),
        (&"Deployment".into(), &"podinfo".into())
    );
    let container = &podinfo["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "ghcr.io/stefanprodan/podinfo:6.7.1");
}

/// What a user does to release a version: one line.
fn bump_podinfo(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let image = "name: ghcr.io/stefanprodan/podinfo\n    newTag: ";
    let bumped = text.replace(&format!("{image}6.7.0"), &format!("{image}6.7.1"));
    assert_ne!(text, bumped);
    fs::write(file, bumped).unwrap();
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}
