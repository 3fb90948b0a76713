//! The other lever on image automation: the ImageRepository leaves the bad tag out, and newer tags still flow.

use super::super::pin::edit;
use super::Exclusion;
use recant_render::ObjectId;
use recant_render::Tree;
use recant_render::is_yaml;
use recant_render::yaml::Document;
use serde_json::Value;
use std::collections::BTreeMap;

const GROUP: &str = "image.toolkit.fluxcd.io/";

/// What an ImageRepository leaves out when it has no list of its own; a list takes the place of it.
const DEFAULT: &str = "^.*\\.sig$";

/// New contents of files, as a plan has them.
type Edited = BTreeMap<String, Option<Vec<u8>>>;

/// Has the ImageRepository of a policy (`namespace:name`) leave a tag out, where it is declared in the repository.
/// Writes into `files` unless it leaves the tag out already.
pub(super) fn exclude(
    head: &Tree,
    files: &mut Edited,
    policy: &str,
    tag: &str,
) -> Option<(Exclusion, ObjectId)> {
    let mut parts = policy.split(':');
    let (namespace, name) = (parts.next()?, parts.next()?);
    // What writes only a name or a digest is not stopped by a tag.
    if !matches!(parts.next(), None | Some("tag")) {
        return None;
    }
    let (_, policy) = only(head, "ImagePolicy", namespace, name)?;
    let text = |pointer: &str| policy.pointer(pointer).and_then(Value::as_str);
    if text("/spec/digestReflectionPolicy") == Some("Always") {
        return None;
    }
    let repository = text("/spec/imageRepositoryRef/name")?;
    let namespace = text("/spec/imageRepositoryRef/namespace").unwrap_or(namespace);
    let (file, object) = only(head, "ImageRepository", namespace, repository)?;
    let version = object.get("apiVersion").and_then(Value::as_str)?;
    // Older APIs have no exclusion list.
    if version.contains("v1alpha") || version.ends_with("v1beta1") {
        return None;
    }
    let pattern = format!("^{}$", quoted(tag));
    let list = object.pointer("/spec/exclusionList").and_then(Value::as_array);
    let patterns = |list: &[Value]| list.iter().any(|known| known == pattern.as_str());
    if !list.is_some_and(|list| patterns(list)) {
        let bytes = match files.get(&file) {
            Some(edited) => edited.clone()?,
            None => head.bytes(&file)?.to_vec(),
        };
        let item = |pattern: &str| format!("- '{pattern}'");
        let default = list.is_none().then(|| item(DEFAULT));
        let items: Vec<String> = default.into_iter().chain([item(&pattern)]).collect();
        let is_it = |value: &Value| is_named(value, "ImageRepository", namespace, repository);
        let edited = edit::add_to(&bytes, &is_it, "spec", "exclusionList", &items)?;
        files.insert(file.clone(), Some(edited));
    }
    let id = ObjectId {
        group: GROUP.trim_end_matches('/').to_owned(),
        version: version.rsplit('/').next()?.to_owned(),
        kind: "ImageRepository".to_owned(),
        namespace: namespace.to_owned(),
        name: repository.to_owned(),
    };
    let exclusion = Exclusion {
        file,
        repository: format!("{namespace}/{repository}"),
        pattern,
    };
    Some((exclusion, id))
}

/// The one object of that name in the files of a tree; `None` also when there are several.
fn only(tree: &Tree, kind: &str, namespace: &str, name: &str) -> Option<(String, Value)> {
    let mentions = |path: &str| {
        tree.text(path)
            .is_some_and(|text| text.contains(GROUP) && text.contains(kind))
    };
    let files = tree
        .iter()
        .map(|(path, _)| path)
        .filter(|path| is_yaml(path) && mentions(path));
    let objects = files.flat_map(|path| {
        let documents = Document::read(tree.bytes(path).unwrap_or_default()).unwrap_or_default();
        let values = documents.into_iter().filter_map(|document| document.json().ok());
        values
            .map(move |value| (path.to_owned(), value))
            .collect::<Vec<_>>()
    });
    let mut named = objects.filter(|(_, value)| is_named(value, kind, namespace, name));
    let found = named.next()?;
    named.next().is_none().then_some(found)
}

/// A file may leave the namespace to a kustomization.
fn is_named(object: &Value, kind: &str, namespace: &str, name: &str) -> bool {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    text("/apiVersion").starts_with(GROUP)
        && text("/kind") == kind
        && text("/metadata/name") == name
        && ["", namespace].contains(&text("/metadata/namespace"))
}

/// A text as a Go regular expression that matches just it.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The tag that a line says: of an image, or by itself.
pub(super) fn tag(line: &str, policy: &str) -> Option<String> {
    let (_, value) = line.split('#').next()?.split_once(':')?;
    let value = value.trim().trim_matches(['"', '\'']);
    let value = value.split('@').next()?;
    let tag = match policy.split(':').nth(2) {
        Some(_) => value,
        None => value
            .rsplit_once(':')
            .map(|(_, tag)| tag)
            .filter(|tag| !tag.contains('/'))?,
    };
    (!tag.is_empty() && !tag.contains(char::is_whitespace)).then(|| tag.to_owned())
}
