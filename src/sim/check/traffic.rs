//! Where the traffic goes: never to a canary at rest, never to no pods.

use super::release::service;
use super::release::workload;
use crate::traffic::rule::Proxy;
use crate::traffic::rule::Rule;
use crate::world::World;
use recant_core::canary::status::Phase;
use recant_core::canary::status::Status;
use recant_core::object::Object;
use recant_core::template;

/// A Canary at rest sends nothing to the canary, by no rule, and the weights of a mesh make 100.
pub(super) fn at_rest_the_canary_gets_nothing(world: &World, canary: &Object) -> Result<(), String> {
    let phase = Status::of(canary).phase;
    let rests = matches!(
        phase,
        Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting
    );
    for rule in rules(world, canary) {
        let sum: i64 = rule.backends.iter().map(|backend| backend.weight).sum();
        let own = rule.share_pct(&service(canary, "-canary")).unwrap_or_default();
        let mirrored = rule
            .mirrors
            .iter()
            .any(|mirror| mirror.service == service(canary, "-canary"));
        let off = rule.proxy == Proxy::Sidecar && sum != 100_000;
        if off || (rests && (own != 0 || mirrored)) {
            return Err(format!(
                "{} is {phase:?}, and its route says canary {own} percent, all weights {}",
                canary.reference(),
                sum / 1000
            ));
        }
    }
    Ok(())
}

/// Traffic is only sent to a Deployment that is meant to have pods.
pub(super) fn weights_go_where_pods_are(world: &World, canary: &Object) -> Result<(), String> {
    for rule in rules(world, canary) {
        let own = rule.share_pct(&service(canary, "-canary")).unwrap_or_default();
        for (weight, suffix) in [(100 - own, "-primary"), (own, "")] {
            if weight > 0 && is_down(world, canary, suffix) {
                return Err(format!(
                    "{weight} percent go to {}{suffix}, which is scaled to zero",
                    canary.str("/spec/targetRef/name")
                ));
            }
        }
    }
    Ok(())
}

/// Whether a workload is not there, or is not meant to have pods.
fn is_down(world: &World, canary: &Object, suffix: &str) -> bool {
    workload(world, canary, suffix).is_none_or(|it| {
        let selector = format!(
            "/spec/template/spec/nodeSelector/{}",
            template::escaped(template::SCALE_TO_ZERO.0)
        );
        it.int("/spec/replicas") == Some(0) || it.at(&selector).is_some()
    })
}

/// The rules of a Canary's route that name the canary's Service.
fn rules(world: &World, canary: &Object) -> Vec<Rule> {
    let own = service(canary, "-canary");
    let rules = world
        .topology()
        .apexes
        .get(&service(canary, ""))
        .into_iter()
        .flatten();
    let of_it = |rule: &&Rule| {
        rule.share_pct(&own).is_some() || rule.mirrors.iter().any(|mirror| mirror.service == own)
    };
    rules.filter(of_it).cloned().collect()
}
