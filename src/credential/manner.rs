//! How a host is reached and what is done in its name, beside the credential itself.

use super::Token;
use recant_core::forge::SigningKeyType;
use std::fmt;

/// What hangs on a binding beside the credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Certificates and the proxy.
    pub transport: Transport,
    /// What the names of recant's own branches begin with there, if not with what the controller says.
    pub own_prefix: Option<String>,
    /// The key that commits are signed with.
    pub signer: Option<Signer>,
}

/// A private key for signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// What key it is.
    pub r#type: SigningKeyType,
    /// The key, in OpenSSH's format.
    pub key: Token,
    /// What it is locked with.
    pub passphrase: Option<Token>,
}

/// Certificates and the proxy of one host: the same for Git and for its REST API.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Transport {
    /// The only authorities that the host's certificate may come from, as PEM; those of the web when not given.
    pub authorities: Option<String>,
    /// recant's own certificate and its key, as PEM.
    pub identity: Option<Token>,
    /// The proxy.
    pub proxy: Option<Proxy>,
}

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its address: `http://proxy:3128`.
    pub address: String,
    /// User and password.
    pub login: Option<(String, Token)>,
}

impl Transport {
    /// A client's beginning with these certificates and this proxy. It follows no redirect: whoever answers with one
    /// does not get to choose where a credential goes.
    ///
    /// # Errors
    /// What is wrong with a certificate or with the proxy's address.
    pub fn client(&self) -> Result<reqwest::ClientBuilder, String> {
        crate::tls::install();
        let mut client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &self.authorities {
            let authorities = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(|_| "ca.crt holds no certificates as PEM".to_owned())?;
            if authorities.is_empty() {
                return Err("ca.crt holds no certificates as PEM".to_owned());
            }
            client = client.tls_certs_only(authorities);
        }
        if let Some(pem) = &self.identity {
            let identity = reqwest::Identity::from_pem(pem.secret().as_bytes())
                .map_err(|_| "tls.crt and tls.key are no certificate with its key as PEM".to_owned())?;
            client = client.identity(identity);
        }
        if let Some(proxy) = &self.proxy {
            let mut to = reqwest::Proxy::all(&proxy.address)
                .map_err(|_| "the proxy's address is not a URL like http://proxy:3128".to_owned())?;
            if let Some((user, password)) = &proxy.login {
                to = to.basic_auth(user, password.secret());
            }
            client = client.proxy(to);
        }
        Ok(client)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("authorities", &self.authorities.as_ref().map(String::len))
            .field("identity", &self.identity)
            .field("proxy", &self.proxy)
            .finish()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's address may hold a password, too.
        f.write_str("Proxy(***)")
    }
}
