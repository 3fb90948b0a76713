//! What this engine does not have: said before anything is touched.

use crate::canary::spec::Spec;
use crate::canary::strategy::Strategy;
use crate::reason::Reason;
use crate::settings::Settings;

/// Whether a Canary asks only for what this engine has, and in a way that can be followed.
///
/// # Errors
/// What it asks for beside that, and what to do.
pub(super) fn check(spec: &Spec, settings: &Settings) -> Result<(), Reason> {
    let analysis = &spec.analysis;
    for hook in &analysis.webhooks {
        hook.timeout()
            .map_err(|why| invalid(format!("spec.analysis.webhooks: {why}")))?;
    }
    let by_weight = !spec.skip_analysis && Strategy::of(spec, settings) == Strategy::Weights;
    if by_weight && analysis.step_weights.is_empty() && analysis.step_weight <= 0 {
        return Err(invalid("spec.analysis.stepWeight: must be 1 to 100".to_owned()));
    }
    if let Some(weight) = analysis
        .step_weights
        .iter()
        .find(|weight| !(0..=100).contains(*weight))
    {
        return Err(invalid(format!(
            "spec.analysis.stepWeights: {weight}: must be 0 to 100"
        )));
    }
    Ok(())
}

const fn invalid(detail: String) -> Reason {
    Reason::InvalidSpec { detail }
}
