//! The change, and why it is exactly these lines.

use super::LISTED;
use super::Page;
use super::commit_of;
use super::more;
use super::spelled;
use crate::pull::proposal;
use crate::pull::proposal::Part;
use crate::pull::text::code;
use crate::pull::text::escaped;
use crate::pull::text::fenced;
use crate::query::CommitRef;
use crate::query::Observed;
use crate::reason::short;
use crate::revert::Form;
use recant_render::Tree;
use serde_json::Value;
use std::fmt::Write as _;

/// More lines of a diff than these are left to the host's own page.
const DIFF_LINES: usize = 120;

impl Page<'_> {
    pub(super) fn change(&self, text: &mut String) {
        let record = &self.proposal.record;
        let _ = writeln!(
            text,
            "### The change\n\n{} file{}, +{} −{}. Nothing else in Git moves.\n\n{}",
            record.files.len(),
            if record.files.len() == 1 { "" } else { "s" },
            record.lines_added,
            record.lines_removed,
            self.diff(),
        );
        for part in &self.proposal.parts {
            self.why_these_lines(text, part);
        }
        self.automation(text);
    }

    /// The edit, unless it shows what nobody should copy around.
    fn diff(&self) -> String {
        let after = &self.proposal.after;
        let files = self.proposal.files.keys();
        let secret: Vec<String> = files
            .filter(|path| holds_secrets(after, path))
            .map(|path| code(path))
            .collect();
        if !secret.is_empty() {
            return format!(
                "The lines are not shown here, because Secrets stand in {}: see the changed files.\n",
                secret.join(", ")
            );
        }
        let lines = self.proposal.diff.lines().count();
        if lines > DIFF_LINES {
            return format!("The diff has {lines} lines: see the changed files.\n");
        }
        fenced("diff", &self.proposal.diff)
    }

    fn why_these_lines(&self, text: &mut String, part: &Part) {
        let Part { target, plan, .. } = part;
        text.push_str("### Why exactly these lines\n\n");
        self.chain(text, part);
        let form = match plan.form {
            Form::Revert => "this is the smallest edit of the head that takes them back",
            Form::Pin => {
                "these lines pin what was promoted for this workload alone, and leave the shared lines as they are"
            }
        };
        let _ = writeln!(
            text,
            "Between {} (promoted) and {} (the head) these of its fields changed, and {form}:\n",
            code(short(&target.good)),
            code(short(self.head)),
        );
        text.push_str("| field | Git asks for | after the merge | it comes from |\n|---|---|---|---|\n");
        let secret = target.object.kind == "Secret";
        for (leaf, origin) in plan.leaves.iter().zip(&part.origins).take(LISTED) {
            let value = |value: &Option<Value>| match value {
                Some(_) if secret => "(hidden)".to_owned(),
                Some(value) => code(&spelled(value)),
                None => "–".to_owned(),
            };
            let (head, good) = (value(&leaf.head), value(&leaf.good));
            let (field, origin) = (code(&leaf.pointer), code(origin));
            let _ = writeln!(text, "| {field} | {head} | {good} | {origin} |");
        }
        more(text, plan.leaves.len());
        for note in &plan.notes {
            let _ = writeln!(text, "\nNote: {}.", escaped(note));
        }
        self.commits(text, part);
        let mut kept: Vec<String> = plan.kept.iter().map(|path| code(path)).collect();
        if plan.form == Form::Revert {
            let more = plan.files.keys().filter(|path| self.keeps_lines(part, path));
            kept.extend(more.map(|path| format!("other lines of {}", code(path))));
        }
        self::kept(text, &kept);
        text.push('\n');
    }

    /// Whether a file that is edited has changed in other lines too, which stay.
    fn keeps_lines(&self, part: &Part, path: &str) -> bool {
        let good = CommitRef {
            repo: self.spec.repo(),
            commit: part.target.good.clone(),
        };
        match self.seen.tree(&good) {
            Observed::Known(good) => good.get(path) != self.proposal.after.get(path),
            Observed::Unknown(_) => false,
        }
    }

    /// Workload ← Kustomization ← source ← …, and which of them was changed.
    fn chain(&self, text: &mut String, part: &Part) {
        let target = &part.target;
        let candidate = self.baseline(target).and_then(|baseline| baseline.candidate);
        let links = candidate.map(|snapshot| snapshot.chain).unwrap_or_default();
        if links.is_empty() {
            let (object, by) = (target.object.to_string(), target.kustomization.to_string());
            let _ = writeln!(text, "{} is rendered by {}.\n", code(&object), code(&by));
            return;
        }
        let _ = writeln!(
            text,
            "How the workload of {} comes into the cluster:\n",
            code(&super::dotted(target))
        );
        for link in links.iter().take(LISTED) {
            let changed = link.kustomization == target.kustomization;
            let _ = writeln!(
                text,
                "- {} renders {} of {}{}{}",
                code(&link.kustomization.to_string()),
                code(if link.path.is_empty() { "." } else { &link.path }),
                code(&link.url),
                match commit_of(Some(link)) {
                    Some(commit) => format!(" at {}", code(short(commit))),
                    None => String::new(),
                },
                if changed {
                    format!(
                        ": **what was changed is here**, {}",
                        code(&target.object.to_string())
                    )
                } else {
                    String::new()
                },
            );
        }
        text.push('\n');
    }

    fn commits(&self, text: &mut String, part: &Part) {
        let Observed::Known(log) = self.seen.log(&proposal::log(self.spec, &part.target, self.head)) else {
            return;
        };
        if log.is_empty() {
            return;
        }
        text.push_str("\nCommits since the promoted state:\n\n");
        for commit in log.iter().take(LISTED) {
            let (id, subject, author) = (short(&commit.id), commit.subject(), name_of(&commit.author));
            let mark = if commit.id == self.spec.change() {
                " **made the change**"
            } else {
                ""
            };
            let _ = writeln!(text, "- {} {} by {}{mark}", code(id), code(subject), code(author));
        }
        more(text, log.len());
    }

    /// Lines that image automation writes, and would write again.
    fn automation(&self, text: &mut String) {
        let parts = self.proposal.parts.iter();
        let lines: Vec<_> = parts.flat_map(|part| &part.plan.automation).collect();
        if lines.is_empty() {
            return;
        }
        text.push_str("### Image automation\n\n");
        for line in lines {
            let (place, policy) = (code(&format!("{}:{}", line.file, line.line)), code(&line.policy));
            let _ = if let (true, Some(exclusion)) = (line.held, &line.exclusion) {
                writeln!(
                    text,
                    "- {place} is written by the image automation of policy {policy}. ImageRepository {} leaves the \
                     failed tag out from now on, by {} in its `exclusionList`; newer tags are still written. Take the \
                     entry out to allow the tag again.",
                    code(&exclusion.repository),
                    code(&exclusion.pattern),
                )
            } else if line.held {
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
}

fn kept(text: &mut String, kept: &[String]) {
    if kept.is_empty() {
        return;
    }
    text.push_str("\nThe same commits also changed, and this **keeps**:\n\n");
    for line in kept.iter().take(LISTED) {
        let _ = writeln!(text, "- {line}");
    }
    more(text, kept.len());
}

/// Whether a file may hold a Secret's values: a Secret, a generator of one, or what sops has encrypted.
fn holds_secrets(tree: &Tree, path: &str) -> bool {
    let text = tree.text(path).unwrap_or_default();
    let line = |line: &str| {
        let line = line.trim_start_matches(['-', ' ', '{']).trim_end();
        line.starts_with("secretGenerator:")
            || line.starts_with("sops:")
            || line
                .strip_prefix("kind:")
                .is_some_and(|kind| kind.trim().trim_matches(['"', '\'']) == "Secret")
    };
    path.ends_with(".env") || text.lines().any(line)
}

fn name_of(author: &str) -> &str {
    author.split('<').next().unwrap_or(author).trim()
}

#[cfg(test)]
mod tests {
    use super::holds_secrets;
    use recant_render::Tree;

    #[test]
    fn lines_of_files_that_hold_secrets_are_known() {
        let table = [
            ("kind: Secret\ndata: {a: b}\n", true),
            ("- kind: \"Secret\"\n", true),
            ("secretGenerator:\n- name: x\n  literals: [password=x]\n", true),
            ("a: ENC[x]\nsops:\n  mac: x\n", true),
            ("kind: SecretStore\n", false),
            ("kind: Deployment\n# Secret\n", false),
        ];
        for (text, holds) in table {
            let tree = Tree::default().with("a.yaml", text.as_bytes());
            assert_eq!(holds_secrets(&tree, "a.yaml"), holds, "{text}");
        }
        assert!(holds_secrets(&Tree::default().with("x/.env", b"A=b"), "x/.env"));
    }
}
