//! Where transformers write: kustomize's default tables, and what `configurations` add to them.

use crate::fieldspec::FieldSpec;
use crate::id::Gvk;
use crate::kustomization::decode::Text;
use crate::problem::Problem;
use crate::session::Session;
use crate::transform::sort;
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
    ///
    /// As in kustomize the merged tables are sorted by kind. The order counts: a field spec for any kind that comes
    /// after one for a certain kind and the same path is taken for known, and left out, whenever tables are merged into
    /// empty ones: those of a kustomization that pulls in another.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Problem> {
        if self == other {
            return Ok(());
        }
        self.add(other)?;
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        for specs in self.tables() {
            specs.sort_by_cached_key(|spec| sort::kind_key(&spec.group, &spec.version, &spec.kind));
        }
        self.name_reference
            .sort_by_cached_key(|r| sort::kind_key(&r.referred.group, &r.referred.version, &r.referred.kind));
    }

    /// All tables but that of the names.
    fn tables(&mut self) -> [&mut Vec<FieldSpec>; 11] {
        [
            &mut self.namespace,
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.labels,
            &mut self.common_labels,
            &mut self.template_labels,
            &mut self.volume_claim_template_labels,
            &mut self.common_annotations,
            &mut self.images,
            &mut self.replicas,
            &mut self.var_reference,
        ]
    }

    fn add(&mut self, other: &Self) -> Result<(), Problem> {
        for (mine, theirs) in self.tables().into_iter().zip(other.clone().tables()) {
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
    let defaults = Arc::clone(&session.cache.defaults);
    if files.is_empty() {
        return defaults;
    }
    let mut own = Config::default();
    for file in files {
        let result = session.load(dir, &file.text).and_then(|(path, _)| {
            for mut document in session.parse(&path, Twice::Last)? {
                json::settle(&mut document)
                    .map_err(|(_, message)| Problem::error(message).at(&path, None))?;
                let mut config = Config::from_node(&document);
                config.sort();
                own.merge(&config)?;
            }
            Ok(())
        });
        session.check(result, file.origin);
    }
    let mut all = (*defaults).clone();
    let merged = all.merge(&own);
    session.check(merged, files[0].origin);
    Arc::new(all)
}
