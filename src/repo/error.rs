//! What libgit2's errors mean to recant.

use crate::port::PortError;
use git2::ErrorClass;
use git2::ErrorCode;

/// Why work on a repository failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// Known already in the port's words.
    Port(PortError),
    /// libgit2 says so.
    Git(git2::Error),
}

impl Fault {
    /// A fault of the question or of the answer.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::Port(PortError::Invalid(text.into()))
    }

    /// Whether the cache's own objects are broken, so that fetching anew would help.
    pub(super) fn is_broken_cache(&self) -> bool {
        let Self::Git(error) = self else { return false };
        matches!(
            error.class(),
            ErrorClass::Odb
                | ErrorClass::Zlib
                | ErrorClass::Object
                | ErrorClass::Indexer
                | ErrorClass::Repository
                | ErrorClass::Config
        )
    }

    /// In the port's words.
    pub(super) fn port(self) -> PortError {
        let error = match self {
            Self::Port(error) => return error,
            Self::Git(error) => error,
        };
        let text = error.message().to_owned();
        match (error.class(), error.code()) {
            (_, ErrorCode::Auth | ErrorCode::Certificate) => PortError::Denied(text),
            (
                ErrorClass::Net
                | ErrorClass::Http
                | ErrorClass::Os
                | ErrorClass::Ssl
                | ErrorClass::Repository,
                _,
            ) => PortError::Unreachable(text),
            _ => PortError::Invalid(text),
        }
    }
}

impl From<git2::Error> for Fault {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

impl From<PortError> for Fault {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}
