//! Paths of the API server, taken apart.

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// `/healthz` and its like.
    Health,
    /// `/version`.
    Version,
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(&'a str),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Version1(&'a str, &'a str),
    /// `/openapi/…`: the rest.
    OpenApi(&'a str),
    /// An object, a collection or a subresource.
    Resource(Target<'a>),
}

/// A collection, an object (with a name) or its subresource. What a path does not name is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) name: &'a str,
    pub(crate) subresource: &'a str,
}

/// Takes a path apart; `None` where the API server has nothing at all.
pub(crate) fn parse(path: &str) -> Option<Route<'_>> {
    if let Some(rest) = path.strip_prefix("/openapi/") {
        return Some(Route::OpenApi(rest));
    }
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        ["healthz" | "readyz" | "livez", ..] => Some(Route::Health),
        ["version"] => Some(Route::Version),
        ["api"] => Some(Route::Core),
        ["apis"] => Some(Route::Groups),
        ["apis", group] => Some(Route::Group(group)),
        ["api", version] => Some(Route::Version1("", version)),
        ["apis", group, version] => Some(Route::Version1(group, version)),
        ["api", version, rest @ ..] => target("", version, rest),
        ["apis", group, version, rest @ ..] => target(group, version, rest),
        _ => None,
    }
}

fn target<'a>(group: &'a str, version: &'a str, rest: &[&'a str]) -> Option<Route<'a>> {
    let mut target = Target {
        group,
        version,
        ..Target::default()
    };
    let rest = match rest {
        // A namespace's own subresources look like resources in it.
        ["namespaces", _, "status" | "finalize"] => rest,
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
            target.namespace = namespace;
            rest
        }
        rest => rest,
    };
    match rest {
        [resource] => target.resource = resource,
        [resource, name] => (target.resource, target.name) = (resource, name),
        [resource, name, subresource] => {
            (target.resource, target.name, target.subresource) = (resource, name, subresource);
        }
        _ => return None,
    }
    Some(Route::Resource(target))
}
