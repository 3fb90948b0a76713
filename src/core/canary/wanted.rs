//! What a turn wants. Never here: what must be written for that, which is `hold`.

use crate::baseline::Baseline;
use crate::baseline::Snapshot;
use crate::canary::route::Traffic;

/// What the objects around the Canary are to be when the turn ends. A later word replaces an earlier one.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) baseline: Option<Baseline>,
    pub(super) primary_serves: Option<bool>,
    /// What the primary is to have; and whether it is a promotion, which brings more than the template.
    pub(super) primary: Option<(Snapshot, bool)>,
    /// Whether the apex Service is to select the target's pods again.
    pub(super) apex_to_target: bool,
    /// Whether the router's objects are to be what they were before the Canary.
    pub(super) restore_route: bool,
    /// Whether the primary's autoscaler is to be brought up to date.
    pub(super) promote_scaler: bool,
    /// Whether the target's autoscaler is to leave the target alone.
    pub(super) paused: Option<bool>,
    pub(super) traffic: Option<Traffic>,
    pub(super) replicas: Option<i64>,
}
