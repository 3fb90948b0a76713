//! `postBuild`: variables in the text of each object, with the origin of every value that changes.

use super::Kustomization;
use super::envsubst;
use super::envsubst::Known;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource::Resource;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::emit;
use crate::yaml::json;
use crate::yaml::parse;
use crate::yaml::parse::Place;
use crate::yaml::parse::Twice;
use crate::yaml::resolve::Rules;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// The variables of one Flux Kustomization.
struct Vars {
    values: BTreeMap<String, (String, OriginId)>,
    strict: bool,
    /// `substituteFrom` names objects whose values were not given.
    incomplete: bool,
}

/// Substitutes in all objects.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut [Resource], flux: &Kustomization, spec: &Node) {
    let Some(post_build) = spec.get("postBuild").filter(|n| !n.is_null()) else {
        return;
    };
    let mut vars = Vars {
        values: BTreeMap::new(),
        strict: flux.strict_substitution,
        incomplete: flux.vars.is_empty() && flux.substitute_from().iter().any(|from| !from.optional),
    };
    for (name, value) in &flux.vars {
        let origin = session.arena.external(&format!("substituteFrom {name}"));
        vars.put(name, value, origin);
    }
    let inline = post_build
        .get("substitute")
        .and_then(Node::as_map)
        .unwrap_or_default();
    for entry in inline {
        vars.put(
            &entry.key.text,
            entry.value.text().unwrap_or_default(),
            entry.value.origin,
        );
    }
    for (name, (_, origin)) in &vars.values {
        if !is_name(name) {
            let problem = Problem::error(format!("variable name `{name}` must be letters, digits and _"));
            session.problem(problem, *origin);
        }
    }
    let always = post_build.str_at(&["substituteStrategy"]) == "Always";
    if vars.values.is_empty() && !vars.incomplete && !always {
        return;
    }
    for resource in resources {
        let off = ["labels", "annotations"].iter().any(|field| {
            resource
                .meta_map(field)
                .any(|(k, v)| k == SWITCH && v == "disabled")
        });
        if !off {
            let result = vars.substitute(session, resource);
            session.check(result, resource.node.origin);
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Vars {
    fn put(&mut self, name: &str, value: &str, origin: OriginId) {
        self.values
            .insert(name.to_owned(), (value.replace('\n', ""), origin));
    }

    fn substitute(&self, session: &mut Session<'_>, resource: &mut Resource) -> Result<(), Problem> {
        let value = json::to_json(&resource.node, Rules::V3).unwrap_or_default();
        let text = emit::emit(&value);
        if !text.contains('$') {
            return Ok(());
        }
        let id = resource.id();
        let mut missing = BTreeSet::new();
        let replaced = envsubst::eval(&text, &mut |name| match self.values.get(name) {
            Some((value, _)) => Known::Value(value.clone()),
            None if self.incomplete => {
                missing.insert(name.to_owned());
                Known::Elsewhere
            }
            None if self.strict => Known::Unset,
            None => Known::Value(String::new()),
        })
        .map_err(|why| Problem::error(format!("substitution in {id} fails: {why}")))?;
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(String::as_str).collect();
            let problem = Problem::warning(format!(
                "{id} uses {}, which substituteFrom takes from the cluster: it stays as it is written; give its value",
                names.join(", ")
            ));
            session.problem(problem, resource.node.origin);
        }
        let broken =
            |why: String| Problem::error(format!("after substitution {id} is no longer valid: {why}"));
        let documents = parse::documents(replaced.as_bytes(), &Place::Whole(OriginId::None), Twice::Last)
            .map_err(|fault| broken(fault.message))?;
        let Some(mut node) = documents.into_iter().next() else {
            return Err(broken("nothing is left".to_owned()));
        };
        json::settle(&mut node).map_err(|(_, why)| broken(why))?;
        self.origins(session, &mut node, &resource.node);
        for name in &missing {
            let from = session.arena.external(&format!("substituteFrom {name}"));
            outside(session, &mut node, name, from);
        }
        resource.node = node;
        Ok(())
    }

    /// Gives each value of the new tree the origin of the old one, with the variables it used when it changed.
    fn origins(&self, session: &mut Session<'_>, new: &mut Node, old: &Node) {
        match (&mut new.kind, &old.kind) {
            (Kind::Map(news), Kind::Map(olds)) => {
                for entry in news {
                    let known = olds.iter().find(|o| o.key.text == entry.key.text);
                    let (key_origin, value) = known.map_or((old.origin, old), |k| (k.origin, &k.value));
                    entry.origin = key_origin;
                    self.origins(session, &mut entry.value, value);
                }
                new.origin = old.origin;
            }
            (Kind::Seq(news), Kind::Seq(olds)) => {
                for (at, item) in news.iter_mut().enumerate() {
                    self.origins(session, item, olds.get(at).unwrap_or(old));
                }
                new.origin = old.origin;
            }
            (Kind::Scalar(a), Kind::Scalar(b)) if a.text == b.text && a.tag() == b.tag() => {
                new.origin = old.origin;
            }
            _ => {
                let template = old.text().unwrap_or_default();
                let named = self
                    .values
                    .iter()
                    .filter(|(name, _)| template.contains(name.as_str()));
                let mut inputs: Vec<OriginId> = vec![old.origin];
                inputs.extend(named.map(|(_, (_, origin))| *origin));
                let arg = if inputs.len() > 1 {
                    inputs.pop().unwrap_or_default()
                } else {
                    OriginId::None
                };
                let origin = session.arena.derive("substitute", &inputs, arg);
                paint(new, origin);
            }
        }
    }
}

/// Notes in every text that still names a variable that its value comes from outside.
fn outside(session: &mut Session<'_>, node: &mut Node, name: &str, from: OriginId) {
    match &mut node.kind {
        Kind::Scalar(scalar) => {
            let named = scalar.text.match_indices("${").any(|(at, _)| {
                let rest = scalar.text[at + 2..].trim_start_matches('#');
                rest.strip_prefix(name)
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
            });
            if named {
                node.origin = session
                    .arena
                    .derive("substitute", &[node.origin, from], OriginId::None);
            }
        }
        Kind::Seq(items) => items
            .iter_mut()
            .for_each(|item| outside(session, item, name, from)),
        Kind::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| outside(session, &mut entry.value, name, from)),
    }
}

fn paint(node: &mut Node, origin: OriginId) {
    node.origin = origin;
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::Seq(items) => items.iter_mut().for_each(|i| paint(i, origin)),
        Kind::Map(entries) => entries.iter_mut().for_each(|e| {
            e.origin = origin;
            paint(&mut e.value, origin);
        }),
    }
}
