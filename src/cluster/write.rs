//! Writes, each under its own precondition.

use super::FIELD_MANAGER;
use super::Kube;
use super::error::Failure;
use super::resolve::Kind;
use crate::port::PortError;
use kube::core::params::DeleteParams;
use kube::core::params::Patch;
use kube::core::params::PatchParams;
use kube::core::params::PostParams;
use kube::core::params::Preconditions;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use serde_json::Value;
use serde_json::json;

impl Kube {
    /// Performs a write. A conflict, and an object that is gone, are [`PortError::Stale`]; deleting what is gone is
    /// done.
    pub(super) async fn write(&self, write: &Write) -> Result<Object, PortError> {
        let name = write.name();
        if name.name.is_empty() {
            return Err(PortError::Invalid(format!(
                "{} without a name cannot be written",
                name.kind
            )));
        }
        let Some(kind) = self.resolver.kind(&name.api_version, &name.kind).await? else {
            return Err(PortError::Invalid(format!(
                "{name}: the cluster does not know {} of {}: install its CustomResourceDefinition",
                name.kind, name.api_version
            )));
        };
        let written = self.attempt(&kind, &name, write).await;
        if let Err(Failure::NoPath(_)) = &written {
            self.resolver.forget(&name.api_version, &name.kind);
        }
        written.map_err(|failure| say(&name, failure.of_write()))
    }

    async fn attempt(&self, kind: &Kind, name: &ObjectRef, write: &Write) -> Result<Object, Failure> {
        let requests = kind.request(&name.namespace);
        let post = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..Default::default()
        };
        let request = match write {
            Write::Create(object) => requests.create(&post, bytes(&object.0)?),
            Write::Update(object) => {
                require_version(object)?;
                requests.replace(&name.name, &post, bytes(&object.0)?)
            }
            Write::UpdateStatus(object) => {
                require_version(object)?;
                requests.replace_subresource("status", &name.name, &post, bytes(&object.0)?)
            }
            Write::Patch {
                resource_version,
                patch,
                ..
            } => {
                let patch = Patch::Merge(pinned(patch, resource_version)?);
                let params = PatchParams {
                    field_manager: Some(FIELD_MANAGER.to_owned()),
                    ..Default::default()
                };
                requests.patch(&name.name, &params, &patch)
            }
            Write::Delete { uid, .. } => return self.delete(kind, name, uid).await,
        };
        self.send(request).await.map(|value| kind.object(value))
    }

    async fn delete(&self, kind: &Kind, name: &ObjectRef, uid: &str) -> Result<Object, Failure> {
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: (!uid.is_empty()).then(|| uid.to_owned()),
            resource_version: None,
        });
        let sent = self
            .send::<Value>(kind.request(&name.namespace).delete(&name.name, &params))
            .await;
        match sent {
            // The server answers with the object while finalizers hold it, else with a Status.
            Ok(value) if value.get("kind").and_then(Value::as_str) == Some(&kind.kind) => {
                Ok(kind.object(value))
            }
            Ok(_) | Err(Failure::NoObject(_)) => Ok(Object::named(name)),
            Err(failure) => Err(failure),
        }
    }
}

fn bytes(value: &Value) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|e| Failure::Port(PortError::Invalid(e.to_string())))
}

/// Without a version the server would overwrite whatever stands there.
fn require_version(object: &Object) -> Result<(), Failure> {
    if object.resource_version().is_empty() {
        let text = "an update needs metadata.resourceVersion as its precondition".to_owned();
        return Err(Failure::Port(PortError::Invalid(text)));
    }
    Ok(())
}

/// The patch with the version in it, which makes the server refuse it on any other.
fn pinned(patch: &Value, resource_version: &str) -> Result<Value, Failure> {
    if !patch.is_object() {
        return Err(Failure::Port(PortError::Invalid(
            "a merge patch is a map".to_owned(),
        )));
    }
    let mut patch = Object(patch.clone());
    if !resource_version.is_empty() {
        patch.set("/metadata/resourceVersion", json!(resource_version));
    }
    Ok(patch.0)
}

/// The error with the object's name in front.
fn say(name: &ObjectRef, error: PortError) -> PortError {
    match error {
        PortError::Unreachable(text) => PortError::Unreachable(format!("{name}: {text}")),
        PortError::Denied(text) => PortError::Denied(format!("{name}: {text}")),
        PortError::Stale(text) => PortError::Stale(format!("{name}: {text}")),
        PortError::Invalid(text) => PortError::Invalid(format!("{name}: {text}")),
    }
}
