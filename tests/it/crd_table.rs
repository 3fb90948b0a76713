//! `tests/crds` against the API server in memory: the definitions let in and refuse there what they must.

use crate::conformance::table;
use jiff::Timestamp;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_sim::cluster::Cluster;

/// Some time.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

#[test]
fn what_the_table_accepts_is_stored_with_its_defaults() {
    let mut cluster = cluster();
    for case in table::cases()
        .into_iter()
        .filter(|case| case.accept && case.dropped.is_empty())
    {
        let stored = cluster.write(NOW, "test", &Write::Create(Object(case.object)));
        let stored = stored.unwrap_or_else(|error| panic!("{}: {error}", case.why));
        for (pointer, expected) in &case.stored {
            assert_eq!(stored.at(pointer), Some(expected), "{}: {pointer}", case.why);
        }
    }
}

#[test]
fn recants_own_writes_are_told_every_field_that_is_unknown() {
    let mut cluster = cluster();
    for case in table::cases().into_iter().filter(|case| !case.dropped.is_empty()) {
        let Err(error) = cluster.write(NOW, "test", &Write::Create(Object(case.object))) else {
            panic!("{}: let in", case.why)
        };
        let status = error.status();
        assert_eq!(status["code"], 400, "{}: {status}", case.why);
        let message = status["message"].as_str().unwrap();
        for pointer in case.dropped {
            let field = pointer.rsplit('/').next().unwrap();
            assert!(message.contains(&format!("{field}\"")), "{field}: {message}");
        }
    }
}

#[test]
fn what_the_table_rejects_is_refused_for_the_field_that_is_wrong() {
    let mut cluster = cluster();
    for case in table::cases().into_iter().filter(|case| !case.accept) {
        let Err(error) = cluster.write(NOW, "test", &Write::Create(Object(case.object))) else {
            panic!("{}: let in", case.why)
        };
        let status = error.status();
        assert_eq!(status["code"], 422, "{}: {status}", case.why);
        let message = status["message"].as_str().unwrap();
        assert!(message.contains(&case.at.unwrap()), "{}: {message}", case.why);
    }
}

/// A cluster with recant's definitions and the namespaces of the table.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    for namespace in ["test", "faces", "recant-system"] {
        let object = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace},
        });
        cluster
            .write(NOW, "test", &Write::Create(Object(object)))
            .unwrap();
    }
    for crd in recant::manifests::crds() {
        cluster.write(NOW, "test", &Write::Create(Object(crd))).unwrap();
    }
    cluster
}
