//! What any forge holds: one repository's pull requests, comments, statuses and branches.

use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) const SHA: &str = "0123456789012345678901234567890123456789";
pub(crate) const BASE: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// A pull request.
#[derive(Clone, Debug, Default)]
pub(crate) struct PullRow {
    pub(crate) number: u64,
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) title: String,
    pub(crate) body: String,
    /// `open`, `closed` or `merged`.
    pub(crate) state: &'static str,
    pub(crate) draft: bool,
    pub(crate) from_fork: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) people: Vec<Value>,
    pub(crate) auto_merge: bool,
    pub(crate) version: u64,
}

/// A comment.
#[derive(Clone, Debug)]
pub(crate) struct CommentRow {
    pub(crate) pull: u64,
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) body: String,
}

/// A commit status or a check run, in the forge's own words.
#[derive(Clone, Debug)]
pub(crate) struct StatusRow {
    pub(crate) id: u64,
    pub(crate) commit: String,
    pub(crate) context: String,
    pub(crate) said: Value,
}

/// One forge's repository `acme/fleet`.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) pulls: Vec<PullRow>,
    pub(crate) comments: Vec<CommentRow>,
    pub(crate) statuses: Vec<StatusRow>,
    pub(crate) checks: Vec<StatusRow>,
    pub(crate) labels: Vec<String>,
    pub(crate) branches: BTreeMap<String, String>,
    /// Whether a second pull request from one branch is taken.
    pub(crate) takes_twins: bool,
    /// The most that were open from one branch at one time.
    pub(crate) most_open: usize,
    pub(crate) next: u64,
}

/// What a forge answers: status and body.
pub(crate) type Said = (u16, Value);

impl World {
    pub(crate) fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Opens a pull request; the error is the number of the one that is open.
    pub(crate) fn open(&mut self, new: PullRow) -> Result<PullRow, u64> {
        let same = |row: &&PullRow| row.state == "open" && row.head == new.head && !row.from_fork;
        if let Some(twin) = self.pulls.iter().find(same)
            && !self.takes_twins
        {
            return Err(twin.number);
        }
        let number = self.pulls.len() as u64 + 1;
        let row = PullRow {
            number,
            state: "open",
            ..new
        };
        self.pulls.push(row.clone());
        let open = self
            .pulls
            .iter()
            .filter(|p| p.state == "open" && p.head == row.head);
        self.most_open = self.most_open.max(open.count());
        Ok(row)
    }

    pub(crate) fn pull(&mut self, number: u64) -> Option<&mut PullRow> {
        self.pulls.iter_mut().find(|row| row.number == number)
    }

    pub(crate) fn comment(&mut self, pull: u64, body: String) -> CommentRow {
        let row = CommentRow {
            pull,
            id: self.id(),
            version: 0,
            body,
        };
        self.comments.push(row.clone());
        row
    }

    pub(crate) fn edit_comment(&mut self, id: u64, body: &str) -> Option<CommentRow> {
        let row = self.comments.iter_mut().find(|row| row.id == id)?;
        row.body = body.to_owned();
        row.version += 1;
        Some(row.clone())
    }

    pub(crate) fn said_under(&self, pull: u64) -> Vec<CommentRow> {
        let own = self.comments.iter().filter(|row| row.pull == pull);
        own.cloned().collect()
    }

    pub(crate) fn status(&mut self, commit: &str, context: &str, said: Value) -> StatusRow {
        let row = StatusRow {
            id: self.id(),
            commit: commit.to_owned(),
            context: context.to_owned(),
            said,
        };
        self.statuses.push(row.clone());
        row
    }

    /// The newest status of a commit in a context.
    pub(crate) fn standing(&self, commit: &str, context: &str) -> Option<&StatusRow> {
        let fits = |row: &&StatusRow| row.commit == commit && row.context == context;
        self.statuses.iter().rev().find(fits)
    }
}
