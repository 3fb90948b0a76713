//! Credentials for Git hosts: what they look like, and who may be asked for one.
//!
//! A token never shows itself: not in `Debug`, not in `Display`, not in an error. It is given out for a URL only by
//! whoever knows which URLs it is bound to ([`Credentials`]), and only for the places of [`Address`].

mod address;
mod manner;
mod secret;

pub use address::Address;
pub use manner::Manner;
pub use manner::Proxy;
pub use manner::Signer;
pub use manner::Transport;
pub use secret::Secret;

use crate::port::Answered;
use std::fmt;

/// A secret string.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself: for a request's `Authorization` header and for nothing else.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// A text with every occurrence of the secret struck out.
    pub fn strike(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who recant is to one Git host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The user's name: hosts that take a token as password mostly do not look at it.
    pub username: String,
    /// The token or password.
    pub token: Token,
    /// How the host is reached, and what is done in its name.
    pub manner: Manner,
    /// Where Git is spoken to with it, when the URL that was asked about does not say: it was an SSH URL.
    pub place: Option<Address>,
}

impl Credential {
    /// A user's name and a token, and nothing special about the host.
    pub fn new(username: impl Into<String>, token: Token) -> Self {
        Self {
            username: username.into(),
            token,
            manner: Manner::default(),
            place: None,
        }
    }
}

/// Somebody who knows which credential is bound to which URLs.
pub trait Credentials: Send + Sync {
    /// The credential bound to a repository's URL, or that none is.
    fn for_url<'a>(&'a self, url: &'a str) -> Answered<'a, Option<Credential>>;

    /// Hears that a host has refused a credential: it may have been replaced since it was read.
    fn refused(&self) {}
}

/// No credentials at all: public and local repositories, read only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

impl Credentials for Anonymous {
    fn for_url<'a>(&'a self, _url: &'a str) -> Answered<'a, Option<Credential>> {
        Box::pin(async { Ok(None) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_prints_itself() {
        let mut credential = Credential::new("bot", Token::new("s3cret"));
        credential.manner.transport.proxy = Some(Proxy {
            address: "http://bot:s3cret@proxy".to_owned(),
            login: Some(("bot".to_owned(), Token::new("s3cret"))),
        });
        credential.manner.transport.identity = Some(Token::new("s3cret"));
        let printed = format!("{credential:?} {} {:#?}", credential.token, credential);
        assert!(!printed.contains("s3cret"), "{printed}");
        assert_eq!(
            credential.token.strike("remote said s3cret is bad"),
            "remote said *** is bad"
        );
    }
}
