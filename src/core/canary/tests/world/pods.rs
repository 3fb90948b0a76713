//! The pods: all that were asked for are ready, unless somebody froze them.

use super::World;
use serde_json::json;

impl World {
    /// Every Deployment has what it asks for, unless it is frozen.
    pub(crate) fn run_pods(&mut self) {
        for mut set in self.all("DaemonSet") {
            let down = set
                .at("/spec/template/spec/nodeSelector")
                .is_some_and(|s| s["flagger.app/scale-to-zero"] == "true");
            let (pods, frozen) = (
                i64::from(!down) * 3,
                self.frozen.iter().any(|name| name == set.name()),
            );
            let status = json!({"observedGeneration": set.generation(), "desiredNumberScheduled": pods,
                                "currentNumberScheduled": pods, "updatedNumberScheduled": pods,
                                "numberAvailable": if frozen { 0 } else { pods }});
            if set.at("/status") != Some(&status) {
                set.set("/status", status);
                self.put(set);
            }
        }
        if self.keep_status {
            return;
        }
        for mut deployment in self.all("Deployment") {
            let replicas = deployment.int("/spec/replicas").unwrap_or(1);
            let image = deployment.str("/spec/template/spec/containers/0/image");
            let is_primary = deployment.name().ends_with("-primary");
            let frozen = self.frozen.iter().any(|name| name == deployment.name())
                || (is_primary && self.unfit.iter().any(|unfit| unfit == image));
            let status = if frozen && replicas > 0 {
                json!({"observedGeneration": deployment.generation(), "replicas": replicas,
                       "updatedReplicas": replicas, "availableReplicas": 0,
                       "conditions": [{"type": "Available", "status": "False",
                                       "reason": "MinimumReplicasUnavailable",
                                       "lastUpdateTime": self.frozen_since}]})
            } else {
                json!({"observedGeneration": deployment.generation(), "replicas": replicas,
                       "updatedReplicas": replicas, "availableReplicas": replicas})
            };
            if deployment.at("/status") != Some(&status) {
                deployment.set("/status", status);
                self.put(deployment);
            }
        }
    }
}
