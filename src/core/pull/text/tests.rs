//! Hostile text, as commit messages, authors, image tags and metric names may hold it.

use super::*;

/// What somebody might write into a commit message, and why it must not get through.
const HOSTILE: [&str; 16] = [
    "`@everyone` look",
    "``` \n# Heading",
    "fixes #12, closes org/repo#3, GH-4",
    "!7 and %milestone and @team/all",
    "<img src=x onerror=alert(1)>",
    "<!-- recant:closed cluster=x -->",
    "[click](javascript:alert(1))",
    "![pixel](https://evil.example/x.png)",
    "| a | table |",
    "</details></td>",
    "~~~~\nout of the fence\n~~~~",
    "https://evil.example/?a=b",
    "www.evil.example",
    "a\r\n/close\n/merge",
    "rev\u{202e}esrever \u{200b}hidden\u{e0041}",
    "**bold** _it_ ~no~ $math$ &amp; \\",
];

#[test]
fn nothing_gets_out_of_inline_code() {
    for text in HOSTILE {
        let code = code(text);
        let inner = code.trim_start_matches('`').trim_end_matches('`');
        assert!(code.starts_with('`') && code.ends_with('`'), "{code}");
        assert!(!inner.contains(['`', '|', '\n', '\r']), "{code}");
        assert!(!inner.contains(['\u{202e}', '\u{200b}', '\u{e0041}']), "{code}");
    }
    assert_eq!(code("  "), "–");
    assert_eq!(
        code(&"x".repeat(1000)).len(),
        LONGEST + 2,
        "nobody fills the page with a name"
    );
}

#[test]
fn plain_text_means_nothing_to_any_host() {
    for text in HOSTILE {
        for shown in [escaped(text), plain(text)] {
            assert!(!shown.contains(['\n', '\r', '\u{202e}', '\u{200b}']), "{shown}");
            for (before, after) in [
                ('@', char::is_alphanumeric as fn(char) -> bool),
                ('#', |c| c.is_ascii_digit()),
                ('!', |c| c.is_ascii_digit()),
            ] {
                let mut pairs = shown.chars().zip(shown.chars().skip(1));
                assert!(
                    !pairs.any(|(a, b)| a == before && after(b)),
                    "{before} in {shown}"
                );
            }
            assert!(!shown.contains("://") && !shown.contains("www."), "{shown}");
            assert!(!shown.to_ascii_lowercase().contains("gh-"), "{shown}");
            assert!(!shown.starts_with('/'), "{shown}");
        }
        let markdown = escaped(text);
        assert!(!markdown.contains(['<', '>']), "{markdown}");
        let chars: Vec<char> = markdown.chars().collect();
        let bare = chars
            .windows(2)
            .any(|pair| matches!(pair[1], '`' | '*' | '[' | ']' | '|') && pair[0] != '\\');
        assert!(!bare, "{markdown}");
    }
}

#[test]
fn a_fence_is_longer_than_any_in_the_text() {
    let text = "-~~~~~~\n+ ~~~~ x\n";
    let block = fenced("diff", text);
    assert!(
        block.starts_with("~~~~~~~diff\n") && block.ends_with("\n~~~~~~~\n"),
        "{block}"
    );
    assert!(block.contains(text), "the diff is shown as it is");
}

#[test]
fn values_over_time_are_bars_between_the_least_and_the_greatest() {
    assert_eq!(sparkline(&[Some(99.0), Some(70.0), None, Some(84.5)]), "█▁·▅");
    assert_eq!(sparkline(&[Some(1.0), Some(1.0)]), "██");
    assert_eq!(sparkline(&[Some(f64::NAN), None]), "··");
}

#[test]
fn a_text_is_shortened_by_whole_lines_and_no_block_of_code_stays_open() {
    let text = format!("one\n\n{}\nlast\n", fenced("diff", "+ a\n~~~~\n+ b\n"));
    for most in 0..=text.chars().count() {
        let short = shortened(&text, most);
        assert!(short.chars().count() <= most, "{most}: {short}");
        let lines: Vec<&str> = short.lines().collect();
        assert!(
            lines.iter().all(|line| text.lines().any(|whole| whole == *line)),
            "{short}"
        );
        let fences = lines.iter().filter(|line| line.starts_with("~~~~~")).count();
        assert_eq!(fences % 2, 0, "{most}: {short}");
    }
    assert_eq!(shortened(&text, 10_000), text.trim_end());
}
