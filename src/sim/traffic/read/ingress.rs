//! Ingresses as the NGINX controller reads them: a canary Ingress takes some of the requests of the other one with the
//! same host and path. Header before cookie before weight.

use super::items;
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

const PREFIX: &str = "nginx.ingress.kubernetes.io";

/// The apex is the Service behind the Ingress: clients call its host, and mean it.
pub(super) fn read(listed: &Listed) -> Vec<(Apex, Vec<Rule>)> {
    let (canaries, mains): (Vec<&Object>, Vec<&Object>) = listed
        .ingresses
        .iter()
        .partition(|ingress| said(ingress, "canary") == Some("true"));
    let mut apexes: BTreeMap<Apex, Vec<Rule>> = BTreeMap::new();
    for main in mains {
        for place in places(main) {
            let beside = canaries.iter().flat_map(|canary| {
                let same = places(canary).into_iter().filter(|other| other.is_at(&place));
                same.map(move |other| (*canary, other.service))
            });
            let rules = rules(main, &place, &beside.collect::<Vec<_>>());
            apexes.entry(place.service).or_default().extend(rules);
        }
    }
    apexes.into_iter().collect()
}

/// One path of an Ingress.
struct Place {
    namespace: String,
    host: String,
    path: String,
    service: Name,
    test: Test,
}

impl Place {
    fn is_at(&self, other: &Self) -> bool {
        (&self.namespace, &self.host, &self.path) == (&other.namespace, &other.host, &other.path)
    }
}

fn places(ingress: &Object) -> Vec<Place> {
    let spec = ingress.at("/spec").cloned().unwrap_or_default();
    let mut places = Vec::new();
    for rule in items(&spec, "rules") {
        let paths = rule.get("http").map(|http| items(http, "paths"));
        for path in paths.into_iter().flatten() {
            let Some(service) = path.pointer("/backend/service/name").and_then(Value::as_str) else {
                continue;
            };
            let at = path.get("path").and_then(Value::as_str).unwrap_or("/").to_owned();
            let test = match text(path, "pathType") {
                "Exact" => Text::Exact(at.clone()),
                _ => Text::Path(at.clone()),
            };
            places.push(Place {
                namespace: ingress.namespace().to_owned(),
                host: text(rule, "host").to_owned(),
                path: at,
                service: (ingress.namespace().to_owned(), service.to_owned()),
                test: Test::Path(test),
            });
        }
    }
    places
}

fn rules(main: &Object, place: &Place, canaries: &[(&Object, Name)]) -> Vec<Rule> {
    let rule = |tests: Vec<Test>, backends: Vec<Backend>| {
        let mut all = vec![place.test.clone()];
        all.extend(tests);
        Rule {
            matches: vec![all],
            backends,
            proxy: Proxy::Nginx {
                ingress: main.name().to_owned(),
            },
            ..Rule::default()
        }
    };
    let own = || place.service.clone();
    let mut rules = Vec::new();
    let mut weighted = vec![(own(), 100)];
    for (canary, service) in canaries {
        let to = |service: Name| vec![Backend::new(service, 1), Backend::new(own(), 0)];
        for (tests, is_canary) in conditions(canary) {
            let service = if is_canary { service.clone() } else { own() };
            rules.push(rule(
                tests,
                if is_canary {
                    to(service)
                } else {
                    vec![Backend::new(service, 1)]
                },
            ));
        }
        let weight = said(canary, "canary-weight")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        weighted = vec![(own(), 100 - weight), (service.clone(), weight)];
    }
    let backends = weighted
        .into_iter()
        .map(|(service, weight)| Backend::new(service, weight));
    rules.push(rule(Vec::new(), backends.collect()));
    rules
}

/// Which requests the canary's Ingress takes, or leaves, by header and cookie.
fn conditions(canary: &Object) -> Vec<(Vec<Test>, bool)> {
    let mut conditions = Vec::new();
    let exact = |text: &str| Text::Exact(text.to_owned());
    if let Some(name) = said(canary, "canary-by-header") {
        let name = name.to_lowercase();
        let pattern = said(canary, "canary-by-header-pattern").and_then(Text::regex);
        let value = said(canary, "canary-by-header-value").map(exact).or(pattern);
        match value {
            Some(value) => conditions.push((vec![Test::Header(name, value)], true)),
            None => {
                conditions.push((vec![Test::Header(name.clone(), exact("always"))], true));
                conditions.push((vec![Test::Header(name, exact("never"))], false));
            }
        }
    }
    if let Some(name) = said(canary, "canary-by-cookie") {
        conditions.push((vec![Test::Cookie(name.to_owned(), exact("always"))], true));
        conditions.push((vec![Test::Cookie(name.to_owned(), exact("never"))], false));
    }
    conditions
}

fn said<'a>(ingress: &'a Object, suffix: &str) -> Option<&'a str> {
    ingress
        .annotation(&format!("{PREFIX}/{suffix}"))
        .filter(|text| !text.is_empty())
}
