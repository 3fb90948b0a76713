//! A Secret of the cluster, read for whoever it is bound to. It never shows its values.

use crate::credential::Token;
use crate::port::Cluster;
use crate::port::PortError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use recant_core::object::Object;
use recant_core::object::ObjectRef;

/// A Secret's values by key.
#[derive(Clone)]
pub struct Secret(Object);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.reference())
    }
}

impl Secret {
    /// Reads a Secret.
    ///
    /// # Errors
    /// [`PortError::Denied`] when there is none of that name; else why it cannot be read.
    pub async fn read(cluster: &dyn Cluster, name: &ObjectRef) -> Result<Self, PortError> {
        match cluster.get(name).await? {
            Some(object) => Ok(Self(object)),
            None => Err(PortError::Denied(format!("{name} is not there: create it"))),
        }
    }

    /// A Secret object as it stands.
    pub const fn of(object: Object) -> Self {
        Self(object)
    }

    /// Whether there is a value of that key.
    pub fn has(&self, key: &str) -> bool {
        !self.encoded(key).is_empty()
    }

    /// A value as one line of ASCII, as a header can hold it.
    ///
    /// # Errors
    /// What is wrong with it, without it.
    pub fn line(&self, key: &str) -> Result<Token, String> {
        let text = self.text(key)?;
        let text = text.secret().trim();
        if text.is_empty() || text.chars().any(|c| c.is_control() || !c.is_ascii()) {
            return Err(self.bad(key, "is empty or not one line of ASCII"));
        }
        Ok(Token::new(text))
    }

    /// A value as text.
    ///
    /// # Errors
    /// What is wrong with it, without it.
    pub fn text(&self, key: &str) -> Result<Token, String> {
        if !self.has(key) {
            let name = self.0.reference();
            return Err(format!("{name}: there is no key {key}"));
        }
        let bytes = BASE64_STANDARD.decode(self.encoded(key));
        let bytes = bytes.map_err(|_| self.bad(key, "is not base64"))?;
        let text = String::from_utf8(bytes).map_err(|_| self.bad(key, "is not text"))?;
        Ok(Token::new(text))
    }

    fn encoded(&self, key: &str) -> &str {
        let data = self.0.0.get("data").and_then(|data| data.get(key));
        data.and_then(|value| value.as_str()).unwrap_or_default()
    }

    fn bad(&self, key: &str, what: &str) -> String {
        format!("{}: key {key} {what}", self.0.reference())
    }
}
