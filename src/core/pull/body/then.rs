//! The proof, who else reads the files, and what happens when a person decides this way or that.

use super::LISTED;
use super::Page;
use crate::canary::verbs::Verb;
use crate::object::ObjectRef;
use crate::pull::policy::REPORT_ONLY;
use crate::pull::proposal;
use crate::pull::proposal::Part;
use crate::pull::text::code;
use crate::pull::text::escaped;
use crate::reason::short;
use std::collections::BTreeSet;
use std::fmt::Write as _;

impl Page<'_> {
    pub(super) fn then(&self, text: &mut String) {
        text.push_str("### Proof\n\n");
        for part in &self.proposal.parts {
            proof(text, part);
        }
        text.push_str("- Two independent YAML parsers read the same from the edited files.\n");
        let _ = writeln!(
            text,
            "- Proved on {} of {}. recant proves it again whenever the branch moves, and pushes again only when these \
             files do.",
            code(short(self.head)),
            code(&self.spec.branch),
        );
        text.push_str(
            "- Not shown by this: that the failure came from these lines (it was measured, not understood); clusters \
             that read this repository in ways it does not say; what the change did outside of Kubernetes, such as \
             migrations.\n\n",
        );
        self.decisions(text);
    }

    fn decisions(&self, text: &mut String) {
        let change = code(short(self.spec.change()));
        let (namespace, name) = (self.revert.namespace(), self.revert.name());
        let (retry, quiet) = self.commands();
        let _ = writeln!(
            text,
            "### What happens then\n\n\
             - **Merge** (however: merge, squash, rebase, queue, or the same change by hand): Flux is asked to apply it \
             at once. The template equals the promoted one, so nothing is analysed again and no pod of the primary \
             restarts.\n\
             - **Close**: final for {change}; recant does not open it again.\n\
             - **Roll forward** (push a newer version): its own analysis begins, and recant closes this.\n\
             - **Push to this branch**: then it is yours; recant leaves it alone.\n\
             - **Retry the same version**, if you think the failure was an accident: {retry}, or a new value of the \
             annotation {}. recant closes this and analyses it again.\n\
             - **No such pull requests**: {quiet} makes recant report only; so does the same annotation or label on the \
             namespace, and `reportOnly` on the Forge.\n\n\
             The record: {}.",
            code(&Verb::Retry.annotation()),
            code(&format!("kubectl -n {namespace} get revert {name}")),
        );
    }

    /// How to retry, and how to have no such pull requests.
    fn commands(&self) -> (String, String) {
        let canaries: BTreeSet<&ObjectRef> = self.spec.targets.iter().map(|target| &target.canary).collect();
        let retry = |canary: &&ObjectRef| {
            code(&format!(
                "recant {} {}/{}",
                Verb::Retry,
                canary.namespace,
                canary.name
            ))
        };
        let retry: Vec<String> = canaries.iter().take(LISTED).map(retry).collect();
        let quiet = canaries.first().map(|canary| {
            let (namespace, name) = (&canary.namespace, &canary.name);
            code(&format!(
                "kubectl -n {namespace} annotate canary/{name} {REPORT_ONLY}=true"
            ))
        });
        (retry.join(" and "), quiet.unwrap_or_default())
    }
}

fn proof(text: &mut String, part: &Part) {
    let object = code(&part.target.object.to_string());
    let roots = &part.proof.roots;
    let doubts = proposal::doubts(&part.proof);
    if part.proof.restored {
        let _ = writeln!(
            text,
            "- The head was rendered without and with this edit: {object} comes back exactly as it was promoted{}",
            if part.proof.collateral.is_empty() {
                ", and no other object changes."
            } else {
                ". **With it change**, because they share the lines:"
            },
        );
    }
    for moved in part.proof.collateral.iter().take(LISTED) {
        let _ = writeln!(
            text,
            "  - {} in {}",
            code(&moved.object.to_string()),
            code(&moved.root)
        );
    }
    super::more(text, part.proof.collateral.len());
    for doubt in doubts.iter().filter(|doubt| part.proof.doubts.contains(doubt)) {
        let _ = writeln!(text, "- Not proved: {}", escaped(doubt));
    }
    let (all, listed) = (roots.len(), roots.iter().take(LISTED).map(|r| code(r)));
    let _ = writeln!(
        text,
        "- {} read{} the edited files, all of them rendered both ways: {}.",
        match all {
            1 => "One root".to_owned(),
            n => format!("{n} roots"),
        },
        if all == 1 { "s" } else { "" },
        listed.collect::<Vec<_>>().join(", "),
    );
    let by = &part.deployed_by;
    if !by.is_empty() {
        let listed = by.iter().take(LISTED).map(|name| code(&name.to_string()));
        let _ = writeln!(
            text,
            "- In this cluster {} deploy{} that.",
            listed.collect::<Vec<_>>().join(", "),
            if by.len() == 1 { "s" } else { "" },
        );
        super::more(text, by.len());
    }
}
