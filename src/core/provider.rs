//! Who is asked for a metric: `MetricTemplate.spec.provider`, or the Prometheus of a Canary.
//!
//! Never here: a credential. A provider names its Secret; only whoever asks it reads that.

use crate::object::Object;
use crate::object::ObjectRef;
use crate::observed::Why;
use std::collections::BTreeMap;

/// A metric provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provider {
    /// How it is spoken to.
    pub kind: ProviderKind,
    /// Its address. Empty for recant's own `--metrics-server` (Prometheus), or for the provider's public address.
    pub address: String,
    /// The Secret with its credential, in the MetricTemplate's namespace.
    pub secret: Option<ObjectRef>,
    /// Headers to be sent with every request.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The region (CloudWatch).
    pub region: String,
    /// Whether its certificate is believed unseen.
    pub insecure_skip_verify: bool,
}

/// How a provider is spoken to: the values of `spec.provider.type` that this engine has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProviderKind {
    /// Prometheus, or a server with its API.
    #[default]
    Prometheus,
    /// Datadog.
    Datadog,
    /// New Relic.
    NewRelic,
    /// Graphite.
    Graphite,
    /// InfluxDB 2, in Flux.
    InfluxDb,
    /// Dynatrace.
    Dynatrace,
    /// Splunk Observability (SignalFx), in SignalFlow.
    Splunk,
    /// Amazon CloudWatch.
    CloudWatch,
    /// Google Cloud Monitoring, in MQL.
    Stackdriver,
}

impl ProviderKind {
    /// Reads `spec.provider.type`.
    ///
    /// # Errors
    /// Why this engine does not speak to it, and what to do.
    pub fn of(r#type: &str) -> Result<Self, &'static str> {
        Ok(match r#type {
            "prometheus" => Self::Prometheus,
            "datadog" => Self::Datadog,
            "newrelic" => Self::NewRelic,
            "graphite" => Self::Graphite,
            "influxdb" => Self::InfluxDb,
            "dynatrace" => Self::Dynatrace,
            "splunk" => Self::Splunk,
            "cloudwatch" => Self::CloudWatch,
            "stackdriver" => Self::Stackdriver,
            "externalmetrics" => {
                return Err(
                    "ask the system behind the external metrics API itself, or leave this Canary to Flagger",
                );
            }
            "keptn" => {
                return Err(
                    "Keptn's analyses are objects that recant does not make: ask Keptn's own provider with \
                            type prometheus, or leave this Canary to Flagger",
                );
            }
            _ => {
                return Err(
                    "use prometheus, datadog, newrelic, graphite, influxdb, dynatrace, splunk, cloudwatch or \
                            stackdriver",
                );
            }
        })
    }

    /// Its name, as `spec.provider.type` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Datadog => "datadog",
            Self::NewRelic => "newrelic",
            Self::Graphite => "graphite",
            Self::InfluxDb => "influxdb",
            Self::Dynatrace => "dynatrace",
            Self::Splunk => "splunk",
            Self::CloudWatch => "cloudwatch",
            Self::Stackdriver => "stackdriver",
        }
    }
}

impl Provider {
    /// A Prometheus without a credential.
    pub fn prometheus(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..Self::default()
        }
    }

    /// Reads `spec.provider` of a MetricTemplate.
    ///
    /// # Errors
    /// What cannot be used, and where.
    pub fn of(template: &Object) -> Result<Self, Why> {
        let name = template.reference();
        let at = |field: &str| template.str(&format!("/spec/provider/{field}")).to_owned();
        let kind = ProviderKind::of(&at("type")).map_err(|hint| {
            let r#type = at("type");
            Why::Invalid(format!(
                "{name}: spec.provider.type {:?} is not supported: {hint}",
                r#type
            ))
        })?;
        let secret = template.str("/spec/provider/secretRef/name");
        let secret =
            (!secret.is_empty()).then(|| ObjectRef::new("v1", "Secret", template.namespace(), secret));
        let headers = template.at("/spec/provider/headers").cloned();
        let headers = match headers {
            None => BTreeMap::new(),
            Some(headers) => serde_json::from_value(headers)
                .map_err(|e| Why::Invalid(format!("{name}: spec.provider.headers: {e}")))?,
        };
        let insecure = template.at("/spec/provider/insecureSkipVerify");
        Ok(Self {
            kind,
            address: at("address"),
            secret,
            headers,
            region: at("region"),
            insecure_skip_verify: insecure == Some(&serde_json::Value::Bool(true)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(provider: serde_json::Value) -> Object {
        Object(json!({
            "apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate",
            "metadata": {"name": "errors", "namespace": "ops"},
            "spec": {"provider": provider, "query": "q"},
        }))
    }

    #[test]
    fn a_provider_is_read_field_by_field_and_its_secret_is_the_templates_neighbour() {
        let provider = Provider::of(&template(json!({
            "type": "cloudwatch", "address": "https://a", "region": "eu-west-1", "insecureSkipVerify": true,
            "secretRef": {"name": "creds"}, "headers": {"X-Scope-OrgID": ["a", "b"]},
        })))
        .expect("a provider");
        assert_eq!(provider.kind, ProviderKind::CloudWatch);
        assert_eq!(
            (provider.address.as_str(), provider.region.as_str()),
            ("https://a", "eu-west-1")
        );
        assert!(provider.insecure_skip_verify);
        assert_eq!(
            provider.secret,
            Some(ObjectRef::new("v1", "Secret", "ops", "creds"))
        );
        assert_eq!(provider.headers["X-Scope-OrgID"], ["a", "b"]);
    }

    #[test]
    fn every_kind_of_the_schema_is_spoken_to_or_refused_by_name_and_never_taken_for_prometheus() {
        let spoken = "prometheus datadog newrelic graphite influxdb dynatrace splunk cloudwatch stackdriver";
        for kind in spoken.split(' ') {
            assert_eq!(ProviderKind::of(kind).map(ProviderKind::name), Ok(kind));
        }
        for kind in ["keptn", "externalmetrics", "wavefront", ""] {
            let refused = Provider::of(&template(json!({"type": kind})));
            let Err(Why::Invalid(why)) = refused else {
                panic!("{kind:?}: {refused:?}")
            };
            let named = format!("MetricTemplate/ops/errors: spec.provider.type {kind:?} is not supported: ");
            assert!(why.starts_with(&named), "{why}");
        }
    }
}
