//! The definitions in `deploy/crds`: structural, as Kubernetes demands, and letting in what `tests/crds` says.

use crate::conformance::table::cases;
use recant_core::canary::status::Condition;
use recant_core::canary::status::Run;
use recant_core::canary::status::Status;
use serde_json::Map;
use serde_json::Value;

#[test]
fn every_definition_is_one_that_kubernetes_takes() {
    for crd in recant::manifests::crds() {
        let spec = &crd["spec"];
        let name = format!("{}.{}", text(&spec["names"]["plural"]), text(&spec["group"]));
        assert_eq!(crd["metadata"]["name"], name);
        assert_eq!(
            spec["names"]["listKind"],
            format!("{}List", text(&spec["names"]["kind"]))
        );
        let stored = list(&spec["versions"])
            .iter()
            .filter(|v| v["storage"] == true)
            .count();
        assert_eq!(stored, 1, "{name}: versions that are stored");
        for version in list(&spec["versions"]) {
            let reports = !version["schema"]["openAPIV3Schema"]["properties"]["status"].is_null();
            assert!(
                !reports || version["subresources"]["status"].is_object(),
                "{name} has a status subresource"
            );
            for column in list(&version["additionalPrinterColumns"]) {
                assert!(text(&column["jsonPath"]).starts_with('.'), "{name}: {column}");
            }
            let mut problems = Vec::new();
            structural(&version["schema"]["openAPIV3Schema"], &name, &mut problems);
            assert!(problems.is_empty(), "{problems:#?}");
        }
    }
}

#[test]
fn the_check_for_structural_schemas_finds_what_is_not() {
    let table = [
        (r#"{"properties": {"a": {"type": "string"}}}"#, "no type"),
        (r#"{"type": "object", "properties": {"a": {}}}"#, "x.a: no type"),
        (r#"{"type": "array"}"#, "no items"),
        (
            r#"{"type": "object", "oneOf": [{"type": "string"}]}"#,
            "type is not allowed here",
        ),
        (r#"{"type": "object", "oneOf": [{"required": ["a"]}]}"#, ""),
        (
            r#"{"type": "object", "anyOf": [{"properties": {"a": {}}}]}"#,
            "a is not in the structure",
        ),
        (
            r#"{"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}"#,
            "properties and additionalProperties",
        ),
        (r#"{"x-kubernetes-int-or-string": true}"#, ""),
        (r##"{"type": "object", "$ref": "#/a"}"##, "$ref is not allowed"),
    ];
    for (schema, expected) in table {
        let mut problems = Vec::new();
        structural(&serde_json::from_str(schema).unwrap(), "x", &mut problems);
        let found = problems.join("; ");
        assert!(found.contains(expected), "{schema}: {found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{schema}: {found}");
    }
}

#[test]
fn every_case_says_why_and_is_of_a_kind_that_is_defined() {
    let crds = recant::manifests::crds();
    let cases = cases();
    assert!(cases.iter().any(|case| case.accept) && cases.iter().any(|case| !case.accept));
    for case in cases {
        assert!(!case.why.is_empty(), "{:#}", case.object);
        assert_eq!(
            case.at.is_some(),
            !case.accept,
            "{}: only a refusal has a field",
            case.why
        );
        let kind = &case.object["kind"];
        assert!(
            crds.iter().any(|crd| crd["spec"]["names"]["kind"] == *kind),
            "{}: {kind}",
            case.why
        );
    }
}

#[test]
fn the_canarys_definition_knows_every_field_of_the_status_that_recant_writes() {
    let crds = recant::manifests::crds();
    let canary = crds
        .iter()
        .find(|crd| crd["metadata"]["name"] == "canaries.flagger.app")
        .unwrap();
    let version = &canary["spec"]["versions"][0];
    let known = &version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
    let status = Status {
        last_transition_time: Some(jiff::Timestamp::UNIX_EPOCH),
        analysis: Some(Run::default()),
        ..Status::default()
    };
    for (field, _) in map(&serde_json::to_value(&status).unwrap()) {
        assert!(known[field].is_object(), "status.{field}");
    }
    let condition = Condition {
        r#type: String::new(),
        status: String::new(),
        reason: String::new(),
        message: String::new(),
        last_update_time: Some(jiff::Timestamp::UNIX_EPOCH),
        last_transition_time: Some(jiff::Timestamp::UNIX_EPOCH),
    };
    for (field, _) in map(&serde_json::to_value(&condition).unwrap()) {
        let field_of_condition = &known["conditions"]["items"]["properties"][field];
        assert!(field_of_condition.is_object(), "status.conditions[].{field}");
    }
}

/// The rules of structural schemas: every place has a type; what only judges (`oneOf` and the like) adds nothing.
fn structural(schema: &Value, at: &str, problems: &mut Vec<String>) {
    let free = schema["x-kubernetes-int-or-string"] == true
        || (schema["x-kubernetes-preserve-unknown-fields"] == true && schema["type"].is_null());
    if schema["type"].is_null() && !free {
        problems.push(format!("{at}: no type"));
    }
    for word in [
        "$ref",
        "definitions",
        "dependencies",
        "patternProperties",
        "uniqueItems",
    ] {
        if !schema[word].is_null() {
            problems.push(format!("{at}: {word} is not allowed"));
        }
    }
    if schema["properties"].is_object() && schema["additionalProperties"].is_object() {
        problems.push(format!("{at}: properties and additionalProperties"));
    }
    if schema["type"] == "array" && !schema["items"].is_object() {
        problems.push(format!("{at}: no items"));
    }
    for (name, property) in map(&schema["properties"]) {
        structural(property, &format!("{at}.{name}"), problems);
    }
    for word in ["items", "additionalProperties"] {
        if schema[word].is_object() {
            structural(&schema[word], &format!("{at}[{word}]"), problems);
        }
    }
    for judge in judges(schema) {
        judging(judge, schema, at, problems);
    }
}

/// A schema that only judges may not say what there is, and may speak only of what there is.
fn judging(judge: &Value, structure: &Value, at: &str, problems: &mut Vec<String>) {
    for (word, _) in map(judge) {
        let shapes = [
            "type",
            "description",
            "title",
            "default",
            "nullable",
            "additionalProperties",
        ];
        if shapes.contains(&word.as_str()) || word.starts_with("x-kubernetes-") {
            problems.push(format!("{at}: {word} is not allowed here"));
        }
    }
    for (name, property) in map(&judge["properties"]) {
        match structure["properties"].get(name) {
            Some(inner) => judging(property, inner, &format!("{at}.{name}"), problems),
            None => problems.push(format!("{at}: {name} is not in the structure")),
        }
    }
    for inner in judges(judge) {
        judging(inner, structure, at, problems);
    }
}

/// The schemas under `oneOf`, `anyOf`, `allOf` and `not`.
fn judges(schema: &Value) -> Vec<&Value> {
    let mut all: Vec<&Value> = ["oneOf", "anyOf", "allOf"]
        .iter()
        .flat_map(|word| list(&schema[*word]))
        .collect();
    all.extend(schema.get("not"));
    all
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn map(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
