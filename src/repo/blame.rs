//! Who last touched a line, and when.

use anyhow::Context as _;
use git2::BlameOptions;
use git2::Oid;
use git2::Repository;
use recant_core::diff;
use recant_core::diff::Text;
use std::collections::BTreeMap;
use std::path::Path;

/// The commit that last touched a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    /// Its id, in full.
    pub(crate) commit: String,
    /// Who wrote it.
    pub(crate) author: String,
    /// The author's address.
    pub(crate) email: String,
    /// When it was written, in seconds since 1970.
    pub(crate) time_s: i64,
    /// The first line of its message.
    pub(crate) summary: String,
}

/// The lines of a repository's files, as of one commit.
pub(crate) struct Lines<'r> {
    repo: &'r Repository,
    newest: Oid,
    commits: BTreeMap<Oid, Touch>,
}

impl<'r> Lines<'r> {
    /// As of a commit; without one, as of `HEAD`.
    ///
    /// # Errors
    /// When the repository has no commit yet.
    pub(crate) fn new(repo: &'r Repository, commit: Option<Oid>) -> anyhow::Result<Self> {
        let newest = match commit {
            Some(commit) => commit,
            None => {
                let head = repo.head().and_then(|head| head.peel_to_commit());
                head.context("the repository has no commit yet")?.id()
            }
        };
        Ok(Self {
            repo,
            newest,
            commits: BTreeMap::new(),
        })
    }

    /// The commits that last touched these lines of a file, which holds `bytes`. Lines count from 1; one that is not
    /// committed as it stands there is missing in the answer.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub(crate) fn touched(
        &mut self,
        file: &str,
        bytes: &[u8],
        lines: impl IntoIterator<Item = usize>,
    ) -> anyhow::Result<BTreeMap<usize, Touch>> {
        let Some(committed) = self.committed(file)? else {
            return Ok(BTreeMap::new());
        };
        let known = same_lines(&committed, bytes);
        let wanted: BTreeMap<usize, usize> = lines
            .into_iter()
            .filter_map(|line| Some((line, *known.get(&line)?)))
            .collect();
        let (Some(first), Some(last)) = (wanted.values().min(), wanted.values().max()) else {
            return Ok(BTreeMap::new());
        };
        let mut options = BlameOptions::new();
        options
            .newest_commit(self.newest)
            .min_line(*first)
            .max_line(*last);
        let blame = self
            .repo
            .blame_file(Path::new(file), Some(&mut options))
            .with_context(|| format!("the history of {file} cannot be read"))?;
        let mut out = BTreeMap::new();
        for (line, at) in wanted {
            if let Some(hunk) = blame.get_line(at) {
                out.insert(line, self.touch(hunk.final_commit_id())?);
            }
        }
        Ok(out)
    }

    /// The file as it is committed.
    fn committed(&self, file: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let tree = self.repo.find_commit(self.newest)?.tree()?;
        let Ok(entry) = tree.get_path(Path::new(file)) else {
            return Ok(None);
        };
        let object = entry.to_object(self.repo)?;
        Ok(object.as_blob().map(|blob| blob.content().to_vec()))
    }

    fn touch(&mut self, id: Oid) -> anyhow::Result<Touch> {
        if let Some(known) = self.commits.get(&id) {
            return Ok(known.clone());
        }
        let commit = self.repo.find_commit(id)?;
        let author = commit.author();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let touch = Touch {
            commit: id.to_string(),
            author: text(author.name_bytes()),
            email: text(author.email_bytes()),
            time_s: author.when().seconds(),
            summary: text(commit.message_bytes())
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        self.commits.insert(id, touch.clone());
        Ok(touch)
    }
}

/// The lines of `now` that stand in `committed` too, and where. Lines count from 1.
fn same_lines(committed: &[u8], now: &[u8]) -> BTreeMap<usize, usize> {
    let (old, new) = (Text::of(committed).bodies(), Text::of(now).bodies());
    let mut out = BTreeMap::new();
    let (mut from, mut to) = (0, 0);
    for hunk in diff::hunks(&old, &new) {
        while from < hunk.old.start && to < hunk.new.start {
            (from, to) = (from + 1, to + 1);
            out.insert(to, from);
        }
        (from, to) = (hunk.old.end, hunk.new.end);
    }
    while from < old.len() && to < new.len() {
        (from, to) = (from + 1, to + 1);
        out.insert(to, from);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_only_moved_keep_their_history() {
        let known = same_lines(b"a\nb\nc\nd\n", b"x\na\nb2\nc\nd\ne\n");
        assert_eq!(known, BTreeMap::from([(2, 1), (4, 3), (5, 4)]));
        assert_eq!(same_lines(b"", b"a\n"), BTreeMap::new());
    }
}
