//! `images`: other names, tags and digests for container images.

use crate::fieldspec;
use crate::fieldspec::FieldSpec;
use crate::fieldspec::Make;
use crate::kustomization::Image;
use crate::origin::Arena;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource::Resources;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Scalar;
use regex::Regex;
use std::sync::LazyLock;

/// Applies one entry to every object.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut Resources, image: &Image, specs: &[FieldSpec]) {
    let Some(pattern) = Pattern::new(&image.name.text) else {
        return; // kustomize matches nothing with a name that is no regular expression
    };
    for resource in &mut resources.list {
        if resource.kind() == "CustomResourceDefinition" {
            continue;
        }
        let arena = &mut session.arena;
        anywhere(&mut resource.node, &mut |field| {
            update(arena, field, image, &pattern)
        });
        for spec in specs {
            let result = fieldspec::apply(
                &mut resource.node,
                spec,
                Make::Nothing,
                image.name.origin,
                &mut |field| {
                    if field.as_scalar().is_none() {
                        return Err(Problem::error("an image is a scalar"));
                    }
                    update(&mut session.arena, field, image, &pattern);
                    Ok(())
                },
            );
            session.check(result, resource.node.origin);
        }
    }
}

/// Which images an entry is for. Its name is part of a regular expression, as in kustomize.
enum Pattern {
    /// Nothing in the name is special, but that a dot stands for any character.
    Plain(Vec<char>),
    Regex(Regex),
}

/// What may follow a name.
const TAG: &str = r"(:[a-zA-Z0-9_.{}-]*)?";
const DIGEST: &str = r"(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?";

impl Pattern {
    fn new(name: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/:@-".contains(c);
        if name.chars().all(is_plain) {
            return Some(Self::Plain(name.chars().collect()));
        }
        Regex::new(&format!("^{name}{TAG}{DIGEST}$"))
            .ok()
            .map(Self::Regex)
    }

    fn is_match(&self, image: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(image),
            Self::Plain(name) => {
                let mut rest = image.chars();
                let fits = |c: &char| rest.next().is_some_and(|i| i == *c || (*c == '.' && i != '\n'));
                name.iter().all(fits) && is_tail(rest.as_str())
            }
        }
    }
}

/// Whether a text is a tag, a digest, both or nothing. Compiled once: most images have nothing but a tag.
fn is_tail(text: &str) -> bool {
    static TAIL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!("^{TAG}{DIGEST}$")).expect("a constant expression"));
    text.is_empty() || TAIL.is_match(text)
}

/// Visits `image` of every element of every list called `containers` or `initContainers`, however deep.
fn anywhere(node: &mut Node, visit: &mut dyn FnMut(&mut Node)) {
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::Seq(items) => items.iter_mut().for_each(|i| anywhere(i, visit)),
        Kind::Map(entries) => {
            for entry in entries {
                anywhere(&mut entry.value, visit);
                if matches!(&*entry.key.text, "containers" | "initContainers")
                    && let Kind::Seq(items) = &mut entry.value.kind
                {
                    items
                        .iter_mut()
                        .filter_map(|i| i.get_mut("image"))
                        .for_each(&mut *visit);
                }
            }
        }
    }
}

fn update(arena: &mut Arena, field: &mut Node, image: &Image, pattern: &Pattern) {
    let Some(old) = field.as_scalar().filter(|s| pattern.is_match(&s.text)) else {
        return;
    };
    let new = changed(&old.text, image);
    if new == *old.text && matches!(field.origin, OriginId::Made(_)) {
        return; // the second pass over the same field
    }
    let mut inputs = vec![field.origin];
    let args = [&image.new_name, &image.new_tag, &image.digest, &image.tag_suffix];
    inputs.extend(args.iter().filter(|a| !a.is_empty()).map(|a| a.origin));
    let arg = inputs.pop().unwrap_or_default();
    let origin = arena.derive("images", &inputs, arg);
    let scalar = Scalar {
        style: old.style,
        ..Scalar::plain(&new)
    };
    *field = Node::scalar(scalar, origin);
}

fn changed(old: &str, image: &Image) -> String {
    let (name, tag, digest) = split(old);
    let name = if image.new_name.is_empty() {
        name
    } else {
        &image.new_name.text
    };
    let (tag, digest) = match (image.new_tag.is_empty(), image.digest.is_empty()) {
        (false, false) => (image.new_tag.text.clone(), image.digest.text.clone()),
        (false, true) => (image.new_tag.text.clone(), String::new()),
        (true, false) => (String::new(), image.digest.text.clone()),
        (true, true) if !image.tag_suffix.is_empty() => {
            (format!("{tag}{}", image.tag_suffix.text), String::new())
        }
        (true, true) => (tag.to_owned(), digest.to_owned()),
    };
    let mut new = name.to_owned();
    if !tag.is_empty() {
        new.push(':');
        new.push_str(&tag);
    }
    if !digest.is_empty() {
        new.push('@');
        new.push_str(&digest);
    }
    new
}

/// Name, tag and digest of an image. A colon before the first slash belongs to the host.
fn split(image: &str) -> (&str, &str, &str) {
    let from = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let at = image[from..].find('@').map(|i| i + from);
    let colon = image[from..].find(':').map(|i| i + from);
    match (colon, at) {
        (None, None) => (image, "", ""),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
        (Some(colon), Some(at)) if colon < at => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_anything_special_matches_what_it_matches_as_an_expression() {
        let names = [
            "",
            "app",
            "example.org/app",
            "host:5000/a-b_c",
            "app:v1",
            "app@sha256",
        ];
        let images = [
            "",
            "app",
            "app:v1",
            "app:v1@sha256:ab",
            "app@sha256:ab",
            "app:",
            "app:{tag}",
            "app: v1",
            "xapp",
            "appx",
            "example.org/app:1",
            "exampleXorg/app:1",
            "example\norg/app",
            "host:5000/a-b_c",
            "host:5000/a-b_c:2",
            "app:v1:v2",
            "äpp",
            "app@sha256",
        ];
        for name in names {
            let plain = Pattern::new(name).expect("a pattern");
            assert!(matches!(plain, Pattern::Plain(_)), "{name}");
            let regex = Regex::new(&format!("^{name}{TAG}{DIGEST}$")).expect("an expression");
            for image in images {
                assert_eq!(plain.is_match(image), regex.is_match(image), "{name} {image}");
            }
        }
        assert!(matches!(Pattern::new("a|b"), Some(Pattern::Regex(_))));
        assert!(Pattern::new("a(").is_none());
    }
}
