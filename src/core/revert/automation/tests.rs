use super::*;

#[test]
fn a_marker_is_found_as_flux_finds_it() {
    let table = [
        (
            "image: a:1 # {\"$imagepolicy\": \"flux-system:web\"}",
            Some("flux-system:web"),
        ),
        (
            "tag: \"1\" #{\"$imagepolicy\": \"ns:web:tag\"}",
            Some("ns:web:tag"),
        ),
        (
            "tag: 1 # {\"$imagepolicy\": \"ns:web:tag\"} more",
            Some("ns:web:tag"),
        ),
        ("tag: 1 # see {\"$imagepolicy\": \"ns:web:tag\"}", None),
        ("tag: 1 # {\"$imagepolicy\": ", None),
        ("tag: 1 # {\"$imagepolicy\": 3}", None),
        ("text: '{\"$imagepolicy\": \"ns:web\"}'", None),
        ("tag: 1", None),
    ];
    for (line, want) in table {
        let got = marker(line.as_bytes()).map(|(policy, _)| policy);
        assert_eq!(got.as_deref(), want, "{line}");
    }
}

#[test]
fn a_marker_that_is_taken_out_leaves_no_word_that_flux_knows() {
    let text = b"a: 1 # {\"$imagepolicy\": \"ns:a\"}\r\nb: 1 # {\"$imagepolicy\": \"ns:b:tag\"}\r\n";
    let held = String::from_utf8_lossy(&take_out(text, &[1])).into_owned();
    assert_eq!(
        held,
        "a: 1 # {\"$imagepolicy\": \"ns:a\"}\r\nb: 1 # held by recant, was imagepolicy ns:b:tag\r\n"
    );
}
