use super::*;

fn spliced(good: &str, head: &str, edits: &[(Range<usize>, Range<usize>)]) -> String {
    let pair = Pair {
        good: Text::of(good.as_bytes()),
        head: Text::of(head.as_bytes()),
    };
    String::from_utf8_lossy(&splice(&pair, edits.to_vec())).into_owned()
}

#[test]
fn restored_lines_are_ended_as_heads_are_and_nothing_else_moves() {
    let table = [
        ("a: 1\nb: 1\n", "a: 2\nb: 1\n", vec![(0..1, 0..1)], "a: 1\nb: 1\n"),
        // Line ends are head's, whatever the good file had.
        (
            "a: 1\nb: 1\n",
            "a: 2\r\nb: 2\r\n",
            vec![(0..1, 0..1)],
            "a: 1\r\nb: 2\r\n",
        ),
        (
            "a: 1\r\nb: 1\r\n",
            "a: 2\nb: 2\n",
            vec![(1..2, 1..2)],
            "a: 2\nb: 1\n",
        ),
        ("x\na\ny\n", "x\r\ny\r\n", vec![(1..1, 1..2)], "x\r\na\r\ny\r\n"),
        // The byte order mark stays, and none comes.
        ("a: 1\n", "\u{feff}a: 2\n", vec![(0..1, 0..1)], "\u{feff}a: 1\n"),
        ("\u{feff}a: 1\n", "a: 2\n", vec![(0..1, 0..1)], "a: 1\n"),
        // The final newline is head's, too.
        ("a: 1\nb: 1\n", "a: 1\nb: 2", vec![(1..2, 1..2)], "a: 1\nb: 1"),
        ("a: 1\nb: 1", "a: 1\nb: 2\n", vec![(1..2, 1..2)], "a: 1\nb: 1\n"),
        ("a\nb\n", "a", vec![(1..1, 1..2)], "a\nb"),
        ("a", "a\nb", vec![(1..2, 1..1)], "a"),
        // Comments, indentation and odd spacing of other lines are bytes like others.
        (
            "# top\na:   1 # one\n\n\tb: 1\n",
            "# top\na:   2 # two\n\n\tb: 1\n",
            vec![(1..2, 1..2)],
            "# top\na:   1 # one\n\n\tb: 1\n",
        ),
        // Several edits, given in any order.
        (
            "a\nb\nc\n",
            "x\nb\nz\n",
            vec![(2..3, 2..3), (0..1, 0..1)],
            "a\nb\nc\n",
        ),
        // A file that was emptied takes the good file's ways.
        ("a\r\nb\r\n", "", vec![(0..0, 0..2)], "a\r\nb\r\n"),
        ("a\nb", "", vec![(0..0, 0..2)], "a\nb"),
    ];
    for (good, head, edits, want) in table {
        assert_eq!(spliced(good, head, &edits), want, "{good:?} into {head:?}");
    }
}
