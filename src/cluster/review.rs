//! Whether somebody may do something, by the API server's own word.

use super::Kube;
use super::error::Failure;
use crate::port::PortError;
use http::Request;
use serde_json::Value;
use serde_json::json;

impl Kube {
    /// Whether a user (none: whoever asks) may do what these `resourceAttributes` say.
    ///
    /// # Errors
    /// Why the server does not tell.
    pub async fn may(&self, user: Option<&str>, attributes: &Value) -> Result<bool, PortError> {
        let (kind, path) = match user {
            Some(_) => ("SubjectAccessReview", "subjectaccessreviews"),
            None => ("SelfSubjectAccessReview", "selfsubjectaccessreviews"),
        };
        let mut review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": kind,
            "spec": { "resourceAttributes": attributes },
        });
        if let Some(user) = user {
            review["spec"]["user"] = json!(user);
        }
        let request = Request::post(format!("/apis/authorization.k8s.io/v1/{path}"))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(review.to_string().into_bytes())
            .map_err(|e| PortError::Invalid(format!("{kind}: {e}")))?;
        let answer: Result<Value, Failure> = self.send(Ok(request)).await;
        let answer = answer.map_err(Failure::of_write)?;
        Ok(answer.pointer("/status/allowed") == Some(&Value::Bool(true)))
    }
}
