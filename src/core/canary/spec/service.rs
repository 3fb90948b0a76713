//! `spec.service`: the Services and the route.

use serde::Deserialize;

/// `spec.service`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// The apex Service's name; the target's when absent.
    pub name: Option<String>,
    /// The Service port.
    pub port: i64,
    /// The port's name; `http` when absent.
    pub port_name: Option<String>,
    /// A number or a name; the port when absent.
    pub target_port: Option<serde_json::Value>,
    /// `appProtocol` of the port.
    pub app_protocol: Option<String>,
    /// `trafficDistribution` of the Services.
    pub traffic_distribution: Option<String>,
    /// Whether the other ports of the target's containers become ports of the Services.
    pub port_discovery: bool,
    /// Whether the Services have no address of their own.
    pub headless: bool,
    /// The request timeout of the route.
    pub timeout: Option<String>,
    /// The timeout of one try, from the gateway to a backend (Gateway API v1).
    pub backend_timeout: Option<String>,
    /// Istio's gateways; the mesh when there is none.
    pub gateways: Vec<String>,
    /// Parents of the HTTPRoute, as Gateway API spells them.
    pub gateway_refs: Vec<serde_json::Value>,
    /// Host names of the route.
    pub hosts: Vec<String>,
    /// Whether other VirtualServices delegate to the one that is made.
    pub delegation: bool,
    /// Istio's `trafficPolicy` of both DestinationRules.
    pub traffic_policy: Option<serde_json::Value>,
    /// Which requests the route is for, in Istio's form.
    pub r#match: Vec<serde_json::Value>,
    /// How the requests' URI or authority is changed.
    pub rewrite: Option<serde_json::Value>,
    /// Retries, in Istio's form.
    pub retries: Option<serde_json::Value>,
    /// How headers of requests and answers are changed, in Istio's form.
    pub headers: Option<serde_json::Value>,
    /// More backends that get a copy of the requests (Gateway API).
    pub mirror: Vec<serde_json::Value>,
    /// Cross-origin rules, in Istio's form.
    pub cors_policy: Option<serde_json::Value>,
    /// Metadata of the apex Service and of the route.
    pub apex: Metadata,
    /// Metadata of the primary Service.
    pub primary: Metadata,
    /// Metadata of the canary Service.
    pub canary: Metadata,
    /// Metadata of the Services that is left alone.
    pub unmanaged_metadata: Unmanaged,
}

/// Keys of labels and annotations that are left alone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Unmanaged {
    /// Labels.
    pub labels: Vec<String>,
    /// Annotations.
    pub annotations: Vec<String>,
}

/// Labels and annotations to be put on a generated object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Annotations.
    pub annotations: std::collections::BTreeMap<String, String>,
}
