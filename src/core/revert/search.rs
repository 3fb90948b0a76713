//! The smallest choice that passes a test, for as few tests as may be.
//!
//! Knows numbers and a test, and nothing of files or renderings. Bounded: it gives up rather than run on.

#[cfg(test)]
mod tests;

use super::atoms::Set;
use std::collections::BTreeMap;

/// The bound on the number of tests was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GaveUp;

/// A search over choices of numbers.
pub(super) struct Search<'f> {
    test: Box<dyn FnMut(&Set) -> bool + 'f>,
    memo: BTreeMap<Set, bool>,
    tests: u32,
    bound: u32,
}

impl<'f> Search<'f> {
    /// A search that may run `test` at most `bound` times. Choosing nothing is known not to pass.
    pub(super) fn new(bound: u32, test: impl FnMut(&Set) -> bool + 'f) -> Self {
        Self {
            test: Box::new(test),
            memo: BTreeMap::from([(Set::new(), false)]),
            tests: 0,
            bound,
        }
    }

    /// How many tests were run.
    pub(super) fn tests(&self) -> u32 {
        self.tests
    }

    /// Whether a choice passes; asked again, the answer costs nothing.
    pub(super) fn passes(&mut self, set: &Set) -> Result<bool, GaveUp> {
        if let Some(known) = self.memo.get(set) {
            return Ok(*known);
        }
        if self.tests >= self.bound {
            return Err(GaveUp);
        }
        self.tests += 1;
        let passes = (self.test)(set);
        self.memo.insert(set.clone(), passes);
        Ok(passes)
    }

    /// A choice out of `all` that passes and of which nothing can be left out; `None` when not even all of it passes.
    ///
    /// `seed` is a guess, tried first. Where there is a choice, lower numbers stay.
    pub(super) fn smallest(&mut self, all: &Set, seed: &Set) -> Result<Option<Set>, GaveUp> {
        if !seed.is_empty() && seed != all && self.passes(seed)? {
            return self.without_spare(seed.clone()).map(Some);
        }
        if !self.passes(all)? {
            return Ok(None);
        }
        let few = self.halves(all.clone())?;
        self.without_spare(few).map(Some)
    }

    /// Leaves out one number after the other, highest first, until each that is left is needed.
    pub(super) fn without_spare(&mut self, mut set: Set) -> Result<Set, GaveUp> {
        loop {
            let before = set.len();
            for at in set.clone().into_iter().rev() {
                let mut less = set.clone();
                less.remove(&at);
                if self.passes(&less)? {
                    set = less;
                }
            }
            if set.len() == before {
                return Ok(set);
            }
        }
    }

    /// Zeller's delta debugging: parts and their complements, in ever finer parts.
    fn halves(&mut self, mut set: Set) -> Result<Set, GaveUp> {
        let mut parts = 2;
        while set.len() > 1 {
            let chunks = chunks(&set, parts);
            let rests = chunks.iter().rev().map(|chunk| &set - chunk);
            let candidates: Vec<Set> = chunks.iter().cloned().chain(rests).collect();
            match self.first_that_passes(&candidates)? {
                Some(at) => {
                    set = candidates[at].clone();
                    parts = if at < chunks.len() { 2 } else { (parts - 1).max(2) };
                }
                None if parts >= set.len() => return Ok(set),
                None => parts = (parts * 2).min(set.len()),
            }
        }
        Ok(set)
    }

    fn first_that_passes(&mut self, candidates: &[Set]) -> Result<Option<usize>, GaveUp> {
        for (at, candidate) in candidates.iter().enumerate() {
            if self.passes(candidate)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

fn chunks(set: &Set, parts: usize) -> Vec<Set> {
    let all: Vec<usize> = set.iter().copied().collect();
    let size = all.len().div_ceil(parts).max(1);
    all.chunks(size)
        .map(|chunk| chunk.iter().copied().collect())
        .collect()
}
