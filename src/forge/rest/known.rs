//! Answers that a host may confirm instead of sending them again. GitHub does not count a confirmation.

use super::reply::Reply;
use http::header;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;

/// How many answers are kept.
const MOST: usize = 128;
/// The longest answer that is kept, in bytes.
const LONGEST: usize = 1 << 20;

/// The answers of one host with their tags, by path and query; the newest first.
#[derive(Default)]
pub(super) struct Known(Mutex<VecDeque<(String, String, Reply)>>);

impl Known {
    /// Tag and answer.
    pub(super) fn get(&self, target: &str) -> Option<(String, Reply)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, etag, reply) = all.iter().find(|(known, ..)| known == target)?;
        Some((etag.clone(), reply.clone()))
    }

    /// Keeps an answer, if it has a tag.
    pub(super) fn put(&self, target: String, reply: &Reply) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, ..)| *known != target);
        let etag = reply.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        if let Some(etag) = etag.filter(|_| reply.body.len() <= LONGEST) {
            all.truncate(MOST - 1);
            all.push_front((target, etag.to_owned(), reply.clone()));
        }
    }
}
