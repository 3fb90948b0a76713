#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use proptest::prelude::*;

fn cut(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (Text::of(old.as_bytes()), Text::of(new.as_bytes()));
    let show = |lines: &[Line<'_>]| {
        let bodies = lines.iter().map(|l| std::str::from_utf8(l.body).unwrap().trim());
        bodies.collect::<Vec<_>>().join("|")
    };
    hunks(&old.bodies(), &new.bodies())
        .into_iter()
        .map(|h| format!("{} -> {}", show(&old.lines[h.old]), show(&new.lines[h.new])))
        .collect()
}

#[test]
fn a_change_is_cut_into_the_smallest_pieces_that_lines_allow() {
    let table: &[(&str, &str, &[&str])] = &[
        ("a: 1\n", "a: 1\n", &[]),
        ("a: 1\nb: 1\n", "a: 2\nb: 2\n", &["a: 1 -> a: 2", "b: 1 -> b: 2"]),
        ("a: 1\n", "a: 2\nb: 2\n", &["a: 1 -> a: 2", " -> b: 2"]),
        ("b: 0\na: 1\n", "a: 2\n", &["b: 0 -> ", "a: 1 -> a: 2"]),
        ("- x\n- y\n", "- p\n- q\n", &["- x -> - p", "- y -> - q"]),
        ("- x\n", "- p\n- q\n", &["- x -> - p|- q"]),
        ("S=1\n", "# c\n# c\nS=2\n", &[" -> # c|# c", "S=1 -> S=2"]),
        ("- a\n", "# c\n- b\n", &[" -> # c", "- a -> - b"]),
        ("# c\n\n- a\n", "- b\n", &["# c -> ", " -> ", "- a -> - b"]),
        ("a: 1\r\n", "a: 1", &[]),
        ("", "a\nb\n", &[" -> a|b"]),
    ];
    for (old, new, want) in table {
        assert_eq!(cut(old, new), *want, "{old:?} → {new:?}");
    }
}

#[test]
fn paths_are_quoted_as_git_quotes_them() {
    assert_eq!(quoted("a/", "apps/x y.yaml"), "a/apps/x y.yaml");
    assert_eq!(quoted("a/", "ä\".yaml"), "\"a/\\303\\244\\\".yaml\"");
}

proptest! {
    #[test]
    fn lines_put_together_again_are_the_same_file(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..60)) {
        prop_assert_eq!(Text::of(&bytes).bytes(), bytes);
    }

    #[test]
    fn hunks_lead_from_the_old_lines_to_the_new(old in proptest::collection::vec("[abc]: [12]", 0..12), new in proptest::collection::vec("[abc]: [12]", 0..12)) {
        let old: Vec<&[u8]> = old.iter().map(String::as_bytes).collect();
        let new: Vec<&[u8]> = new.iter().map(String::as_bytes).collect();
        let mut got: Vec<&[u8]> = Vec::new();
        let mut at = 0;
        for hunk in hunks(&old, &new) {
            got.extend(&old[at..hunk.old.start]);
            got.extend(&new[hunk.new]);
            at = hunk.old.end;
        }
        got.extend(&old[at..]);
        prop_assert_eq!(got, new);
    }
}
