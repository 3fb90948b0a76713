//! What the Secrets of a Forge hold, in Flux's key names. An error names the Secret and the key, never a value.

use super::app::AppKey;
use crate::credential::Proxy;
use crate::credential::Secret;
use crate::credential::Signer;
use crate::credential::Token;
use crate::credential::Transport;
use recant_core::forge::SigningKeyType;

/// What recant is to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// A token or password.
    Token {
        /// The user's name, if the Secret has one.
        username: Option<String>,
        /// The token.
        token: Token,
    },
    /// A GitHub App, which gets tokens for an hour.
    App(AppKey),
}

/// The credential: an App's keys, or a token.
pub(super) fn credential(secret: &Secret) -> Result<Keys, String> {
    if secret.has("githubAppID") {
        return app(secret).map(Keys::App);
    }
    let key = if secret.has("token") || !secret.has("password") {
        "token"
    } else {
        "password"
    };
    Ok(Keys::Token {
        username: word(secret, "username")?,
        token: secret.line(key)?,
    })
}

fn app(secret: &Secret) -> Result<AppKey, String> {
    let number = |key: &str| match word(secret, key)?.map(|text| text.parse::<u64>()) {
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(format!("{secret:?}: key {key} is not a number")),
        None => Ok(None),
    };
    let installation = number("githubAppInstallationID")?;
    let owner = word(secret, "githubAppInstallationOwner")?;
    if installation.is_some() == owner.is_some() {
        return Err(format!(
            "{secret:?}: it must have one of the keys githubAppInstallationID and githubAppInstallationOwner"
        ));
    }
    Ok(AppKey {
        id: number("githubAppID")?.unwrap_or_default(),
        installation,
        owner,
        key: secret.text("githubAppPrivateKey")?,
        base_url: word(secret, "githubAppBaseURL")?,
    })
}

/// Certificates: `ca.crt` (or Flux's older `caFile`), `tls.crt` and `tls.key`. None of them must be there.
pub(super) fn certificates(secret: &Secret, into: &mut Transport) -> Result<(), String> {
    for key in ["caFile", "ca.crt"] {
        if secret.has(key) {
            into.authorities = Some(secret.text(key)?.secret().to_owned());
        }
    }
    if secret.has("tls.crt") != secret.has("tls.key") {
        return Err(format!(
            "{secret:?}: it must have both of the keys tls.crt and tls.key, or none"
        ));
    }
    if secret.has("tls.crt") {
        let (certificate, key) = (secret.text("tls.crt")?, secret.text("tls.key")?);
        let both = format!("{}\n{}", certificate.secret(), key.secret());
        into.identity = Some(Token::new(both));
    }
    Ok(())
}

/// A proxy: `address`, and perhaps `username` and `password`.
pub(super) fn proxy(secret: &Secret) -> Result<Proxy, String> {
    let password = match secret.has("password") {
        true => secret.line("password")?,
        false => Token::new(""),
    };
    Ok(Proxy {
        address: secret.line("address")?.secret().to_owned(),
        login: word(secret, "username")?.map(|user| (user, password)),
    })
}

/// A signing key, as Flux's image automation lays it out.
pub(super) fn signer(secret: &Secret, r#type: SigningKeyType) -> Result<Signer, String> {
    let SigningKeyType::Ssh = r#type;
    Ok(Signer {
        r#type,
        key: secret.text("identity")?,
        passphrase: word(secret, "password")?.map(Token::new),
    })
}

/// A value that need not be there.
fn word(secret: &Secret, key: &str) -> Result<Option<String>, String> {
    if !secret.has(key) {
        return Ok(None);
    }
    secret.line(key).map(|text| Some(text.secret().to_owned()))
}
