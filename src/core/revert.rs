//! Plans the smallest edit of a Git tree that brings one object back to its good state.
//!
//! A search over what changed between the good tree and head, each candidate rendered: what comes out is right with
//! any renderer that is. Origins only say where to look first. Never here: the proof that nothing else moves.

mod atoms;
mod automation;
mod edit;
mod find;
mod leaves;
mod pin;
mod reach;
mod search;
mod seed;
mod splice;
#[cfg(test)]
mod tests;

pub use automation::Automation;
pub use automation::Exclusion;
pub use edit::Form;
pub use edit::LineChange;
pub use edit::Plan;
pub use edit::line_changes;
pub use leaves::Leaf;

use crate::subject;
use find::Found;
use leaves::leaves;
use reach::Reach;
use recant_render::Cache;
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::Origin;
use recant_render::Problem;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render_with;
use recant_render::roots_with;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What is to be undone.
#[derive(Debug)]
pub struct Undo<'a> {
    /// The last good state.
    pub good: &'a Tree,
    /// The branch as it is now; the edit is made on this.
    pub head: &'a Tree,
    /// The root that renders the object.
    pub root: &'a Root,
    /// The object to restore.
    pub target: &'a ObjectId,
    /// What to do when the changed lines serve others too.
    pub form: FormPolicy,
    /// Whether to take the marker of Flux image automation out of the lines that go back.
    pub hold_automation: bool,
    /// Roots that are deployed, and that the repository does not say.
    pub more_roots: &'a [Root],
    /// Other objects that are to go back too, and where: an edit that moves them moves nothing it should not.
    pub also: &'a [(Root, ObjectId)],
    cache: RefCell<Cache>,
    /// The files that say how Flux deploys the root.
    declaring: OnceCell<BTreeSet<String>>,
}

impl<'a> Undo<'a> {
    /// The restoring of one object by the smallest edit, all else left as it is.
    pub fn new(good: &'a Tree, head: &'a Tree, root: &'a Root, target: &'a ObjectId) -> Self {
        Self {
            good,
            head,
            root,
            target,
            form: FormPolicy::default(),
            hold_automation: false,
            more_roots: &[],
            also: &[],
            cache: RefCell::default(),
            declaring: OnceCell::new(),
        }
    }

    /// The same, with what other renderings have parsed already.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self {
            cache: RefCell::new(cache),
            ..self
        }
    }

    /// What was parsed on the way, for the next one.
    pub fn into_cache(self) -> Cache {
        self.cache.into_inner()
    }

    /// Renders, with what was parsed before.
    fn render(&self, tree: &Tree, root: &Root) -> Rendered {
        render_with(tree, root, &mut self.cache.borrow_mut())
    }

    /// The root as a tree has it: the Flux Kustomization that deploys it may have changed, too.
    fn root_in(&self, tree: &Tree) -> Root {
        if self.root.flux.is_none() {
            return self.root.clone();
        }
        let declaring = self.declaring.get_or_init(|| {
            let here = roots_with(self.head, &mut self.cache.borrow_mut());
            let at_head = subject::counterpart(self.root, &here, &here);
            let both = [at_head, self.declared_in(self.good)];
            both.iter().flatten().flat_map(declaring).collect()
        });
        // Where the Kustomization is declared nothing is changed by most candidates.
        let touches = |path: &String| declaring.contains(path);
        let other = match std::ptr::eq(tree, self.good) || self.head.changed(tree).iter().any(touches) {
            true => self.declared_in(tree),
            false => None,
        };
        other.unwrap_or_else(|| self.root.clone())
    }

    /// The root as a tree declares it.
    fn declared_in(&self, tree: &Tree) -> Option<Root> {
        let cache = &mut self.cache.borrow_mut();
        let (here, there) = (roots_with(self.head, cache), roots_with(tree, cache));
        let unchanged = Arc::ptr_eq(&here, &there);
        (!unchanged)
            .then(|| subject::counterpart(self.root, &here, &there))
            .flatten()
    }

    /// The Flux Kustomization that deploys the root, when a tree declares it otherwise than head does.
    fn redeclared(&self, tree: &Tree) -> Option<ObjectId> {
        let (was, is) = (self.root.flux.as_ref()?, self.root_in(tree).flux?);
        let declared = ObjectId {
            group: "kustomize.toolkit.fluxcd.io".to_owned(),
            version: "v1".to_owned(),
            kind: "Kustomization".to_owned(),
            namespace: is.namespace.clone(),
            name: is.name.clone(),
        };
        (was.path != is.path || !was.renders_as(&is)).then_some(declared)
    }

    /// The target's essence as a tree renders it; `None` when that does not render, or has no such object.
    fn essence(&self, tree: &Tree) -> Option<Value> {
        let rendered = self.render(tree, &self.root_in(tree));
        let object = rendered.find(self.target).filter(|_| rendered.ok())?;
        Some(subject::essence(&object.json()))
    }
}

/// Which form of edit is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FormPolicy {
    /// Undo the lines when that moves nothing else; else a pin when there is a clean one; else undo the lines.
    #[default]
    Smallest,
    /// A pin when there is a clean one; else undo the lines.
    PreferPin,
    /// Undo the lines, whatever else moves with them.
    SharedOnly,
}

/// One of the two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The last good one.
    Good,
    /// The branch as it is now.
    Head,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "the good state",
            Self::Head => "head",
        })
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPlan {
    /// Head already renders the good state.
    NothingToRevert,
    /// The change cannot be undone in this repository.
    NotInGit {
        /// Why, in plain words.
        why: String,
    },
    /// The object did not exist in the good state: going back would delete it, which is never done by itself.
    Absent {
        /// The object.
        target: ObjectId,
        /// The root it was looked for in.
        root: String,
    },
    /// A state does not render, so nothing can be said about it.
    Unrenderable {
        /// Which one.
        state: State,
        /// What is wrong with it.
        problems: Vec<Problem>,
    },
    /// The search took too long.
    GaveUp {
        /// How many candidates were rendered.
        renders: u32,
    },
}

impl fmt::Display for NoPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToRevert => f.write_str("nothing to revert: head already renders the good state"),
            Self::NotInGit { why } => write!(f, "cannot be reverted in this repository: {why}"),
            Self::Absent { target, root } => write!(
                f,
                "{target} does not exist in the good state of `{root}`: going back would delete it, \
                 which only a person may decide"
            ),
            Self::Unrenderable { state, problems } => {
                write!(f, "{state} does not render")?;
                problems.first().map_or(Ok(()), |first| write!(f, ": {first}"))?;
                match problems.len() {
                    0 | 1 => Ok(()),
                    more => write!(f, " (and {} more)", more - 1),
                }
            }
            Self::GaveUp { renders } => {
                write!(
                    f,
                    "no small revert was found within {renders} renderings; revert by hand"
                )
            }
        }
    }
}

impl std::error::Error for NoPlan {}

/// Finds the smallest edit of head that restores the object.
///
/// # Errors
/// A [`NoPlan`] that says why there is none.
pub fn plan(undo: &Undo<'_>) -> Result<Plan, NoPlan> {
    let states = States::render(undo)?;
    let reach = Reach::new(undo);
    let mut plan = Plan {
        leaves: states.leaves.clone(),
        ..Plan::of(find::smallest(undo, &states, &reach)?)
    };
    pin_instead(undo, &states, &reach, &mut plan);
    plan.carriers.extend(undo.redeclared(&plan.apply(undo.head)));
    let want = subject::essence(&states.good.json());
    automation::report(undo, &mut plan, &|tree| {
        undo.essence(tree).as_ref() == Some(&want)
    });
    let changed = undo.good.changed(undo.head);
    plan.kept = changed
        .into_iter()
        .filter(|path| !plan.files.contains_key(path))
        .collect();
    plan.lines = edit::line_changes(undo.head, &plan.files);
    Ok(plan)
}

/// Puts a pin in the place of the revert, when the policy and the state of things ask for one.
fn pin_instead(undo: &Undo<'_>, states: &States, reach: &Reach<'_, '_>, plan: &mut Plan) {
    if undo.form == FormPolicy::SharedOnly {
        return;
    }
    let after = plan.apply(undo.head);
    let carriers: Vec<ObjectId> = undo.redeclared(&after).into_iter().collect();
    let moved = reach.moves(&after, &carriers);
    if undo.form == FormPolicy::Smallest && moved.is_none() {
        return;
    }
    match pin::pin(undo, states, reach) {
        Ok(Found { files, renders }) => {
            if let Some(other) = moved {
                let files: Vec<String> = plan.files.keys().map(|path| format!("`{path}`")).collect();
                plan.notes.push(format!(
                    "a pin: undoing the change itself, in {}, would also move {other}",
                    files.join(", ")
                ));
            }
            plan.form = Form::Pin;
            plan.files = files;
            plan.renders += renders;
        }
        Err(why) => plan.notes.push(format!("no pin is possible: {why}")),
    }
}

/// The files that a root's Flux Kustomization is declared in.
fn declaring(root: &Root) -> BTreeSet<String> {
    let origins = root.flux.iter().flat_map(|flux| flux.origins.values());
    let sources = origins.flat_map(Origin::sources);
    sources.map(|(file, ..)| file.to_owned()).collect()
}

/// Both states, rendered.
struct States {
    good: Object,
    head: Option<Object>,
    reads: BTreeSet<String>,
    leaves: Vec<Leaf>,
}

impl States {
    fn render(undo: &Undo<'_>) -> Result<Self, NoPlan> {
        let good_root = undo.root_in(undo.good);
        let good = renderable(State::Good, undo.render(undo.good, &good_root))?;
        let object = good.find(undo.target).cloned();
        let object = object.ok_or_else(|| NoPlan::Absent {
            target: undo.target.clone(),
            root: undo.root.path.clone(),
        })?;
        let head = renderable(State::Head, undo.render(undo.head, undo.root))?;
        let now = head.find(undo.target).cloned();
        let (was, is) = (object.json(), now.as_ref().map(Object::json));
        let (want, have) = (subject::essence(&was), is.as_ref().map(subject::essence));
        if have.as_ref() == Some(&want) {
            return Err(NoPlan::NothingToRevert);
        }
        let leaves = leaves(subject::essence_pointer(&was), Some(&want), have.as_ref());
        let mut reads = &good.reads | &head.reads;
        // What Flux puts on top stands in the file that declares its Kustomization.
        reads.extend([&good_root, undo.root].into_iter().flat_map(declaring));
        Ok(Self {
            good: object,
            head: now,
            reads,
            leaves,
        })
    }
}

fn renderable(state: State, rendered: Rendered) -> Result<Rendered, NoPlan> {
    if rendered.ok() {
        return Ok(rendered);
    }
    Err(NoPlan::Unrenderable {
        state,
        problems: rendered.problems,
    })
}
