//! Reading: whatever the bytes are, there is an answer, and every place it names lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use recant_render::second;
use recant_render::yaml::Document;

fuzz_target!(|bytes: &[u8]| {
    let _ = second::agrees(bytes);
    let Ok(documents) = Document::read(bytes) else { return };
    let text = std::str::from_utf8(bytes).expect("what could be read is UTF-8");
    for document in documents {
        let value = document.json();
        for leaf in document.leaves() {
            assert!(text.get(leaf.span.clone()).is_some(), "{leaf:?} is no part of the text");
            if let Ok(value) = &value {
                assert!(value.pointer(&leaf.pointer).is_some(), "{leaf:?} is no part of the value");
            }
        }
    }
});
