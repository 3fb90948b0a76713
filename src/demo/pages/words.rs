//! Small texts: times, ids, counts.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// How long ago, roughly.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    let (count, unit) = match seconds {
        ..10 => return "just now".to_owned(),
        10..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        86_400..2_592_000 => (seconds / 86_400, "day"),
        2_592_000..31_536_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    format!(
        "{} ago",
        counted(usize::try_from(count).unwrap_or_default(), unit)
    )
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The first digits of a commit's id.
pub(super) fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

/// The name in `Name <address>`.
pub(super) fn name(author: &str) -> &str {
    author.split_once(" <").map_or(author, |(name, _)| name)
}

/// What stands directly in a directory: names, directories first, and whether each is one.
pub(super) fn listing<'a>(paths: impl Iterator<Item = &'a str>, dir: &str) -> Vec<(String, bool)> {
    let mut found = BTreeMap::new();
    for path in paths {
        let below = if dir.is_empty() {
            Some(path)
        } else {
            path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'))
        };
        match below.map(|below| {
            below
                .split_once('/')
                .map_or((below, false), |(name, _)| (name, true))
        }) {
            Some((name, is_dir)) => found.insert((!is_dir, name.to_owned()), ()),
            None => continue,
        };
    }
    found
        .into_keys()
        .map(|(is_file, name)| (name, !is_file))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_lists_its_directories_first_and_each_once() {
        let paths = ["a.yaml", "apps/x/k.yaml", "apps/y.yaml", "b/c.yaml", "appsy"];
        let names = |dir: &str| -> Vec<String> {
            let found = listing(paths.into_iter(), dir).into_iter();
            found
                .map(|(name, is_dir)| if is_dir { format!("{name}/") } else { name })
                .collect()
        };
        assert_eq!(names(""), ["apps/", "b/", "a.yaml", "appsy"]);
        assert_eq!(names("apps"), ["x/", "y.yaml"]);
    }

    #[test]
    fn times_are_told_in_the_largest_whole_unit() {
        let at = |second| Timestamp::from_second(second).expect("it is in range");
        for (seconds, words) in [
            (-5, "just now"),
            (9, "just now"),
            (10, "10 seconds ago"),
            (60, "1 minute ago"),
            (7_300, "2 hours ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(at(1_000_000 + seconds), at(1_000_000)), words);
        }
    }
}
