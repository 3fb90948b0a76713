//! What this engine does not have: said before anything is touched.

use crate::canary::spec::Spec;
use crate::reason::Reason;

/// Whether a Canary asks only for what this engine has.
///
/// # Errors
/// What it asks for beside that, and what to do.
pub(super) fn check(spec: &Spec) -> Result<(), Reason> {
    let unsupported = |field: &str, value: &str, hint: &str| {
        Err(Reason::Unsupported {
            field: field.to_owned(),
            value: value.to_owned(),
            hint: hint.to_owned(),
        })
    };
    let analysis = &spec.analysis;
    if !analysis.step_weights.is_empty() {
        return unsupported("spec.analysis.stepWeights", "", "use stepWeight and maxWeight");
    }
    if analysis.iterations.is_some_and(|n| n > 0) || !analysis.r#match.is_empty() {
        return unsupported("spec.analysis.iterations", "", "use stepWeight and maxWeight");
    }
    if analysis.mirror {
        return unsupported(
            "spec.analysis.mirror",
            "true",
            "use stepWeight and maxWeight without it",
        );
    }
    if !analysis.webhooks.is_empty() {
        return unsupported("spec.analysis.webhooks", "", "leave them out");
    }
    if !spec.skip_analysis && analysis.step_weight <= 0 {
        return Err(Reason::InvalidSpec {
            detail: "spec.analysis.stepWeight: must be 1 to 100".to_owned(),
        });
    }
    Ok(())
}
