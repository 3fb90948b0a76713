//! What all pages share: the frame, the tabs, and small marks.

use super::words;
use jiff::Timestamp;
use maud::DOCTYPE;
use maud::Markup;
use maud::PreEscaped;
use maud::html;
use recant_sim::forge::Status;

/// Where a page is, and whose buttons it has.
pub(super) struct Place {
    /// `owner/name`.
    pub(super) repo: String,
    /// Whom the buttons act as.
    pub(super) person: String,
    /// What forms carry.
    pub(super) csrf: String,
}

impl Place {
    /// A path below the repository's.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/{}/{rest}", self.repo)
    }
}

/// The tabs of a repository.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Files,
    Commits,
    Pulls,
}

/// A page of a repository.
pub(super) fn page(place: &Place, tab: Tab, open: usize, title: &str, content: Markup) -> Markup {
    let (owner, name) = place.repo.split_once('/').unwrap_or_default();
    let class = |this: Tab| if this == tab { "tab here" } else { "tab" };
    frame(
        &format!("{title} · {}", place.repo),
        html! {
            nav.repo {
                a.path href={ "/" (place.repo) } {
                    (icon(BOOK)) span.owner { (owner) } span.slash { "/" } strong { (name) }
                }
                div.tabs {
                    a class=(class(Tab::Files)) href={ "/" (place.repo) } { "Files" }
                    a class=(class(Tab::Commits)) href=(place.path("commits")) { "Commits" }
                    a class=(class(Tab::Pulls)) href=(place.path("pulls")) {
                        "Pull requests" @if open > 0 { span.count { (open) } }
                    }
                }
            }
        },
        content,
    )
}

/// Any page.
pub(super) fn frame(title: &str, nav: Markup, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/-/style.css";
                script src="/-/refresh.js" defer {}
            }
            body {
                header {
                    div.wide {
                        a.brand href="/" { (icon(LOOP)) "recant" span { "demo forge" } }
                        (nav)
                    }
                }
                main.wide { (content) }
                footer.wide { "A forge in memory, on this machine only. It speaks Gitea's REST API." }
            }
        }
    }
}

pub(super) fn not_found() -> Markup {
    frame(
        "Not found",
        html! {},
        html! {
            section.empty { h1 { "Nothing here" } p { "There is no such page on this forge." } a href="/" { "All repositories" } }
        },
    )
}

/// When, in words, with the exact time on hover.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> Markup {
    html! { time title=(then.to_string()) datetime=(then.to_string()) { (words::ago(now, then)) } }
}

/// A disc with a user's initial.
pub(super) fn face(user: &str) -> Markup {
    let initial: String = user
        .chars()
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    let hue = user
        .bytes()
        .fold(7_u32, |sum, byte| sum * 31 % 5 + u32::from(byte))
        % 5;
    html! { span class={ "face hue" (hue) } aria-hidden="true" { (initial) } }
}

/// The marks of a commit's statuses.
pub(super) fn marks(statuses: &[&Status]) -> Markup {
    html! {
        @if !statuses.is_empty() {
            span.marks {
                @for status in statuses {
                    span class={ "mark " (status.state) } title={ (status.context) ": " (status.description) } {
                        (icon(state_icon(&status.state)))
                    }
                }
            }
        }
    }
}

/// The statuses of a commit, in full.
pub(super) fn statuses(now: Timestamp, statuses: &[&Status]) -> Markup {
    html! {
        ul.statuses {
            @for status in statuses {
                li {
                    span class={ "mark " (status.state) } { (icon(state_icon(&status.state))) }
                    strong { (status.context) }
                    span.what { (status.description) }
                    span.dim { (status.creator) " · " (ago(now, status.created)) }
                }
            }
        }
    }
}

fn state_icon(state: &str) -> &'static str {
    match state {
        "success" => CHECK,
        "pending" => DOT,
        _ => CROSS,
    }
}

/// A short commit id that leads to its page.
pub(super) fn commit_link(place: &Place, id: &str) -> Markup {
    html! { a.id href=(place.path(&format!("commit/{id}"))) { (words::short(id)) } }
}

pub(super) fn icon(path: &'static str) -> Markup {
    html! {
        svg.icon viewBox="0 0 16 16" aria-hidden="true" { (PreEscaped(path)) }
    }
}

pub(super) const LOOP: &str = r#"<path d="M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3"/>"#;
pub(super) const BOOK: &str =
    r#"<path d="M4 2.5h8.5v11H4a1.5 1.5 0 0 1 0-3h8.5M4 2.5A1.5 1.5 0 0 0 2.5 4v8"/>"#;
pub(super) const CHECK: &str = r#"<path d="m3.5 8.5 3 3 6-7"/>"#;
pub(super) const CROSS: &str = r#"<path d="m4 4 8 8m0-8-8 8"/>"#;
pub(super) const DOT: &str = r#"<circle cx="8" cy="8" r="3" class="full"/>"#;
pub(super) const OPEN: &str = r#"<circle cx="4" cy="3.5" r="1.5"/><circle cx="4" cy="12.5" r="1.5"/><circle cx="12" cy="12.5" r="1.5"/><path d="M4 5v6M12 11V6.5a2 2 0 0 0-2-2H7.5m2-2-2 2 2 2"/>"#;
pub(super) const MERGED: &str = r#"<circle cx="4" cy="3.5" r="1.5"/><circle cx="4" cy="12.5" r="1.5"/><circle cx="12" cy="8" r="1.5"/><path d="M4 5v6M4 5a3.5 3.5 0 0 0 3.5 3h3"/>"#;
pub(super) const CLOSED: &str = r#"<circle cx="4" cy="3.5" r="1.5"/><circle cx="4" cy="12.5" r="1.5"/><circle cx="12" cy="12.5" r="1.5"/><path d="M4 5v6M12 11V8M10 2l4 4m0-4-4 4"/>"#;
pub(super) const BRANCH: &str = r#"<circle cx="4.5" cy="3.5" r="1.5"/><circle cx="4.5" cy="12.5" r="1.5"/><circle cx="11.5" cy="4.5" r="1.5"/><path d="M4.5 5v6M11.5 6c0 3-7 1.5-7 4"/>"#;
pub(super) const FOLDER: &str = r#"<path d="M2 12.5v-9h4l1.5 2H14v7z" class="full"/>"#;
pub(super) const FILE: &str = r#"<path d="M4 1.5h5.5l3 3v10H4zM9 1.5v3.5h3.5"/>"#;
