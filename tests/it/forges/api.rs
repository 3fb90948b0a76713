//! A forge's published API as a table, and the check of a request against it: stricter than the forges are.

use serde_json::Value;
use std::collections::BTreeMap;

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: String,
    method: String,
    path: Vec<String>,
    query: Vec<Field>,
    body: Option<Vec<Field>>,
    pub(crate) status: u16,
}

/// A query parameter or a field of the body.
#[derive(Debug)]
struct Field {
    name: String,
    required: bool,
    kind: String,
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
        let lines = table
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        Self(lines.map(operation).collect())
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
                let map = body
                    .as_object()
                    .ok_or((422, "the body is no object".to_owned()))?;
                let given: Vec<_> = map.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                fields(wanted, &given, false).map_err(|why| (422, why))?;
                body
            }
        };
        Ok(Asked {
            name: operation.name.clone(),
            status: operation.status,
            path,
            query,
            body,
        })
    }
}

fn operation(line: &str) -> Operation {
    let (line, status) = line.rsplit_once('>').unwrap();
    let (line, body) = match line.split_once(" =") {
        Some((line, body)) => (line, Some(body)),
        None => (line, None),
    };
    let (line, query) = line.split_once(" ? ").unwrap_or((line, ""));
    let mut words = line.split_whitespace();
    Operation {
        name: words.next().unwrap().to_owned(),
        method: words.next().unwrap().to_owned(),
        path: words.next().unwrap().split('/').map(str::to_owned).collect(),
        query: query.split_whitespace().map(field).collect(),
        body: body.map(|body| body.split_whitespace().map(field).collect()),
        status: status.trim().parse().unwrap(),
    }
}

fn field(word: &str) -> Field {
    let (name, kind) = word.split_once(':').unwrap();
    Field {
        name: name.trim_end_matches('*').to_owned(),
        required: name.ends_with('*'),
        kind: kind.to_owned(),
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
    for (name, value) in given {
        let Some(field) = wanted.iter().find(|field| field.name == *name) else {
            return Err(format!("unknown field {name}"));
        };
        if !fits(&field.kind, value, text) {
            return Err(format!("field {name} must be {}, not {value}", field.kind));
        }
    }
    let missing = wanted
        .iter()
        .find(|field| field.required && !given.iter().any(|(name, _)| *name == field.name));
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
    let api = Api::read("a GET /x/{id} ? n:int s:on|off > 200\nb POST /x = t*:string d:bool > 201\n");
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
