//! The load generators: how many requests, with which headers, and users who keep their cookies.

use super::rule::Name;
use super::rule::Request;
use std::collections::BTreeMap;

/// Who sends a part of an apex' requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Requests a second.
    pub per_s: f64,
    /// A header that every request has, by its name in lower case; `:path` is the path.
    pub with: Option<(String, String)>,
    /// How many users take turns, each with a cookie jar of its own; 0 for clients that keep none.
    pub users: usize,
}

/// The cookies of one user: by name the value, who set it, and when it expires, in seconds of the load generator.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar(BTreeMap<String, Kept>);

#[derive(Clone, Debug)]
struct Kept {
    value: String,
    from: Name,
    until_s: f64,
}

impl Load {
    /// The request that a user with these cookies sends.
    pub(super) fn request(&self, jar: Option<&Jar>) -> Request {
        let mut request = Request::default();
        match &self.with {
            Some((name, value)) if name == ":path" => request.path.clone_from(value),
            Some((name, value)) => drop(request.headers.insert(name.to_lowercase(), value.clone())),
            None => {}
        }
        let cookies = jar.map(Jar::header).filter(|header| !header.is_empty());
        if let Some(cookies) = cookies {
            request.headers.insert("cookie".to_owned(), cookies);
        }
        request
    }
}

impl Jar {
    fn header(&self) -> String {
        let cookies = self.0.iter().map(|(name, kept)| format!("{name}={}", kept.value));
        cookies.collect::<Vec<_>>().join("; ")
    }

    /// Throws away what has expired.
    pub(super) fn expire(&mut self, now_s: f64) {
        self.0.retain(|_, kept| kept.until_s > now_s);
    }

    /// Takes what an answer sets.
    pub(super) fn take(&mut self, set_cookie: &str, from: &Name, now_s: f64) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|cookie| cookie.split_once('=')) else {
            return;
        };
        let age_s: Option<f64> = parts.find_map(|part| part.strip_prefix("Max-Age=")?.parse().ok());
        let kept = Kept {
            value: value.to_owned(),
            from: from.clone(),
            until_s: age_s.map_or(f64::INFINITY, |age_s| now_s + age_s),
        };
        match age_s {
            Some(age_s) if age_s <= 0.0 => drop(self.0.remove(name)),
            _ => drop(self.0.insert(name.to_owned(), kept)),
        }
    }

    /// Whether the user still has a cookie from somebody else than who answers now.
    pub(super) fn strays_to(&self, service: &Name) -> bool {
        self.0.values().any(|kept| kept.from != *service)
    }

    /// Whether the user has any cookie.
    pub(super) fn is_kept(&self) -> bool {
        !self.0.is_empty()
    }
}
