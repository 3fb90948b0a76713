//! What a proxy does with a request: the rules of an apex, whichever object they were written in.

use regex::Regex;
use std::collections::BTreeMap;

/// Namespace and name of a Service.
pub type Name = (String, String);

/// A request, as far as rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path.
    pub path: String,
    /// Headers by their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Default for Request {
    /// A plain request to `/`.
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            headers: BTreeMap::new(),
        }
    }
}

/// One rule: of all that match a request, the first counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// One of these must hold; without any the rule takes every request.
    pub matches: Vec<Vec<Test>>,
    /// Where the requests go.
    pub backends: Vec<Backend>,
    /// Who gets copies of them.
    pub mirrors: Vec<Mirror>,
    /// `Set-Cookie` of every answer.
    pub sets: Vec<String>,
    /// Who carries them, and so counts them.
    pub proxy: Proxy,
}

/// One backend of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The Service.
    pub service: Name,
    /// Its share, in thousandths of what the object says, relative to the other backends of the rule.
    pub weight: i64,
    /// `Set-Cookie` of its answers.
    pub sets: Vec<String>,
}

impl Backend {
    /// A backend that adds nothing to its answers.
    pub fn new(service: Name, weight: i64) -> Self {
        Self {
            service,
            weight: weight.max(0).saturating_mul(1000),
            sets: Vec::new(),
        }
    }
}

/// Who gets copies of the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The Service.
    pub service: Name,
    /// How many of the requests, in percent.
    pub percent: i64,
}

/// Who carries the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// The client itself, or the mesh's proxies beside the pods.
    #[default]
    Sidecar,
    /// Istio.
    Istio,
    /// The NGINX controller, for this Ingress.
    Nginx {
        /// The Ingress' name.
        ingress: String,
    },
    /// Contour's Envoy.
    Contour {
        /// The Service's port.
        port: i64,
    },
    /// Traefik.
    Traefik {
        /// The Service's port.
        port: i64,
    },
    /// Gloo's Envoy, which calls a Service by its Upstream.
    Gloo {
        /// The Upstream of each Service.
        upstreams: BTreeMap<Name, String>,
    },
}

/// One condition of a match.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// On the path.
    Path(Text),
    /// On a header, by its name in lower case.
    Header(String, Text),
    /// The header is not there, or has none of these values.
    NotHeader(String, Vec<String>),
    /// On one cookie, by its name.
    Cookie(String, Text),
    /// On something no request of the load generators has (query parameters, methods other than GET, source labels).
    Never,
}

impl Test {
    fn holds(&self, request: &Request) -> bool {
        let header = |name: &str| request.headers.get(name).map(String::as_str);
        match self {
            Self::Path(text) => text.takes(&request.path),
            Self::Header(name, text) => header(name).is_some_and(|value| text.takes(value)),
            Self::NotHeader(name, values) => {
                header(name).is_none_or(|value| !values.iter().any(|other| other == value))
            }
            Self::Cookie(name, text) => cookies(header("cookie").unwrap_or_default())
                .any(|(cookie, value)| cookie == name && text.takes(value)),
            Self::Never => false,
        }
    }
}

/// A condition on a text.
#[derive(Clone, Debug)]
pub enum Text {
    /// Equal.
    Exact(String),
    /// Begins so, at a slash or its end.
    Path(String),
    /// Begins so.
    Prefix(String),
    /// Contains it.
    Contains(String),
    /// Anything.
    Any,
    /// Matches as a whole.
    Regex(Regex),
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b))
            | (Self::Path(a), Self::Path(b))
            | (Self::Prefix(a), Self::Prefix(b))
            | (Self::Contains(a), Self::Contains(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            (Self::Any, Self::Any) => true,
            _ => false,
        }
    }
}

impl Text {
    /// A regular expression for the whole text; one that cannot be read takes nothing.
    pub fn regex(pattern: &str) -> Option<Self> {
        Regex::new(&format!("^(?:{pattern})$")).ok().map(Self::Regex)
    }

    fn takes(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Path(prefix) => {
                let prefix = prefix.trim_end_matches('/');
                text.strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Contains(part) => text.contains(part),
            Self::Any => true,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Rule {
    /// Whether it takes a request.
    pub fn takes(&self, request: &Request) -> bool {
        let one = |tests: &Vec<Test>| tests.iter().all(|test| test.holds(request));
        self.matches.is_empty() || self.matches.iter().any(one)
    }

    /// The share of a Service, in percent, if it is a backend at all.
    pub fn share_pct(&self, service: &Name) -> Option<i64> {
        let weight = self
            .backends
            .iter()
            .find(|backend| backend.service == *service)?
            .weight;
        let all: i64 = self.backends.iter().map(|backend| backend.weight).sum();
        Some(if all == 0 { 0 } else { weight * 100 / all })
    }
}

/// The cookies of a `Cookie` header.
pub fn cookies(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|one| one.trim().split_once('='))
}
