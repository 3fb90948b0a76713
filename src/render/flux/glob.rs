//! Shell patterns, as Go's `path.Match` reads them but with `*` and `?` matching `/` too.

/// Takes the shortest or longest matching beginning away.
pub(crate) fn trim_prefix(s: &str, pattern: &str, longest: bool) -> String {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = s.chars().collect();
    let ends = 1..=text.len();
    let fits = |end: &usize| matches(&pattern, &text[..*end]);
    let end = if longest {
        ends.rev().find(fits)
    } else {
        ends.clone().find(fits)
    };
    text[end.unwrap_or(0)..].iter().collect()
}

/// Takes the shortest or longest matching end away. The pattern is read backwards, as Flux does it.
pub(crate) fn trim_suffix(s: &str, pattern: &str, longest: bool) -> String {
    let backwards = |s: &str| s.chars().rev().collect::<String>();
    backwards(&trim_prefix(&backwards(s), &backwards(pattern), longest))
}

/// Whether a pattern matches all of a text: `*`, `?`, `[a-z]`, `[^a]`, `\` escapes.
pub(crate) fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() || p < pattern.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        if let Some(len) = text.get(t).and_then(|c| one(&pattern[p..], *c)) {
            p += len;
            t += 1;
            continue;
        }
        match star {
            Some((after, from)) if from < text.len() => {
                star = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            _ => return false,
        }
    }
    true
}

/// The length of the pattern's first part when it matches a character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => class(pattern, c),
        '\\' => (pattern.get(1) == Some(&c)).then_some(2),
        other => (*other == c).then_some(1),
    }
}

fn class(pattern: &[char], c: char) -> Option<usize> {
    let negated = pattern.get(1) == Some(&'^');
    let start = if negated { 2 } else { 1 };
    let (mut at, mut hit) = (start, false);
    while at == start || *pattern.get(at)? != ']' {
        let mut next = || -> Option<char> {
            if *pattern.get(at)? == '\\' {
                at += 1;
            }
            at += 1;
            pattern.get(at - 1).copied()
        };
        let low = next()?;
        let ranged = pattern.get(at) == Some(&'-') && pattern.get(at + 1).is_some_and(|c| *c != ']');
        let high = if ranged {
            at += 1;
            let mut next = || -> Option<char> {
                if *pattern.get(at)? == '\\' {
                    at += 1;
                }
                at += 1;
                pattern.get(at - 1).copied()
            };
            next()?
        } else {
            low
        };
        hit |= (low..=high).contains(&c);
    }
    (hit != negated).then_some(at + 1)
}
