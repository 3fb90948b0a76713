//! The pages of pull requests.

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
use super::words::counted;
use jiff::Timestamp;
use maud::Markup;
use maud::html;
use recant_core::query::Commit;
use recant_sim::forge::Forge;
use recant_sim::forge::Label;
use recant_sim::forge::PullRequest;
use recant_sim::forge::Repos;
use recant_sim::forge::Stage;
use recant_sim::forge::Status;
use recant_sim::git::Git;
use recant_sim::git::diff::FileDiff;

/// More commits than this are not listed.
const MAX_COMMITS: usize = 100;

/// The list of pull requests, open or closed.
pub(super) fn list(scene: Scene<'_>, closed: bool) -> Markup {
    let Scene {
        forge,
        repos,
        now,
        place,
    } = scene;
    let all = forge.all_pulls(repos, now, &place.repo);
    let (open, done): (Vec<_>, Vec<_>) = all.iter().partition(|pull| pull.stage == Stage::Open);
    let shown = if closed { &done } else { &open };
    let class = |this: bool| if this == closed { "here" } else { "" };
    let content = html! {
        section.card.list {
            div.head.switch {
                a class=(class(false)) href=(place.path("pulls")) { (open.len()) " open" }
                a class=(class(true)) href=(place.path("pulls?state=closed")) { (done.len()) " closed" }
            }
            @if shown.is_empty() {
                p.note { "No pull requests " (if closed { "were closed" } else { "are open" }) "." }
            }
            @for pull in shown {
                (row(forge, &place, now, pull))
            }
        }
    };
    layout::page(&place, Tab::Pulls, open.len(), "Pull requests", content)
}

fn row(forge: &Forge, place: &Place, now: Timestamp, pull: &PullRequest) -> Markup {
    html! {
        div.row {
            span class={ "stage " (stage(pull).0) } { (icon(stage(pull).2)) }
            div.grow {
                a.title href=(place.path(&format!("pulls/{}", pull.number))) { (pull.title) }
                (labels(&forge.labels_of(&place.repo, pull)))
                div.dim {
                    "#" (pull.number) " by " (pull.user) ", opened " (ago(now, pull.created))
                    " · " code { (pull.head_branch) } " → " code { (pull.base_branch) }
                }
            }
            (layout::marks(&forge.statuses(&place.repo, &pull.head)))
            @if !pull.comments.is_empty() { span.dim { (counted(pull.comments.len(), "comment")) } }
        }
    }
}

/// The plain diff of a pull request.
pub(super) fn plain(
    forge: &mut Forge,
    repos: &Repos,
    now: Timestamp,
    repo: &str,
    number: u64,
) -> Option<String> {
    let pull = forge.pull(repos, now, repo, number)?;
    let files = changes(repos.get(repo)?.as_ref(), &pull)?;
    Some(recant_sim::git::diff::unified(&files))
}

fn changes(git: &dyn Git, pull: &PullRequest) -> Option<Vec<FileDiff>> {
    let before = git.tree(&pull.merge_base).unwrap_or_default();
    Some(recant_sim::git::diff::diff(&before, &git.tree(&pull.head)?))
}

/// One pull request; `problem` says why a button did not work.
pub(super) fn page(scene: Scene<'_>, number: u64, problem: &str) -> Option<Markup> {
    let open = scene.forge.count_open(&scene.place.repo);
    let pull = scene
        .forge
        .pull(scene.repos, scene.now, &scene.place.repo, number)?;
    let git = scene.git()?;
    let commits = git.log(Some(&pull.merge_base), &pull.head, MAX_COMMITS);
    let view = View {
        files: changes(git, &pull)?,
        labels: scene.forge.labels_of(&scene.place.repo, &pull),
        statuses: scene.forge.statuses(&scene.place.repo, &pull.head),
        place: &scene.place,
        now: scene.now,
        commits: &commits,
        pull: &pull,
        problem,
    };
    let title = format!("{} (#{number})", pull.title);
    Some(layout::page(&scene.place, Tab::Pulls, open, &title, view.draw()))
}

struct View<'a> {
    place: &'a Place,
    now: Timestamp,
    pull: &'a PullRequest,
    labels: Vec<&'a Label>,
    statuses: Vec<&'a Status>,
    commits: &'a [Commit],
    files: Vec<FileDiff>,
    problem: &'a str,
}

impl View<'_> {
    fn draw(&self) -> Markup {
        html! {
            div data-live {
                (self.headline())
                @if !self.problem.is_empty() {
                    p.problem role="alert" { "Not merged: " (self.problem) }
                }
                (self.said(&self.pull.user, self.pull.created, "opened this pull request", &self.pull.body))
                (self.commit_list())
                @for comment in &self.pull.comments {
                    (self.said(&comment.user, comment.created, "commented", &comment.body))
                }
            }
            (self.decision())
            h2 id="files" { "Files changed " (diff::total(&self.files)) }
            (diff::view(self.place, &self.pull.head, &self.files))
        }
    }

    fn headline(&self) -> Markup {
        let pull = self.pull;
        let (class, word, mark) = stage(pull);
        html! {
            div.headline {
                h1 { (pull.title) " " span.number { "#" (pull.number) } }
                p {
                    span class={ "badge " (class) } { (icon(mark)) (word) }
                    span {
                        (self.actor()) (counted(self.commits.len(), "commit")) " into "
                        code.branch { (pull.base_branch) } " from " code.branch { (pull.head_branch) }
                    }
                    (labels(&self.labels))
                    a.jump href="#files" { (diff::total(&self.files)) }
                }
            }
        }
    }

    /// Who does, did or wanted it.
    fn actor(&self) -> Markup {
        let user = &self.pull.user;
        html! {
            @match &self.pull.stage {
                Stage::Open => { strong { (user) } " wants to merge " }
                Stage::Merged { by, .. } if by.is_empty() => { "A push merged " }
                Stage::Merged { by, .. } => { strong { (by) } " merged " }
                Stage::Closed => { strong { (user) } " wanted to merge " }
            }
        }
    }

    /// A text by somebody: the body, a comment.
    fn said(&self, user: &str, when: Timestamp, what: &str, text: &str) -> Markup {
        html! {
            section.card.said {
                div.head { (face(user)) strong { (user) } span.dim { (what) " " (ago(self.now, when)) } }
                div.markdown {
                    @if text.trim().is_empty() {
                        p.dim { "No description." }
                    } @else {
                        (markdown::render(text))
                    }
                }
            }
        }
    }

    fn commit_list(&self) -> Markup {
        html! {
            ul.commits {
                @for commit in self.commits.iter().rev() {
                    li {
                        (icon(layout::BRANCH))
                        a.grow href=(self.place.path(&format!("commit/{}", commit.id))) { (commit.subject()) }
                        span.dim { (words::name(&commit.author)) }
                        (commit_link(self.place, &commit.id))
                    }
                }
            }
        }
    }

    /// What a person can do now.
    fn decision(&self) -> Markup {
        let (class, ..) = stage(self.pull);
        html! {
            section class={ "card decision " (class) } data-live {
                @if !self.statuses.is_empty() {
                    (layout::statuses(self.now, &self.statuses))
                }
                @match &self.pull.stage {
                    Stage::Open => (self.buttons()),
                    Stage::Merged { commit, by } => p.outcome {
                        span.badge.merged { (icon(layout::MERGED)) "Merged" }
                        span {
                            @if by.is_empty() { "By a push" } @else { "By " strong { (by) } }
                            ", as " (commit_link(self.place, commit))
                            @if let Some(closed) = self.pull.closed { ", " (ago(self.now, closed)) }
                        }
                    },
                    Stage::Closed => p.outcome {
                        span.badge.closed { (icon(layout::CLOSED)) "Closed" }
                        span {
                            "Without a merge"
                            @if let Some(closed) = self.pull.closed { ", " (ago(self.now, closed)) }
                        }
                    },
                }
            }
        }
    }

    fn buttons(&self) -> Markup {
        let action = |name: &str| self.place.path(&format!("pulls/{}/{name}", self.pull.number));
        let csrf = html! { input type="hidden" name="csrf" value=(self.place.csrf); };
        html! {
            @if self.pull.mergeable {
                p.can { span.mark.success { (icon(layout::CHECK)) } "Merges into " code { (self.pull.base_branch) } " without a conflict" }
            } @else {
                p.can { span.mark.failure { (icon(layout::CROSS)) } "Conflicts with " code { (self.pull.base_branch) } }
            }
            div.buttons {
                form method="post" action=(action("merge")) {
                    (csrf)
                    button.primary disabled[!self.pull.mergeable] { "Merge pull request" }
                    select name="style" aria-label="How to merge" {
                        option value="merge" { "with a merge commit" }
                        option value="rebase" { "by rebasing" }
                        option value="squash" { "as one commit" }
                    }
                }
                form method="post" action=(action("close")) {
                    (csrf)
                    button { "Close" }
                }
                span.dim.as { "as " strong { (self.place.person) } }
            }
        }
    }
}

fn stage(pull: &PullRequest) -> (&'static str, &'static str, &'static str) {
    match pull.stage {
        Stage::Open => ("open", "Open", layout::OPEN),
        Stage::Merged { .. } => ("merged", "Merged", layout::MERGED),
        Stage::Closed => ("closed", "Closed", layout::CLOSED),
    }
}

fn labels(labels: &[&Label]) -> Markup {
    html! {
        @for label in labels {
            span.label title=(label.description) {
                svg.swatch viewBox="0 0 8 8" aria-hidden="true" {
                    circle cx="4" cy="4" r="4" fill={ "#" (label.color) } {}
                }
                (label.name)
            }
        }
    }
}
