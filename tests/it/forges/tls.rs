//! A host with a certificate from an authority of its own, one that wants to see recant's, and a proxy before both.

use super::life::AUTHORITY;
use super::life::HEAD;
use super::life::hosts;
use super::life::objects;
use super::life::secret;
use super::words::Kind;
use super::words::TOKEN;
use crate::forge_clients::bound::Objects;
use recant::port::Forge as _;
use recant::port::PortError;
use recant_core::query::Branch;
use recant_core::query::RepoUrl;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate for this machine's own address, from the authority.
fn certificate() -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &AUTHORITY.0).unwrap();
    (certificate, key)
}

/// An empty Gitea behind TLS. It wants a certificate from the authority when `mutual`.
pub(crate) async fn start(mutual: bool) -> String {
    recant::tls::install();
    let (certificate, key) = certificate();
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder = rustls::ServerConfig::builder();
    let config = if mutual {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(AUTHORITY.0.der().clone()).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots))
            .build()
            .unwrap();
        builder
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
    } else {
        builder.with_no_client_auth().with_single_cert(chain, key)
    };
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut request = vec![0; 4096];
                let _ = stream.read(&mut request).await;
                let answer =
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]";
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    url
}

/// A proxy that lets everybody through, and remembers who asked for what.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let told = Arc::clone(&told);
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                let read = client.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let target = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
                told.lock().unwrap().push(head);
                let Ok(mut host) = tokio::net::TcpStream::connect(&target).await else {
                    return;
                };
                let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let _ = tokio::io::copy_bidirectional(&mut client, &mut host).await;
            });
        }
    });
    (url, seen)
}

async fn ask(cluster: Arc<Objects>, url: &str) -> Result<usize, PortError> {
    let branch = Branch {
        repo: RepoUrl(format!("{url}/acme/fleet.git")),
        name: HEAD.to_owned(),
    };
    hosts(cluster).pulls(&branch).await.map(|pulls| pulls.len())
}

#[tokio::test]
async fn a_private_authority_is_trusted_where_the_forge_says_so_and_only_there() {
    let url = start(false).await;
    assert_eq!(ask(objects(Kind::Gitea, &url), &url).await.unwrap(), 0);
    let cluster = objects(Kind::Gitea, &url);
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    cluster.put(secret("ca", &BTreeMap::from([("ca.crt", other.cert.pem())])));
    let answer = ask(cluster, &url).await;
    assert!(matches!(answer, Err(PortError::Unreachable(_))), "{answer:?}");
    let cluster = objects(Kind::Gitea, &url);
    cluster.put(secret("ca", &BTreeMap::from([("ca.crt", "none".to_owned())])));
    let answer = ask(cluster, &url).await;
    assert!(
        matches!(&answer, Err(PortError::Denied(why)) if why.contains("ca.crt")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_host_that_wants_a_certificate_sees_recants() {
    let url = start(true).await;
    assert!(
        ask(objects(Kind::Gitea, &url), &url).await.is_err(),
        "without one"
    );
    let (certificate, key) = certificate();
    let cluster = objects(Kind::Gitea, &url);
    cluster.put(secret(
        "ca",
        &BTreeMap::from([
            ("ca.crt", AUTHORITY.1.clone()),
            ("tls.crt", certificate.pem()),
            ("tls.key", key.serialize_pem()),
        ]),
    ));
    assert_eq!(ask(cluster, &url).await.unwrap(), 0);
    let cluster = objects(Kind::Gitea, &url);
    cluster.put(secret("ca", &BTreeMap::from([("tls.crt", certificate.pem())])));
    let answer = ask(cluster, &url).await;
    assert!(
        matches!(&answer, Err(PortError::Denied(why)) if why.contains("tls.key")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_proxy_sees_where_and_never_what() {
    let url = start(false).await;
    let (through, seen) = proxy().await;
    let cluster = objects(Kind::Gitea, &url);
    let mut forge = serde_json::json!({
        "apiVersion": "recant.dev/v1alpha1", "kind": "Forge",
        "metadata": { "namespace": "recant-system", "name": "host" },
        "spec": { "type": "gitea", "url": url, "secretRef": { "name": "token" }, "certSecretRef": { "name": "ca" } },
    });
    forge["spec"]["proxySecretRef"] = serde_json::json!({ "name": "proxy" });
    cluster.put(forge);
    cluster.put(secret(
        "proxy",
        &BTreeMap::from([
            ("address", through),
            ("username", "bot".to_owned()),
            ("password", "pr0xy".to_owned()),
        ]),
    ));
    assert_eq!(ask(cluster, &url).await.unwrap(), 0);
    let seen = seen.lock().unwrap().clone();
    // `printf bot:pr0xy | base64`
    assert!(
        seen.iter()
            .all(|head| head.starts_with("CONNECT ") && head.contains("Ym90OnByMHh5")),
        "{seen:?}"
    );
    assert!(!seen.is_empty() && !seen.concat().contains(TOKEN));
}
