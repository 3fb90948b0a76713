//! From the bytes of a kustomization file to [`Kustomization`].

use super::FILE_NAMES;
use super::Generator;
use super::GeneratorOptions;
use super::Image;
use super::Kustomization;
use super::Label;
use super::Patch;
use super::Replica;
use super::decode::Fields;
use super::decode::Problems;
use crate::problem::Problem;
use crate::selector::Selector;
use crate::session::Found;
use crate::session::Session;
use crate::yaml::Node;
use crate::yaml::json;
use crate::yaml::parse::Twice;

/// The kustomization file of a directory; none or several are problems.
pub(crate) fn find_file(session: &mut Session<'_>, dir: &str) -> Result<Option<String>, Problem> {
    let mut found = None;
    for name in FILE_NAMES {
        if let Found::File(path) = session.find(dir, name) {
            if found.is_some() {
                return Err(
                    Problem::error("several kustomization files in one directory; keep one").at(&path, None),
                );
            }
            found = Some(path);
        }
    }
    Ok(found)
}

/// How strictly a kustomization file is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decode {
    /// As kustomize does: unknown fields are errors, and so is an empty file.
    Strict,
    /// As Flux does with the kustomization of its own path, which it reads and writes again: unknown fields vanish,
    /// numbers become strings.
    Flux,
}

/// Reads a kustomization file. `None` when there is nothing to go on with.
pub(crate) fn read(session: &mut Session<'_>, path: &str, decode: Decode) -> Option<Kustomization> {
    let mut document = match session.parse(path, Twice::Last) {
        Ok(documents) => documents.into_iter().next(),
        Err(problem) => {
            session.problems.push(problem);
            return None;
        }
    };
    if let Some((origin, message)) = document.as_mut().and_then(|d| json::settle(d).err()) {
        session.problem(Problem::error(message), origin);
    }
    let Some(document) = document else {
        if decode == Decode::Flux {
            return Some(Kustomization::default());
        }
        session.problems.push(empty().at(path, None));
        return None;
    };
    let mut problems = match decode {
        Decode::Strict => Problems::new(),
        Decode::Flux => Problems::lenient(),
    };
    let kustomization = from_node(&document, decode, &mut problems);
    for (origin, problem) in problems {
        session.problem(problem, origin);
    }
    Some(kustomization)
}

fn empty() -> Problem {
    Problem::error("the kustomization is empty; give it resources")
}

/// Decodes a kustomization out of its document.
fn from_node(document: &Node, decode: Decode, problems: &mut Problems) -> Kustomization {
    let mut f = Fields::new(document, "the kustomization", problems);
    let kind = f.text("kind");
    let version = f.text("apiVersion");
    let mut k = Kustomization {
        origin: document.origin,
        is_component: kind.text == "Component",
        ..Kustomization::default()
    };
    if !matches!(kind.text.as_str(), "" | "Kustomization" | "Component") {
        let problem = Problem::error("kind must be Kustomization or Component");
        f.problems.push((kind.origin, problem));
    }
    let wanted = if k.is_component { "v1alpha1" } else { "v1beta1" };
    if !version.is_empty() && version.text != format!("kustomize.config.k8s.io/{wanted}") {
        let problem = Problem::error(format!("apiVersion must be kustomize.config.k8s.io/{wanted}"));
        f.problems.push((version.origin, problem));
    }
    let said_more = document.as_map().unwrap_or_default().iter().any(|e| {
        !e.value.is_null()
            && !e.key.text.eq_ignore_ascii_case("kind")
            && !e.key.text.eq_ignore_ascii_case("apiVersion")
    });
    if !said_more && decode == Decode::Strict {
        f.problems.push((document.origin, empty()));
    }
    f.node("metadata");
    sources(&mut f, &mut k);
    transformers(&mut f, &mut k);
    generators(&mut f, &mut k);
    unsupported(&mut f, &mut k);
    f.finish();
    k
}

fn sources(f: &mut Fields<'_, '_>, k: &mut Kustomization) {
    k.resources = f.texts("resources");
    k.resources.extend(f.texts("bases"));
    k.components = f.texts("components");
    k.configurations = f.texts("configurations");
    k.transformers = f.texts("transformers");
}

fn transformers(f: &mut Fields<'_, '_>, k: &mut Kustomization) {
    k.namespace = f.text("namespace");
    k.name_prefix = f.text("namePrefix");
    k.name_suffix = f.text("nameSuffix");
    k.labels = f.list("labels").iter().map(|n| label(n, f.problems)).collect();
    k.common_labels = f.pairs("commonLabels");
    k.common_annotations = f.pairs("commonAnnotations");
    k.patches_strategic_merge = f.texts("patchesStrategicMerge");
    k.patches_json6902 = f
        .list("patchesJson6902")
        .iter()
        .map(|n| patch(n, f.problems))
        .collect();
    k.patches = f.list("patches").iter().map(|n| patch(n, f.problems)).collect();
    k.images = f.list("images").iter().map(|n| image(n, f.problems)).collect();
    k.images
        .extend(f.list("imageTags").iter().map(|n| image(n, f.problems)));
    k.replicas = f
        .list("replicas")
        .iter()
        .map(|n| replica(n, f.problems))
        .collect();
    k.replacements = f.list("replacements").to_vec();
    k.vars = f.list("vars").to_vec();
    k.sort_options = f.node("sortOptions").cloned();
}

fn generators(f: &mut Fields<'_, '_>, k: &mut Kustomization) {
    k.config_map_generator = f
        .list("configMapGenerator")
        .iter()
        .map(|n| generator(n, "a configMapGenerator entry", f.problems))
        .collect();
    k.secret_generator = f
        .list("secretGenerator")
        .iter()
        .map(|n| generator(n, "a secretGenerator entry", f.problems))
        .collect();
    k.generator_options = f.node("generatorOptions").map(|n| options(n, f.problems));
}

fn unsupported(f: &mut Fields<'_, '_>, k: &mut Kustomization) {
    for name in [
        "helmCharts",
        "helmChartInflationGenerator",
        "generators",
        "validators",
        "openapi",
        "crds",
        "buildMetadata",
    ] {
        if let Some(node) = f.node(name) {
            let empty =
                node.as_seq().is_some_and(<[_]>::is_empty) || node.as_map().is_some_and(<[_]>::is_empty);
            if !empty {
                k.unsupported.push((name.to_owned(), node.origin));
            }
        }
    }
    f.node("helmGlobals");
}

fn label(node: &Node, problems: &mut Problems) -> Label {
    let mut f = Fields::new(node, "a labels entry", problems);
    let label = Label {
        pairs: f.pairs("pairs"),
        include_selectors: f.bool("includeSelectors"),
        include_templates: f.bool("includeTemplates"),
        include_volume_claim_templates: f.bool("includeVolumeClaimTemplates"),
        fields: f.list("fields").to_vec(),
    };
    f.finish();
    label
}

/// Decodes one entry of `patches`.
pub(crate) fn patch(node: &Node, problems: &mut Problems) -> Patch {
    let mut f = Fields::new(node, "a patches entry", problems);
    let mut patch = Patch {
        path: f.text("path"),
        patch: f.text("patch"),
        origin: node.origin,
        ..Patch::default()
    };
    patch.target = f.node("target").map(|n| Selector::decode(n, f.problems));
    if let Some(options) = f.node("options") {
        let mut o = Fields::new(options, "the options of a patch", f.problems);
        patch.allow_name_change = o.bool("allowNameChange");
        patch.allow_kind_change = o.bool("allowKindChange");
        o.finish();
    }
    f.finish();
    patch
}

/// Decodes one entry of `images`.
pub(crate) fn image(node: &Node, problems: &mut Problems) -> Image {
    let mut f = Fields::new(node, "an images entry", problems);
    let image = Image {
        name: f.text("name"),
        new_name: f.text("newName"),
        new_tag: f.text("newTag"),
        tag_suffix: f.text("tagSuffix"),
        digest: f.text("digest"),
    };
    f.finish();
    image
}

/// Decodes one entry of `replicas`.
pub(crate) fn replica(node: &Node, problems: &mut Problems) -> Replica {
    let mut f = Fields::new(node, "a replicas entry", problems);
    let count = f.int("count");
    let replica = Replica {
        name: f.text("name"),
        count: count.map_or(0, |c| c.0),
        origin: count.map_or(node.origin, |c| c.1),
    };
    f.finish();
    replica
}

fn generator(node: &Node, what: &'static str, problems: &mut Problems) -> Generator {
    let mut f = Fields::new(node, what, problems);
    let mut generator = Generator {
        name: f.text("name"),
        namespace: f.text("namespace"),
        behavior: f.text("behavior"),
        literals: f.texts("literals"),
        files: f.texts("files"),
        envs: f.texts("envs"),
        origin: node.origin,
        ..Generator::default()
    };
    if what.contains("secret") {
        generator.kind = f.text("type");
    }
    let env = f.text("env");
    if !env.is_empty() {
        generator.envs.push(env);
    }
    generator.options = f.node("options").map(|n| options(n, f.problems));
    f.finish();
    generator
}

fn options(node: &Node, problems: &mut Problems) -> GeneratorOptions {
    let mut f = Fields::new(node, "the options of a generator", problems);
    let options = GeneratorOptions {
        labels: f.pairs("labels"),
        annotations: f.pairs("annotations"),
        disable_name_suffix_hash: f.bool("disableNameSuffixHash"),
        immutable: f.bool("immutable"),
    };
    f.finish();
    options
}
