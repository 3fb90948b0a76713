//! Editing: a scalar that could be set has its new value, all others their old ones, and no other byte has moved.
#![no_main]

use libfuzzer_sys::fuzz_target;
use recant_render::edit::set_scalar;
use recant_render::yaml::Document;
use serde_json::Value;

fn values(bytes: &[u8]) -> Option<Vec<Value>> {
    let documents = Document::read(bytes).ok()?;
    documents.iter().map(|document| document.json().ok()).collect()
}

/// How many bytes two texts have in common until they part.
fn alike<'a>(a: impl Iterator<Item = &'a u8>, b: impl Iterator<Item = &'a u8>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

fuzz_target!(|input: (u8, u8, String, &[u8])| {
    let (which, kind, text, bytes) = input;
    let new = match kind % 4 {
        0 => Value::from(text),
        1 => Value::from(i64::from(kind)),
        2 => Value::from(kind > 127),
        _ => Value::Null,
    };
    let Ok(documents) = Document::read(bytes) else { return };
    let leaves: Vec<_> = documents
        .iter()
        .enumerate()
        .flat_map(|(at, document)| document.leaves().into_iter().map(move |leaf| (at, leaf)))
        .collect();
    let Some((at, leaf)) = leaves.get(usize::from(which) % leaves.len().max(1)) else { return };
    let (Some(mut wanted), Ok(edited)) = (values(bytes), set_scalar(bytes, *at, &leaf.pointer, &new)) else { return };
    *wanted[*at].pointer_mut(&leaf.pointer).expect("a leaf is part of the value") = new;
    assert_eq!(values(&edited), Some(wanted));
    // A value that was not written has no bytes of its own: what is put in may only push others apart.
    let kept = alike(edited.iter(), bytes.iter()) + alike(edited.iter().rev(), bytes.iter().rev());
    assert!(kept >= bytes.len() - leaf.span.len());
});
