//! Files that only moved: told by what they hold.

use crate::diff::Text;
use recant_render::Tree;
use std::collections::BTreeMap;

/// Beyond this many pairs of files, only equal ones are told to be renamed.
const MAX_PAIRS: usize = 4_000;
/// How much of a renamed file stays, at least, in percent.
const MIN_ALIKE_PCT: usize = 50;

/// Deleted paths and the added paths that hold the same file, or nearly.
pub(super) fn renamed(good: &Tree, head: &Tree, changed: &[String]) -> BTreeMap<String, String> {
    let (deleted, mut added) = (only_in(good, head, changed), only_in(head, good, changed));
    let few = deleted.len() * added.len() <= MAX_PAIRS;
    let likeness = |old: &[u8], new: &[u8]| match old == new {
        true => 100,
        false if few => alike_pct(old, new),
        false => 0,
    };
    let mut out = BTreeMap::new();
    for (from, old) in deleted {
        let all = added.iter().enumerate();
        let best = all.map(|(at, (_, new))| (likeness(old, new), at)).max();
        if let Some((MIN_ALIKE_PCT.., at)) = best {
            out.insert(from.clone(), added.swap_remove(at).0.clone());
        }
    }
    out
}

fn only_in<'t>(there: &'t Tree, not: &Tree, changed: &'t [String]) -> Vec<(&'t String, &'t [u8])> {
    let lone = changed.iter().filter(|path| not.get(path).is_none());
    lone.filter_map(|path| Some((path, there.bytes(path)?))).collect()
}

/// How much of the longer file stands in the other too, by lines, in percent.
fn alike_pct(old: &[u8], new: &[u8]) -> usize {
    let (old, new) = (Text::of(old).bodies(), Text::of(new).bodies());
    let mut left: BTreeMap<&[u8], usize> = BTreeMap::new();
    old.iter().for_each(|line| *left.entry(line).or_default() += 1);
    let mut shared = 0;
    for line in &new {
        if let Some(count @ 1..) = left.get_mut(line) {
            *count -= 1;
            shared += 1;
        }
    }
    shared * 100 / old.len().max(new.len()).max(1)
}
