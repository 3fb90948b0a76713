//! Strategic merge as kustomize does it: it differs from kubectl's in the order of lists and in what directives it
//! knows.

use super::keyed::Slots;
use super::keyed::has_keys;
use super::keyed::tuples;
use super::keyed::valid_keys;
use super::keyed::wanted;
use super::schema::Schema;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::yaml::Entry;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Scalar;
use std::collections::BTreeSet;

/// What a merge took away: JSON pointer, origin of the deleted, origin of what deleted it.
pub(crate) type Tomb = (String, OriginId, OriginId);

/// Merges a patch over an object. `None`: the object is deleted.
pub(crate) fn merge(dest: Node, patch: Node, tombs: &mut Vec<Tomb>) -> Result<Option<Node>, Problem> {
    refuse_unknown(&patch)?;
    let mut merger = Merger {
        path: String::new(),
        tombs,
        written: Vec::new(),
    };
    let mut merged = merger.walk(Some(dest), Some(patch), None)?;
    for value in &merger.written {
        if let Some(node) = &mut merged {
            node.write_shared(value.shared, value);
        }
    }
    Ok(merged)
}

const DIRECTIVES: [&str; 3] = ["$setElementOrder", "$deleteFromPrimitiveList", "$retainKeys"];

/// kustomize would leave these in the output as fields; nobody means that.
fn refuse_unknown(node: &Node) -> Result<(), Problem> {
    match &node.kind {
        Kind::Scalar(_) => Ok(()),
        Kind::Seq(items) => items.iter().try_for_each(refuse_unknown),
        Kind::Map(entries) => entries.iter().try_for_each(|e| {
            if DIRECTIVES.iter().any(|d| e.key.text.starts_with(d)) {
                return Err(Problem::unsupported(format!(
                    "patch directive `{}` is not implemented by kustomize; write the patch without it",
                    e.key.text
                )));
            }
            refuse_unknown(&e.value)
        }),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

struct Merger<'t> {
    path: String,
    tombs: &'t mut Vec<Tomb>,
    /// Values that were written over shared ones.
    written: Vec<Node>,
}

impl Merger<'_> {
    /// Merges two values; `None` in and out is "not there".
    fn walk(
        &mut self,
        dest: Option<Node>,
        patch: Option<Node>,
        schema: Option<Schema>,
    ) -> Result<Option<Node>, Problem> {
        let there = |n: &Option<Node>| n.as_ref().is_some_and(|n| !n.is_null());
        let lead = if there(&dest) { &dest } else { &patch };
        let schema = schema.or_else(|| lead.as_ref().and_then(own_schema));
        match lead.as_ref().filter(|n| !n.is_null()).map(|n| &n.kind) {
            None | Some(Kind::Map(_)) => {
                self.expect_kind(&dest, &patch, |k| matches!(k, Kind::Map(_)))?;
                self.map(dest, patch, schema)
            }
            Some(Kind::Seq(_)) => {
                self.expect_kind(&dest, &patch, |k| matches!(k, Kind::Seq(_)))?;
                match schema {
                    Some(Schema::Keyed(keys, _)) => self.keyed(dest, patch, keys, schema),
                    _ => Ok(self.replace(dest, patch)),
                }
            }
            Some(Kind::Scalar(_)) => {
                self.expect_kind(&dest, &patch, |k| matches!(k, Kind::Scalar(_)))?;
                Ok(self.replace(dest, patch))
            }
        }
    }

    fn expect_kind(
        &self,
        dest: &Option<Node>,
        patch: &Option<Node>,
        fits: impl Fn(&Kind) -> bool,
    ) -> Result<(), Problem> {
        for node in [dest, patch].into_iter().flatten() {
            if !node.is_null() && !fits(&node.kind) {
                return Err(Problem::error(format!(
                    "patch and object disagree on what `{}` is: one has {}",
                    self.path,
                    node.what()
                )));
            }
        }
        Ok(())
    }

    fn replace(&mut self, dest: Option<Node>, patch: Option<Node>) -> Option<Node> {
        let guard = |mut node: Node| {
            if let Kind::Scalar(scalar) = &mut node.kind {
                *scalar = scalar.clone().guarded();
            }
            node
        };
        let Some(patch) = patch else {
            return dest.map(guard);
        };
        let mut patch = guard(patch);
        if patch.is_null() {
            self.bury(dest.as_ref(), patch.origin);
            return Some(patch);
        }
        if let (Kind::Scalar(new), Some(Kind::Scalar(old))) =
            (&mut patch.kind, dest.as_ref().map(|d| &d.kind))
        {
            *new = new.clone().in_place_of(old);
        }
        if let Some(shared) = dest.map(|d| d.shared).filter(|shared| *shared != 0) {
            patch.shared = shared;
            self.written.push(patch.clone());
        }
        Some(patch)
    }

    fn bury(&mut self, dest: Option<&Node>, by: OriginId) {
        if let Some(dest) = dest {
            self.tombs.push((self.path.clone(), dest.origin, by));
        }
    }

    fn map(
        &mut self,
        dest: Option<Node>,
        patch: Option<Node>,
        schema: Option<Schema>,
    ) -> Result<Option<Node>, Problem> {
        let Some((dest, patch)) = self.begin_map(dest, patch)? else {
            return Ok(None);
        };
        let Kind::Map(old) = dest.kind else {
            return Ok(Some(dest));
        };
        let mut news = match patch.map(|p| p.kind) {
            Some(Kind::Map(entries)) => entries.into_iter().map(Some).collect(),
            _ => Vec::new(),
        };
        let mut merged = Vec::with_capacity(old.len() + news.len());
        for entry in old {
            let new = news
                .iter_mut()
                .find(|n| n.as_ref().is_some_and(|n| n.key.text == entry.key.text))
                .and_then(Option::take);
            self.field(
                entry.key,
                entry.origin,
                Some(entry.value),
                new.map(|n| n.value),
                schema,
                &mut merged,
            )?;
        }
        for Entry { key, origin, value } in news.into_iter().flatten() {
            self.field(key, origin, None, Some(value), schema, &mut merged)?;
        }
        Ok(Some(Node {
            kind: Kind::Map(merged),
            ..dest
        }))
    }

    /// What to merge over what, after nulls and directives; `None` deletes.
    fn begin_map(
        &mut self,
        dest: Option<Node>,
        patch: Option<Node>,
    ) -> Result<Option<(Node, Option<Node>)>, Problem> {
        let Some(dest) = dest.filter(|d| !d.is_null() || patch.is_none()) else {
            let Some(mut patch) = patch else { return Ok(None) };
            let directive = self.map_directive(&mut patch).unwrap_or(Directive::Merge);
            // A new map is walked over itself: nulls and directives inside of it take effect.
            return Ok(
                (directive != Directive::Delete && !patch.is_null()).then(|| (patch.clone(), Some(patch)))
            );
        };
        let Some(mut patch) = patch else {
            // An explicit `null` stays; a key without a value goes.
            let empty = dest.is_null() && dest.text() == Some("");
            return Ok((!empty).then_some((dest, None)));
        };
        if patch.is_null() {
            self.bury(Some(&dest), patch.origin);
            return Ok(None);
        }
        match self.map_directive(&mut patch)? {
            Directive::Merge => Ok(Some((dest, Some(patch)))),
            Directive::Replace => Ok(Some((patch.clone(), Some(patch)))),
            Directive::Delete => {
                self.bury(Some(&dest), patch.origin);
                Ok(None)
            }
        }
    }

    fn field(
        &mut self,
        key: Scalar,
        origin: OriginId,
        dest: Option<Node>,
        patch: Option<Node>,
        schema: Option<Schema>,
        merged: &mut Vec<Entry>,
    ) -> Result<(), Problem> {
        let len = self.path.len();
        self.path.push('/');
        self.path.push_str(&crate::object::escape(&key.text));
        // An explicit null that no patch speaks of stays.
        let keep_null = patch.is_none();
        let value = self.walk(dest, patch, schema.and_then(|s| s.field(&key.text)))?;
        self.path.truncate(len);
        if let Some(value) = value.filter(|v| keep_null || !v.is_null()) {
            merged.push(Entry { key, origin, value });
        }
        Ok(())
    }

    /// Reads and takes out `$patch`.
    fn map_directive(&self, patch: &mut Node) -> Result<Directive, Problem> {
        let Some(node) = patch.get("$patch") else {
            return Ok(Directive::Merge);
        };
        let directive = self.directive(node.text().unwrap_or_default())?;
        patch.remove("$patch");
        Ok(directive)
    }

    fn directive(&self, word: &str) -> Result<Directive, Problem> {
        match word {
            "delete" => Ok(Directive::Delete),
            "replace" => Ok(Directive::Replace),
            "merge" => Ok(Directive::Merge),
            other => Err(Problem::error(format!(
                "unknown patch directive `$patch: {other}` at `{}`; write delete, replace or merge",
                self.path
            ))),
        }
    }

    /// A list element that holds nothing but `$patch` speaks for the list.
    fn list_directive(&self, patch: &mut Node) -> Result<Directive, Problem> {
        let Kind::Seq(items) = &mut patch.kind else {
            return Ok(Directive::Merge);
        };
        let first = items.iter().position(|i| i.get("$patch").is_some());
        let Some(at) = first.filter(|at| items[*at].as_map().is_some_and(|m| m.len() == 1)) else {
            return Ok(Directive::Merge);
        };
        let word = items[at].str_at(&["$patch"]).to_owned();
        items.retain(|i| i.get("$patch").and_then(Node::text) != Some(&word));
        self.directive(&word)
    }

    fn keyed(
        &mut self,
        dest: Option<Node>,
        patch: Option<Node>,
        keys: &[&str],
        schema: Option<Schema>,
    ) -> Result<Option<Node>, Problem> {
        let (dest, patch) = match (dest.filter(|d| !d.is_null()), patch) {
            (None, None) => return Ok(None),
            (None, Some(mut patch)) => {
                self.list_directive(&mut patch)?;
                (patch.clone(), Some(patch))
            }
            (Some(dest), None) => (dest, None),
            (Some(dest), Some(patch)) if patch.is_null() => {
                self.bury(Some(&dest), patch.origin);
                return Ok(None);
            }
            (Some(dest), Some(mut patch)) => match self.list_directive(&mut patch)? {
                Directive::Merge => (dest, Some(patch)),
                Directive::Replace => (patch.clone(), Some(patch)),
                Directive::Delete => {
                    self.bury(Some(&dest), patch.origin);
                    return Ok(None);
                }
            },
        };
        let origin = dest.origin;
        let olds = items(Some(dest));
        let news = items(patch);
        let merged = if keys.is_empty() {
            primitives(olds, news)
        } else {
            self.elements(olds, news, keys, schema.and_then(Schema::element))?
        };
        Ok(Some(Node::new(Kind::Seq(merged), origin)))
    }

    /// Merges elements by key: the patch's first, in its order, then the others.
    ///
    /// Follows kyaml step by step, also where lists repeat a key or leave one out.
    fn elements(
        &mut self,
        olds: Vec<Node>,
        news: Vec<Node>,
        keys: &[&str],
        schema: Option<Schema>,
    ) -> Result<Vec<Node>, Problem> {
        let tuples = tuples(&olds, &news, keys);
        let valid = valid_keys(&tuples, keys);
        let names: Vec<&str> = valid.iter().map(|(_, name)| *name).collect();
        let mut slots = Slots::new(olds);
        let mut old_list: Vec<usize> = (0..slots.nodes.len()).collect();
        let mut new_list: Vec<usize> = Vec::new();
        for tuple in &tuples {
            let values: Vec<&str> = valid.iter().map(|(at, _)| tuple[*at].as_str()).collect();
            let wanted = wanted(&names, &values);
            let new = news.iter().find(|n| has_keys(n, &wanted)).cloned();
            let old = old_list
                .iter()
                .copied()
                .find(|at| has_keys(&slots.nodes[*at], &wanted));
            let replaces = new.as_ref().is_some_and(|n| n.str_at(&["$patch"]) == "replace");
            let merged = self.walk(old.map(|at| slots.nodes[at].clone()), new, schema)?;
            let Some(mut value) = merged.filter(|v| !v.is_null() && v.as_map().is_none_or(|m| !m.is_empty()))
            else {
                slots.set(&mut old_list, None, &names, &values);
                continue;
            };
            for (key, text) in names.iter().zip(&values) {
                if value.get(key).is_none() && !text.is_empty() {
                    let origin = value.origin;
                    value.set(key, Node::scalar(Scalar::plain(text), origin));
                }
            }
            let at = match old.filter(|_| !replaces) {
                Some(at) => {
                    slots.nodes[at] = value;
                    at
                }
                None => slots.add(value),
            };
            slots.set(&mut new_list, Some(at), &names, &values);
        }
        slots.append(&mut new_list, &old_list, &names);
        Ok(new_list.into_iter().map(|at| slots.nodes[at].clone()).collect())
    }
}

fn items(list: Option<Node>) -> Vec<Node> {
    match list.map(|l| l.kind) {
        Some(Kind::Seq(items)) => items,
        _ => Vec::new(),
    }
}

fn primitives(olds: Vec<Node>, news: Vec<Node>) -> Vec<Node> {
    let mut seen = BTreeSet::new();
    news.into_iter()
        .chain(olds)
        .filter(|n| n.text().is_none_or(|t| seen.insert(t.to_owned())))
        .collect()
}

fn own_schema(node: &Node) -> Option<Schema> {
    Schema::of(node.str_at(&["apiVersion"]), node.str_at(&["kind"]))
}
