//! Which files of a repository reach Flux's artifact: `.sourceignore`, `spec.ignore` of the GitRepository, and defaults.
//!
//! Flux matches as go-git does, not as Git does: every file is judged on its own, the last pattern that matches it
//! decides, and a file below an excluded directory can be included again. Symbolic links are always left out.

use super::glob;
use crate::tree::Entry;
use crate::tree::Tree;
use std::sync::LazyLock;

/// Left out of every artifact, unless included again.
const VCS: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n";

/// Left out too where nobody says anything else.
const DEFAULTS: &str = "*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n\
    .github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\n\
    codeship-services.yml\ncodeship-steps.yml\n\
    **/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml\n";

const FILE: &str = ".sourceignore";

/// The regular files of a tree that an artifact holds. `ignore` is `spec.ignore` of the GitRepository.
pub fn archived(tree: &Tree, ignore: Option<&str>) -> Tree {
    let rules = Ignore::new(ignore);
    let kept = tree
        .iter()
        .filter(|(path, entry)| matches!(entry, Entry::File(_)) && !rules.hides(tree, path));
    Tree::new(kept.map(|(path, entry)| (path.to_owned(), entry.clone())))
}

/// What is left out of an artifact.
#[derive(Clone, Debug)]
pub(crate) struct Ignore {
    /// Whether `spec.ignore` is set, if only to nothing.
    is_set: bool,
    own: Vec<Pattern>,
}

static VCS_PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| read(VCS, &[]));
static DEFAULT_PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| read(DEFAULTS, &[]));

impl Ignore {
    /// The rules of a GitRepository with this `spec.ignore`.
    pub(crate) fn new(ignore: Option<&str>) -> Self {
        Self {
            is_set: ignore.is_some_and(|text| !read(text, &[]).is_empty()),
            own: read(ignore.unwrap_or_default(), &[]),
        }
    }

    /// The files whose patterns may speak of a path, the nearest first.
    pub(crate) fn files(path: &str) -> impl Iterator<Item = String> {
        let dirs = path
            .rmatch_indices('/')
            .map(|(at, _)| format!("{}/{FILE}", &path[..at]));
        dirs.chain([FILE.to_owned()])
    }

    /// Whether a file does not reach the artifact.
    pub(crate) fn hides(&self, tree: &Tree, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        if let Some(hidden) = decided(&self.own, &parts) {
            return hidden;
        }
        for file in Self::files(path) {
            let Some(text) = tree.text(&file) else { continue };
            let domain: Vec<&str> = file.split('/').collect();
            if let Some(hidden) = decided(&read(text, &domain[..domain.len() - 1]), &parts) {
                return hidden;
            }
        }
        let by_default = decided(&DEFAULT_PATTERNS, &parts).is_some() && !self.is_set && !has_patterns(tree);
        by_default || decided(&VCS_PATTERNS, &parts).is_some()
    }
}

/// Whether a repository says itself, anywhere, what is to be left out.
fn has_patterns(tree: &Tree) -> bool {
    let is_one = |path: &str| path == FILE || path.ends_with("/.sourceignore");
    let texts = tree
        .iter()
        .filter(|(path, _)| is_one(path))
        .map(|(path, _)| tree.text(path));
    texts.flatten().any(|text| !read(text, &[]).is_empty())
}

/// What the last pattern that matches says: whether the file is left out.
fn decided(patterns: &[Pattern], path: &[&str]) -> Option<bool> {
    let last = patterns.iter().rev().find(|pattern| pattern.matches(path));
    last.map(|pattern| !pattern.includes)
}

fn read(text: &str, domain: &[&str]) -> Vec<Pattern> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| Pattern::new(line, domain)).collect()
}

/// One line of an ignore file.
#[derive(Clone, Debug)]
struct Pattern {
    /// The directory of the file it stands in.
    domain: Vec<String>,
    parts: Vec<String>,
    includes: bool,
    dirs_only: bool,
}

impl Pattern {
    fn new(line: &str, domain: &[&str]) -> Self {
        let (includes, rest) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let rest = if rest.ends_with("\\ ") {
            rest
        } else {
            rest.trim_end_matches(' ')
        };
        let (dirs_only, rest) = match rest.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        Self {
            domain: domain.iter().map(|part| (*part).to_owned()).collect(),
            parts: rest.split('/').map(str::to_owned).collect(),
            includes,
            dirs_only,
        }
    }

    /// Whether it matches a file, or a directory that the file is in.
    fn matches(&self, path: &[&str]) -> bool {
        let depth = self.domain.len();
        if path.len() <= depth || path[..depth] != self.domain {
            return false;
        }
        let path = &path[depth..];
        match self.parts.as_slice() {
            [name] => self.matches_a_name(name, path),
            _ => self.matches_from_the_start(path),
        }
    }

    /// Without a slash: any part of the path.
    fn matches_a_name(&self, name: &str, path: &[&str]) -> bool {
        let at = path.iter().position(|part| is_name(name, part));
        at.is_some_and(|at| !(self.dirs_only && at == path.len() - 1))
    }

    /// With a slash: the path's beginning, `**` standing for any number of directories.
    fn matches_from_the_start(&self, mut path: &[&str]) -> bool {
        let mut matched = false;
        let mut skips = false;
        for (i, part) in self.parts.iter().enumerate() {
            match part.as_str() {
                "" => skips = false,
                "**" if i == self.parts.len() - 1 => break,
                "**" => skips = true,
                part if part.contains("**") => return false,
                part => {
                    let Some(at) = path.iter().position(|name| is_name(part, name)) else {
                        return false;
                    };
                    if at > 0 && !skips {
                        return false;
                    }
                    skips = false;
                    matched = true;
                    path = &path[at + 1..];
                }
            }
        }
        matched && !(self.dirs_only && path.is_empty())
    }
}

/// Go's `filepath.Match` for one name.
fn is_name(pattern: &str, name: &str) -> bool {
    // Most patterns are a name, or an ending.
    let is_plain = |text: &str| !text.contains(['*', '?', '[', '\\']);
    if is_plain(pattern) {
        return pattern == name;
    }
    if let Some(end) = pattern.strip_prefix('*').filter(|end| is_plain(end)) {
        return name.ends_with(end);
    }
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    glob::matches(&chars(pattern), &chars(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(files: &[&str], ignore: Option<&str>) -> Vec<String> {
        let tree = Tree::of(files.iter().map(|path| (*path, "x")));
        let archived = archived(&tree, ignore);
        archived.iter().map(|(path, _)| path.to_owned()).collect()
    }

    #[test]
    fn images_and_ci_files_are_left_out_unless_somebody_says_anything_else() {
        let files = [
            ".github/ci.yaml",
            ".gitignore",
            "a.yaml",
            "docs/a.png",
            "x/.sops.yaml",
        ];
        assert_eq!(kept(&files, None), ["a.yaml"]);
        let own = kept(&files, Some("*.yml"));
        assert_eq!(own, [".github/ci.yaml", "a.yaml", "docs/a.png", "x/.sops.yaml"]);
    }

    #[test]
    fn a_file_below_an_excluded_directory_can_be_included_again() {
        let files = [
            "README.md",
            "k8s/01-base/faces.yaml",
            "k8s/01-base/other.yaml",
            "k8s/02/x.yaml",
        ];
        let ignore = "# all\n/*\n!/k8s/01-base/faces.yaml\n";
        assert_eq!(kept(&files, Some(ignore)), ["k8s/01-base/faces.yaml"]);
    }

    #[test]
    fn patterns_match_names_paths_and_directories_as_in_go_git() {
        let files = ["a/b/c.yaml", "a/b.yaml", "b/c.yaml", "c.yaml"];
        let table: [(&str, &[&str]); 10] = [
            ("c.yaml", &["a/b.yaml"]),
            ("/c.yaml", &["a/b.yaml", "a/b/c.yaml", "b/c.yaml"]),
            ("b/", &["a/b.yaml", "c.yaml"]),
            ("a/b", &["a/b.yaml", "b/c.yaml", "c.yaml"]),
            ("**/c.yaml", &["a/b.yaml"]),
            ("a/**", &["b/c.yaml", "c.yaml"]),
            ("?.yaml", &[]),
            ("[a-b].yaml", &["a/b/c.yaml", "b/c.yaml", "c.yaml"]),
            ("[^a-b].yaml", &["a/b.yaml"]),
            ("*\n!*.yaml", &["a/b.yaml", "a/b/c.yaml", "b/c.yaml", "c.yaml"]),
        ];
        for (ignore, expected) in table {
            assert_eq!(kept(&files, Some(ignore)), expected, "{ignore}");
        }
    }

    #[test]
    fn a_sourceignore_file_counts_for_its_own_directory() {
        let tree =
            Tree::fixture("//- /apps/.sourceignore\n*.md\n//- /apps/a.md\n//- /apps/a.yaml\n//- /b.md\n");
        let archived = archived(&tree, None);
        let kept: Vec<&str> = archived.iter().map(|(path, _)| path).collect();
        assert_eq!(kept, ["apps/.sourceignore", "apps/a.yaml", "b.md"]);
    }
}
