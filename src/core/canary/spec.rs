//! `Canary.spec` of `flagger.app/v1beta1`, field for field, with Flagger's defaults.
//!
//! Only what a decision of today needs is a field here; the object itself keeps all else.

use crate::alert::Severity;
use crate::duration;
use crate::hook::HookType;
use crate::object::Object;
use crate::object::ObjectRef;
use jiff::SignedDuration;
use serde::Deserialize;

/// The API version of Flagger's kinds.
pub const API_VERSION: &str = "flagger.app/v1beta1";

/// What a Canary asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The mesh or ingress that splits the traffic; recant's own `--mesh-provider` when absent.
    pub provider: Option<String>,
    /// The Prometheus for built-in metrics and inline queries; recant's own `--metrics-server` when absent.
    pub metrics_server: Option<String>,
    /// The workload.
    pub target_ref: TargetRef,
    /// The Ingress that the canary's is made after (provider nginx), in the Canary's own namespace.
    pub ingress_ref: Option<IngressRef>,
    /// The Upstream whose settings the generated ones get (provider gloo).
    pub upstream_ref: Option<UpstreamRef>,
    /// The workload's autoscaler.
    pub autoscaler_ref: Option<AutoscalerRef>,
    /// How long the canary or the primary may take to become ready, in seconds.
    #[serde(default = "ten_minutes_s")]
    pub progress_deadline_seconds: i64,
    /// Promote without analysis.
    #[serde(default)]
    pub skip_analysis: bool,
    /// Give the workload its traffic back when the Canary is deleted.
    #[serde(default)]
    pub revert_on_deletion: bool,
    /// Stop everything, leave the traffic as it is.
    #[serde(default)]
    pub suspend: bool,
    /// The Services and the route.
    #[serde(default)]
    pub service: Service,
    /// The analysis.
    pub analysis: Analysis,
}

const fn ten_minutes_s() -> i64 {
    600
}

/// The workload that a Canary looks after, in the Canary's own namespace.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRef {
    /// `apps/v1`; `v1` for a Service.
    pub api_version: String,
    /// `Deployment`, `DaemonSet` or `Service`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// The name of an Ingress.
#[derive(Clone, Debug, Deserialize)]
pub struct IngressRef {
    /// Its name.
    pub name: String,
}

/// The name of an Upstream.
#[derive(Clone, Debug, Deserialize)]
pub struct UpstreamRef {
    /// Its name.
    pub name: String,
    /// Its namespace; the Canary's when absent.
    pub namespace: Option<String>,
}

/// The autoscaler of a workload, in the Canary's own namespace.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoscalerRef {
    /// `HorizontalPodAutoscaler` or KEDA's `ScaledObject`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The queries of the primary's triggers, by the trigger's name.
    pub primary_scaler_queries: Option<std::collections::BTreeMap<String, String>>,
    /// The bounds of the primary's autoscaler where they are not the target's.
    #[serde(default)]
    pub primary_scaler_replicas: ScalerReplicas,
}

/// Bounds of an autoscaler.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalerReplicas {
    /// The fewest replicas.
    pub min_replicas: Option<i64>,
    /// The most replicas.
    pub max_replicas: Option<i64>,
}

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

/// `spec.analysis`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Time between checks.
    pub interval: Option<String>,
    /// Failed checks before the rollback.
    #[serde(default)]
    pub threshold: i64,
    /// Iterations of A/B and blue/green.
    pub iterations: Option<i64>,
    /// The largest weight of the canary, in percent.
    #[serde(default)]
    pub max_weight: i64,
    /// How much the weight grows a step, in percent.
    #[serde(default)]
    pub step_weight: i64,
    /// Explicit weights, in percent.
    #[serde(default)]
    pub step_weights: Vec<i64>,
    /// How much the traffic goes back to the primary a step, in percent; all at once when 0.
    #[serde(default)]
    pub step_weight_promotion: i64,
    /// Whether traffic is mirrored first.
    #[serde(default)]
    pub mirror: bool,
    /// The share of the traffic that is mirrored, in percent, where the router can choose (Istio); 100 when absent.
    pub mirror_weight: Option<i64>,
    /// Ready share of the primary's replicas, in percent.
    pub primary_ready_threshold: Option<i64>,
    /// Ready share of the canary's replicas, in percent.
    pub canary_ready_threshold: Option<i64>,
    /// Conditions of A/B testing.
    #[serde(default)]
    pub r#match: Vec<serde_json::Value>,
    /// The checks.
    #[serde(default)]
    pub metrics: Vec<Metric>,
    /// Who is told.
    #[serde(default)]
    pub alerts: Vec<AlertRef>,
    /// The hooks.
    #[serde(default)]
    pub webhooks: Vec<Webhook>,
    /// Session affinity.
    pub session_affinity: Option<SessionAffinity>,
}

/// Somebody who is called at some point of the release.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its name, in events.
    pub name: String,
    /// When it is called.
    #[serde(default)]
    pub r#type: HookType,
    /// Where to: it may hold credentials.
    pub url: String,
    /// How long one attempt may take; 10 s when absent.
    pub timeout: Option<String>,
    /// How often it is tried again.
    #[serde(default)]
    pub retries: i64,
    /// Whether no alert is sent about it.
    #[serde(default)]
    pub mute_alert: bool,
    /// Whether the server's certificate is not verified.
    #[serde(default, rename = "disableTLS")]
    pub disable_tls: bool,
    /// What is posted besides: it may hold credentials.
    #[serde(default)]
    pub metadata: std::collections::BTreeMap<String, String>,
}

impl std::fmt::Debug for Webhook {
    /// Without URL and metadata.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Webhook");
        shown.field("name", &self.name).field("type", &self.r#type);
        shown.finish_non_exhaustive()
    }
}

impl Webhook {
    /// How long one attempt may take: 10 s where nothing useful is said, as with Flagger.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn timeout(&self) -> Result<SignedDuration, String> {
        match self.timeout.as_deref().filter(|text| text.len() > 1) {
            None => Ok(SignedDuration::from_secs(10)),
            Some(text) => duration::parse(text).ok_or_else(|| {
                format!(
                    "webhook {}: timeout {text}: must be a time such as 10s or 1m",
                    self.name
                )
            }),
        }
    }
}

/// Keeps a client on the revision that it was sent to first, by a cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionAffinity {
    /// The cookie of clients that were sent to the canary.
    pub cookie_name: String,
    /// The cookie of clients that were sent to the primary; none when empty.
    pub primary_cookie_name: String,
    /// The cookie's `Domain`.
    pub domain: String,
    /// Whether scripts may not read it.
    pub http_only: bool,
    /// How long it lasts, in seconds; a day when 0.
    pub max_age: i64,
    /// Whether it is kept apart for each top-level site.
    pub partitioned: bool,
    /// The cookie's `Path`.
    pub path: String,
    /// `Strict`, `Lax` or `None`.
    pub same_site: String,
    /// Whether it is only sent over TLS.
    pub secure: bool,
}

impl SessionAffinity {
    /// How long the cookie of clients that were sent to the canary lasts, in seconds.
    pub const fn max_age_s(&self) -> i64 {
        if self.max_age == 0 { 86_400 } else { self.max_age }
    }
}

/// One check of the analysis.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// `request-success-rate`, `request-duration`, or the name of an own query.
    pub name: String,
    /// The range the query looks back over; `1m` when absent.
    pub interval: Option<String>,
    /// Old form of a threshold: the least success rate, or the most of anything else.
    pub threshold: Option<f64>,
    /// What is good.
    pub threshold_range: Option<Range>,
    /// An inline PromQL query.
    pub query: Option<String>,
    /// A MetricTemplate.
    pub template_ref: Option<TemplateRef>,
    /// Variables of the MetricTemplate.
    #[serde(default)]
    pub template_variables: std::collections::BTreeMap<String, String>,
}

/// Somebody to be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertRef {
    /// The alert's name.
    pub name: String,
    /// What is told: this and worse.
    #[serde(default)]
    pub severity: Severity,
    /// The AlertProvider.
    pub provider_ref: TemplateRef,
}

/// The values that are good, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, serde::Serialize)]
pub struct Range {
    /// The least good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// The name of a MetricTemplate or an AlertProvider.
#[derive(Clone, Debug, Deserialize)]
pub struct TemplateRef {
    /// Its name.
    pub name: String,
    /// Its namespace; the Canary's when absent.
    pub namespace: Option<String>,
}

impl Spec {
    /// Reads the spec of a Canary.
    ///
    /// # Errors
    /// What is missing or of the wrong type, and where, in one line for a person.
    pub fn of(canary: &Object) -> Result<Self, String> {
        let spec = canary.at("/spec").cloned().unwrap_or_default();
        let spec: Self = serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))?;
        if spec.target_ref.name.is_empty() {
            return Err("spec.targetRef.name: must not be empty".to_owned());
        }
        if spec.service.port == 0 {
            return Err("spec.service.port: must be set to the port of the Service".to_owned());
        }
        Ok(spec)
    }

    /// The workload.
    pub fn target(&self, namespace: &str) -> ObjectRef {
        ObjectRef::new(
            &self.target_ref.api_version,
            &self.target_ref.kind,
            namespace,
            &self.target_ref.name,
        )
    }

    /// The primary workload: `<target>-primary`.
    pub fn primary(&self, namespace: &str) -> ObjectRef {
        let mut name = self.target(namespace);
        name.name.push_str("-primary");
        name
    }

    /// The apex Service's name.
    pub fn apex_name(&self) -> &str {
        self.service.name.as_deref().unwrap_or(&self.target_ref.name)
    }
}

impl Analysis {
    /// Time between checks: Flagger takes 60 s where none can be read, and at least 10 s.
    pub fn interval(&self) -> SignedDuration {
        let asked = self.interval.as_deref().and_then(duration::parse);
        asked
            .unwrap_or(SignedDuration::from_secs(60))
            .max(SignedDuration::from_secs(10))
    }

    /// The longest time that a metric looks back over.
    pub fn window(&self) -> SignedDuration {
        let windows = self
            .metrics
            .iter()
            .filter_map(|metric| duration::parse(metric.interval()));
        windows.max().unwrap_or_default()
    }

    /// Failed checks before the rollback: at least 1.
    pub fn threshold(&self) -> i64 {
        self.threshold.max(1)
    }

    /// The largest weight in percent: the last of `stepWeights`, else `maxWeight`, else 100.
    pub fn max_weight(&self) -> i64 {
        match self.step_weights.last() {
            Some(last) => (*last).min(100),
            None if self.max_weight <= 0 => 100,
            None => self.max_weight.min(100),
        }
    }

    /// The weight after `weight` percent: by `stepWeight`, else by `stepWeights`. It never passes 100. A weight that
    /// is not among `stepWeights` (they were changed meanwhile) goes on at the next greater one.
    pub fn next_weight(&self, weight: i64) -> i64 {
        if self.step_weight > 0 || self.step_weights.is_empty() {
            return (weight + self.step_weight.max(1)).min(100);
        }
        let steps = &self.step_weights;
        let after = steps.iter().position(|step| *step == weight).map(|at| at + 1);
        let next = after.map_or_else(|| steps.iter().find(|step| **step > weight), |at| steps.get(at));
        next.copied().unwrap_or(100).clamp(0, 100)
    }
}

impl Metric {
    /// The range of good values. Flagger reads the old `threshold` as the least success rate or the most of
    /// anything else; with neither, nothing above 0 is good.
    pub fn range(&self) -> Range {
        match (self.threshold_range, self.threshold) {
            (Some(range), _) => range,
            (None, Some(least)) if self.name == "request-success-rate" => Range {
                min: Some(least),
                max: None,
            },
            (None, threshold) => Range {
                min: None,
                max: Some(threshold.unwrap_or(0.0)),
            },
        }
    }

    /// The range the query looks back over.
    pub fn interval(&self) -> &str {
        self.interval.as_deref().filter(|i| !i.is_empty()).unwrap_or("1m")
    }
}
