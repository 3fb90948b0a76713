//! A router at work on a handful of objects.

use crate::canary::route::Cookies;
use crate::canary::route::Router;
use crate::canary::route::Scene;
use crate::canary::route::Traffic;
use crate::canary::route::remember;
use crate::canary::spec::Spec;
use crate::canary::status::Run;
use crate::canary::status::Status;
use crate::effect::Effect;
use crate::effect::Write;
use crate::object::Object;
use crate::object::ObjectRef;
use crate::reason::Reason;
use crate::settings::Settings;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

pub(super) const ROUTERS: [&str; 11] = [
    "gatewayapi:v1",
    "gatewayapi:v1beta1",
    "linkerd",
    "smi:v1alpha2",
    "smi:v1alpha3",
    "nginx",
    "kubernetes",
    "istio",
    "traefik",
    "contour",
    "gloo",
];

/// A Canary of this provider, with `patch` over its spec.
pub(super) fn canary(provider: &str, patch: &Value) -> (Object, Spec) {
    let gateway = match provider {
        "gatewayapi:v1beta1" => json!({"group": "core", "kind": "Service", "name": "podinfo", "port": 9898}),
        _ => json!({"name": "public", "namespace": "gateways"}),
    };
    let mut spec = json!({
        "provider": provider,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "edge"},
        "service": {"port": 9898, "gatewayRefs": [gateway]},
        "analysis": {"interval": "1m", "threshold": 5},
    });
    merge(&mut spec, patch);
    let canary = Object(json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "test", "uid": "c-1"},
        "spec": spec,
    }));
    let spec = Spec::of(&canary).expect("a spec");
    (canary, spec)
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (field, value) in patch {
                merge(into.entry(field).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

#[derive(Clone)]
pub(super) struct Bench {
    canary: Object,
    spec: Spec,
    pub(super) settings: Settings,
    pub(super) status: Status,
    objects: BTreeMap<ObjectRef, Object>,
}

impl Bench {
    pub(super) fn new(provider: &str, patch: &Value) -> Self {
        let (canary, spec) = canary(provider, patch);
        let mut bench = Self {
            canary,
            spec,
            settings: Settings::default(),
            status: Status {
                analysis: Some(Run {
                    template_hash: "0123456789abcdef".to_owned(),
                    started_at: Some("2026-01-01T00:00:00Z".parse().expect("a time")),
                    ..Run::default()
                }),
                ..Status::default()
            },
            objects: BTreeMap::new(),
        };
        let service = json!({"service": {"name": "podinfo", "port": {"number": 9898}}});
        bench.put(
            "Ingress",
            &json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "edge", "namespace": "test", "labels": {"team": "edge"},
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}",
                    "nginx.ingress.kubernetes.io/limit-rps": "100"}},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "app.example.com", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": service},
                {"path": "/docs", "pathType": "Prefix",
                 "backend": {"service": {"name": "docs", "port": {"number": 80}}}},
            ]}}]}}),
        );
        bench
    }

    /// The Canary says something else now.
    pub(super) fn say(&mut self, provider: &str, patch: &Value) {
        (self.canary, self.spec) = canary(provider, patch);
    }

    fn router(&self) -> Router {
        Router::of(&self.spec, &self.settings).expect("a router")
    }

    fn with_scene<T>(&self, then: impl FnOnce(Router, &Scene<'_>) -> T) -> T {
        let router = self.router();
        let names = router.names(&self.spec, "test");
        let seen: Vec<_> = names.iter().map(|name| self.objects.get(name)).collect();
        let scene = Scene {
            canary: &self.canary,
            spec: &self.spec,
            settings: &self.settings,
            label: &("app".to_owned(), "podinfo".to_owned()),
            cookies: Cookies::of(&self.status),
            seen: &seen,
        };
        then(router, &scene)
    }

    /// Holds the router to this; how many writes that took.
    pub(super) fn hold(&mut self, traffic: Traffic) -> Result<usize, Reason> {
        remember(&mut self.status, &self.spec, &self.canary, traffic);
        let effects = self.with_scene(|router, scene| router.hold(scene, traffic))?;
        Ok(self.perform(effects))
    }

    pub(super) fn accepted(&self) -> Result<(), Reason> {
        self.with_scene(|router, scene| router.accepted(scene))
    }

    pub(super) fn restore(&mut self) {
        let effects = self.with_scene(|router, scene| router.restore(scene));
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) -> usize {
        let count = effects.len();
        for effect in effects {
            match effect {
                Effect::Write(Write::Create(object)) => {
                    let before = self.objects.insert(object.reference(), object);
                    assert_eq!(before, None, "created twice");
                }
                Effect::Write(Write::Update(object)) => {
                    let before = self.objects.insert(object.reference(), object);
                    assert!(before.is_some(), "updated what is not there");
                }
                other => panic!("a router does not do {other:?}"),
            }
        }
        count
    }

    /// What the router wrote, in the order of its names.
    pub(super) fn made(&self) -> Vec<Value> {
        let all = self.all().into_iter().filter(|object| object.name() != "edge");
        all.filter(|object| object.namespace() == "test")
            .map(|object| object.0)
            .collect()
    }

    /// All the router looks at.
    pub(super) fn all(&self) -> Vec<Object> {
        let names = self.router().names(&self.spec, "test");
        names
            .iter()
            .filter_map(|name| self.objects.get(name).cloned())
            .collect()
    }

    pub(super) fn put(&mut self, kind: &str, object: &Value) {
        let object = Object(object.clone());
        assert_eq!(object.str("/kind"), kind);
        self.objects.insert(object.reference(), object);
    }

    pub(super) fn get(&self, kind: &str) -> Object {
        let found = self.all().into_iter().find(|object| object.str("/kind") == kind);
        found.unwrap_or_else(|| panic!("no {kind}"))
    }

    pub(super) fn named(&self, name: &str) -> Object {
        let found = self.objects.values().find(|object| object.name() == name);
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.objects.retain(|_, object| object.name() != name);
    }
}

impl Object {
    /// Sets what is there at a pointer that exists, also within lists.
    pub(super) fn set_at(&mut self, pointer: &str, value: Value) {
        if let Some(place) = self.0.pointer_mut(pointer) {
            *place = value;
        }
    }
}

/// Every place in a value.
pub(super) fn places(value: &Value, at: &str) -> Vec<(String, Value)> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(i, value)| (i.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let mut places = vec![(at.to_owned(), value.clone())];
    for (key, value) in inner {
        places.extend(self::places(value, &format!("{at}/{key}")));
    }
    places
}

type TakenOver = (&'static str, &'static str, Value, Vec<(&'static str, Value)>);

/// Routes that were there before the Canary: provider, kind, the object, and what of it must stay.
pub(super) fn taken_over() -> Vec<TakenOver> {
    let object = |api: &str, kind: &str, spec: Value| {
        json!({"apiVersion": api, "kind": kind,
               "metadata": {"name": "podinfo", "namespace": "test", "annotations": {}}, "spec": spec})
    };
    let admin = json!({"matches": [{"path": {"type": "PathPrefix", "value": "/admin"}}],
        "backendRefs": [{"name": "podinfo-primary", "port": 9898, "weight": 1}]});
    let whole = json!({"matches": [{"path": {"type": "PathPrefix", "value": "/api"}}], "name": "api",
        "filters": [{"type": "ExtensionRef", "extensionRef": {"group": "x", "kind": "Y", "name": "z"}}],
        "backendRefs": [{"group": "", "kind": "Service", "name": "podinfo", "port": 9898}]});
    let preview = json!({"matches": [{"path": {"type": "PathPrefix", "value": "/preview"}}],
        "backendRefs": [{"name": "podinfo-canary", "port": 9898, "weight": 1}]});
    let route = json!({"parentRefs": [{"name": "mine"}, {"name": "public", "namespace": "gateways"}],
        "rules": [admin.clone(), whole, preview.clone()]});
    let vs = json!({"hosts": ["podinfo", "app.example.com"], "gateways": ["edge"],
    "http": [
        {"match": [{"uri": {"prefix": "/old"}}], "redirect": {"uri": "/"}},
        {"match": [{"uri": {"prefix": "/api"}}], "fault": {"abort": {"httpStatus": 500}},
         "route": [{"destination": {"host": "podinfo.test.svc.cluster.local"}}]},
    ]});
    let ts = json!({"service": "podinfo", "matches": [{"kind": "HTTPRouteGroup", "name": "g"}],
        "backends": [{"service": "podinfo", "weight": 1}]});
    let traefik = json!({"weighted": {"sticky": {"cookie": {"name": "s"}},
        "services": [{"name": "podinfo", "port": 9898}, {"name": "legacy", "port": 80, "weight": 1}]}});
    let contour = json!({"virtualhost": {"fqdn": "app.example.com"}, "routes": [
        {"conditions": [{"prefix": "/static"}], "services": [{"name": "static", "port": 80}]},
        {"conditions": [{"prefix": "/api"}], "enableWebsockets": true, "services": [{"name": "podinfo", "port": 9898}]},
    ]});
    let gloo =
        json!({"routes": [{"matchers": [{"prefix": "/old"}], "redirectAction": {"hostRedirect": "x"}}]});
    vec![
        (
            "gatewayapi:v1",
            "HTTPRoute",
            object("gateway.networking.k8s.io/v1", "HTTPRoute", route),
            vec![
                ("/spec/rules/0", admin),
                ("/spec/rules/2", preview),
                ("/spec/rules/1/name", json!("api")),
                ("/spec/rules/1/filters/0/type", json!("ExtensionRef")),
                ("/spec/rules/1/matches/0/path/value", json!("/api")),
                ("/spec/rules/1/timeouts/request", json!("15s")),
                ("/spec/parentRefs/0/name", json!("mine")),
            ],
        ),
        (
            "istio",
            "VirtualService",
            object("networking.istio.io/v1beta1", "VirtualService", vs),
            vec![
                ("/spec/http/0/redirect/uri", json!("/")),
                ("/spec/http/1/fault/abort/httpStatus", json!(500)),
                ("/spec/http/1/match/0/uri/prefix", json!("/api")),
                ("/spec/gateways", json!(["edge"])),
                ("/spec/hosts", json!(["podinfo", "app.example.com"])),
            ],
        ),
        (
            "smi:v1alpha3",
            "TrafficSplit",
            object("split.smi-spec.io/v1alpha3", "TrafficSplit", ts),
            vec![("/spec/matches/0/name", json!("g"))],
        ),
        (
            "traefik",
            "TraefikService",
            object("traefik.io/v1alpha1", "TraefikService", traefik),
            vec![("/spec/weighted/sticky/cookie/name", json!("s"))],
        ),
        (
            "contour",
            "HTTPProxy",
            object("projectcontour.io/v1", "HTTPProxy", contour),
            vec![
                ("/spec/virtualhost/fqdn", json!("app.example.com")),
                ("/spec/routes/0/services/0/name", json!("static")),
                ("/spec/routes/1/enableWebsockets", json!(true)),
                ("/spec/routes/1/conditions/0/prefix", json!("/api")),
            ],
        ),
        (
            "gloo",
            "RouteTable",
            object("gateway.solo.io/v1", "RouteTable", gloo),
            vec![("/spec/routes/0/redirectAction/hostRedirect", json!("x"))],
        ),
    ]
}
