//! From origins to what is told of each field.

use super::field;
use crate::repo::blame::Touch;
use jiff::Timestamp;
use recant_render::Object;
use recant_render::Origin;
use recant_render::Tree;
use serde_json::Value;
use serde_json::json;

/// The longest text of a file that is shown, in characters.
const MAX_TEXT: usize = 200;

/// All that is told of an object.
pub(super) struct Told {
    pub(super) fields: Vec<Field>,
    pub(super) deleted: Vec<Deleted>,
}

/// One field.
pub(super) struct Field {
    pub(super) pointer: String,
    pub(super) shown: String,
    pub(super) value: Value,
    /// From where it was first written to what touched it last; empty when the renderer made it.
    pub(super) steps: Vec<Step>,
}

/// Something that was taken out on the way.
pub(super) struct Deleted {
    pub(super) pointer: String,
    pub(super) shown: String,
    /// Where it came from.
    pub(super) was: Vec<Step>,
    /// What took it out.
    pub(super) by: Vec<Step>,
}

/// One thing that had a part in a value.
pub(super) struct Step {
    pub(super) what: What,
    pub(super) place: Option<Place>,
}

/// Which part it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It stands there.
    Written,
    /// A transformer, in kustomize's words.
    Transformer(String),
    /// It is not in Git.
    Outside(String),
}

/// A place in a file, and who last touched it.
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: usize,
    start: usize,
    end: usize,
    /// As it is written there.
    pub(super) text: String,
    /// `None` when it is not committed as it stands there.
    pub(super) touch: Option<Touch>,
}

impl Told {
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        let fields = self.fields.iter().flat_map(|field| &field.steps);
        let deleted = self
            .deleted
            .iter()
            .flat_map(|deleted| deleted.was.iter().chain(&deleted.by));
        fields.chain(deleted).filter_map(|step| step.place.as_ref())
    }

    pub(super) fn places_mut(&mut self, change: impl Fn(&mut Place)) {
        let fields = self.fields.iter_mut().flat_map(|field| &mut field.steps);
        let deleted = self
            .deleted
            .iter_mut()
            .flat_map(|deleted| deleted.was.iter_mut().chain(&mut deleted.by));
        fields
            .chain(deleted)
            .filter_map(|step| step.place.as_mut())
            .for_each(change);
    }
}

/// What there is to tell of an object's fields at and below a pointer.
pub(super) fn told(object: &Object, value: &Value, within: &str) -> Told {
    let is_within = |pointer: &str| {
        let rest = pointer.strip_prefix(within);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut pointers = Vec::new();
    leaves("", value, &mut pointers);
    let fields = pointers
        .into_iter()
        .filter(|(pointer, _)| is_within(pointer))
        .map(|(pointer, leaf)| Field {
            shown: field::shown(&pointer, value),
            steps: steps(object.origin(&pointer).as_ref()),
            value: leaf.clone(),
            pointer,
        });
    let near = |pointer: &str| is_within(pointer) || within.starts_with(&format!("{pointer}/"));
    let deleted = object
        .tombstones()
        .filter(|tomb| near(&tomb.pointer))
        .map(|tomb| Deleted {
            shown: field::shown(&tomb.pointer, value),
            was: steps(tomb.was.as_ref()),
            by: steps(tomb.by.as_ref()),
            pointer: tomb.pointer,
        });
    Told {
        fields: fields.collect(),
        deleted: deleted.collect(),
    }
}

fn leaves<'v>(pointer: &str, value: &'v Value, out: &mut Vec<(String, &'v Value)>) {
    let below = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .for_each(|(key, value)| leaves(&below(key), value, out)),
        Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                leaves(&below(&at.to_string()), item, out);
            }
        }
        _ => out.push((pointer.to_owned(), value)),
    }
}

/// What had a part in a value, from where it was written to what touched it last.
fn steps(origin: Option<&Origin>) -> Vec<Step> {
    let mut out = Vec::new();
    if let Some(origin) = origin {
        collect(origin, &mut out);
    }
    let mut seen = Vec::new();
    out.retain(|step| {
        let key = (
            step.what.clone(),
            step.place.as_ref().map(|p| (p.file.clone(), p.start, p.end)),
        );
        let is_new = !seen.contains(&key);
        seen.push(key);
        is_new
    });
    out
}

fn collect(origin: &Origin, out: &mut Vec<Step>) {
    match origin {
        Origin::Src { .. } => out.push(Step {
            what: What::Written,
            place: place(origin),
        }),
        Origin::External { reference } => out.push(Step {
            what: What::Outside(reference.clone()),
            place: None,
        }),
        Origin::Derived { op, inputs, arg } => {
            inputs.iter().for_each(|input| collect(input, out));
            let what = match arg.as_deref() {
                Some(Origin::External { reference }) => What::Outside(reference.clone()),
                _ => What::Transformer(op.clone()),
            };
            out.push(Step {
                what,
                place: arg.as_deref().and_then(place),
            });
        }
    }
}

/// The first place that an origin leads to.
fn place(origin: &Origin) -> Option<Place> {
    let (file, line, start, end) = origin.sources().first().copied()?;
    Some(Place {
        file: file.to_owned(),
        line,
        start,
        end,
        text: String::new(),
        touch: None,
    })
}

/// The value as it is written at a place: of several lines the first, of a map or list its first line.
pub(super) fn as_written(tree: &Tree, place: &Place) -> String {
    let bytes = tree.bytes(&place.file).unwrap_or_default();
    let inside = bytes.get(place.start..place.end).unwrap_or_default();
    let text = String::from_utf8_lossy(inside);
    let mut lines = text.trim().lines();
    let first: String = lines
        .next()
        .unwrap_or_default()
        .trim_end()
        .chars()
        .take(MAX_TEXT)
        .collect();
    match lines.next() {
        Some(_) => format!("{first} …"),
        None => first,
    }
}

impl Field {
    pub(super) fn json(&self) -> Value {
        json!({
            "field": self.shown,
            "pointer": self.pointer,
            "value": self.value,
            "from": self.from(),
            "steps": self.steps.iter().map(Step::json).collect::<Vec<_>>(),
        })
    }

    /// In one word: `git`, `outside` or `generated`.
    fn from(&self) -> &'static str {
        let is_outside = |step: &Step| matches!(step.what, What::Outside(_));
        if self.steps.iter().any(is_outside) {
            "outside"
        } else if self.steps.iter().any(|step| step.place.is_some()) {
            "git"
        } else {
            "generated"
        }
    }
}

impl Deleted {
    pub(super) fn json(&self) -> Value {
        let all = |steps: &[Step]| steps.iter().map(Step::json).collect::<Vec<_>>();
        json!({ "field": self.shown, "pointer": self.pointer, "was": all(&self.was), "by": all(&self.by) })
    }
}

impl Step {
    fn json(&self) -> Value {
        let (what, name) = match &self.what {
            What::Written => ("written", None),
            What::Transformer(op) => ("transformer", Some(op)),
            What::Outside(reference) => ("outside", Some(reference)),
        };
        let place = self.place.as_ref();
        json!({
            "what": what,
            "name": name,
            "file": place.map(|p| &p.file),
            "line": place.map(|p| p.line),
            "text": place.map(|p| &p.text),
            "commit": place.and_then(|p| p.touch.as_ref()).map(|touch| json!({
                "id": touch.commit,
                "author": touch.author,
                "email": touch.email,
                "date": date(touch.time_s, true),
                "summary": touch.summary,
            })),
        })
    }
}

/// A time as a date, or in full, in UTC.
pub(super) fn date(time_s: i64, full: bool) -> String {
    match Timestamp::from_second(time_s) {
        Ok(time) if full => time.to_string(),
        Ok(time) => time.to_string().chars().take(10).collect(),
        Err(_) => time_s.to_string(),
    }
}
