//! Which files that came or went a changed line of a kustomization names: they can only be undone together.

use super::Atom;
use super::Atoms;
use std::collections::BTreeMap;

impl Atoms<'_> {
    /// Forms the units: whole files with the lines that name them.
    pub(super) fn group(&mut self, changed: &[String]) {
        let is_lone = |path: &&String| self.good.get(path).is_none() || self.head.get(path).is_none();
        let lone: Vec<&String> = changed.iter().filter(is_lone).collect();
        let mut owner: Vec<usize> = (0..self.atoms.len()).collect();
        for (at, atom) in self.atoms.iter().enumerate() {
            for named in self.names(atom, &lone) {
                let holds = |a: &Atom| a.is_whole() && a.files().contains(&named);
                if let Some(holder) = self.atoms.iter().position(holds) {
                    let (from, to) = (owner[at], owner[holder]);
                    owner.iter_mut().filter(|o| **o == from).for_each(|o| *o = to);
                }
            }
        }
        let mut units: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, owner) in owner.into_iter().enumerate() {
            units.entry(owner).or_default().push(at);
        }
        self.units = units.into_values().collect();
    }

    fn names<'c>(&self, atom: &Atom, lone: &[&'c String]) -> Vec<&'c str> {
        let Atom::Lines { file, head, good } = atom else {
            return Vec::new();
        };
        if !is_kustomization(file) {
            return Vec::new();
        }
        let pair = &self.pairs[file];
        let lines = pair.head.lines[head.clone()]
            .iter()
            .chain(&pair.good.lines[good.clone()]);
        let dir = file.rsplit_once('/').map_or("", |(dir, _)| dir);
        lines
            .flat_map(|line| {
                let path = resolve(dir, &entry(&String::from_utf8_lossy(line.body)));
                let below = format!("{path}/");
                lone.iter().filter(move |p| ***p == path || p.starts_with(&below))
            })
            .map(|path| path.as_str())
            .collect()
    }
}

/// What a line of a list or map says, its key, quotes and comment taken off.
fn entry(line: &str) -> String {
    let value = line.trim().trim_start_matches("- ").rsplit(": ").next();
    let value = value.unwrap_or_default().split(" #").next().unwrap_or_default();
    value.trim_matches(['"', '\'', ' ']).to_owned()
}

/// Whether the file is a kustomization.
pub(super) fn is_kustomization(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}

/// A relative path from a directory, without `.` and `..`.
fn resolve(dir: &str, path: &str) -> String {
    let mut parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty()).collect();
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}
