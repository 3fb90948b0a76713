//! Object metadata: names, uids, times.

use super::error::Cause;
use jiff::Timestamp;
use recant_core::object::Object;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

/// As `metav1.Time`: whole seconds.
pub(crate) fn time(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.to_string()
}

/// The uid of the n-th object ever made.
pub(crate) fn uid(n: u64) -> String {
    let digest = Sha256::digest(format!("uid {n}").as_bytes());
    let hex: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    // Version 4, variant 1, so that strict readers take it for a random UUID.
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

/// Five letters and digits, as `generateName` adds them.
pub(crate) fn suffix(n: u64) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let digest = Sha256::digest(format!("name {n}").as_bytes());
    digest
        .iter()
        .take(5)
        .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
        .collect()
}

/// Removes a field of the metadata.
pub(crate) fn remove(object: &mut Object, field: &str) {
    if let Some(Value::Object(metadata)) = object.0.get_mut("metadata") {
        metadata.remove(field);
    }
}

/// Gives `to` the metadata field of `from`, or none if that has none.
pub(crate) fn copy(from: &Object, to: &mut Object, field: &str) {
    match from.0.get("metadata").and_then(|m| m.get(field)) {
        Some(value) => to.set(&format!("/metadata/{field}"), value.clone()),
        None => remove(to, field),
    }
}

/// The finalizers.
pub(crate) fn finalizers(object: &Object) -> Vec<String> {
    let list = object.at("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Sets the finalizers; none at all when the list is empty.
pub(crate) fn set_finalizers(object: &mut Object, finalizers: &[String]) {
    if finalizers.is_empty() {
        remove(object, "finalizers");
    } else {
        object.set("/metadata/finalizers", Value::from(finalizers.to_vec()));
    }
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
    must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
    validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// What is wrong with the metadata.
pub(crate) fn validate(object: &Object, rbac: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = object.name();
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if rbac && (name.contains('/') || name.contains('%')) {
        causes.push(Cause::invalid(
            "metadata.name",
            &name.into(),
            "may not contain '/' or '%'",
        ));
    } else if !rbac && !is_subdomain(name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), SUBDOMAIN));
    }
    for map in ["labels", "annotations"] {
        validate_strings(object, map, &mut causes);
    }
    for (index, owner) in list(object, "/metadata/ownerReferences").iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                let at = format!("metadata.ownerReferences[{index}].{field}");
                causes.push(Cause::invalid(
                    &at,
                    &"".into(),
                    &format!("{field} must not be empty"),
                ));
            }
        }
    }
    causes
}

fn validate_strings(object: &Object, map: &str, causes: &mut Vec<Cause>) {
    let Some(value) = object.0.get("metadata").and_then(|m| m.get(map)) else {
        return;
    };
    let at = format!("metadata.{map}");
    let Value::Object(entries) = value else {
        causes.push(Cause::invalid(&at, value, "must be a map of strings"));
        return;
    };
    for (key, value) in entries {
        if !is_qualified_name(key) {
            causes.push(Cause::invalid(
                &at,
                &key.as_str().into(),
                "name part must be a valid qualified name",
            ));
        }
        match value {
            Value::String(text) if map == "labels" && !is_label_value(text) => {
                causes.push(Cause::invalid(&at, value, LABEL_VALUE));
            }
            Value::String(_) => {}
            other => causes.push(Cause::invalid(&format!("{at}.{key}"), other, "must be a string")),
        }
    }
}

/// The list at a JSON pointer; empty when there is none.
pub(crate) fn list<'a>(object: &'a Object, pointer: &str) -> &'a [Value] {
    object
        .at(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn is_alphanumeric_ends(text: &str) -> bool {
    let ends = [text.chars().next(), text.chars().last()];
    ends.iter().all(|c| c.is_some_and(|c| c.is_ascii_alphanumeric()))
}

pub(crate) fn is_dns_label(text: &str) -> bool {
    let letters = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    letters && text.len() <= 63 && is_alphanumeric_ends(text)
}

fn is_subdomain(text: &str) -> bool {
    let part = |p: &str| {
        p.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && is_alphanumeric_ends(p)
    };
    text.len() <= 253 && text.split('.').all(part)
}

pub(crate) fn is_label_value(text: &str) -> bool {
    let letters = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    text.is_empty() || (letters && text.len() <= 63 && is_alphanumeric_ends(text))
}

pub(crate) fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(p, n)| (Some(p), n));
    let name_ok = !name.is_empty() && is_label_value(name);
    name_ok && prefix.is_none_or(|p| is_subdomain(&p.to_lowercase()))
}
