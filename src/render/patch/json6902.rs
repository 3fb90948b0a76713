//! JSON patches (RFC 6902) with the leniencies of evanphx/json-patch v4, which kustomize uses.

use super::merge::Tomb;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::yaml::Kind;
use crate::yaml::Node;

/// One operation of a JSON patch.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    name: String,
    path: String,
    from: String,
    value: Option<Node>,
    origin: OriginId,
}

/// Reads the operations of a patch: a list of maps, already settled into go-yaml v3 values.
pub(crate) fn read(list: &Node) -> Result<Vec<Op>, Problem> {
    let Kind::Seq(items) = &list.kind else {
        return Err(Problem::error("a JSON patch is a list of operations"));
    };
    items.iter().map(read_one).collect()
}

fn read_one(item: &Node) -> Result<Op, Problem> {
    if item.as_map().is_none() {
        return Err(Problem::error(
            "each operation of a JSON patch is a map with `op` and `path`",
        ));
    }
    Ok(Op {
        name: item.str_at(&["op"]).to_owned(),
        path: item.str_at(&["path"]).to_owned(),
        from: item.str_at(&["from"]).to_owned(),
        value: item.get("value").cloned(),
        origin: item.origin,
    })
}

/// Applies all operations in order.
///
/// `may_copy` is asked before a value is put at a depth; it bounds what hostile patches can build.
pub(crate) fn apply(
    node: &mut Node,
    ops: &[Op],
    tombs: &mut Vec<Tomb>,
    may_copy: &mut dyn FnMut(&Node, usize) -> Result<(), Problem>,
) -> Result<(), Problem> {
    ops.iter().try_for_each(|op| {
        if let Some(value) = carried(node, op) {
            may_copy(value, op.path.matches('/').count())?;
        }
        one(node, op, tombs).map_err(|why| {
            Problem::error(format!(
                "JSON patch `{} {}` cannot be applied: {why}",
                op.name, op.path
            ))
        })
    })
}

/// The value that an operation puts somewhere.
fn carried<'n>(node: &'n mut Node, op: &'n Op) -> Option<&'n Node> {
    match op.name.as_str() {
        "add" | "replace" => op.value.as_ref(),
        "move" | "copy" => get(node, &op.from).ok(),
        _ => None,
    }
}

fn one(root: &mut Node, op: &Op, tombs: &mut Vec<Tomb>) -> Result<(), String> {
    let value = || {
        let null = || Node::scalar(crate::yaml::Scalar::plain("null"), op.origin);
        op.value.clone().unwrap_or_else(null)
    };
    match op.name.as_str() {
        "add" => add(root, &op.path, value()),
        "replace" => {
            if let Some(old) = replace(root, &op.path, value())? {
                tombs.push((op.path.clone(), old.origin, op.origin));
            }
            Ok(())
        }
        "remove" => {
            let old = remove(root, &op.path)?;
            tombs.push((op.path.clone(), old.origin, op.origin));
            Ok(())
        }
        "move" => {
            let moved = remove(root, &op.from)?;
            add(root, &op.path, moved)
        }
        "copy" => {
            let copied = get(root, &op.from)?.clone();
            add(root, &op.path, copied)
        }
        "test" => match get(root, &op.path) {
            Ok(found) if found.same(&value()) => Ok(()),
            Err(_) if op.value.as_ref().is_none_or(Node::is_null) => Ok(()),
            _ => Err("the tested value differs".to_owned()),
        },
        other => Err(format!("unknown operation `{other}`")),
    }
}

/// The parts of a pointer; the last one apart.
fn split(path: &str) -> Result<(Vec<String>, String), String> {
    let mut parts: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|p| p.replace("~1", "/").replace("~0", "~"))
        .collect();
    let last = parts
        .pop()
        .ok_or_else(|| "the path must begin with `/`".to_owned())?;
    Ok((parts, last))
}

fn parent<'n>(root: &'n mut Node, parts: &[String]) -> Result<&'n mut Node, String> {
    parts.iter().try_fold(root, |node, part| {
        let missing = || format!("there is no `{part}` on the way");
        match &mut node.kind {
            Kind::Map(entries) => entries
                .iter_mut()
                .find(|e| *e.key.text == **part)
                .map(|e| &mut e.value)
                .ok_or_else(missing),
            Kind::Seq(items) => {
                let at = existing(part, items.len())?;
                items.get_mut(at).ok_or_else(missing)
            }
            Kind::Scalar(_) => Err(format!("`{part}` would be inside of a scalar")),
        }
    })
}

/// The index of an element that is there; negative ones count from the end.
fn existing(part: &str, len: usize) -> Result<usize, String> {
    let index: i64 = part.parse().map_err(|_| format!("`{part}` is no list index"))?;
    let at = if index < 0 { index + len as i64 } else { index };
    usize::try_from(at)
        .ok()
        .filter(|at| *at < len)
        .ok_or_else(|| format!("list index {part} is out of range"))
}

/// The index at which an element can be put in.
fn slot(part: &str, len: usize) -> Result<usize, String> {
    if part == "-" {
        return Ok(len);
    }
    let index: i64 = part.parse().map_err(|_| format!("`{part}` is no list index"))?;
    let at = if index < 0 { index + len as i64 + 1 } else { index };
    usize::try_from(at)
        .ok()
        .filter(|at| *at <= len)
        .ok_or_else(|| format!("list index {part} is out of range"))
}

fn get<'n>(root: &'n mut Node, path: &str) -> Result<&'n Node, String> {
    if path.is_empty() {
        return Ok(root);
    }
    let (parts, last) = split(path)?;
    let mut all = parts;
    all.push(last);
    parent(root, &all).map(|n| &*n)
}

fn add(root: &mut Node, path: &str, value: Node) -> Result<(), String> {
    let (parts, last) = split(path)?;
    match &mut parent(root, &parts)?.kind {
        Kind::Seq(items) => {
            let at = slot(&last, items.len())?;
            items.insert(at, value);
        }
        Kind::Scalar(_) => return Err("the parent is a scalar".to_owned()),
        Kind::Map(_) => parent(root, &parts)?.set(&last, value),
    }
    Ok(())
}

/// Replaces a value, and gives the old one. A missing key of a map is set all the same.
fn replace(root: &mut Node, path: &str, value: Node) -> Result<Option<Node>, String> {
    if path.is_empty() {
        return Ok(Some(std::mem::replace(root, value)));
    }
    let (parts, last) = split(path)?;
    let parent = parent(root, &parts)?;
    match &mut parent.kind {
        Kind::Scalar(_) => Err("the parent is a scalar".to_owned()),
        Kind::Map(entries) => {
            if let Some(entry) = entries.iter_mut().find(|e| *e.key.text == *last) {
                return Ok(Some(std::mem::replace(&mut entry.value, value)));
            }
            parent.set(&last, value);
            Ok(None)
        }
        Kind::Seq(items) => {
            let at = existing(&last, items.len())?;
            Ok(Some(std::mem::replace(&mut items[at], value)))
        }
    }
}

fn remove(root: &mut Node, path: &str) -> Result<Node, String> {
    let (parts, last) = split(path)?;
    let parent = parent(root, &parts)?;
    match &mut parent.kind {
        Kind::Seq(items) => {
            let at = existing(&last, items.len())?;
            Ok(items.remove(at))
        }
        _ => parent
            .remove(&last)
            .ok_or_else(|| format!("there is no `{last}`")),
    }
}
