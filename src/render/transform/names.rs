//! `namePrefix` and `nameSuffix`.

use crate::fieldspec;
use crate::fieldspec::FieldSpec;
use crate::fieldspec::Make;
use crate::id::Gvk;
use crate::kustomization::decode::Text;
use crate::problem::Problem;
use crate::resource::Resources;
use crate::session::Session;
use crate::yaml::Node;
use crate::yaml::Scalar;

/// Which end of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Prefix,
    Suffix,
}

/// Puts `text` before or after the names of all objects that may be renamed.
pub(crate) fn run(
    session: &mut Session<'_>,
    resources: &mut Resources,
    end: End,
    text: &Text,
    specs: &[FieldSpec],
) {
    if text.is_empty() {
        return;
    }
    for resource in &mut resources.list {
        let first = resource.original_id().gvk;
        if keeps_name(&first) {
            continue;
        }
        for spec in specs
            .iter()
            .filter(|s| first.is_selected(&s.group, &s.version, &s.kind))
        {
            if spec.path == "metadata/name" {
                resource.remember_id();
                match end {
                    End::Prefix => resource.prefixes.push(text.text.clone()),
                    End::Suffix => resource.suffixes.push(text.text.clone()),
                }
            }
            let arena = &mut session.arena;
            let result = fieldspec::apply(
                &mut resource.node,
                spec,
                Make::Scalar,
                text.origin,
                &mut |field| {
                    let Some(old) = field.as_scalar() else {
                        return Err(Problem::error("a name is a scalar"));
                    };
                    let (op, name) = match end {
                        End::Prefix => ("namePrefix", format!("{}{}", text.text, old.text)),
                        End::Suffix => ("nameSuffix", format!("{}{}", old.text, text.text)),
                    };
                    let scalar = Scalar {
                        style: old.style,
                        ..Scalar::plain(&name)
                    };
                    *field = Node::scalar(scalar, arena.derive(op, &[field.origin], text.origin));
                    Ok(())
                },
            );
            session.check(result, resource.node.origin);
        }
    }
}

fn keeps_name(gvk: &Gvk) -> bool {
    match gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}
