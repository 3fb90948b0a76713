//! Git's smart HTTP for libgit2, over the same Rust client and TLS as everything else.
//!
//! libgit2 asks for a transport by a callback that cannot carry anything along, so the session of the work at hand
//! stands in a thread-local while it runs. Requests go to the session's own address, whatever libgit2 says the URL is.

use crate::credential::Address;
use crate::credential::Credential;
use crate::port::PortError;
use git2::transport::Service;
use git2::transport::SmartSubtransport;
use git2::transport::SmartSubtransportStream;
use git2::transport::Transport;
use reqwest::Response;
use reqwest::StatusCode;
use reqwest::header;
use std::cell::RefCell;
use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::runtime::Handle;

/// How often a server may send a request on.
const REDIRECTS: usize = 3;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Session>>> = const { RefCell::new(None) };
}

/// Sets libgit2 up for this process: once, before its first use.
pub(super) fn install() -> Result<(), PortError> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| set_up().map_err(|e| e.message().to_owned()));
    done.clone()
        .map_err(|e| PortError::Invalid(format!("libgit2: {e}")))
}

#[expect(
    unsafe_code,
    reason = "libgit2's global settings are only reachable through unsafe functions"
)]
fn set_up() -> Result<(), git2::Error> {
    // SAFETY: these change libgit2's globals without a lock. They run inside a OnceLock, and every use of libgit2 by
    // this adapter comes after it, because there is no `Git2` before `install` has returned.
    unsafe {
        for scheme in ["http", "https"] {
            git2::transport::register(scheme, |remote| {
                let session = CURRENT.with_borrow(Clone::clone);
                let session =
                    session.ok_or_else(|| git2::Error::from_str("no HTTP session on this thread"))?;
                Transport::smart(remote, true, Smart { session })
            })?;
        }
        // The cache is recant's own, whatever user a container runs as; and no user's configuration
        // (`url.insteadOf`, proxies) has a say in where recant pushes.
        git2::opts::set_verify_owner_validation(false)?;
        for level in [
            git2::ConfigLevel::System,
            git2::ConfigLevel::Global,
            git2::ConfigLevel::XDG,
        ] {
            git2::opts::set_search_path(level, "")?;
        }
    }
    Ok(())
}

/// The HTTP client for Git: it follows no redirect by itself.
pub(super) fn client(
    to: &crate::credential::Transport,
    timeout: Duration,
) -> Result<reqwest::Client, PortError> {
    let client = to.client().map_err(PortError::Denied)?;
    client
        .connect_timeout(timeout.min(Duration::from_secs(10)))
        .read_timeout(timeout)
        .user_agent(concat!("git/2 (recant ", env!("CARGO_PKG_VERSION"), ")"))
        .build()
        .map_err(|e| PortError::Invalid(format!("HTTP client for Git: {e}")))
}

/// The HTTP side of one piece of work.
pub(super) struct Session {
    runtime: Handle,
    client: reqwest::Client,
    address: Address,
    credential: Option<Credential>,
    state: Mutex<State>,
}

struct State {
    base: String,
    failure: Option<PortError>,
}

/// Ends the session on this thread.
pub(super) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

impl Session {
    /// Must be called where a Tokio runtime is.
    pub(super) fn new(client: reqwest::Client, address: Address, credential: Option<Credential>) -> Self {
        let state = Mutex::new(State {
            base: address.git_url(),
            failure: None,
        });
        Self {
            runtime: Handle::current(),
            client,
            address,
            credential,
            state,
        }
    }

    /// Makes this the session of the thread, until the answer is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        CURRENT.set(Some(Arc::clone(self)));
        Entered
    }

    /// What went wrong, if HTTP was the cause.
    pub(super) fn take_failure(&self) -> Option<PortError> {
        self.state().failure.take()
    }

    pub(super) fn has_credential(&self) -> bool {
        self.credential.is_some()
    }

    pub(super) fn strike(&self, text: &str) -> String {
        self.credential
            .as_ref()
            .map_or_else(|| text.to_owned(), |c| c.token.strike(text))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, failure: PortError) -> io::Error {
        let text = failure.to_string();
        self.state().failure = Some(failure);
        io::Error::other(text)
    }

    fn away(&self, error: reqwest::Error) -> io::Error {
        let error = error.without_url();
        let cause = std::error::Error::source(&error)
            .map(|e| format!(": {e}"))
            .unwrap_or_default();
        self.fail(PortError::Unreachable(format!(
            "{}: {error}{cause}",
            self.address
        )))
    }

    /// Asks, and gives the answer's body, if the answer is what Git needs.
    fn ask(&self, service: Service, body: Vec<u8>) -> io::Result<Response> {
        for _ in 0..REDIRECTS {
            let request = self.request(service, body.clone());
            let response = self.runtime.block_on(request.send()).map_err(|e| self.away(e))?;
            if !response.status().is_redirection() {
                return self.check(service, response);
            }
            self.follow(&response)?;
        }
        Err(self.fail(PortError::Invalid(format!(
            "{} redirects in a circle",
            self.address
        ))))
    }

    fn request(&self, service: Service, body: Vec<u8>) -> reqwest::RequestBuilder {
        let base = self.state().base.clone();
        let name = name(service);
        let request = match service {
            Service::UploadPackLs | Service::ReceivePackLs => {
                self.client.get(format!("{base}/info/refs?service={name}"))
            }
            Service::UploadPack | Service::ReceivePack => self
                .client
                .post(format!("{base}/{name}"))
                .header(header::CONTENT_TYPE, format!("application/x-{name}-request"))
                .header(header::ACCEPT, format!("application/x-{name}-result"))
                .body(body),
        };
        match &self.credential {
            Some(credential) => request.basic_auth(&credential.username, Some(credential.token.secret())),
            None => request,
        }
    }

    /// Follows a redirect that only puts `.git` or a slash right. Any other place is another repository.
    fn follow(&self, response: &Response) -> io::Result<()> {
        let target = response
            .headers()
            .get(header::LOCATION)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        let target = response.url().join(target).map(String::from).unwrap_or_default();
        let base = target.split("/info/refs").next().unwrap_or_default();
        match Address::parse(base) {
            Ok(address) if address == self.address => {
                self.state().base = address.git_url();
                Ok(())
            }
            moved => {
                let place = moved.map_or_else(|_| "another place".to_owned(), |a| a.url());
                let text = format!(
                    "{} has moved to {place}: put that URL into the GitRepository",
                    self.address
                );
                Err(self.fail(PortError::Invalid(text)))
            }
        }
    }

    fn check(&self, service: Service, response: Response) -> io::Result<Response> {
        let status = response.status();
        let who = if self.has_credential() {
            "the bound credential"
        } else {
            "no credential"
        };
        let place = &self.address;
        let failure = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => PortError::Denied(format!(
                "{place}: HTTP {} with {who}: check the Forge object bound to {}",
                status.as_u16(),
                place.origin()
            )),
            StatusCode::NOT_FOUND => PortError::Invalid(format!(
                "{place}: no such repository, or not to be seen with {who}"
            )),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                PortError::Unreachable(format!("{place}: HTTP {}", status.as_u16()))
            }
            StatusCode::OK if is_git(service, &response) => return Ok(response),
            status => PortError::Invalid(format!(
                "{place}: HTTP {}, not an answer of a Git server",
                status.as_u16()
            )),
        };
        Err(self.fail(failure))
    }
}

fn name(service: Service) -> &'static str {
    match service {
        Service::UploadPackLs | Service::UploadPack => "git-upload-pack",
        Service::ReceivePackLs | Service::ReceivePack => "git-receive-pack",
    }
}

fn is_git(service: Service, response: &Response) -> bool {
    let kind = match service {
        Service::UploadPackLs | Service::ReceivePackLs => "advertisement",
        Service::UploadPack | Service::ReceivePack => "result",
    };
    let expected = format!("application/x-{}-{kind}", name(service));
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes() == expected.as_bytes())
}

struct Smart {
    session: Arc<Session>,
}

impl SmartSubtransport for Smart {
    fn action(&self, _url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        Ok(Box::new(Exchange {
            session: Arc::clone(&self.session),
            service,
            sent: Vec::new(),
            answer: None,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer: written first, then read.
struct Exchange {
    session: Arc<Session>,
    service: Service,
    sent: Vec<u8>,
    answer: Option<Answer>,
}

struct Answer {
    response: Response,
    /// What has come and is not read yet.
    rest: io::Cursor<Vec<u8>>,
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let session = Arc::clone(&self.session);
        let answer = match &mut self.answer {
            Some(answer) => answer,
            none => {
                let response = session.ask(self.service, std::mem::take(&mut self.sent))?;
                none.insert(Answer {
                    response,
                    rest: io::Cursor::default(),
                })
            }
        };
        loop {
            let read = answer.rest.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let chunk = session
                .runtime
                .block_on(answer.response.chunk())
                .map_err(|e| session.away(e))?;
            let Some(chunk) = chunk else { return Ok(0) };
            answer.rest = io::Cursor::new(chunk.to_vec());
        }
    }
}
