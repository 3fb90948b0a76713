//! Pages to read a repository and its pull requests as a person does, with buttons to merge and to close.
//!
//! Everything shown may be hostile: text is escaped, Markdown is cleaned, no script but our own runs, and a button
//! works only from our own page. Never here: state; every page is drawn anew from the forge.

mod diff;
mod layout;
mod markdown;
mod pull;
mod repo;
mod words;

use super::forge_http::Broken;
use super::forge_http::Site;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::Query;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware;
use axum::response::Html;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use jiff::Timestamp;
use layout::Place;
use maud::Markup;
use recant_sim::forge::By;
use recant_sim::forge::Forge;
use recant_sim::forge::Refusal;
use recant_sim::forge::Repos;
use recant_sim::forge::Style;
use recant_sim::forge::rest::pairs;
use recant_sim::git::Git;
use std::collections::BTreeMap;
use std::sync::Arc;

const STYLE: &str = include_str!("pages/style.css");
const SCRIPT: &str = include_str!("pages/refresh.js");
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

type Shared = State<Arc<Site>>;
type Shown = Result<Response, Broken>;

/// The routes of all pages.
pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(home))
        .route(
            "/-/style.css",
            get(|| async { asset("text/css; charset=utf-8", STYLE) }),
        )
        .route(
            "/-/refresh.js",
            get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }),
        )
        .route("/{owner}/{repo}", get(repository))
        .route("/{owner}/{repo}/commits", get(commits))
        .route("/{owner}/{repo}/commit/{id}", get(commit))
        .route("/{owner}/{repo}/src/commit/{id}", get(root))
        .route("/{owner}/{repo}/src/commit/{id}/{*path}", get(file))
        .route("/{owner}/{repo}/pulls", get(pulls))
        .route("/{owner}/{repo}/pulls/{number}", get(pull))
        .route("/{owner}/{repo}/pulls/{number}/{action}", post(act))
        .layer(middleware::map_response(guard))
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}

async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// All a page is drawn from.
struct Scene<'a> {
    forge: &'a mut Forge,
    repos: &'a Repos,
    now: Timestamp,
    place: Place,
}

impl Scene<'_> {
    fn git(&self) -> Option<&dyn Git> {
        self.repos.get(&self.place.repo).map(|git| git.as_ref())
    }
}

/// Draws a page of one repository; `None` is "not found".
async fn draw(
    site: &Site,
    (owner, repo): (String, String),
    page: impl FnOnce(Scene<'_>) -> Option<Markup> + Send + 'static,
) -> Shown {
    let place = Place {
        repo: format!("{owner}/{repo}"),
        person: site.person().to_owned(),
        csrf: site.csrf().to_owned(),
    };
    let drawn = site
        .with(move |forge, repos, now| {
            repos.contains_key(&place.repo).then_some(())?;
            forge.refresh(repos, now);
            page(Scene {
                forge,
                repos,
                now,
                place,
            })
        })
        .await?;
    Ok(drawn.map_or_else(not_found, |page| Html(page.into_string()).into_response()))
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Html(layout::not_found().into_string())).into_response()
}

async fn home(State(site): Shared) -> Shown {
    let page = site.with(|forge, repos, _| repo::home(forge, repos)).await?;
    Ok(Html(page.into_string()).into_response())
}

async fn repository(
    State(site): Shared,
    Path(at): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Shown {
    draw(&site, at, move |scene| {
        repo::overview(scene, query.get("branch").map(String::as_str))
    })
    .await
}

async fn commits(
    State(site): Shared,
    Path(at): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Shown {
    draw(&site, at, move |scene| {
        repo::commits(scene, query.get("branch").map(String::as_str))
    })
    .await
}

async fn commit(State(site): Shared, Path((owner, repo, id)): Path<(String, String, String)>) -> Shown {
    draw(&site, (owner, repo), move |scene| repo::commit(scene, &id)).await
}

async fn root(State(site): Shared, Path((owner, repo, id)): Path<(String, String, String)>) -> Shown {
    draw(&site, (owner, repo), move |scene| repo::file(scene, &id, "")).await
}

async fn file(
    State(site): Shared,
    Path((owner, repo, id, path)): Path<(String, String, String, String)>,
) -> Shown {
    draw(&site, (owner, repo), move |scene| {
        repo::file(scene, &id, path.trim_end_matches('/'))
    })
    .await
}

async fn pulls(
    State(site): Shared,
    Path(at): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Shown {
    let closed = query.get("state").is_some_and(|state| state == "closed");
    draw(&site, at, move |scene| Some(pull::list(scene, closed))).await
}

async fn pull(State(site): Shared, Path((owner, repo, number)): Path<(String, String, String)>) -> Shown {
    if let Some(number) = number.strip_suffix(".diff") {
        let Ok(number) = number.parse() else {
            return Ok(not_found());
        };
        let name = format!("{owner}/{repo}");
        let text = site
            .with(move |forge, repos, now| pull::plain(forge, repos, now, &name, number))
            .await?;
        return Ok(text.map_or_else(not_found, IntoResponse::into_response));
    }
    let Ok(number) = number.parse() else {
        return Ok(not_found());
    };
    draw(&site, (owner, repo), move |scene| pull::page(scene, number, "")).await
}

/// A button was pressed.
async fn act(
    State(site): Shared,
    Path((owner, repo, number, action)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Shown {
    let form = pairs(&String::from_utf8_lossy(&body));
    if form.get("csrf").map(String::as_str) != Some(site.csrf()) || !same_origin(&headers) {
        let words = "This button works only from this forge's own page. Go back, reload, and try again.\n";
        return Ok((StatusCode::FORBIDDEN, words).into_response());
    }
    let Ok(number) = number.parse::<u64>() else {
        return Ok(not_found());
    };
    let name = format!("{owner}/{repo}");
    let person = site.person().to_owned();
    let done = site
        .with(move |forge, repos, now| {
            let by = By { user: &person, now };
            press(forge, repos, by, &name, number, &action, &form)
        })
        .await?;
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/{owner}/{repo}/pulls/{number}")).into_response()),
        Err(Refusal { status: 404, .. }) => Ok(not_found()),
        Err(why) => {
            let words = why.message;
            let page = draw(&site, (owner, repo), move |scene| {
                pull::page(scene, number, &words)
            })
            .await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
    }
}

fn press(
    forge: &mut Forge,
    repos: &mut Repos,
    by: By<'_>,
    repo: &str,
    number: u64,
    action: &str,
    form: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let text = |name: &str| form.get(name).map(|text| text.trim()).unwrap_or_default();
    let missing = || Refusal {
        status: 404,
        message: String::new(),
    };
    match action {
        "merge" => {
            let style = Style::named(text("style")).unwrap_or(Style::Merge);
            forge.merge(repos, by, repo, number, style).map(|_| ())
        }
        "close" => forge.close(by, repo, number, text("body")),
        "comment" if text("body").is_empty() => Ok(()),
        "comment" => forge.comment(by, repo, number, text("body")).map(|_| ()),
        _ => Err(missing()),
    }
}

/// Whether a form was sent from a page of the host it was sent to, as far as the browser tells.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let local = matches!(name, "127.0.0.1" | "localhost" | "[::1]");
    local
        && text("origin").is_none_or(|origin| origin == format!("http://{host}"))
        && text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"))
}
