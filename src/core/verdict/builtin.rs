//! Flagger's built-in metrics: the queries of `request-success-rate` (%) and `request-duration` (ms), for every
//! provider that this engine routes with. One table, and nothing else.

use crate::canary::spec::Spec;
use crate::settings::Settings;

/// The built-in queries of one provider: PromQL with Flagger's template functions.
#[derive(Debug)]
pub(super) struct Builtin {
    /// The provider's name in Flagger's events.
    pub(super) provider: &'static str,
    /// The share of requests that did not fail, in percent.
    pub(super) success_rate: &'static str,
    /// How long requests take: the 99th percentile (NGINX: the mean).
    pub(super) duration: &'static str,
    /// What `duration` is multiplied with to be in milliseconds.
    pub(super) to_ms: f64,
}

/// The built-in queries of a Canary's provider. Flagger's rule: the Canary's own provider, but Linkerd's wherever the
/// controller's provider is Linkerd. Unlike Flagger's, a Service target changes nothing, and SMI means Linkerd's
/// metrics, not Istio's; a provider that is not in the table is none, not Istio.
pub(super) fn of(settings: &Settings, spec: &Spec) -> Option<&'static Builtin> {
    if settings.mesh_provider.contains("linkerd") {
        return Some(&LINKERD);
    }
    let provider = spec.provider.as_deref().unwrap_or(&settings.mesh_provider);
    let (family, _version) = provider.split_once(':').unwrap_or((provider, ""));
    Some(match family {
        "linkerd" | "smi" => &LINKERD,
        "gatewayapi" | "kubernetes" => &HTTP,
        "nginx" => &NGINX,
        "istio" => &ISTIO,
        "traefik" => &TRAEFIK,
        "contour" => &CONTOUR,
        "gloo" => &GLOO,
        _ => return None,
    })
}

impl Builtin {
    /// The query of a built-in metric.
    pub(super) fn query(&self, metric: &str) -> Option<&'static str> {
        match metric {
            "request-success-rate" => Some(self.success_rate),
            "request-duration" => Some(self.duration),
            _ => None,
        }
    }
}

const LINKERD: Builtin = Builtin {
    provider: "linkerd",
    success_rate: r#"sum(rate(response_total{namespace="{{ namespace }}",deployment=~"{{ target }}",classification!="failure",direction="inbound"}[{{ interval }}])) / sum(rate(response_total{namespace="{{ namespace }}",deployment=~"{{ target }}",direction="inbound"}[{{ interval }}])) * 100"#,
    duration: r#"histogram_quantile(0.99, sum(rate(response_latency_ms_bucket{namespace="{{ namespace }}",deployment=~"{{ target }}",direction="inbound"}[{{ interval }}])) by (le))"#,
    to_ms: 1.0,
};

/// The HTTP metrics of the workload itself.
const HTTP: Builtin = Builtin {
    provider: "kubernetes",
    success_rate: r#"sum(rate(http_request_duration_seconds_count{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)",status!~"5.*"}[{{ interval }}])) / sum(rate(http_request_duration_seconds_count{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[{{ interval }}])) * 100"#,
    duration: r#"histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[{{ interval }}])) by (le))"#,
    to_ms: 1000.0,
};

const NGINX: Builtin = Builtin {
    provider: "nginx",
    success_rate: r#"sum(rate(nginx_ingress_controller_requests{namespace="{{ namespace }}",ingress="{{ ingress }}",canary!="",status!~"5.*"}[{{ interval }}])) / sum(rate(nginx_ingress_controller_requests{namespace="{{ namespace }}",ingress="{{ ingress }}",canary!=""}[{{ interval }}])) * 100"#,
    duration: r#"sum(rate(nginx_ingress_controller_response_duration_seconds_sum{namespace="{{ namespace }}",ingress="{{ ingress }}",canary!=""}[{{ interval }}])) / sum(rate(nginx_ingress_controller_response_duration_seconds_count{namespace="{{ namespace }}",ingress="{{ ingress }}",canary!=""}[{{ interval }}])) * 1000"#,
    to_ms: 1.0,
};

const ISTIO: Builtin = Builtin {
    provider: "istio",
    success_rate: r#"sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="{{ namespace }}",destination_workload=~"{{ target }}",response_code!~"5.*"}[{{ interval }}])) / sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="{{ namespace }}",destination_workload=~"{{ target }}"}[{{ interval }}])) * 100"#,
    duration: r#"histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{reporter="destination",destination_workload_namespace="{{ namespace }}",destination_workload=~"{{ target }}"}[{{ interval }}])) by (le))"#,
    to_ms: 1.0,
};

const TRAEFIK: Builtin = Builtin {
    provider: "traefik",
    success_rate: r#"sum(rate(traefik_service_request_duration_seconds_bucket{service=~"{{ namespace }}-{{ target }}-canary-[0-9a-zA-Z-]+@kubernetescrd",code!~"5..",le="+Inf"}[{{ interval }}])) / sum(rate(traefik_service_request_duration_seconds_bucket{service=~"{{ namespace }}-{{ target }}-canary-[0-9a-zA-Z-]+@kubernetescrd",le="+Inf"}[{{ interval }}])) * 100"#,
    duration: r#"histogram_quantile(0.99, sum(rate(traefik_service_request_duration_seconds_bucket{service=~"{{ namespace }}-{{ target }}-canary-[0-9a-zA-Z-]+@kubernetescrd"}[{{ interval }}])) by (le)) * 1000"#,
    to_ms: 1.0,
};

const CONTOUR: Builtin = Builtin {
    provider: "contour",
    success_rate: r#"sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name=~"{{ namespace }}_{{ service }}-canary_[0-9a-zA-Z-]+",envoy_response_code!~"5.*"}[{{ interval }}])) / sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name=~"{{ namespace }}_{{ service }}-canary_[0-9a-zA-Z-]+",}[{{ interval }}])) * 100"#,
    duration: r#"histogram_quantile(0.99, sum(rate(envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=~"{{ namespace }}_{{ service }}-canary_[0-9a-zA-Z-]+",}[{{ interval }}])) by (le))"#,
    to_ms: 1.0,
};

const GLOO: Builtin = Builtin {
    provider: "gloo",
    success_rate: r#"sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name=~"{{ namespace }}-{{ target }}-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+",envoy_response_code!~"5.*"}[{{ interval }}])) / sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name=~"{{ namespace }}-{{ target }}-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+",}[{{ interval }}])) * 100"#,
    duration: r#"histogram_quantile(0.99, sum(rate(envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=~"{{ namespace }}-{{ target }}-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+",}[{{ interval }}])) by (le))"#,
    to_ms: 1.0,
};
