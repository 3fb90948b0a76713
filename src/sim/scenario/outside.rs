//! What happens outside of Git in a story: webhooks answer, gates open, a person asks recant for something.

use crate::fleet::PERSON;
use crate::receiver::Says;
use crate::scenario::Verb;
use crate::scenario::parse::pair;
use crate::world::World;
use jiff::SignedDuration;
use recant_core::canary::spec::API_VERSION;
use recant_core::canary::verbs;
use recant_core::duration;
use recant_core::effect::Write;
use recant_core::object::ObjectRef;
use serde_json::json;

const HOOK: &str = r#"hook takes: hook URL answers STATUS ["body"] [after TIME], or hook URL is away"#;
const GATE: &str = "gate and rollback take: gate open NAMESPACE/NAME, or gate close NAMESPACE/NAME";

/// Reads one of these statements; none when it is another.
pub(super) fn parse(first: &str, rest: &[&str]) -> Option<Result<Verb, String>> {
    Some(match (first, rest) {
        ("hook", rest) => hook(rest),
        ("gate" | "rollback", [what @ ("open" | "close"), name]) => gate(first, what, name),
        ("gate" | "rollback", _) => Err(GATE.to_owned()),
        ("retry", rest) => ask(verbs::Verb::Retry, rest),
        ("abort", rest) => ask(verbs::Verb::Abort, rest),
        ("promote", rest) => ask(verbs::Verb::Promote, rest),
        ("pause", rest) => ask(verbs::Verb::Pause, rest),
        ("resume", [name]) => canary(name).map(|canary| Verb::Resume { canary }),
        ("resume", _) => Err("resume takes: resume NAMESPACE/NAME".to_owned()),
        _ => return None,
    })
}

fn hook(rest: &[&str]) -> Result<Verb, String> {
    let (url, rest) = rest.split_first().ok_or(HOOK)?;
    let (rest, after) = match rest {
        [rest @ .., "after", time] => (rest, duration::parse(time).ok_or(HOOK)?),
        rest => (rest, SignedDuration::ZERO),
    };
    let answer = |status: &str, body: &str| {
        let status = status.parse().ok().filter(|status| (100..600).contains(status));
        let status = status.ok_or_else(|| format!("{HOOK}; the status is 100 to 599"))?;
        let body = body.to_owned();
        Ok::<_, String>(Says::Answer { status, body, after })
    };
    let says = match rest {
        ["is", "away"] => Says::Nothing,
        ["answers", status] => answer(status, "")?,
        ["answers", status, body] => answer(status, body)?,
        _ => return Err(HOOK.to_owned()),
    };
    let url = (*url).to_owned();
    Ok(Verb::Hook { url, says })
}

fn gate(first: &str, what: &str, name: &str) -> Result<Verb, String> {
    let (namespace, name) = pair(name)?;
    let prefix = if first == "rollback" { "rollback." } else { "" };
    Ok(Verb::Gate {
        key: format!("{prefix}{name}.{namespace}"),
        open: what == "open",
    })
}

fn ask(verb: verbs::Verb, rest: &[&str]) -> Result<Verb, String> {
    let (name, reason) = match rest {
        [name] => (name, ""),
        [name, reason] => (name, *reason),
        _ => return Err(format!(r#"{verb} takes: {verb} NAMESPACE/NAME ["reason"]"#)),
    };
    Ok(Verb::Ask {
        verb,
        canary: canary(name)?,
        reason: reason.to_owned(),
    })
}

fn canary(text: &str) -> Result<ObjectRef, String> {
    pair(text).map(|(namespace, name)| ObjectRef::new(API_VERSION, "Canary", &namespace, &name))
}

/// A person asks for something, as `recant retry` and its like do.
pub(super) fn asks(
    world: &mut World,
    verb: verbs::Verb,
    canary: &ObjectRef,
    reason: &str,
) -> Result<(), String> {
    let value = verbs::words(world.now(), PERSON, reason);
    annotate(world, verb, canary, Some(&value))
}

/// A person takes a pause away.
pub(super) fn resumes(world: &mut World, canary: &ObjectRef) -> Result<(), String> {
    annotate(world, verbs::Verb::Pause, canary, None)
}

fn annotate(
    world: &mut World,
    verb: verbs::Verb,
    canary: &ObjectRef,
    value: Option<&str>,
) -> Result<(), String> {
    let write = Write::Patch {
        name: canary.clone(),
        resource_version: String::new(),
        patch: json!({"metadata": {"annotations": {verb.annotation(): value}}}),
    };
    let now = world.now();
    let done = world.cluster.write(now, PERSON, &write);
    done.map(drop).map_err(|e| e.to_string())
}
