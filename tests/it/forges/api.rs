//! A forge's published API as a table, and the check of requests and answers against it: stricter than the forges are.
//!
//! `api/*.api` are the tables; `api/described.py` holds them against the descriptions that the forges publish.

use serde_json::Value;
use std::collections::BTreeMap;

/// One operation.
#[derive(Debug)]
struct Operation {
    name: String,
    method: String,
    path: Vec<String>,
    query: Vec<Field>,
    body: Option<Vec<Field>>,
    /// The good one first.
    statuses: Vec<u16>,
    answer: Vec<Field>,
}

/// A query parameter, or a field of a body by its path: `head.ref`, `values[].id`.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    required: bool,
    kind: String,
    /// What of it may be null: itself, or what it is in.
    nullable: Vec<String>,
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) status: u16,
    pub(crate) path: BTreeMap<String, String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn query(&self, key: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, key: &str) -> u64 {
        self.path[key].parse().unwrap_or_default()
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        Some(self.body.get(key)?.as_str()?.to_owned())
    }
}

/// All operations of one forge.
#[derive(Debug)]
pub(crate) struct Api(Vec<Operation>);

impl Api {
    /// Reads a table.
    pub(crate) fn read(table: &str) -> Self {
        let mut shapes = BTreeMap::new();
        let mut operations = Vec::new();
        for line in table
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        {
            match line.strip_prefix("shape ").and_then(|line| line.split_once(" =")) {
                Some((name, fields)) => {
                    let fields: Vec<Field> = fields.split_whitespace().map(field).collect();
                    shapes.insert(name.trim().to_owned(), fields);
                }
                None => operations.push(operation(line, &shapes)),
            }
        }
        Self(operations)
    }

    /// The operation that a request asks for, or what is wrong with it.
    pub(crate) fn check(
        &self,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> Result<Asked, (u16, String)> {
        let found = self.0.iter().filter(|op| op.method == method);
        let (operation, path) = found
            .filter_map(|op| Some((op, params(&op.path, path)?)))
            .next()
            .ok_or_else(|| (404, format!("there is no {method} {path}")))?;
        let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let given = query
            .iter()
            .map(|(key, value)| (key.clone(), Value::String(value.clone())));
        fields(&operation.query, &given.collect::<Vec<_>>(), true).map_err(|why| (400, why))?;
        let body = match (&operation.body, body) {
            (None, []) => Value::Null,
            (None, _) => return Err((400, "a body where none belongs".to_owned())),
            (Some(wanted), body) => {
                let body: Value =
                    serde_json::from_slice(body).map_err(|e| (400, format!("the body is no JSON: {e}")))?;
                if !body.is_object() {
                    return Err((422, "the body is no object".to_owned()));
                }
                fields(wanted, &leaves(&body), false).map_err(|why| (422, why))?;
                body
            }
        };
        Ok(Asked {
            name: operation.name.clone(),
            status: operation.statuses[0],
            path,
            query,
            body,
        })
    }

    /// Whether an operation answers so; what is wrong with it. That a thing is not there may be said everywhere.
    pub(crate) fn answers(&self, name: &str, status: u16, body: &Value) -> Result<(), String> {
        let operation = self.0.iter().find(|op| op.name == name).unwrap();
        if status == operation.statuses[0] && body.is_null() {
            return Ok(());
        }
        if status == operation.statuses[0] {
            return fields(&operation.answer, &leaves(body), false);
        }
        match operation.statuses.contains(&status) || status == 404 {
            true => Ok(()),
            false => Err(format!("{name} never answers {status}")),
        }
    }
}

fn operation(line: &str, shapes: &BTreeMap<String, Vec<Field>>) -> Operation {
    let (line, answer) = line.split_once(" > ").unwrap();
    let (line, body) = match line.split_once(" =") {
        Some((line, body)) => (line, Some(body)),
        None => (line, None),
    };
    let (line, query) = line.split_once(" ? ").unwrap_or((line, ""));
    let mut words = line.split_whitespace();
    let mut answer = answer.split_whitespace();
    let status = |word: &str| word.trim_end_matches('~').parse().unwrap();
    Operation {
        name: words.next().unwrap().trim_end_matches('~').to_owned(),
        method: words.next().unwrap().to_owned(),
        path: words.next().unwrap().split('/').map(str::to_owned).collect(),
        query: query.split_whitespace().map(field).collect(),
        body: body.map(|body| body.split_whitespace().map(field).collect()),
        statuses: answer.next().unwrap().split(',').map(status).collect(),
        answer: answer.flat_map(|word| shaped(word, shapes)).collect(),
    }
}

/// The fields that a word of an answer stands for: a field, `shape`, `[shape]` or `field[shape]`.
fn shaped(word: &str, shapes: &BTreeMap<String, Vec<Field>>) -> Vec<Field> {
    if word.contains(':') {
        return vec![field(word)];
    }
    let Some((before, shape)) = word.strip_suffix(']').and_then(|word| word.split_once('[')) else {
        return shapes[word].clone();
    };
    let below = |name: &String| format!("{before}[].{name}");
    let deeper = |field: &Field| Field {
        name: below(&field.name),
        nullable: field.nullable.iter().map(below).collect(),
        ..field.clone()
    };
    shapes[shape].iter().map(deeper).collect()
}

fn field(word: &str) -> Field {
    let (path, kind) = word.split_once(':').unwrap();
    let plain = |path: &str| path.replace(['*', '~', '?'], "");
    let mut nullable: Vec<String> = path
        .match_indices('?')
        .map(|(at, _)| plain(&path[..at]))
        .collect();
    if kind.ends_with('?') {
        nullable.push(plain(path));
    }
    Field {
        name: plain(path),
        required: path.contains('*'),
        kind: kind.trim_end_matches('?').to_owned(),
        nullable,
    }
}

/// Every value in a body that holds no others, by its path.
fn leaves(body: &Value) -> Vec<(String, Value)> {
    let below = |path: &str, inner: &Value| {
        let found = leaves(inner).into_iter();
        let deeper = move |(name, value): (String, Value)| match name.is_empty() || name.starts_with('[') {
            true => (format!("{path}{name}"), value),
            false => (format!("{path}.{name}"), value),
        };
        found.map(deeper).collect::<Vec<_>>()
    };
    match body {
        Value::Object(map) => map.iter().flat_map(|(key, inner)| below(key, inner)).collect(),
        Value::Array(all) => all.iter().flat_map(|inner| below("[]", inner)).collect(),
        leaf => vec![(String::new(), leaf.clone())],
    }
}

/// The path's parameters, decoded, if it is that path. `{name...}` takes the rest.
fn params(pattern: &[String], path: &str) -> Option<BTreeMap<String, String>> {
    let parts: Vec<&str> = path.split('/').collect();
    let mut found = BTreeMap::new();
    for (at, pattern) in pattern.iter().enumerate() {
        let part = parts.get(at)?;
        let Some(name) = pattern.strip_prefix('{').and_then(|p| p.strip_suffix('}')) else {
            if pattern != part {
                return None;
            }
            continue;
        };
        if let Some(name) = name.strip_suffix("...") {
            found.insert(name.to_owned(), parts[at..].join("/"));
            return Some(found);
        }
        if part.is_empty() {
            return None;
        }
        found.insert(name.to_owned(), part.replace("%2F", "/"));
    }
    (parts.len() == pattern.len()).then_some(found)
}

fn fields(wanted: &[Field], given: &[(String, Value)], text: bool) -> Result<(), String> {
    let is_in = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    for (name, value) in given {
        if value.is_null() && wanted.iter().any(|field| field.nullable.contains(name)) {
            continue;
        }
        let whole = |field: &&Field| {
            matches!(field.kind.as_str(), "array" | "object")
                && *name != field.name
                && is_in(name, &field.name)
        };
        if wanted.iter().any(|field| whole(&field)) {
            continue;
        }
        let Some(field) = wanted.iter().find(|field| field.name == *name) else {
            return Err(format!("unknown field {name}"));
        };
        if !fits(&field.kind, value, text) {
            return Err(format!("field {name} must be {}, not {value}", field.kind));
        }
    }
    // What is required in an object is required where that object is.
    let is_due = |field: &&Field| match field.name.rsplit_once('.') {
        Some((outer, _)) => given.iter().any(|(name, _)| is_in(name, outer)),
        None => true,
    };
    let missing = wanted
        .iter()
        .filter(|field| field.required)
        .filter(is_due)
        .find(|field| !given.iter().any(|(name, _)| is_in(name, &field.name)));
    missing.map_or(Ok(()), |field| Err(format!("field {} is missing", field.name)))
}

fn fits(kind: &str, value: &Value, text: bool) -> bool {
    match kind {
        "string" => value.is_string(),
        "int" if text => value.as_str().is_some_and(|v| v.parse::<u64>().is_ok()),
        "bool" if text => matches!(value.as_str(), Some("true" | "false")),
        "int" => value.is_u64(),
        "bool" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        words => value
            .as_str()
            .is_some_and(|v| words.split('|').any(|word| word == v)),
    }
}

#[test]
fn a_request_that_the_description_does_not_know_is_refused() {
    let api = Api::read(
        "a GET /x/{id} ? n:int s:on|off > 200\nb POST /x = t*:string d:bool e.f*:int l[].g:int > 201\n",
    );
    let check = |method: &str, path: &str, query: &str, body: &str| {
        api.check(method, path, query, body.as_bytes())
            .map(|asked| asked.name)
            .map_err(|(code, _)| code)
    };
    for (method, path, query, body, expected) in [
        ("GET", "/x/1", "n=1&s=on", "", Ok("a")),
        ("GET", "/x/1", "n=one", "", Err(400)),
        ("GET", "/x/1", "s=maybe", "", Err(400)),
        ("GET", "/x/1", "m=1", "", Err(400)),
        ("GET", "/x/1", "", "{}", Err(400)),
        ("GET", "/x", "", "", Err(404)),
        ("GET", "/x/1/2", "", "", Err(404)),
        ("POST", "/x", "", r#"{"t":"a"}"#, Ok("b")),
        (
            "POST",
            "/x",
            "",
            r#"{"t":"a","e":{"f":1},"l":[{"g":1},{"g":2}]}"#,
            Ok("b"),
        ),
        ("POST", "/x", "", r#"{"t":"a","l":[{"g":1},{"h":2}]}"#, Err(422)),
        ("POST", "/x", "", r#"{"t":"a","e":{"h":1}}"#, Err(422)),
        ("POST", "/x", "", r#"{"t":1}"#, Err(422)),
        ("POST", "/x", "", r#"{"t":"a","u":1}"#, Err(422)),
        ("POST", "/x", "", r#"{"d":true}"#, Err(422)),
        ("POST", "/x", "", "nothing", Err(400)),
    ] {
        assert_eq!(
            check(method, path, query, body),
            expected.map(str::to_owned),
            "{method} {path}?{query} {body}"
        );
    }
}

#[test]
fn an_answer_that_the_description_does_not_know_is_wrong() {
    let api = Api::read(
        "shape pull = id:int at:string? head.repo?.name:string\nlist GET /x > 200,409 values[pull] next:int?\n",
    );
    for (status, body, is_right) in [
        (
            200,
            r#"{"values":[{"id":1,"at":null,"head":{"repo":null}}],"next":2}"#,
            true,
        ),
        (200, r#"{"values":[{"id":1,"head":{"repo":{"name":"n"}}}]}"#, true),
        (200, r#"{"values":[{"id":null}]}"#, false),
        (200, r#"{"values":[{"id":"1"}]}"#, false),
        (200, r#"{"values":[{"head":{"repo":{"owner":"n"}}}]}"#, false),
        (200, r#"{"more":[1]}"#, false),
        (409, r#"{"anything":1}"#, true),
        (404, "null", true),
        (422, "null", false),
    ] {
        let body = serde_json::from_str(body).unwrap();
        assert_eq!(
            api.answers("list", status, &body).is_ok(),
            is_right,
            "{status} {body}"
        );
    }
}
