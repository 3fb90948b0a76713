//! Arithmetic, comparison and set operators.

use super::Labels;
use super::Point;
use super::QueryError;
use super::Value;
use super::eval::Eval;
use super::eval::unique;
use promql_parser::parser::BinModifier;
use promql_parser::parser::BinaryExpr;
use promql_parser::parser::LabelModifier;
use promql_parser::parser::VectorMatchCardinality;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What an operator makes of two numbers: a new number, or, for a comparison, whether it holds.
enum Made {
    Number(f64),
    Holds(bool),
}

/// An operator with its modifiers.
struct Operator<'a> {
    symbol: String,
    returns_bool: bool,
    modifier: Option<&'a BinModifier>,
}

/// What a binary expression comes to.
pub(super) fn evaluate(eval: &Eval<'_>, binary: &BinaryExpr) -> Result<Value, QueryError> {
    let operator = Operator {
        symbol: binary.op.to_string(),
        returns_bool: binary.return_bool(),
        modifier: binary.modifier.as_ref(),
    };
    match (eval.expr(&binary.lhs)?, eval.expr(&binary.rhs)?) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            Ok(Value::Scalar(match operator.apply(left, right)? {
                Made::Number(number) => number,
                Made::Holds(holds) => f64::from(u8::from(holds)),
            }))
        }
        (Value::Vector(left), Value::Scalar(right)) => operator.each(left, |value| (value, right)),
        (Value::Scalar(left), Value::Vector(right)) => operator.each(right, |value| (left, value)),
        (Value::Vector(left), Value::Vector(right)) if binary.op.is_set_operator() => {
            Ok(Value::Vector(operator.sets(left, right)?))
        }
        (Value::Vector(left), Value::Vector(right)) => operator.matched(left, right).map(Value::Vector),
        (left, right) => Err(QueryError::Execution(format!(
            "binary expression must contain only scalar and instant vector types, got {} and {}",
            left.type_name(),
            right.type_name()
        ))),
    }
}

impl Operator<'_> {
    fn apply(&self, left: f64, right: f64) -> Result<Made, QueryError> {
        Ok(match self.symbol.as_str() {
            "+" => Made::Number(left + right),
            "-" => Made::Number(left - right),
            "*" => Made::Number(left * right),
            "/" => Made::Number(left / right),
            "%" => Made::Number(left % right),
            "^" => Made::Number(left.powf(right)),
            "atan2" => Made::Number(left.atan2(right)),
            "==" => Made::Holds(left == right),
            "!=" => Made::Holds(left != right),
            "<" => Made::Holds(left < right),
            "<=" => Made::Holds(left <= right),
            ">" => Made::Holds(left > right),
            ">=" => Made::Holds(left >= right),
            other => {
                let message = format!("operator {other:?} not allowed between these types");
                return Err(QueryError::Execution(message));
            }
        })
    }

    /// Vector and scalar: a comparison keeps the elements for which it holds, as they are.
    fn each(&self, points: Vec<Point>, sides: impl Fn(f64) -> (f64, f64)) -> Result<Value, QueryError> {
        let mut all = Vec::new();
        for point in points {
            let (left, right) = sides(point.value);
            let made = self.apply(left, right)?;
            all.extend(self.kept(made, &point.labels, point.value));
        }
        unique(all).map(Value::Vector)
    }

    /// The element that a result stands for, if it stands for one. `value` is what a filter lets through.
    fn kept(&self, made: Made, labels: &Labels, value: f64) -> Option<Point> {
        let (labels, value) = match made {
            Made::Number(number) => (labels.unnamed(), number),
            Made::Holds(holds) if self.returns_bool => (labels.unnamed(), f64::from(u8::from(holds))),
            Made::Holds(true) => (labels.clone(), value),
            Made::Holds(false) => return None,
        };
        Some(Point { labels, value })
    }

    /// The labels by which elements of the two sides find each other.
    fn key(&self, labels: &Labels) -> Labels {
        match self.modifier.and_then(|modifier| modifier.matching.as_ref()) {
            Some(LabelModifier::Include(on)) => labels.only(&on.labels),
            Some(LabelModifier::Exclude(ignoring)) => labels.unnamed().except(&ignoring.labels),
            None => labels.unnamed(),
        }
    }

    /// `and`, `or`, `unless`.
    fn sets(&self, left: Vec<Point>, right: Vec<Point>) -> Result<Vec<Point>, QueryError> {
        let keys = |points: &[Point]| -> BTreeSet<Labels> {
            points.iter().map(|point| self.key(&point.labels)).collect()
        };
        let (in_left, in_right) = (keys(&left), keys(&right));
        let has = |keys: &BTreeSet<Labels>, point: &Point| keys.contains(&self.key(&point.labels));
        Ok(match self.symbol.as_str() {
            "and" => left.into_iter().filter(|point| has(&in_right, point)).collect(),
            "unless" => left.into_iter().filter(|point| !has(&in_right, point)).collect(),
            "or" => {
                let more = right.into_iter().filter(|point| !has(&in_left, point));
                left.iter().cloned().chain(more).collect()
            }
            other => return Err(QueryError::Execution(format!("unknown set operator {other:?}"))),
        })
    }

    /// Vector and vector: elements with equal keys, one to one, or many to one with `group_left`/`group_right`.
    fn matched(&self, left: Vec<Point>, right: Vec<Point>) -> Result<Vec<Point>, QueryError> {
        if let Some(modifier) = self.modifier
            && (modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some())
        {
            let message = "fill modifiers are not evaluated here";
            return Err(QueryError::Execution(message.to_owned()));
        }
        let card = self.modifier.map(|modifier| &modifier.card);
        let swapped = matches!(card, Some(VectorMatchCardinality::OneToMany(_)));
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let include = card.and_then(VectorMatchCardinality::labels);
        let ones = self.by_key(one, if swapped { "left" } else { "right" })?;
        let mut taken = BTreeSet::new();
        let mut all = Vec::new();
        for point in many {
            let key = self.key(&point.labels);
            let Some(other) = ones.get(&key) else { continue };
            let labels = match include {
                Some(include) => include.labels.iter().fold(point.labels.clone(), |labels, label| {
                    labels.with(label, other.labels.get(label))
                }),
                None if !taken.insert(key) => return Err(many_to_many()),
                None => self.one_to_one_labels(&point.labels),
            };
            let (l, r) = if swapped {
                (other.value, point.value)
            } else {
                (point.value, other.value)
            };
            all.extend(self.kept(self.apply(l, r)?, &labels, l));
        }
        unique(all)
    }

    fn by_key(&self, points: Vec<Point>, side: &str) -> Result<BTreeMap<Labels, Point>, QueryError> {
        let mut ones = BTreeMap::new();
        for point in points {
            let key = self.key(&point.labels);
            if ones.insert(key, point).is_some() {
                let message = format!(
                    "found duplicate series for the match group on the {side} hand-side of the operation; \
                     many-to-many matching not allowed: matching labels must be unique on one side"
                );
                return Err(QueryError::Execution(message));
            }
        }
        Ok(ones)
    }

    fn one_to_one_labels(&self, labels: &Labels) -> Labels {
        match self.modifier.and_then(|modifier| modifier.matching.as_ref()) {
            Some(LabelModifier::Include(on)) => labels.only(&on.labels),
            Some(LabelModifier::Exclude(ignoring)) => labels.except(&ignoring.labels),
            None => labels.clone(),
        }
    }
}

fn many_to_many() -> QueryError {
    let message =
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
    QueryError::Execution(message.to_owned())
}
