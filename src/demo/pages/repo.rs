//! The pages of a repository: its files, its commits, one commit.

use super::Scene;
use super::diff;
use super::layout;
use super::layout::Place;
use super::layout::Tab;
use super::layout::ago;
use super::layout::commit_link;
use super::layout::face;
use super::layout::icon;
use super::markdown;
use super::words;
use jiff::Timestamp;
use maud::Markup;
use maud::html;
use recant_core::query::Commit;
use recant_render::Entry;
use recant_render::Tree;
use recant_sim::forge::Forge;
use recant_sim::forge::Repos;
use recant_sim::forge::rest::encode;
use recant_sim::git::Git;
use std::collections::BTreeMap;

const RECENT: usize = 8;
const MAX_COMMITS: usize = 200;
/// Longer files are not shown as text.
const MAX_SHOWN_BYTES: usize = 512 << 10;

/// All repositories.
pub(super) fn home(forge: &Forge, repos: &Repos) -> Markup {
    let content = html! {
        section.card.list {
            div.head { h1 { "Repositories" } }
            @for (name, git) in repos {
                div.row {
                    (icon(layout::BOOK))
                    a.title.grow href={ "/" (name) } { (name) }
                    span.dim { (git.default_branch()) }
                    code { (forge.url_of(name).0) }
                }
            }
        }
    };
    layout::frame("recant demo forge", html! {}, content)
}

/// The files at a branch's head, beside the branches and the latest commits.
pub(super) fn overview(scene: Scene<'_>, branch: Option<&str>) -> Option<Markup> {
    let git = scene.git()?;
    let branches = git.branches();
    let branch = branch.map_or_else(|| git.default_branch(), str::to_owned);
    let Some(head) = branches.get(&branch) else {
        return branches.is_empty().then(|| empty(&scene));
    };
    let tree = git.tree(head)?;
    let commit = git.show(head)?;
    let content = html! {
        div.columns {
            div.grow {
                section.card {
                    div.head {
                        (icon(layout::BRANCH)) strong { (branch) }
                        a.grow.subject href=(scene.place.path(&format!("commit/{head}"))) { (commit.subject()) }
                        (layout::marks(&scene.forge.statuses(&scene.place.repo, head)))
                        (commit_link(&scene.place, head))
                    }
                    (entries(&scene.place, head, &tree, ""))
                }
                @if let Some(readme) = tree.text("README.md") {
                    section.card { div.head { strong { "README.md" } } div.markdown { (markdown::render(readme)) } }
                }
            }
            aside {
                section.card {
                    div.head { strong { "Clone" } }
                    div.clone { code { "git clone " (scene.forge.url_of(&scene.place.repo).0) } }
                }
                section.card {
                    div.head { strong { "Branches" } }
                    ul.plain {
                        @for name in branches.keys() {
                            li { a class=(if *name == branch { "here" } else { "" }) href={ "?branch=" (encode(name)) } { (name) } }
                        }
                    }
                }
                section.card data-live {
                    div.head {
                        strong.grow { "Recent commits" }
                        a href=(scene.place.path(&format!("commits?branch={}", encode(&branch)))) { "All" }
                    }
                    ul.recent {
                        @for commit in git.log(None, head, RECENT) {
                            li { (line(&scene, git, &commit)) }
                        }
                    }
                }
            }
        }
    };
    let open = scene.forge.count_open(&scene.place.repo);
    Some(layout::page(&scene.place, Tab::Files, open, &branch, content))
}

fn empty(scene: &Scene<'_>) -> Markup {
    let content = html! {
        section.empty {
            h1 { "No commits yet" }
            p { "Clone it, commit, and push: " code { "git clone " (scene.forge.url_of(&scene.place.repo).0) } }
        }
    };
    layout::page(&scene.place, Tab::Files, 0, "Empty", content)
}

fn line(scene: &Scene<'_>, git: &dyn Git, commit: &Commit) -> Markup {
    html! {
        a.subject href=(scene.place.path(&format!("commit/{}", commit.id))) title=(commit.subject()) { (commit.subject()) }
        (layout::marks(&scene.forge.statuses(&scene.place.repo, &commit.id)))
        span.dim { (words::name(&commit.author)) " · " (dated(scene.now, git, &commit.id)) }
    }
}

fn dated(now: Timestamp, git: &dyn Git, id: &str) -> Markup {
    let when = git
        .date_s(id)
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    html! { @if let Some(when) = when { (ago(now, when)) } }
}

/// The latest commits of a branch.
pub(super) fn commits(scene: Scene<'_>, branch: Option<&str>) -> Option<Markup> {
    let git = scene.git()?;
    let branch = branch.map_or_else(|| git.default_branch(), str::to_owned);
    let head = git.head(&branch)?;
    let content = html! {
        section.card.list data-live {
            div.head { (icon(layout::BRANCH)) strong { (branch) } }
            @for commit in git.log(None, &head, MAX_COMMITS) {
                div.row {
                    (face(&commit.author))
                    div.grow {
                        a.title href=(scene.place.path(&format!("commit/{}", commit.id))) { (commit.subject()) }
                        div.dim { (words::name(&commit.author)) ", " (dated(scene.now, git, &commit.id)) }
                    }
                    (layout::marks(&scene.forge.statuses(&scene.place.repo, &commit.id)))
                    (commit_link(&scene.place, &commit.id))
                }
            }
        }
    };
    let open = scene.forge.count_open(&scene.place.repo);
    Some(layout::page(&scene.place, Tab::Commits, open, &branch, content))
}

/// One commit and what it changed.
pub(super) fn commit(scene: Scene<'_>, id: &str) -> Option<Markup> {
    let git = scene.git()?;
    let commit = git.show(id)?;
    let parent = commit.parents.first().and_then(|parent| git.tree(parent));
    let files = recant_sim::git::diff::diff(&parent.unwrap_or_default(), &git.tree(id)?);
    let statuses = scene.forge.statuses(&scene.place.repo, id);
    let body = commit
        .message
        .split_once('\n')
        .map(|(_, body)| body.trim())
        .unwrap_or_default();
    let content = html! {
        section.card.commit data-live {
            div.message {
                h1 { (commit.subject()) }
                @if !body.is_empty() { pre { (body) } }
            }
            div.foot {
                (face(&commit.author)) strong title=(commit.author) { (words::name(&commit.author)) }
                span.dim { (dated(scene.now, git, id)) }
                span.grow {}
                @for parent in &commit.parents { span.dim { "parent " (commit_link(&scene.place, parent)) } }
                code { (id) }
                a href=(scene.place.path(&format!("src/commit/{id}"))) { "Browse files" }
            }
            @if !statuses.is_empty() { (layout::statuses(scene.now, &statuses)) }
        }
        h2 { "Files changed " (diff::total(&files)) }
        (diff::view(&scene.place, id, &files))
    };
    let open = scene.forge.count_open(&scene.place.repo);
    Some(layout::page(
        &scene.place,
        Tab::Commits,
        open,
        commit.subject(),
        content,
    ))
}

/// A file or a directory at a commit.
pub(super) fn file(scene: Scene<'_>, id: &str, path: &str) -> Option<Markup> {
    let git = scene.git()?;
    let tree = git.tree(id)?;
    let shown = match tree.get(path) {
        Some(Entry::File(bytes)) => blob(path, bytes),
        Some(Entry::Link(target)) => html! { p.note { "A link to " code { (target) } } },
        None if tree.is_dir(path) => entries(&scene.place, id, &tree, path),
        None => return None,
    };
    let content = html! {
        section.card {
            div.head { (crumbs(&scene.place, id, path)) span.grow {} span.dim { "at " } (commit_link(&scene.place, id)) }
            (shown)
        }
    };
    let open = scene.forge.count_open(&scene.place.repo);
    let title = if path.is_empty() { words::short(id) } else { path };
    Some(layout::page(&scene.place, Tab::Files, open, title, content))
}

fn crumbs(place: &Place, id: &str, path: &str) -> Markup {
    let mut links = BTreeMap::new();
    for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
        links.insert(end, &path[..end]);
    }
    html! {
        span.crumbs {
            a href=(place.path(&format!("src/commit/{id}"))) { (place.repo.rsplit('/').next().unwrap_or_default()) }
            @for link in links.values().filter(|link| !link.is_empty()) {
                span.slash { "/" }
                a href=(place.path(&format!("src/commit/{id}/{}", encode(link)))) { (link.rsplit('/').next().unwrap_or_default()) }
            }
        }
    }
}

fn entries(place: &Place, id: &str, tree: &Tree, dir: &str) -> Markup {
    let prefix = if dir.is_empty() {
        String::new()
    } else {
        format!("{dir}/")
    };
    html! {
        ul.entries {
            @for (name, is_dir) in words::listing(tree.iter().map(|(path, _)| path), dir) {
                li {
                    span class=(if is_dir { "dir" } else { "leaf" }) {
                        (icon(if is_dir { layout::FOLDER } else { layout::FILE }))
                    }
                    a href=(place.path(&format!("src/commit/{id}/{}", encode(&format!("{prefix}{name}"))))) { (name) }
                }
            }
        }
    }
}

fn blob(path: &str, bytes: &[u8]) -> Markup {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'));
    let Some(text) = text.filter(|text| text.len() <= MAX_SHOWN_BYTES) else {
        return html! { p.note { (bytes.len()) " bytes, not shown" } };
    };
    let yaml = recant_render::is_yaml(path);
    html! {
        div.scroll { table.lines.blob {
            @for (at, line) in text.lines().enumerate() {
                tr id={ "L" (at + 1) } {
                    td.n { a href={ "#L" (at + 1) } { (at + 1) } }
                    td.t { @if yaml { (yaml_line(line)) } @else { (line) } }
                }
            }
        } }
    }
}

/// A line of YAML with its key or comment set off.
fn yaml_line(line: &str) -> Markup {
    let body = line.trim_start_matches([' ', '-']);
    let indent = &line[..line.len() - body.len()];
    let key = body.split_once(':').map(|(key, _)| key);
    let key = key.filter(|key| {
        key.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._/".contains(c))
    });
    html! {
        @if body.starts_with('#') {
            span.comment { (line) }
        } @else if let Some(key) = key {
            (indent) span.key { (key) } (&body[key.len()..])
        } @else {
            (line)
        }
    }
}
