//! `kustomization.yaml`: its fields as they were written, each with its place.

pub(crate) mod decode;
mod read;

use crate::origin::OriginId;
use crate::selector::Selector;
use crate::yaml::Node;
use decode::Text;

pub(crate) use read::Decode;
pub(crate) use read::find_file;
pub(crate) use read::image;
pub(crate) use read::patch;
pub(crate) use read::read;
pub(crate) use read::replica;

/// The names a kustomization file may have.
pub(crate) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A kustomization or component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kustomization {
    pub(crate) origin: OriginId,
    pub(crate) is_component: bool,
    pub(crate) resources: Vec<Text>,
    pub(crate) components: Vec<Text>,
    pub(crate) configurations: Vec<Text>,
    pub(crate) transformers: Vec<Text>,
    pub(crate) namespace: Text,
    pub(crate) name_prefix: Text,
    pub(crate) name_suffix: Text,
    pub(crate) labels: Vec<Label>,
    pub(crate) common_labels: Vec<(String, Text)>,
    pub(crate) common_annotations: Vec<(String, Text)>,
    pub(crate) patches_strategic_merge: Vec<Text>,
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) images: Vec<Image>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) replacements: Vec<Node>,
    pub(crate) vars: Vec<Node>,
    pub(crate) sort_options: Option<Node>,
    pub(crate) config_map_generator: Vec<Generator>,
    pub(crate) secret_generator: Vec<Generator>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    /// Fields that only the kustomize binary can honour.
    pub(crate) unsupported: Vec<(String, OriginId)>,
}

/// One entry of `labels`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Label {
    pub(crate) pairs: Vec<(String, Text)>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) include_volume_claim_templates: bool,
    pub(crate) fields: Vec<Node>,
}

/// One entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    pub(crate) path: Text,
    pub(crate) patch: Text,
    pub(crate) target: Option<Selector>,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
    pub(crate) origin: OriginId,
}

/// One entry of `images`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub(crate) name: Text,
    pub(crate) new_name: Text,
    pub(crate) new_tag: Text,
    pub(crate) tag_suffix: Text,
    pub(crate) digest: Text,
}

/// One entry of `replicas`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replica {
    pub(crate) name: Text,
    pub(crate) count: i64,
    pub(crate) origin: OriginId,
}

/// One entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generator {
    pub(crate) name: Text,
    pub(crate) namespace: Text,
    pub(crate) behavior: Text,
    /// `type` of a secret.
    pub(crate) kind: Text,
    pub(crate) literals: Vec<Text>,
    pub(crate) files: Vec<Text>,
    pub(crate) envs: Vec<Text>,
    pub(crate) options: Option<GeneratorOptions>,
    pub(crate) origin: OriginId,
}

/// `generatorOptions`, or the `options` of one generator.
#[derive(Clone, Debug, Default)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: Vec<(String, Text)>,
    pub(crate) annotations: Vec<(String, Text)>,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}
