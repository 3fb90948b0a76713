//! What happened in the world that is worth telling, in order.

use crate::clock;
use jiff::Timestamp;
use std::fmt;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// The kinds of things that happen.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A GitRepository has a new artifact.
    Fetched {
        /// `namespace/name` of the GitRepository.
        source: String,
        /// `branch@sha1:…`.
        revision: String,
        /// First line of the commit's message.
        subject: String,
    },
    /// A source could not be fetched, or a Kustomization not be built, applied or seen healthy.
    Failed {
        /// `Kind/namespace/name`.
        object: String,
        /// The reason in its `Ready` condition.
        reason: String,
        /// The message in its `Ready` condition.
        message: String,
    },
    /// A Kustomization applied a revision.
    Applied {
        /// `namespace/name` of the Kustomization.
        kustomization: String,
        /// The source's revision.
        revision: String,
        /// How many objects it holds.
        objects: usize,
        /// Those that were created or changed: `Kind/namespace/name`.
        changed: Vec<String>,
        /// Those that were deleted.
        pruned: Vec<String>,
    },
    /// The API server refused what a controller of the world wrote.
    Refused {
        /// The controller.
        by: String,
        /// `Kind/namespace/name`.
        object: String,
        /// The API server's words.
        message: String,
    },
    /// A Deployment's new pods are all there and the old ones gone.
    RolledOut {
        /// `namespace/name`.
        deployment: String,
        /// The images of its pods.
        images: Vec<String>,
    },
    /// A Deployment did not get its new pods ready in time.
    Stuck {
        /// `namespace/name`.
        deployment: String,
        /// The images of its pods.
        images: Vec<String>,
    },
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched {
                source,
                revision,
                subject,
            } => write!(f, "GitRepository {source} is at {revision}: {subject}"),
            Self::Failed {
                object,
                reason,
                message,
            } => write!(f, "{object}: {reason}: {message}"),
            Self::Applied {
                kustomization,
                revision,
                objects,
                changed,
                pruned,
            } => {
                write!(
                    f,
                    "Kustomization {kustomization} applied {revision}: {objects} objects"
                )?;
                if !changed.is_empty() {
                    write!(f, ", changed {}", changed.join(", "))?;
                }
                if !pruned.is_empty() {
                    write!(f, ", deleted {}", pruned.join(", "))?;
                }
                Ok(())
            }
            Self::Refused { by, object, message } => write!(f, "{by} may not write {object}: {message}"),
            Self::RolledOut { deployment, images } => {
                write!(f, "Deployment {deployment} runs {}", images.join(", "))
            }
            Self::Stuck { deployment, images } => {
                write!(
                    f,
                    "Deployment {deployment} does not become ready with {}",
                    images.join(", ")
                )
            }
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", clock::stamp(self.at), self.what)
    }
}
