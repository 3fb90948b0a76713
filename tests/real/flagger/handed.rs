//! A Canary goes from a real Flagger to recant and back, a release under each: nobody's pod is replaced but by a release.

use super::CANARY;
use super::Flagger;
use super::recant_on;
use super::release;
use super::stage;
use super::wait;
use crate::namespace::Parts;
use crate::stage::cluster::Cluster;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the newcomer is watched at rest: three intervals of the analysis.
const WATCHED: Duration = Duration::from_secs(30);

pub(super) fn to_and_fro(parts: &Parts) {
    let (cluster, _prometheus) = stage(parts);
    let flagger = Flagger::start(parts, &cluster);
    wait(&cluster, "/status/phase", &json!("Initialized"));
    release(&cluster, "example/podinfo:2");
    wait(&cluster, "/status/phase", &json!("Succeeded"));
    let rest = Rest::of(&cluster);
    drop(flagger);

    let recant = recant_on(&cluster);
    wait(&cluster, "/status/conditions/1/type", &json!("Ready"));
    std::thread::sleep(WATCHED);
    assert_eq!(Rest::of(&cluster), rest, "recant took over");
    wait(&cluster, "/status/phase", &json!("Succeeded"));
    release(&cluster, "example/podinfo:3");
    wait(&cluster, "/status/phase", &json!("Progressing"));
    wait(&cluster, "/status/phase", &json!("Succeeded"));
    assert_eq!(image(&cluster), "example/podinfo:3");
    let rest = Rest::of(&cluster);
    let annotation = json!({ "metadata": { "annotations": { "recant.dev/hand-over": "flagger" } } });
    cluster.http.must("PATCH", CANARY, &annotation);
    wait(&cluster, "/status/phase", &json!("Initializing"));
    drop(recant);

    let _flagger = Flagger::start(parts, &cluster);
    wait(&cluster, "/status/phase", &json!("Initialized"));
    std::thread::sleep(WATCHED);
    assert_eq!(Rest::of(&cluster), rest, "Flagger took over");
    wait(&cluster, "/status/phase", &json!("Initialized"));
    release(&cluster, "example/podinfo:4");
    wait(&cluster, "/status/phase", &json!("Progressing"));
    wait(&cluster, "/status/phase", &json!("Succeeded"));
    assert_eq!(image(&cluster), "example/podinfo:4");
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/test/deployments";

fn image(cluster: &Cluster) -> Value {
    let primary = cluster.http.get(&format!("{DEPLOYMENTS}/podinfo-primary"));
    primary.unwrap()["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

/// What must not change at rest: the pods, what the primary asks for, where requests go.
#[derive(Debug, PartialEq)]
struct Rest {
    pods: BTreeSet<String>,
    template: Value,
    split: Value,
}

impl Rest {
    fn of(cluster: &Cluster) -> Self {
        let pods = cluster.http.list("/api/v1/namespaces/test/pods").into_iter();
        let primary = cluster.http.get(&format!("{DEPLOYMENTS}/podinfo-primary"));
        let split = "/apis/split.smi-spec.io/v1alpha2/namespaces/test/trafficsplits/podinfo";
        Self {
            pods: pods
                .map(|pod| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned())
                .collect(),
            template: primary.unwrap()["spec"]["template"].clone(),
            split: cluster.http.get(split).unwrap()["spec"].clone(),
        }
    }
}
