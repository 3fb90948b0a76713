//! What a pull request says: enough for a reviewer to decide in a minute.
//!
//! Text from outside (commit subjects, names, values) is only ever shown as code, so that it can neither format, nor
//! mention anybody, nor hide anything. Rendered Secrets never come here: only lines of Git and fields of the workload.

use crate::canary::status::Run;
use crate::canary::status::Status;
use crate::object::Object;
use crate::pull::proposal;
use crate::pull::proposal::Part;
use crate::pull::proposal::Proposal;
use crate::pull::record::RevertSpec;
use crate::pull::record::Target;
use crate::query::Observation;
use crate::query::Observed;
use crate::reason::Check;
use crate::reason::Outcome;
use crate::reason::short;
use crate::settings::Settings;
use serde_json::Value;
use std::fmt::Write as _;

/// How many commits, fields and files are listed before "and more".
const LISTED: usize = 10;

/// What the words are about.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) settings: &'a Settings,
    pub(super) revert: &'a Object,
    pub(super) spec: &'a RevertSpec,
    pub(super) seen: &'a Observation,
    /// The head of the base branch that the edit is made on.
    pub(super) head: &'a str,
    pub(super) proposal: &'a Proposal,
}

impl Page<'_> {
    /// The title: what is reverted, and from what to what when that fits.
    pub(super) fn title(&self) -> String {
        let names: Vec<String> = self.spec.targets.iter().map(dotted).collect();
        let mut title = format!("Revert {}", names.join(", "));
        if let [part] = self.proposal.parts.as_slice()
            && let [leaf] = part.plan.leaves.as_slice()
            && let (Some(from), Some(to)) = (leaf.head.as_ref().map(plain), leaf.good.as_ref().map(plain))
        {
            let (from, to) = tails(&from, &to);
            let _ = write!(title, " from {from} to {to}");
        }
        title
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(100)
            .collect()
    }

    /// The commit message: the title, why, and trailers by which the commit is known again.
    pub(super) fn commit_message(&self) -> String {
        let mut text = format!("{}\n\n", self.title());
        for target in &self.spec.targets {
            if let Some(failure) = run_of(self.seen, target).and_then(|run| run.failure) {
                let _ = writeln!(text, "{}: {failure}", dotted(target));
            }
        }
        let (namespace, name) = (self.revert.namespace(), self.revert.name());
        let _ = write!(
            text,
            "\nRecant-Revert: {namespace}/{name}\nRecant-Undoes: {}\n",
            self.spec.bad
        );
        text
    }

    /// The body.
    pub(super) fn body(&self) -> String {
        let mut text = String::new();
        for target in &self.spec.targets {
            self.failed(&mut text, target);
        }
        change(&mut text, self.proposal);
        for part in &self.proposal.parts {
            self.why_these_lines(&mut text, part);
        }
        automation(&mut text, self.proposal);
        proof(&mut text, self.proposal);
        then(&mut text, self.spec);
        let _ = write!(
            text,
            "\n<!-- recant:revert {}/{} -->\n",
            self.revert.namespace(),
            self.revert.name()
        );
        text
    }

    fn failed(&self, text: &mut String, target: &Target) {
        let run = run_of(self.seen, target).unwrap_or_default();
        let reason = run.failure.as_ref().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            text,
            "**{}** failed its canary analysis in cluster {}, at commit {}: **{}**.\n",
            dotted(target),
            code(&self.settings.cluster_name),
            code(short(&self.spec.bad)),
            escaped(&reason),
        );
        let _ = writeln!(
            text,
            "The primary serves what was promoted last. Git still asks for what failed: a rebuilt cluster would run \
             it. Merging this makes Git say what runs.\n"
        );
        if !run.checks.is_empty() {
            measurements(text, &run);
        }
    }

    fn why_these_lines(&self, text: &mut String, part: &Part) {
        let Part { target, plan, .. } = part;
        let _ = writeln!(
            text,
            "### Why exactly these lines\n\n{} is rendered by {} from this branch. Between {} (promoted) and {} (the \
             head) these of its fields changed, and this is the smallest edit of the head that takes them back:\n",
            code(&target.object.to_string()),
            code(&target.kustomization.to_string()),
            code(short(&target.good)),
            code(short(self.head)),
        );
        text.push_str("| field | Git asks for | after the merge |\n|---|---|---|\n");
        for leaf in plan.leaves.iter().take(LISTED) {
            let value = |value: &Option<Value>| value.as_ref().map_or("–".to_owned(), |v| code(&plain(v)));
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                code(&leaf.pointer),
                value(&leaf.head),
                value(&leaf.good)
            );
        }
        more(text, plan.leaves.len());
        self.commits(text, target);
        if !plan.kept.is_empty() {
            text.push_str("\nThe same commits also changed, and this **keeps**:\n\n");
            for file in plan.kept.iter().take(LISTED) {
                let _ = writeln!(text, "- {}", code(file));
            }
            more(text, plan.kept.len());
        }
        text.push('\n');
    }

    fn commits(&self, text: &mut String, target: &Target) {
        let Observed::Known(log) = self.seen.log(&proposal::log(self.spec, target, self.head)) else {
            return;
        };
        if log.is_empty() {
            return;
        }
        text.push_str("\nCommits since the promoted state:\n\n");
        for commit in log.iter().take(LISTED) {
            let (id, subject, author) = (short(&commit.id), commit.subject(), name_of(&commit.author));
            let _ = writeln!(text, "- {} {} by {}", code(id), code(subject), code(author));
        }
        more(text, log.len());
    }
}

/// The checks of the last tick, and how they came there.
fn measurements(text: &mut String, run: &Run) {
    text.push_str("| check | measured | needed | | over time |\n|---|---|---|---|---|\n");
    for (index, check) in run.checks.iter().enumerate() {
        let values: Vec<Option<f64>> = run
            .ticks
            .iter()
            .map(|t| t.values.get(index).copied().flatten())
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            code(&check.name),
            measured(check),
            check.threshold(),
            if check.passed() { "ok" } else { "**failed**" },
            sparkline(&values),
        );
    }
    let weights: Vec<String> = run.ticks.iter().map(|tick| format!("{}%", tick.weight)).collect();
    let _ = writeln!(text, "\nCanary weight at each check: {}.\n", weights.join(" → "));
}

fn measured(check: &Check) -> String {
    match &check.outcome {
        Outcome::Pass(value) | Outcome::Fail(value) => check.measure(*value),
        Outcome::NoData => "no data".to_owned(),
        Outcome::Unknown(_) => "not reachable".to_owned(),
    }
}

fn change(text: &mut String, proposal: &Proposal) {
    let record = &proposal.record;
    let _ = writeln!(
        text,
        "### The change\n\n{} file{}, +{} −{}. Nothing else in Git moves.\n\n~~~~diff\n{}~~~~\n",
        record.files.len(),
        if record.files.len() == 1 { "" } else { "s" },
        record.lines_added,
        record.lines_removed,
        proposal.diff.replace("~~~~", "~ ~ ~ ~"),
    );
}

/// Lines that image automation writes, and would write again.
fn automation(text: &mut String, proposal: &Proposal) {
    let lines: Vec<_> = proposal
        .parts
        .iter()
        .flat_map(|part| &part.plan.automation)
        .collect();
    if lines.is_empty() {
        return;
    }
    text.push_str("### Image automation\n\n");
    for line in lines {
        let (place, policy) = (code(&format!("{}:{}", line.file, line.line)), code(&line.policy));
        let _ = if line.held {
            let marker = code(&line.marker);
            writeln!(
                text,
                "- {place} is written by the image automation of policy {policy}, which would write the failed tag \
                 again. This takes the marker out of the line; put it back when there is a newer tag: {marker}"
            )
        } else {
            writeln!(
                text,
                "- {place} is written by the image automation of policy {policy}. **It will write the failed tag \
                 again** unless the policy leaves that tag out."
            )
        };
    }
    text.push('\n');
}

fn proof(text: &mut String, proposal: &Proposal) {
    text.push_str("### Proof\n\n");
    for part in &proposal.parts {
        let object = code(&part.target.object.to_string());
        let doubts = proposal::doubts(&part.proof);
        if doubts.is_empty() {
            let _ = writeln!(
                text,
                "- The head was rendered without and with this edit: {object} comes back exactly as it was promoted, \
                 and no other object changes in {} ({}).",
                match part.proof.roots.len() {
                    1 => "the one root that reads the edited files".to_owned(),
                    n => format!("any of the {n} roots that read the edited files"),
                },
                part.proof
                    .roots
                    .iter()
                    .take(LISTED)
                    .map(|r| code(r))
                    .collect::<Vec<_>>()
                    .join(", "),
            );
        }
        for doubt in doubts {
            let _ = writeln!(text, "- Not proved: {}", escaped(&doubt));
        }
    }
    text.push_str("- Two independent YAML parsers read the same from the edited files.\n");
    text.push_str(
        "- Not shown by this: clusters that read this repository and that recant does not see.\n\n",
    );
}

fn then(text: &mut String, spec: &RevertSpec) {
    let _ = writeln!(
        text,
        "### What happens then\n\n\
         - **Merge**: Flux is asked to apply it at once. The template equals the promoted one, so nothing is analysed \
         again and no pod of the primary restarts.\n\
         - **Close**: recant leaves it at that for {}, and does not open it again.\n\
         - **Roll forward** (push a newer version): its own analysis begins; when this is not needed any more, recant \
         closes it.\n\
         - **Retry the same version**: change the pod template (an annotation will do).",
        code(short(&spec.bad)),
    );
}

fn more(text: &mut String, all: usize) {
    if all > LISTED {
        let _ = writeln!(text, "\nand {} more.", all - LISTED);
    }
}

fn run_of(seen: &Observation, target: &Target) -> Option<Run> {
    let Observed::Known(Some(canary)) = seen.object(&target.canary) else {
        return None;
    };
    Status::of(canary).analysis
}

fn dotted(target: &Target) -> String {
    format!("{}.{}", target.canary.name, target.canary.namespace)
}

fn name_of(author: &str) -> &str {
    author.split('<').next().unwrap_or(author).trim()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Two values without what they begin with in common, cut at a `:` or `/`: `6.7.1`, `6.7.0` of two images.
fn tails<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    let common = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let cut = a
        .as_bytes()
        .iter()
        .take(common)
        .rposition(|c| matches!(c, b':' | b'/' | b'@'))
        .map_or(0, |at| at + 1);
    (a.get(cut..).unwrap_or(a), b.get(cut..).unwrap_or(b))
}

/// Text from outside as inline code.
fn code(text: &str) -> String {
    let flat: String = text
        .chars()
        .map(|c| {
            if c.is_control() || c == '`' || c == '|' {
                ' '
            } else {
                c
            }
        })
        .collect();
    let flat: String = flat.trim().chars().take(120).collect();
    if flat.is_empty() {
        "–".to_owned()
    } else {
        format!("`{flat}`")
    }
}

/// Text from outside as plain text: Markdown and HTML in it mean nothing.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(500) {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '@' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Values over time, as eight heights of bars; a dot where nothing was measured.
fn sparkline(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let known: Vec<f64> = values
        .iter()
        .flatten()
        .copied()
        .filter(|v| v.is_finite())
        .collect();
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
        .map(|value| value.filter(|v| v.is_finite()).map_or('·', bar))
        .collect()
}
