//! A repository by its URL: the same one however it is reached, so that clusters which spell it differently name the same
//! Reverts and branches. Never here: a URL that something is sent to.

/// SSH endpoints whose HTTPS host has another name.
pub const SSH_HOSTS: &[(&str, &str)] = &[
    ("ssh.github.com", "github.com"),
    ("altssh.gitlab.com", "gitlab.com"),
    ("altssh.bitbucket.org", "bitbucket.org"),
    ("ssh.dev.azure.com", "dev.azure.com"),
];

/// A repository's URL without what differs between two ways to reach it: scheme, user, port, `.git`, capitals of the
/// host; whether it is a URL or as scp writes it (`git@host:owner/name`); and where a host keeps the same repository in
/// two places.
pub(crate) fn plain_url(url: &str) -> String {
    let (place, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => scp(url),
    };
    let host = place.rsplit('@').next().unwrap_or(place);
    // The colons of an IPv6 address are in brackets.
    let host = match host.split_once(']') {
        Some((address, _)) => format!("{address}]"),
        None => host.split(':').next().unwrap_or(host).to_owned(),
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let host = host.to_ascii_lowercase();
    let https = SSH_HOSTS.iter().find(|(ssh, _)| *ssh == host);
    let host = https.map_or(host.as_str(), |(_, https)| https);
    format!("{host}/{}", as_https(path))
}

/// The path of an SSH URL as HTTPS has it: Azure DevOps' `v3/org/project/name` is `org/project/_git/name`, and what
/// Bitbucket Data Center calls `PROJECT/name` has an `scm/` before it.
fn as_https(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["v3", organisation, project, name] => format!("{organisation}/{project}/_git/{name}"),
        ["scm", project, name] => format!("{project}/{name}"),
        _ => path.to_owned(),
    }
}

/// `user@host:path`; to Git it is a path of this machine when a slash comes before the colon.
fn scp(url: &str) -> (&str, &str) {
    let address = url.find(']').unwrap_or(0);
    let ends = |(at, c): &(usize, char)| *at >= address && matches!(c, ':' | '/');
    let end = url.char_indices().find(ends).map_or(url.len(), |(at, _)| at);
    let (place, path) = url.split_at(end);
    (place, path.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_however_it_is_reached() {
        let table: [(&str, &[&str]); 6] = [
            (
                "git.example/org/fleet",
                &[
                    "https://git.example/org/fleet",
                    "https://git.example/org/fleet.git",
                    "https://Git.Example:443/org/fleet.git/",
                    "https://user:word@git.example/org/fleet",
                    "https://user:w@rd@git.example/org/fleet",
                    "ssh://git@git.example:22/org/fleet.git",
                    "ssh://git.example/org/fleet/",
                    "git@git.example:org/fleet.git",
                    "git@GIT.example:/org/fleet/",
                    "git.example:org/fleet",
                ],
            ),
            (
                "[2001:db8::1]/org/fleet",
                &[
                    "https://[2001:DB8::1]/org/fleet",
                    "https://[2001:db8::1]:8443/org/fleet.git",
                    "ssh://git@[2001:db8::1]:22/org/fleet.git",
                    "git@[2001:db8::1]:org/fleet",
                ],
            ),
            (
                "dev.azure.com/acme/ops/_git/fleet",
                &[
                    "https://dev.azure.com/acme/ops/_git/fleet",
                    "https://acme@dev.azure.com/acme/ops/_git/fleet",
                    "ssh://git@ssh.dev.azure.com/v3/acme/ops/fleet",
                    "git@ssh.dev.azure.com:v3/acme/ops/fleet",
                ],
            ),
            (
                "git.example/OPS/fleet",
                &[
                    "https://git.example/scm/OPS/fleet.git",
                    "ssh://git@git.example:7999/OPS/fleet.git",
                ],
            ),
            (
                "github.com/acme/fleet",
                &[
                    "https://github.com/acme/fleet",
                    "ssh://git@ssh.github.com:443/acme/fleet.git",
                ],
            ),
            // Whom a path belongs to begins behind the first colon, whatever it holds.
            (
                "git.example/~dana/fl@eet:1",
                &[
                    "git@git.example:~dana/fl@eet:1",
                    "https://git.example/~dana/fl@eet:1",
                ],
            ),
        ];
        for (plain, urls) in table {
            for url in urls {
                assert_eq!(plain_url(url), plain, "{url}");
            }
        }
        assert_ne!(
            plain_url("https://git.example/org/fleet"),
            plain_url("https://git.example/org/Fleet")
        );
        assert_ne!(
            plain_url("git@git.example:a/fleet"),
            plain_url("git@git.example:b/fleet")
        );
    }
}
