//! What stands on recant's own branch, and whether it is recant's own work: told from the commit itself, so that it
//! holds after a crash, in a second replica, and in another cluster.

use crate::pull::marker;
use crate::pull::proposal;
use crate::pull::proposal::Proposal;
use crate::query::Branch;
use crate::query::Commit;
use crate::query::CommitRef;
use crate::query::Observation;
use crate::query::Observed;
use crate::query::Query;
use crate::query::Why;
use crate::revert;
use recant_render::Tree;

/// What stands on the branch.
pub(super) enum Standing<'a> {
    /// There is no such branch.
    Nothing,
    /// Nothing that the base branch has not.
    Merged(String),
    /// One commit of recant's on top of a commit of the base branch, as it was pushed.
    Own(Work<'a>),
    /// Something else: a person has pushed.
    Foreign(String),
}

/// A commit of recant's.
pub(super) struct Work<'a> {
    pub(super) commit: String,
    /// The cluster that pushed it.
    pub(super) cluster: String,
    /// The Revert that it pushed it for, by namespace and name.
    pub(super) revert: String,
    digest: String,
    parent: &'a Tree,
    tree: &'a Tree,
}

/// Which commit stands on the branch, and the digest of the plan it carries out.
pub(super) struct Pushed {
    pub(super) commit: String,
    pub(super) digest: String,
}

/// What must be seen to know it; ask again with the answers until nothing new is asked.
pub(super) fn ask(seen: &Observation, own: &Branch, base: &str) -> Vec<Query> {
    let mut wanted = vec![Query::Head(own.clone())];
    let Observed::Known(Some(commit)) = seen.head(own) else {
        return wanted;
    };
    let log = log(own, base, commit);
    if let Observed::Known(commits) = seen.log(&log)
        && let Some(parent) = single(commits, commit)
    {
        wanted.push(Query::Tree(of(own, commit)));
        wanted.push(Query::Tree(of(own, parent)));
    }
    wanted.push(log);
    wanted
}

/// What stands on the branch `own`, whose base is at `base`, if recant pushes there to undo `undoes`.
///
/// # Errors
/// What could not be seen.
pub(super) fn standing<'a>(
    seen: &'a Observation,
    own: &Branch,
    base: &str,
    undoes: &str,
) -> Result<Standing<'a>, (String, Why)> {
    let unseen = |why| ("recant's branch".to_owned(), why);
    let commit = match seen.head(own) {
        Observed::Known(Some(commit)) => commit,
        Observed::Known(None) => return Ok(Standing::Nothing),
        Observed::Unknown(why) => return Err(unseen(why)),
    };
    let commits = match seen.log(&log(own, base, commit)) {
        Observed::Known(commits) => commits,
        Observed::Unknown(why) => return Err(unseen(why)),
    };
    if commits.is_empty() {
        return Ok(Standing::Merged(commit.clone()));
    }
    let Some(parent) = single(commits, commit) else {
        return Ok(Standing::Foreign(commit.clone()));
    };
    let tree = |id: &str| match seen.tree(&of(own, id)) {
        Observed::Known(tree) => Ok(tree),
        Observed::Unknown(why) => Err(unseen(why)),
    };
    let work = Work {
        commit: commit.clone(),
        cluster: trailer(commits, marker::CLUSTER).unwrap_or_default().to_owned(),
        revert: trailer(commits, marker::REVERT).unwrap_or_default().to_owned(),
        digest: trailer(commits, marker::DIGEST).unwrap_or_default().to_owned(),
        parent: tree(parent)?,
        tree: tree(commit)?,
    };
    let undone = trailer(commits, marker::UNDOES);
    let made = proposal::digest(&proposal::changed(work.parent, work.tree));
    if undone == Some(undoes) && made == work.digest {
        return Ok(Standing::Own(work));
    }
    Ok(Standing::Foreign(commit.clone()))
}

impl Work<'_> {
    /// What it is known by.
    pub(super) fn pushed(self) -> Pushed {
        Pushed {
            commit: self.commit,
            digest: self.digest,
        }
    }

    /// Whether a merge of it comes to what is proposed now: the same files, out of the same files.
    pub(super) fn fits(&self, proposal: &Proposal, head: &Tree) -> bool {
        self.digest == proposal.record.digest && self.is_fresh(head)
    }

    /// Whether the files it touches have not changed in the base branch since.
    pub(super) fn is_fresh(&self, head: &Tree) -> bool {
        let mut touched = self.parent.changed(self.tree).into_iter();
        touched.all(|path| self.parent.get(&path) == head.get(&path))
    }

    /// Whether the edit of another is a part of what is proposed now, line by line.
    pub(super) fn is_within(&self, proposal: &Proposal, head: &Tree) -> bool {
        let files = proposal::changed(head, &self.merged_into(head));
        let mine = revert::line_changes(head, &proposal.files);
        let theirs = revert::line_changes(head, &files);
        theirs.iter().all(|change| mine.contains(change))
    }

    /// Whether what is proposed now is written into every file that this touches.
    pub(super) fn is_in_files_of(&self, proposal: &Proposal) -> bool {
        let mut touched = self.parent.changed(self.tree).into_iter();
        touched.all(|path| proposal.files.contains_key(&path))
    }

    /// The head as it is after a merge, as long as it is fresh.
    pub(super) fn merged_into(&self, head: &Tree) -> Tree {
        let touched = self.parent.changed(self.tree).into_iter();
        touched.fold(head.clone(), |tree, path| {
            tree.with_entry(&path, self.tree.get(&path).cloned())
        })
    }
}

/// The parent of a commit that stands alone on top of the base.
fn single<'a>(commits: &'a [Commit], commit: &str) -> Option<&'a str> {
    match commits {
        [only] if only.id == commit => match only.parents.as_slice() {
            [parent] => Some(parent),
            _ => None,
        },
        _ => None,
    }
}

fn trailer<'a>(commits: &'a [Commit], key: &str) -> Option<&'a str> {
    marker::trailer(&commits.first()?.message, key)
}

fn log(own: &Branch, base: &str, commit: &str) -> Query {
    Query::Log {
        repo: own.repo.clone(),
        from: base.to_owned(),
        to: commit.to_owned(),
    }
}

fn of(own: &Branch, commit: &str) -> CommitRef {
    CommitRef {
        repo: own.repo.clone(),
        commit: commit.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Answer;
    use crate::query::RepoUrl;
    use std::collections::BTreeMap;

    fn branch() -> Branch {
        Branch {
            repo: RepoUrl("https://git.example/fleet.git".to_owned()),
            name: "recant/revert/x".to_owned(),
        }
    }

    /// A branch with these commits on top of `base`, newest first; the first has these files.
    fn seen(commits: &[(&str, &str, &str)], tree: &Tree) -> Observation {
        let own = branch();
        let mut seen = Observation::default();
        let head = commits.first().map(|(id, ..)| (*id).to_owned());
        seen.note(
            Query::Head(own.clone()),
            Observed::Known(Answer::Head(head.clone())),
        );
        let head = head.unwrap_or_default();
        let commit = |(id, parent, message): &(&str, &str, &str)| Commit {
            id: (*id).to_owned(),
            parents: vec![(*parent).to_owned()],
            author: "recant <recant@example.com>".to_owned(),
            message: (*message).to_owned(),
        };
        let log_of = log(&own, "main", &head);
        let commits: Vec<Commit> = commits.iter().map(commit).collect();
        seen.note(log_of, Observed::Known(Answer::Log(commits)));
        for (id, tree) in [("base", before()), (head.as_str(), tree.clone())] {
            seen.note(Query::Tree(of(&own, id)), Observed::Known(Answer::Tree(tree)));
        }
        seen
    }

    fn before() -> Tree {
        Tree::default()
            .with("a.yaml", b"a: 2\n")
            .with("b.yaml", b"b: 1\n")
    }

    fn message(files: &[(&str, &[u8])]) -> String {
        let files: BTreeMap<String, Option<Vec<u8>>> = files
            .iter()
            .map(|(path, bytes)| ((*path).to_owned(), Some(bytes.to_vec())))
            .collect();
        let digest = proposal::digest(&files);
        format!("Revert\n\nRecant-Undoes: c1\nRecant-Cluster: east\nRecant-Digest: {digest}\n")
    }

    fn told(commits: &[(&str, &str, &str)], tree: &Tree) -> &'static str {
        let seen = seen(commits, tree);
        match standing(&seen, &branch(), "main", "c1").expect("it is seen") {
            Standing::Nothing => "nothing",
            Standing::Merged(_) => "merged",
            Standing::Own(_) => "own",
            Standing::Foreign(_) => "foreign",
        }
    }

    #[test]
    fn recants_own_commit_is_known_by_what_it_changes_and_not_by_its_author() {
        let own = message(&[("a.yaml", b"a: 1\n")]);
        let reverted = before().with("a.yaml", b"a: 1\n");
        assert_eq!(told(&[("r", "base", &own)], &reverted), "own");
        assert_eq!(told(&[], &before()), "nothing");
        let amended = reverted.with("b.yaml", b"b: 2\n");
        assert_eq!(
            told(&[("r", "base", &own)], &amended),
            "foreign",
            "amended by a person"
        );
        assert_eq!(
            told(&[("p", "r", "One more"), ("r", "base", &own)], &amended),
            "foreign",
            "a person's commit on top"
        );
        assert_eq!(
            told(&[("r", "p", &own), ("p", "base", "Below")], &reverted),
            "foreign",
            "a person's commit below"
        );
        let other = own.replace("Recant-Undoes: c1", "Recant-Undoes: c2");
        assert_eq!(
            told(&[("r", "base", &other)], &reverted),
            "foreign",
            "another change"
        );
        assert_eq!(
            told(&[("r", "base", "Revert")], &reverted),
            "foreign",
            "no trailers"
        );
    }

    #[test]
    fn a_commit_stays_as_long_as_its_files_do() {
        let own = message(&[("a.yaml", b"a: 1\n")]);
        let reverted = before().with("a.yaml", b"a: 1\n");
        let seen = seen(&[("r", "base", &own)], &reverted);
        let Ok(Standing::Own(work)) = standing(&seen, &branch(), "main", "c1") else {
            panic!("recant's own")
        };
        let elsewhere = before().with("b.yaml", b"b: 9\n");
        assert!(work.is_fresh(&elsewhere), "another file moved");
        assert_eq!(work.merged_into(&elsewhere).text("a.yaml"), Some("a: 1\n"));
        assert_eq!(work.merged_into(&elsewhere).text("b.yaml"), Some("b: 9\n"));
        assert!(
            !work.is_fresh(&before().with("a.yaml", b"a: 3\n")),
            "the file moved"
        );
    }

    #[test]
    fn an_edit_that_does_all_that_another_does_takes_it_in_line_by_line() {
        let own = message(&[("a.yaml", b"a: 1\n")]);
        let seen = seen(&[("r", "base", &own)], &before().with("a.yaml", b"a: 1\n"));
        let Ok(Standing::Own(work)) = standing(&seen, &branch(), "main", "c1") else {
            panic!("recant's own")
        };
        for (a, b, within) in [
            ("a: 1\n", "b: 0\n", true),
            ("a: 1\n", "b: 1\n", true),
            ("a: 2\n", "b: 0\n", false),
            ("a: 0\n", "b: 0\n", false),
        ] {
            let after = before().with("a.yaml", a.as_bytes()).with("b.yaml", b.as_bytes());
            let proposal = Proposal {
                files: proposal::changed(&before(), &after),
                diff: String::new(),
                after,
                parts: Vec::new(),
                record: crate::pull::record::PlanRecord::default(),
            };
            assert_eq!(work.is_within(&proposal, &before()), within, "{a}{b}");
        }
    }
}
