use super::*;
use serde_json::json;

fn added(file: &str, key: &str) -> Option<String> {
    let item = ["- name: a".to_owned(), "  newTag: b".to_owned()];
    edit::add(file.as_bytes(), key, &item).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn an_item_is_added_in_the_files_own_style() {
    let table = [
        // A list that is not there is made at the end.
        (
            "resources:\n- x\n",
            "resources:\n- x\nimages:\n- name: a\n  newTag: b\n",
        ),
        (
            "resources:\n  - x\n",
            "resources:\n  - x\nimages:\n  - name: a\n    newTag: b\n",
        ),
        (
            "resources: [x]\n# end\n",
            "resources: [x]\nimages:\n- name: a\n  newTag: b\n# end\n",
        ),
        // One that is there grows.
        (
            "images:\n- name: c\n\nnamespace: n\n",
            "images:\n- name: c\n- name: a\n  newTag: b\n\nnamespace: n\n",
        ),
        (
            "images: []\nnamespace: n\n",
            "images:\n- name: a\n  newTag: b\nnamespace: n\n",
        ),
        // Line ends, byte order mark and final newline stay as they are.
        (
            "resources:\r\n- x\r\n",
            "resources:\r\n- x\r\nimages:\r\n- name: a\r\n  newTag: b\r\n",
        ),
        (
            "\u{feff}resources:\n- x",
            "\u{feff}resources:\n- x\nimages:\n- name: a\n  newTag: b",
        ),
    ];
    for (file, want) in table {
        assert_eq!(added(file, "images").as_deref(), Some(want), "{file:?}");
    }
}

#[test]
fn a_file_that_is_no_plain_block_yaml_is_left_alone() {
    for file in [
        "",
        "# nothing\n",
        "{resources: [x]}\n",
        "a: 1\n---\nb: 1\n",
        "images: [{name: c}]\n",
    ] {
        assert_eq!(added(file, "images"), None, "{file:?}");
    }
}

fn leaf(pointer: &str, good: &str, head: &str) -> Leaf {
    Leaf {
        pointer: pointer.to_owned(),
        good: Some(json!(good)),
        head: Some(json!(head)),
    }
}

#[test]
fn image_references_become_the_fields_of_an_images_entry() {
    let table: &[(&str, &str, &[&str])] = &[
        ("a/web:v1", "a/web:v2", &["- name: a/web", "  newTag: v1"]),
        ("web:1.10", "web:2", &["- name: web", "  newTag: \"1.10\""]),
        (
            "reg:5000/web:v1",
            "reg:5000/web:v2",
            &["- name: reg:5000/web", "  newTag: v1"],
        ),
        (
            "b/web:v1",
            "a/web:v1",
            &["- name: a/web", "  newName: b/web", "  newTag: v1"],
        ),
        ("web@sha256:ab", "web:v2", &["- name: web", "  digest: sha256:ab"]),
    ];
    for (good, head, want) in table {
        let leaves = [leaf("/spec/template/spec/containers/0/image", good, head)];
        let entries = image::entries(&leaves).unwrap_or_default();
        let lines: Vec<String> = entries.iter().flat_map(image::Image::entry).collect();
        assert_eq!(lines, *want, "{good} from {head}");
    }
}

#[test]
fn what_an_images_entry_cannot_say_is_not_tried_with_one() {
    let image = "/spec/template/spec/containers/0/image";
    for (pointer, good, head) in [
        (image, "web", "web:v2"),
        ("/spec/values/image", "web:v1", "web:v2"),
        ("/spec/template/spec/containers/0/env/0/value", "a:1", "a:2"),
    ] {
        assert_eq!(
            image::entries(&[leaf(pointer, good, head)]),
            None,
            "{pointer} {good}"
        );
    }
    let two = [leaf(image, "web:v1", "web:v3"), leaf(image, "web:v2", "web:v3")];
    assert_eq!(image::entries(&two), None);
}
