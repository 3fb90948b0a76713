//! Who recant is to Amazon's cloud: the pod's own identity, as Flagger uses it, and signatures made with it.
//!
//! It goes to Amazon's own hosts only. Never here: the identity of the machine below the pod.

use crate::credential::Token;
use crate::gauge::ask::Request;
use crate::gauge::ask::json;
use crate::gauge::http::Http;
use crate::port::PortError;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::SignableBody;
use aws_sigv4::http_request::SignableRequest;
use aws_sigv4::http_request::SigningSettings;
use aws_sigv4::http_request::sign;
use aws_sigv4::sign::v4;
use recant_core::provider::Provider;
use serde_json::Value;
use std::time::Duration;
use std::time::UNIX_EPOCH;
use url::Url;

/// How the pod may know who it is: the words of Amazon's own clients.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A key of its own: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
    Key {
        /// The key's id.
        id: Token,
        /// The key.
        key: Token,
        /// The token of a session.
        session: Option<Token>,
    },
    /// A service account's token for a role (IRSA): `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE`.
    Role {
        /// The role.
        arn: String,
        /// The file with the token.
        token_file: String,
    },
    /// Somebody who gives keys (EKS Pod Identity): `AWS_CONTAINER_CREDENTIALS_FULL_URI`,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
    Container {
        /// Where.
        uri: String,
        /// The file with the token to show there.
        token_file: Option<String>,
    },
    /// None.
    Nobody,
}

/// Amazon's cloud.
#[derive(Clone, Debug)]
pub struct Aws {
    /// Who recant is there.
    pub identity: Identity,
    /// The addresses of services, with `{service}` and `{region}`.
    pub endpoint: String,
}

impl Default for Aws {
    fn default() -> Self {
        Self {
            identity: Identity::Nobody,
            endpoint: "https://{service}.{region}.amazonaws.com".to_owned(),
        }
    }
}

impl Aws {
    /// Reads the environment as Amazon's own clients do, the first that is there.
    pub fn from_env() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let identity = if let (Some(id), Some(key)) = (var("AWS_ACCESS_KEY_ID"), var("AWS_SECRET_ACCESS_KEY"))
        {
            Identity::Key {
                id: Token::new(id),
                key: Token::new(key),
                session: var("AWS_SESSION_TOKEN").map(Token::new),
            }
        } else if let (Some(arn), Some(token_file)) =
            (var("AWS_ROLE_ARN"), var("AWS_WEB_IDENTITY_TOKEN_FILE"))
        {
            Identity::Role { arn, token_file }
        } else if let Some(uri) = var("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            let token_file = var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
            Identity::Container { uri, token_file }
        } else {
            Identity::Nobody
        };
        Self {
            identity,
            ..Self::default()
        }
    }

    /// The address of a service.
    ///
    /// # Errors
    /// When the region is none.
    pub(super) fn service(&self, service: &str, region: &str) -> Result<Url, PortError> {
        let is_region = !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_region {
            let what = "cloudwatch: spec.provider.region: set it to a region, like eu-west-1";
            return Err(PortError::Invalid(what.to_owned()));
        }
        let mut address = self
            .endpoint
            .replace("{service}", service)
            .replace("{region}", region);
        if region.starts_with("cn-") {
            address.push_str(".cn");
        }
        Url::parse(&address).map_err(|e| PortError::Invalid(format!("cloudwatch: {e}")))
    }

    /// The keys to sign with now.
    pub(super) async fn credentials(
        &self,
        region: &str,
        http: &Http,
        timeout: Duration,
    ) -> Result<Credentials, PortError> {
        let request = match &self.identity {
            Identity::Key { id, key, session } => {
                let session = session.as_ref().map(|token| token.secret().to_owned());
                return Ok(Credentials::new(
                    id.secret(),
                    key.secret(),
                    session,
                    None,
                    "recant",
                ));
            }
            Identity::Role { arn, token_file } => self.assume(region, arn, &file(token_file).await?)?,
            Identity::Container { uri, token_file } => {
                let url = Url::parse(uri)
                    .map_err(|e| denied(&format!("AWS_CONTAINER_CREDENTIALS_FULL_URI: {e}")))?;
                let request = Request::get(url);
                match token_file {
                    Some(path) => request.header("authorization", file(path).await?),
                    None => request,
                }
            }
            Identity::Nobody => {
                return Err(denied(
                    "recant has no identity there: give its pod one, by EKS Pod Identity, by a role for its service \
                     account (IRSA), or by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                ));
            }
        };
        let (shown, body) = http.send(request, &Provider::default(), timeout).await?;
        keys(&json(&body).unwrap_or_default())
            .ok_or_else(|| denied(&format!("{shown}: the answer has no keys")))
    }

    fn assume(&self, region: &str, arn: &str, token: &Token) -> Result<Request, PortError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form
            .append_pair("Action", "AssumeRoleWithWebIdentity")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", arn)
            .append_pair("RoleSessionName", "recant")
            .append_pair("WebIdentityToken", token.secret())
            .finish();
        let request = Request::post(
            self.service("sts", region)?,
            "application/x-www-form-urlencoded",
            form.into_bytes(),
        );
        Ok(request.header("accept", Token::new("application/json")))
    }
}

/// The keys in an answer: of the token service, or of whoever gives keys to containers.
fn keys(reply: &Value) -> Option<Credentials> {
    let at = "/AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials";
    let keys = reply.pointer(at).unwrap_or(reply);
    let text = |name: &str| keys.get(name).and_then(Value::as_str).map(str::to_owned);
    let session = text("SessionToken").or_else(|| text("Token"));
    Some(Credentials::new(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        session,
        None,
        "recant",
    ))
}

async fn file(path: &str) -> Result<Token, PortError> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|e| denied(&format!("{path}: {e}")))?;
    Ok(Token::new(text.trim()))
}

fn denied(what: &str) -> PortError {
    PortError::Denied(format!("cloudwatch: {what}"))
}

/// Signs a POST (Signature Version 4).
///
/// # Errors
/// When it cannot be signed.
pub(super) fn signed(
    mut request: Request,
    credentials: Credentials,
    (service, region): (&str, &str),
    now_s: i64,
) -> Result<Request, PortError> {
    let cannot = |e: String| denied(&format!("the request cannot be signed: {e}"));
    let identity = credentials.into();
    let time = UNIX_EPOCH + Duration::from_secs(u64::try_from(now_s).unwrap_or_default());
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|e| cannot(e.to_string()))?
        .into();
    let (content_type, body) = request.body.clone().unwrap_or_default();
    let given = request
        .headers
        .iter()
        .map(|(name, value)| (*name, value.secret()));
    let headers: Vec<_> = given.chain([("content-type", content_type)]).collect();
    let signable = SignableRequest::new(
        "POST",
        request.url.as_str(),
        headers.into_iter(),
        SignableBody::Bytes(&body),
    );
    let signable = signable.map_err(|e| cannot(e.to_string()))?;
    let (instructions, _) = sign(signable, &params)
        .map_err(|e| cannot(e.to_string()))?
        .into_parts();
    for name in ["x-amz-date", "x-amz-security-token", "authorization"] {
        let found = instructions
            .headers()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, value)) = found {
            request = request.header(name, Token::new(value));
        }
    }
    Ok(request)
}
