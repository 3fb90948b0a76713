//! From a tree and a root to objects.

use crate::Tree;
use crate::accumulate;
use crate::accumulate::Accumulator;
use crate::cache::Cache;
use crate::flux;
use crate::flux::Files;
use crate::flux::ignore::Ignore;
use crate::flux::layer;
use crate::flux::substitute;
use crate::kustomization::decode::Problems;
use crate::kustomization::decode::Text;
use crate::object::Object;
use crate::object::Rendered;
use crate::problem::Problem;
use crate::resource::Resource;
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
    render_with(tree, root, &mut Cache::default())
}

/// The same, with what other renderings have parsed already.
pub fn render_with(tree: &Tree, root: &Root, cache: &mut Cache) -> Rendered {
    let mut session = Session::new(tree, cache);
    session.ignore = root.flux.as_ref().and_then(|flux| match &flux.files {
        Files::Commit { ignore } => Some(Ignore::new(ignore.as_deref())),
        Files::Artifact => None,
    });
    let Found::Dir(dir) = session.find("", root.path.trim_start_matches('/')) else {
        let problem = Problem::error(format!("there is no directory `{}` to render", root.path));
        session.problems.push(problem);
        return finish(session, Vec::new());
    };
    let Some(flux) = &root.flux else {
        let acc = accumulate::directory(&mut session, &dir, &mut Vec::new(), &Text::default());
        let resources = settle(&mut session, acc);
        return finish(session, resources);
    };
    let spec = layer::spec(&mut session, flux);
    let acc = accumulate::flux(&mut session, &dir, &spec);
    let mut resources = settle(&mut session, acc);
    substitute::run(&mut session, &mut resources, flux, &spec);
    layer::common_metadata(&mut session, &mut resources, &spec);
    finish(session, resources)
}

/// What kustomize does once, at the outermost root.
fn settle(session: &mut Session<'_>, mut acc: Accumulator) -> Vec<Resource> {
    hash::run(session, &mut acc.resources);
    nameref::run(session, &mut acc.resources, &acc.config.name_reference);
    vars::run(session, &mut acc.resources, &acc.vars, &acc.config.var_reference);
    acc.resources.list.retain(|r| {
        r.annotation("config.kubernetes.io/local-config")
            .is_none_or(|value| value == "false")
    });
    if let Some(options) = acc.sort_options.take() {
        let mut problems = Problems::new();
        sort::run(&mut acc.resources, &options, &mut problems);
        for (origin, problem) in problems {
            session.problem(problem, origin);
        }
    }
    for (origin, id) in acc.resources.repeated() {
        let problem = Problem::error(format!("`{id}` is rendered twice; rename or remove one"));
        session.problem(problem, origin);
    }
    for resource in &mut acc.resources.list {
        resource.stringify("annotations");
    }
    acc.resources.list
}

fn finish(mut session: Session<'_>, resources: Vec<Resource>) -> Rendered {
    for resource in &resources {
        if let Err((origin, message)) = json::to_json(&resource.node, Rules::V3) {
            let problem = Problem::error(format!("{}: {message}", resource.id()));
            session.problem(problem, origin);
        }
    }
    let arena = Arc::new(session.arena);
    Rendered {
        objects: resources
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
