//! Calls of functions.

use super::Labels;
use super::Point;
use super::QueryError;
use super::Value;
use super::eval::Eval;
use super::eval::mapped;
use super::eval::unique;
use super::histogram;
use super::range;
use super::select;
use promql_parser::label::MatchOp;
use promql_parser::parser::Call;
use promql_parser::parser::Expr;

/// What a call comes to. Functions Prometheus does not know are refused by the parser already.
pub(super) fn evaluate(eval: &Eval<'_>, call: &Call) -> Result<Value, QueryError> {
    let name = call.func.name;
    let args = Args { eval, call };
    if let Some((over, keeps_name)) = range::named(name) {
        let windows = args.windows(0)?;
        return unique(range::evaluate(windows, over, keeps_name)).map(Value::Vector);
    }
    match name {
        "vector" => Ok(Value::Vector(vec![Point {
            labels: Labels::default(),
            value: args.scalar(0)?,
        }])),
        "scalar" => Ok(Value::Scalar(match args.vector(0)?.as_slice() {
            [only] => only.value,
            _ => f64::NAN,
        })),
        "time" => Ok(Value::Scalar(eval.at_ms as f64 / 1000.0)),
        "histogram_quantile" => {
            let points = histogram::quantiles(args.scalar(0)?, &args.vector(1)?);
            Ok(Value::Vector(points))
        }
        "absent" => Ok(Value::Vector(absent(
            args.vector(0)?,
            call.args.args.first().map(Box::as_ref),
        ))),
        "sort" | "sort_desc" => {
            let mut points = args.vector(0)?;
            points.sort_by(|a, b| a.value.total_cmp(&b.value));
            if name == "sort_desc" {
                points.reverse();
            }
            Ok(Value::Vector(points))
        }
        _ => each(&args, name),
    }
}

/// Functions of one value at a time.
fn each(args: &Args<'_>, name: &str) -> Result<Value, QueryError> {
    let change: Box<dyn Fn(f64) -> f64> = match name {
        "abs" => Box::new(f64::abs),
        "ceil" => Box::new(f64::ceil),
        "floor" => Box::new(f64::floor),
        "sqrt" => Box::new(f64::sqrt),
        "exp" => Box::new(f64::exp),
        "ln" => Box::new(f64::ln),
        "log2" => Box::new(f64::log2),
        "log10" => Box::new(f64::log10),
        "sgn" => Box::new(|v: f64| if v == 0.0 || v.is_nan() { v } else { v.signum() }),
        "round" => round(args.optional_scalar(1, 1.0)?),
        "clamp_min" => clamp(args.scalar(1)?, f64::INFINITY),
        "clamp_max" => clamp(f64::NEG_INFINITY, args.scalar(1)?),
        "clamp" => {
            let (low, high) = (args.scalar(1)?, args.scalar(2)?);
            if low > high {
                return Ok(Value::Vector(Vec::new()));
            }
            clamp(low, high)
        }
        other => {
            let message = format!("function \"{other}\" is not evaluated here");
            return Err(QueryError::Execution(message));
        }
    };
    unique(mapped(args.vector(0)?, change)).map(Value::Vector)
}

/// To the nearest multiple; halves go up.
fn round(to: f64) -> Box<dyn Fn(f64) -> f64> {
    let inverse = 1.0 / to;
    Box::new(move |value| (value * inverse + 0.5).floor() / inverse)
}

/// Bounds that are NaN make everything NaN.
fn clamp(low: f64, high: f64) -> Box<dyn Fn(f64) -> f64> {
    Box::new(move |value| {
        if low.is_nan() || high.is_nan() || value.is_nan() {
            f64::NAN
        } else {
            value.min(high).max(low)
        }
    })
}

/// 1 when there is nothing, with the labels that the selector pins to one value.
fn absent(points: Vec<Point>, arg: Option<&Expr>) -> Vec<Point> {
    if !points.is_empty() {
        return Vec::new();
    }
    let mut labels = Labels::default();
    if let Some(Expr::VectorSelector(selector)) = arg {
        for matcher in &selector.matchers.matchers {
            let pinned = matches!(matcher.op, MatchOp::Equal)
                && matcher.name != "__name__"
                && selector.matchers.find_matchers(&matcher.name).len() == 1;
            if pinned {
                labels = labels.with(&matcher.name, &matcher.value);
            }
        }
    }
    vec![Point { labels, value: 1.0 }]
}

/// The arguments of one call.
struct Args<'a> {
    eval: &'a Eval<'a>,
    call: &'a Call,
}

impl Args<'_> {
    fn get(&self, index: usize) -> Result<&Expr, QueryError> {
        let missing = || {
            let message = format!("missing argument {} of \"{}\"", index + 1, self.call.func.name);
            QueryError::Execution(message)
        };
        self.call
            .args
            .args
            .get(index)
            .map(Box::as_ref)
            .ok_or_else(missing)
    }

    fn vector(&self, index: usize) -> Result<Vec<Point>, QueryError> {
        self.eval.vector(self.get(index)?)
    }

    fn scalar(&self, index: usize) -> Result<f64, QueryError> {
        self.eval.scalar(self.get(index)?)
    }

    fn optional_scalar(&self, index: usize, default: f64) -> Result<f64, QueryError> {
        if index < self.call.args.len() {
            self.scalar(index)
        } else {
            Ok(default)
        }
    }

    fn windows(&self, index: usize) -> Result<Vec<select::Window>, QueryError> {
        let mut arg = self.get(index)?;
        while let Expr::Paren(paren) = arg {
            arg = &paren.expr;
        }
        match arg {
            Expr::MatrixSelector(selector) => select::windows(self.eval.gauge, self.eval.at_ms, selector),
            _ => Err(QueryError::Execution(format!(
                "\"{}\" is evaluated here over range selectors only, not over subqueries",
                self.call.func.name
            ))),
        }
    }
}
