//! The build order of one kustomization.

mod pull;

pub(crate) use pull::Built;

use crate::config;
use crate::config::Config;
use crate::flux::layer;
use crate::generate;
use crate::id::Id;
use crate::kustomization;
use crate::kustomization::Decode;
use crate::kustomization::Kustomization;
use crate::kustomization::decode::Problems;
use crate::kustomization::decode::Text;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource;
use crate::resource::Resources;
use crate::session::Session;
use crate::transform::builtin;
use crate::transform::images;
use crate::transform::labels;
use crate::transform::names;
use crate::transform::names::End;
use crate::transform::namespace::Namespace;
use crate::transform::namespace::Subjects;
use crate::transform::patches;
use crate::transform::replacements;
use crate::transform::replicas;
use crate::transform::vars;
use crate::transform::vars::Var;
use crate::yaml::Node;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a kustomization has gathered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accumulator {
    pub(crate) resources: Resources,
    pub(crate) config: Arc<Config>,
    pub(crate) vars: Vec<Var>,
    /// `sortOptions` of the kustomization itself; only the outermost one's count.
    pub(crate) sort_options: Option<Node>,
}

impl Accumulator {
    fn append(&mut self, session: &mut Session<'_>, more: Vec<resource::Resource>, taken: &mut BTreeSet<Id>) {
        for (origin, problem) in self.resources.append(more, taken) {
            session.problem(problem, origin);
        }
    }

    fn merge(&mut self, session: &mut Session<'_>, other: Self, taken: &mut BTreeSet<Id>) {
        self.append(session, other.resources.list, taken);
        let merged = self.configure(&session.cache.defaults, &other.config);
        session.check(merged, OriginId::None);
        let mut problems = Problems::new();
        for var in other.vars {
            self.declare(var, &mut problems);
        }
        for (origin, problem) in problems {
            session.problem(problem, origin);
        }
    }

    /// Takes in a configuration; most are the defaults, which are the same thing everywhere.
    fn configure(&mut self, defaults: &Arc<Config>, other: &Arc<Config>) -> Result<(), Problem> {
        if Arc::ptr_eq(&self.config, other) {
            return Ok(());
        }
        if self.config.namespace.is_empty() && Arc::ptr_eq(defaults, other) {
            self.config = Arc::clone(other);
            return Ok(());
        }
        Arc::make_mut(&mut self.config).merge(other)
    }

    fn declare(&mut self, var: Var, problems: &mut Problems) {
        if self.vars.iter().any(|v| v.name == var.name) {
            let problem = Problem::error(format!("var `{}` is declared twice", var.name));
            problems.push((var.origin, problem));
            return;
        }
        self.vars.push(var);
    }
}

/// Builds the kustomization of a directory. `chain` holds the directories that led here.
pub(crate) fn directory(
    session: &mut Session<'_>,
    dir: &str,
    chain: &mut Vec<String>,
    asked: &Text,
) -> Accumulator {
    let mut acc = Accumulator::default();
    if let Some(k) = open(session, dir, asked, false) {
        chain.push(dir.to_owned());
        target(session, &k, dir, chain, &mut acc);
        chain.pop();
        acc.sort_options = k.sort_options;
    }
    acc
}

/// Builds a path as Flux does: with a generated kustomization where there is none, and the fields of the Flux
/// Kustomization written over it.
pub(crate) fn flux(session: &mut Session<'_>, dir: &str, spec: &Node) -> Accumulator {
    let file = match kustomization::find_file(session, dir) {
        Ok(file) => file,
        Err(problem) => {
            session.problem(problem, OriginId::None);
            return Accumulator::default();
        }
    };
    let read = match &file {
        Some(file) => kustomization::read(session, file, Decode::Flux),
        None => Some(layer::generate(session, dir)),
    };
    let mut acc = Accumulator::default();
    if let Some(mut k) = read {
        if file.is_some() && k.resources.is_empty() {
            let note = "without resources Flux also writes origin annotations, which are left out here";
            session.problem(Problem::warning(note), k.origin);
        }
        layer::apply(session, &mut k, spec, dir);
        target(session, &k, dir, &mut vec![dir.to_owned()], &mut acc);
        acc.sort_options = k.sort_options;
    }
    acc
}

/// Reads the kustomization file of a directory, and checks that it is of the kind that is asked for.
fn open(session: &mut Session<'_>, dir: &str, asked: &Text, component: bool) -> Option<Kustomization> {
    let file = match kustomization::find_file(session, dir) {
        Ok(Some(file)) => file,
        Ok(None) => {
            let name = if dir.is_empty() { "." } else { dir };
            let problem = Problem::error(format!("there is no kustomization file in `{name}`; add one"));
            session.problem(problem.clone(), asked.origin);
            return None;
        }
        Err(problem) => {
            session.problem(problem, asked.origin);
            return None;
        }
    };
    let k = kustomization::read(session, &file, Decode::Strict)?;
    if k.is_component != component {
        let (is, field) = if component {
            ("a Kustomization", "resources")
        } else {
            ("a Component", "components")
        };
        let problem = Problem::error(format!("`{file}` is {is}; list it under `{field}`"));
        session.problem(problem, asked.origin);
        return None;
    }
    Some(k)
}

/// Runs all steps of one kustomization on an accumulator.
pub(crate) fn target(
    session: &mut Session<'_>,
    k: &Kustomization,
    dir: &str,
    chain: &mut Vec<String>,
    acc: &mut Accumulator,
) {
    for (field, origin) in &k.unsupported {
        session.problem(unsupported(field), *origin);
    }
    // Nothing is renamed while resources are gathered.
    let mut taken = acc.resources.names();
    for entry in &k.resources {
        pull::resource(session, entry, dir, chain, acc, &mut taken);
    }
    let config = config::load(session, &k.configurations, dir);
    let merged = acc.configure(&session.cache.defaults, &config);
    session.check(merged, k.origin);
    for made in generate::all(session, k, dir) {
        let origin = made.node.origin;
        let absorbed = acc.resources.absorb(made);
        session.check(absorbed, origin);
    }
    for entry in &k.components {
        pull::component(session, entry, dir, chain, acc);
    }
    transform(session, k, dir, acc);
    declare_vars(session, k, acc);
}

/// The problem of a field that only the kustomize binary can honour.
pub(crate) fn unsupported(field: &str) -> Problem {
    Problem::unsupported(format!(
        "`{field}` is not rendered here; use the kustomize binary"
    ))
}

/// The transformers in kustomize's fixed order.
fn transform(session: &mut Session<'_>, k: &Kustomization, dir: &str, acc: &mut Accumulator) {
    let config = Arc::clone(&acc.config);
    let (resources, config) = (&mut acc.resources, &*config);
    if !k.patches_strategic_merge.is_empty() {
        patches::run_strategic(session, resources, &k.patches_strategic_merge, dir);
    }
    for patch in &k.patches {
        patches::run(session, resources, patch, dir);
    }
    let namespace = Namespace {
        namespace: &k.namespace,
        specs: &config.namespace,
        unset_only: false,
        subjects: Subjects::DefaultOnly,
    };
    namespace.run(session, resources);
    names::run(
        session,
        resources,
        End::Prefix,
        &k.name_prefix,
        &config.name_prefix,
    );
    names::run(
        session,
        resources,
        End::Suffix,
        &k.name_suffix,
        &config.name_suffix,
    );
    for label in &k.labels {
        labels::run(session, resources, label, config);
    }
    labels::put(
        session,
        resources,
        "commonLabels",
        &k.common_labels,
        &config.common_labels,
    );
    let annotations = &config.common_annotations;
    labels::put(
        session,
        resources,
        "commonAnnotations",
        &k.common_annotations,
        annotations,
    );
    for patch in &k.patches_json6902 {
        patches::run_json(session, resources, patch, dir);
    }
    for replica in &k.replicas {
        replicas::run(session, resources, replica, &config.replicas);
    }
    for image in &k.images {
        images::run(session, resources, image, &config.images);
    }
    replacements::run(session, resources, &k.replacements, dir);
    builtin::run(session, resources, &k.transformers, dir);
}

fn declare_vars(session: &mut Session<'_>, k: &Kustomization, acc: &mut Accumulator) {
    let mut problems = Problems::new();
    for node in &k.vars {
        let var = vars::declare(&mut acc.resources, node, &mut problems);
        acc.declare(var, &mut problems);
    }
    for (origin, problem) in problems {
        session.problem(problem, origin);
    }
}
