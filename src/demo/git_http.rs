//! Smart HTTP for the demo's bare repositories, by the git program itself.
//!
//! Anybody may fetch; a push needs a user's token, and the forge's leave for every branch it moves. Never here: the
//! user's Git configuration, hooks, a path outside the given repositories.

mod pkt;
mod program;

pub use program::GitMissing;
pub use program::Program;

use super::forge_http::Users;
use axum::Router;
use axum::body::Body;
use axum::body::to_bytes;
use axum::extract::Path;
use axum::extract::Query;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use flate2::read::GzDecoder;
use futures::Stream;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// The most a client may say in a compressed request, in bytes once decompressed.
const MAX_ZIPPED_BYTES: u64 = 64 << 20;
/// The most a client may send before its push says which branches it is about.
const MAX_COMMANDS_BYTES: usize = 1 << 20;

/// Whether a user (third) may move a branch (second) of a repository (first); the error is for the user's terminal.
pub type MayPush = Arc<dyn Fn(&str, &str, &str) -> Result<(), String> + Send + Sync>;
/// Told after a push: the repository and the user.
pub type Pushed = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct Served {
    /// The git program.
    pub program: Program,
    /// By `owner/name`: the bare repository.
    pub repos: BTreeMap<String, PathBuf>,
    /// Who may come.
    pub users: Users,
    /// Who may push where. It may block for a moment.
    pub may_push: MayPush,
    /// What is done after a push, before the client hears of it. It may block for a moment.
    pub pushed: Pushed,
}

/// The routes: `/<owner>/<repo>.git/info/refs` and the two services.
pub fn router(served: Served) -> Router {
    Router::new()
        .route("/{owner}/{repo}/info/refs", get(advertise))
        .route("/{owner}/{repo}/git-upload-pack", post(upload_pack))
        .route("/{owner}/{repo}/git-receive-pack", post(receive_pack))
        .with_state(Arc::new(served))
}

type Shared = State<Arc<Served>>;
type Place = Path<(String, String)>;

async fn advertise(
    State(served): Shared,
    Path((owner, repo)): Place,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let service = match query.get("service").map(String::as_str) {
        Some("git-upload-pack") => "upload-pack",
        Some("git-receive-pack") => "receive-pack",
        _ => return Err(Refused::Forbidden("only smart HTTP is served here".to_owned())),
    };
    let (_, path) = served.find(&owner, &repo)?;
    let user = served.user(&headers)?;
    if service == "receive-pack" && user.is_none() {
        return Err(Refused::Unauthorized);
    }
    let child = served.program.spawn(service, path, true, protocol(&headers))?;
    let intro = pkt::line(&format!("# service=git-{service}\n"));
    let intro = futures::stream::iter([Ok(intro), Ok(pkt::FLUSH.to_vec())]);
    let body = Body::from_stream(intro.chain(child.output()));
    Ok(answer(
        &format!("application/x-git-{service}-advertisement"),
        body,
    ))
}

async fn upload_pack(
    State(served): Shared,
    Path((owner, repo)): Place,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refused> {
    let (_, path) = served.find(&owner, &repo)?;
    served.user(&headers)?;
    let input = input(&headers, request).await?;
    let mut child = served
        .program
        .spawn("upload-pack", path, false, protocol(&headers))?;
    child.feed(input);
    Ok(answer(
        "application/x-git-upload-pack-result",
        Body::from_stream(child.output()),
    ))
}

async fn receive_pack(
    State(served): Shared,
    Path((owner, repo)): Place,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refused> {
    let (name, path) = served.find(&owner, &repo)?;
    let user = served.user(&headers)?.ok_or(Refused::Unauthorized)?;
    let mut input = input(&headers, request).await?;
    let mut start = Vec::new();
    let commands = loop {
        match pkt::commands(&start) {
            Ok(Some(commands)) => break commands,
            Ok(None) if start.len() < MAX_COMMANDS_BYTES => {}
            _ => return Err(Refused::Bad("this is no push".to_owned())),
        }
        match input.next().await {
            Some(Ok(bytes)) => start.extend_from_slice(&bytes),
            Some(Err(why)) => return Err(Refused::Bad(why.to_string())),
            None => return Err(Refused::Bad("the push ends before it begins".to_owned())),
        }
    };
    if let Err(words) = served.check(&name, &commands, &user).await? {
        while input.next().await.is_some() {}
        let report = pkt::refusal(&commands, &words);
        return Ok(answer(
            "application/x-git-receive-pack-result",
            Body::from(report),
        ));
    }
    let told = Told {
        pushed: served.pushed.clone(),
        repo: name,
        user,
    };
    let mut child = served
        .program
        .spawn("receive-pack", path, false, protocol(&headers))?;
    child.feed(futures::stream::iter([Ok(start.into())]).chain(input).boxed());
    let report = child.wait().await?;
    tokio::task::spawn_blocking(move || drop(told))
        .await
        .map_err(|why| Refused::Broken(why.to_string()))?;
    Ok(answer(
        "application/x-git-receive-pack-result",
        Body::from(report),
    ))
}

impl Served {
    fn find(&self, owner: &str, repo: &str) -> Result<(String, &std::path::Path), Refused> {
        let name = format!("{owner}/{}", repo.strip_suffix(".git").unwrap_or(repo));
        match self.repos.get(&name) {
            Some(path) => Ok((name, path)),
            None => Err(Refused::NotFound),
        }
    }

    fn user(&self, headers: &HeaderMap) -> Result<Option<String>, Refused> {
        self.users.of(headers).map_err(|_| Refused::Unauthorized)
    }

    /// Whether every branch of a push may be moved; else the words for the user's terminal.
    async fn check(
        &self,
        repo: &str,
        commands: &[pkt::Command],
        user: &str,
    ) -> Result<Result<(), String>, Refused> {
        let branches: Vec<String> = commands.iter().map(|command| command.reference.clone()).collect();
        let (may_push, repo, user) = (self.may_push.clone(), repo.to_owned(), user.to_owned());
        let check = move || {
            branches
                .iter()
                .try_for_each(|name| match name.strip_prefix("refs/heads/") {
                    Some(branch) => may_push(&repo, branch, &user),
                    None => Err(format!("{name}: only branches are kept here")),
                })
        };
        let checked = tokio::task::spawn_blocking(check).await;
        checked.map_err(|why| Refused::Broken(why.to_string()))
    }
}

/// Tells of a push when it is over, also when the client has gone before that.
struct Told {
    pushed: Pushed,
    repo: String,
    user: String,
}

impl Drop for Told {
    fn drop(&mut self) {
        (self.pushed)(&self.repo, &self.user);
    }
}

type Input = std::pin::Pin<Box<dyn Stream<Item = Result<axum::body::Bytes, axum::Error>> + Send>>;

/// The body as meant: git compresses long requests to fetch.
async fn input(headers: &HeaderMap, request: Request) -> Result<Input, Refused> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.as_bytes());
    match encoding {
        None | Some(b"identity") => Ok(request.into_body().into_data_stream().boxed()),
        Some(b"gzip" | b"x-gzip") => {
            let limit = usize::try_from(MAX_ZIPPED_BYTES).unwrap_or(usize::MAX);
            let zipped = to_bytes(request.into_body(), limit).await;
            let zipped = zipped.map_err(|why| Refused::Bad(why.to_string()))?;
            let mut plain = Vec::new();
            let mut reader = GzDecoder::new(zipped.as_ref()).take(MAX_ZIPPED_BYTES);
            reader
                .read_to_end(&mut plain)
                .map_err(|why| Refused::Bad(format!("gzip: {why}")))?;
            Ok(futures::stream::iter([Ok(plain.into())]).boxed())
        }
        Some(other) => Err(Refused::Bad(format!(
            "content encoding {} is not known here",
            String::from_utf8_lossy(other)
        ))),
    }
}

/// The protocol version the client asks for, if it is one there is.
fn protocol(headers: &HeaderMap) -> Option<&'static str> {
    match headers.get("git-protocol").map(|value| value.as_bytes()) {
        Some(b"version=2") => Some("version=2"),
        Some(b"version=1") => Some("version=1"),
        _ => None,
    }
}

fn answer(kind: &str, body: Body) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    (headers, body).into_response()
}

/// Why a request is not served.
#[derive(Debug)]
enum Refused {
    NotFound,
    Unauthorized,
    Forbidden(String),
    Bad(String),
    Broken(String),
}

impl From<std::io::Error> for Refused {
    fn from(why: std::io::Error) -> Self {
        Self::Broken(why.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "no such repository\n").into_response(),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, "Basic realm=\"recant demo\"")],
                "a valid token is required as password\n",
            )
                .into_response(),
            Self::Forbidden(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
            Self::Bad(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
            Self::Broken(why) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")).into_response(),
        }
    }
}
