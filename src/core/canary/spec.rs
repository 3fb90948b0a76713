//! `Canary.spec` of `flagger.app/v1beta1`, field for field, with Flagger's defaults.
//!
//! Only what a decision of today needs is a field here; the object itself keeps all else.

mod affinity;
mod analysis;
mod metric;
mod service;
mod webhook;

pub use affinity::SessionAffinity;
pub use analysis::AlertRef;
pub use analysis::Analysis;
pub use metric::Metric;
pub use metric::Range;
pub use service::Metadata;
pub use service::Service;
pub use service::Unmanaged;
pub use webhook::Webhook;

use crate::object::Object;
use crate::object::ObjectRef;
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
