//! What a test asks the world.

use super::World;
use super::weight_of;
use crate::canary::status::Status;
use crate::effect::StatusState;
use crate::object::Object;
use crate::object::ObjectRef;

impl World {
    pub(crate) fn get(&self, api_version: &str, kind: &str, name: &str) -> Object {
        self.get_in(api_version, kind, "test", name)
    }

    pub(crate) fn get_in(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Object {
        self.objects
            .get(&ObjectRef::new(api_version, kind, namespace, name))
            .expect("the object")
            .clone()
    }

    pub(crate) fn all(&self, kind: &str) -> Vec<Object> {
        self.objects
            .values()
            .filter(|object| object.str("/kind") == kind)
            .cloned()
            .collect()
    }

    pub(crate) fn canary(&self) -> Object {
        self.get("flagger.app/v1beta1", "Canary", "podinfo")
    }

    pub(crate) fn status(&self) -> Status {
        Status::of(&self.canary())
    }

    pub(crate) fn image(&self, deployment: &str) -> String {
        let deployment = self.get("apps/v1", "Deployment", deployment);
        deployment
            .str("/spec/template/spec/containers/0/image")
            .to_owned()
    }

    /// The target's image, whatever kind it is of; a Service has none.
    pub(super) fn target_image(&self) -> String {
        let of = |field: &str| self.canary().str(&format!("/spec/targetRef/{field}")).to_owned();
        let target = self.get(&of("apiVersion"), &of("kind"), "podinfo");
        target.str("/spec/template/spec/containers/0/image").to_owned()
    }

    pub(crate) fn replicas(&self, deployment: &str) -> i64 {
        self.get("apps/v1", "Deployment", deployment)
            .int("/spec/replicas")
            .unwrap_or(1)
    }

    pub(crate) fn weight(&self) -> i64 {
        self.route_weight().expect("a route")
    }

    /// The canary's weight, if there is a route.
    pub(crate) fn route_weight(&self) -> Option<i64> {
        self.objects.values().find_map(weight_of)
    }

    /// How often a webhook was called.
    pub(crate) fn calls(&self, hook: &str) -> usize {
        self.called.iter().filter(|(name, _)| name == hook).count()
    }

    /// The events from the one that begins so, without those of Git.
    pub(crate) fn events_from(&self, start: &str) -> Vec<&str> {
        let from = self.events.iter().position(|event| event.starts_with(start));
        self.events
            .iter()
            .skip(from.expect("the event"))
            .map(String::as_str)
            .collect()
    }

    /// Why the last step did what it did, in words.
    pub(crate) fn says(&self) -> String {
        self.because.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    pub(crate) fn told(&self, message: &str) -> bool {
        self.events.iter().any(|event| event == message)
    }

    pub(crate) fn last_commit_status(&self) -> Option<StatusState> {
        self.statuses.last().copied()
    }
}
