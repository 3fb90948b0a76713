//! From text to a [`Scenario`]. Every mistake is told with its line and what would be right.

use crate::forge::Style;
use crate::scenario::Edit;
use crate::scenario::Expectation;
use crate::scenario::Scenario;
use crate::scenario::Statement;
use crate::scenario::Verb;
use crate::scenario::outside;
use crate::traffic::Load;
use crate::workload::behaviour::Behaviour;
use crate::workload::behaviour::Fate;
use jiff::SignedDuration;
use recant_core::canary::spec::API_VERSION;
use recant_core::duration;
use recant_core::object::ObjectRef;
use std::fmt;

/// How long an expectation waits when it does not say.
const WITHIN: SignedDuration = SignedDuration::from_secs(300);
/// The author of commits that name none.
const AUTHOR: &str = "Dana Example <dana@example.com>";

/// A mistake in a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The file.
    pub name: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.name, self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Reads a scenario. `name` is the file's name, for messages.
///
/// # Errors
/// The first mistake.
pub fn parse(name: &str, text: &str) -> Result<Scenario, ParseError> {
    let mut statements: Vec<Statement> = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        let wrong = |message: String| ParseError {
            name: name.to_owned(),
            line,
            message,
        };
        let words = words(text).map_err(wrong)?;
        let Some((first, rest)) = words.split_first() else {
            continue;
        };
        if text.starts_with([' ', '\t']) {
            let edit = edit(first, rest).map_err(wrong)?;
            match statements.last_mut().map(|statement| &mut statement.verb) {
                Some(
                    Verb::Commit { edits, .. } | Verb::Push { edits, .. } | Verb::Repository { edits, .. },
                ) => edits.push(edit),
                _ => return Err(wrong("an indented line must follow a commit".to_owned())),
            }
        } else {
            statements.push(Statement {
                line,
                verb: verb(first, rest).map_err(wrong)?,
            });
        }
    }
    let empty = statements.iter().find(
        |s| matches!(&s.verb, Verb::Commit { edits, .. } | Verb::Push { edits, .. } if edits.is_empty()),
    );
    if let Some(Statement { line, .. }) = empty {
        let message = "a commit needs at least one indented edit: replace, write or delete".to_owned();
        return Err(ParseError {
            name: name.to_owned(),
            line: *line,
            message,
        });
    }
    Ok(Scenario {
        name: name.to_owned(),
        statements,
    })
}

/// The words of a line: separated by spaces, in double quotes when they hold any; `#` begins a comment.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(&c) = chars.peek() {
        match c {
            c if c.is_whitespace() => drop(chars.next()),
            '#' => break,
            '"' => {
                chars.next();
                words.push(quoted(&mut chars)?);
            }
            _ => {
                let mut word = String::new();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
    Ok(words)
}

fn quoted(chars: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut word = String::new();
    loop {
        match chars.next().ok_or("the closing \" is missing")? {
            '"' => return Ok(word),
            '\\' => match chars.next().ok_or("the closing \" is missing")? {
                'n' => word.push('\n'),
                't' => word.push('\t'),
                c @ ('"' | '\\') => word.push(c),
                c => return Err(format!("\\{c} means nothing here: \\n, \\t, \\\" and \\\\ do")),
            },
            c => word.push(c),
        }
    }
}

fn verb(first: &str, rest: &[String]) -> Result<Verb, String> {
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    if let Some(verb) = outside::parse(first, &rest) {
        return verb;
    }
    match (first, rest.as_slice()) {
        ("repo", [dir, "path", path]) => Ok(Verb::Repo {
            dir: (*dir).to_owned(),
            path: (*path).to_owned(),
        }),
        ("repo", _) => Err("repo takes: repo DIR path PATH".to_owned()),
        ("image", [image, words @ ..]) => Ok(Verb::Image {
            image: (*image).to_owned(),
            behaviour: behaviour(words)?,
        }),
        ("config", [word, words @ ..]) => Ok(Verb::Config {
            word: (*word).to_owned(),
            behaviour: behaviour(words)?,
        }),
        ("flagger", [canary]) => {
            let (namespace, name) = pair(canary)?;
            Ok(Verb::Flagger(ObjectRef::new(
                API_VERSION,
                "Canary",
                &namespace,
                &name,
            )))
        }
        ("mesh-provider", [provider]) => Ok(Verb::MeshProvider((*provider).to_owned())),
        ("mesh-provider", _) => Err("mesh-provider takes: mesh-provider NAME".to_owned()),
        ("load", [service, per_s, more @ ..]) => {
            let (namespace, service) = pair(service)?;
            Ok(Verb::Load {
                namespace,
                service,
                load: load(number(per_s)?, more)?,
            })
        }
        ("load", _) => Err(LOAD.to_owned()),
        ("commit", [message]) => Ok(commit(message, AUTHOR)),
        ("commit", [message, "by", author]) => Ok(commit(message, author)),
        ("commit", _) => Err(r#"commit takes: commit "message" [by "Name <address>"]"#.to_owned()),
        ("wait", [time]) => Ok(Verb::Wait(span(time)?)),
        ("expect", [what @ .., "within", time]) => Ok(Verb::Expect {
            what: Expectation::parse(what)?,
            within: span(time)?,
        }),
        ("expect", what) => Ok(Verb::Expect {
            what: Expectation::parse(what)?,
            within: WITHIN,
        }),
        ("merge", []) => Ok(Verb::Merge(Style::Merge)),
        ("merge", [style]) => Style::named(style)
            .map(Verb::Merge)
            .ok_or_else(|| format!("merge {style}: must be merge, squash, rebase or rebase-merge")),
        ("push", [message]) => Ok(Verb::Push {
            message: (*message).to_owned(),
            edits: Vec::new(),
        }),
        ("annotate", [kind @ ("canary" | "namespace" | "revert"), name, key, value]) => Ok(Verb::Annotate {
            kind: (*kind).to_owned(),
            name: (*name).to_owned(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        }),
        ("annotate", _) => Err("annotate takes: annotate canary|namespace|revert NAME KEY VALUE".to_owned()),
        ("forge", [spec]) => Ok(Verb::Forge((*spec).to_owned())),
        ("setting", [name, value]) => Ok(Verb::Setting((*name).to_owned(), (*value).to_owned())),
        ("repository", [name]) => Ok(Verb::Repository {
            name: (*name).to_owned(),
            edits: Vec::new(),
        }),
        ("close", []) => Ok(Verb::Close),
        ("say", [text]) => Ok(Verb::Say((*text).to_owned())),
        (other, _) => Err(format!(
            "{other}: not understood; a line begins with repo, mesh-provider, image, config, load, commit, wait, expect, merge, close, \
             push, annotate, forge, setting, repository, flagger, hook, gate, rollback, retry, abort, promote, \
             pause, resume or say"
        )),
    }
}

const LOAD: &str =
    "load takes: load NAMESPACE/SERVICE REQUESTS_PER_SECOND [with \"header: value\"] [users N]";

fn load(per_s: f64, mut words: &[&str]) -> Result<Load, String> {
    let mut load = Load {
        per_s,
        ..Load::default()
    };
    while let [key, value, rest @ ..] = words {
        match *key {
            "with" => {
                let (name, value) = value.rsplit_once(": ").ok_or(LOAD)?;
                load.with = Some((name.to_lowercase(), value.to_owned()));
            }
            "users" => load.users = number(value)? as usize,
            _ => return Err(LOAD.to_owned()),
        }
        words = rest;
    }
    if words.is_empty() {
        Ok(load)
    } else {
        Err(LOAD.to_owned())
    }
}

fn commit(message: &str, author: &str) -> Verb {
    Verb::Commit {
        message: message.to_owned(),
        author: author.to_owned(),
        edits: Vec::new(),
    }
}

fn edit(first: &str, rest: &[String]) -> Result<Edit, String> {
    match (first, rest) {
        ("replace", [file, old, new]) => Ok(Edit::Replace {
            file: file.clone(),
            old: old.clone(),
            new: new.clone(),
        }),
        ("replace", _) => Err(r#"replace takes: replace FILE "old text" "new text""#.to_owned()),
        ("write", [file, text]) => Ok(Edit::Write {
            file: file.clone(),
            text: text.clone(),
        }),
        ("write", _) => Err(r#"write takes: write FILE "text""#.to_owned()),
        ("delete", [file]) => Ok(Edit::Delete { file: file.clone() }),
        (other, _) => Err(format!(
            "{other}: not understood; an edit is replace, write or delete"
        )),
    }
}

fn behaviour(mut words: &[&str]) -> Result<Behaviour, String> {
    let mut behaviour = Behaviour::default();
    while let [first, rest @ ..] = words {
        words = match (*first, rest) {
            ("missing", rest) => {
                behaviour.fate = Fate::NoImage;
                rest
            }
            ("crashes", rest) => {
                behaviour.fate = Fate::Crashes;
                rest
            }
            ("never-ready", rest) => {
                behaviour.fate = Fate::NeverReady;
                rest
            }
            (key, [value, rest @ ..]) => {
                let value = number(value)?;
                match key {
                    "success" => behaviour.success_pct = value,
                    "status" => behaviour.error_status = value as u16,
                    "latency" => {
                        behaviour.latency.median_ms = value;
                        behaviour.latency.p99_ms = behaviour.latency.p99_ms.max(value * 4.0);
                    }
                    "p99" => behaviour.latency.p99_ms = value,
                    "ready" => behaviour.fate = Fate::Ready { after_s: value },
                    other => return Err(unknown_trait(other)),
                }
                rest
            }
            (other, []) => return Err(unknown_trait(other)),
        };
    }
    Ok(behaviour)
}

fn unknown_trait(word: &str) -> String {
    format!(
        "{word}: not understood; an image has success PCT, status CODE, latency MS, p99 MS, ready SECONDS, missing, \
         crashes, never-ready"
    )
}

/// `namespace/name`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err(format!("{text}: must be NAMESPACE/NAME")),
    }
}

/// A number.
pub(super) fn number(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n >= 0.0)
        .ok_or_else(|| format!("{text}: must be a number"))
}

fn span(text: &str) -> Result<SignedDuration, String> {
    duration::parse(text).ok_or_else(|| format!("{text}: must be a time such as 30s or 5m"))
}
