//! What hangs on a credential beside the token: the key that commits are signed with, the prefix of own branches; and
//! the question whether a push would be taken.

use super::origin::Bound;
use super::origin::Origin;
use super::origin::TOKEN;
use super::origin::branch;
use super::origin::git;
use super::origin::http;
use super::origin::kind;
use super::origin::push;
use recant::credential::Anonymous;
use recant::credential::Credential;
use recant::credential::Credentials;
use recant::credential::Manner;
use recant::credential::Signer;
use recant::credential::Token;
use recant::port::Answered;
use recant::port::Repo;
use recant_core::effect::Push;
use recant_core::forge::Author;
use recant_core::forge::SigningKeyType;
use recant_core::query::RepoUrl;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// A credential with a manner of its own.
struct With(Manner);

impl Credentials for With {
    fn for_url<'a>(&'a self, _url: &'a str) -> Answered<'a, Option<Credential>> {
        let mut credential = Credential::new("bot", Token::new(TOKEN));
        credential.manner = self.0.clone();
        Box::pin(async { Ok(Some(credential)) })
    }
}

/// A new key, made by OpenSSH; none where there is no OpenSSH.
fn key(dir: &Path, r#type: &str, password: &str) -> Option<(String, String)> {
    let path = dir.join(r#type);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", r#type, "-N", password, "-C", "recant", "-f"])
        .arg(&path)
        .output();
    if made.is_err() {
        eprintln!("skipped: there is no ssh-keygen here to make keys and verify signatures");
        return None;
    }
    let public = fs::read_to_string(path.with_extension("pub")).unwrap();
    Some((fs::read_to_string(path).unwrap(), public))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_signed_with_an_ssh_key_is_good_to_git_itself() {
    for (r#type, password) in [("ed25519", ""), ("ecdsa", ""), ("ed25519", "s3same")] {
        let origin = Origin::new();
        let Some(server) = http(&origin, true).await else {
            return;
        };
        let (cache, keys) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let Some((private, public)) = key(keys.path(), r#type, password) else {
            return;
        };
        let manner = Manner {
            signer: Some(Signer {
                r#type: SigningKeyType::Ssh,
                key: Token::new(private),
                passphrase: (!password.is_empty()).then(|| Token::new(password)),
            }),
            ..Manner::default()
        };
        let url = format!("{}/fleet.git", server.url());
        let wanted = Push {
            author: Some(Author {
                name: "Fleet Bot".to_owned(),
                email: "fleet@example.com".to_owned(),
            }),
            ..push(&url, origin.second, None)
        };
        let client = git(&cache, Arc::new(With(manner)));
        let id = client.push(&wanted).await.unwrap();
        assert_eq!(
            client.push(&wanted).await.unwrap(),
            id,
            "done twice it is one commit"
        );
        let signers = keys.path().join("signers");
        fs::write(&signers, format!("fleet@example.com {public}")).unwrap();
        let verified = Command::new("git")
            .args(["-c", &format!("gpg.ssh.allowedSignersFile={}", signers.display())])
            .args(["verify-commit", &id])
            .current_dir(origin.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(
            verified.status.success() && said.contains("fleet@example.com"),
            "{type}: {said}"
        );
        let shown = Command::new("git")
            .args(["log", "-1", "--format=%an <%ae> %cn", &id])
            .current_dir(origin.path())
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert_eq!(shown.trim(), "Fleet Bot <fleet@example.com> Fleet Bot");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forges_own_prefix_decides_which_branches_are_recants() {
    let origin = Origin::new();
    let Some(server) = http(&origin, true).await else {
        return;
    };
    let cache = TempDir::new().unwrap();
    let manner = Manner {
        own_prefix: Some("bots/recant/".to_owned()),
        ..Manner::default()
    };
    let git = git(&cache, Arc::new(With(manner)));
    let url = format!("{}/fleet.git", server.url());
    let usual = push(&url, origin.second, None);
    assert_eq!(kind(&git.push(&usual).await), "denied");
    let own = Push {
        branch: branch(&url, "bots/recant/revert/web-1"),
        ..usual
    };
    git.push(&own).await.unwrap();
    assert!(origin.at("bots/recant/revert/web-1").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_the_right_to_push_pushes_nothing() {
    let origin = Origin::new();
    let Some(server) = http(&origin, true).await else {
        return;
    };
    let repo = RepoUrl(format!("{}/fleet.git", server.url()));
    let before = origin.repo.references().unwrap().count();
    for (credentials, expected) in [
        (Arc::new(Bound(TOKEN)) as Arc<dyn Credentials>, "ok"),
        (Arc::new(Bound("wrong")), "denied"),
        (Arc::new(Anonymous), "denied"),
    ] {
        let cache = TempDir::new().unwrap();
        assert_eq!(kind(&git(&cache, credentials).may_push(&repo).await), expected);
    }
    assert_eq!(origin.repo.references().unwrap().count(), before);
}
