//! Globs over the paths of repositories: `owner/name`, `group/*`, `group/**`.

/// Whether a path fits a glob, with `*` for any run of characters but `/` and a part `**` for one or more parts. Hosts
/// do not look at case.
pub(super) fn matches(glob: &str, path: &str) -> bool {
    let (glob, path) = (glob.to_ascii_lowercase(), path.to_ascii_lowercase());
    let (globs, parts): (Vec<&str>, Vec<&str>) = (glob.split('/').collect(), path.split('/').collect());
    all(&globs, &parts)
}

fn all(globs: &[&str], parts: &[&str]) -> bool {
    match (globs, parts) {
        ([], []) => true,
        (["**", rest @ ..], [_, ..]) => (1..=parts.len()).any(|n| all(rest, &parts[n..])),
        ([glob, globs @ ..], [part, parts @ ..]) => fits(glob, part) && all(globs, parts),
        _ => false,
    }
}

fn fits(glob: &str, part: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else {
        return glob == part;
    };
    let Some(tail) = part.strip_prefix(head) else {
        return false;
    };
    let cuts = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
    cuts.into_iter().any(|at| fits(rest, &tail[at..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_glob_stays_within_its_part() {
        for (glob, text, expected) in [
            ("acme/fleet", "acme/fleet", true),
            ("Acme/Fleet", "acme/fleet", true),
            ("acme/*", "acme/fleet", true),
            ("*/*", "acme/fleet", true),
            ("acme/f*t", "acme/fleet", true),
            ("acme/*e*t", "acme/fleet", true),
            ("acme/**", "acme/fleet", true),
            ("acme/**", "acme/team/fleet", true),
            ("acme/**/fleet", "acme/a/b/fleet", true),
            ("**", "acme/fleet", true),
            ("acme/*", "acme/team/fleet", false),
            ("acme/**", "acme", false),
            ("acme/**/fleet", "acme/fleet", false),
            ("*", "acme/fleet", false),
            ("acme*", "acme/fleet", false),
            ("acme/f*x", "acme/fleet", false),
            ("acme/fleet", "acme/fleet-2", false),
            ("acm/*", "acme/fleet", false),
            ("", "acme/fleet", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }
}
