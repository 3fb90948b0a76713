//! Lists whose elements have keys: which elements are the same, and where they go.
//!
//! kyaml works on lists of pointers, step by step; its order and its oddities with keys that repeat or are missing
//! come from that, so the steps are the same here.

use crate::yaml::Node;

/// List elements with an identity: one node may stand in several lists.
pub(super) struct Slots {
    pub(super) nodes: Vec<Node>,
}

impl Slots {
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        Self { nodes }
    }

    pub(super) fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Puts an element in the place of every one with these key values, or at the end; `None` takes them out.
    pub(super) fn set(&self, list: &mut Vec<usize>, element: Option<usize>, keys: &[&str], values: &[&str]) {
        let mut matched = false;
        let mut kept = Vec::with_capacity(list.len() + 1);
        for at in list.iter().copied() {
            let node = &self.nodes[at];
            if node.is_null() || node.as_map().is_some_and(<[_]>::is_empty) {
                continue;
            }
            let hit = node.as_map().is_some()
                && !values.is_empty()
                && keys.iter().zip(values).all(|(k, v)| has_key(node, k, v));
            match (hit, element) {
                (false, _) if values.is_empty() => {}
                (false, _) => kept.push(at),
                (true, Some(element)) => {
                    matched = true;
                    kept.push(element);
                }
                (true, None) => {}
            }
        }
        kept.extend(element.filter(|_| !matched));
        *list = kept;
    }

    /// Puts the elements of a list into another one by their keys.
    pub(super) fn append(&self, list: &mut Vec<usize>, more: &[usize], keys: &[&str]) {
        for at in more.iter().copied() {
            let mut values = Vec::new();
            for key in keys {
                match self.nodes[at].get(key) {
                    Some(value) => values.push(value.text().unwrap_or_default()),
                    None => list.push(at),
                }
            }
            if keys.len() > 1 {
                self.set(list, None, keys, &values);
            }
            self.set(list, Some(at), keys, &values);
        }
    }
}

/// The keys that say something; all of them when none does.
pub(super) fn wanted<'v>(names: &[&'v str], values: &[&'v str]) -> Vec<(&'v str, &'v str)> {
    let pairs: Vec<(&str, &str)> = names.iter().copied().zip(values.iter().copied()).collect();
    let said: Vec<(&str, &str)> = pairs.iter().copied().filter(|(_, v)| !v.is_empty()).collect();
    if said.is_empty() { pairs } else { said }
}

/// The distinct key values of all elements, the patch's first.
pub(super) fn tuples(olds: &[Node], news: &[Node], keys: &[&str]) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = Vec::new();
    for node in news.iter().chain(olds) {
        let tuple: Vec<String> = keys.iter().map(|k| node.str_at(&[k]).to_owned()).collect();
        if !all.contains(&tuple) {
            all.push(tuple);
        }
    }
    if keys.len() > 1 {
        unify(&mut all);
    }
    all
}

/// Tuples that agree where both say something become one.
fn unify(all: &mut [Vec<String>]) {
    for i in 0..all.len() {
        for j in 0..all.len() {
            if let Some(both) = agree(&all[i], &all[j]) {
                all[i].clone_from(&both);
                all[j] = both;
            }
        }
    }
}

fn agree(a: &[String], b: &[String]) -> Option<Vec<String>> {
    let common = a.iter().zip(b).any(|(a, b)| a == b);
    let both: Option<Vec<String>> = a
        .iter()
        .zip(b)
        .map(|(a, b)| match (a.as_str(), b.as_str()) {
            (x, y) if x == y => Some(a.clone()),
            ("", _) => Some(b.clone()),
            (_, "") => Some(a.clone()),
            _ => None,
        })
        .collect();
    both.filter(|_| common)
}

/// The keys that some element has, with their places; all of them when none has any.
pub(super) fn valid_keys<'k>(tuples: &[Vec<String>], keys: &[&'k str]) -> Vec<(usize, &'k str)> {
    let used = |at: usize| tuples.iter().any(|t| !t[at].is_empty());
    let valid: Vec<_> = keys
        .iter()
        .copied()
        .enumerate()
        .filter(|(at, _)| used(*at))
        .collect();
    if valid.is_empty() {
        return keys.iter().copied().enumerate().collect();
    }
    valid
}

pub(super) fn has_keys(node: &Node, wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(k, v)| has_key(node, k, v))
}

/// Whether a field has a text; an empty one stands for any.
fn has_key(node: &Node, key: &str, text: &str) -> bool {
    node.get(key)
        .is_some_and(|n| text.is_empty() || n.text() == Some(text))
}
