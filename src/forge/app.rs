//! A GitHub App's tokens: one for an hour, from the App's own key. Git and REST share them.

use super::binding::Bound;
use super::keys::Keys;
use super::plain;
use super::plain::Auth;
use super::plain::Plain;
use super::rest::Call;
use super::rest::Pace;
use super::rest::Rest;
use crate::credential::Address;
use crate::credential::Token;
use crate::port::PortError;
use jiff::Timestamp;
use octocrab::auth;
use octocrab::models::AppId;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// How long before its end a token is not used any more, in seconds: a push may take its time.
const SPARE_S: i64 = 300;

/// What GitHub wants to hear in every request: the version of its REST API that this client was written for.
pub(super) const HEADERS: &[(&str, &str)] = &[
    ("accept", "application/vnd.github+json"),
    ("x-github-api-version", "2022-11-28"),
];

/// What a Secret says of an App, in Flux's key names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AppKey {
    /// `githubAppID`.
    pub(super) id: u64,
    /// `githubAppInstallationID`.
    pub(super) installation: Option<u64>,
    /// `githubAppInstallationOwner`: whose installation is looked up.
    pub(super) owner: Option<String>,
    /// `githubAppPrivateKey`.
    pub(super) key: Token,
    /// `githubAppBaseURL`: the API's root.
    pub(super) base_url: Option<String>,
}

/// The token sources of all Forges with an App, by Forge, with what they were made from.
#[derive(Default)]
pub(super) struct Apps(Mutex<BTreeMap<String, (Bound, Arc<AppTokens>)>>);

impl Apps {
    /// The token source of a Forge: the one there is, while the Forge and its Secret stay as they are.
    pub(super) fn tokens(&self, bound: &Bound) -> Result<Arc<AppTokens>, PortError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, tokens)) = all.get(bound.name())
            && known == bound
        {
            return Ok(Arc::clone(tokens));
        }
        let tokens = Arc::new(AppTokens::new(bound)?);
        all.insert(bound.name().to_owned(), (bound.clone(), Arc::clone(&tokens)));
        Ok(tokens)
    }

    /// Drops all tokens: one was refused.
    pub(super) fn forget(&self) {
        for (_, tokens) in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            *tokens.last() = None;
        }
    }
}

/// The tokens of one installation of one App.
pub(super) struct AppTokens {
    forge: String,
    app: AppKey,
    key: auth::AppAuth,
    client: reqwest::Client,
    root: String,
    last: Mutex<Option<Grant>>,
    /// One at a time gets a new token; the others wait for it.
    asking: tokio::sync::Mutex<()>,
}

/// A token, and what GitHub said with it.
#[derive(Clone, Deserialize)]
pub(super) struct Grant {
    token: String,
    expires_at: Timestamp,
    #[serde(default)]
    pub(super) permissions: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) repository_selection: String,
}

impl AppTokens {
    fn new(bound: &Bound) -> Result<Self, PortError> {
        let denied = |why: &str| PortError::Denied(format!("Forge {}: {why}", bound.name()));
        let Keys::App(app) = bound.keys()?.clone() else {
            return Err(denied("its Secret holds no GitHub App"));
        };
        let encoding = auth::EncodingKey::from_rsa_pem(app.key.secret().as_bytes())
            .map_err(|_| denied("githubAppPrivateKey is no RSA private key as PEM"))?;
        let key = auth::AppAuth {
            app_id: AppId(app.id),
            key: encoding,
        };
        Ok(Self {
            forge: bound.name().to_owned(),
            root: root(bound, app.base_url.as_deref())?,
            client: plain::client(&bound.manner.transport, Duration::from_secs(30))?,
            app,
            key,
            last: Mutex::new(None),
            asking: tokio::sync::Mutex::new(()),
        })
    }

    /// A token that is good for a while.
    pub(super) async fn token(&self) -> Result<Token, PortError> {
        self.grant().await.map(|grant| Token::new(grant.token))
    }

    /// The token with its rights.
    pub(super) async fn grant(&self) -> Result<Grant, PortError> {
        let _asking = self.asking.lock().await;
        let fresh = |grant: &Grant| grant.expires_at.as_second() - Timestamp::now().as_second() > SPARE_S;
        if let Some(grant) = self.last().clone().filter(fresh) {
            return Ok(grant);
        }
        let rest = self.rest()?;
        let installation = match (&self.app.installation, &self.app.owner) {
            (Some(number), _) => *number,
            (None, owner) => {
                self.installation(&rest, owner.as_deref().unwrap_or_default())
                    .await?
            }
        };
        let path = format!("/app/installations/{installation}/access_tokens");
        // A token more does no harm.
        let grant: Grant = rest.json(Call::post(path, json!({})).guarded()).await?;
        *self.last() = Some(grant.clone());
        Ok(grant)
    }

    async fn installation(&self, rest: &Rest, owner: &str) -> Result<u64, PortError> {
        #[derive(Deserialize)]
        struct Installation {
            id: u64,
        }
        let of = |what: &str| Call::get(format!("/{what}/{owner}/installation"));
        let found: Installation = match rest.json(of("orgs")).await {
            Err(PortError::Invalid(_)) => rest.json(of("users")).await?,
            found => found?,
        };
        Ok(found.id)
    }

    /// The App's name on the host.
    pub(super) async fn slug(&self) -> Result<String, PortError> {
        #[derive(Deserialize)]
        struct App {
            slug: String,
        }
        let app: App = self.rest()?.json(Call::get("/app".to_owned())).await?;
        Ok(app.slug)
    }

    /// The API with the App's own credential, which is good for minutes.
    fn rest(&self) -> Result<Rest, PortError> {
        let jwt = auth::create_jwt(self.key.app_id, &self.key.key).map_err(|_| {
            PortError::Denied(format!("Forge {}: githubAppPrivateKey cannot sign", self.forge))
        })?;
        let api = Plain {
            client: self.client.clone(),
            auth: Auth::Word("Bearer", Token::new(jwt)),
            root: self.root.clone(),
            headers: HEADERS,
        };
        Ok(Rest::new(Box::new(api), self.root.clone(), Pace::default()))
    }

    /// A text with the last token struck out.
    pub(super) fn strike(&self, text: &str) -> String {
        match &*self.last() {
            Some(grant) => Token::new(grant.token.clone()).strike(text),
            None => text.to_owned(),
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Grant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The root of GitHub's API: github.com's has a host of its own, an Enterprise Server's is below the bound URL. What a
/// Secret says of it must be just there: the credential goes nowhere else.
pub(super) fn root(bound: &Bound, said: Option<&str>) -> Result<String, PortError> {
    let root = match bound.base.host() {
        "github.com" => "https://api.github.com".to_owned(),
        // GitHub Enterprise Cloud with data residency.
        host if host.ends_with(".ghe.com") => format!("https://api.{host}"),
        _ => format!("{}/api/v3", bound.base.url()),
    };
    let Some(said) = said else { return Ok(root) };
    let same = match (Address::parse(said), Address::parse(&root)) {
        (Ok(said), Ok(root)) => said == root,
        _ => false,
    };
    if same {
        return Ok(root);
    }
    Err(PortError::Denied(format!(
        "Forge {}: githubAppBaseURL must be {root}, because spec.url is {}",
        bound.name(),
        bound.base.url()
    )))
}
