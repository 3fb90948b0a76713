//! What never reaches Flux's artifact: its default exclusions and `.sourceignore`, matched as gitignore patterns.

use super::glob;
use crate::tree::Tree;

/// The exclusions of a tree.
pub(crate) struct Ignore {
    patterns: Vec<Pattern>,
}

struct Pattern {
    /// Directory the pattern was written in; empty is the root.
    dir: String,
    parts: Vec<Vec<char>>,
    negated: bool,
    dirs_only: bool,
    /// Whether it holds only right below its directory.
    anchored: bool,
}

const DEFAULTS: &str = "
.git/
.gitignore
.gitmodules
.gitattributes
*.jpg
*.jpeg
*.gif
*.png
*.wmv
*.flv
*.tar.gz
*.zip
.github/
.circleci/
.travis.yml
.gitlab-ci.yml
appveyor.yml
.drone.yml
cloudbuild.yaml
codeship-services.yml
codeship-steps.yml
**/.goreleaser.yml
**/.sops.yaml
**/.flux.yaml
";

impl Ignore {
    /// The default exclusions and all `.sourceignore` files of a tree.
    pub(crate) fn of(tree: &Tree) -> Self {
        let mut patterns: Vec<Pattern> = DEFAULTS.lines().filter_map(|l| Pattern::parse(l, "")).collect();
        for (path, _) in tree.iter() {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            if name == ".sourceignore" {
                let text = tree.text(path).unwrap_or_default();
                patterns.extend(text.lines().filter_map(|l| Pattern::parse(l, dir)));
            }
        }
        Self { patterns }
    }

    /// Whether a file is left out: the last pattern that fits it, or a directory above it, decides.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.patterns
            .iter()
            .rev()
            .find(|p| p.matches(path))
            .is_some_and(|p| !p.negated)
    }
}

impl Pattern {
    fn parse(line: &str, dir: &str) -> Option<Self> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (negated, line) = line.strip_prefix('!').map_or((false, line), |l| (true, l));
        let (dirs_only, line) = line.strip_suffix('/').map_or((false, line), |l| (true, l));
        let anchored = line.contains('/');
        let parts = line
            .trim_start_matches('/')
            .split('/')
            .map(|p| p.chars().collect())
            .collect();
        Some(Self {
            dir: dir.to_owned(),
            parts,
            negated,
            dirs_only,
            anchored,
        })
    }

    fn matches(&self, path: &str) -> bool {
        let below = if self.dir.is_empty() {
            Some(path)
        } else {
            path.strip_prefix(&self.dir).and_then(|p| p.strip_prefix('/'))
        };
        let Some(below) = below else { return false };
        let names: Vec<Vec<char>> = below.split('/').map(|n| n.chars().collect()).collect();
        let last = names.len();
        // A pattern that fits a directory fits all below it.
        (1..=last).any(|end| {
            if self.dirs_only && end == last {
                return false;
            }
            if self.anchored {
                walk(&self.parts, &names[..end])
            } else {
                glob::matches(&self.parts[0], &names[end - 1])
            }
        })
    }
}

fn walk(parts: &[Vec<char>], names: &[Vec<char>]) -> bool {
    match parts.split_first() {
        None => names.is_empty(),
        Some((part, rest)) if part[..] == ['*', '*'] => {
            (0..=names.len()).any(|skip| walk(rest, &names[skip..]))
        }
        Some((part, rest)) => match names.split_first() {
            Some((name, more)) => glob::matches(part, name) && walk(rest, more),
            None => false,
        },
    }
}
