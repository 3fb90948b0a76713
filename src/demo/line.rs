//! One line of the timeline: what happened, who did it, and the same as JSON.

use crate::controller::Told;
use anstyle::AnsiColor;
use anstyle::Style;
use jiff::Timestamp;
use recant_core::effect::Effect;
use recant_core::reason::Reason;
use recant_core::reason::short;
use recant_core::reason::short_revision;
use recant_sim::scenario::Verb;
use recant_sim::trace::Happening;
use recant_sim::trace::What;
use serde_json::Value;
use serde_json::json;

/// Something to tell.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: Timestamp,
    /// Who: `git`, `flux`, `pods`, a Canary's name, `revert`, `person`, or nobody for the storyteller.
    pub(crate) who: String,
    pub(crate) mood: Mood,
    pub(crate) text: String,
    json: Value,
}

/// How a line is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// The storyteller speaks.
    Story,
    /// Something happened.
    Plain,
    /// It goes well.
    Good,
    /// It does not.
    Bad,
    /// recant acts on Git.
    Act,
}

impl Mood {
    /// Flux's symbols: data is readable without colour.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Story => "─",
            Self::Plain => "►",
            Self::Good => "✔",
            Self::Bad => "✗",
            Self::Act => "↺",
        }
    }

    pub(crate) fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(anstyle::Color::Ansi(colour)));
        match self {
            Self::Story => Style::new().bold(),
            Self::Plain => Style::new(),
            Self::Good => colour(AnsiColor::Green),
            Self::Bad => colour(AnsiColor::Red),
            Self::Act => colour(AnsiColor::Cyan),
        }
    }
}

impl Line {
    /// What recant did and why. Waiting is not worth a line.
    pub(crate) fn of_recant(told: &Told) -> Option<Self> {
        let is_revert = told.about.kind == "Revert";
        let mood = match &told.because {
            Reason::ForgeReady { .. }
            | Reason::Waiting { .. }
            | Reason::WaitingForHook { .. }
            | Reason::StillFailed
            | Reason::WaitingForPods { .. } => return None,
            Reason::Initializing { .. } | Reason::Promoting | Reason::NewRevision { .. } => Mood::Plain,
            Reason::Finalising | Reason::Restarted { .. } => Mood::Plain,
            Reason::Halted { .. }
            | Reason::AnalysisFailed { .. }
            | Reason::ProgressDeadlineExceeded { .. }
            | Reason::PromotionFailed { .. }
            | Reason::RolledBack { .. }
            | Reason::Aborted { .. }
            | Reason::TakingBack { .. }
            | Reason::InvalidSpec { .. }
            | Reason::Unsupported { .. }
            | Reason::TargetMissing { .. }
            | Reason::CannotSee { .. }
            | Reason::ForgeNotReady { .. }
            | Reason::NoPlan { .. } => Mood::Bad,
            Reason::Merged { .. } | Reason::Reverted => Mood::Good,
            _ if is_revert => Mood::Act,
            _ => Mood::Good,
        };
        let who = if is_revert {
            "revert".to_owned()
        } else {
            told.about.name.clone()
        };
        let effects: Vec<&str> = told.effects.iter().map(kind_of).collect();
        let json = json!({"source": "recant", "object": told.about.to_string(), "why": told.because, "effects": effects});
        let text = match &told.because {
            Reason::Advanced { weight_pct, .. } => format!("{} {}", bar(*weight_pct), told.because),
            because => because.to_string(),
        };
        Some(Self {
            at: told.at,
            who,
            mood,
            text,
            json,
        })
    }

    /// What happened in the world. That Flux applied what was there already is not worth a line.
    pub(crate) fn of_world(happening: &Happening) -> Option<Self> {
        if matches!(&happening.what, What::Applied { changed, pruned, .. } if changed.is_empty() && pruned.is_empty())
        {
            return None;
        }
        let (who, mood) = match &happening.what {
            What::Fetched { .. } | What::Applied { .. } => ("flux", Mood::Plain),
            What::Failed { .. } | What::Refused { .. } => ("flux", Mood::Bad),
            What::RolledOut { .. } => ("pods", Mood::Plain),
            What::Stuck { .. } => ("pods", Mood::Bad),
        };
        let text = match &happening.what {
            What::Fetched {
                revision, subject, ..
            } => format!("{} {subject}", short_revision(revision)),
            What::Applied {
                kustomization,
                revision,
                changed,
                pruned,
                ..
            } => applied(kustomization, revision, changed, pruned),
            other => shortened(&other.to_string()),
        };
        let json = json!({"source": "world"});
        let (at, who) = (happening.at, who.to_owned());
        Some(Self {
            at,
            who,
            mood,
            text,
            json,
        })
    }

    /// A statement of the story, as it is carried out.
    pub(crate) fn of_story(at: Timestamp, verb: &Verb) -> Option<Self> {
        let (who, mood, text) = match verb {
            Verb::Say(text) => ("", Mood::Story, text.clone()),
            Verb::Commit { message, author, .. } => {
                let name = author.split('<').next().unwrap_or(author).trim();
                (
                    "git",
                    Mood::Plain,
                    format!("{name} commits: {}", message.lines().next().unwrap_or_default()),
                )
            }
            Verb::Merge(_) => ("person", Mood::Good, "the pull request is merged".to_owned()),
            Verb::Close => ("person", Mood::Bad, "the pull request is closed".to_owned()),
            Verb::Ask { verb, canary, .. } => ("person", Mood::Act, format!("{verb} {}", canary.name)),
            Verb::Resume { canary } => ("person", Mood::Act, format!("resume {}", canary.name)),
            Verb::Gate { key, open } => {
                let what = if *open { "opens" } else { "shuts" };
                ("person", Mood::Act, format!("{what} the gate {key}"))
            }
            _ => return None,
        };
        let json = json!({"source": "story"});
        Some(Self {
            at,
            who: who.to_owned(),
            mood,
            text,
            json,
        })
    }

    /// The line as one JSON object.
    pub(crate) fn json(&self, begin: Timestamp) -> Value {
        let mut json = self.json.clone();
        json["time"] = Value::from(self.at.to_string());
        json["elapsed_s"] = Value::from(self.at.duration_since(begin).as_secs());
        json["who"] = Value::from(self.who.clone());
        json["message"] = Value::from(self.text.clone());
        json
    }
}

const fn kind_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Write(_) => "write",
        Effect::Event(_) => "event",
        Effect::Push(_) => "push",
        Effect::OpenPull(_) => "open pull request",
        Effect::UpdatePull { .. } => "update pull request",
        Effect::ClosePull { .. } => "close pull request",
        Effect::Comment(_) => "comment",
        Effect::DeleteBranch { .. } => "delete branch",
        Effect::Status(_) => "commit status",
        Effect::Check(_) => "check run",
        Effect::Alert(_) => "alert",
        Effect::EventHook(_) => "event webhook",
    }
}

/// What Flux changed, the first few by name.
fn applied(kustomization: &str, revision: &str, changed: &[String], pruned: &[String]) -> String {
    const NAMED: usize = 3;
    let name = kustomization.rsplit('/').next().unwrap_or(kustomization);
    let mut text = format!("{name} applied {}", short_revision(revision));
    for (verb, objects) in [("changed", changed), ("deleted", pruned)] {
        if objects.is_empty() {
            continue;
        }
        let named = objects.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        text.push_str(&format!(": {verb} {named}"));
        if objects.len() > NAMED {
            text.push_str(&format!(" and {} more", objects.len() - NAMED));
        }
    }
    text
}

/// The canary's share of the traffic, as ten cells.
fn bar(weight_pct: i64) -> String {
    let full = usize::try_from(weight_pct.clamp(0, 100) / 10).unwrap_or_default();
    format!("{}{}", "█".repeat(full), "░".repeat(10 - full))
}

/// Commit ids cut to eight digits, as Flux's CLI prints them.
fn shortened(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.rsplit_once("sha1:") {
        Some((head, id)) => {
            let digits = id.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
            format!(
                "{head}sha1:{}{}",
                short(digits),
                id.strip_prefix(digits).unwrap_or_default()
            )
        }
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}
