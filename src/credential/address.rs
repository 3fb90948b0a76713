//! Where a Git repository is, in one spelling, so that two URLs can be compared before a credential is sent.
//!
//! Requests are made to the address's own URL, never to the text it was read from: what was compared is what is
//! asked. A URL whose path could be read in two ways is refused.

use recant_core::repo_url::SSH_HOSTS;
use std::fmt;
use url::Url;

/// Scheme, host, port and path of a repository or of a host's root.
///
/// Userinfo is dropped, case of scheme and host folded, the default port filled in, a trailing `.git` and slash
/// taken off. The SSH forms (`ssh://git@host/o/n`, `git@host:o/n.git`) become the HTTPS address of the same host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: String,
    host: String,
    port: u16,
    path: Vec<String>,
    written: Written,
}

/// How the URL was written. Two spellings of one place are equal.
#[derive(Clone, Copy, Debug)]
struct Written {
    suffix: bool,
    ssh: bool,
}

impl PartialEq for Written {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Written {}

impl Address {
    /// Reads a URL. The error says what is wrong with it, without its userinfo.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_matches(' ');
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err("the URL holds white space, a control character or a backslash".to_owned());
        }
        if !text.contains("://") {
            return Self::parse(&scp(text).ok_or("it is neither a URL nor user@host:path")?);
        }
        refuse_dots(text)?;
        let url = Url::parse(text).map_err(|e| format!("not a URL: {e}"))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a repository's URL has no query and no fragment".to_owned());
        }
        let host = url
            .host_str()
            .filter(|h| !h.is_empty())
            .ok_or("the URL names no host")?;
        let (scheme, host, port) = match url.scheme() {
            scheme @ ("http" | "https") => {
                let port = url.port_or_known_default().ok_or("the URL has no port")?;
                (scheme, host.to_owned(), port)
            }
            "ssh" => ("https", https_host(host)?, 443),
            other => return Err(format!("scheme {other:?} is not http, https or ssh")),
        };
        let (path, suffix) = split_path(url.path())?;
        Ok(Self {
            scheme: scheme.to_owned(),
            host,
            port,
            path,
            written: Written {
                suffix,
                ssh: url.scheme() == "ssh",
            },
        })
    }

    /// The repository at that path of this address's host, written without `.git`.
    #[must_use]
    pub fn at(&self, path: Vec<String>) -> Self {
        Self {
            path,
            written: Written {
                suffix: false,
                ssh: false,
            },
            ..self.clone()
        }
    }

    /// The same, written with `.git`.
    #[must_use]
    pub fn dot_git(mut self) -> Self {
        self.written.suffix = true;
        self
    }

    /// Whether it was written as an SSH URL: then scheme and port are those that HTTPS usually has, not known ones.
    pub fn is_ssh(&self) -> bool {
        self.written.ssh
    }

    /// The parts of the path.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// The address as a URL without `.git`.
    pub fn url(&self) -> String {
        format!("{self}")
    }

    /// The URL to speak Git to: with `.git` if the address was written so.
    pub fn git_url(&self) -> String {
        let suffix = if self.written.suffix { ".git" } else { "" };
        format!("{self}{suffix}")
    }

    /// The host's name, without port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The parts of the path below `base`, or none when this address is not below it.
    pub fn below<'a>(&'a self, base: &Self) -> Option<&'a [String]> {
        let same_place = self.scheme == base.scheme && self.host == base.host && self.port == base.port;
        if !same_place {
            return None;
        }
        self.path.strip_prefix(base.path.as_slice())
    }

    /// How many parts the path has: a longer one binds closer.
    pub fn depth(&self) -> usize {
        self.path.len()
    }

    /// The root of this address's host.
    pub fn origin(&self) -> String {
        let default = if self.scheme == "https" { 443 } else { 80 };
        if self.port == default {
            format!("{}://{}", self.scheme, self.host)
        } else {
            format!("{}://{}:{}", self.scheme, self.host, self.port)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())?;
        for part in &self.path {
            write!(f, "/{part}")?;
        }
        Ok(())
    }
}

/// `git@host:owner/name.git` as an `ssh://` URL. A colon after a slash is part of a path, not of this form.
fn scp(text: &str) -> Option<String> {
    let (host, path) = text.split_once(':')?;
    if host.contains('/') || host.is_empty() || path.is_empty() {
        return None;
    }
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    Some(format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

/// The host behind an SSH endpoint. `ssh` URLs keep their host as it was written, so it is read again as HTTPS reads it.
fn https_host(host: &str) -> Result<String, String> {
    let url = Url::parse(&format!("https://{host}/")).map_err(|e| format!("not a host's name: {e}"))?;
    let host = url.host_str().ok_or("the URL names no host")?;
    let known = SSH_HOSTS.iter().find(|(ssh, _)| *ssh == host);
    Ok(known.map_or(host, |(_, https)| https).to_owned())
}

/// URL parsers resolve `..` before anybody could see it; who writes it has something in mind.
fn refuse_dots(text: &str) -> Result<(), String> {
    let path = text.split_once("://").map_or(text, |(_, rest)| rest);
    let dots = path
        .split('/')
        .skip(1)
        .any(|part| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."));
    if dots {
        return Err("the URL's path holds \".\" or \"..\"".to_owned());
    }
    Ok(())
}

/// The parts of a path, and whether it ended in `.git`. Anything a server might decode is refused.
fn split_path(path: &str) -> Result<(Vec<String>, bool), String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let (path, suffix) = match path.strip_suffix(".git") {
        Some(stem) => (stem, true),
        None => (path, false),
    };
    if path.is_empty() {
        return Ok((Vec::new(), suffix));
    }
    let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~+@".contains(c);
    match parts
        .iter()
        .find(|part| part.is_empty() || !part.chars().all(plain))
    {
        Some(part) => Err(format!(
            "the part {part:?} of the URL's path is empty or holds more than letters, digits and -._~+@"
        )),
        None => Ok((parts, suffix)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<String, String> {
        Address::parse(text).map(|a| a.url())
    }

    #[test]
    fn one_place_has_one_spelling() {
        for text in [
            "https://github.com/acme/fleet",
            "https://github.com/acme/fleet/",
            "https://github.com/acme/fleet.git",
            "HTTPS://GitHub.com:443/acme/fleet.git",
            "https://user:pass@github.com/acme/fleet",
            "ssh://git@github.com/acme/fleet.git",
            "ssh://git@github.com:22/acme/fleet",
            "ssh://git@ssh.github.com:443/acme/fleet",
            "git@github.com:acme/fleet.git",
            "git@github.com:/acme/fleet",
            "ssh://git@GitHub.com/acme/fleet",
            "ssh://git@github%2ecom/acme/fleet",
        ] {
            assert_eq!(
                url(text),
                Ok("https://github.com/acme/fleet".to_owned()),
                "{text}"
            );
        }
        assert_eq!(
            url("http://127.0.0.1:3000/a/b"),
            Ok("http://127.0.0.1:3000/a/b".to_owned())
        );
        assert_eq!(
            url("http://[::1]:3000/a/b"),
            Ok("http://[::1]:3000/a/b".to_owned())
        );
    }

    #[test]
    fn a_url_that_can_be_read_in_two_ways_is_refused() {
        for text in [
            "https://github.com/acme/../evil/fleet",
            "https://github.com/acme/%2e%2e/evil",
            "https://github.com/acme/./fleet",
            "https://github.com/acme//fleet",
            "https://github.com/acme%2ffleet",
            "https://github.com\\@evil/acme/fleet",
            "https://github.com/acme/fleet?x=1",
            "https://github.com/acme/fleet#x",
            "https://github.com/acme/fl\teet",
            "https://github.com/acme/flée\u{202e}t",
            "https://",
            "file:///etc",
            "ext::sh -c whoami",
            "ssh://git@github.com%2f.evil/acme/fleet",
            "github.com:pw@evil:acme/fleet",
            "git://github.com/acme/fleet",
            "/srv/repo",
            "",
        ] {
            assert!(url(text).is_err(), "{text}: {:?}", url(text));
        }
    }

    #[test]
    fn an_error_never_holds_the_userinfo() {
        let error = url("https://bot:s3cret@github.com/a/../b").expect_err("it has dots");
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_binding_holds_for_its_scheme_host_port_and_path_only() {
        let base = Address::parse("https://git.example.com/forge").expect("a plain URL");
        let below = |text: &str| {
            Address::parse(text)
                .ok()
                .and_then(|a| a.below(&base).map(<[String]>::to_vec))
        };
        assert_eq!(
            below("https://git.example.com/forge/acme/fleet.git"),
            Some(vec!["acme".to_owned(), "fleet".to_owned()])
        );
        for text in [
            "http://git.example.com/forge/acme/fleet",
            "https://git.example.com:444/forge/acme/fleet",
            "https://git.example.com/acme/fleet",
            "https://git.example.com/forged/acme/fleet",
            "https://git.example.com/Forge/acme/fleet",
            "https://git.example.com.evil/forge/acme/fleet",
            "https://evil/git.example.com/forge/acme/fleet",
            "https://git.example.com@evil/forge/acme/fleet",
            "https://git.example.com:pw@evil/forge/acme/fleet",
            "https://git.example.com./forge/acme/fleet",
            "https://git.example.c\u{043e}m/forge/acme/fleet",
            "https://git\u{3002}example.com.evil/forge/acme/fleet",
            "https://git.example.com%2f@evil/forge/acme/fleet",
        ] {
            assert_eq!(below(text), None, "{text}");
        }
    }
}
