//! source-controller: the newest commit of a branch, as an artifact.

use super::Artifact;
use super::Desk;
use super::Flux;
use super::REQUESTED_AT;
use super::Remotes;
use super::SOURCE;
use super::status;
use crate::clock;
use crate::trace::What;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_render::Entry;
use recant_render::Tree;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use std::fmt::Write;

const MANAGER: &str = "source-controller";

/// A commit found by a reference.
struct Found {
    revision: String,
    commit: String,
    subject: String,
    tree: Tree,
    digest: String,
    ignore: Option<String>,
}

/// The GitRepository that a Kustomization reads.
pub(super) fn of(kustomization: &Object) -> ObjectRef {
    let namespace = match kustomization.str("/spec/sourceRef/namespace") {
        "" => kustomization.namespace(),
        namespace => namespace,
    };
    let kind = kustomization.str("/spec/sourceRef/kind");
    ObjectRef::new(SOURCE, kind, namespace, kustomization.str("/spec/sourceRef/name"))
}

/// Fetches, and says after how many seconds to look again.
pub(super) fn reconcile(flux: &mut Flux, desk: &mut Desk<'_>, remotes: &dyn Remotes, source: &Object) -> f64 {
    let interval_s = clock::go_duration_s(source.str("/spec/interval")).unwrap_or(60.0);
    let mut new = source.at("/status").cloned().unwrap_or(json!({}));
    new["observedGeneration"] = json!(source.generation());
    if let Some(at) = source.annotation(REQUESTED_AT) {
        new["lastHandledReconcileAt"] = json!(at);
    }
    match fetch(flux.artifacts.get(&source.reference()), remotes, source) {
        Ok(found) => {
            store(flux, desk, source, &found, &mut new);
            desk.status(MANAGER, &source.reference(), new);
            interval_s
        }
        Err(message) => {
            fail(desk, source, &message, &mut new);
            desk.status(MANAGER, &source.reference(), new);
            interval_s.min(10.0)
        }
    }
}

/// `stored` is what is in storage already: what has not moved is not read again.
fn fetch(stored: Option<&Artifact>, remotes: &dyn Remotes, source: &Object) -> Result<Found, String> {
    let url = source.str("/spec/url");
    let cannot =
        |why: &str| format!("failed to checkout and determine revision: unable to clone '{url}': {why}");
    for field in [
        "ignore",
        "include",
        "sparseCheckout",
        "verify",
        "recurseSubmodules",
    ] {
        if source.at(&format!("/spec/{field}")).is_some() {
            return Err(cannot(&format!("spec.{field} is not part of this world")));
        }
    }
    let git = remotes
        .at(url)
        .ok_or_else(|| cannot("repository not found: Repository not found"))?;
    let (pointer, commit) = reference(source, |branch| git.head(branch)).map_err(|why| cannot(&why))?;
    let missing = || cannot(&format!("object not found: commit {commit}"));
    let shown = git.show(&commit).ok_or_else(missing)?;
    let revision = match pointer.as_str() {
        "" => format!("sha1:{commit}"),
        pointer => format!("{pointer}@sha1:{commit}"),
    };
    let ignore = source
        .at("/spec/ignore")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let same = |stored: &&Artifact| stored.revision == revision && stored.ignore == ignore;
    let (tree, digest) = match stored.filter(same) {
        Some(stored) => (stored.tree.clone(), stored.digest.clone()),
        None => {
            let tree = git.tree(&commit).ok_or_else(missing)?;
            let tree = recant_render::flux::archived(&tree, ignore.as_deref());
            let digest = digest(&tree);
            (tree, digest)
        }
    };
    Ok(Found {
        revision,
        subject: shown.subject().to_owned(),
        commit,
        tree,
        digest,
        ignore,
    })
}

/// What stands before the `@` of the revision, and the commit.
fn reference(source: &Object, head: impl Fn(&str) -> Option<String>) -> Result<(String, String), String> {
    let at = |field: &str| source.str(&format!("/spec/ref/{field}")).to_owned();
    if !at("tag").is_empty() || !at("semver").is_empty() {
        return Err("references by tag or semver are not part of this world".to_owned());
    }
    let branch = match at("branch") {
        branch if branch.is_empty() => "master".to_owned(),
        branch => branch,
    };
    if !at("commit").is_empty() {
        return Ok((at("branch"), at("commit")));
    }
    let (pointer, branch) = match at("name").strip_prefix("refs/heads/") {
        Some(short) => (at("name"), short.to_owned()),
        None => (branch.clone(), branch),
    };
    let commit = head(&branch).ok_or_else(|| format!("couldn't find remote ref \"refs/heads/{branch}\""))?;
    Ok((pointer, commit))
}

fn store(flux: &mut Flux, desk: &mut Desk<'_>, source: &Object, found: &Found, new: &mut Value) {
    let message = format!("stored artifact for revision '{}'", found.revision);
    let is_new = source.str("/status/artifact/revision") != found.revision
        || source.str("/status/artifact/digest") != found.digest;
    if is_new {
        let path = format!(
            "gitrepository/{}/{}/{}.tar.gz",
            source.namespace(),
            source.name(),
            found.commit
        );
        new["artifact"] = json!({
            "digest": found.digest,
            "lastUpdateTime": clock::stamp(desk.now),
            "path": path,
            "revision": found.revision,
            "size": size(&found.tree),
            "url": format!("http://source-controller.flux-system.svc.cluster.local./{path}"),
        });
        desk.tell(What::Fetched {
            source: format!("{}/{}", source.namespace(), source.name()),
            revision: found.revision.clone(),
            subject: found.subject.clone(),
        });
    }
    if let Some(ignore) = &found.ignore {
        new["observedIgnore"] = json!(ignore);
    }
    new["conditions"] = json!([
        status::condition(desk, source, "Ready", "True", "Succeeded", &message),
        status::condition(desk, source, "ArtifactInStorage", "True", "Succeeded", &message),
    ]);
    let artifact = Artifact {
        revision: found.revision.clone(),
        tree: found.tree.clone(),
        digest: found.digest.clone(),
        ignore: found.ignore.clone(),
    };
    flux.artifacts.insert(source.reference(), artifact);
}

/// The artifact of before stays in storage.
fn fail(desk: &mut Desk<'_>, source: &Object, message: &str, new: &mut Value) {
    let reason = "GitOperationFailed";
    let mut conditions = vec![
        status::condition(desk, source, "Ready", "False", reason, message),
        status::condition(desk, source, "FetchFailed", "True", reason, message),
    ];
    conditions.extend(status::find(source, "ArtifactInStorage").cloned());
    new["conditions"] = json!(conditions);
    status::tell_failure(desk, source, reason, message);
}

fn digest(tree: &Tree) -> String {
    let mut hash = sha2::Sha256::new();
    for (path, entry) in tree.iter() {
        if let Entry::File(bytes) = entry {
            hash.update(path.as_bytes());
            hash.update([0]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
    }
    hexadecimal("sha256:", &hash.finalize())
}

/// Bytes in hexadecimal digits after a prefix.
pub(super) fn hexadecimal(prefix: &str, bytes: &[u8]) -> String {
    bytes.iter().fold(prefix.to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn size(tree: &Tree) -> usize {
    let sizes = tree.iter().map(|(_, entry)| match entry {
        Entry::File(bytes) => bytes.len(),
        Entry::Link(_) => 0,
    });
    sizes.sum()
}
