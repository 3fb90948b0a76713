//! Flagger's query templates: a small reader of the part of Go's text/template that queries use.
//!
//! Literal text; `{{ name }}` for each of Flagger's functions; `{{ variables.x }}` and `{{ index variables "x" }}`;
//! quoted strings; comments; the trim markers `{{-` and `-}}`. Everything else is refused with its place, never
//! passed on as it stands.

use std::collections::BTreeMap;
use std::fmt;

/// What a template may ask for.
#[derive(Clone, Debug)]
pub(super) struct Model<'a> {
    /// `name`, `namespace`, `target`, `service`, `ingress`, `route` and `interval`, and what they come to.
    pub(super) functions: [(&'static str, &'a str); 7],
    /// `variables`.
    pub(super) variables: &'a BTreeMap<String, String>,
}

/// Why a template cannot be filled in, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FillError {
    line: usize,
    column: usize,
    what: String,
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// Fills a template in.
///
/// # Errors
/// What it says that is not known, and where: the line and the column, in characters from 1.
pub(super) fn fill(template: &str, model: &Model<'_>) -> Result<String, FillError> {
    let mut out = String::with_capacity(template.len());
    let mut at = 0;
    while let Some(opening) = find(template, at, "{{") {
        let error = |what: String| place(template, opening, what);
        let text = &template[at..opening];
        let inner_at = opening + 2;
        let closing =
            closing(template, inner_at).ok_or_else(|| error("this {{ has no }} after it".to_owned()))?;
        let (inner, trims_before, trims_after) = trimmed(&template[inner_at..closing]);
        out.push_str(if trims_before { text.trim_end() } else { text });
        out.push_str(&action(inner, model).map_err(error)?);
        at = closing + 2;
        if trims_after {
            let rest = &template[at..];
            at += rest.len() - rest.trim_start().len();
        }
    }
    out.push_str(&template[at..]);
    Ok(out)
}

fn find(text: &str, from: usize, what: &str) -> Option<usize> {
    text[from..].find(what).map(|at| from + at)
}

/// Where the `}}` of an action stands; one within quotes is not it.
fn closing(text: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text[from..].char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if text[from + at..].starts_with("}}") => return Some(from + at),
            None => {}
        }
    }
    None
}

/// An action without its trim markers, and whether it had them. Go wants white space between marker and text.
fn trimmed(inner: &str) -> (&str, bool, bool) {
    let before = inner
        .strip_prefix('-')
        .filter(|rest| rest.starts_with(char::is_whitespace));
    let rest = before.unwrap_or(inner);
    let after = rest
        .strip_suffix('-')
        .filter(|rest| rest.ends_with(char::is_whitespace));
    (after.unwrap_or(rest).trim(), before.is_some(), after.is_some())
}

fn action(text: &str, model: &Model<'_>) -> Result<String, String> {
    if text.starts_with("/*") && text.ends_with("*/") && text.len() >= 4 {
        return Ok(String::new());
    }
    let words = words(text)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Err("{{ }} says nothing".to_owned()),
        [word] if word.starts_with(['"', '`']) => Ok(unquoted(word)),
        ["variables"] => Err("variables is a map: write variables.NAME".to_owned()),
        [word] => match word.strip_prefix("variables.") {
            Some(name) => variable(name, model),
            None => function(word, model),
        },
        ["index", "variables", name] if name.starts_with(['"', '`']) => variable(&unquoted(name), model),
        [
            word @ ("if" | "range" | "with" | "define" | "template" | "block" | "else" | "end"),
            ..,
        ] => Err(format!(
            "{{{{ {word} }}}} is not supported: queries are text with functions, without control flow"
        )),
        [word, ..] => Err(format!(
            "{{{{ {text} }}}} is not supported: {word} takes no arguments; write one function or one variable"
        )),
    }
}

/// Splits an action at white space that is not within quotes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '`' => {
                quoted_end(rest, first).ok_or_else(|| format!("{rest} is a string that does not end"))?
            }
            _ => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

fn quoted_end(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn unquoted(word: &str) -> String {
    let inner = &word[1..word.len() - 1];
    if word.starts_with('`') {
        return inner.to_owned();
    }
    inner.replace("\\\"", "\"").replace("\\\\", "\\")
}

fn function(name: &str, model: &Model<'_>) -> Result<String, String> {
    let found = model.functions.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| (*value).to_owned()).ok_or_else(|| {
        let names = model.functions.map(|(name, _)| name).join(", ");
        format!("{{{{ {name} }}}} is not known: use {names} or variables.NAME")
    })
}

fn variable(name: &str, model: &Model<'_>) -> Result<String, String> {
    let value = model.variables.get(name).cloned();
    value.ok_or_else(|| format!("the variable {name} is not set: set it in the metric's templateVariables"))
}

fn place(text: &str, at: usize, what: String) -> FillError {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    FillError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<String, String> {
        let variables = BTreeMap::from([
            ("dc".to_owned(), "eu".to_owned()),
            ("my-key".to_owned(), "k".to_owned()),
        ]);
        let model = Model {
            functions: [
                ("name", "canary"),
                ("namespace", "test"),
                ("target", "podinfo"),
                ("service", "web"),
                ("ingress", "edge"),
                ("route", "path"),
                ("interval", "1m"),
            ],
            variables: &variables,
        };
        fill(template, &model).map_err(|e| e.to_string())
    }

    #[test]
    fn functions_variables_strings_comments_and_trim_markers_are_filled_in_as_go_does() {
        for (template, expected) in [
            ("up", "up"),
            (
                "{{ name }} {{namespace}} {{ target }} {{ service }} {{ ingress }} {{ route }} [{{ interval }}]",
                "canary test podinfo web edge path [1m]",
            ),
            ("{{ variables.dc }}", "eu"),
            (r#"{{ index variables "my-key" }}"#, "k"),
            (r#"{{ "a}}b\"c" }}{{ `d}}` }}"#, r#"a}}b"cd}}"#),
            ("a {{/* why */}}b", "a b"),
            ("a \n {{- name -}} \n b", "acanaryb"),
            ("a {{ name -}}  b", "a canaryb"),
            ("{{name}}é{{ target }}", "canaryépodinfo"),
            ("} }} {", "} }} {"),
        ] {
            assert_eq!(filled(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_place() {
        for (template, expected) in [
            (
                "a\nbé {{ nam }}",
                "line 2, column 4: {{ nam }} is not known: use name, namespace,",
            ),
            ("{{ variables.x }}", "line 1, column 1: the variable x is not set"),
            (
                r#"{{ index variables "x" }}"#,
                "line 1, column 1: the variable x is not set",
            ),
            ("{{ variables }}", "line 1, column 1: variables is a map"),
            ("sum({{ target", "line 1, column 5: this {{ has no }}"),
            ("{{ \"a }}", "line 1, column 1: this {{ has no }}"),
            ("{{ }}", "line 1, column 1: {{ }} says nothing"),
            (
                "{{ if eq target \"x\" }}",
                "line 1, column 1: {{ if }} is not supported",
            ),
            (
                "{{ printf \"%s\" target }}",
                "line 1, column 1: {{ printf \"%s\" target }} is not supported",
            ),
            (
                "{{ target | urlquery }}",
                "line 1, column 1: {{ target | urlquery }} is not supported",
            ),
            ("{{ .Target }}", "line 1, column 1: {{ .Target }} is not known"),
        ] {
            let refused = filled(template).expect_err(template);
            assert!(refused.starts_with(expected), "{template}: {refused}");
        }
    }
}
