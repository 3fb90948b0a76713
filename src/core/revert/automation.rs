//! Lines that Flux image automation writes, and holding it: a restored line would be bumped again within one interval.
//!
//! Two levers: the ImageRepository leaves the bad tag out, where it is declared in the same repository, so that newer
//! tags still flow; else the marker is taken out of the line.

mod exclude;
#[cfg(test)]
mod tests;

use super::Plan;
use super::Undo;
use crate::diff;
use crate::diff::Text;
use recant_render::ObjectId;
use recant_render::Tree;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

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
    /// Whether the plan holds the automation.
    pub held: bool,
    /// The comment on the line that lets the automation write it. It is taken out, unless there is an exclusion.
    pub marker: String,
    /// What holds the automation instead, when it is the ImageRepository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion: Option<Exclusion>,
}

/// A tag that an ImageRepository leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exclusion {
    /// The file that declares the ImageRepository.
    pub file: String,
    /// The ImageRepository, `namespace/name`.
    pub repository: String,
    /// The entry of its `spec.exclusionList`, a Go regular expression.
    pub pattern: String,
}

impl Automation {
    /// How to let the automation write the line again, in plain words; `None` when it is not held.
    pub fn release(&self) -> Option<String> {
        let (file, line, marker) = (&self.file, self.line, &self.marker);
        self.held.then(|| match &self.exclusion {
            Some(Exclusion {
                file,
                repository,
                pattern,
            }) => format!(
                "newer tags are still written; to allow this one again take `{pattern}` out of the exclusionList of \
                 ImageRepository {repository} in {file}"
            ),
            None => format!("to release it put `{marker}` back on {file}:{line}"),
        })
    }
}

/// Notes the lines of a plan that automation writes, and holds the automation when that is asked for and the edit still
/// does what it should.
pub(super) fn report(undo: &Undo<'_>, plan: &mut Plan, restores: &dyn Fn(&Tree) -> bool) {
    let lines = all_marked(undo.head, &plan.files);
    plan.automation = lines.iter().map(|(file, line)| line.told(file)).collect();
    if !undo.hold_automation || lines.is_empty() {
        return;
    }
    let works = |held: &Held| {
        let plan = Plan {
            files: held.files.clone(),
            ..plan.clone()
        };
        restores(&plan.apply(undo.head))
    };
    let held = [true, false]
        .into_iter()
        .map(|may_exclude| Held::of(undo.head, plan, &lines, may_exclude))
        .find(works);
    match held {
        Some(held) => {
            plan.files = held.files;
            plan.automation = held.automation;
            plan.carriers.extend(held.carriers);
        }
        None => plan
            .notes
            .push("the image policy's marker is part of a value, so it was left where it is".to_owned()),
    }
}

/// A plan that holds the automation.
struct Held {
    files: BTreeMap<String, Option<Vec<u8>>>,
    automation: Vec<Automation>,
    carriers: Vec<ObjectId>,
}

impl Held {
    fn of(head: &Tree, plan: &Plan, lines: &[(String, Marked)], may_exclude: bool) -> Self {
        let mut held = Self {
            files: plan.files.clone(),
            automation: Vec::new(),
            carriers: Vec::new(),
        };
        let mut out: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (file, line) in lines {
            let tag = line.tag.as_deref().filter(|_| may_exclude);
            let excluded = tag.and_then(|tag| exclude::exclude(head, &mut held.files, &line.policy, tag));
            let mut told = Automation {
                held: true,
                ..line.told(file)
            };
            match excluded {
                Some((exclusion, repository)) => {
                    told.exclusion = Some(exclusion);
                    if !held.carriers.contains(&repository) {
                        held.carriers.push(repository);
                    }
                }
                None => out.entry(file).or_default().push(line.now),
            }
            held.automation.push(told);
        }
        for (file, lines) in out {
            if let Some(Some(bytes)) = held.files.get_mut(file) {
                *bytes = take_out(bytes, &lines);
            }
        }
        held
    }
}

fn all_marked(head: &Tree, files: &BTreeMap<String, Option<Vec<u8>>>) -> Vec<(String, Marked)> {
    let of_file = |(file, new): (&String, &Option<Vec<u8>>)| {
        let lines = head
            .bytes(file)
            .zip(new.as_ref())
            .map(|(head, new)| marked(head, new));
        let file = file.clone();
        lines
            .unwrap_or_default()
            .into_iter()
            .map(move |line| (file.clone(), line))
    };
    files.iter().flat_map(of_file).collect()
}

/// A changed line with a marker, at head and as it will be.
struct Marked {
    was: usize,
    now: usize,
    policy: String,
    comment: String,
    /// The tag it says at head.
    tag: Option<String>,
}

impl Marked {
    fn told(&self, file: &str) -> Automation {
        Automation {
            policy: self.policy.clone(),
            file: file.to_owned(),
            line: self.was + 1,
            held: false,
            marker: self.comment.clone(),
            exclusion: None,
        }
    }
}

fn marked(head: &[u8], new: &[u8]) -> Vec<Marked> {
    let (head, new) = (Text::of(head).bodies(), Text::of(new).bodies());
    let pairs = diff::hunks(&head, &new)
        .into_iter()
        .flat_map(|hunk| hunk.old.zip(hunk.new));
    let marked = |(was, now): (usize, usize)| {
        let (policy, comment) = marker(new[now]).or_else(|| marker(head[was]))?;
        Some(Marked {
            tag: exclude::tag(&String::from_utf8_lossy(head[was]), &policy),
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
