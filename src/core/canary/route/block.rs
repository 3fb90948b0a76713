//! Where recant's rules stand in a route's list of rules: one block, in a place that somebody else may have chosen,
//! between rules that are somebody else's.

use serde_json::Value;

/// How the rules of a kind of route are told apart.
pub(super) struct Shape<'a> {
    /// Whether a rule divides the requests between primary and canary.
    pub(super) splits: &'a dyn Fn(&Value) -> bool,
    /// Whether a rule that splits is one of session affinity.
    pub(super) sticks: &'a dyn Fn(&Value) -> bool,
    /// Whether the second rule takes what the first, which splits, does not match.
    pub(super) is_rest: &'a dyn Fn(&Value, &Value) -> bool,
    /// Whether a rule sends everything to the apex: the one to be taken over.
    pub(super) is_whole: &'a dyn Fn(&Value) -> bool,
}

/// The list around recant's rules.
pub(super) struct Block {
    before: Vec<Value>,
    after: Vec<Value>,
    /// The last of recant's rules, or the one to be taken over: what somebody else put on it is kept.
    pub(super) main: Value,
}

impl Block {
    /// Finds recant's rules. Where there are none, the block is the first rule that sends everything to the apex, else
    /// an empty place at the end.
    pub(super) fn find(list: Vec<Value>, shape: &Shape<'_>) -> Self {
        let mut before: Vec<Value> = list;
        before.retain(|rule| !((shape.splits)(rule) && (shape.sticks)(rule)));
        let split = before.iter().position(shape.splits);
        let Some(start) = split.or_else(|| before.iter().position(shape.is_whole)) else {
            return Self {
                before,
                after: Vec::new(),
                main: Value::Null,
            };
        };
        let mut mine = before.split_off(start);
        let rest = mine.iter().skip(1);
        let rests = mine.first().filter(|_| split.is_some()).map_or(0, |first| {
            rest.take_while(|rule| (shape.is_rest)(first, rule)).count()
        });
        let after = mine.split_off(1 + rests);
        Self {
            before,
            after,
            main: mine.pop().unwrap_or_default(),
        }
    }

    /// The list with these rules in the block's place.
    pub(super) fn around(self, rules: Vec<Value>) -> Vec<Value> {
        let Self { before, after, .. } = self;
        before.into_iter().chain(rules).chain(after).collect()
    }
}

/// The entries of a list in a rule; none where there is no list.
pub(super) fn items<'a>(rule: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    rule.get(field).and_then(Value::as_array).into_iter().flatten()
}
