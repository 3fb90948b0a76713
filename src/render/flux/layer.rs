//! What Flux writes into the kustomization of its path before it builds it, and the kustomization it makes when
//! there is none.

use super::Kustomization as Flux;
use crate::kustomization::FILE_NAMES;
use crate::kustomization::Image;
use crate::kustomization::Kustomization;
use crate::kustomization::Patch;
use crate::kustomization::decode::Fields;
use crate::kustomization::decode::Problems;
use crate::kustomization::decode::Text;
use crate::kustomization::image;
use crate::kustomization::patch;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource::Resource;
use crate::resource::Resources;
use crate::selector::Selector;
use crate::session::Found;
use crate::session::Session;
use crate::session::is_remote;
use crate::transform::labels;
use crate::tree::Entry;
use crate::tree::is_yaml;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::json;
use crate::yaml::resolve::Rules;

/// The kustomization that Flux generates for a directory without one: every manifest below it, and every directory
/// with a kustomization of its own.
pub(crate) fn generate(session: &mut Session<'_>, dir: &str) -> Kustomization {
    let mut k = Kustomization::default();
    for path in manifests(session, dir) {
        let below = path.strip_prefix(dir).unwrap_or(&path).trim_start_matches('/');
        k.resources.push(Text {
            text: below.to_owned(),
            origin: OriginId::None,
        });
    }
    k
}

/// Paths below a directory in the order of a walk, without what lies below a kustomization.
fn manifests(session: &mut Session<'_>, dir: &str) -> Vec<String> {
    let prefix = if dir.is_empty() {
        String::new()
    } else {
        format!("{dir}/")
    };
    let mut paths: Vec<(&str, &Entry)> = session
        .tree
        .iter()
        .filter(|(path, _)| path.starts_with(&prefix))
        .collect();
    paths.sort_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
    let mut found: Vec<String> = Vec::new();
    for (path, entry) in paths {
        let inside = found
            .last()
            .is_some_and(|last| path.starts_with(&format!("{last}/")));
        if inside {
            continue;
        }
        let below = &path[prefix.len()..];
        if let Some(own) = kustomized(session, &prefix, below) {
            found.push(own);
            continue;
        }
        let is_yaml = is_yaml(path);
        let is_file = match entry {
            Entry::File(_) => true,
            Entry::Link(_) => matches!(session.find("", path), Found::File(_)),
        };
        if is_yaml && is_file && !session.is_ignored(path) {
            found.push(path.to_owned());
        }
    }
    // Any file that appears below is read, too.
    session.reads.insert(format!("{}/", prefix.trim_end_matches('/')));
    found
}

/// The topmost directory on the way to a file that has a kustomization file.
fn kustomized(session: &mut Session<'_>, prefix: &str, below: &str) -> Option<String> {
    let mut dirs = below
        .match_indices('/')
        .map(|(at, _)| format!("{prefix}{}", &below[..at]));
    dirs.find(|dir| {
        FILE_NAMES.iter().any(|name| {
            let path = format!("{dir}/{name}");
            session.tree.get(&path).is_some() && !session.is_ignored(&path)
        })
    })
}

/// Writes the fields of a Flux Kustomization over a kustomization.
pub(crate) fn apply(session: &mut Session<'_>, k: &mut Kustomization, spec: &Node, dir: &str) {
    let mut problems = Problems::lenient();
    let mut f = Fields::new(spec, "the spec of a Flux Kustomization", &mut problems);
    for (name, field) in [
        ("targetNamespace", &mut k.namespace),
        ("namePrefix", &mut k.name_prefix),
        ("nameSuffix", &mut k.name_suffix),
    ] {
        let text = f.text(name);
        if !text.is_empty() {
            *field = text;
        }
    }
    k.patches
        .extend(f.list("patches").iter().map(|n| patch(n, f.problems)));
    let strategic = f.list("patchesStrategicMerge").iter();
    k.patches_strategic_merge.extend(strategic.map(as_text));
    let json = f
        .list("patchesJson6902")
        .iter()
        .map(|n| json_patch(n, f.problems));
    k.patches_json6902.extend(json);
    for new in f.list("images") {
        merge_image(&mut k.images, image(new, f.problems));
    }
    if let Some(metadata) = f
        .node("buildMetadata")
        .filter(|n| n.as_seq().is_some_and(|s| !s.is_empty()))
    {
        k.unsupported.push(("buildMetadata".to_owned(), metadata.origin));
    }
    let ignore_missing = f.bool("ignoreMissingComponents");
    for component in f.texts("components") {
        if is_remote(&component.text) || component.text.starts_with('/') {
            let problem = Problem::error(format!(
                "component `{}` must be local and relative",
                component.text
            ));
            f.problems.push((component.origin, problem));
        } else if !(ignore_missing && session.find(dir, &component.text) == Found::Missing) {
            k.components.push(component);
        }
    }
    for (origin, problem) in problems {
        session.problem(problem, origin);
    }
}

/// A patch that stands in the object as a value, as the text that kustomize is given.
fn as_text(node: &Node) -> Text {
    Text {
        text: json::to_json(node, Rules::V3).unwrap_or_default().to_string(),
        origin: node.origin,
    }
}

fn json_patch(node: &Node, problems: &mut Problems) -> Patch {
    Patch {
        patch: node.get("patch").map(as_text).unwrap_or_default(),
        target: node.get("target").map(|n| Selector::decode(n, problems)),
        origin: node.origin,
        ..Patch::default()
    }
}

/// Names are merged on their own; tag and digest go together.
fn merge_image(images: &mut Vec<Image>, new: Image) {
    let Some(old) = images.iter_mut().find(|i| i.name.text == new.name.text) else {
        images.push(new);
        return;
    };
    if !new.new_name.is_empty() {
        old.new_name = new.new_name;
    }
    if !new.new_tag.is_empty() || !new.digest.is_empty() {
        old.new_tag = new.new_tag;
        old.digest = new.digest;
    }
}

/// `commonMetadata`: labels and annotations of every object, outside of kustomize.
pub(crate) fn common_metadata(session: &mut Session<'_>, resources: &mut Vec<Resource>, spec: &Node) {
    let Some(common) = spec.get("commonMetadata").filter(|n| n.as_map().is_some()) else {
        return;
    };
    let mut list = Resources {
        list: std::mem::take(resources),
    };
    for (field, path) in [
        ("labels", "metadata/labels"),
        ("annotations", "metadata/annotations"),
    ] {
        let entries = common.get(field).and_then(Node::as_map).unwrap_or_default();
        let pairs: Vec<(String, Text)> = entries
            .iter()
            .map(|e| {
                let text = Text {
                    text: e.value.text().unwrap_or_default().to_owned(),
                    origin: e.value.origin,
                };
                (e.key.text.to_string(), text)
            })
            .collect();
        let specs = crate::fieldspec::FieldSpec::table(&format!("- - - {path} create"));
        labels::put(session, &mut list, "commonMetadata", &pairs, &specs);
    }
    *resources = list.list;
}

/// The spec as a tree whose values know where they stand in the Flux object.
pub(crate) fn spec(session: &mut Session<'_>, flux: &Flux) -> Node {
    let mut node = json::from_json(&flux.spec, OriginId::None);
    place(session, flux, &mut node, &mut "/spec".to_owned());
    node
}

fn place(session: &mut Session<'_>, flux: &Flux, node: &mut Node, pointer: &mut String) {
    let len = pointer.len();
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::Map(entries) => {
            for entry in entries {
                pointer.push('/');
                pointer.push_str(&crate::object::escape(&entry.key.text));
                place(session, flux, &mut entry.value, pointer);
                entry.origin = entry.value.origin;
                pointer.truncate(len);
            }
        }
        Kind::Seq(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                pointer.push_str(&format!("/{at}"));
                place(session, flux, item, pointer);
                pointer.truncate(len);
            }
        }
    }
    if let Some(origin) = flux.origins.get(pointer.as_str()) {
        node.origin = session.arena.adopt(origin);
    } else if let Some(first) = first_origin(node) {
        node.origin = first;
    }
}

fn first_origin(node: &Node) -> Option<OriginId> {
    match &node.kind {
        Kind::Scalar(_) => None,
        Kind::Map(entries) => entries
            .iter()
            .map(|e| e.value.origin)
            .find(|o| *o != OriginId::None),
        Kind::Seq(items) => items.iter().map(|i| i.origin).find(|o| *o != OriginId::None),
    }
}
