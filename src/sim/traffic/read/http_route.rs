//! gateway.networking.k8s.io HTTPRoutes.

use super::items;
use super::key;
use super::text;
use crate::traffic::rule::Backend;
use crate::traffic::rule::Mirror;
use crate::traffic::rule::Name;
use crate::traffic::rule::Proxy;
use crate::traffic::rule::Rule;
use crate::traffic::rule::Test;
use crate::traffic::rule::Text;
use crate::traffic::topology::Apex;
use crate::traffic::topology::Listed;
use recant_core::object::Object;
use serde_json::Value;

pub(super) fn read(listed: &Listed) -> Vec<(Apex, Vec<Rule>)> {
    let of = |route: &Object| -> Vec<(Apex, Vec<Rule>)> {
        let spec = route.at("/spec").cloned().unwrap_or_default();
        let rules: Vec<Rule> = items(&spec, "rules").map(|one| rule(route, one)).collect();
        let apexes = items(&spec, "parentRefs").map(|parent| apex(route, parent));
        apexes.map(|apex| (apex, rules.clone())).collect()
    };
    listed.routes.iter().flat_map(of).collect()
}

/// A Service named as parent is the apex (Linkerd); at a Gateway the route itself is.
fn apex(route: &Object, parent: &Value) -> Apex {
    if text(parent, "kind") == "Service" {
        service(route, parent)
    } else {
        key(route)
    }
}

fn service(route: &Object, reference: &Value) -> Name {
    let namespace = match text(reference, "namespace") {
        "" => route.namespace(),
        namespace => namespace,
    };
    (namespace.to_owned(), text(reference, "name").to_owned())
}

fn rule(route: &Object, rule: &Value) -> Rule {
    let backend = |reference: &Value| {
        let weight = reference.get("weight").and_then(Value::as_i64).unwrap_or(1);
        Backend {
            sets: cookies(reference),
            ..Backend::new(service(route, reference), weight)
        }
    };
    let mirror = |filter: &Value| {
        let mirror = filter.get("requestMirror")?;
        Some(Mirror {
            service: service(route, mirror.get("backendRef")?),
            percent: mirror.get("percent").and_then(Value::as_i64).unwrap_or(100),
        })
    };
    Rule {
        matches: items(rule, "matches").map(tests).collect(),
        backends: items(rule, "backendRefs").map(backend).collect(),
        mirrors: items(rule, "filters").filter_map(mirror).collect(),
        sets: cookies(rule),
        proxy: Proxy::Sidecar,
    }
}

/// What the filters of a rule or backend set as cookies.
fn cookies(of: &Value) -> Vec<String> {
    let added =
        items(of, "filters").filter_map(|filter| filter.pointer("/responseHeaderModifier/add")?.as_array());
    let cookies = added
        .flatten()
        .filter(|header| text(header, "name").eq_ignore_ascii_case("set-cookie"));
    cookies.map(|header| text(header, "value").to_owned()).collect()
}

fn tests(one: &Value) -> Vec<Test> {
    let mut tests = Vec::new();
    if let Some(path) = one.get("path") {
        let value = path.get("value").and_then(Value::as_str).unwrap_or("/");
        tests.push(match text(path, "type") {
            "Exact" => Test::Path(Text::Exact(value.to_owned())),
            "RegularExpression" => Text::regex(value).map_or(Test::Never, Test::Path),
            _ => Test::Path(Text::Path(value.to_owned())),
        });
    }
    tests.extend(items(one, "headers").map(|header| {
        let (name, value) = (text(header, "name").to_lowercase(), text(header, "value"));
        match text(header, "type") {
            "RegularExpression" => Text::regex(value).map_or(Test::Never, |regex| Test::Header(name, regex)),
            _ => Test::Header(name, Text::Exact(value.to_owned())),
        }
    }));
    tests.extend(items(one, "queryParams").map(|_| Test::Never));
    let method = text(one, "method");
    tests.extend((!["", "GET"].contains(&method)).then_some(Test::Never));
    tests
}
