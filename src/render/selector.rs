//! Which objects a patch or replacement is for.

use crate::kustomization::decode::Fields;
use crate::kustomization::decode::Problems;
use crate::problem::Problem;
use crate::resource::Resource;
use crate::resource::Resources;
use crate::yaml::Node;
use regex::Regex;

/// A target as written: each of the first five is an anchored regular expression.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) label_selector: String,
    pub(crate) annotation_selector: String,
}

impl Selector {
    pub(crate) fn decode(node: &Node, problems: &mut Problems) -> Self {
        let mut f = Fields::new(node, "a target", problems);
        let selector = Self {
            group: f.text("group").text,
            version: f.text("version").text,
            kind: f.text("kind").text,
            name: f.text("name").text,
            namespace: f.text("namespace").text,
            label_selector: f.text("labelSelector").text,
            annotation_selector: f.text("annotationSelector").text,
        };
        f.finish();
        selector
    }

    /// The places of the objects that are meant.
    pub(crate) fn select(&self, resources: &Resources) -> Result<Vec<usize>, Problem> {
        let matcher = Matcher::new(self)?;
        Ok((0..resources.list.len())
            .filter(|at| matcher.matches(&resources.list[*at]))
            .collect())
    }
}

/// A selector made ready.
pub(crate) struct Matcher {
    /// Whether it says anything about the object's name at all.
    says_id: bool,
    group: Option<Anchored>,
    version: Option<Anchored>,
    kind: Option<Anchored>,
    name: Option<Anchored>,
    namespace: Option<Anchored>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

impl Matcher {
    pub(crate) fn new(selector: &Selector) -> Result<Self, Problem> {
        let any_id = [
            &selector.group,
            &selector.version,
            &selector.kind,
            &selector.name,
            &selector.namespace,
        ];
        Ok(Self {
            says_id: any_id.iter().any(|part| !part.is_empty()),
            group: Anchored::new(&selector.group)?,
            version: Anchored::new(&selector.version)?,
            kind: Anchored::new(&selector.kind)?,
            name: Anchored::new(&selector.name)?,
            namespace: Anchored::new(&selector.namespace)?,
            labels: requirements(&selector.label_selector)?,
            annotations: requirements(&selector.annotation_selector)?,
        })
    }

    /// Whether a target of replacements selects an object by any name it has, or had.
    pub(crate) fn selects_any_id(&self, resource: &Resource) -> bool {
        self.maps_fit(resource) && self.fits_any_id(resource)
    }

    /// Whether a target of replacements rejects an object.
    pub(crate) fn rejects(&self, resource: &Resource) -> bool {
        let says_maps = !self.labels.is_empty() || !self.annotations.is_empty();
        (says_maps && self.maps_fit(resource)) || (self.says_id && self.fits_any_id(resource))
    }

    fn fits_any_id(&self, resource: &Resource) -> bool {
        let fits = |part: &Option<Anchored>, text: &str| part.as_ref().is_none_or(|p| p.is_match(text));
        let fits_id = |gvk: &crate::id::Gvk, namespace: &str, name: &str| {
            fits(&self.group, &gvk.group)
                && fits(&self.version, &gvk.version)
                && fits(&self.kind, &gvk.kind)
                && fits(&self.name, name)
                && fits(&self.namespace, namespace)
        };
        resource
            .previous_ids()
            .any(|id| fits_id(&id.gvk, &id.namespace, &id.name))
            || fits_id(&resource.gvk(), resource.namespace(), resource.name())
    }

    fn maps_fit(&self, resource: &Resource) -> bool {
        self.labels.iter().all(|r| r.holds(resource, "labels"))
            && self.annotations.iter().all(|r| r.holds(resource, "annotations"))
    }

    fn matches(&self, resource: &Resource) -> bool {
        let fits = |part: &Option<Anchored>, text: &str| part.as_ref().is_none_or(|p| p.is_match(text));
        let gvk = resource.gvk();
        if !(fits(&self.group, &gvk.group)
            && fits(&self.version, &gvk.version)
            && fits(&self.kind, &gvk.kind))
        {
            return false;
        }
        let (first, now) = (resource.original_id(), resource.id());
        (fits(&self.namespace, &first.namespace) || fits(&self.namespace, &now.namespace))
            && (fits(&self.name, &first.name) || fits(&self.name, &now.name))
            && self.maps_fit(resource)
    }
}

/// A pattern that must fit a whole text.
enum Anchored {
    /// Nothing in it is special, as in most.
    Text(String),
    Regex(Regex),
}

impl Anchored {
    /// `^(?:…)$`, or nothing for an empty pattern.
    fn new(pattern: &str) -> Result<Option<Self>, Problem> {
        if pattern.is_empty() {
            return Ok(None);
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-/".contains(c);
        if pattern.chars().all(is_plain) {
            return Ok(Some(Self::Text(pattern.to_owned())));
        }
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
            Problem::error(format!(
                "`{pattern}` is no regular expression; escape special characters"
            ))
        })?;
        Ok(Some(Self::Regex(regex)))
    }

    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Text(pattern) => pattern == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// One requirement of a Kubernetes selector.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Requirement {
    fn holds(&self, resource: &Resource, field: &str) -> bool {
        let value = resource
            .meta_map(field)
            .find(|(k, _)| *k == self.key)
            .map(|(_, v)| v);
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(values) => value.is_some_and(|v| values.iter().any(|w| w == v)),
            Test::NotIn(values) => value.is_none_or(|v| values.iter().all(|w| w != v)),
            Test::Greater(bound) => number().is_some_and(|n| n > *bound),
            Test::Less(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

/// Parses Kubernetes' selector syntax: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
fn requirements(text: &str) -> Result<Vec<Requirement>, Problem> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = top_level_comma(rest);
        let (one, more) = rest.split_at(end);
        all.push(requirement(one.trim()).ok_or_else(|| {
            Problem::error(format!(
                "`{text}` is no selector; write for example `app=web,tier in (a,b)`"
            ))
        })?);
        rest = more.strip_prefix(',').unwrap_or(more).trim();
    }
    Ok(all)
}

fn top_level_comma(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn requirement(text: &str) -> Option<Requirement> {
    let make = |key: &str, test| {
        let key = key.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        (!key.is_empty() && key.chars().all(plain)).then(|| Requirement {
            key: key.to_owned(),
            test,
        })
    };
    let set = |list: &str| -> Option<Vec<String>> {
        let inner = list.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|v| v.trim().to_owned()).collect())
    };
    if let Some(key) = text.strip_prefix('!') {
        return make(key, Test::Absent);
    }
    if let Some((key, values)) = text.split_once(" notin") {
        return make(key, Test::NotIn(set(values)?));
    }
    if let Some((key, values)) = text.split_once(" in") {
        return make(key, Test::In(set(values)?));
    }
    for (sign, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = text.split_once(sign) {
            let values = vec![value.trim().to_owned()];
            return make(
                key,
                if negated {
                    Test::NotIn(values)
                } else {
                    Test::In(values)
                },
            );
        }
    }
    if let Some((key, value)) = text.split_once('>') {
        return make(key, Test::Greater(value.trim().parse().ok()?));
    }
    if let Some((key, value)) = text.split_once('<') {
        return make(key, Test::Less(value.trim().parse().ok()?));
    }
    make(text, Test::Exists)
}
