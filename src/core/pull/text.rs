//! Text from outside, made harmless: nothing of it formats, mentions, links, closes an issue or hides anything,
//! wherever recant writes it. And numbers, made visible.

use crate::canary::spec::Range;
use crate::canary::status::Run;
use crate::reason::Check;
use crate::reason::Outcome;
use std::fmt::Write as _;

/// How many ticks are written out; the sparkline shows all of them.
const TICKS_SHOWN: usize = 6;
/// The longest piece of text from outside.
const LONGEST: usize = 160;

/// Text as inline code: in it no host formats, mentions or links.
pub(super) fn code(text: &str) -> String {
    let flat: String = visible(text)
        .chars()
        .map(|c| if matches!(c, '`' | '|') { '\u{fffd}' } else { c })
        .collect();
    let flat = cut(flat.trim(), LONGEST);
    if flat.is_empty() {
        "–".to_owned()
    } else {
        format!("`{flat}`")
    }
}

/// Text as plain Markdown: what could mean anything is escaped, and what could mention somebody or refer to something
/// is broken by an invisible joint.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in cut(&visible(text), 4 * LONGEST).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '~' | '$' | '^' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    jointed(&out)
}

/// Text of one line where there is no Markdown but hosts look for references: titles and commit messages.
pub(super) fn plain(text: &str) -> String {
    jointed(cut(visible(text).trim(), LONGEST))
}

/// The text with a word joiner behind each character that begins a reference for one host or another: `@name`, `#1`,
/// `!1`, `GH-1`, `https://`.
fn jointed(text: &str) -> String {
    const JOINT: char = '\u{2060}';
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let link = c == '/' && before == ':';
        let issue = c == '-' && out.to_ascii_lowercase().ends_with("gh");
        if link || issue {
            out.push(JOINT);
        }
        out.push(c);
        let leads = chars.peek().is_some_and(|next| !next.is_whitespace());
        if matches!(c, '@' | '#' | '!' | '%') && leads {
            out.push(JOINT);
        }
        before = c;
    }
    // A line that begins with a slash is a command to GitLab.
    if out.starts_with('/') {
        out.insert(0, JOINT);
    }
    // `www.` alone is a link to GitHub.
    out.replace("www.", "www\u{2060}.")
}

/// The text with everything that cannot be seen, or that turns the direction of text, replaced.
fn visible(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_control() => ' ',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
            '\u{fffd}'
        }
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

fn cut(text: &str, most: usize) -> &str {
    text.char_indices()
        .nth(most)
        .map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}

/// A block of code around the text, with a fence that the text does not hold.
pub(super) fn fenced(language: &str, text: &str) -> String {
    let runs = text.split(|c| c != '~').map(str::len);
    let fence = "~".repeat(runs.max().unwrap_or(0).max(3) + 1);
    let gap = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{gap}{fence}\n")
}

/// The beginning of a text that recant wrote, of at most so many characters: whole lines, and no open block of code.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let mut kept = String::new();
    let mut fence: Option<&str> = None;
    let mut room = most;
    for line in text.split_inclusive('\n') {
        let run = line.trim_end();
        let tildes = run.len() - run.trim_start_matches('~').len();
        let next = match fence {
            Some(fence) if run == fence => None,
            Some(fence) => Some(fence),
            None if tildes > 3 => run.get(..tildes),
            None => None,
        };
        let length = line.chars().count();
        // What it opens must be closed, too.
        if length + next.map_or(0, |fence| fence.len() + 1) > room {
            break;
        }
        room -= length;
        kept.push_str(line);
        fence = next;
    }
    if let Some(fence) = fence {
        kept.push_str(fence);
    }
    kept.trim_end().to_owned()
}

/// The checks of a run: what was needed, what was measured last, and how it came there; then the last ticks one by one.
/// Empty when nothing was checked.
pub fn table(run: &Run) -> String {
    if run.checks.is_empty() {
        return String::new();
    }
    let mut text = "| check | needed | measured last | | over time |\n|---|---|---|---|---|\n".to_owned();
    for (index, check) in run.checks.iter().enumerate() {
        let values: Vec<Option<f64>> = run.ticks.iter().map(|t| value(&t.values, index)).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            code(&check.name),
            check.threshold(),
            measured(check),
            if check.passed() { "ok" } else { "**failed**" },
            sparkline(&values),
        );
    }
    if run.ticks.len() > 1 {
        ticks(&mut text, run);
    }
    text
}

fn ticks(text: &mut String, run: &Run) {
    let skipped = run.ticks.len().saturating_sub(TICKS_SHOWN);
    text.push_str("\n| at (UTC) | canary weight |");
    for check in &run.checks {
        let _ = write!(text, " {} |", code(&check.name));
    }
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(run.checks.len()));
    if skipped > 0 {
        let _ = writeln!(
            text,
            "| … {skipped} before |{}",
            " |".repeat(run.checks.len() + 1)
        );
    }
    for tick in run.ticks.iter().skip(skipped) {
        let _ = write!(text, "| {} | {}% |", tick.at.strftime("%H:%M:%S"), tick.weight);
        for (index, check) in run.checks.iter().enumerate() {
            let shown = match value(&tick.values, index) {
                None => "–".to_owned(),
                Some(value) if good(value, check.range) => check.measure(value),
                Some(value) => format!("**{}**", check.measure(value)),
            };
            let _ = write!(text, " {shown} |");
        }
        text.push('\n');
    }
}

fn value(values: &[Option<f64>], index: usize) -> Option<f64> {
    values.get(index).copied().flatten()
}

fn good(value: f64, range: Range) -> bool {
    range.min.is_none_or(|min| value >= min) && range.max.is_none_or(|max| value <= max)
}

fn measured(check: &Check) -> String {
    match &check.outcome {
        Outcome::Pass(value) | Outcome::Fail(value) => check.measure(*value),
        Outcome::NoData => "no data".to_owned(),
        Outcome::Unknown(_) => "not reachable".to_owned(),
        Outcome::Agreed | Outcome::Refused(_) | Outcome::Unanswered(_) => check.to_string(),
    }
}

/// Values over time, as eight heights of bars between the least and the greatest; a dot where nothing was measured.
fn sparkline(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite = |value: &Option<f64>| value.filter(|v| v.is_finite());
    let known: Vec<f64> = values.iter().filter_map(finite).collect();
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: f64| {
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            1.0
        };
        BARS.get((share * 7.0).round() as usize).copied().unwrap_or('█')
    };
    values
        .iter()
        .map(|value| finite(value).map_or('·', bar))
        .collect()
}

#[cfg(test)]
mod tests;
