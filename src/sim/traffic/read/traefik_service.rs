//! traefik.io TraefikServices: weighted, or mirroring. Traefik looks at `weighted` first.

use super::items;
use super::key;
use super::text;
use crate::traffic::rule::Backend;
use crate::traffic::rule::Mirror;
use crate::traffic::rule::Name;
use crate::traffic::rule::Proxy;
use crate::traffic::rule::Rule;
use crate::traffic::topology::Apex;
use crate::traffic::topology::Listed;
use recant_core::object::Object;
use serde_json::Value;

pub(super) fn read(listed: &Listed) -> Vec<(Apex, Vec<Rule>)> {
    let of = |route: &Object| (key(route), vec![rule(route)]);
    listed.traefik_services.iter().map(of).collect()
}

fn rule(route: &Object) -> Rule {
    let spec = route.at("/spec").cloned().unwrap_or_default();
    let number = |of: &Value, field: &str| of.get(field).and_then(Value::as_i64);
    let (backends, mirrors, port) = match (spec.get("weighted"), spec.get("mirroring")) {
        (Some(weighted), _) => {
            // A weight that is left out is 1.
            let backend = |one: &Value| Backend::new(service(route, one), number(one, "weight").unwrap_or(1));
            let backends: Vec<Backend> = items(weighted, "services").map(backend).collect();
            let port = items(weighted, "services").find_map(|one| number(one, "port"));
            (backends, Vec::new(), port)
        }
        (None, Some(mirroring)) => {
            let mirror = |one: &Value| Mirror {
                service: service(route, one),
                percent: number(one, "percent").unwrap_or(0),
            };
            let mirrors = items(mirroring, "mirrors").map(mirror).collect();
            let backends = vec![Backend::new(service(route, mirroring), 1)];
            (backends, mirrors, number(mirroring, "port"))
        }
        (None, None) => (Vec::new(), Vec::new(), None),
    };
    Rule {
        backends,
        mirrors,
        proxy: Proxy::Traefik {
            port: port.unwrap_or_default(),
        },
        ..Rule::default()
    }
}

fn service(route: &Object, reference: &Value) -> Name {
    let namespace = match text(reference, "namespace") {
        "" => route.namespace(),
        namespace => namespace,
    };
    (namespace.to_owned(), text(reference, "name").to_owned())
}
