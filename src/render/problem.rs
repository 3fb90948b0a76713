//! What rendering could not do, where, and what to do about it.

use std::fmt;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// kustomize fails on this too: the tree is broken here.
    Error,
    /// kustomize may do this; this renderer does not. The result must not be trusted.
    Unsupported,
    /// Worth knowing; the result stands.
    Warning,
}

/// One thing that rendering could not do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Path from the root of the repository; empty when no file is to blame.
    pub file: String,
    /// 1-based line, when known.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
    /// How bad it is.
    pub severity: Severity,
}

impl Problem {
    /// An error without a place; [`Problem::at`] gives it one.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            file: String::new(),
            line: None,
            message: message.into(),
            severity: Severity::Error,
        }
    }

    /// Something that kustomize may do and this renderer does not.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Unsupported,
            ..Self::error(message)
        }
    }

    /// A note that does not spoil the result.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    /// The same problem at a place, unless it has one.
    #[must_use]
    pub fn at(mut self, file: &str, line: Option<usize>) -> Self {
        if self.file.is_empty() {
            file.clone_into(&mut self.file);
            self.line = line;
        }
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => write!(f, "{}", self.message),
            (file, None) => write!(f, "{file}: {}", self.message),
            (file, Some(line)) => write!(f, "{file}:{line}: {}", self.message),
        }
    }
}

impl std::error::Error for Problem {}
