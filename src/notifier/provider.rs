//! Through whom an alert goes: an AlertProvider with its Secret, or recant's own.

use crate::credential::Secret;
use crate::credential::Token;
use crate::notifier::payload::Kind;
use crate::notifier::payload::Look;
use crate::port::Cluster;
use crate::port::PortError;
use recant_core::object::Object;
use recant_core::object::ObjectRef;

/// Where alerts go.
#[derive(Clone, Debug)]
pub struct Destination {
    /// How they look there.
    pub look: Look,
    /// The address; its path may be a secret.
    pub url: Token,
    /// A token.
    pub token: Option<Token>,
    /// An HTTP proxy.
    pub proxy: Option<String>,
}

/// Reads an AlertProvider and its Secret, which is its neighbour: a Canary of another namespace gets no further.
pub(super) async fn read(cluster: &dyn Cluster, name: &ObjectRef) -> Result<Destination, PortError> {
    let provider = cluster.get(name).await?;
    let provider = provider.ok_or_else(|| PortError::Invalid("it is not there: create it".to_owned()))?;
    let secret = match provider.str("/spec/secretRef/name") {
        "" => None,
        secret => {
            let name = ObjectRef::new("v1", "Secret", &name.namespace, secret);
            Some(Secret::read(cluster, &name).await?)
        }
    };
    destination(&provider, secret.as_ref())
}

fn destination(provider: &Object, secret: Option<&Secret>) -> Result<Destination, PortError> {
    let r#type = provider.str("/spec/type");
    let kind = Kind::of(r#type).ok_or_else(|| {
        PortError::Invalid(format!(
            "spec.type {type:?} is not supported: use slack, msteams, discord, rocket or gchat"
        ))
    })?;
    let (address, token) = match secret {
        Some(secret) => {
            let address = secret.line("address").map_err(PortError::Denied)?;
            (address, secret.line("token").ok())
        }
        None => (Token::new(provider.str("/spec/address")), None),
    };
    if address.secret().is_empty() {
        return Err(PortError::Invalid(
            "it has neither spec.address nor spec.secretRef".to_owned(),
        ));
    }
    let or = |field: &str, default: &str| match provider.str(field) {
        "" => default.to_owned(),
        given => given.to_owned(),
    };
    let proxy = provider.str("/spec/proxy");
    Ok(Destination {
        look: Look {
            kind,
            channel: or("/spec/channel", "general"),
            username: or("/spec/username", "flagger"),
        },
        url: if kind == Kind::Discord {
            slack_form(&address)
        } else {
            address
        },
        // Only Slack's API takes one.
        token: token.filter(|_| kind == Kind::Slack),
        proxy: (!proxy.is_empty()).then(|| proxy.to_owned()),
    })
}

/// Discord takes Slack's payload at `/slack` below the webhook.
fn slack_form(address: &Token) -> Token {
    let Ok(mut url) = url::Url::parse(address.secret()) else {
        return address.clone();
    };
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with("/slack") {
        url.set_path(&format!("{path}/slack"));
    }
    Token::new(url.to_string())
}
