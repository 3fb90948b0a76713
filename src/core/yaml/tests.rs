use super::*;
use proptest::prelude::*;
use recant_render::second;
use recant_render::yaml::Document;
use serde_json::json;

fn read(text: &str) -> Value {
    let documents = Document::read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"));
    documents[0].json().unwrap_or_else(|e| panic!("{e}\n{text}"))
}

#[test]
fn words_that_some_reader_takes_for_something_else_are_quoted() {
    let words = [
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "n",
        "true",
        "null",
        "~",
        "",
        "1",
        "1.0",
        "1e3",
        "0x1F",
        "0o7",
        ".inf",
        ".5",
        "NaN",
        "2024-01-01",
        "12:30",
        "-",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "[a",
        "{a",
        "a:",
        "=",
        "<<",
        " a",
        "a ",
        "a\tb",
        "+1",
        "1_000",
    ];
    for word in words {
        assert!(scalar(word).starts_with('"'), "{word}");
        assert_eq!(read(&document(&json!({ "k": word }))), json!({ "k": word }));
    }
    for word in ["web", "web:1.2", "ghcr.io/org/web@sha256:ab", "a-b_c"] {
        assert_eq!(scalar(word), word);
    }
}

#[test]
fn an_object_is_written_as_people_write_it() {
    let object = json!({
        "spec": { "list": [{ "value": 1, "name": "a" }, []], "script": "set -e\n\n  run\n", "empty": {} },
        "kind": "A", "metadata": { "name": "x" }, "apiVersion": "v1",
    });
    let text = document(&object);
    let want = "apiVersion: v1\nkind: A\nmetadata:\n  name: x\nspec:\n  empty: {}\n  list:\n  - name: a\n    \
        value: 1\n  - []\n  script: |\n    set -e\n\n      run\n";
    assert_eq!(text, want);
    assert_eq!(read(&text), object);
}

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z ]{0,6}",
        "[ -~]{0,8}",
        "[a: #\\-\n\t\"'|>]{0,10}",
        any::<String>()
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z/.~ :#-]{1,5}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again_as_the_same_by_both_readers(value in values()) {
        let value = json!({ "k": value });
        let text = document(&value);
        prop_assert_eq!(read(&text), value, "{}", text);
        prop_assert!(second::agrees(text.as_bytes()).is_ok(), "{}", text);
    }
}
