//! Where a repository is on its host: what its URL says below the Forge's, in the host's own order.

use recant_core::forge::ForgeType;
use std::fmt;

/// A repository on its host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slug {
    /// All but the last part: `owner`, `group/subgroup`, `organisation/project`.
    pub(super) owner: String,
    /// The last part.
    pub(super) name: String,
}

impl Slug {
    /// Reads the parts of a path below a Forge's URL; none when no repository of such a host can be there.
    pub(super) fn of(r#type: ForgeType, parts: &[String]) -> Option<Self> {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (owner, name): (&[&str], &str) = match (r#type, parts.as_slice()) {
            (
                ForgeType::GitHub | ForgeType::Gitea | ForgeType::Forgejo | ForgeType::Bitbucket,
                [owner, name],
            ) => (&[*owner], *name),
            (ForgeType::GitLab, [groups @ .., name]) if !groups.is_empty() => (groups, *name),
            (ForgeType::BitbucketServer, ["scm", project, name] | [project, name]) => (&[*project], *name),
            // https://dev.azure.com/org/project/_git/name, and ssh://git@ssh.dev.azure.com/v3/org/project/name
            (ForgeType::AzureDevOps, ["v3", owner @ .., name]) if owner.len() == 2 => (owner, *name),
            (ForgeType::AzureDevOps, [owner @ .., "_git", name]) if matches!(owner.len(), 1 | 2) => {
                (owner, *name)
            }
            _ => return None,
        };
        Some(Self {
            owner: owner.join("/"),
            name: name.to_owned(),
        })
    }

    /// As one path segment, as GitLab wants it.
    pub(super) fn encoded(&self) -> String {
        self.to_string().replace('/', "%2F")
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_puts_its_repositories_where_it_does() {
        for (r#type, path, expected) in [
            (ForgeType::GitHub, "acme/fleet", Some("acme|fleet")),
            (ForgeType::GitHub, "acme", None),
            (ForgeType::GitHub, "acme/fleet/x", None),
            (
                ForgeType::GitLab,
                "acme/team/sub/fleet",
                Some("acme/team/sub|fleet"),
            ),
            (ForgeType::GitLab, "fleet", None),
            (ForgeType::BitbucketServer, "scm/OPS/fleet", Some("OPS|fleet")),
            (ForgeType::BitbucketServer, "~ada/fleet", Some("~ada|fleet")),
            (
                ForgeType::AzureDevOps,
                "acme/ops/_git/fleet",
                Some("acme/ops|fleet"),
            ),
            (ForgeType::AzureDevOps, "ops/_git/fleet", Some("ops|fleet")),
            (
                ForgeType::AzureDevOps,
                "v3/acme/ops/fleet",
                Some("acme/ops|fleet"),
            ),
            (ForgeType::AzureDevOps, "acme/ops/fleet", None),
            (ForgeType::AzureDevOps, "_git/fleet", None),
        ] {
            let parts: Vec<String> = path.split('/').map(str::to_owned).collect();
            let slug = Slug::of(r#type, &parts).map(|slug| format!("{}|{}", slug.owner, slug.name));
            assert_eq!(slug.as_deref(), expected, "{type:?} {path}");
        }
    }
}
