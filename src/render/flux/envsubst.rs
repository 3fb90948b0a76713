//! The grammar of Flux's variable substitution: `${name}` and bash's string functions.
//!
//! Follows fluxcd/pkg/envsubst: `:-` `:=` `=` `:n:m` `#` `##` `%` `%%` `/` `//` `/#` `/%` `^` `^^` `,` `,,` and
//! `${#name}`; `$${` is a literal `${`. `${name-default}` is an error there, and here.

use super::glob;

/// What is known of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Its value.
    Value(String),
    /// It is not set, and that matters.
    Unset,
    /// Its value is not to be had here: the expression stays as it is.
    Elsewhere,
}

/// Replaces all variables of a text. `get` says what is known of a variable.
///
/// # Errors
/// What is wrong with the text, or which variable is not set.
pub(crate) fn eval(text: &str, get: &mut dyn FnMut(&str) -> Known) -> Result<String, String> {
    let mut parser = Parser {
        text: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    let mut out = String::with_capacity(text.len());
    for part in parser.all()? {
        part.eval(get, &mut out)?;
        if out.len() > MAX_BYTES {
            return Err("the substituted text is too long".to_owned());
        }
    }
    Ok(out)
}

/// The longest text that may come out, in bytes.
const MAX_BYTES: usize = 32 << 20;

/// How deep one expression may stand inside of another.
const MAX_DEPTH: usize = 64;

enum Part {
    Text(String),
    Call {
        name: String,
        op: String,
        args: Vec<Self>,
        /// As it was written.
        raw: String,
    },
}

struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn opens(&self) -> bool {
        self.peek(0) == Some('$') && self.peek(1) == Some('{')
    }

    fn all(&mut self) -> Result<Vec<Part>, String> {
        let mut parts = Vec::new();
        while self.at < self.text.len() {
            if self.opens() {
                self.at += 2;
                parts.push(self.call()?);
            } else {
                parts.push(Part::Text(self.run(|_| true, "$")));
            }
        }
        Ok(parts)
    }

    /// Text up to an expression or a character that does not belong; `$$`, `\\` and `\/` are escapes when listed.
    fn run(&mut self, accept: impl Fn(char) -> bool, escapes: &str) -> String {
        let mut run = String::new();
        while let Some(c) = self.peek(0) {
            if self.opens() {
                break;
            }
            let escaped = match (c, self.peek(1)) {
                ('$', Some('$')) => escapes.contains('$'),
                ('\\', Some('/' | '\\')) => escapes.contains('\\'),
                _ => false,
            };
            if escaped {
                self.at += 1;
                run.extend(self.peek(0));
            } else if accept(c) {
                run.push(c);
            } else {
                break;
            }
            self.at += 1;
        }
        run
    }

    /// What stands between `${` and `}`.
    fn call(&mut self) -> Result<Part, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("substitutions are nested too deep".to_owned());
        }
        let start = self.at - 2;
        let mut call = self.call_inner();
        self.depth -= 1;
        if let Ok(Part::Call { raw, .. }) = &mut call {
            *raw = self.text[start..self.at].iter().collect();
        }
        call
    }

    fn call_inner(&mut self) -> Result<Part, String> {
        if self.peek(0) == Some('#') {
            self.at += 1;
            let name = self.name();
            return self.close(name, "#", Vec::new());
        }
        let name = self.name();
        if name.is_empty() {
            return Err("a variable name is missing after `${`; write `$${` for a literal `${`".to_owned());
        }
        match (self.peek(0), self.peek(1)) {
            (Some(':'), Some('=' | '-' | '?' | '+')) => self.default(name, 2),
            (Some('='), _) => self.default(name, 1),
            (Some(':'), _) => self.substring(name),
            (Some(c @ (',' | '^')), next) => {
                let op = if next == Some(c) { 2 } else { 1 };
                let op = self.take(op);
                self.close(name, &op, Vec::new())
            }
            (Some('/'), next) => self.replace(name, next),
            (Some(c @ ('#' | '%')), next) => {
                let op = if next == Some(c) { 2 } else { 1 };
                let op = self.take(op);
                let pattern = self.param(|c| c != '}', "");
                self.close(name, &op, vec![pattern?])
            }
            _ => self.close(name, "", Vec::new()),
        }
    }

    fn take(&mut self, len: usize) -> String {
        let taken = self.text[self.at..self.at + len].iter().collect();
        self.at += len;
        taken
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek(0).filter(|c| c.is_alphanumeric() || *c == '_') {
            name.push(c);
            self.at += 1;
        }
        name
    }

    fn close(&mut self, name: String, op: &str, args: Vec<Part>) -> Result<Part, String> {
        if self.peek(0) != Some('}') {
            return Err(format!(
                "`${{{name}` is not closed by `}}`, or uses an unknown function"
            ));
        }
        self.at += 1;
        Ok(Part::Call {
            name,
            op: op.to_owned(),
            args,
            raw: String::new(),
        })
    }

    /// One argument: an expression of its own, or text.
    fn param(&mut self, accept: impl Fn(char) -> bool, escapes: &str) -> Result<Part, String> {
        if self.opens() {
            self.at += 2;
            return self.call();
        }
        let run = self.run(accept, escapes);
        if run.is_empty() {
            return Err("an argument is missing in a substitution".to_owned());
        }
        Ok(Part::Text(run))
    }

    fn default(&mut self, name: String, len: usize) -> Result<Part, String> {
        let op = self.take(len);
        let mut args = Vec::new();
        while self.peek(0) != Some('}') {
            args.push(self.param(|c| c != '}', "")?);
        }
        self.close(name, &op, args)
    }

    fn substring(&mut self, name: String) -> Result<Part, String> {
        self.at += 1;
        let mut args = vec![self.param(|c| c != ':' && c != '}', "")?];
        if self.peek(0) == Some(':') {
            while self.peek(0) == Some(':') {
                self.at += 1;
            }
            args.push(self.param(|c| c != '}', "")?);
        }
        self.close(name, ":", args)
    }

    fn replace(&mut self, name: String, next: Option<char>) -> Result<Part, String> {
        let len = if matches!(next, Some('/' | '#' | '%')) {
            2
        } else {
            1
        };
        let op = self.take(len);
        let mut args = vec![self.param(|c| c != '/', "$\\")?];
        if self.peek(0) != Some('/') {
            return Err(format!("`${{{name}{op}` needs a second `/`"));
        }
        while self.peek(0) == Some('/') {
            self.at += 1;
        }
        if self.peek(0) != Some('}') {
            args.push(self.param(|c| c != '}', "$\\")?);
        }
        self.close(name, &op, args)
    }
}

impl Part {
    fn eval(&self, get: &mut dyn FnMut(&str) -> Known, out: &mut String) -> Result<(), String> {
        let (name, op, args, raw) = match self {
            Self::Text(text) => {
                out.push_str(text);
                return Ok(());
            }
            Self::Call { name, op, args, raw } => (name, op.as_str(), args, raw),
        };
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            let mut value = String::new();
            arg.eval(get, &mut value)?;
            values.push(value);
        }
        let has_default = matches!(op, "=" | ":-" | ":+" | ":=" | ":?");
        let value = match get(name) {
            Known::Value(value) => value,
            Known::Unset if has_default => String::new(),
            Known::Unset => return Err(format!("variable `{name}` is not set")),
            Known::Elsewhere => {
                out.push_str(raw);
                return Ok(());
            }
        };
        out.push_str(&call(op, value, &values));
        Ok(())
    }
}

fn call(op: &str, s: String, args: &[String]) -> String {
    let arg = |at: usize| args.get(at).map_or("", String::as_str);
    match (op, args.len()) {
        (",", _) => first(&s, |c| c.to_lowercase().collect()),
        (",,", _) => s.to_lowercase(),
        ("^", _) => first(&s, |c| c.to_uppercase().collect()),
        ("^^", _) => s.to_uppercase(),
        ("#", 0) => s.len().to_string(),
        ("#", _) => glob::trim_prefix(&s, arg(0), false),
        ("##", _) => glob::trim_prefix(&s, arg(0), true),
        ("%", _) => glob::trim_suffix(&s, arg(0), false),
        ("%%", _) => glob::trim_suffix(&s, arg(0), true),
        (":", _) => substring(&s, args),
        ("/#", 2) if s.starts_with(arg(0)) => s.replacen(arg(0), arg(1), 1),
        ("/%", 2) => match s.strip_suffix(arg(0)) {
            Some(rest) => format!("{rest}{}", arg(1)),
            None => s,
        },
        ("/#", _) => s,
        ("/", _) => s.replacen(arg(0), arg(1), 1),
        ("//", _) => s.replace(arg(0), arg(1)),
        _ if s.is_empty() => args.concat(),
        _ => s,
    }
}

fn first(s: &str, change: impl Fn(char) -> String) -> String {
    let mut chars = s.chars();
    match chars.next() {
        Some(c) => format!("{}{}", change(c), chars.as_str()),
        None => String::new(),
    }
}

/// Bytes from a position, negative from the end, and at most so many.
fn substring(s: &str, args: &[String]) -> String {
    let number = |at: usize| args.get(at).and_then(|a| a.parse::<i64>().ok());
    let Some(from) = number(0) else {
        return s.to_owned();
    };
    let len = s.len() as i64;
    let from = if from < 0 { (len + from).max(0) } else { from };
    let to = match (args.len(), number(1)) {
        (2.., None) => return s.to_owned(),
        (2.., Some(count)) if from + count < len => (from + count).max(from),
        _ => len,
    };
    let bytes = s.as_bytes().get(from as usize..to as usize).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}
