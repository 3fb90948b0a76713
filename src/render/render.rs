//! From a tree and a root to objects.

use crate::Tree;
use crate::accumulate;
use crate::accumulate::Accumulator;
use crate::flux;
use crate::kustomization::decode::Text;
use crate::object::Object;
use crate::object::Rendered;
use crate::problem::Problem;
use crate::session::Found;
use crate::session::Session;
use crate::transform::hash;
use crate::transform::nameref;
use crate::transform::sort;
use crate::transform::vars;
use crate::yaml::json;
use crate::yaml::resolve::Rules;
use std::sync::Arc;

/// A place in a repository that is rendered on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Root {
    /// Path from the root of the repository; empty or `.` is the repository itself.
    pub path: String,
    /// What Flux adds, when a Flux Kustomization deploys this root.
    pub flux: Option<flux::Kustomization>,
}

/// Renders a root: what Flux (or `kustomize build --load-restrictor LoadRestrictionsNone`) would apply, in order,
/// with problems for all that could not be done.
pub fn render(tree: &Tree, root: &Root) -> Rendered {
    let mut session = Session::new(tree);
    let acc = match session.find("", &root.path) {
        Found::Dir(dir) => accumulate::directory(&mut session, &dir, &mut Vec::new(), &Text::default()),
        _ => {
            let problem = Problem::error(format!("there is no directory `{}` to render", root.path));
            session.problems.push(problem);
            Accumulator::default()
        }
    };
    if root
        .flux
        .as_ref()
        .is_some_and(flux::Kustomization::changes_anything)
    {
        let problem =
            Problem::unsupported("this Flux Kustomization changes what it renders; that is not done yet");
        session.problems.push(problem);
    }
    finish(session, acc)
}

/// What kustomize does once, at the outermost root.
fn finish(mut session: Session<'_>, mut acc: Accumulator) -> Rendered {
    hash::run(&mut session, &mut acc.resources);
    nameref::run(&mut session, &mut acc.resources, &acc.config.name_reference);
    vars::run(
        &mut session,
        &mut acc.resources,
        &acc.vars,
        &acc.config.var_reference,
    );
    acc.resources.list.retain(|r| {
        r.annotation("config.kubernetes.io/local-config")
            .is_none_or(|value| value == "false")
    });
    if let Some(options) = acc.sort_options.take() {
        let mut problems = Vec::new();
        sort::run(&mut acc.resources, &options, &mut problems);
        for (origin, problem) in problems {
            session.problem(problem, origin);
        }
    }
    for resource in &acc.resources.list {
        if let Err((origin, message)) = json::to_json(&resource.node, Rules::V3) {
            let problem = Problem::error(format!("{}: {message}", resource.id()));
            session.problem(problem, origin);
        }
    }
    let arena = Arc::new(session.arena);
    Rendered {
        objects: acc
            .resources
            .list
            .into_iter()
            .map(|r| Object {
                node: r.node,
                tombs: r.tombs,
                arena: Arc::clone(&arena),
            })
            .collect(),
        problems: session.problems,
        reads: session.reads,
    }
}
