//! Scenarios: stories in a small text format, played in the simulator and, the same files, in the demo.
//!
//! One statement a line; `#` begins a comment. Lines that belong to the statement above are indented.
//!
//! ```text
//! repo examples-repo path clusters/my-cluster     # which Flux repository; the demo's --repo and --path win
//! image ghcr.io/x/y:2 success 62 latency 30       # how an image behaves (below)
//! config "mode: new" success 62                   # … and pods that read a ConfigMap with this in it when they start
//! mesh-provider istio                             # what canaries that name no provider have (default linkerd)
//! load test/podinfo 20                            # requests a second to a Service
//! load test/podinfo 5 with "x-canary: insider"    # more of them, with a header
//! load test/podinfo 20 users 10                   # by users who keep their cookies
//! commit "Bump y to 2" by "Dana <dana@example.com>"
//!   replace apps/y.yaml "newTag: 1" "newTag: 2"   # the text must be there exactly once
//!   write apps/z.yaml "a: 1\nb: 2\n"
//!   delete apps/old.yaml
//! wait 30s
//! expect canary test/podinfo phase Failed within 5m
//! merge                                           # a person merges the newest open pull request; or: merge squash,
//!                                                 # merge rebase
//! close                                           # … or closes it
//! push "One more line"                            # … or pushes a commit of their own to its branch
//!   replace apps/y.yaml "a: 1" "a: 2"
//! annotate canary test/y recant.dev/report-only true   # also: annotate namespace NAME …, annotate revert newest …
//! forge "{\"sharedReverts\": \"Propose\"}"          # a Forge for the repository: its spec, but for type and url
//! setting storm-changes 2                         # an option of recant, before anything happens; or
//!                                                 # include-label-prefix PREFIX
//! repository demo/app                             # another repository, with one commit
//!   write web.yaml "a: 1\n"
//! flagger test/podinfo                            # recant's record of a Canary goes: it is as Flagger leaves it
//! hook http://gate.test/ answers 403 "not yet"    # what a webhook says from now on; `after 30s`, or `is away`
//! gate open test/podinfo                          # a gate of the load tester; so does `rollback open`
//! abort test/podinfo "the pager rang"             # a person's verb; so do retry, promote, pause and resume
//! say "what the reader should look at now"
//! ```
//!
//! `image` takes, in any order: `success PCT`, `status CODE` (of the other answers), `latency MEDIAN_MS`,
//! `p99 MS`, `ready SECONDS`, `missing`, `crashes`, `never-ready`.
//!
//! `expect` waits for one of these, `within` a time (default 5m), and fails the scenario when it does not come:
//! `canary NS/NAME phase PHASE`, `canary NS/NAME weight PCT`, `canary NS/NAME CONDITION is STATUS`,
//! `canary NS/NAME says "text"`, `canary NS/NAME told "text"` (an event), `canary NS/NAME iterations N`,
//! `hook URL called N` (at least), `hook URL heard "text"` (posted there, by a webhook or an alert; or `never heard`),
//! `users NS/SVC stay` (nobody with a cookie was answered by somebody else),
//! `requests NS/SVC lost N`, `mirrored NS/SVC N` (at least so many copies), `deployment NS/NAME image IMAGE`, `deployment NS/NAME replicas N`,
//! `pulls N` (all there ever were), `pull open|merged|closed`, `pull changes FILES files +ADDED -REMOVED`,
//! `pull says "text"`, `pull commented "text"`, `reverts N`, `revert phase PHASE`, `revert says "text"`,
//! `branches N`, `file PATH says "text"` (at the head of the branch), `converged`,
//! `revert CONDITION is STATUS`, `commit "subject" status NS/NAME STATE` (recant's status of that commit, or `none`),
//! `object APIVERSION/KIND NS/NAME POINTER is TEXT` (`absent` where there is nothing).
//!
//! A story that needs another repository begins with a commit: Flux then finds it when it first looks.

mod expect;
mod outside;
mod parse;
mod play;
mod scene;

pub use expect::Expectation;
pub use parse::ParseError;
pub use parse::parse;
pub use play::Play;
pub use play::Progress;
pub use play::edited;
pub use play::merge;
pub use scene::Pull;
pub use scene::Scene;

use crate::forge::Style;
use crate::receiver::Says;
use crate::traffic::Load;
use crate::workload::behaviour::Behaviour;
use jiff::SignedDuration;
use recant_core::canary::verbs;
use recant_core::object::ObjectRef;

/// A story.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The file it was read from, for messages.
    pub name: String,
    /// What happens, in order.
    pub statements: Vec<Statement>,
}

impl Scenario {
    /// The provider of canaries that name none, if the story says so.
    pub fn mesh_provider(&self) -> Option<&str> {
        self.statements
            .iter()
            .find_map(|statement| match &statement.verb {
                Verb::MeshProvider(provider) => Some(provider.as_str()),
                _ => None,
            })
    }
}

/// One statement and the line it stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The line, from 1.
    pub line: usize,
    /// What it says.
    pub verb: Verb,
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Which Flux repository, and which directory of it is bootstrapped.
    Repo {
        /// A directory, relative to the root of recant's own repository.
        dir: String,
        /// The cluster's directory in it.
        path: String,
    },
    /// How an image behaves.
    Image {
        /// The reference, exactly as pod templates spell it.
        image: String,
        /// How.
        behaviour: Behaviour,
    },
    /// How pods behave that read a ConfigMap with this word when they start.
    Config {
        /// The word.
        word: String,
        /// How.
        behaviour: Behaviour,
    },
    /// The provider of canaries that name none.
    MeshProvider(String),
    /// Which requests a Service gets.
    Load {
        /// The namespace.
        namespace: String,
        /// The Service.
        service: String,
        /// How many, and from whom.
        load: Load,
    },
    /// A person commits to the branch that is deployed.
    Commit {
        /// The message.
        message: String,
        /// `Name <address>`.
        author: String,
        /// The edits.
        edits: Vec<Edit>,
    },
    /// Time passes.
    Wait(SignedDuration),
    /// Something is to become true.
    Expect {
        /// What.
        what: Expectation,
        /// By when.
        within: SignedDuration,
    },
    /// A person merges the newest open pull request.
    Merge(Style),
    /// A person pushes a commit to the branch of the newest open pull request.
    Push {
        /// The message.
        message: String,
        /// The edits.
        edits: Vec<Edit>,
    },
    /// A person annotates an object.
    Annotate {
        /// `canary`, `namespace` or `revert`.
        kind: String,
        /// `NAMESPACE/NAME`, a namespace's name, or `newest`.
        name: String,
        /// The annotation.
        key: String,
        /// Its value.
        value: String,
    },
    /// The operator makes a Forge for the repository, or changes it: its spec as JSON.
    Forge(String),
    /// An option of recant.
    Setting(String, String),
    /// Another repository.
    Repository {
        /// `owner/name`.
        name: String,
        /// What its first commit writes.
        edits: Vec<Edit>,
    },
    /// A person closes the newest open pull request.
    Close,
    /// A Canary becomes as Flagger leaves it: without recant's record, and with hashes that only Flagger can compute.
    Flagger(ObjectRef),
    /// What a webhook says from now on.
    Hook {
        /// Its URL.
        url: String,
        /// What it says.
        says: Says,
    },
    /// A gate of the load tester opens or shuts.
    Gate {
        /// `name.namespace` of the Canary, or `rollback.name.namespace`.
        key: String,
        /// Whether it opens.
        open: bool,
    },
    /// A person asks recant for something.
    Ask {
        /// What.
        verb: verbs::Verb,
        /// Of which Canary.
        canary: ObjectRef,
        /// Why.
        reason: String,
    },
    /// A person lets a paused Canary go on.
    Resume {
        /// Which.
        canary: ObjectRef,
    },
    /// A word to the reader.
    Say(String),
}

/// One edit of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Replaces text that is there exactly once.
    Replace {
        /// The file.
        file: String,
        /// The old text.
        old: String,
        /// The new text.
        new: String,
    },
    /// Writes a whole file.
    Write {
        /// The file.
        file: String,
        /// Its text.
        text: String,
    },
    /// Deletes a file.
    Delete {
        /// The file.
        file: String,
    },
}

#[cfg(test)]
mod tests;
