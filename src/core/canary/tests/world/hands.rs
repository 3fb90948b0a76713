//! What people, Git and Flux do to the world.

use super::World;
use super::commit;
use crate::object::Object;
use serde_json::Value;
use serde_json::json;

impl World {
    /// Git moves on and Flux applies it.
    pub(crate) fn apply_commit(&mut self) {
        let revision = json!(format!("main@sha1:{}", commit(self.commits)));
        let mut kustomization = self.get_in(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "flux-system",
            "apps",
        );
        kustomization.set(
            "/status",
            json!({"lastAppliedRevision": revision, "lastAttemptedRevision": revision,
                                            "observedGeneration": 1}),
        );
        self.put(kustomization);
        let mut source = self.get_in(
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            "flux-system",
            "flux-system",
        );
        source.set("/status/artifact/revision", revision);
        self.put(source);
        self.commits += 1;
    }

    /// Git moves on and the source has it; Flux has not applied it yet.
    pub(crate) fn fetch(&mut self) {
        let mut source = self.get_in(
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            "flux-system",
            "flux-system",
        );
        let revision = format!("main@sha1:{}", commit(self.commits));
        source.set("/status/artifact/revision", json!(revision));
        self.put(source);
    }

    /// Edits the Canary.
    pub(crate) fn edit(&mut self, edit: impl FnOnce(&mut Object)) {
        let mut canary = self.canary();
        edit(&mut canary);
        self.put(canary);
    }

    /// Puts an annotation on the Canary, or takes it away.
    pub(crate) fn annotate(&mut self, name: &str, value: Option<&str>) {
        self.edit(|canary| {
            let mut annotations = canary.at("/metadata/annotations").cloned().unwrap_or(json!({}));
            annotations[name] = json!(value);
            if value.is_none() {
                annotations.as_object_mut().expect("an object").remove(name);
            }
            canary.set("/metadata/annotations", annotations);
        });
    }

    pub(crate) fn set_image(&mut self, image: &str) {
        self.set_image_before_flux_says_so(image);
        self.apply_commit();
    }

    pub(crate) fn set_image_before_flux_says_so(&mut self, image: &str) {
        let mut target = self.get("apps/v1", "Deployment", "podinfo");
        target.0["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        target.set("/metadata/generation", json!(target.generation() + 1));
        self.put(target);
    }

    pub(crate) fn put(&mut self, mut object: Object) {
        self.version += 1;
        object.set("/metadata/resourceVersion", json!(self.version.to_string()));
        self.objects.insert(object.reference(), object);
    }

    /// Somebody edits the Canary.
    pub(crate) fn edit_canary(&mut self, pointer: &str, value: Value) {
        let mut canary = self.canary();
        canary.set(pointer, value);
        self.put(canary);
    }

    /// Somebody edits the target.
    pub(crate) fn edit_target(&mut self, pointer: &str, value: Value) {
        let mut target = self.get("apps/v1", "Deployment", "podinfo");
        if let Some((array, rest)) = pointer.split_once("/containers/0/") {
            target.set_in_array(&format!("{array}/containers"), 0, rest, value);
        } else {
            target.set(pointer, value);
        }
        target.set("/metadata/generation", json!(target.generation() + 1));
        self.put(target);
    }

    pub(crate) fn freeze(&mut self, deployment: &str) {
        self.frozen.push(deployment.to_owned());
        self.frozen_since = self.now;
    }
}
