//! What recant writes so that it, or another recant, knows its own work again: HTML comments in pull requests and
//! comments, trailers in commit messages. Nobody's memory is needed.

use crate::template;
use serde_json::json;

/// The trailer with the name of the Revert.
pub(super) const REVERT: &str = "Recant-Revert";
/// The trailer with the commit that is undone.
pub(super) const UNDOES: &str = "Recant-Undoes";
/// The trailer with the cluster that pushed.
pub(super) const CLUSTER: &str = "Recant-Cluster";
/// The trailer with the digest of the plan.
pub(super) const DIGEST: &str = "Recant-Digest";

/// The value of a trailer in a commit message; the last one counts.
pub(super) fn trailer<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    let mut values = message
        .lines()
        .filter_map(|line| line.split_once(": ").filter(|(k, _)| *k == key));
    values.next_back().map(|(_, value)| value.trim())
}

/// Text as one word of a marker: what could end an HTML comment, or a word, becomes `_`.
pub(super) fn word(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._/".contains(c);
    let mut out = String::new();
    for c in text.chars() {
        // Two dashes in a row end a comment in some readers.
        let dash = c == '-' && !out.ends_with('-');
        out.push(if safe(c) || dash { c } else { '_' });
    }
    out
}

/// The last line of a pull request's body: who wrote it, and of which plan it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BodyMarker {
    pub(super) cluster: String,
    pub(super) revert: String,
    pub(super) undoes: String,
    pub(super) digest: String,
}

const BODY: &str = "<!-- recant:revert ";

impl BodyMarker {
    /// The text with this marker at its end.
    pub(super) fn mark(&self, text: &str) -> String {
        let text = text.trim_end();
        let Self {
            cluster,
            revert,
            undoes,
            digest,
        } = self;
        let hash = text_hash(text);
        format!(
            "{text}\n\n{BODY}cluster={cluster} revert={revert} undoes={undoes} digest={digest} text={hash} -->\n"
        )
    }

    /// Reads the marker of a body; and whether somebody has edited what stands above it.
    pub(super) fn read(body: &str) -> Option<(Self, bool)> {
        let (text, rest) = body.rsplit_once(BODY)?;
        let (words, _) = rest.split_once("-->")?;
        let value = |key: &str| {
            let found = words
                .split_whitespace()
                .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            found.map(str::to_owned)
        };
        let marker = Self {
            cluster: value("cluster")?,
            revert: value("revert")?,
            undoes: value("undoes")?,
            digest: value("digest")?,
        };
        let edited = value("text")? != text_hash(text);
        Some((marker, edited))
    }
}

/// A hash of what a text says, whatever a host did to its line ends.
pub(super) fn text_hash(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    template::hash(&json!(lines))
}

/// What the comment of a cluster is known by.
pub(super) fn evidence(cluster: &str) -> String {
    format!("<!-- recant:evidence cluster={} -->", word(cluster))
}

/// Stands in a cluster's comment beside that: the Revert there. Clusters that deploy the same directory name it alike.
pub(super) fn behind(revert: &str) -> String {
    format!("{BEHIND}{revert} -->")
}

const BEHIND: &str = "<!-- recant:behind revert=";

/// Stands in a cluster's comment once that cluster needs the pull request no more.
pub(super) const WITHDRAWN: &str = "<!-- recant:withdrawn -->";

/// Stands in the comment with which recant closes a pull request.
pub(super) fn closed(cluster: &str) -> String {
    format!("{CLOSED}cluster={} -->", word(cluster))
}

const CLOSED: &str = "<!-- recant:closed ";

/// Whether one of the comments says that recant closed the pull request.
pub(super) fn is_closed_by_recant(comments: &[String]) -> bool {
    comments.iter().any(|comment| comment.contains(CLOSED))
}

/// The clusters that still stand behind a pull request, each with the name of its Revert: the one that wrote the body,
/// and those that commented; without those that took it back.
pub(super) fn standing(body: &str, comments: &[String]) -> Vec<(String, String)> {
    let mut clusters: Vec<(String, String)> = BodyMarker::read(body)
        .map(|(marker, _)| (marker.cluster, marker.revert))
        .into_iter()
        .collect();
    for comment in comments {
        let Some(cluster) = comment
            .split_once("<!-- recant:evidence cluster=")
            .and_then(|(_, rest)| rest.split_once(" -->"))
            .map(|(cluster, _)| cluster.to_owned())
        else {
            continue;
        };
        clusters.retain(|(known, _)| *known != cluster);
        if !comment.contains(WITHDRAWN) {
            let revert = comment
                .split_once(BEHIND)
                .and_then(|(_, rest)| rest.split_once(" -->"));
            clusters.push((
                cluster,
                revert.map_or_else(String::new, |(revert, _)| revert.to_owned()),
            ));
        }
    }
    clusters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> BodyMarker {
        BodyMarker {
            cluster: word("a"),
            revert: "flux-system/x".to_owned(),
            undoes: "c".repeat(40),
            digest: "d".to_owned(),
        }
    }

    #[test]
    fn a_body_is_known_again_and_an_edit_of_it_is_seen() {
        let body = marker().mark("One.  \nTwo.");
        assert_eq!(BodyMarker::read(&body), Some((marker(), false)));
        let mangled = body.replace('\n', "\r\n").replace("One.  ", "One.");
        assert_eq!(
            BodyMarker::read(&mangled),
            Some((marker(), false)),
            "hosts change line ends"
        );
        assert_eq!(
            BodyMarker::read(&body.replace("Two", "Three")),
            Some((marker(), true))
        );
        assert_eq!(BodyMarker::read("nothing of ours"), None);
    }

    #[test]
    fn no_name_ends_a_marker() {
        for name in ["--> x", "a b", "a-->", "x--y", "<!--"] {
            let word = word(name);
            assert!(
                !word.contains("--") && !word.contains(['>', '<', ' ']),
                "{name} → {word}"
            );
        }
        assert_eq!(word("prod-eu.west/1"), "prod-eu.west/1");
    }

    #[test]
    fn who_stands_behind_a_pull_request_is_told_by_body_and_comments() {
        let body = marker().mark("text");
        let b = format!("b too\n{}\n{}", evidence("b"), behind("flux-system/y"));
        let pair = |cluster: &str, revert: &str| (cluster.to_owned(), revert.to_owned());
        let (a_stands, b_stands) = (pair("a", "flux-system/x"), pair("b", "flux-system/y"));
        assert_eq!(
            standing(&body, std::slice::from_ref(&b)),
            [a_stands, b_stands.clone()]
        );
        let back = format!("no more\n{}\n{WITHDRAWN}", evidence("a"));
        assert_eq!(standing(&body, &[b, back]), [b_stands]);
    }

    #[test]
    fn the_last_trailer_counts_and_only_whole_keys_are_trailers() {
        let message = "Title\n\nRecant-Undoes: no\nX-Recant-Undoes: no\nRecant-Undoes: yes\n";
        assert_eq!(trailer(message, UNDOES), Some("yes"));
        assert_eq!(trailer(message, DIGEST), None);
    }
}
