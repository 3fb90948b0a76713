//! `replacements`: a value of one object, copied into fields of others.

use crate::fieldpath;
use crate::fieldpath::Create;
use crate::id::Gvk;
use crate::id::Id;
use crate::kustomization::decode::Fields;
use crate::kustomization::decode::Problems;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource::Resource;
use crate::resource::Resources;
use crate::selector::Matcher;
use crate::selector::Selector;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Scalar;
use crate::yaml::json;
use crate::yaml::parse::Twice;

/// Applies all entries in order.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut Resources, entries: &[Node], dir: &str) {
    for entry in entries {
        let path = entry.str_at(&["path"]);
        let loaded = if path.is_empty() {
            Ok(vec![entry.clone()])
        } else {
            from_file(session, path, dir)
        };
        match loaded {
            Ok(loaded) => {
                for node in loaded {
                    let mut problems = Problems::new();
                    let replacement = Replacement::decode(&node, &mut problems);
                    for (origin, problem) in problems {
                        session.problem(problem, origin);
                    }
                    let result = replacement.apply(session, resources);
                    session.check(result, node.origin);
                }
            }
            Err(problem) => session.problem(problem, entry.origin),
        }
    }
}

fn from_file(session: &mut Session<'_>, path: &str, dir: &str) -> Result<Vec<Node>, Problem> {
    let (path, _) = session.load(dir, path)?;
    let documents = session.parse(&path, Twice::Last)?;
    let mut all = Vec::new();
    for mut document in documents {
        json::settle(&mut document).map_err(|(_, message)| Problem::error(message).at(&path, None))?;
        match document.kind {
            Kind::Seq(items) => all.extend(items),
            Kind::Map(_) | Kind::Scalar(_) => all.push(document),
        }
    }
    Ok(all)
}

#[derive(Default)]
struct Options {
    delimiter: String,
    index: i64,
    create: bool,
}

impl Options {
    fn decode(node: Option<&Node>, problems: &mut Problems) -> Self {
        let Some(node) = node else { return Self::default() };
        let mut f = Fields::new(node, "the options of a replacement", problems);
        f.text("encoding");
        let options = Self {
            delimiter: f.text("delimiter").text,
            index: f.int("index").map_or(0, |(index, _)| index),
            create: f.bool("create"),
        };
        f.finish();
        options
    }
}

struct Source {
    gvk: Gvk,
    name: String,
    namespace: String,
    path: String,
    options: Options,
}

struct Target {
    select: Option<Selector>,
    reject: Vec<Selector>,
    paths: Vec<String>,
    options: Options,
}

struct Replacement {
    source: Option<Source>,
    source_value: Option<(String, OriginId)>,
    targets: Vec<Target>,
    origin: OriginId,
}

impl Replacement {
    fn decode(node: &Node, problems: &mut Problems) -> Self {
        let mut f = Fields::new(node, "a replacement", problems);
        let source = f.node("source").map(|n| source(n, f.problems));
        let value = f.text("sourceValue");
        let has_value = value.origin != OriginId::None;
        let targets = f.list("targets").iter().map(|n| target(n, f.problems)).collect();
        f.text("path");
        f.finish();
        Self {
            source,
            source_value: has_value.then_some((value.text, value.origin)),
            targets,
            origin: node.origin,
        }
    }

    fn apply(&self, session: &mut Session<'_>, resources: &mut Resources) -> Result<(), Problem> {
        if self.targets.is_empty() {
            return Err(Problem::error("a replacement needs `targets`"));
        }
        let value = match (&self.source, &self.source_value) {
            (Some(source), None) => source.value(resources)?,
            (None, Some((text, origin))) => Node::scalar(Scalar::plain(text), *origin),
            (Some(_), Some(_)) => {
                return Err(Problem::error(
                    "a replacement has both `source` and `sourceValue`",
                ));
            }
            (None, None) => return Err(Problem::error("a replacement needs a `source`")),
        };
        self.targets
            .iter()
            .try_for_each(|target| target.apply(session, resources, &value, self.origin))
    }
}

fn source(node: &Node, problems: &mut Problems) -> Source {
    let mut f = Fields::new(node, "the source of a replacement", problems);
    let source = Source {
        gvk: Gvk {
            group: f.text("group").text,
            version: f.text("version").text,
            kind: f.text("kind").text,
        },
        name: f.text("name").text,
        namespace: f.text("namespace").text,
        path: f.text("fieldPath").text,
        options: Options::decode(f.node("options"), f.problems),
    };
    f.finish();
    source
}

fn target(node: &Node, problems: &mut Problems) -> Target {
    let mut f = Fields::new(node, "the target of a replacement", problems);
    let target = Target {
        select: f.node("select").map(|n| Selector::decode(n, f.problems)),
        reject: f
            .list("reject")
            .iter()
            .map(|n| Selector::decode(n, f.problems))
            .collect(),
        paths: f.texts("fieldPaths").into_iter().map(|t| t.text).collect(),
        options: Options::decode(f.node("options"), f.problems),
    };
    f.finish();
    target
}

impl Source {
    fn value(&self, resources: &Resources) -> Result<Node, Problem> {
        let holder = self.holder(resources)?;
        let path = if self.path.is_empty() {
            "metadata.name"
        } else {
            &self.path
        };
        let found = fieldpath::get(&holder.node, &fieldpath::split(path))?;
        let Some(found) = found else {
            return Err(Problem::error(format!(
                "the source {} has no `{path}`",
                holder.id()
            )));
        };
        if self.options.delimiter.is_empty() {
            return Ok(found.clone());
        }
        let Some(scalar) = found.as_scalar() else {
            return Err(Problem::error("a delimiter works only on scalars"));
        };
        let piece = usize::try_from(self.options.index)
            .ok()
            .and_then(|at| scalar.text.split(self.options.delimiter.as_str()).nth(at));
        let Some(piece) = piece else {
            return Err(Problem::error(format!(
                "index {} is out of range for `{}`",
                self.options.index, scalar.text
            )));
        };
        let cut = Scalar {
            text: piece.into(),
            style: scalar.style,
            tag: Some(scalar.tag()),
        };
        Ok(Node::scalar(cut, found.origin))
    }

    fn holder<'r>(&self, resources: &'r Resources) -> Result<&'r Resource, Problem> {
        let wanted = Id::new(self.gvk.clone(), &self.namespace, &self.name);
        let fits = |id: &Id| {
            (self.name.is_empty() || id.name == self.name)
                && (self.namespace.is_empty() || id.namespace == wanted.namespace)
                && id
                    .gvk
                    .is_selected(&self.gvk.group, &self.gvk.version, &self.gvk.kind)
        };
        let mut fitting = resources.list.iter().filter(|r| r.ids().any(|id| fits(&id)));
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(Problem::error(format!(
                "no object fits the source {} {}",
                self.gvk.kind, self.name
            ))),
            (Some(_), Some(_)) => Err(Problem::error(format!(
                "several objects fit the source {} {}; narrow it",
                self.gvk.kind, self.name
            ))),
        }
    }
}

impl Target {
    fn apply(
        &self,
        session: &mut Session<'_>,
        resources: &mut Resources,
        value: &Node,
        by: OriginId,
    ) -> Result<(), Problem> {
        let Some(select) = &self.select else {
            return Err(Problem::error("the target of a replacement needs `select`"));
        };
        let select = Matcher::new(select)?;
        let reject = self
            .reject
            .iter()
            .map(Matcher::new)
            .collect::<Result<Vec<_>, _>>()?;
        for resource in &mut resources.list {
            let rejected = reject.iter().any(|m| m.rejects(resource));
            if rejected || !select.selects_any_id(resource) {
                continue;
            }
            self.copy(session, resource, value, by)?;
        }
        Ok(())
    }

    fn copy(
        &self,
        session: &mut Session<'_>,
        resource: &mut Resource,
        value: &Node,
        by: OriginId,
    ) -> Result<(), Problem> {
        let default = ["metadata.name".to_owned()];
        let paths: &[String] = if self.paths.is_empty() {
            &default
        } else {
            &self.paths
        };
        let create = match (&value.kind, self.options.create) {
            (_, false) => Create::Nothing,
            (Kind::Scalar(_), true) => Create::Scalar,
            (Kind::Map(_), true) => Create::Map,
            (Kind::Seq(_), true) => Create::Seq,
        };
        for path in paths {
            let parts = fieldpath::split(path);
            let depth = parts.len();
            session.copy(value, depth)?;
            let hits = fieldpath::each(&mut resource.node, &parts, create, by, &mut |field| {
                session.copy(value, depth)?;
                self.set(session, field, value, by)
            })
            .map_err(|p| Problem {
                message: format!("replacement of `{path}` in {}: {}", resource.id(), p.message),
                ..p
            })?;
            if hits == 0 {
                return Err(Problem::error(format!(
                    "{} has no field `{path}`; correct the path or set options.create",
                    resource.id()
                )));
            }
        }
        Ok(())
    }

    fn set(
        &self,
        session: &mut Session<'_>,
        field: &mut Node,
        value: &Node,
        by: OriginId,
    ) -> Result<(), Problem> {
        let origin = session
            .arena
            .derive("replacements", &[field.origin, value.origin], by);
        let mut new = value.text().unwrap_or_default().to_owned();
        if !self.options.delimiter.is_empty() {
            let Some(old) = field.text() else {
                return Err(Problem::error("a delimiter works only on scalars"));
            };
            new = spliced(old, &new, &self.options);
        }
        *field = match field.as_scalar() {
            // Only the text changes: the field keeps its own type. A map or a list has no text.
            Some(old) => {
                let tag = (!old.text.is_empty() || old.tag.is_some()).then(|| old.tag());
                let scalar = Scalar {
                    text: new.into(),
                    style: old.style,
                    tag,
                };
                Node::scalar(scalar, origin)
            }
            None => Node {
                origin,
                ..value.clone()
            },
        };
        Ok(())
    }
}

fn spliced(old: &str, new: &str, options: &Options) -> String {
    let mut pieces: Vec<&str> = old.split(options.delimiter.as_str()).collect();
    match usize::try_from(options.index) {
        Err(_) => pieces.insert(0, new),
        Ok(at) if at >= pieces.len() => pieces.push(new),
        Ok(at) => pieces[at] = new,
    }
    pieces.join(&options.delimiter)
}
