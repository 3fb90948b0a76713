//! Field paths of replacements: `spec.containers.[name=web].env.0.value`, with `*` and `\.`.

use crate::origin::OriginId;
use crate::problem::Problem;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Scalar;
use regex::Regex;

/// Splits a path at dots; `\.` and dots in brackets do not split.
pub(crate) fn split(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut join = false;
    for piece in path.split('.') {
        match parts.last_mut() {
            Some(last) if join => {
                last.pop();
                last.push('.');
                last.push_str(piece);
            }
            _ => parts.push(piece.to_owned()),
        }
        join = parts.last().is_some_and(|p| p.ends_with('\\'));
    }
    brackets(parts)
}

/// Puts what stands between brackets together again. Brackets without `=` only protect dots.
fn brackets(split: Vec<String>) -> Vec<String> {
    let mut parts = Vec::new();
    let mut pieces = split.into_iter();
    while let Some(piece) = pieces.next() {
        if !piece.starts_with('[') || piece.ends_with(']') {
            parts.push(piece);
            continue;
        }
        let mut whole = piece;
        for more in pieces.by_ref() {
            whole.push('.');
            whole.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        if !whole.contains('=') {
            whole = whole.trim_matches(['[', ']']).to_owned();
        }
        parts.push(whole);
    }
    parts
}

/// `[name=value]` as name and value; the name may be empty.
fn list_index(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

/// The one node at a path, for sources.
pub(crate) fn get<'n>(node: &'n Node, path: &[String]) -> Result<Option<&'n Node>, Problem> {
    let mut here = node;
    for part in path.iter().map(|p| p.trim()).filter(|p| !p.is_empty()) {
        if part == "*" {
            return Err(Problem::error("`*` works only in targets"));
        }
        let next = match (&here.kind, list_index(part)) {
            (Kind::Seq(items), Some((name, value))) => items.iter().find(|item| {
                let text = if name.is_empty() {
                    item.text()
                } else {
                    item.get(name).and_then(Node::text)
                };
                text == Some(value)
            }),
            (Kind::Seq(items), None) if part == "-" => items.last(),
            (Kind::Seq(items), None) => match part.parse::<usize>() {
                Ok(at) => items.get(at),
                Err(_) => return Err(Problem::error(format!("`{part}` is no place in a list"))),
            },
            (Kind::Map(_), None) => here.get(part),
            (Kind::Map(_), Some(_)) => return Err(Problem::error(format!("`{part}` needs a list"))),
            (Kind::Scalar(_), _) => None,
        };
        match next.filter(|n| !n.is_null()) {
            Some(next) => here = next,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// What is made at the end of a path that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Create {
    Nothing,
    Scalar,
    Map,
    Seq,
}

/// Calls `set` on every node the path leads to; gives their number.
pub(crate) fn each(
    node: &mut Node,
    path: &[String],
    create: Create,
    by: OriginId,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Problem>,
) -> Result<usize, Problem> {
    let Some((part, rest)) = path.split_first() else {
        set(node)?;
        return Ok(1);
    };
    if let Ok(at) = part.parse::<usize>() {
        return index(node, at, rest, create, by, set);
    }
    if let Some((name, pattern)) = list_index(part) {
        return matching(node, name, pattern, rest, create, by, set);
    }
    if part == "*" {
        let mut hits = 0;
        for item in list(node, part)? {
            hits += each(item, rest, create, by, set)?;
        }
        return Ok(hits);
    }
    field(node, part, rest, create, by, set)
}

type Set<'s> = &'s mut dyn FnMut(&mut Node) -> Result<(), Problem>;

fn list<'n>(node: &'n mut Node, part: &str) -> Result<&'n mut Vec<Node>, Problem> {
    match &mut node.kind {
        Kind::Seq(items) => Ok(items),
        Kind::Scalar(_) | Kind::Map(_) => Err(Problem::error(format!("`{part}` needs a list"))),
    }
}

fn made(next: Option<&String>, create: Create, by: OriginId) -> Node {
    let kind = match next {
        Some(next) if list_index(next).is_some() || next.parse::<usize>().is_ok() => Create::Seq,
        Some(_) => Create::Map,
        None => create,
    };
    match kind {
        Create::Map => Node::map(by),
        Create::Seq => Node::new(Kind::Seq(Vec::new()), by),
        Create::Nothing | Create::Scalar => Node::scalar(Scalar::plain(""), by),
    }
}

fn index(
    node: &mut Node,
    at: usize,
    rest: &[String],
    create: Create,
    by: OriginId,
    set: Set<'_>,
) -> Result<usize, Problem> {
    let items = list(node, &at.to_string())?;
    if items.len() == at && create != Create::Nothing {
        items.push(made(rest.first(), create, by));
    }
    let len = items.len();
    match items.get_mut(at) {
        Some(item) => each(item, rest, create, by, set),
        None => Err(Problem::error(format!(
            "index {at} is out of range, there are {len} elements"
        ))),
    }
}

fn matching(
    node: &mut Node,
    name: &str,
    pattern: &str,
    rest: &[String],
    create: Create,
    by: OriginId,
    set: Set<'_>,
) -> Result<usize, Problem> {
    let regex =
        Regex::new(pattern).map_err(|_| Problem::error(format!("`{pattern}` is no regular expression")))?;
    let items = list(node, &format!("[{name}={pattern}]"))?;
    let fits = |item: &Node| {
        let text = if name.is_empty() {
            item.text()
        } else {
            item.get(name).and_then(Node::text)
        };
        text.is_some_and(|t| regex.is_match(t.trim()))
    };
    let mut hits = 0;
    for item in items.iter_mut().filter(|i| fits(i)) {
        // A path ends at elements that are scalars themselves.
        hits += each(item, if name.is_empty() { &[] } else { rest }, create, by, set)?;
    }
    if hits > 0 || create == Create::Nothing {
        return Ok(hits);
    }
    let value = Node::scalar(Scalar::plain(pattern), by);
    let element = if name.is_empty() {
        value
    } else {
        let mut map = Node::map(by);
        map.set(name, value);
        map
    };
    items.push(element);
    match items.last_mut() {
        Some(item) => each(item, if name.is_empty() { &[] } else { rest }, create, by, set),
        None => Ok(0),
    }
}

fn field(
    node: &mut Node,
    part: &str,
    rest: &[String],
    create: Create,
    by: OriginId,
    set: Set<'_>,
) -> Result<usize, Problem> {
    match &node.kind {
        Kind::Scalar(_) if node.is_null() => {}
        Kind::Map(_) => {}
        Kind::Scalar(_) => {
            return Err(Problem::unsupported(format!(
                "`{part}` would be inside of a scalar; structured text in scalars is not edited here"
            )));
        }
        Kind::Seq(_) => return Err(Problem::error(format!("`{part}` needs a map, this is a list"))),
    }
    if node.get(part).is_none() {
        if create == Create::Nothing {
            return Ok(0);
        }
        node.set(part, made(rest.first(), create, by));
    }
    match node.get_mut(part) {
        // kustomize reads on in the text of a scalar: `null` takes anything in, and forgets it; no text is no map.
        Some(next) if next.is_null() && !rest.is_empty() && create != Create::Nothing => match next.text() {
            None | Some("") => Err(Problem::error(format!(
                "`{part}` is empty, and nothing is made inside of it; take the field out"
            ))),
            Some(_) => Ok(1),
        },
        Some(next) => each(next, rest, create, by, set),
        None => Ok(0),
    }
}
