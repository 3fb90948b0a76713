//! `images:` entries, when images are all that differs.

use super::super::leaves::Leaf;
use crate::diff::Line;
use crate::diff::Text;
use crate::yaml;
use serde_json::Value;

/// One image that is to go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// Its name at head, without tag and digest.
    pub(super) name: String,
    new_name: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
}

impl Image {
    /// The lines of an item of `images`.
    pub(super) fn entry(&self) -> Vec<String> {
        let field = |key: &str, value: &Option<String>| {
            value.as_ref().map(|v| format!("  {key}: {}", yaml::scalar(v)))
        };
        let fields = [
            field("newName", &self.new_name),
            field("newTag", &self.tag),
            field("digest", &self.digest),
        ];
        let name = format!("- name: {}", yaml::scalar(&self.name));
        [name].into_iter().chain(fields.into_iter().flatten()).collect()
    }
}

/// The images that differ; `None` when something else does too, or when an entry cannot say it.
pub(super) fn entries(leaves: &[Leaf]) -> Option<Vec<Image>> {
    let mut out: Vec<Image> = Vec::new();
    for leaf in leaves {
        let parts: Vec<&str> = leaf.pointer.rsplit('/').collect();
        let is_image = parts.first() == Some(&"image")
            && parts
                .get(2)
                .is_some_and(|list| matches!(*list, "containers" | "initContainers"));
        let (good, head) = (
            leaf.good.as_ref().and_then(Value::as_str)?,
            leaf.head.as_ref().and_then(Value::as_str)?,
        );
        let ((old_name, tag, digest), (name, ..)) = (parse(good), parse(head));
        if !is_image || (tag.is_none() && digest.is_none()) {
            return None;
        }
        let own = |part: Option<&str>| part.map(str::to_owned);
        let new_name = (old_name != name).then(|| old_name.to_owned());
        let image = Image {
            name: name.to_owned(),
            new_name,
            tag: own(tag),
            digest: own(digest),
        };
        match out.iter().find(|i| i.name == image.name) {
            Some(same) if *same != image => return None,
            Some(_) => (),
            None => out.push(image),
        }
    }
    Some(out)
}

/// Name, tag and digest of an image reference.
fn parse(reference: &str) -> (&str, Option<&str>, Option<&str>) {
    let (rest, digest) = match reference.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (reference, None),
    };
    match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag), digest),
        _ => (rest, None, digest),
    }
}

/// The kustomization with another tag in the entries it already has for these images; `None` unless it has one with a
/// tag for each of them.
pub(super) fn retag(bytes: &[u8], images: &[Image]) -> Option<Vec<u8>> {
    let text = Text::of(bytes);
    let mut lines: Vec<Vec<u8>> = text.lines.iter().map(|l| l.body.to_vec()).collect();
    let start = lines.iter().position(|l| l.trim_ascii_end() == b"images:")?;
    for image in images {
        let tag = image
            .tag
            .as_ref()
            .filter(|_| image.digest.is_none() && image.new_name.is_none())?;
        let at = (start + 1..lines.len()).find(|at| value(&lines[*at], "name") == Some(&image.name))?;
        let rest = at + 1..lines.len();
        let own = rest.take_while(|at| {
            let line = lines[*at].trim_ascii_start();
            !line.starts_with(b"-") && lines[*at].first() == Some(&b' ')
        });
        let tagged = own
            .into_iter()
            .find(|at| value(&lines[*at], "newTag").is_some())?;
        let line = String::from_utf8(lines[tagged].clone()).ok()?;
        let old = value(line.as_bytes(), "newTag")?;
        let quoted = [format!("\"{old}\""), format!("'{old}'")]
            .into_iter()
            .find(|q| line.contains(q));
        let new = match &quoted {
            Some(q) => format!("{0}{tag}{0}", &q[..1]),
            None => yaml::scalar(tag),
        };
        lines[tagged] = line
            .replacen(quoted.as_deref().unwrap_or(old), &new, 1)
            .into_bytes();
    }
    let new: Vec<Line<'_>> = lines
        .iter()
        .zip(&text.lines)
        .map(|(body, l)| Line { body, end: l.end })
        .collect();
    (!images.is_empty()).then(|| {
        Text {
            bom: text.bom,
            lines: new,
        }
        .bytes()
    })
}

/// The plain value of a `key: value` line, its quotes and comment taken off.
fn value<'l>(line: &'l [u8], key: &str) -> Option<&'l str> {
    let line = std::str::from_utf8(line)
        .ok()?
        .trim()
        .trim_start_matches("- ")
        .trim_start();
    let value = line.strip_prefix(key)?.strip_prefix(':')?.trim();
    Some(
        value
            .split(" #")
            .next()
            .unwrap_or_default()
            .trim()
            .trim_matches(['"', '\'']),
    )
}
