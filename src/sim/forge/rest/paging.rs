//! Pages of a list: `page`, `limit`, and the headers that tell of the others.

use super::Asked;
use super::Response;
use super::encode;
use serde_json::Value;

const DEFAULT_LIMIT: usize = 30;
const MAX_LIMIT: usize = 50;

impl Asked<'_> {
    /// One page of a list.
    pub(super) fn page(&self, all: Vec<Value>) -> Response {
        let number = |name: &str| self.query.get(name).and_then(|text| text.parse::<usize>().ok());
        let page = number("page").unwrap_or(1).max(1);
        let limit = match number("limit") {
            None | Some(0) => DEFAULT_LIMIT,
            Some(limit) => limit.min(MAX_LIMIT),
        };
        let total = all.len();
        let shown = all
            .into_iter()
            .skip((page - 1).saturating_mul(limit))
            .take(limit)
            .collect();
        let mut response = Response::json(200, Value::Array(shown));
        response.headers.push(("X-Total-Count", total.to_string()));
        if let Some(link) = self.link(page, total.div_ceil(limit)) {
            response.headers.push(("Link", link));
        }
        response
    }

    fn link(&self, page: usize, last: usize) -> Option<String> {
        let mut links = Vec::new();
        if page < last {
            links.push((page + 1, "next"));
            links.push((last, "last"));
        }
        if page > 1 {
            links.push((1, "first"));
            links.push((page - 1, "prev"));
        }
        let link = |(page, rel): &(usize, &str)| {
            let mut query = self.query.clone();
            query.insert("page".to_owned(), page.to_string());
            let query: Vec<String> = query
                .iter()
                .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
                .collect();
            let base = self.forge.base_url();
            format!("<{base}{}?{}>; rel=\"{rel}\"", self.request.path, query.join("&"))
        };
        (!links.is_empty()).then(|| links.iter().map(link).collect::<Vec<_>>().join(","))
    }
}
