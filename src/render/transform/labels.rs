//! `labels`, `commonLabels` and `commonAnnotations`: pairs put into maps.

use crate::config;
use crate::config::Config;
use crate::fieldspec;
use crate::fieldspec::FieldSpec;
use crate::fieldspec::Make;
use crate::kustomization::Label;
use crate::kustomization::decode::Text;
use crate::problem::Problem;
use crate::resource::Resources;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::Node;

/// Applies one entry of `labels`.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut Resources, label: &Label, config: &Config) {
    match specs(label, config) {
        Ok(specs) => put(session, resources, "labels", &label.pairs, &specs),
        Err(problem) => {
            let at = label
                .pairs
                .first()
                .map(|(_, text)| text.origin)
                .unwrap_or_default();
            session.problem(problem, at);
        }
    }
}

fn specs(label: &Label, config: &Config) -> Result<Vec<FieldSpec>, Problem> {
    let mut specs: Vec<FieldSpec> = label.fields.iter().map(config::spec).collect();
    config::merge_specs(&mut specs, &config.labels)?;
    if label.include_selectors {
        config::merge_specs(&mut specs, &config.common_labels)?;
        return Ok(specs);
    }
    if label.include_templates {
        config::merge_specs(&mut specs, &config.template_labels)?;
    }
    if label.include_volume_claim_templates {
        config::merge_specs(&mut specs, &config.volume_claim_template_labels)?;
    }
    config::merge_specs(&mut specs, &FieldSpec::table("- - - metadata/labels create"))?;
    Ok(specs)
}

/// Puts pairs into the maps that field specs lead to.
pub(crate) fn put(
    session: &mut Session<'_>,
    resources: &mut Resources,
    op: &'static str,
    pairs: &[(String, Text)],
    specs: &[FieldSpec],
) {
    for resource in &mut resources.list {
        for (key, value) in pairs {
            let shared = session.arena.next_shared();
            for spec in specs {
                let arena = &mut session.arena;
                let mut written = Vec::new();
                let result =
                    fieldspec::apply(&mut resource.node, spec, Make::Map, value.origin, &mut |map| {
                        if map.as_map().is_none() {
                            return Err(Problem::error(format!("`{key}` needs a map to stand in")));
                        }
                        let before: Vec<_> = map.get(key).map(|n| n.origin).into_iter().collect();
                        let mut new = Node::string(&value.text, arena.derive(op, &before, value.origin));
                        // A new field shares its value with the other new ones; an old one with those it came with.
                        new.shared = map.get(key).map_or(shared, |old| old.shared);
                        if !before.is_empty() && new.shared != 0 {
                            written.push(new.clone());
                        }
                        if let Kind::Scalar(scalar) = &mut new.kind {
                            *scalar = scalar.clone().guarded();
                        }
                        map.set(key, new);
                        Ok(())
                    });
                for new in &written {
                    resource.node.write_shared(new.shared, new);
                }
                session.check(result, resource.node.origin);
            }
        }
    }
}
