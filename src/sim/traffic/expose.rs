//! The metrics that requests leave: at the pod (Linkerd's proxy and the application), and at the proxy that carried
//! them, by the names and labels that Flagger's built-in queries ask for.

use super::rule::Name;
use super::rule::Proxy;
use super::topology::Endpoint;
use crate::gauge::Gauge;
use crate::gauge::Labels;

/// Upper bounds of the meshes' latency histograms, in milliseconds.
const MESH_MS: &[f64] = &[
    1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 1000.0, 2000.0,
    3000.0, 4000.0, 5000.0, 10000.0, 20000.0, 30000.0, 40000.0, 50000.0,
];

/// Upper bounds of the Prometheus clients' default histogram, in seconds, as podinfo and the ingresses use them.
const CLIENT_S: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Whom a proxy counts a request for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hop {
    /// Istio: the workload that answered.
    Istio {
        /// Its namespace.
        namespace: String,
        /// Its name.
        workload: String,
    },
    /// NGINX: the Ingress, and the canary's backend if it was that.
    Nginx {
        /// The namespace of the Ingress.
        namespace: String,
        /// The Ingress.
        ingress: String,
        /// The canary's backend, or empty.
        canary: String,
    },
    /// An Envoy's cluster.
    Envoy(String),
    /// A service of Traefik's.
    Traefik(String),
}

impl Hop {
    /// Whom a request to this Service is counted for.
    pub(super) fn of(proxy: &Proxy, service: &Name, apex: &Name, pod: &Endpoint) -> Option<Self> {
        let (namespace, name) = service;
        Some(match proxy {
            Proxy::Sidecar => return None,
            Proxy::Istio => Self::Istio {
                namespace: pod.namespace.clone(),
                workload: pod.owner.clone(),
            },
            Proxy::Nginx { ingress } => Self::Nginx {
                namespace: namespace.clone(),
                ingress: ingress.clone(),
                canary: if service == apex {
                    String::new()
                } else {
                    format!("{namespace}-{name}")
                },
            },
            Proxy::Contour { port } => Self::Envoy(format!("{namespace}_{name}_{port}")),
            Proxy::Gloo { upstreams } => Self::Envoy(format!("{}_{namespace}", upstreams.get(service)?)),
            Proxy::Traefik { port } => Self::Traefik(format!("{namespace}-{name}-{port}@kubernetescrd")),
        })
    }

    /// Counts answers of one status.
    pub(super) fn expose(&self, gauge: &mut Gauge, status: u16, latencies_ms: &[f64]) {
        let status = status.to_string();
        let seconds = || latencies_ms.iter().map(|ms| ms / 1000.0).collect::<Vec<_>>();
        let count = latencies_ms.len() as f64;
        match self {
            Self::Istio { namespace, workload } => {
                let labels = [
                    ("reporter", "destination"),
                    ("destination_workload_namespace", namespace),
                    ("destination_workload", workload),
                    ("response_code", &status),
                ];
                gauge.add(&Labels::new("istio_requests_total", &labels), count);
                let time = Labels::new("istio_request_duration_milliseconds", &labels);
                gauge.observe(&time, MESH_MS, latencies_ms);
            }
            Self::Nginx {
                namespace,
                ingress,
                canary,
            } => {
                let labels = [
                    ("namespace", namespace.as_str()),
                    ("ingress", ingress),
                    ("canary", canary),
                    ("status", &status),
                ];
                gauge.add(&Labels::new("nginx_ingress_controller_requests", &labels), count);
                let time = Labels::new("nginx_ingress_controller_response_duration_seconds", &labels);
                gauge.observe(&time, CLIENT_S, &seconds());
            }
            Self::Envoy(cluster) => {
                let name = ("envoy_cluster_name", cluster.as_str());
                let code = ("envoy_response_code", status.as_str());
                gauge.add(&Labels::new("envoy_cluster_upstream_rq", &[name, code]), count);
                let time = Labels::new("envoy_cluster_upstream_rq_time", &[name]);
                gauge.observe(&time, MESH_MS, latencies_ms);
            }
            Self::Traefik(service) => {
                let labels = [
                    ("service", service.as_str()),
                    ("code", &status),
                    ("method", "GET"),
                ];
                let time = Labels::new("traefik_service_request_duration_seconds", &labels);
                gauge.observe(&time, CLIENT_S, &seconds());
            }
        }
    }
}

/// What the pod's Linkerd proxy exposes.
pub(super) fn linkerd(gauge: &mut Gauge, pod: &Endpoint, status: u16, latencies_ms: &[f64]) {
    let status_code = status.to_string();
    let classification = if status >= 500 { "failure" } else { "success" };
    let proxy = Labels::new(
        "request_total",
        &[
            ("namespace", &pod.namespace),
            (&pod.owner_kind, &pod.owner),
            ("pod", &pod.pod),
            ("direction", "inbound"),
            ("tls", "true"),
        ],
    );
    let answered = proxy.with("status_code", &status_code);
    let count = latencies_ms.len() as f64;
    gauge.add(&proxy, count);
    let total = answered
        .with("__name__", "response_total")
        .with("classification", classification);
    gauge.add(&total, count);
    gauge.observe(
        &answered.with("__name__", "response_latency_ms"),
        MESH_MS,
        latencies_ms,
    );
}

/// What the application itself exposes, as podinfo does, with the labels of Flagger's bundled Prometheus.
pub(super) fn client(gauge: &mut Gauge, pod: &Endpoint, status: u16, latencies_ms: &[f64]) {
    let labels = Labels::new(
        "http_request_duration_seconds",
        &[
            ("kubernetes_namespace", &pod.namespace),
            ("kubernetes_pod_name", &pod.pod),
            ("method", "GET"),
            ("path", "root"),
            ("status", &status.to_string()),
        ],
    );
    let seconds: Vec<f64> = latencies_ms.iter().map(|ms| ms / 1000.0).collect();
    gauge.observe(&labels, CLIENT_S, &seconds);
}
