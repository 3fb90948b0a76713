//! Tells the timeline: for people on a terminal, or one JSON object a line.

use crate::demo::house::Places;
use crate::demo::line::Line;
use jiff::Timestamp;
use serde_json::Value;
use std::io::Write as _;

/// Who tells.
pub(crate) struct Teller {
    begin: Timestamp,
    /// The time of the last line. Voices reach the teller a moment apart; a timeline does not go back for that.
    last: Timestamp,
    json: bool,
}

impl Teller {
    /// Tells what happens from `begin` on.
    pub(crate) const fn new(begin: Timestamp, json: bool) -> Self {
        Self {
            begin,
            last: begin,
            json,
        }
    }

    /// Where to look, before anything happens.
    pub(crate) fn places(&self, places: &Places, speed: f64) -> std::io::Result<()> {
        let Places {
            pages,
            clone,
            kubeconfig,
            metrics,
        } = places;
        let kubeconfig = kubeconfig.display();
        if self.json {
            return self.print_json(&serde_json::json!({
                "source": "demo", "pages": pages, "clone": clone, "kubeconfig": kubeconfig.to_string(),
                "metrics": metrics, "speed": speed,
            }));
        }
        let mut out = anstream::stdout().lock();
        writeln!(
            out,
            "A Flux repository, a forge, a cluster and its metrics, all on this machine; the clock runs {speed} times \
             as fast.\n\n  \
             pages    {pages}\n  \
             git      git clone {clone}\n  \
             kubectl  kubectl --kubeconfig {kubeconfig} get canaries -A -w\n  \
             metrics  {metrics}/api/v1/query?query=response_total\n"
        )
    }

    /// How a person makes a release go wrong when there is no story.
    pub(crate) fn words(&self) -> std::io::Result<()> {
        let words = "An image whose tag has `bad` in it fails 30 % of its requests; `slow`, `crash` and `missing` are \
                     what they say. Clone, push a new tag, and watch. Ctrl-C ends it.";
        if self.json {
            return self.print_json(&serde_json::json!({"source": "demo", "message": words}));
        }
        writeln!(anstream::stdout().lock(), "  {words}\n")
    }

    /// Tells a line.
    pub(crate) fn tell(&mut self, line: Option<Line>) -> std::io::Result<()> {
        let Some(line) = line else { return Ok(()) };
        if self.json {
            return self.print_json(&line.json(self.begin));
        }
        let style = line.mood.style();
        let mut out = anstream::stdout().lock();
        self.last = self.last.max(line.at);
        let time = elapsed(self.begin, self.last);
        if line.who.is_empty() {
            return writeln!(out, "\n  {style}{} {}{style:#}", line.mood.symbol(), line.text);
        }
        writeln!(
            out,
            "  {time}  {style}{} {:<9}{style:#} {}",
            line.mood.symbol(),
            line.who,
            line.text
        )
    }

    /// Asks the person to merge.
    pub(crate) fn ask_for_merge(&self, pages: &str) -> std::io::Result<()> {
        if self.json {
            return self
                .print_json(&serde_json::json!({"source": "demo", "waiting": "merge", "pages": pages}));
        }
        let mut out = anstream::stdout().lock();
        writeln!(
            out,
            "\n  ◎ Read the pull request and merge it: {pages}\n    (or press Enter to merge it from here)\n"
        )
    }

    /// Tells the end.
    pub(crate) fn end(&self, summary: &Value) -> std::io::Result<()> {
        if self.json {
            return self.print_json(summary);
        }
        let mut out = anstream::stdout().lock();
        let word = |key: &str| summary.get(key).and_then(Value::as_str).unwrap_or("–").to_owned();
        let count = |key: &str| summary.get(key).and_then(Value::as_u64).unwrap_or_default();
        writeln!(out)?;
        match word("verdict").as_str() {
            "converged" => writeln!(out, "  ✔ Git and cluster agree.")?,
            "failed" => writeln!(out, "  ✗ {}", word("why"))?,
            _ => writeln!(out, "  interrupted")?,
        }
        let (files, added, removed) = (
            count("files_changed"),
            count("lines_added"),
            count("lines_removed"),
        );
        if files > 0 {
            writeln!(out, "    pull request  {}", word("pull_request"))?;
            writeln!(out, "    change        {files} file(s), +{added} −{removed}")?;
            writeln!(out, "    proof         {}", word("proof"))?;
        }
        Ok(())
    }

    fn print_json(&self, value: &Value) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{value}")?;
        out.flush()
    }
}

/// The time the story has taken so far, for people.
fn elapsed(begin: Timestamp, at: Timestamp) -> String {
    let seconds = at.duration_since(begin).as_secs().max(0);
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}
