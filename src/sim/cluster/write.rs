//! Creating, updating and patching: one path for the protocol and for typed callers.

mod rules;

pub(crate) use rules::has_generation;

use super::Cluster;
use super::admit;
use super::apply;
use super::convert;
use super::crd;
use super::error::ApiError;
use super::error::Cause;
use super::kind::Kind;
use super::managers;
use super::managers::Operation;
use super::managers::Writer;
use super::meta;
use super::store::Key;
use super::strategic;
use jiff::Timestamp;
use recant_core::object::Object;
use rules::addressed;
use rules::check_preconditions;
use rules::is_finished;
use rules::is_spec_changed;
use rules::owned_part;
use rules::remove_status;
use rules::restrict;
use serde_json::Value;
use std::sync::Arc;

/// What to do about fields the schema does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// The circumstances of one write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) writer: Writer<'a>,
    pub(crate) dry_run: bool,
    pub(crate) validation: FieldValidation,
}

impl<'a> Call<'a> {
    pub(crate) fn new(now: Timestamp, manager: &'a str) -> Self {
        Self {
            writer: Writer {
                now,
                manager,
                operation: Operation::Update,
                subresource: "",
            },
            dry_run: false,
            validation: FieldValidation::Strict,
        }
    }

    pub(crate) fn on(mut self, subresource: &'a str) -> Self {
        self.writer.subresource = subresource;
        self
    }
}

/// A patch of one of the four kinds.
#[derive(Clone, Debug)]
pub(crate) enum Patch {
    Json(json_patch::Patch),
    Merge(Value),
    Strategic(Value),
    Apply { wanted: Object, force: bool },
}

/// The object as it is now, in the version asked for, and what the server has to say about it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) object: Object,
    pub(crate) warnings: Vec<String>,
    pub(crate) created: bool,
}

impl Cluster {
    pub(crate) fn create(
        &mut self,
        call: &Call<'_>,
        kind: &Arc<Kind>,
        namespace: &str,
        object: Object,
    ) -> Result<Written, ApiError> {
        let mut object = addressed(kind, namespace, object)?;
        if !matches!(object.resource_version(), "" | "0") {
            return Err(ApiError::unspecific(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        self.name(&mut object);
        self.check_namespace(kind, namespace, object.name())?;
        for field in [
            "uid",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
            "selfLink",
            "generation",
        ] {
            meta::remove(&mut object, field);
        }
        if kind.status {
            remove_status(&mut object);
        }
        let mut object = convert::to_stored(kind, object);
        let warnings = self.admit(call, kind, &mut object, None)?;
        let key = self.key(kind, object.namespace(), object.name());
        if self.store.get(&key).is_some() {
            return Err(ApiError::already_exists(kind, object.name()));
        }
        object.set("/metadata/uid", meta::uid(self.store.version() + 1).into());
        object.set("/metadata/creationTimestamp", meta::time(call.writer.now).into());
        if kind.generation || kind.custom.is_some() {
            object.set("/metadata/generation", 1.into());
        }
        match call.writer.operation {
            Operation::Update => managers::note_update(kind, &call.writer, &Value::Null, &mut object),
            Operation::Apply => {}
        }
        Ok(Written {
            object: self.commit(call, kind, key, object),
            warnings,
            created: true,
        })
    }

    /// Creates by server-side apply: what is applied is owned, what is defaulted is not.
    fn create_applied(
        &mut self,
        call: &Call<'_>,
        kind: &Arc<Kind>,
        key: &Key,
        wanted: &Object,
    ) -> Result<Written, ApiError> {
        if !matches!(wanted.resource_version(), "" | "0") || !wanted.uid().is_empty() {
            return Err(ApiError::conflict(
                kind,
                &key.name,
                "the object does not exist, but a version or uid was given",
            ));
        }
        let empty = Object::named(&wanted.reference());
        let owned = apply::apply(kind, &call.writer, false, &empty, &wanted.0)?;
        let live = self.create(
            &Call {
                dry_run: true,
                ..*call
            },
            kind,
            &key.namespace,
            wanted.clone(),
        )?;
        let mut object = convert::to_stored(kind, live.object);
        meta::copy(&owned, &mut object, "managedFields");
        Ok(Written {
            object: self.commit(call, kind, key.clone(), object),
            ..live
        })
    }

    pub(crate) fn update(
        &mut self,
        call: &Call<'_>,
        kind: &Arc<Kind>,
        (namespace, name): (&str, &str),
        object: Object,
    ) -> Result<Written, ApiError> {
        let object = addressed(kind, namespace, object)?;
        if object.name() != name {
            let given = object.name();
            let message =
                format!("the name of the object ({given}) does not match the name on the URL ({name})");
            return Err(ApiError::bad_request(message));
        }
        let old = self.find(kind, namespace, name)?;
        if object.resource_version().is_empty() && !kind.unconditional_update {
            let cause = Cause::invalid(
                "metadata.resourceVersion",
                &"0x0".into(),
                "must be specified for an update",
            );
            return Err(ApiError::invalid(kind, name, &[cause]));
        }
        check_preconditions(kind, &old, &object)?;
        self.replace(call, kind, &old, convert::to_stored(kind, object))
    }

    pub(crate) fn patch(
        &mut self,
        call: &Call<'_>,
        kind: &Arc<Kind>,
        (namespace, name): (&str, &str),
        patch: &Patch,
    ) -> Result<Written, ApiError> {
        let key = self.key(kind, namespace, name);
        if let Patch::Apply { wanted, force } = patch {
            return self.apply_patch(call, kind, &key, wanted, *force);
        }
        let old = self.find(kind, namespace, name)?;
        let shown = convert::from_stored(kind, (*old).clone());
        let patched = Object(patched(kind, &shown, patch)?);
        let patched = addressed(kind, namespace, patched)?;
        if patched.name() != name {
            let cause = Cause::invalid("metadata.name", &patched.name().into(), "field is immutable");
            return Err(ApiError::invalid(kind, name, &[cause]));
        }
        check_preconditions(kind, &old, &patched)?;
        self.replace(call, kind, &old, convert::to_stored(kind, patched))
    }

    fn apply_patch(
        &mut self,
        call: &Call<'_>,
        kind: &Arc<Kind>,
        key: &Key,
        wanted: &Object,
        force: bool,
    ) -> Result<Written, ApiError> {
        if wanted
            .at("/metadata/managedFields")
            .is_some_and(|m| m.as_array().is_none_or(|m| !m.is_empty()))
        {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        let mut wanted = wanted.clone();
        if wanted.name().is_empty() {
            wanted.set("/metadata/name", key.name.clone().into());
        }
        let wanted = addressed(kind, &key.namespace, wanted)?;
        if wanted.name() != key.name {
            let message = format!(
                "name in the object ({}) does not match the URL ({})",
                wanted.name(),
                key.name
            );
            return Err(ApiError::bad_request(message));
        }
        let Some(old) = self.store.get(key).cloned() else {
            if call.writer.subresource.is_empty() {
                return self.create_applied(call, kind, key, &wanted);
            }
            return Err(ApiError::not_found(kind, &key.name));
        };
        check_preconditions(kind, &old, &wanted)?;
        let wanted = owned_part(call, kind, &wanted);
        let live = convert::from_stored(kind, (*old).clone());
        let merged = apply::apply(kind, &call.writer, force, &live, &wanted.0)?;
        self.replace(call, kind, &old, convert::to_stored(kind, merged))
    }

    /// Makes `new` the object, as far as the subresource written to may change it.
    fn replace(
        &mut self,
        call: &Call<'_>,
        kind: &Arc<Kind>,
        old: &Object,
        new: Object,
    ) -> Result<Written, ApiError> {
        let mut new = restrict(call, kind, old, new);
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "resourceVersion",
        ] {
            meta::copy(old, &mut new, field);
        }
        if call.writer.operation == Operation::Update {
            meta::copy(old, &mut new, "managedFields");
        }
        let warnings = self.admit(call, kind, &mut new, Some(old))?;
        if call.writer.operation == Operation::Update {
            managers::note_update(kind, &call.writer, &old.0, &mut new);
        }
        if new == *old {
            return Ok(Written {
                object: convert::from_stored(kind, new),
                warnings,
                created: false,
            });
        }
        if has_generation(kind) && is_spec_changed(kind, old, &new) {
            new.set("/metadata/generation", (old.generation() + 1).into());
        }
        let key = self.key(kind, old.namespace(), old.name());
        let object = if is_finished(&new) && !call.dry_run {
            self.commit(call, kind, key.clone(), new);
            self.remove(&key).map_or_else(|| old.clone(), |o| (*o).clone())
        } else {
            self.commit(call, kind, key, new)
        };
        Ok(Written {
            object: convert::from_stored(kind, object),
            warnings,
            created: false,
        })
    }

    /// Stores the object, unless this is a dry run, and returns it in the version asked for.
    fn commit(&mut self, call: &Call<'_>, kind: &Arc<Kind>, key: Key, mut object: Object) -> Object {
        if call.dry_run {
            let stored = self.store.get(&key).map(|o| o.resource_version().to_owned());
            match stored {
                Some(version) => object.set("/metadata/resourceVersion", version.into()),
                None => meta::remove(&mut object, "resourceVersion"),
            }
            return convert::from_stored(kind, object);
        }
        let stored = self.store.put(key, object);
        if kind.is(crd::GROUP, crd::KIND) {
            self.kinds.replace(&crd::stored_as(&stored), crd::kinds(&stored));
        }
        convert::from_stored(kind, (*stored).clone())
    }

    /// Prunes, defaults and validates.
    fn admit(
        &mut self,
        call: &Call<'_>,
        kind: &Arc<Kind>,
        object: &mut Object,
        old: Option<&Object>,
    ) -> Result<Vec<String>, ApiError> {
        if let Some(why) = admit::mistyped(kind, object) {
            let (name, version) = (&kind.kind, &kind.version);
            let message = format!("{name} in version {version:?} cannot be handled as a {name}: json: {why}");
            return Err(ApiError::bad_request(message));
        }
        let unknown = admit::prune(kind, object);
        if !unknown.is_empty() && call.validation == FieldValidation::Strict {
            let list: Vec<String> = unknown.iter().map(|u| format!("unknown field {u:?}")).collect();
            let message = format!(
                "{} in version {:?} cannot be handled as a {}: strict decoding error: {}",
                kind.kind,
                kind.version,
                kind.kind,
                list.join(", ")
            );
            return Err(ApiError::bad_request(message));
        }
        admit::default(kind, object, old, call.writer.now);
        self.allocate(kind, object, old);
        let causes = admit::validate(kind, object, old);
        if !causes.is_empty() {
            return Err(ApiError::invalid(kind, object.name(), &causes));
        }
        let warn = call.validation == FieldValidation::Warn;
        Ok(unknown
            .iter()
            .filter(|_| warn)
            .map(|u| format!("unknown field {u:?}"))
            .collect())
    }

    fn name(&self, object: &mut Object) {
        let prefix = object.str("/metadata/generateName").to_owned();
        if object.name().is_empty() && !prefix.is_empty() {
            let name = prefix + &meta::suffix(self.store.version() + 1);
            object.set("/metadata/name", name.into());
        }
    }

    fn check_namespace(&self, kind: &Kind, namespace: &str, name: &str) -> Result<(), ApiError> {
        if !kind.namespaced {
            return Ok(());
        }
        let key = Key {
            stored_as: "namespaces".to_owned(),
            namespace: String::new(),
            name: namespace.to_owned(),
        };
        match (self.store.get(&key), self.kinds.by_kind("v1", "Namespace")) {
            (None, Some(namespaces)) => Err(ApiError::not_found(&namespaces, namespace)),
            (Some(object), _) if object.is_deleting() => {
                let why = format!(
                    "unable to create new content in namespace {namespace} because it is being terminated"
                );
                Err(ApiError::forbidden(kind, name, &why))
            }
            _ => Ok(()),
        }
    }
}

fn patched(kind: &Kind, old: &Object, patch: &Patch) -> Result<Value, ApiError> {
    let mut value = old.0.clone();
    match patch {
        Patch::Merge(patch) => json_patch::merge(&mut value, patch),
        Patch::Json(patch) => json_patch::patch(&mut value, patch).map_err(|e| {
            let message = format!("the server rejected our request due to an error in our request: {e}");
            ApiError::invalid_patch(kind, old.name(), message)
        })?,
        Patch::Strategic(patch) => value = strategic::patch(kind, &value, patch)?,
        Patch::Apply { .. } => {}
    }
    Ok(value)
}
