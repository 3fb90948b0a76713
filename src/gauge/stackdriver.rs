//! Google Cloud Monitoring, in MQL, with a service account's key or, in Google's cloud, the pod's own account.

use crate::credential::Token;
use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::gauge::ask::json;
use crate::gauge::http::Http;
use crate::port::PortError;
use jsonwebtoken::Algorithm;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::Header;
use recant_core::provider::Provider;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use url::Url;

const SCOPE: &str = "https://www.googleapis.com/auth/monitoring.read";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Where Google is.
#[derive(Clone, Debug)]
pub struct Google {
    /// The monitoring API.
    pub monitoring: String,
    /// Who gives tokens for keys.
    pub tokens: String,
    /// Who gives tokens for the pod's own account.
    pub metadata: String,
}

impl Default for Google {
    fn default() -> Self {
        Self {
            monitoring: "https://monitoring.googleapis.com".to_owned(),
            tokens: "https://oauth2.googleapis.com/token".to_owned(),
            metadata: "http://metadata.google.internal".to_owned(),
        }
    }
}

/// The Secret has a `project` and, away from Google's cloud, a `serviceAccountKey`. Flagger looks at no address here,
/// and a token goes to Google's only.
pub(super) async fn request(
    ask: &Ask<'_>,
    google: &Google,
    http: &Http,
    timeout: Duration,
) -> Result<Request, PortError> {
    let project = ask.credential("project")?;
    let project = project.secret();
    if !project
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-:.".contains(&b))
    {
        return Err(PortError::Denied("project is not a project's id".to_owned()));
    }
    let url = ask.url(
        &google.monitoring,
        &format!("/v3/projects/{project}/timeSeries:query"),
    )?;
    let token = token(ask, google, http, timeout).await?;
    let body = serde_json::json!({ "query": ask.query.query });
    let bearer = Token::new(format!("Bearer {}", token.secret()));
    Ok(Request::post(url, "application/json", body.to_string().into_bytes()).header("authorization", bearer))
}

/// A service account's key, as Google writes it.
#[derive(Deserialize)]
struct Key {
    client_email: String,
    private_key: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

async fn token(ask: &Ask<'_>, google: &Google, http: &Http, timeout: Duration) -> Result<Token, PortError> {
    let secret = ask.secret.filter(|secret| secret.has("serviceAccountKey"));
    let request = match secret {
        Some(secret) => {
            let key = secret.text("serviceAccountKey").map_err(PortError::Denied)?;
            exchange(&key, google, ask.now.as_second())?
        }
        None => {
            let path = "/computeMetadata/v1/instance/service-accounts/default/token";
            let url = ask.url(&google.metadata, path)?;
            Request::get(url).header("metadata-flavor", Token::new("Google"))
        }
    };
    let (shown, body) = http.send(request, &Provider::default(), timeout).await?;
    let reply = json(&body).unwrap_or_default();
    let token = reply.get("access_token").and_then(Value::as_str);
    token
        .map(Token::new)
        .ok_or_else(|| PortError::Denied(format!("{shown}: the answer has no access_token")))
}

/// What is sent to get a token for a key. The key itself stays here: what goes out is signed with it.
fn exchange(key: &Token, google: &Google, now_s: i64) -> Result<Request, PortError> {
    let denied = |what: &str| PortError::Denied(format!("serviceAccountKey {what}"));
    let key: Key = serde_json::from_str(key.secret()).map_err(|_| {
        denied("is not a service account's key in JSON: it needs client_email and private_key")
    })?;
    let claims = Claims {
        iss: &key.client_email,
        scope: SCOPE,
        aud: &google.tokens,
        iat: now_s,
        exp: now_s + 600,
    };
    let signer = EncodingKey::from_rsa_pem(key.private_key.as_bytes())
        .map_err(|_| denied("has a private_key that is no RSA key in PEM"))?;
    let assertion = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &signer)
        .map_err(|_| denied("cannot sign with its private_key"))?;
    let url = Url::parse(&google.tokens).map_err(|e| PortError::Invalid(e.to_string()))?;
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let form = form
        .append_pair("grant_type", GRANT)
        .append_pair("assertion", &assertion)
        .finish();
    Ok(Request::post(
        url,
        "application/x-www-form-urlencoded",
        form.into_bytes(),
    ))
}

/// The first value of the first point of the first series, as Flagger takes it.
pub(super) fn read(body: &[u8]) -> Read {
    let reply = json(body)?;
    if !reply.is_object() {
        return Err("the answer is no object: not Google's?".to_owned());
    }
    let Some(value) = reply.pointer("/timeSeriesData/0/pointData/0/values/0") else {
        return Ok(None);
    };
    let written = value.get("doubleValue").or_else(|| value.get("int64Value"));
    let number = match written {
        Some(Value::Number(number)) => number.as_f64(),
        // Whole numbers are written as strings, and so is what JSON has no word for.
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    number
        .map(Some)
        .ok_or_else(|| format!("the value is {value}, not a number"))
}
