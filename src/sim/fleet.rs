//! The repository that the world's cluster is deployed from, and who works on it.

use crate::forge::PullRequest;
use crate::git::Git;
use crate::world::World;
use recant_render::Tree;
use std::collections::BTreeMap;

/// The repository's `owner/name` on the forge.
pub const REPO: &str = "demo/fleet";
/// recant's user.
pub const BOT: &str = "recant";
/// The person who commits and merges.
pub const PERSON: &str = "dana";

impl World {
    /// The repository.
    ///
    /// # Errors
    /// When there is none.
    pub fn git(&mut self) -> Result<&mut Box<dyn Git>, String> {
        self.repos
            .get_mut(REPO)
            .ok_or_else(|| format!("there is no repository {REPO}"))
    }

    /// The branch that is deployed.
    ///
    /// # Errors
    /// When there is no repository.
    pub fn branch(&mut self) -> Result<String, String> {
        self.git().map(|git| git.default_branch())
    }

    /// The commit at the head of the branch.
    ///
    /// # Errors
    /// When there is none.
    pub fn head(&mut self) -> Result<String, String> {
        let branch = self.branch()?;
        self.git()?
            .head(&branch)
            .ok_or_else(|| format!("branch {branch} has no commit"))
    }

    /// The files at the head of the branch.
    ///
    /// # Errors
    /// When there is no commit.
    pub fn head_tree(&mut self) -> Result<Tree, String> {
        let head = self.head()?;
        self.git()?
            .tree(&head)
            .ok_or_else(|| format!("commit {head} has no files"))
    }

    /// All pull requests there ever were, as they are now.
    pub fn pull_requests(&mut self) -> Vec<PullRequest> {
        let now = self.now();
        let Self { forge, repos, .. } = self;
        forge.all_pulls(repos, now, REPO)
    }
}

/// The edits that make a repository's own `flux-system` source name another URL and branch, as `flux bootstrap`
/// would have written it there.
pub fn point_at(tree: &Tree, path: &str, url: &str, branch: &str) -> BTreeMap<String, Option<Vec<u8>>> {
    let dir = format!("{}/", path.trim_matches('/'));
    let sources = tree.iter().filter(|(file, _)| file.starts_with(&dir));
    let edited = sources.filter_map(|(file, _)| {
        let text = tree.text(file)?;
        let new = text
            .split("\n---")
            .map(|document| pointed(document, url, branch))
            .collect::<Vec<_>>()
            .join("\n---");
        (new != text).then(|| (file.to_owned(), Some(new.into_bytes())))
    });
    edited.collect()
}

/// One document: the lines of `url` and `branch`, if it is the source Flux itself is read from.
fn pointed(document: &str, url: &str, branch: &str) -> String {
    let is = |wanted: &str| document.lines().any(|line| line.trim_end() == wanted);
    if !(is("kind: GitRepository") && is("  name: flux-system") && is("  namespace: flux-system")) {
        return document.to_owned();
    }
    let lines = document
        .split('\n')
        .map(|line| match line.trim_start().split_once(": ") {
            Some(("url", _)) => format!("{}url: {url}", indent(line)),
            Some(("branch", _)) => format!("{}branch: {branch}", indent(line)),
            _ => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn indent(line: &str) -> &str {
    line.get(..line.len() - line.trim_start().len())
        .unwrap_or_default()
}
