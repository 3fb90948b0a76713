//! What recant put on a route because the Canary asked for it: remembered in an annotation of the route, so that it
//! goes again when the Canary does not ask any more, and so that nothing else ever goes.

use crate::canary::route::scene::annotate;
use crate::object::Object;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeSet;

/// The annotation: names of fields and filters, separated by commas.
pub(super) const MADE: &str = "recant.dev/made";

/// What was made before, and what is made now.
pub(super) struct Made {
    before: BTreeSet<String>,
    now: BTreeSet<String>,
}

impl Made {
    /// Reads what was made before.
    pub(super) fn of(route: &Object) -> Self {
        let names = route.annotation(MADE).unwrap_or_default().split(',');
        Self {
            before: names.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            now: BTreeSet::new(),
        }
    }

    /// Sets a field that the Canary asks for; takes it away when it did not ask and recant had set it; else leaves it.
    pub(super) fn put(&mut self, fields: &mut Map<String, Value>, field: &str, wanted: Option<Value>) {
        match wanted {
            Some(wanted) => {
                fields.insert(field.to_owned(), wanted);
                self.note(field);
            }
            None if self.made(field) => drop(fields.remove(field)),
            None => {}
        }
    }

    /// Notes that recant makes this now.
    pub(super) fn note(&mut self, name: &str) {
        self.now.insert(name.to_owned());
    }

    /// Whether recant made this before.
    pub(super) fn made(&self, name: &str) -> bool {
        self.before.contains(name)
    }

    /// Writes down what is made now.
    pub(super) fn write_down(self, route: &mut Object) {
        if self.now == self.before {
            return;
        }
        if self.now.is_empty() {
            if let Some(Value::Object(annotations)) = route.0.pointer_mut("/metadata/annotations") {
                annotations.remove(MADE);
            }
            return;
        }
        let names: Vec<String> = self.now.into_iter().collect();
        annotate(route, MADE, &names.join(","));
    }
}
