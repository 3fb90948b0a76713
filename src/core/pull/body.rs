//! What a pull request says: enough for a reviewer to decide in a minute. What failed and who serves now comes first,
//! then the change and why it is these lines, then the proof, then what happens.
//!
//! Text from outside goes through `text`. Rendered Secrets never come here, and the lines of files that hold Secrets
//! are not shown.

mod change;
mod then;

use crate::baseline::Baseline;
use crate::canary::status::Run;
use crate::canary::status::Status;
use crate::chain::Link;
use crate::forge;
use crate::forge::ForgeSpec;
use crate::object::Object;
use crate::pull::branch;
use crate::pull::marker;
use crate::pull::marker::BodyMarker;
use crate::pull::proposal::Proposal;
use crate::pull::record::RevertSpec;
use crate::pull::record::Target;
use crate::pull::text;
use crate::pull::text::code;
use crate::pull::text::escaped;
use crate::query::Observation;
use crate::query::Observed;
use crate::reason::short;
use crate::settings::Settings;
use crate::template;
use serde_json::Value;
use std::fmt::Write as _;

/// How many commits, fields and files are listed before "and more".
const LISTED: usize = 10;

/// What the words are about.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) settings: &'a Settings,
    pub(super) forge: &'a ForgeSpec,
    pub(super) revert: &'a Object,
    pub(super) spec: &'a RevertSpec,
    pub(super) seen: &'a Observation,
    /// The head of the base branch that the edit was proved on.
    pub(super) head: &'a str,
    /// Why this may be an outage, if it may.
    pub(super) outage: Option<&'a str>,
    pub(super) proposal: &'a Proposal,
}

impl Page<'_> {
    /// The title: by the Forge's template, if it has one.
    pub(super) fn title(&self) -> String {
        let own = self.own_title();
        let template = &self.forge.pull_requests.title_template;
        if template.is_empty() {
            return own;
        }
        let filled = forge::fill(template, |word| self.word(word, &own, ""));
        filled.map_or(own, |title| text::plain(&title))
    }

    /// What is reverted, and from what to what when that fits.
    fn own_title(&self) -> String {
        let names: Vec<String> = self.spec.targets.iter().map(dotted).collect();
        let mut title = format!("Revert {}", names.join(", "));
        if let [part] = self.proposal.parts.as_slice()
            && let [leaf] = part.plan.leaves.as_slice()
            && let (Some(from), Some(to)) = (leaf.head.as_ref().map(spelled), leaf.good.as_ref().map(spelled))
        {
            let (from, to) = tails(&from, &to);
            let _ = write!(title, " from {from} to {to}");
        }
        text::plain(&title).chars().take(100).collect()
    }

    /// What a word of a template stands for.
    fn word(&self, word: &str, title: &str, body: &str) -> Option<String> {
        let each = |of: fn(&Target) -> &str| {
            let mut all: Vec<&str> = self.spec.targets.iter().map(of).collect();
            all.dedup();
            text::plain(&all.join(", "))
        };
        Some(match word {
            "title" => title.to_owned(),
            "body" => body.to_owned(),
            "canary" => each(|target| &target.canary.name),
            "namespace" => each(|target| &target.canary.namespace),
            "cluster" => text::plain(&self.settings.cluster_name),
            "commit" => short(self.spec.change()).to_owned(),
            _ => return None,
        })
    }

    /// The commit message: the title, why, and trailers by which the commit is known again.
    pub(super) fn commit_message(&self) -> String {
        let mut message = format!("{}\n\n", self.own_title());
        for target in &self.spec.targets {
            if let Some(failure) = run_of(self.seen, target).and_then(|run| run.failure) {
                let _ = writeln!(
                    message,
                    "{}: {}",
                    dotted(target),
                    text::plain(&failure.to_string())
                );
            }
        }
        let (namespace, name) = (self.revert.namespace(), self.revert.name());
        for (key, value) in [
            (marker::REVERT, format!("{namespace}/{name}")),
            (marker::UNDOES, self.spec.change().to_owned()),
            (marker::CLUSTER, marker::word(&self.settings.cluster_name)),
            (marker::DIGEST, self.proposal.record.digest.clone()),
        ] {
            let gap = if key == marker::REVERT { "\n" } else { "" };
            let _ = writeln!(message, "{gap}{key}: {value}");
        }
        message
    }

    /// The body, by the Forge's template if it has one, with the marker at its end.
    pub(super) fn body(&self) -> String {
        let mut body = String::new();
        if let Some(outage) = self.outage {
            let _ = writeln!(
                body,
                "> **Look at the platform first.** {}. recant would not open this now.\n",
                escaped(outage)
            );
        }
        for target in &self.spec.targets {
            self.failed(&mut body, target);
        }
        self.change(&mut body);
        self.then(&mut body);
        let template = &self.forge.pull_requests.body_template;
        if !template.is_empty()
            && let Ok(filled) = forge::fill(template, |word| self.word(word, &self.own_title(), &body))
        {
            body = filled;
        }
        self.marked(&body)
    }

    /// The body as the host takes it: what it is too long by goes, and never the marker, which is how recant knows the
    /// pull request again and what it said there.
    fn marked(&self, body: &str) -> String {
        let (namespace, name) = (self.revert.namespace(), self.revert.name());
        let marker = BodyMarker {
            cluster: marker::word(&self.settings.cluster_name),
            revert: branch::name(self.revert),
            undoes: marker::word(self.spec.change()),
            digest: marker::word(&self.proposal.record.digest),
        };
        let most = self.forge.r#type.body_max();
        let whole = marker.mark(body);
        let over = whole.chars().count().saturating_sub(most);
        if over == 0 {
            return whole;
        }
        let note = format!(
            "\n\n*Cut here: this host takes {most} characters. All of it: {}.*",
            code(&format!("kubectl -n {namespace} describe revert {name}"))
        );
        let room = body.chars().count().saturating_sub(over + note.chars().count());
        marker.mark(&format!("{}{note}", text::shortened(body, room)))
    }

    /// The comment under a pull request that another cluster opened: what failed here.
    pub(super) fn evidence(&self) -> String {
        let cluster = &self.settings.cluster_name;
        let mut text = format!(
            "{}\n{}\n",
            marker::evidence(cluster),
            marker::behind(&branch::name(self.revert))
        );
        let _ = writeln!(text, "**It failed in cluster {} too.**\n", code(cluster));
        for target in &self.spec.targets {
            self.failed(&mut text, target);
        }
        let _ = writeln!(
            text,
            "This pull request restores it here as well: rendered with it, every object comes back as it was promoted. \
             recant keeps this comment up to date."
        );
        text
    }

    /// What failed, measured against what was needed, and who serves now.
    fn failed(&self, text: &mut String, target: &Target) {
        let run = run_of(self.seen, target).unwrap_or_default();
        let reason = run.failure.as_ref().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            text,
            "**{}** failed its canary analysis in cluster {}, at commit {}: **{}**.\n",
            code(&dotted(target)),
            code(&self.settings.cluster_name),
            code(short(self.spec.change())),
            escaped(&reason),
        );
        let serves = match self.baseline(target) {
            Some(baseline) => {
                let images = template::images(&baseline.promoted.template);
                let images: Vec<String> = images.iter().map(|image| code(image)).collect();
                format!(
                    "The primary serves what was promoted last: {}{}.",
                    images.join(", "),
                    match commit_of(baseline.promoted.chain.first()) {
                        Some(commit) => format!(", as of commit {}", code(short(commit))),
                        None => String::new(),
                    },
                )
            }
            None => "The primary serves what was promoted last.".to_owned(),
        };
        let _ = writeln!(
            text,
            "{serves} Git still asks for what failed: a rebuilt cluster would run it. Merging this makes Git say what \
             runs.\n"
        );
        let checks = text::table(&run);
        if !checks.is_empty() {
            let _ = writeln!(text, "{checks}");
        }
    }

    fn baseline(&self, target: &Target) -> Option<Baseline> {
        let name = super::look::baseline_of(&target.canary);
        match self.seen.object(&name) {
            Observed::Known(Some(object)) => Baseline::of(object).ok(),
            _ => None,
        }
    }
}

fn commit_of(link: Option<&Link>) -> Option<&str> {
    link.map(Link::commit).filter(|commit| !commit.is_empty())
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

fn spelled(value: &Value) -> String {
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
