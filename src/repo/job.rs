//! One piece of work on one repository, on one thread: where it is, and how it is spoken to.

use super::Settings;
use super::cache;
use super::error::Fault;
use super::http::Session;
use crate::credential::Address;
use crate::credential::Credential;
use crate::credential::Manner;
use crate::credential::Signer;
use crate::port::PortError;
use git2::Oid;
use git2::Repository;
use std::sync::Arc;

/// Where a repository is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The URL or path that is spoken to: without userinfo, SSH made HTTPS.
    pub(super) url: String,
    http: Option<Address>,
}

impl Place {
    /// Reads a repository's URL.
    pub(super) fn of(url: &str, allow_local: bool) -> Result<Self, PortError> {
        let local = url.starts_with('/') || url.starts_with("file://");
        if local && allow_local {
            return Ok(Self {
                url: url.to_owned(),
                http: None,
            });
        }
        if local {
            return Err(PortError::Invalid(format!(
                "{url}: local repositories are not allowed here"
            )));
        }
        let address =
            Address::parse(url).map_err(|why| PortError::Invalid(format!("repository URL: {why}")))?;
        Ok(Self {
            url: address.git_url(),
            http: Some(address),
        })
    }

    /// The same repository as whoever has a credential for it reaches it.
    pub(super) fn reached_at(self, address: Option<&Address>) -> Self {
        match address {
            Some(address) => Self {
                url: address.git_url(),
                http: Some(address.clone()),
            },
            None => self,
        }
    }

    /// Whether it is spoken to over HTTP.
    pub(super) fn is_http(&self) -> bool {
        self.http.is_some()
    }
}

/// The work's surroundings.
pub(super) struct Job {
    pub(super) settings: Arc<Settings>,
    pub(super) place: Place,
    session: Option<Arc<Session>>,
    manner: Manner,
}

impl Job {
    /// Must be called where a Tokio runtime is.
    pub(super) fn new(
        settings: Arc<Settings>,
        place: Place,
        client: reqwest::Client,
        credential: Option<Credential>,
    ) -> Self {
        let manner = credential
            .as_ref()
            .map_or_else(Manner::default, |c| c.manner.clone());
        let session = place
            .http
            .clone()
            .map(|address| Arc::new(Session::new(client, address, credential)));
        Self {
            settings,
            place,
            session,
            manner,
        }
    }

    /// Does the work; once more, with a new cache, when the cache is broken.
    pub(super) fn run<T>(&self, work: &impl Fn(&Self) -> Result<T, Fault>) -> Result<T, PortError> {
        let _lock = cache::lock(&self.settings.cache, &self.place.url)?;
        let _session = self.session.as_ref().map(|session| session.enter());
        let fault = match self.attempt(work) {
            Err(fault) if fault.is_broken_cache() => fault,
            done => return done.map_err(Fault::port),
        };
        tracing::warn!(
            url = self.place.url,
            ?fault,
            "cache repository is broken: fetching it anew"
        );
        cache::remove(&self.settings.cache, &self.place.url)?;
        self.attempt(work).map_err(Fault::port)
    }

    fn attempt<T>(&self, work: &impl Fn(&Self) -> Result<T, Fault>) -> Result<T, Fault> {
        let done = work(self);
        // What HTTP said is more to the point than what libgit2 made of it.
        let said = self.session.as_ref().and_then(|session| session.take_failure());
        match (done, said) {
            (Err(Fault::Git(_)), Some(failure)) => Err(Fault::Port(failure)),
            (done, _) => done,
        }
    }

    /// The cache repository.
    pub(super) fn open(&self) -> Result<Repository, Fault> {
        cache::open(&self.settings.cache, &self.place.url)
    }

    /// What the names of recant's own branches begin with here.
    pub(super) fn own_prefix(&self) -> &str {
        self.manner
            .own_prefix
            .as_ref()
            .unwrap_or(&self.settings.own_prefix)
    }

    /// The key that commits are signed with here.
    pub(super) fn signer(&self) -> Option<&Signer> {
        self.manner.signer.as_ref()
    }

    /// Whether there is a credential, where one is needed to write.
    pub(super) fn may_push(&self) -> Result<(), Fault> {
        match &self.session {
            Some(session) if !session.has_credential() => Err(Fault::Port(PortError::Denied(format!(
                "no credential is bound to {}: create a Forge object for its host in recant's namespace",
                self.place.url
            )))),
            _ => Ok(()),
        }
    }

    /// A text from the server, with the token struck out.
    pub(super) fn strike(&self, text: &str) -> String {
        self.session
            .as_ref()
            .map_or_else(|| text.to_owned(), |session| session.strike(text))
    }
}

/// A full commit id. libgit2 would take a short one and fill it up with zeros.
pub(super) fn commit_id(text: &str) -> Result<Oid, Fault> {
    match text.len() {
        40 => Oid::from_str(text).map_err(|_| Fault::invalid(format!("{text:?} is not a commit id"))),
        64 => Err(Fault::invalid(format!(
            "{text}: repositories with SHA-256 ids are not supported"
        ))),
        _ => Err(Fault::invalid(format!("{text:?} is not a full commit id"))),
    }
}
