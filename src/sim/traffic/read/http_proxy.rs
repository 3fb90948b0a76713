//! projectcontour.io HTTPProxies. Of several routes that match, Contour takes the most specific; here the more
//! conditions the more specific.

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
    let of = |proxy: &Object| {
        let spec = proxy.at("/spec").cloned().unwrap_or_default();
        let mut rules: Vec<Rule> = items(&spec, "routes").map(|route| rule(proxy, route)).collect();
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.matches.first().map_or(0, Vec::len)));
        (key(proxy), rules)
    };
    listed.http_proxies.iter().map(of).collect()
}

fn rule(proxy: &Object, route: &Value) -> Rule {
    let name = |service: &Value| -> Name { (proxy.namespace().to_owned(), text(service, "name").to_owned()) };
    let number = |service: &Value, field: &str| service.get(field).and_then(Value::as_i64);
    let is_mirror = |service: &&Value| service["mirror"] == true;
    let backends: Vec<Backend> = items(route, "services")
        .filter(|service| !is_mirror(service))
        .map(|service| Backend::new(name(service), number(service, "weight").unwrap_or(0)))
        .collect();
    // All weights 0: each gets as much.
    let even = backends.iter().all(|backend| backend.weight == 0);
    let backends = backends.into_iter().map(|mut backend| {
        backend.weight = if even { 1000 } else { backend.weight };
        backend
    });
    let mirrors = items(route, "services").filter(is_mirror).map(|service| Mirror {
        service: name(service),
        percent: number(service, "weight").unwrap_or(100),
    });
    Rule {
        matches: vec![items(route, "conditions").flat_map(tests).collect()],
        backends: backends.collect(),
        mirrors: mirrors.collect(),
        sets: Vec::new(),
        proxy: Proxy::Contour {
            port: items(route, "services")
                .find_map(|service| number(service, "port"))
                .unwrap_or_default(),
        },
    }
}

fn tests(condition: &Value) -> Vec<Test> {
    let mut tests = Vec::new();
    match (text(condition, "prefix"), text(condition, "exact")) {
        ("", "") => {}
        ("", exact) => tests.push(Test::Path(Text::Exact(exact.to_owned()))),
        (prefix, _) => tests.push(Test::Path(Text::Path(prefix.to_owned()))),
    }
    if let Some(header) = condition.get("header") {
        let name = text(header, "name").to_lowercase();
        tests.push(match (text(header, "exact"), text(header, "contains")) {
            ("", "") if header["present"] == true => Test::Header(name, Text::Any),
            ("", "") => Test::Never,
            ("", contains) => Test::Header(name, Text::Contains(contains.to_owned())),
            (exact, _) => Test::Header(name, Text::Exact(exact.to_owned())),
        });
    }
    tests
}
