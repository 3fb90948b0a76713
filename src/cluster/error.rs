//! What a Kubernetes API server's refusals mean to recant.

use crate::port::PortError;
use kube::core::Status;

/// Why a request failed, with the two kinds of 404 told apart.
#[derive(Debug)]
pub(super) enum Failure {
    /// The path is unknown: the kind is not installed, or not any more.
    NoPath(String),
    /// The kind is known, the object is not there.
    NoObject(String),
    /// All else.
    Port(PortError),
}

impl Failure {
    /// The failure of a write: an object that is gone is as stale as one that has moved on.
    pub(super) fn of_write(self) -> PortError {
        match self {
            Self::NoPath(text) | Self::NoObject(text) => PortError::Stale(text),
            Self::Port(error) => error,
        }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            // The code, too: kube gives a 404 that is not a Status (an unknown path) a reason of its own.
            kube::Error::Api(status) if status.code == 404 || status.is_not_found() => not_found(&status),
            kube::Error::Api(status) => Self::Port(refused(&status)),
            kube::Error::SerdeError(e) => {
                Self::Port(PortError::Invalid(format!("answer of the API server: {e}")))
            }
            kube::Error::BuildRequest(e) => Self::Port(PortError::Invalid(e.to_string())),
            kube::Error::Auth(e) => Self::Port(PortError::Denied(e.to_string())),
            other => Self::Port(PortError::Unreachable(other.to_string())),
        }
    }
}

/// An API server names the missing object in the details; for a path it does not serve there is none to name.
fn not_found(status: &Status) -> Failure {
    let named = status
        .details
        .as_ref()
        .is_some_and(|details| !details.name.is_empty());
    if named {
        Failure::NoObject(status.message.clone())
    } else {
        Failure::NoPath(status.message.clone())
    }
}

fn refused(status: &Status) -> PortError {
    let text = if status.message.is_empty() {
        format!("HTTP {}", status.code)
    } else {
        status.message.clone()
    };
    match status.code {
        401 | 403 => PortError::Denied(text),
        409 => PortError::Stale(text),
        // 410: the list changed under a page token. 429: asked too often.
        408 | 410 | 429 | 500..=599 => PortError::Unreachable(text),
        _ => PortError::Invalid(text),
    }
}
