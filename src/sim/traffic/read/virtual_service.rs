//! networking.istio.io VirtualServices, with delegation; TCP routes are taken for routes of requests.

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
    let of = |service: &Object| -> Vec<(Apex, Vec<Rule>)> {
        let rules = rules(listed, service);
        let apexes = apexes(listed, service).into_iter();
        apexes.map(|apex| (apex, rules.clone())).collect()
    };
    listed.virtual_services.iter().flat_map(of).collect()
}

/// Hosts that are Services are the apexes; for hosts of the outside the VirtualService itself is. One without hosts is
/// only reached by delegation.
fn apexes(listed: &Listed, service: &Object) -> Vec<Apex> {
    let spec = service.at("/spec").cloned().unwrap_or_default();
    let hosts: Vec<&str> = items(&spec, "hosts").filter_map(Value::as_str).collect();
    let named: Vec<Name> = hosts.iter().map(|host| name(service, host)).collect();
    let known = listed
        .services
        .iter()
        .map(key)
        .filter(|service| named.contains(service));
    let mut apexes: Vec<Apex> = known.collect();
    if apexes.is_empty() && !hosts.is_empty() {
        apexes.push(key(service));
    }
    apexes
}

/// The Service of a host: `podinfo`, `podinfo.test`, `podinfo.test.svc.cluster.local`.
fn name(service: &Object, host: &str) -> Name {
    let mut parts = host.split('.');
    let first = parts.next().unwrap_or_default().to_owned();
    let namespace = parts.next().unwrap_or(service.namespace()).to_owned();
    (namespace, first)
}

fn rules(listed: &Listed, service: &Object) -> Vec<Rule> {
    let spec = service.at("/spec").cloned().unwrap_or_default();
    let http = items(&spec, "http").flat_map(|http| match http.get("delegate") {
        None => vec![rule(service, http)],
        Some(to) => {
            let namespace = match text(to, "namespace") {
                "" => service.namespace(),
                namespace => namespace,
            };
            let to = (namespace.to_owned(), text(to, "name").to_owned());
            let delegate = listed.virtual_services.iter().find(|other| key(other) == to);
            delegate
                .map(|delegate| rules(listed, delegate))
                .unwrap_or_default()
        }
    });
    let tcp = items(&spec, "tcp").map(|tcp| Rule {
        matches: Vec::new(),
        ..rule(service, tcp)
    });
    http.chain(tcp).collect()
}

fn rule(service: &Object, route: &Value) -> Rule {
    let backend = |to: &Value| {
        // A single destination may leave its weight out.
        let weight = to.get("weight").and_then(Value::as_i64).unwrap_or(100);
        let host = to
            .pointer("/destination/host")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Backend {
            sets: cookies(to),
            ..Backend::new(name(service, host), weight)
        }
    };
    let percent = route.pointer("/mirrorPercentage/value").and_then(Value::as_f64);
    let mirror = route.get("mirror").map(|mirror| Mirror {
        service: name(service, text(mirror, "host")),
        percent: percent.map_or(100, |percent| percent as i64),
    });
    Rule {
        matches: items(route, "match").map(tests).collect(),
        backends: items(route, "route").map(backend).collect(),
        mirrors: mirror.into_iter().collect(),
        sets: cookies(route),
        proxy: Proxy::Istio,
    }
}

fn cookies(of: &Value) -> Vec<String> {
    let added = of.pointer("/headers/response/add").and_then(Value::as_object);
    let cookies = added
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    cookies
        .filter_map(|(_, value)| Some(value.as_str()?.to_owned()))
        .collect()
}

fn tests(one: &Value) -> Vec<Test> {
    let mut tests = Vec::new();
    if let Some(uri) = one.get("uri") {
        tests.push(string_match(uri).map_or(Test::Never, Test::Path));
    }
    let headers = one.get("headers").and_then(Value::as_object);
    tests.extend(headers.into_iter().flatten().map(|(name, value)| {
        string_match(value).map_or(Test::Never, |text| Test::Header(name.to_lowercase(), text))
    }));
    let unknown = ["queryParams", "sourceLabels", "withoutHeaders"];
    tests.extend(
        unknown
            .iter()
            .filter(|field| one.get(**field).is_some())
            .map(|_| Test::Never),
    );
    let method = one.pointer("/method/exact").and_then(Value::as_str);
    tests.extend(method.filter(|method| *method != "GET").map(|_| Test::Never));
    tests
}

fn string_match(of: &Value) -> Option<Text> {
    match (text(of, "exact"), text(of, "prefix"), text(of, "regex")) {
        ("", "", "") => Some(Text::Any),
        ("", "", regex) => Text::regex(regex),
        ("", prefix, _) => Some(Text::Prefix(prefix.to_owned())),
        (exact, ..) => Some(Text::Exact(exact.to_owned())),
    }
}
