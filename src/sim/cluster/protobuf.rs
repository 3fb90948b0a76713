//! Objects in protobuf, as `kubectl create namespace` and its like send them.
//!
//! Only the fields those commands fill in are known. A field that is not known and not empty is refused, not lost.

use super::error::ApiError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// What a field holds.
#[derive(Clone, Copy)]
enum Holds {
    Text,
    Texts,
    Integer,
    Flag,
    /// `map<string, string>`.
    Strings,
    /// `map<string, bytes>`.
    Blobs,
    IntOrString,
    One(&'static [Field]),
    Many(&'static [Field]),
}

type Field = (u64, &'static str, Holds);

const METADATA: &[Field] = &[
    (1, "name", Holds::Text),
    (2, "generateName", Holds::Text),
    (3, "namespace", Holds::Text),
    (11, "labels", Holds::Strings),
    (12, "annotations", Holds::Strings),
    (14, "finalizers", Holds::Texts),
];
const CONFIG_MAP: &[Field] = &[
    (1, "metadata", Holds::One(METADATA)),
    (2, "data", Holds::Strings),
    (3, "binaryData", Holds::Blobs),
    (4, "immutable", Holds::Flag),
];
const SECRET: &[Field] = &[
    (1, "metadata", Holds::One(METADATA)),
    (2, "data", Holds::Blobs),
    (3, "type", Holds::Text),
    (4, "stringData", Holds::Strings),
    (5, "immutable", Holds::Flag),
];
const BARE: &[Field] = &[(1, "metadata", Holds::One(METADATA))];
const SELECTOR: &[Field] = &[(1, "matchLabels", Holds::Strings)];
const PORT: &[Field] = &[
    (1, "name", Holds::Text),
    (3, "containerPort", Holds::Integer),
    (4, "protocol", Holds::Text),
];
const CONTAINER: &[Field] = &[
    (1, "name", Holds::Text),
    (2, "image", Holds::Text),
    (3, "command", Holds::Texts),
    (4, "args", Holds::Texts),
    (6, "ports", Holds::Many(PORT)),
    (14, "imagePullPolicy", Holds::Text),
];
const POD: &[Field] = &[
    (2, "containers", Holds::Many(CONTAINER)),
    (3, "restartPolicy", Holds::Text),
];
const TEMPLATE: &[Field] = &[
    (1, "metadata", Holds::One(METADATA)),
    (2, "spec", Holds::One(POD)),
];
const DEPLOYMENT_SPEC: &[Field] = &[
    (1, "replicas", Holds::Integer),
    (2, "selector", Holds::One(SELECTOR)),
    (3, "template", Holds::One(TEMPLATE)),
];
const DEPLOYMENT: &[Field] = &[
    (1, "metadata", Holds::One(METADATA)),
    (2, "spec", Holds::One(DEPLOYMENT_SPEC)),
];
const JOB_SPEC: &[Field] = &[
    (6, "template", Holds::One(TEMPLATE)),
    (7, "backoffLimit", Holds::Integer),
];
const JOB: &[Field] = &[
    (1, "metadata", Holds::One(METADATA)),
    (2, "spec", Holds::One(JOB_SPEC)),
];
const SERVICE_PORT: &[Field] = &[
    (1, "name", Holds::Text),
    (2, "protocol", Holds::Text),
    (3, "port", Holds::Integer),
    (4, "targetPort", Holds::IntOrString),
    (5, "nodePort", Holds::Integer),
];
const SERVICE_SPEC: &[Field] = &[
    (1, "ports", Holds::Many(SERVICE_PORT)),
    (2, "selector", Holds::Strings),
    (3, "clusterIP", Holds::Text),
    (4, "type", Holds::Text),
    (10, "externalName", Holds::Text),
];
const SERVICE: &[Field] = &[
    (1, "metadata", Holds::One(METADATA)),
    (2, "spec", Holds::One(SERVICE_SPEC)),
];
const RULE: &[Field] = &[
    (1, "verbs", Holds::Texts),
    (2, "apiGroups", Holds::Texts),
    (3, "resources", Holds::Texts),
    (4, "resourceNames", Holds::Texts),
    (5, "nonResourceURLs", Holds::Texts),
];
const ROLE: &[Field] = &[
    (1, "metadata", Holds::One(METADATA)),
    (2, "rules", Holds::Many(RULE)),
];
const SUBJECT: &[Field] = &[
    (1, "kind", Holds::Text),
    (2, "apiGroup", Holds::Text),
    (3, "name", Holds::Text),
    (4, "namespace", Holds::Text),
];
const ROLE_REF: &[Field] = &[
    (1, "apiGroup", Holds::Text),
    (2, "kind", Holds::Text),
    (3, "name", Holds::Text),
];
const BINDING: &[Field] = &[
    (1, "metadata", Holds::One(METADATA)),
    (2, "subjects", Holds::Many(SUBJECT)),
    (3, "roleRef", Holds::One(ROLE_REF)),
];

fn fields_of(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "Namespace" | "ServiceAccount" => BARE,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "Deployment" => DEPLOYMENT,
        "Job" => JOB,
        "Service" => SERVICE,
        "Role" | "ClusterRole" => ROLE,
        "RoleBinding" | "ClusterRoleBinding" => BINDING,
        _ => return None,
    })
}

/// The object in a protobuf body.
///
/// # Errors
/// When it is broken, of a kind not known here, or has fields not known here.
pub(crate) fn read(body: &[u8]) -> Result<Value, ApiError> {
    let refused = |why: &str| {
        ApiError::bad_request(format!(
            "this server reads little protobuf: {why}; send the object as JSON or YAML (kubectl create -f)"
        ))
    };
    let envelope = body
        .strip_prefix(MAGIC)
        .ok_or_else(|| refused("the body has no Kubernetes prefix"))?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), Vec::new());
    for (number, wire) in split(envelope).ok_or_else(|| refused("the envelope is broken"))? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => {
                for (number, wire) in split(bytes).ok_or_else(|| refused("the type is broken"))? {
                    match (number, wire) {
                        (1, Wire::Bytes(text)) => api_version = String::from_utf8_lossy(text).into_owned(),
                        (2, Wire::Bytes(text)) => kind = String::from_utf8_lossy(text).into_owned(),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes.to_vec(),
            _ => {}
        }
    }
    let fields = fields_of(&kind).ok_or_else(|| refused(&format!("not of kind {kind:?}")))?;
    let mut object = message(&raw, fields).map_err(|why| refused(&format!("{kind}: {why}")))?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

/// A field as it stands on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Wire<'_> {
    /// Whether the field is as good as absent. Go's encoder writes every field that is no pointer, also when unset:
    /// messages that hold nothing but unset fields too.
    fn is_empty(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Bytes([]) => true,
            Self::Bytes(bytes) => {
                split(bytes).is_some_and(|fields| fields.iter().all(|(_, wire)| wire.is_empty()))
            }
        }
    }
}

/// The fields of a message, in order; none when it is broken.
fn split(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(value)
            }
            _ => return None,
        };
        fields.push((tag >> 3, wire));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn message(bytes: &[u8], known: &[Field]) -> Result<Map<String, Value>, String> {
    let mut object = Map::new();
    for (number, wire) in split(bytes).ok_or("a message is broken")? {
        let Some((_, name, holds)) = known.iter().find(|(n, ..)| *n == number) else {
            if wire.is_empty() {
                continue;
            }
            return Err(format!("field number {number} is not known"));
        };
        let unset = matches!(holds, Holds::Text | Holds::One(_)) && wire.is_empty();
        if !unset {
            put(&mut object, name, *holds, &wire).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(object)
}

fn put(object: &mut Map<String, Value>, name: &str, holds: Holds, wire: &Wire<'_>) -> Result<(), String> {
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
    let value = match (holds, wire) {
        (Holds::Text, Wire::Bytes(bytes)) => text(bytes),
        // Negative numbers are sign-extended to 64 bits.
        (Holds::Integer, Wire::Number(number)) => number.cast_signed().into(),
        (Holds::Flag, Wire::Number(number)) => (*number != 0).into(),
        (Holds::One(fields), Wire::Bytes(bytes)) => Value::Object(message(bytes, fields)?),
        (Holds::IntOrString, Wire::Bytes(bytes)) => int_or_string(bytes).ok_or("it is broken")?,
        (Holds::Texts, Wire::Bytes(bytes)) => return push(object, name, text(bytes)),
        (Holds::Many(fields), Wire::Bytes(bytes)) => {
            return push(object, name, Value::Object(message(bytes, fields)?));
        }
        (Holds::Strings | Holds::Blobs, Wire::Bytes(bytes)) => {
            let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
            for (number, wire) in split(bytes).ok_or("an entry is broken")? {
                match (number, wire) {
                    (1, Wire::Bytes(bytes)) => key = bytes,
                    (2, Wire::Bytes(bytes)) => value = bytes,
                    _ => return Err("an entry is broken".to_owned()),
                }
            }
            let value = if matches!(holds, Holds::Blobs) {
                STANDARD.encode(value).into()
            } else {
                text(value)
            };
            let map = object.entry(name).or_insert_with(|| json!({}));
            map[String::from_utf8_lossy(key).as_ref()] = value;
            return Ok(());
        }
        _ => return Err("it has another type".to_owned()),
    };
    object.insert(name.to_owned(), value);
    Ok(())
}

fn push(object: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), String> {
    let list = object.entry(name).or_insert_with(|| json!([]));
    list.as_array_mut().ok_or("it is no list")?.push(value);
    Ok(())
}

/// Type 0 is a number, 1 a string.
fn int_or_string(bytes: &[u8]) -> Option<Value> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for (field, wire) in split(bytes)? {
        match (field, wire) {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value,
            (3, Wire::Bytes(bytes)) => text = String::from_utf8_lossy(bytes).into_owned(),
            _ => return None,
        }
    }
    Some(if is_text {
        text.into()
    } else {
        number.cast_signed().into()
    })
}
