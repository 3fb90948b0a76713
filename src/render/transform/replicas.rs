//! `replicas`: how many, by name.

use crate::fieldspec;
use crate::fieldspec::FieldSpec;
use crate::fieldspec::Make;
use crate::kustomization::Replica;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource::Resources;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::json;

/// Applies one entry; an entry that fits no object is a problem.
pub(crate) fn run(
    session: &mut Session<'_>,
    resources: &mut Resources,
    replica: &Replica,
    specs: &[FieldSpec],
) {
    let mut found = false;
    for spec in specs {
        for resource in &mut resources.list {
            let fits = resource.ids().any(|id| {
                id.name == replica.name.text && id.gvk.is_selected(&spec.group, &spec.version, &spec.kind)
            });
            if !fits {
                continue;
            }
            found = true;
            let arena = &mut session.arena;
            let result = fieldspec::apply(
                &mut resource.node,
                spec,
                Make::Scalar,
                replica.origin,
                &mut |field| {
                    let before = if field.text() == Some("") {
                        OriginId::None
                    } else {
                        field.origin
                    };
                    let origin = arena.derive("replicas", &[before], replica.origin);
                    let mut new = json::from_json(&replica.count.into(), origin);
                    if let (Kind::Scalar(new), Some(old)) = (&mut new.kind, field.as_scalar()) {
                        *new = new.clone().in_place_of(old);
                    }
                    *field = new;
                    Ok(())
                },
            );
            session.check(result, resource.node.origin);
        }
    }
    if !found {
        let problem = Problem::error(format!(
            "replicas entry `{}` fits no Deployment, ReplicaSet, StatefulSet or ReplicationController",
            replica.name.text
        ));
        session.problem(problem, replica.name.origin);
    }
}
