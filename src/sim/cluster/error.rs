//! Refusals, in the API server's own words: `metav1.Status` with its reasons, codes and message texts.

use super::kind::Kind;
use serde_json::Value;
use serde_json::json;

/// Why the API server refused a request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status code.
    pub code: u16,
    /// The machine's word for it: `NotFound`, `Conflict`, … Empty where the real server has none.
    pub reason: &'static str,
    /// The text for people.
    pub message: String,
    /// `details` of the `Status`: which object, and the causes. Boxed to keep results small.
    pub details: Box<Value>,
}

/// One thing wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    reason: &'static str,
    field: String,
    message: String,
}

impl Cause {
    pub(crate) fn required(field: &str, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self {
            reason: "FieldValueRequired",
            field: field.to_owned(),
            message,
        }
    }

    pub(crate) fn invalid(field: &str, value: &Value, detail: &str) -> Self {
        let message = format!("Invalid value: {value}: {detail}");
        Self {
            reason: "FieldValueInvalid",
            field: field.to_owned(),
            message,
        }
    }

    /// A rule in CEL is broken; of what breaks it, only a single value is repeated.
    pub(crate) fn rule_broken(field: &str, value: &Value, detail: &str) -> Self {
        if !value.is_object() && !value.is_array() {
            return Self::invalid(field, value, detail);
        }
        Self {
            reason: "FieldValueInvalid",
            field: field.to_owned(),
            message: format!("Invalid value: {detail}"),
        }
    }

    pub(crate) fn type_invalid(field: &str, shown: &str, detail: &str) -> Self {
        let message = format!("Invalid value: \"{shown}\": {field} in body {detail}");
        Self {
            reason: "FieldValueTypeInvalid",
            field: field.to_owned(),
            message,
        }
    }

    pub(crate) fn not_supported(field: &str, value: &Value, allowed: &[String]) -> Self {
        let list: Vec<String> = allowed.iter().map(|a| format!("{a:?}")).collect();
        let message = format!(
            "Unsupported value: {value}: supported values: {}",
            list.join(", ")
        );
        Self {
            reason: "FieldValueNotSupported",
            field: field.to_owned(),
            message,
        }
    }

    pub(crate) fn duplicate(field: &str, value: &Value) -> Self {
        Self {
            reason: "FieldValueDuplicate",
            field: field.to_owned(),
            message: format!("Duplicate value: {value}"),
        }
    }

    pub(crate) fn missing(field: &str, value: &Value) -> Self {
        Self {
            reason: "FieldValueNotFound",
            field: field.to_owned(),
            message: format!("Not found: {value}"),
        }
    }

    pub(crate) fn forbidden(field: &str, detail: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            field: field.to_owned(),
            message: format!("Forbidden: {detail}"),
        }
    }
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: String, details: Value) -> Self {
        Self {
            code,
            reason,
            message,
            details: Box::new(details),
        }
    }

    fn about(kind: &Kind, name: &str) -> Value {
        let mut details = json!({ "name": name, "kind": kind.plural });
        if !kind.group.is_empty() {
            details["group"] = Value::from(kind.group.clone());
        }
        details
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self::new(404, "NotFound", message, Self::about(kind, name))
    }

    pub(crate) fn no_such_resource() -> Self {
        let message = "the server could not find the requested resource".to_owned();
        Self::new(404, "NotFound", message, json!({}))
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Self::new(409, "AlreadyExists", message, Self::about(kind, name))
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            kind.resource()
        );
        Self::new(409, "Conflict", message, Self::about(kind, name))
    }

    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The conflict of a server-side apply: `conflicts` holds a manager's description and a field's path.
    pub(crate) fn apply_conflict(conflicts: &[(String, String)]) -> Self {
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|(with, field)| {
                json!({ "reason": "FieldManagerConflict", "message": format!("conflict with {with}"), "field": field })
            })
            .collect();
        let message = match conflicts {
            [(with, field)] => format!("Apply failed with 1 conflict: conflict with {with}: {field}"),
            many => format!(
                "Apply failed with {} conflicts: {}",
                many.len(),
                conflict_list(many)
            ),
        };
        Self::new(409, "Conflict", message, json!({ "causes": causes }))
    }

    pub(crate) fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.resource());
        Self::new(403, "Forbidden", message, Self::about(kind, name))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into(), Value::Null)
    }

    pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        let lines: Vec<String> = causes
            .iter()
            .map(|c| format!("{}: {}", c.field, c.message))
            .collect();
        let list = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut details = Self::about(kind, name);
        details["kind"] = Value::from(kind.kind.clone());
        details["causes"] = causes
            .iter()
            .map(|c| json!({ "reason": c.reason, "message": c.message, "field": c.field }))
            .collect();
        Self::new(
            422,
            "Invalid",
            format!("{} \"{name}\" is invalid: {list}", kind.group_kind()),
            details,
        )
    }

    pub(crate) fn invalid_patch(kind: &Kind, name: &str, message: String) -> Self {
        Self::new(422, "Invalid", message, Self::about(kind, name))
    }

    pub(crate) fn too_old(from: u64, oldest: u64) -> Self {
        Self::new(
            410,
            "Expired",
            format!("too old resource version: {from} ({oldest})"),
            Value::Null,
        )
    }

    pub(crate) fn too_large(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let cause = json!({ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" });
        Self::new(
            504,
            "Timeout",
            message,
            json!({ "causes": [cause], "retryAfterSeconds": 1 }),
        )
    }

    pub(crate) fn invalid_options(cause: &Cause) -> Self {
        let message = format!(
            "PatchOptions.meta.k8s.io \"\" is invalid: {}: {}",
            cause.field, cause.message
        );
        let causes = json!([{ "reason": cause.reason, "message": cause.message, "field": cause.field }]);
        Self::new(
            422,
            "Invalid",
            message,
            json!({ "group": "meta.k8s.io", "kind": "PatchOptions", "causes": causes }),
        )
    }

    pub(crate) fn expired_continue() -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start \
                       a new list without the continue parameter.";
        Self::new(410, "Expired", message.to_owned(), Value::Null)
    }

    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message, Value::Null)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self::new(405, "MethodNotAllowed", message, json!({}))
    }

    pub(crate) fn unspecific(message: &str) -> Self {
        Self::new(500, "", message.to_owned(), Value::Null)
    }

    /// Whether the object was written by somebody else meanwhile, or exists already.
    pub fn is_conflict(&self) -> bool {
        self.code == 409
    }

    /// Whether there is no such object or kind.
    pub fn is_not_found(&self) -> bool {
        self.code == 404
    }

    /// The `metav1.Status` the API server would send.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = Value::from(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = (*self.details).clone();
        }
        status
    }
}

/// `conflicts with "a" using v1:\n- .x\n- .y\nconflicts with "b" …`, grouped by manager.
fn conflict_list(conflicts: &[(String, String)]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut last = "";
    for (with, field) in conflicts {
        if with != last {
            lines.push(format!("conflicts with {with}:"));
            last = with;
        }
        lines.push(format!("- {field}"));
    }
    lines.join("\n")
}
