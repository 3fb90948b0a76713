//! gateway.solo.io RouteTables, and the gloo.solo.io Upstreams they name.

use super::items;
use super::key;
use super::text;
use crate::traffic::rule::Backend;
use crate::traffic::rule::Name;
use crate::traffic::rule::Proxy;
use crate::traffic::rule::Rule;
use crate::traffic::rule::Test;
use crate::traffic::rule::Text;
use crate::traffic::topology::Apex;
use crate::traffic::topology::Listed;
use recant_core::object::Object;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn read(listed: &Listed) -> Vec<(Apex, Vec<Rule>)> {
    let upstreams: BTreeMap<Name, Name> = listed
        .upstreams
        .iter()
        .map(|one| (key(one), service(one)))
        .collect();
    let of = |table: &Object| {
        let spec = table.at("/spec").cloned().unwrap_or_default();
        let rules = items(&spec, "routes").map(|route| rule(route, &upstreams));
        (key(table), rules.collect())
    };
    listed.route_tables.iter().map(of).collect()
}

fn service(upstream: &Object) -> Name {
    let text = |field: &str| upstream.str(&format!("/spec/kube/{field}")).to_owned();
    (text("serviceNamespace"), text("serviceName"))
}

fn rule(route: &Value, upstreams: &BTreeMap<Name, Name>) -> Rule {
    let list = route
        .pointer("/routeAction/multi/destinations")
        .and_then(Value::as_array);
    let mut called = BTreeMap::new();
    let mut backends = Vec::new();
    for one in list.into_iter().flatten() {
        let upstream = one.pointer("/destination/upstream").cloned().unwrap_or_default();
        let name: Name = (
            text(&upstream, "namespace").to_owned(),
            text(&upstream, "name").to_owned(),
        );
        let weight = one.get("weight").and_then(Value::as_i64).unwrap_or(0);
        if let Some(service) = upstreams.get(&name) {
            called.insert(service.clone(), name.1);
            backends.push(Backend::new(service.clone(), weight));
        }
    }
    Rule {
        matches: items(route, "matchers").map(tests).collect(),
        backends,
        proxy: Proxy::Gloo { upstreams: called },
        ..Rule::default()
    }
}

fn tests(matcher: &Value) -> Vec<Test> {
    let mut tests = Vec::new();
    if let Some(prefix) = matcher.get("prefix").and_then(Value::as_str) {
        tests.push(Test::Path(Text::Prefix(prefix.to_owned())));
    }
    tests.extend(items(matcher, "headers").map(|header| {
        let (name, value) = (text(header, "name").to_lowercase(), text(header, "value"));
        match (header["regex"] == true, value) {
            (true, value) => Text::regex(value).map_or(Test::Never, |regex| Test::Header(name, regex)),
            (false, "") => Test::Header(name, Text::Any),
            (false, value) => Test::Header(name, Text::Exact(value.to_owned())),
        }
    }));
    let methods: Vec<&str> = items(matcher, "methods").filter_map(Value::as_str).collect();
    tests.extend((!methods.is_empty() && !methods.contains(&"GET")).then_some(Test::Never));
    tests
}
