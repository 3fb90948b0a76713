//! `vars`: `$(NAME)` in some fields, replaced by the value of a field of an object.

use crate::fieldspec;
use crate::fieldspec::FieldSpec;
use crate::fieldspec::Make;
use crate::id::Gvk;
use crate::id::Id;
use crate::kustomization::decode::Fields;
use crate::kustomization::decode::Problems;
use crate::object::split_api_version;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource::Resources;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Scalar;
use crate::yaml::Tag;
use std::collections::BTreeMap;

/// One variable, bound to the object it is read from by that object's remembered names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) field_path: String,
    pub(crate) origin: OriginId,
}

/// Reads one entry of `vars` and marks the object it is about.
pub(crate) fn declare(resources: &mut Resources, node: &Node, problems: &mut Problems) -> Var {
    let mut f = Fields::new(node, "a vars entry", problems);
    let name = f.text("name");
    let object = f.node("objref");
    let field = f.node("fieldref");
    let mut field_path = "metadata.name".to_owned();
    if let Some(field) = field {
        let mut inner = Fields::new(field, "fieldref", f.problems);
        let path = inner.text("fieldPath");
        if !path.is_empty() {
            field_path = path.text;
        }
        inner.finish();
    }
    if let Some(object) = object {
        let mut o = Fields::new(object, "objref", f.problems);
        let api_version = o.text("apiVersion").text;
        let (mut group, mut version) = (o.text("group").text, o.text("version").text);
        if !api_version.is_empty() {
            let (g, v) = split_api_version(&api_version);
            group = if g.is_empty() { group } else { g.to_owned() };
            version = v.to_owned();
        }
        let gvk = Gvk {
            group,
            version,
            kind: o.text("kind").text,
        };
        let (object_name, namespace) = (o.text("name").text, o.text("namespace").text);
        o.finish();
        if let Err(problem) = mark(resources, &name.text, gvk, &namespace, &object_name) {
            f.problems.push((node.origin, problem));
        }
    }
    f.finish();
    Var {
        name: name.text,
        field_path,
        origin: node.origin,
    }
}

fn mark(resources: &mut Resources, var: &str, gvk: Gvk, namespace: &str, name: &str) -> Result<(), Problem> {
    let whole = !namespace.is_empty() || gvk.is_cluster_scoped();
    let wanted = Id::new(gvk, namespace, name);
    let mut fitting = resources.list.iter_mut().filter(|r| {
        r.ids().any(|id| {
            id.gvk == wanted.gvk && id.name == wanted.name && (!whole || id.namespace == wanted.namespace)
        })
    });
    let first = fitting.next();
    if fitting.next().is_some() {
        return Err(Problem::error(format!(
            "var `{var}` fits several objects; give its namespace"
        )));
    }
    if let Some(resource) = first {
        resource.vars.push(var.to_owned());
    }
    Ok(())
}

/// Replaces all variables.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut Resources, vars: &[Var], specs: &[FieldSpec]) {
    let mut values = BTreeMap::new();
    for var in vars {
        match value(resources, var) {
            Ok(found) => {
                values.insert(var.name.clone(), found);
            }
            Err(problem) => session.problem(problem, var.origin),
        }
    }
    if values.is_empty() {
        return;
    }
    for resource in &mut resources.list {
        for spec in specs {
            let origin = resource.node.origin;
            let result = fieldspec::apply(
                &mut resource.node,
                spec,
                Make::Nothing,
                OriginId::None,
                &mut |field| {
                    replace(session, field, &values);
                    Ok(())
                },
            );
            // A path that leads nowhere in some object does not matter to kustomize's default table.
            session.check(result, origin);
        }
    }
}

fn value(resources: &Resources, var: &Var) -> Result<(Scalar, OriginId), Problem> {
    let holder = resources.list.iter().find(|r| r.vars.contains(&var.name));
    let Some(holder) = holder else {
        return Err(Problem::error(format!(
            "var `{}` names no object of this build",
            var.name
        )));
    };
    let path = fields(&var.field_path);
    let found = path.iter().try_fold(&holder.node, |node, part| match &node.kind {
        Kind::Seq(items) => items.get(part.parse::<usize>().ok()?),
        _ => node.get(part),
    });
    match found.and_then(|n| Some((n.as_scalar()?.clone(), n.origin))) {
        Some(found) => Ok(found),
        None => Err(Problem::error(format!(
            "var `{}`: {} has no scalar at `{}`",
            var.name,
            holder.id(),
            var.field_path
        ))),
    }
}

/// `a.b[0].c` and `a[b.c].d` as parts.
fn fields(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut inside = false;
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '[' => {
                inside = true;
                parts.push(String::new());
            }
            ']' => inside = false,
            '\\' if chars.peek() == Some(&'.') => {
                chars.next();
                if let Some(last) = parts.last_mut() {
                    last.push('.');
                }
            }
            '.' if !inside => parts.push(String::new()),
            c => {
                if let Some(last) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    parts.retain(|p| !p.is_empty());
    parts
}

type Values = BTreeMap<String, (Scalar, OriginId)>;

fn replace(session: &mut Session<'_>, field: &mut Node, values: &Values) {
    match &mut field.kind {
        Kind::Scalar(scalar) => {
            if let Some((new, used)) = expand(scalar, values) {
                let mut inputs = vec![field.origin];
                inputs.extend(used);
                *field = Node::scalar(new, session.arena.derive("vars", &inputs, OriginId::None));
            }
        }
        Kind::Seq(items) => items
            .iter_mut()
            .filter(|n| n.as_scalar().is_some())
            .for_each(|n| replace(session, n, values)),
        Kind::Map(entries) => entries
            .iter_mut()
            .filter(|e| e.value.as_scalar().is_some())
            .for_each(|e| replace(session, &mut e.value, values)),
    }
}

/// The scalar with its variables replaced, and what they came from; `None` when nothing changes.
fn expand(scalar: &Scalar, values: &Values) -> Option<(Scalar, Vec<OriginId>)> {
    let text = &*scalar.text;
    if scalar.tag() != Tag::Str || !text.contains('$') {
        return None;
    }
    if let Some((value, origin)) = whole(text).and_then(|name| values.get(name)) {
        let value = Scalar {
            tag: Some(value.tag()),
            ..value.clone()
        };
        return Some((value, vec![*origin]));
    }
    let (mut out, mut used, mut rest) = (String::new(), Vec::new(), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|a| a.split_once(')')) {
            match values.get(name) {
                Some((value, origin)) => {
                    out.push_str(&value.text);
                    used.push(*origin);
                }
                None => out.push_str(&format!("$({name})")),
            }
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    (out != text).then(|| (Scalar::string(&out), used))
}

/// The name, when the text is nothing but one reference.
fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix("$(")?.strip_suffix(')')?;
    (!name.contains(')')).then_some(name)
}
