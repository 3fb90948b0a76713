//! The evaluator's spine: one arm for each kind of expression.

use super::Gauge;
use super::Point;
use super::QueryError;
use super::Value;
use super::aggregate;
use super::binary;
use super::function;
use super::select;
use promql_parser::parser::Expr;

/// One evaluation: the data and the instant.
pub(super) struct Eval<'a> {
    pub(super) gauge: &'a Gauge,
    pub(super) at_ms: i64,
}

impl<'a> Eval<'a> {
    pub(super) fn new(gauge: &'a Gauge, at_ms: i64) -> Self {
        Self { gauge, at_ms }
    }

    /// What an expression comes to.
    pub(super) fn expr(&self, expr: &Expr) -> Result<Value, QueryError> {
        match expr {
            Expr::NumberLiteral(literal) => Ok(Value::Scalar(literal.val)),
            Expr::StringLiteral(literal) => Ok(Value::Text(literal.val.clone())),
            Expr::Paren(paren) => self.expr(&paren.expr),
            Expr::Unary(unary) => self.negated(&unary.expr),
            Expr::VectorSelector(selector) => {
                select::instant(self.gauge, self.at_ms, selector).map(Value::Vector)
            }
            Expr::MatrixSelector(selector) => {
                let windows = select::windows(self.gauge, self.at_ms, selector)?;
                let series = windows.into_iter().map(|w| (w.labels, w.samples));
                Ok(Value::Matrix(series.collect()))
            }
            Expr::Aggregate(aggregate) => aggregate::evaluate(self, aggregate).map(Value::Vector),
            Expr::Binary(binary) => binary::evaluate(self, binary),
            Expr::Call(call) => function::evaluate(self, call),
            Expr::Subquery(_) => Err(QueryError::Execution(
                "subqueries are not evaluated here: use a range selector on a metric".to_owned(),
            )),
            Expr::Extension(_) => Err(QueryError::Execution("unknown kind of expression".to_owned())),
        }
    }

    /// An expression that must be an instant vector.
    pub(super) fn vector(&self, expr: &Expr) -> Result<Vec<Point>, QueryError> {
        match self.expr(expr)? {
            Value::Vector(points) => Ok(points),
            other => Err(wrong_type("instant vector", &other)),
        }
    }

    /// An expression that must be a number.
    pub(super) fn scalar(&self, expr: &Expr) -> Result<f64, QueryError> {
        match self.expr(expr)? {
            Value::Scalar(number) => Ok(number),
            other => Err(wrong_type("scalar", &other)),
        }
    }

    fn negated(&self, expr: &Expr) -> Result<Value, QueryError> {
        match self.expr(expr)? {
            Value::Scalar(number) => Ok(Value::Scalar(-number)),
            Value::Vector(points) => unique(mapped(points, |value| -value)).map(Value::Vector),
            other => Err(wrong_type("scalar or instant vector", &other)),
        }
    }
}

fn wrong_type(wanted: &str, got: &Value) -> QueryError {
    QueryError::Execution(format!("expected type {wanted}, got {}", got.type_name()))
}

/// Each value changed, each metric's name dropped: the result measures something else.
pub(super) fn mapped(points: Vec<Point>, change: impl Fn(f64) -> f64) -> Vec<Point> {
    let changed = points.into_iter().map(|point| Point {
        labels: point.labels.unnamed(),
        value: change(point.value),
    });
    changed.collect()
}

/// Refuses a vector in which two elements have come to the same labels.
pub(super) fn unique(points: Vec<Point>) -> Result<Vec<Point>, QueryError> {
    let labels: std::collections::BTreeSet<_> = points.iter().map(|point| &point.labels).collect();
    if labels.len() < points.len() {
        let message = "vector cannot contain metrics with the same labelset";
        return Err(QueryError::Execution(message.to_owned()));
    }
    Ok(points)
}
