//! Session affinity: a user who was once answered by the canary stays with it for the rest of the run.
//!
//! The canary's answers set a cookie, and a rule sends whoever has it to the canary; after the run another rule takes
//! the cookie back. The cookies are Flagger's, in Flagger's fields of the status. Flagger draws their values at random;
//! recant derives them from the run, so that a crash between route and status changes no user's cookie.

use crate::canary::route::Traffic;
use crate::canary::spec::SessionAffinity;
use crate::canary::spec::Spec;
use crate::canary::status::Status;
use crate::object::Object;
use crate::reason::Reason;
use sha2::Digest;
use sha2::Sha256;

/// The header of a request that cookies are in.
pub(super) const COOKIE: &str = "Cookie";

/// The header of an answer that sets a cookie.
pub(super) const SET_COOKIE: &str = "Set-Cookie";

/// How many letters a cookie's value has.
const LETTERS: usize = 10;

/// The cookies that the routes know of: `name=value`, or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::canary) struct Cookies {
    /// Keeps a user with the canary of this run.
    pub(super) canary: String,
    /// Keeps a user with the primary.
    pub(super) primary: String,
    /// The canary's cookie of the run before.
    pub(super) previous: String,
}

impl Cookies {
    /// The cookies as the status has them.
    pub(in crate::canary) fn of(status: &Status) -> Self {
        Self {
            canary: status.session_affinity_cookie.clone(),
            primary: status.primary_session_affinity_cookie.clone(),
            previous: status.previous_session_affinity_cookie.clone(),
        }
    }
}

/// What the rules are to do about sessions now.
pub(super) enum Sessions<'a> {
    /// Nothing.
    Free,
    /// Keep users where they are.
    Kept(&'a SessionAffinity),
    /// Take the cookie of the last run back.
    Over(&'a str),
}

/// What the rules are to do about sessions under this traffic. With `analysis.match` every request says by itself
/// where it belongs.
pub(super) fn sessions<'a>(spec: &'a Spec, cookies: &'a Cookies, traffic: Traffic) -> Sessions<'a> {
    match &spec.analysis.session_affinity {
        Some(_) if !spec.analysis.r#match.is_empty() => Sessions::Free,
        Some(affinity) if traffic.canary_pct > 0 => Sessions::Kept(affinity),
        Some(_) if !cookies.previous.is_empty() => Sessions::Over(&cookies.previous),
        Some(_) | None => Sessions::Free,
    }
}

/// Whether the cookies can be told apart.
///
/// # Errors
/// That they cannot.
pub(super) fn check(affinity: &SessionAffinity) -> Result<(), Reason> {
    if affinity.cookie_name.is_empty() {
        let detail = "spec.analysis.sessionAffinity.cookieName: must be set".to_owned();
        return Err(Reason::InvalidSpec { detail });
    }
    if affinity.primary_cookie_name == affinity.cookie_name {
        let detail =
            "spec.analysis.sessionAffinity.primaryCookieName: must not be the same as cookieName".to_owned();
        return Err(Reason::InvalidSpec { detail });
    }
    Ok(())
}

/// Notes in the status which cookies hold under this traffic: new ones with the first request to the canary; when the
/// canary gets none any more, its cookie is that of the previous run.
pub(in crate::canary) fn remember(status: &mut Status, spec: &Spec, canary: &Object, traffic: Traffic) {
    let Some(affinity) = &spec.analysis.session_affinity else {
        return;
    };
    if traffic.canary_pct == 0 {
        if !status.session_affinity_cookie.is_empty() {
            status.previous_session_affinity_cookie = std::mem::take(&mut status.session_affinity_cookie);
        }
        return;
    }
    let run = status.analysis.clone().unwrap_or_default();
    let begun = run.started_at.map(|at| at.to_string()).unwrap_or_default();
    let seed = |name: &str| {
        format!(
            "{} {} {} {begun} {name}",
            canary.reference(),
            canary.uid(),
            run.template_hash
        )
    };
    if status.session_affinity_cookie.is_empty() {
        let name = &affinity.cookie_name;
        status.session_affinity_cookie = format!("{name}={}", letters(&seed(name)));
    }
    let name = &affinity.primary_cookie_name;
    if !name.is_empty() && status.primary_session_affinity_cookie.is_empty() {
        status.primary_session_affinity_cookie = format!("{name}={}", letters(&seed(name)));
    }
}

fn letters(seed: &str) -> String {
    let alphabet: Vec<char> = ('a'..='z').chain('A'..='Z').collect();
    let digest = Sha256::digest(seed.as_bytes());
    let letters = digest.iter().take(LETTERS);
    letters
        .filter_map(|byte| alphabet.get(usize::from(*byte) % alphabet.len()).copied())
        .collect()
}

/// `Set-Cookie` for a cookie of this age, with the attributes of the spec, in Flagger's order.
pub(super) fn set(affinity: &SessionAffinity, cookie: &str, max_age_s: i64) -> String {
    let valued = |name: &str, value: &str| (!value.is_empty()).then(|| format!("{name}={value}"));
    let flag = |name: &str, is: bool| is.then(|| name.to_owned());
    let attributes = [
        valued("Domain", &affinity.domain),
        flag("HttpOnly", affinity.http_only),
        flag("Partitioned", affinity.partitioned),
        valued("Path", &affinity.path),
        valued("SameSite", &affinity.same_site),
        flag("Secure", affinity.secure),
    ];
    let mut parts = vec![cookie.to_owned(), format!("Max-Age={max_age_s}")];
    parts.extend(attributes.into_iter().flatten());
    parts.join("; ")
}

/// `Set-Cookie` that takes a cookie back.
pub(super) fn take_back(cookie: &str) -> String {
    format!("{cookie}; Max-Age=-1")
}

/// The regular expression that the `Cookie` header of whoever has this cookie matches.
pub(super) fn pattern(cookie: &str) -> String {
    let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
    format!(".*{name}.*{value}.*")
}

/// Whether a text (a `Set-Cookie`, or a pattern for `Cookie`) is of one of these sessions.
pub(super) fn is_of(text: &str, spec: &Spec, cookies: &Cookies) -> bool {
    let affinity = spec.analysis.session_affinity.as_ref();
    let named = affinity.into_iter().flat_map(|affinity| {
        let primary = affinity.primary_cookie_name.as_str();
        [affinity.cookie_name.as_str(), primary].map(Some)
    });
    let known = [&cookies.canary, &cookies.primary, &cookies.previous].map(|cookie| cookie.split('=').next());
    let text = text.strip_prefix(".*").unwrap_or(text);
    named
        .chain(known)
        .flatten()
        .filter(|name| !name.is_empty())
        .any(|name| {
            text.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('=') || rest.starts_with(".*"))
        })
}
