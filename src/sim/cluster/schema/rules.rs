//! Rules in CEL (`x-kubernetes-validations`): what a schema alone cannot say.
//!
//! As in a real API server a rule sees its own part of the object as `self`, by the names that CEL can spell; a rule that
//! speaks of `oldSelf` is only asked about a change, and not of items, which have no past. Not as there: a definition with
//! a rule that is not understood here is refused, though it may be one of Kubernetes' own extensions to the language.

use super::Cause;
use super::below;
use super::check::shown;
use super::check::type_of;
use super::properties;
use cel::Context;
use cel::Program;
use serde::Serialize;
use serde::Serializer;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// The rules of a schema, where they stand in it; branches without any are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    own: Vec<Rule>,
    /// The schema of what they see.
    schema: Arc<Value>,
    fields: BTreeMap<String, Self>,
    items: Option<Box<Self>>,
    values: Option<Box<Self>>,
}

#[derive(Clone, Debug)]
struct Rule {
    text: String,
    program: Arc<Program>,
    /// What is said of an object that breaks it, by another expression if there is one.
    message: String,
    worded: Option<Arc<Program>>,
    /// The field it is about, seen from where it stands; begins with a dot.
    field_path: String,
}

impl Rules {
    /// The rules in a schema. What is not understood is told to `problem`, with the path to it.
    pub(super) fn of(schema: &Value, at: &str, problem: &mut impl FnMut(String, String)) -> Self {
        let mut inner = |schema: &Value, name: &str| Self::of(schema, &format!("{at}.{name}"), problem);
        let fields = properties(schema)
            .map(|(name, field)| (name.clone(), inner(field, &format!("properties[{name}]"))))
            .filter(|(_, rules)| !rules.is_empty());
        let fields = fields.collect();
        let mut one = |key: &str| {
            let rules = inner(schema.get(key).filter(|schema| schema.is_object())?, key);
            (!rules.is_empty()).then(|| Box::new(rules))
        };
        let (items, values) = (one("items"), one("additionalProperties"));
        let own = schema.get("x-kubernetes-validations").and_then(Value::as_array);
        let own = own.into_iter().flatten().enumerate();
        let own = own.filter_map(|(index, rule)| {
            let failed = |why| problem(format!("{at}.x-kubernetes-validations[{index}].rule"), why);
            Rule::read(rule).map_err(failed).ok()
        });
        let own: Vec<Rule> = own.collect();
        let seen = (!own.is_empty()).then(|| schema.clone());
        Self {
            own,
            schema: Arc::new(seen.unwrap_or_default()),
            fields,
            items,
            values,
        }
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.fields.is_empty() && self.items.is_none() && self.values.is_none()
    }

    /// Which of them an object breaks.
    pub(super) fn check(&self, value: &Value, old: Option<&Value>, at: &str, causes: &mut Vec<Cause>) {
        if !self.own.is_empty() {
            let now = seen(&self.schema, value);
            let old = old.map(|old| seen(&self.schema, old));
            let broken = self
                .own
                .iter()
                .filter_map(|rule| Some((rule, rule.broken(&now, old.as_ref())?)));
            causes.extend(broken.map(|(rule, broken)| rule.cause(broken, value, at)));
        }
        let before = |name: &str| old.and_then(|old| old.get(name));
        for (name, rules) in &self.fields {
            if let Some(inner) = value.get(name).filter(|inner| !inner.is_null()) {
                rules.check(inner, before(name), &below(at, name), causes);
            }
        }
        if let (Some(rules), Value::Object(map)) = (&self.values, value) {
            for (name, inner) in map {
                rules.check(inner, before(name), &below(at, name), causes);
            }
        }
        if let (Some(rules), Value::Array(items)) = (&self.items, value) {
            for (index, inner) in items.iter().enumerate() {
                rules.check(inner, None, &format!("{at}[{index}]"), causes);
            }
        }
    }
}

impl Rule {
    fn read(rule: &Value) -> Result<Self, String> {
        let text = |key: &str| {
            rule.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let rule = text("rule");
        let message = match text("message") {
            given if given.is_empty() => format!("failed rule: {}", rule.trim()),
            given => given,
        };
        let worded = Some(text("messageExpression")).filter(|expression| !expression.is_empty());
        Ok(Self {
            program: compiled(&rule)?,
            worded: worded.map(|expression| compiled(&expression)).transpose()?,
            text: rule,
            message,
            field_path: text("fieldPath"),
        })
    }

    /// Whether it is broken, and how.
    fn broken(&self, now: &cel::Value, old: Option<&cel::Value>) -> Option<Broken> {
        let mut context = Context::default();
        context.add_variable_from_value("self", now.clone());
        if self.program.references().has_variable("oldSelf") {
            context.add_variable_from_value("oldSelf", old?.clone());
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(true)) => None,
            Ok(_) => match self.worded.as_ref().map(|program| program.execute(&context)) {
                Some(Ok(cel::Value::String(words))) if !words.trim().is_empty() => {
                    Some(Broken::Said(words.to_string()))
                }
                _ => Some(Broken::Said(self.message.clone())),
            },
            Err(error) => Some(Broken::Failed(format!(
                "{error} evaluating rule: {}",
                self.text.trim()
            ))),
        }
    }

    fn cause(&self, broken: Broken, value: &Value, at: &str) -> Cause {
        let field = format!("{at}{}", self.field_path);
        let field = shown(field.strip_prefix('.').unwrap_or(&field));
        match broken {
            Broken::Said(why) => Cause::rule_broken(field, value, &why),
            Broken::Failed(why) => Cause::invalid(field, &type_of(value).into(), &why),
        }
    }
}

/// How a rule is broken.
enum Broken {
    /// It says no, in these words.
    Said(String),
    /// It could not be evaluated.
    Failed(String),
}

/// A program. The same texts come again with every cluster, and reading one takes longer than all the rest: what came of it
/// is remembered.
fn compiled(text: &str) -> Result<Arc<Program>, String> {
    static KNOWN: Mutex<BTreeMap<String, Result<Arc<Program>, String>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let read = || {
        let program = Program::compile(text).map_err(|error| format!("compilation failed: {error}"));
        program.map(Arc::new)
    };
    known.entry(text.to_owned()).or_insert_with(read).clone()
}

fn seen(schema: &Value, value: &Value) -> cel::Value {
    cel::to_value(Seen { schema, value }).expect("every JSON value is a CEL value, and the keys are text")
}

/// A value as a rule sees it, with the names of its fields as CEL can spell them. The keys of a map are no names of fields.
struct Seen<'a> {
    schema: &'a Value,
    value: &'a Value,
}

impl Serialize for Seen<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let schema = self.schema;
        match self.value {
            Value::Number(number) => match number.as_i64() {
                Some(number) => to.serialize_i64(number),
                None => to.serialize_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::Array(items) => to.collect_seq(items.iter().map(|value| Seen {
                schema: &schema["items"],
                value,
            })),
            Value::Object(map) => {
                to.collect_map(
                    map.iter()
                        .map(|(name, value)| match schema["properties"].get(name) {
                            Some(schema) => (escaped(name), Seen { schema, value }),
                            None => {
                                let schema = &schema["additionalProperties"];
                                (name.clone(), Seen { schema, value })
                            }
                        }),
                )
            }
            plain => plain.serialize(to),
        }
    }
}

/// Kubernetes' way to write a name that is none in CEL.
fn escaped(name: &str) -> String {
    const RESERVED: &[&str] = &[
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
    ];
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    let name = name.replace("__", "__underscores__");
    let name = name.replace('.', "__dot__").replace('-', "__dash__");
    name.replace('/', "__slash__")
}
