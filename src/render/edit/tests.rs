//! Edits change one value and nothing else, by example and by property.

use super::set_scalar;
use crate::second;
use crate::yaml::Document;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

fn set(text: &str, pointer: &str, value: Value) -> String {
    let edited = set_scalar(text.as_bytes(), 0, pointer, &value).expect(text);
    String::from_utf8(edited).expect("UTF-8")
}

#[test]
fn quotes_comments_anchors_and_line_ends_stay() {
    let table = [
        ("a: x # c\n", "new", "a: new # c\n"),
        ("a: \"x\" # c\n", "new", "a: \"new\" # c\n"),
        ("a:   'x'\n", "it's", "a:   'it''s'\n"),
        ("a: x\r\nb: 1\r\n", "new", "a: new\r\nb: 1\r\n"),
        ("\u{feff}a: x", "new", "\u{feff}a: new"),
        ("a: &n x\n", "new", "a: &n new\n"),
        ("{a: x, b: [é, ü]}", "new", "{a: new, b: [é, ü]}"),
        ("{a: x}", "y, z", "{a: \"y, z\"}"),
        ("a: x\n", "yes", "a: \"yes\"\n"),
        ("a: x\n", "1.20", "a: \"1.20\"\n"),
        ("a: x\n", "k: v", "a: \"k: v\"\n"),
        ("a: x\n", "v # no", "a: \"v # no\"\n"),
        ("a: x\n", "two\nlines", "a: \"two\\nlines\"\n"),
        ("a:\nb: 1\n", "new", "a: new\nb: 1\n"),
        ("a: x\n  y\nb: 1\n", "z", "a: z\nb: 1\n"),
    ];
    for (before, value, after) in table {
        assert_eq!(set(before, "/a", json!(value)), after, "{before:?}");
    }
}

#[test]
fn numbers_and_booleans_are_written_plain() {
    assert_eq!(set("a: 1\n", "/a", json!(3)), "a: 3\n");
    assert_eq!(set("a: \"1\"\n", "/a", json!(3)), "a: 3\n");
    assert_eq!(set("a: [x, true]\n", "/a/1", json!(false)), "a: [x, false]\n");
}

#[test]
fn what_cannot_be_done_safely_is_refused() {
    let table = [
        ("a: |\n  x\n", "/a", "block scalar"),
        ("b: &n x\na: *n\n", "/a", "alias"),
        ("a: &n x\nb: *n\n", "/a", "something else"),
        ("base: &b {a: 1}\nc:\n  <<: *b\n", "/c/a", "alias"),
        ("a: {b: 1}\n", "/a", "no scalar"),
        ("a: 1\n", "/b", "no value"),
        ("a: !!str 1\n", "/a", "something else"),
    ];
    for (text, pointer, why) in table {
        let refused = set_scalar(text.as_bytes(), 0, pointer, &json!(7)).expect_err(text);
        assert!(refused.message.contains(why), "{text:?}: {refused}");
    }
}

#[test]
fn documents_are_counted_from_zero() {
    let edited = set_scalar(b"a: 1\n---\na: 2\n", 1, "/a", &json!(3)).expect("an edit");
    assert_eq!(edited, b"a: 1\n---\na: 3\n");
}

#[test]
fn readers_agree_on_what_people_write() {
    for text in [
        "a: 1\nb: [x, 'y', \"z\"]\n",
        "a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  d: 1\n",
        "a: |\n  x\n  y\nb: >-\n  f\n  g\n",
        "a:\nb: ~\nc: null\n",
        "---\na: 1\n---\n---\nb: 2\n",
        "a: |\n  no final line break",
    ] {
        assert_eq!(second::agrees(text.as_bytes()), Ok(()), "{text:?}");
    }
}

/// A YAML tree as text, in block style, with comments and all kinds of quotes.
fn yaml(depth: u32) -> BoxedStrategy<String> {
    let scalar = prop_oneof![
        "[a-z][a-z0-9./-]{0,8}".prop_map(|s| s),
        "[0-9]{1,4}",
        "[a-z ]{0,6}".prop_map(|s| format!("\"{s}\"")),
        "[a-z':#é]{0,6}".prop_map(|s| format!("'{}'", s.replace('\'', "''"))),
        Just("true".to_owned()),
        Just("0x1F".to_owned()),
    ];
    let leaf = (scalar, prop_oneof![Just(""), Just(" # note"), Just("   # é")])
        .prop_map(|(scalar, comment)| format!(" {scalar}{comment}\n"));
    if depth == 0 {
        return leaf.boxed();
    }
    let indented = |text: String| text.lines().map(|l| format!("  {l}\n")).collect::<String>();
    let nested = yaml(depth - 1).prop_map(move |t| {
        if t.starts_with(' ') {
            t
        } else {
            format!("\n{}", indented(t))
        }
    });
    let map = prop::collection::vec(nested.clone(), 1..4).prop_map(|values| {
        let entries = values.iter().enumerate().map(|(at, v)| format!("k{at}:{v}"));
        entries.collect::<String>()
    });
    let list = prop::collection::vec(nested, 1..4)
        .prop_map(|values| values.iter().map(|v| format!("-{v}")).collect::<String>());
    prop_oneof![leaf, map, list].boxed()
}

fn new_value() -> BoxedStrategy<Value> {
    prop_oneof![
        "[ -~é\n\t]{0,12}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ]
    .boxed()
}

proptest! {
    #[test]
    fn an_edit_changes_the_bytes_of_one_value_and_nothing_else(
        body in yaml(3),
        pick in any::<prop::sample::Index>(),
        value in new_value(),
        crlf in any::<bool>(),
    ) {
        let text = format!("root:{}", if body.starts_with(' ') { body } else {
            format!("\n{}", body.lines().map(|l| format!("  {l}\n")).collect::<String>())
        });
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let before = Document::read(text.as_bytes()).expect("generated YAML is valid");
        let leaves = before[0].leaves();
        let leaf = &leaves[pick.index(leaves.len())];
        if let Ok(edited) = set_scalar(text.as_bytes(), 0, &leaf.pointer, &value) {
            prop_assert!(second::agrees(&edited).is_ok());
            let after = Document::read(&edited).expect("an edited file is valid");
            let mut wanted = before[0].json().expect("JSON");
            *wanted.pointer_mut(&leaf.pointer).expect("the leaf") = value;
            prop_assert_eq!(after[0].json().expect("JSON"), wanted);
            let tail = text.len() - leaf.span.end;
            prop_assert_eq!(&edited[..leaf.span.start], &text.as_bytes()[..leaf.span.start]);
            prop_assert_eq!(&edited[edited.len() - tail..], &text.as_bytes()[leaf.span.end..]);
        } else {
            prop_assert!(false, "refused: {:?} at {}", text, leaf.pointer);
        }
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "[ -~\n\t&*<:{}\\[\\]|>'\"#%!-]{0,80}") {
        let _ = Document::read(text.as_bytes()).map(|documents| {
            documents.iter().for_each(|d| {
                let _ = d.json();
                d.leaves();
            });
        });
        let _ = second::agrees(text.as_bytes());
    }
}
