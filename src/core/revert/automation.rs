//! Lines that Flux image automation writes, and taking its marker out of them.
//!
//! A restored line with the marker would be bumped again within one interval of the automation.

#[cfg(test)]
mod tests;

use super::Plan;
use super::Undo;
use crate::diff;
use crate::diff::Text;
use recant_render::Tree;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

const MARKER: &str = "\"$imagepolicy\"";

/// A changed line that image automation writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Automation {
    /// The ImagePolicy, `namespace:name` with its `:tag`, `:name` or `:digest` when it sets only that.
    pub policy: String,
    /// The file.
    pub file: String,
    /// The line at head, counted from 1.
    pub line: usize,
    /// Whether the plan takes the marker out of the line.
    pub held: bool,
    /// The comment to put back on the line to let the automation write it again.
    pub marker: String,
}

/// Notes the lines of a plan that automation writes, and takes the markers out when that is asked for and the edit
/// still does what it should.
pub(super) fn report(undo: &Undo<'_>, plan: &mut Plan, restores: &dyn Fn(&Tree) -> bool) {
    let mut held = plan.files.clone();
    for (file, new) in &mut held {
        let (Some(head), Some(bytes)) = (undo.head.bytes(file), new.as_mut()) else {
            continue;
        };
        let marked = marked(head, bytes);
        let lines: Vec<usize> = marked.iter().map(|m| m.now).collect();
        plan.automation.extend(marked.into_iter().map(|m| Automation {
            policy: m.policy,
            file: file.clone(),
            line: m.was + 1,
            held: false,
            marker: m.comment,
        }));
        *bytes = take_out(bytes, &lines);
    }
    if !undo.hold_automation || plan.automation.is_empty() {
        return;
    }
    let before = std::mem::replace(&mut plan.files, held);
    if restores(&plan.apply(undo.head)) {
        plan.automation.iter_mut().for_each(|a| a.held = true);
    } else {
        plan.files = before;
        plan.notes
            .push("the image policy's marker is part of a value, so it was left where it is".to_owned());
    }
}

/// A changed line with a marker, at head and as it will be.
struct Marked {
    was: usize,
    now: usize,
    policy: String,
    comment: String,
}

fn marked(head: &[u8], new: &[u8]) -> Vec<Marked> {
    let (head, new) = (Text::of(head).bodies(), Text::of(new).bodies());
    let pairs = diff::hunks(&head, &new)
        .into_iter()
        .flat_map(|hunk| hunk.old.zip(hunk.new));
    let marked = |(was, now): (usize, usize)| {
        let (policy, comment) = marker(new[now]).or_else(|| marker(head[was]))?;
        Some(Marked {
            was,
            now,
            policy,
            comment,
        })
    };
    pairs.filter_map(marked).collect()
}

/// The image policy that a line names, and the comment that does it.
fn marker(line: &[u8]) -> Option<(String, String)> {
    let (policy, at, end) = find(std::str::from_utf8(line).ok()?)?;
    let comment = String::from_utf8_lossy(&line[at..end]).into_owned();
    Some((policy, comment))
}

/// Where the comment stands: the policy, the `#`, and the end of the JSON behind it.
fn find(line: &str) -> Option<(String, usize, usize)> {
    let named = line.find(MARKER)?;
    let open = line[..named].rfind('{')?;
    let at = line[..open].rfind('#')?;
    if !line[at + 1..open].trim().is_empty() {
        return None;
    }
    let mut json = serde_json::Deserializer::from_str(&line[open..]).into_iter::<Value>();
    let policy = json.next()?.ok()?.get("$imagepolicy")?.as_str()?.to_owned();
    Some((policy, at, open + json.byte_offset()))
}

/// The file without the markers of these lines (counted from 0). A word stays in their place; it is none to Flux.
fn take_out(bytes: &[u8], lines: &[usize]) -> Vec<u8> {
    let text = Text::of(bytes);
    let mut out = bytes[..if text.bom { 3 } else { 0 }].to_vec();
    for (at, line) in text.lines.iter().enumerate() {
        let found = std::str::from_utf8(line.body)
            .ok()
            .filter(|_| lines.contains(&at))
            .and_then(find);
        match found {
            Some((policy, start, end)) => {
                out.extend(&line.body[..start]);
                out.extend(format!("# held by recant, was imagepolicy {policy}").bytes());
                out.extend(&line.body[end..]);
            }
            None => out.extend(line.body),
        }
        out.extend(line.end);
    }
    out
}
