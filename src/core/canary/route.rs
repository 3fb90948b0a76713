//! Traffic: the objects that divide the requests between primary and canary, one file for each router.
//!
//! A router is held to a [`Traffic`]; what the objects say of A/B testing and session affinity it reads from the spec
//! and the status. What somebody else put on a route (filters, fields, other rules) is kept. Never here: when the
//! traffic moves; the Services, which are every router's (that is `services`).

mod affinity;
mod block;
mod contour;
mod gloo;
mod http_route;
mod ingress;
mod made;
mod matches;
mod scene;
mod traefik;
mod traffic_split;
mod virtual_service;

#[cfg(test)]
mod tests;

pub(super) use affinity::Cookies;
pub(super) use affinity::remember;
pub(super) use scene::Scene;

use crate::canary::spec::Spec;
use crate::effect::Effect;
use crate::object::ObjectRef;
use crate::reason::Reason;
use crate::settings::Settings;

/// How a route divides the requests between primary and canary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// The canary's share, in percent; with `analysis.match`, of the requests that match.
    pub(super) canary_pct: i64,
    /// Whether the canary also gets a copy of each request that the primary answers, its own answers thrown away.
    pub(super) mirrored: bool,
}

impl Traffic {
    /// This share to the canary, in percent, nothing mirrored.
    pub(super) const fn weight(canary_pct: i64) -> Self {
        Self {
            canary_pct,
            mirrored: false,
        }
    }
}

/// Who divides the traffic: a mesh, an ingress, or nobody but the Services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Router {
    /// Gateway API's HTTPRoute, of this version.
    HttpRoute(&'static str),
    /// SMI's TrafficSplit, of this version.
    TrafficSplit(&'static str),
    /// NGINX: a canary Ingress beside the owner's.
    Ingress,
    /// The Services alone: the primary serves, the canary is only called by its own name.
    Services,
    /// Istio: a VirtualService and two DestinationRules.
    VirtualService,
    /// Traefik's TraefikService.
    TraefikService,
    /// Contour's HTTPProxy.
    HttpProxy,
    /// Gloo: a RouteTable and two Upstreams.
    RouteTable,
}

/// Providers that Flagger knows and this engine has no router for.
const FLAGGERS: [&str; 8] = [
    "apisix",
    "appmesh",
    "appmesh:v1beta1",
    "appmesh:v1beta2",
    "knative",
    "kuma",
    "osm",
    "skipper",
];

/// Providers that this engine has a router for.
const OURS: &str = "contour, gatewayapi:v1, gatewayapi:v1beta1, gloo, istio, kubernetes, linkerd, nginx, smi:v1alpha1 to v1alpha3, traefik";

impl Router {
    /// The router of a Canary's provider.
    ///
    /// # Errors
    /// A provider this engine has no router for (Flagger takes Istio's for it), or something the spec asks of the
    /// router that it cannot do (Flagger passes over it in silence).
    pub(super) fn of(spec: &Spec, settings: &Settings) -> Result<Self, Reason> {
        let (field, provider) = match spec.provider.as_deref() {
            None | Some("") => ("spec.provider (--mesh-provider)", settings.mesh_provider.as_str()),
            Some(provider) => ("spec.provider", provider),
        };
        let router = named(provider).ok_or_else(|| unknown(field, provider))?;
        router.check(spec, provider)?;
        Ok(router)
    }

    /// The objects to be looked at: those it writes, and those it only reads.
    pub(super) fn names(self, spec: &Spec, namespace: &str) -> Vec<ObjectRef> {
        match self {
            Self::HttpRoute(version) => http_route::names(spec, namespace, version),
            Self::TrafficSplit(version) => traffic_split::names(spec, namespace, version),
            Self::Ingress => ingress::names(spec, namespace),
            Self::Services => Vec::new(),
            Self::VirtualService => virtual_service::names(spec, namespace),
            Self::TraefikService => traefik::names(spec, namespace),
            Self::HttpProxy => contour::names(spec, namespace),
            Self::RouteTable => gloo::names(spec, namespace),
        }
    }

    /// What is to be written so that the requests are divided so. `scene.seen` is in the order of [`Router::names`].
    ///
    /// # Errors
    /// An object that is of no use as it is, and what to do.
    pub(super) fn hold(self, scene: &Scene<'_>, traffic: Traffic) -> Result<Vec<Effect>, Reason> {
        match self {
            Self::HttpRoute(version) => http_route::hold(scene, version, traffic),
            Self::TrafficSplit(version) => traffic_split::hold(scene, version, traffic),
            Self::Ingress => ingress::hold(scene, traffic),
            Self::Services => Ok(Vec::new()),
            Self::VirtualService => virtual_service::hold(scene, traffic),
            Self::TraefikService => traefik::hold(scene, traffic),
            Self::HttpProxy => contour::hold(scene, traffic),
            Self::RouteTable => gloo::hold(scene, traffic),
        }
    }

    /// What is to be written when the Canary goes and `revertOnDeletion` is set: objects that were there before it
    /// get their old form back; those it owns go with it.
    pub(super) fn restore(self, scene: &Scene<'_>) -> Vec<Effect> {
        match self {
            Self::HttpRoute(_) => http_route::restore(scene).into_iter().collect(),
            // The owner's Ingress was never written to.
            Self::Ingress | Self::Services => Vec::new(),
            Self::TrafficSplit(_)
            | Self::VirtualService
            | Self::TraefikService
            | Self::HttpProxy
            | Self::RouteTable => scene.restore(),
        }
    }

    /// Whether it can send the canary a copy of the requests.
    pub(super) const fn mirrors(self) -> bool {
        matches!(
            self,
            Self::HttpRoute(_) | Self::VirtualService | Self::TraefikService | Self::HttpProxy
        )
    }

    /// Whether it can tell requests apart by `analysis.match`.
    const fn matches(self) -> bool {
        !matches!(self, Self::TrafficSplit(_) | Self::TraefikService)
    }

    /// The canary's share as the objects say it, in percent: that which nothing would have to be written for.
    pub(super) fn canary_pct(self, scene: &Scene<'_>) -> Option<i64> {
        let says = |weight: &i64| {
            let writes = self.hold(scene, Traffic::weight(*weight));
            writes.is_ok_and(|writes| writes.is_empty())
        };
        // The Services alone say nothing.
        (0..=100).find(says).filter(|_| self != Self::Services)
    }

    /// Whether its data plane has taken the objects as they were written. Flagger looks at HTTPRoutes alone, the
    /// others have no condition that says so.
    ///
    /// # Errors
    /// What it is waited for.
    pub(super) fn accepted(self, scene: &Scene<'_>) -> Result<(), Reason> {
        match self {
            Self::HttpRoute(_) => http_route::accepted(scene),
            _ => Ok(()),
        }
    }

    /// Whether it can do what the spec asks for.
    fn check(self, spec: &Spec, provider: &str) -> Result<(), Reason> {
        let analysis = &spec.analysis;
        if !analysis.r#match.is_empty() && !self.matches() {
            let hint = "it cannot tell requests apart; use contour, gatewayapi, gloo, istio or nginx";
            return Err(unsupported("spec.analysis.match", provider, hint));
        }
        if let Some(affinity) = &analysis.session_affinity {
            if !matches!(self, Self::HttpRoute(_) | Self::VirtualService) {
                let hint = "it cannot keep sessions; use gatewayapi or istio, or leave it out";
                return Err(unsupported("spec.analysis.sessionAffinity", provider, hint));
            }
            affinity::check(affinity)?;
        }
        match self {
            Self::HttpRoute(_) => http_route::check(spec, provider),
            Self::Ingress => ingress::check(spec),
            Self::VirtualService => virtual_service::check(spec),
            Self::HttpProxy => contour::check(spec),
            Self::TrafficSplit(_) | Self::Services | Self::TraefikService | Self::RouteTable => Ok(()),
        }
    }
}

/// The router of a provider, by the names and prefixes that Flagger takes.
fn named(provider: &str) -> Option<Router> {
    let smi = |version: &str| {
        let rest = provider.strip_prefix("smi:")?.strip_prefix(version)?;
        (rest.is_empty() || rest.starts_with(':')).then_some(())
    };
    Some(match provider {
        "gatewayapi:v1" => Router::HttpRoute("gateway.networking.k8s.io/v1"),
        "gatewayapi:v1beta1" => Router::HttpRoute("gateway.networking.k8s.io/v1beta1"),
        "nginx" => Router::Ingress,
        "kubernetes" => Router::Services,
        "istio" => Router::VirtualService,
        "traefik" => Router::TraefikService,
        "contour" => Router::HttpProxy,
        "gloo" => Router::RouteTable,
        "linkerd" => Router::TrafficSplit("split.smi-spec.io/v1alpha1"),
        _ if smi("v1alpha1").is_some() => Router::TrafficSplit("split.smi-spec.io/v1alpha1"),
        _ if smi("v1alpha2").is_some() => Router::TrafficSplit("split.smi-spec.io/v1alpha2"),
        _ if smi("v1alpha3").is_some() => Router::TrafficSplit("split.smi-spec.io/v1alpha3"),
        _ => return None,
    })
}

fn unknown(field: &str, provider: &str) -> Reason {
    if FLAGGERS.contains(&provider) {
        let hint = format!(
            "recant's own engine has no router for it; let Flagger do the analysis (Flagger mode), or use one of {OURS}"
        );
        return unsupported(field, provider, &hint);
    }
    Reason::InvalidSpec {
        detail: format!("{field}: {provider:?} is no provider; use one of {OURS}"),
    }
}

fn unsupported(field: &str, value: &str, hint: &str) -> Reason {
    Reason::Unsupported {
        field: field.to_owned(),
        value: value.to_owned(),
        hint: hint.to_owned(),
    }
}
