//! The shape of lists and maps: which lists are keyed, which values are one piece.
//!
//! Server-side apply and strategic merge patch both need it. Custom kinds say it in their schema; for the built-in
//! kinds it is a table here.

use super::kind::Kind;
use serde_json::Value;

/// How a list merges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListRule {
    /// Replaced as a whole.
    Atomic,
    /// A set of scalars.
    Set,
    /// Items are told apart by these keys; the last ones may have a default.
    Keyed(Vec<(String, Option<Value>)>),
}

/// A place in an object, as far as its shape goes.
#[derive(Clone, Debug)]
pub(crate) enum Shape<'a> {
    /// In a built-in kind: the kind and the dotted path, `*` for items.
    Known(&'a str, String),
    /// In a custom kind, under a schema.
    Schema(&'a Value),
    /// Where no schema reaches: maps merge, lists are atomic.
    Free,
}

/// Kind (empty: any), end of the path, key of strategic merge (empty: a set), keys of apply.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const LISTS: &[Row] = &[
    ("", "metadata.ownerReferences", "uid", &["uid"]),
    ("", "metadata.finalizers", "", &[]),
    ("", "containers", "name", &["name"]),
    ("", "initContainers", "name", &["name"]),
    ("", "ephemeralContainers", "name", &["name"]),
    (
        "",
        "ontainers.*.ports",
        "containerPort",
        &["containerPort", "protocol"],
    ),
    ("", "ontainers.*.env", "name", &["name"]),
    ("", "ontainers.*.volumeMounts", "mountPath", &["mountPath"]),
    ("", "ontainers.*.volumeDevices", "devicePath", &["devicePath"]),
    ("", "spec.volumes", "name", &["name"]),
    ("", "spec.imagePullSecrets", "name", &["name"]),
    ("", "spec.hostAliases", "ip", &["ip"]),
    (
        "",
        "spec.topologySpreadConstraints",
        "topologyKey",
        &["topologyKey", "whenUnsatisfiable"],
    ),
    ("Service", "spec.ports", "port", &["port", "protocol"]),
    ("ServiceAccount", "secrets", "name", &["name"]),
    ("ServiceAccount", "imagePullSecrets", "name", &[]),
    ("", "status.conditions", "type", &["type"]),
    ("Node", "status.addresses", "type", &["type"]),
    ("Pod", "status.podIPs", "ip", &["ip"]),
];

/// Maps that are one piece for server-side apply.
const ATOMIC_MAPS: &[&str] = &[
    "spec.selector",
    "labelSelector",
    "nodeSelector",
    "secretKeyRef",
    "configMapKeyRef",
    "fieldRef",
];

/// Unions: a strategic merge patch replaces what the patch does not name.
const RETAIN_KEYS: &[&str] = &["spec.volumes.*", "spec.strategy"];

impl<'a> Shape<'a> {
    /// The shape of a whole object of that kind.
    pub(crate) fn of(kind: &'a Kind) -> Self {
        match &kind.custom {
            Some(custom) => Self::Schema(custom.schema.value()),
            None => Self::Known(&kind.kind, String::new()),
        }
    }

    /// The shape of a field.
    pub(crate) fn field(&self, name: &str) -> Self {
        match self {
            Self::Known(kind, path) if path.is_empty() => Self::Known(kind, name.to_owned()),
            Self::Known(kind, path) => Self::Known(kind, format!("{path}.{name}")),
            Self::Schema(schema) => match schema.get("properties").and_then(|p| p.get(name)) {
                // Metadata has the same shape everywhere; schemas only say `type: object`.
                Some(Value::Object(field)) if name == "metadata" && !field.contains_key("properties") => {
                    Self::Known("", name.to_owned())
                }
                Some(field) => Self::Schema(field),
                None if name == "metadata" => Self::Known("", name.to_owned()),
                None => match schema.get("additionalProperties") {
                    Some(field @ Value::Object(_)) => Self::Schema(field),
                    Some(_) | None => Self::Free,
                },
            },
            Self::Free => Self::Free,
        }
    }

    /// The shape of a list's items.
    pub(crate) fn item(&self) -> Self {
        match self {
            Self::Known(kind, path) => Self::Known(kind, format!("{path}.*")),
            Self::Schema(schema) => schema.get("items").map_or(Self::Free, Self::Schema),
            Self::Free => Self::Free,
        }
    }

    /// How server-side apply merges the list here.
    pub(crate) fn list(&self) -> ListRule {
        match self {
            Self::Known(..) => match self.row() {
                Some((_, _, "", _)) => ListRule::Set,
                Some((_, _, _, keys)) if !keys.is_empty() => {
                    ListRule::Keyed(keys.iter().map(|k| known_key(k)).collect())
                }
                Some(_) | None => ListRule::Atomic,
            },
            Self::Schema(schema) => schema_list(schema),
            Self::Free => ListRule::Atomic,
        }
    }

    /// Whether server-side apply treats the map here as one piece.
    pub(crate) fn is_atomic_map(&self) -> bool {
        match self {
            // A Service's selector is a plain map; everybody else's is a LabelSelector.
            Self::Known(_, path) => ATOMIC_MAPS.iter().any(|end| ends(path, end)),
            Self::Schema(schema) => schema.get("x-kubernetes-map-type").is_some_and(|t| t == "atomic"),
            Self::Free => false,
        }
    }

    /// The key by which a strategic merge patch merges the list here: `Some("")` for a set, `None` for a list that
    /// is replaced.
    pub(crate) fn patch_key(&self) -> Option<&'static str> {
        self.row().map(|(_, _, key, _)| key)
    }

    /// Whether a strategic merge patch knows the value here as a union.
    pub(crate) fn retains_keys(&self) -> bool {
        matches!(self, Self::Known(_, path) if RETAIN_KEYS.iter().any(|end| ends(path, end)))
    }

    fn row(&self) -> Option<Row> {
        let Self::Known(kind, path) = self else {
            return None;
        };
        LISTS
            .iter()
            .find(|(of, end, ..)| {
                let containers = end.starts_with("ontainers") && path.ends_with(end);
                (of.is_empty() || of == kind) && (ends(path, end) || containers)
            })
            .copied()
    }
}

/// Whether the path's last segments are these.
fn ends(path: &str, end: &str) -> bool {
    path.strip_suffix(end)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn known_key(name: &str) -> (String, Option<Value>) {
    (name.to_owned(), (name == "protocol").then(|| Value::from("TCP")))
}

fn schema_list(schema: &Value) -> ListRule {
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListRule::Set,
        Some("map") => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let default = |key: &str| {
                schema
                    .pointer(&format!("/items/properties/{key}/default"))
                    .cloned()
            };
            let keys = keys.into_iter().flatten().filter_map(Value::as_str);
            ListRule::Keyed(keys.map(|k| (k.to_owned(), default(k))).collect())
        }
        Some(_) | None => ListRule::Atomic,
    }
}
