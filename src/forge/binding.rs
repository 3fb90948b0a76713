//! Which credential belongs to which URL: the `Forge` objects in recant's own namespace, and their Secrets.
//!
//! A repository's URL comes from objects that tenants may write; the binding comes from a place where only recant's
//! operator may. A credential goes to URLs below its Forge's `spec.url` and to no others.

use crate::credential::Address;
use crate::credential::Credential;
use crate::credential::Credentials;
use crate::credential::Secret;
use crate::port::Answered;
use crate::port::Cluster;
use crate::port::PortError;
use recant_core::forge::Forge;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

const API_VERSION: &str = "recant.dev/v1alpha1";

/// How long bindings are believed.
const FRESH: Duration = Duration::from_secs(30);

/// The user's name where a Secret has none. GitHub wants this one for an app's token; others do not look.
const USERNAME: &str = "x-access-token";

/// A repository on its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slug {
    pub(super) owner: String,
    pub(super) name: String,
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// One `Forge` object, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// The object.
    pub(super) forge: Forge,
    /// Its `spec.url`.
    pub(super) base: Address,
    credential: Result<Credential, String>,
}

impl Bound {
    pub(super) fn name(&self) -> &str {
        &self.forge.name.name
    }

    pub(super) fn credential(&self) -> Result<&Credential, PortError> {
        self.credential
            .as_ref()
            .map_err(|why| PortError::Denied(format!("Forge {}: {why}", self.name())))
    }

    /// The repository, if it is below this Forge's URL and among its repositories.
    fn slug(&self, address: &Address) -> Option<Slug> {
        let [owner, name] = address.below(&self.base)? else {
            return None;
        };
        let full = format!("{owner}/{name}");
        let globs = &self.forge.spec.repositories;
        let meant = globs.is_empty() || globs.iter().any(|glob| matches(glob, &full));
        meant.then(|| Slug {
            owner: owner.clone(),
            name: name.clone(),
        })
    }
}

/// The bindings of one namespace.
pub struct Bindings {
    cluster: Arc<dyn Cluster>,
    namespace: String,
    read: Mutex<Option<(Instant, Arc<[Bound]>)>>,
}

impl Bindings {
    /// The bindings that the `Forge` objects in `namespace` make: recant's own, where tenants may not write.
    pub fn new(cluster: Arc<dyn Cluster>, namespace: impl Into<String>) -> Self {
        Self {
            cluster,
            namespace: namespace.into(),
            read: Mutex::new(None),
        }
    }

    /// The Forge that a repository's URL is bound to: of several the one with the longest path.
    pub(super) async fn find(&self, url: &str) -> Result<(Bound, Slug), PortError> {
        let address = address(url)?;
        let found = self.search(&address).await?;
        found.ok_or_else(|| {
            PortError::Denied(format!(
                "{address} is bound to no credential: create a Forge ({API_VERSION}) in namespace {} with spec.url: {}, \
                 or add the repository to its spec.repositories",
                self.namespace,
                address.origin()
            ))
        })
    }

    /// The same, where being bound to none is no error.
    pub(super) async fn of(&self, url: &str) -> Result<Option<Forge>, PortError> {
        let found = self.search(&address(url)?).await?;
        Ok(found.map(|(bound, _)| bound.forge))
    }

    /// One Forge by its name.
    pub(super) async fn named(&self, name: &ObjectRef) -> Result<Bound, PortError> {
        if name.namespace != self.namespace {
            return Err(PortError::Denied(format!(
                "a Forge binds nothing in namespace {}: only those in {} do",
                name.namespace, self.namespace
            )));
        }
        let all = self.all().await?;
        let found = all.iter().find(|bound| bound.forge.name.name == name.name);
        found
            .cloned()
            .ok_or_else(|| PortError::Invalid(format!("there is no Forge {} that can be used", name.name)))
    }

    async fn search(&self, address: &Address) -> Result<Option<(Bound, Slug)>, PortError> {
        let all = self.all().await?;
        let fits = all.iter().filter_map(|bound| Some((bound, bound.slug(address)?)));
        let closest =
            fits.min_by_key(|(bound, _)| (std::cmp::Reverse(bound.base.depth()), bound.name().to_owned()));
        Ok(closest.map(|(bound, slug)| (bound.clone(), slug)))
    }

    async fn all(&self) -> Result<Arc<[Bound]>, PortError> {
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, all)) = known
            && since.elapsed() < FRESH
        {
            return Ok(all);
        }
        let mut all = Vec::new();
        for forge in self.cluster.list(API_VERSION, "Forge", &self.namespace).await? {
            // A server that ignores the namespace must not bind anything.
            if forge.namespace() == self.namespace {
                all.extend(self.bound(&forge).await?);
            }
        }
        let all: Arc<[Bound]> = all.into();
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&all)));
        Ok(all)
    }

    async fn bound(&self, object: &Object) -> Result<Option<Bound>, PortError> {
        let forge = match Forge::of(object) {
            Ok(forge) => forge,
            Err(why) => {
                tracing::warn!(forge = object.name(), "{why}: ignored");
                return Ok(None);
            }
        };
        let base = match Address::parse(&forge.spec.url) {
            Ok(base) => base,
            Err(why) => {
                tracing::warn!(forge = object.name(), "spec.url: {why}: ignored");
                return Ok(None);
            }
        };
        let credential = self.credential(&forge).await?;
        Ok(Some(Bound {
            forge,
            base,
            credential,
        }))
    }

    async fn credential(&self, forge: &Forge) -> Result<Result<Credential, String>, PortError> {
        let Some(secret) = forge.spec.secret_ref.as_ref().map(|secret| secret.name.as_str()) else {
            return Ok(Err("spec.secretRef.name is missing".to_owned()));
        };
        let name = ObjectRef::new("v1", "Secret", &self.namespace, secret);
        let Some(object) = self.cluster.get(&name).await? else {
            return Ok(Err(format!("Secret {secret} is not there")));
        };
        let found = Secret::of(object);
        let username = found.line("username");
        let username = username.map_or_else(|_| USERNAME.to_owned(), |name| name.secret().to_owned());
        let credential = found.line("token").map(|token| Credential { username, token });
        Ok(credential)
    }
}

impl Credentials for Bindings {
    fn for_url<'a>(&'a self, url: &'a str) -> Answered<'a, Option<Credential>> {
        Box::pin(async move {
            match self.search(&address(url)?).await? {
                Some((bound, _)) => Ok(Some(bound.credential()?.clone())),
                None => Ok(None),
            }
        })
    }

    /// Makes the next look-up read the objects anew.
    fn refused(&self) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn address(url: &str) -> Result<Address, PortError> {
    Address::parse(url).map_err(|why| PortError::Invalid(format!("repository URL: {why}")))
}

/// Whether `owner/name` fits a glob with `*` for any run of characters but `/`. Hosts do not look at case.
fn matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.to_ascii_lowercase(), text.to_ascii_lowercase());
    let (globs, parts): (Vec<&str>, Vec<&str>) = (glob.split('/').collect(), text.split('/').collect());
    globs.len() == parts.len() && globs.iter().zip(&parts).all(|(glob, part)| fits(glob, part))
}

fn fits(glob: &str, part: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else {
        return glob == part;
    };
    let Some(tail) = part.strip_prefix(head) else {
        return false;
    };
    let cuts = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
    cuts.into_iter().any(|at| fits(rest, &tail[at..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_glob_stays_within_its_part() {
        for (glob, text, expected) in [
            ("acme/fleet", "acme/fleet", true),
            ("Acme/Fleet", "acme/fleet", true),
            ("acme/*", "acme/fleet", true),
            ("*/*", "acme/fleet", true),
            ("acme/f*t", "acme/fleet", true),
            ("acme/*e*t", "acme/fleet", true),
            ("*", "acme/fleet", false),
            ("acme*", "acme/fleet", false),
            ("acme/f*x", "acme/fleet", false),
            ("acme/fleet", "acme/fleet-2", false),
            ("acm/*", "acme/fleet", false),
            ("", "acme/fleet", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }
}
