//! Which files of a commit go into an artifact: `.sourceignore`, `spec.ignore` and Flux's defaults.
//!
//! Flux matches as go-git does, not as Git does: every file is judged on its own, the last pattern that matches it
//! decides, and a file below an excluded directory can be included again.

use recant_render::Entry;
use recant_render::Tree;

/// Left out of every artifact, unless included again.
const VCS: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n";

/// Left out too where nobody says anything else.
const DEFAULTS: &str = "*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n\
    .github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\n\
    codeship-services.yml\ncodeship-steps.yml\n\
    **/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml\n";

/// One line of an ignore file.
#[derive(Clone, Debug)]
struct Pattern {
    /// The directory of the file it stands in.
    domain: Vec<String>,
    parts: Vec<String>,
    includes: bool,
    dirs_only: bool,
}

/// The regular files of a tree that an artifact holds. `ignore` is `spec.ignore`.
pub(super) fn archived(tree: &Tree, ignore: Option<&str>) -> Tree {
    let patterns = patterns(tree, ignore);
    let kept = tree.iter().filter(|(path, entry)| {
        let parts: Vec<&str> = path.split('/').collect();
        matches!(entry, Entry::File(_)) && !is_ignored(&patterns, &parts)
    });
    Tree::new(kept.map(|(path, entry)| (path.to_owned(), entry.clone())))
}

fn patterns(tree: &Tree, ignore: Option<&str>) -> Vec<Pattern> {
    let mut own = Vec::new();
    for (path, _) in tree.iter() {
        let dir = match path.rsplit_once('/') {
            Some((dir, ".sourceignore")) => dir.split('/').map(str::to_owned).collect(),
            None if path == ".sourceignore" => Vec::new(),
            _ => continue,
        };
        own.extend(read(tree.text(path).unwrap_or_default(), &dir));
    }
    own.extend(read(ignore.unwrap_or_default(), &[]));
    let mut all = read(VCS, &[]);
    if own.is_empty() && ignore.is_none() {
        all.extend(read(DEFAULTS, &[]));
    }
    all.extend(own);
    all
}

fn read(text: &str, domain: &[String]) -> Vec<Pattern> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| Pattern::new(line, domain)).collect()
}

/// The last pattern that matches decides.
fn is_ignored(patterns: &[Pattern], path: &[&str]) -> bool {
    let last = patterns.iter().rev().find(|pattern| pattern.matches(path));
    last.is_some_and(|pattern| !pattern.includes)
}

impl Pattern {
    fn new(line: &str, domain: &[String]) -> Self {
        let (includes, rest) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let rest = if rest.ends_with("\\ ") {
            rest
        } else {
            rest.trim_end_matches([' ', '\t', '\r'])
        };
        let (dirs_only, rest) = match rest.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        Self {
            domain: domain.to_vec(),
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
        let at = path.iter().position(|part| glob(name, part));
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
                    let Some(at) = path.iter().position(|name| glob(part, name)) else {
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

/// Go's `filepath.Match` for one name: `*`, `?`, `[a-z]`, `[^a-z]` and `\`.
fn glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    glob_chars(&pattern, &name)
}

fn glob_chars(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], name) => name.is_empty(),
        (['*', rest @ ..], name) => (0..=name.len()).any(|skip| glob_chars(rest, &name[skip..])),
        (['?', rest @ ..], [_, name @ ..]) => glob_chars(rest, name),
        (['[', rest @ ..], [c, name @ ..]) => match class(rest, *c) {
            Some((true, rest)) => glob_chars(rest, name),
            _ => false,
        },
        (['\\', p, rest @ ..], [c, name @ ..]) | ([p, rest @ ..], [c, name @ ..]) => {
            p == c && glob_chars(rest, name)
        }
        _ => false,
    }
}

/// Whether a class takes the character, and what comes after the class; none when it has no end.
fn class(pattern: &[char], c: char) -> Option<(bool, &[char])> {
    let (negated, mut rest) = match pattern {
        ['^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    let mut first = true;
    loop {
        match rest {
            [']', after @ ..] if !first => return Some((found != negated, after)),
            [low, '-', high, after @ ..] if *high != ']' => {
                found |= (*low..=*high).contains(&c);
                rest = after;
            }
            [one, after @ ..] => {
                found |= *one == c;
                rest = after;
            }
            [] => return None,
        }
        first = false;
    }
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
