//! Proves an edit, by rendering: the object comes back as it was, and nothing else changes.
//!
//! Knows nothing of how the edit was found. Looks at *every* root of the repository that reads a touched file, not only
//! at the object's own, and lets a second YAML reader have its say on every file that is written.

mod carrier;

use crate::subject;
use recant_render::Cache;
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::Readers;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render_with;
use recant_render::roots_with;
use recant_render::second;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What an edit does, as far as rendering shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whether the object is as it was in the good state.
    pub restored: bool,
    /// What else changes.
    pub collateral: Vec<Collateral>,
    /// The roots that read an edited file: all of them were rendered, before and after.
    pub roots: Vec<String>,
    /// What could not be shown, in plain words.
    pub doubts: Vec<String>,
}

/// An object that changes beside the one that is to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collateral {
    /// The root it is rendered by.
    pub root: String,
    /// The object.
    pub object: ObjectId,
    /// Whether it is the same object in another root (another environment), which goes back to its own good state.
    pub sibling: bool,
}

impl Proof {
    /// Whether everything was shown that is to be shown.
    pub const fn holds(&self) -> bool {
        self.restored && self.collateral.is_empty() && self.doubts.is_empty()
    }
}

/// Proves the edit that leads from `head` to `after`. `want` is the whole object as the good state rendered it;
/// `more_roots` are those the cluster knows of and the repository does not say.
pub fn prove(
    head: &Tree,
    after: &Tree,
    want: &Value,
    root: &Root,
    target: &ObjectId,
    more_roots: &[Root],
) -> Proof {
    let claim = Claim {
        head,
        after,
        want,
        root,
        target,
        more_roots,
        carriers: &[],
    };
    prove_with(&claim, &mut Cache::default())
}

/// What an edit is said to do.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// What is edited.
    pub head: &'a Tree,
    /// The edit made.
    pub after: &'a Tree,
    /// The whole object as the good state rendered it.
    pub want: &'a Value,
    /// The root that renders it, at head.
    pub root: &'a Root,
    /// The object that goes back.
    pub target: &'a ObjectId,
    /// Roots that the cluster knows of and the repository does not say.
    pub more_roots: &'a [Root],
    /// Objects that the edit is written into on purpose. They may change in what carries it, and in nothing else.
    pub carriers: &'a [ObjectId],
}

/// The same, with what other renderings have parsed already.
pub fn prove_with(claim: &Claim<'_>, cache: &mut Cache) -> Proof {
    let Claim { head, after, .. } = *claim;
    let touched: BTreeSet<String> = head.changed(after).into_iter().collect();
    let mut proof = Proof {
        restored: false,
        collateral: Vec::new(),
        roots: Vec::new(),
        doubts: Vec::new(),
    };
    proof.doubts.extend(second_reader(after, &touched));
    // A root that reads nothing that was edited can only come to do so when a file appears or goes.
    let alone = touched
        .iter()
        .any(|path| head.get(path).is_none() || after.get(path).is_none());
    let reads = |rendered: &Rendered| touched.iter().any(|path| rendered.looks_at(path));
    let (mut at_head, mut edited) = (Readers::new(head), Readers::new(after));
    let (was, is) = (roots_with(head, cache), roots_with(after, cache));
    let pairs = subject::pairs(claim.root, claim.more_roots, &was, &is);
    for (at, (root, edited_root)) in pairs.into_iter().enumerate() {
        let own = at == 0;
        // What a Flux Kustomization renders goes back with it: that is what it is restored for.
        let edited_root = if subject::declares(claim.target, &root) {
            root.clone()
        } else {
            edited_root
        };
        let may_read = own
            || root != edited_root
            || at_head.may_read(&root, &touched, cache)
            || (alone && edited.may_read(&edited_root, &touched, cache));
        if !may_read {
            continue;
        }
        let before = render_with(head, &root, cache);
        let redeclared = root != edited_root && !alike(&root, &edited_root);
        if !own && !alone && !redeclared && !reads(&before) {
            continue;
        }
        let now = render_with(after, &edited_root, cache);
        if !own && !redeclared && !reads(&before) && !reads(&now) {
            continue;
        }
        let name = named(&root, claim.root);
        if own {
            proof.restored = is_restored(&now, claim.want, claim.target);
        }
        proof.doubts.extend(new_problems(&name, &before, &now));
        if before.ok() || now.ok() {
            proof.collateral.extend(moved(&name, &before, &now, claim, own));
        }
        proof.roots.push(name);
    }
    proof
}

/// Whether an edit of its declaration changes nothing of what a root renders to.
fn alike(a: &Root, b: &Root) -> bool {
    match (&a.flux, &b.flux) {
        (Some(x), Some(y)) => a.path == b.path && x.renders_as(y),
        _ => a == b,
    }
}

fn is_restored(now: &Rendered, want: &Value, target: &ObjectId) -> bool {
    let is = now.find(target).map(|object| subject::essence(&object.json()));
    now.ok() && is == Some(subject::essence(want))
}

/// Both parsers must read the same from what is written.
fn second_reader(after: &Tree, touched: &BTreeSet<String>) -> Vec<String> {
    let is_read = |path: &&String| recant_render::is_yaml(path) || path.ends_with("Kustomization");
    let disagree = |path: &String| {
        let problem = second::agrees(after.bytes(path)?).err()?;
        Some(format!(
            "two YAML parsers read {path} differently: {}",
            problem.message
        ))
    };
    touched.iter().filter(is_read).filter_map(disagree).collect()
}

/// A root that does not render says nothing; it must at least not have rendered before, in the same words.
fn new_problems(name: &str, before: &Rendered, now: &Rendered) -> Option<String> {
    if before.ok() && now.ok() {
        return None;
    }
    let (was, is) = (messages(before), messages(now));
    let first = is.first().or_else(|| was.first()).cloned().unwrap_or_default();
    Some(match (before.ok(), now.ok()) {
        (true, _) => format!("{name} does not render any more: {first}"),
        (false, true) => format!("{name} did not render before: {first}"),
        (false, false) if was == is => {
            format!("{name} does not render, before or after, so what moves there is not known: {first}")
        }
        (false, false) => format!("{name} does not render, and now for another reason: {first}"),
    })
}

fn messages(rendered: &Rendered) -> Vec<String> {
    rendered.problems.iter().map(ToString::to_string).collect()
}

/// The objects of a root that differ, but the target and what is named after its own content for it alone.
fn moved(root: &str, before: &Rendered, now: &Rendered, claim: &Claim<'_>, own: bool) -> Vec<Collateral> {
    let target = claim.target;
    let (was, is) = (objects(before), objects(now));
    let ids: BTreeSet<&ObjectId> = was.keys().chain(is.keys()).collect();
    let changed = ids.into_iter().filter(|id| was.get(*id) != is.get(*id));
    let permitted = |id: &ObjectId| {
        own && (id.same_object(target) || (subject::is_generated(id) && only_for(target, id, [&was, &is])))
    };
    let carries = |id: &ObjectId| {
        let is_carrier = claim.carriers.iter().any(|carrier| carrier.same_object(id));
        is_carrier
            && was
                .get(id)
                .zip(is.get(id))
                .is_some_and(|(was, is)| carrier::only_carries(&was.json(), &is.json()))
    };
    changed
        .filter(|id| !permitted(id) && !carries(id))
        .map(|id| Collateral {
            root: root.to_owned(),
            object: id.clone(),
            sibling: is_sibling(id, target),
        })
        .collect()
}

fn objects(rendered: &Rendered) -> BTreeMap<ObjectId, &Object> {
    rendered
        .objects
        .iter()
        .map(|object| (object.id(), object))
        .collect()
}

/// Whether nothing but the target mentions a generated object by name.
fn only_for(target: &ObjectId, generated: &ObjectId, sides: [&BTreeMap<ObjectId, &Object>; 2]) -> bool {
    let others = |side: &BTreeMap<ObjectId, &Object>| {
        side.iter().any(|(id, object)| {
            !id.same_object(target) && id != generated && mentions(&object.json(), &generated.name)
        })
    };
    !sides.into_iter().any(others)
}

fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text == name,
        Value::Array(items) => items.iter().any(|item| mentions(item, name)),
        Value::Object(map) => map.values().any(|item| mentions(item, name)),
        _ => false,
    }
}

/// The same object elsewhere: kind and name say so; the namespace is what environments differ in.
fn is_sibling(id: &ObjectId, target: &ObjectId) -> bool {
    id.group == target.group && id.kind == target.kind && id.name == target.name
}

/// How a proof for an object of the root `own` calls a root: by its directory; and by the Kustomization, where another
/// one deploys the object's own directory once more.
pub fn named(root: &Root, own: &Root) -> String {
    let path = if root.path.is_empty() { "." } else { &root.path };
    match &root.flux {
        Some(flux) if root.path == own.path && root != own => {
            let place = flux
                .declared_in()
                .map(|file| format!(" in {file}"))
                .unwrap_or_default();
            format!("{path} by Kustomization/{}/{}{place}", flux.namespace, flux.name)
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests;
