//! A plan in few words: what a status may hold.

use super::Automation;
use super::Form;
use super::Plan;
use serde::Deserialize;
use serde::Serialize;

/// How many fields are told one by one.
const MAX_FIELDS: usize = 20;
/// How many of the files that stay are told by name.
const MAX_KEPT: usize = 20;
/// How many characters of a value are told.
const MAX_VALUE: usize = 120;

/// What a plan does, without the files' content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Revert or Pin.
    pub form: Form,
    /// The files that change.
    pub files: Vec<String>,
    /// Lines added, counting a changed line.
    pub lines_added: usize,
    /// Lines removed, counting a changed line.
    pub lines_removed: usize,
    /// The first fields that go back.
    pub fields: Vec<Field>,
    /// How many fields go back in all.
    pub field_count: usize,
    /// Changed lines that Flux image automation writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub automation: Vec<Automation>,
    /// The first files that changed and stay as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// How many files changed and stay, in all.
    pub kept_count: usize,
    /// What a reviewer should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How many candidates were rendered.
    pub renders: u32,
}

/// One field that goes back, its values shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// JSON pointer in the object.
    pub pointer: String,
    /// The good value, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<String>,
    /// The value at head, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

impl Plan {
    /// The plan in few words.
    pub fn summary(&self) -> PlanSummary {
        let value = |v: &Option<serde_json::Value>| v.as_ref().map(|v| shortened(&v.to_string()));
        let field = |leaf: &super::Leaf| Field {
            pointer: leaf.pointer.clone(),
            good: value(&leaf.good),
            head: value(&leaf.head),
        };
        PlanSummary {
            form: self.form,
            files: self.files.keys().cloned().collect(),
            lines_added: self.lines_added(),
            lines_removed: self.lines_removed(),
            fields: self.leaves.iter().take(MAX_FIELDS).map(field).collect(),
            field_count: self.leaves.len(),
            automation: self.automation.clone(),
            kept: self.kept.iter().take(MAX_KEPT).cloned().collect(),
            kept_count: self.kept.len(),
            notes: self.notes.clone(),
            renders: self.renders,
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
