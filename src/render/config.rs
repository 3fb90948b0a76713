//! Where transformers write: kustomize's default tables, and what `configurations` add to them.

use crate::fieldspec::FieldSpec;
use crate::id::Gvk;
use crate::kustomization::decode::Text;
use crate::problem::Problem;
use crate::session::Session;
use crate::yaml::Node;
use crate::yaml::json;
use crate::yaml::parse::Twice;
use std::sync::Arc;

/// Fields that hold the name of objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameReference {
    pub(crate) referred: Gvk,
    pub(crate) referrers: Vec<FieldSpec>,
}

/// The field specs of all transformers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    /// Fields every entry of `labels` goes to; only `configurations` fill it.
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) volume_claim_template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
    pub(crate) var_reference: Vec<FieldSpec>,
    pub(crate) name_reference: Vec<NameReference>,
}

impl Config {
    /// kustomize's own tables.
    pub(crate) fn defaults() -> Self {
        crate::tables::defaults()
    }

    /// Adds another configuration; a field that one would create and the other not is a problem.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Problem> {
        if self == other {
            return Ok(());
        }
        for (mine, theirs) in [
            (&mut self.namespace, &other.namespace),
            (&mut self.name_prefix, &other.name_prefix),
            (&mut self.name_suffix, &other.name_suffix),
            (&mut self.labels, &other.labels),
            (&mut self.common_labels, &other.common_labels),
            (&mut self.template_labels, &other.template_labels),
            (
                &mut self.volume_claim_template_labels,
                &other.volume_claim_template_labels,
            ),
            (&mut self.common_annotations, &other.common_annotations),
            (&mut self.images, &other.images),
            (&mut self.replicas, &other.replicas),
            (&mut self.var_reference, &other.var_reference),
        ] {
            merge_specs(mine, theirs)?;
        }
        for reference in &other.name_reference {
            let known = self
                .name_reference
                .iter_mut()
                .find(|r| r.referred == reference.referred);
            match known {
                Some(known) => merge_specs(&mut known.referrers, &reference.referrers)?,
                None => self.name_reference.push(reference.clone()),
            }
        }
        Ok(())
    }

    fn from_node(node: &Node) -> Self {
        let specs = |key: &str| -> Vec<FieldSpec> {
            node.get(key)
                .and_then(Node::as_seq)
                .unwrap_or_default()
                .iter()
                .map(spec)
                .collect()
        };
        let references = node
            .get("nameReference")
            .and_then(Node::as_seq)
            .unwrap_or_default();
        Self {
            namespace: specs("namespace"),
            name_prefix: specs("namePrefix"),
            name_suffix: specs("nameSuffix"),
            labels: specs("labels"),
            common_labels: specs("commonLabels"),
            template_labels: specs("templateLabels"),
            volume_claim_template_labels: specs("volumeClaimTemplateLabels"),
            common_annotations: specs("commonAnnotations"),
            images: specs("images"),
            replicas: specs("replicas"),
            var_reference: specs("varReference"),
            name_reference: references
                .iter()
                .map(|n| NameReference {
                    referred: Gvk {
                        group: n.str_at(&["group"]).to_owned(),
                        version: n.str_at(&["version"]).to_owned(),
                        kind: n.str_at(&["kind"]).to_owned(),
                    },
                    referrers: n
                        .get("fieldSpecs")
                        .and_then(Node::as_seq)
                        .unwrap_or_default()
                        .iter()
                        .map(spec)
                        .collect(),
                })
                .collect(),
        }
    }
}

/// One field spec of a configuration file.
pub(crate) fn spec(node: &Node) -> FieldSpec {
    FieldSpec {
        group: node.str_at(&["group"]).to_owned(),
        version: node.str_at(&["version"]).to_owned(),
        kind: node.str_at(&["kind"]).to_owned(),
        path: node.str_at(&["path"]).to_owned(),
        create: node.str_at(&["create"]) == "true",
    }
}

/// Adds field specs that are not covered yet.
pub(crate) fn merge_specs(mine: &mut Vec<FieldSpec>, theirs: &[FieldSpec]) -> Result<(), Problem> {
    for spec in theirs {
        match mine.iter().find(|m| m.covers(spec)) {
            None => mine.push(spec.clone()),
            Some(known) if known.create == spec.create => {}
            Some(_) => {
                return Err(Problem::error(format!(
                    "two configurations disagree on whether to create `{}`; keep one",
                    spec.path
                )));
            }
        }
    }
    Ok(())
}

/// The default tables with the files of `configurations` merged in.
pub(crate) fn load(session: &mut Session<'_>, files: &[Text], dir: &str) -> Arc<Config> {
    let mut config = Arc::clone(&session.cache.defaults);
    for file in files {
        let result = session.load(dir, &file.text).and_then(|(path, _)| {
            for mut document in session.parse(&path, Twice::Last)? {
                json::settle(&mut document)
                    .map_err(|(_, message)| Problem::error(message).at(&path, None))?;
                Arc::make_mut(&mut config).merge(&Config::from_node(&document))?;
            }
            Ok(())
        });
        session.check(result, file.origin);
    }
    config
}
