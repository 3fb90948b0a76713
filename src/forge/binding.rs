//! Which credential belongs to which URL: the `Forge` objects in recant's own namespace, and their Secrets.
//!
//! A repository's URL comes from objects that tenants may write; the binding comes from a place where only recant's
//! operator may. A credential goes to URLs below its Forge's `spec.url` and to no others.

use super::app::Apps;
use super::glob;
use super::keys;
use super::keys::Keys;
use super::slug::Slug;
use crate::credential::Address;
use crate::credential::Credential;
use crate::credential::Credentials;
use crate::credential::Manner;
use crate::credential::Secret;
use crate::port::Answered;
use crate::port::Cluster;
use crate::port::PortError;
use recant_core::forge::Forge;
use recant_core::forge::ForgeSpec;
use recant_core::forge::ForgeType;
use recant_core::forge::SecretRef;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

const API_VERSION: &str = "recant.dev/v1alpha1";

/// How long bindings are believed.
const FRESH: Duration = Duration::from_secs(30);

/// The user's name that GitHub wants beside an app's token; others do not look.
const APP_USERNAME: &str = "x-access-token";

/// One `Forge` object, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// The object.
    pub(super) forge: Forge,
    /// Its `spec.url`.
    pub(super) base: Address,
    /// What hangs on it beside the credential.
    pub(super) manner: Manner,
    /// The credential, or why there is none.
    pub(super) keys: Result<Keys, String>,
}

impl Bound {
    pub(super) fn name(&self) -> &str {
        &self.forge.name.name
    }

    pub(super) fn keys(&self) -> Result<&Keys, PortError> {
        self.keys
            .as_ref()
            .map_err(|why| PortError::Denied(format!("Forge {}: {why}", self.name())))
    }

    /// The repositories that are named without a glob: those that can be asked about.
    pub(super) fn named_repositories(&self) -> Vec<Slug> {
        let named = self
            .forge
            .spec
            .repositories
            .iter()
            .filter(|path| !path.contains('*'));
        named
            .filter_map(|path| path.rsplit_once('/'))
            .map(|(owner, name)| Slug {
                owner: owner.to_owned(),
                name: name.to_owned(),
            })
            .collect()
    }

    /// The repository, if it is below this Forge's URL and among its repositories. An SSH URL says nothing of scheme,
    /// port, and where the host's pages begin: there the host's name counts, and the rest is the Forge's.
    fn slug(&self, address: &Address) -> Option<Slug> {
        let https;
        let address = match address.is_ssh() {
            true => {
                https = self.https(address)?;
                &https
            }
            false => address,
        };
        let slug = Slug::of(self.forge.spec.r#type, address.below(&self.base)?)?;
        let globs = &self.forge.spec.repositories;
        let path = slug.to_string();
        let meant = globs.is_empty() || globs.iter().any(|glob| glob::matches(glob, &path));
        meant.then_some(slug)
    }
}

impl Bound {
    /// Where Git is spoken to over HTTPS for a repository that is named by an SSH URL.
    fn https(&self, ssh: &Address) -> Option<Address> {
        if ssh.host() != self.base.host() {
            return None;
        }
        Some(match (self.forge.spec.r#type, ssh.path()) {
            (ForgeType::AzureDevOps, [v3, owner @ .., name]) if v3 == "v3" => {
                let mut path = owner.to_vec();
                path.extend(["_git".to_owned(), name.clone()]);
                self.base.at(path)
            }
            (ForgeType::BitbucketServer, [project, name]) => {
                let mut path = self.base.path().to_vec();
                path.extend(["scm".to_owned(), project.clone(), name.clone()]);
                self.base.at(path).dot_git()
            }
            (_, said) => self.base.at(said.to_vec()).dot_git(),
        })
    }
}

/// The bindings of one namespace.
pub struct Bindings {
    cluster: Arc<dyn Cluster>,
    namespace: String,
    read: Mutex<Option<(Instant, Arc<[Bound]>)>>,
    /// The Apps' tokens: Git and REST share them.
    pub(super) apps: Apps,
}

impl Bindings {
    /// The bindings that the `Forge` objects in `namespace` make: recant's own, where tenants may not write.
    pub fn new(cluster: Arc<dyn Cluster>, namespace: impl Into<String>) -> Self {
        Self {
            cluster,
            namespace: namespace.into(),
            read: Mutex::new(None),
            apps: Apps::default(),
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
        let (keys, manner) = match self.secrets(&forge).await? {
            Ok((keys, manner)) => (Ok(keys), manner),
            Err(why) => (Err(why), Manner::default()),
        };
        Ok(Some(Bound {
            forge,
            base,
            manner,
            keys,
        }))
    }

    /// The Forge's Secrets, or what is wrong with one of them: without its certificates or its proxy a host is not
    /// spoken to at all.
    async fn secrets(&self, forge: &Forge) -> Result<Result<(Keys, Manner), String>, PortError> {
        let spec = &forge.spec;
        let Some(named) = &spec.secret_ref else {
            return Ok(Err("spec.secretRef.name is missing".to_owned()));
        };
        let mut all = BTreeMap::new();
        let signing = spec.commits.signing_key.as_ref();
        let others = [&spec.cert_secret_ref, &spec.proxy_secret_ref]
            .into_iter()
            .flatten();
        for wanted in others.chain([named]).chain(signing.map(|key| &key.secret_ref)) {
            let name = ObjectRef::new("v1", "Secret", &self.namespace, &wanted.name);
            let Some(object) = self.cluster.get(&name).await? else {
                return Ok(Err(format!("Secret {} is not there", wanted.name)));
            };
            all.insert(wanted.name.as_str(), Secret::of(object));
        }
        Ok(read(spec, named, &all))
    }
}

fn read(spec: &ForgeSpec, named: &SecretRef, all: &BTreeMap<&str, Secret>) -> Result<(Keys, Manner), String> {
    let secret = |named: &SecretRef| {
        all.get(named.name.as_str())
            .ok_or_else(|| format!("Secret {} is not there", named.name))
    };
    let mut manner = Manner {
        own_prefix: Some(spec.pull_requests.branch_prefix.clone()),
        ..Manner::default()
    };
    for named in [Some(named), spec.cert_secret_ref.as_ref()].into_iter().flatten() {
        keys::certificates(secret(named)?, &mut manner.transport)?;
    }
    if let Some(named) = &spec.proxy_secret_ref {
        manner.transport.proxy = Some(keys::proxy(secret(named)?)?);
    }
    if let Some(key) = &spec.commits.signing_key {
        manner.signer = Some(keys::signer(secret(&key.secret_ref)?, key.r#type)?);
    }
    Ok((keys::credential(secret(named)?)?, manner))
}

impl Bindings {
    /// Who recant is to a host when it speaks Git.
    async fn credential(&self, bound: &Bound) -> Result<Credential, PortError> {
        let (username, token) = match bound.keys()? {
            Keys::Token { username, token } => {
                let usual = usual_name(bound.forge.spec.r#type);
                (
                    username.clone().unwrap_or_else(|| usual.to_owned()),
                    token.clone(),
                )
            }
            Keys::App(_) => (APP_USERNAME.to_owned(), self.apps.tokens(bound)?.token().await?),
        };
        Ok(Credential {
            username,
            token,
            manner: bound.manner.clone(),
            place: None,
        })
    }
}

/// The user's name for a token where the Secret has none: a few hosts look at it.
const fn usual_name(r#type: ForgeType) -> &'static str {
    match r#type {
        ForgeType::Bitbucket | ForgeType::BitbucketServer => "x-token-auth",
        ForgeType::GitLab => "oauth2",
        _ => APP_USERNAME,
    }
}

impl Credentials for Bindings {
    fn for_url<'a>(&'a self, url: &'a str) -> Answered<'a, Option<Credential>> {
        Box::pin(async move {
            let address = address(url)?;
            let Some((bound, _)) = self.search(&address).await? else {
                return Ok(None);
            };
            let mut credential = self.credential(&bound).await?;
            credential.place = bound.https(&address).filter(|_| address.is_ssh());
            Ok(Some(credential))
        })
    }

    /// Makes the next look-up read the objects anew.
    fn refused(&self) {
        self.apps.forget();
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn address(url: &str) -> Result<Address, PortError> {
    Address::parse(url).map_err(|why| PortError::Invalid(format!("repository URL: {why}")))
}
