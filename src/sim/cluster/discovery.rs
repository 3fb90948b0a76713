//! Discovery: which groups, versions and resources there are, in the aggregated form and in the old one.

use super::Cluster;
use super::error::ApiError;
use super::kind::Kind;
use super::protocol::Request;
use super::protocol::Response;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];
const PART_VERBS: [&str; 3] = ["get", "patch", "update"];

/// Reviews: resources that can only be created.
const REVIEWS: &[(&str, &str, &str)] = &[
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    (
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
    ),
    (
        "authorization.k8s.io",
        "subjectaccessreviews",
        "SubjectAccessReview",
    ),
];

impl Cluster {
    /// The groups of discovery, in order, each with its versions.
    fn groups(&self) -> Vec<(String, Vec<String>)> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        let reviews = REVIEWS
            .iter()
            .map(|(group, ..)| ((*group).to_owned(), "v1".to_owned()));
        for (group, version) in self
            .kinds
            .iter()
            .map(|k| (k.group.clone(), k.version.clone()))
            .chain(reviews)
        {
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, versions)) if versions.contains(&version) => {}
                Some((_, versions)) => versions.push(version),
                None => groups.push((group, vec![version])),
            }
        }
        groups
    }

    pub(crate) fn discover_groups(&self, request: &Request, core: bool) -> Response {
        let groups: Vec<_> = self
            .groups()
            .into_iter()
            .filter(|(group, _)| group.is_empty() == core)
            .collect();
        let wants = |parameters: &[&str]| {
            ["as=APIGroupDiscoveryList", "v=v2"]
                .iter()
                .all(|p| parameters.contains(p))
        };
        if request.accepted().any(|parameters| wants(&parameters)) {
            let items: Vec<Value> = groups
                .iter()
                .map(|(group, versions)| self.aggregated(group, versions))
                .collect();
            let body = json!({
                "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
            });
            return Response {
                content_type: AGGREGATED.to_owned(),
                ..Response::json(200, body)
            };
        }
        if core {
            return Response::json(
                200,
                json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }),
            );
        }
        let groups: Vec<Value> = groups
            .iter()
            .map(|(group, versions)| group_document(group, versions))
            .collect();
        Response::json(
            200,
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }),
        )
    }

    pub(crate) fn discover_group(&self, group: &str) -> Result<Response, ApiError> {
        let found = self
            .groups()
            .into_iter()
            .find(|(name, _)| name == group)
            .ok_or_else(ApiError::no_such_resource)?;
        let mut document = group_document(&found.0, &found.1);
        document["kind"] = "APIGroup".into();
        document["apiVersion"] = "v1".into();
        Ok(Response::json(200, document))
    }

    pub(crate) fn discover_resources(&self, group: &str, version: &str) -> Result<Response, ApiError> {
        let found = self
            .groups()
            .into_iter()
            .any(|(name, versions)| name == group && versions.iter().any(|v| v == version));
        if !found {
            return Err(ApiError::no_such_resource());
        }
        let mut resources: Vec<Value> = self
            .of(group, version)
            .flat_map(|kind| old_resources(kind))
            .collect();
        resources.extend(reviews(group).map(|(plural, kind)| {
            json!({ "name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": ["create"] })
        }));
        let group_version = if group.is_empty() {
            version.to_owned()
        } else {
            format!("{group}/{version}")
        };
        let body = json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
        });
        Ok(Response::json(200, body))
    }

    pub(crate) fn of(&self, group: &str, version: &str) -> impl Iterator<Item = &Arc<Kind>> {
        self.kinds
            .iter()
            .filter(move |k| k.group == group && k.version == version)
    }

    fn aggregated(&self, group: &str, versions: &[String]) -> Value {
        let version = |version: &String| {
            let mut resources: Vec<Value> = self
                .of(group, version)
                .map(|kind| aggregated_resource(kind))
                .collect();
            resources.extend(reviews(group).map(|(plural, kind)| {
                json!({
                    "resource": plural, "singularResource": kind.to_lowercase(), "scope": "Cluster", "verbs": ["create"],
                    "responseKind": { "group": group, "version": version, "kind": kind },
                })
            }));
            json!({ "version": version, "freshness": "Current", "resources": resources })
        };
        let versions: Vec<Value> = versions.iter().map(version).collect();
        let metadata = if group.is_empty() {
            json!({})
        } else {
            json!({ "name": group })
        };
        json!({ "metadata": metadata, "versions": versions })
    }
}

fn reviews(group: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    REVIEWS
        .iter()
        .filter(move |(of, ..)| *of == group)
        .map(|(_, plural, kind)| (*plural, *kind))
}

fn group_document(group: &str, versions: &[String]) -> Value {
    let documents: Vec<Value> = versions
        .iter()
        .map(|v| json!({ "groupVersion": format!("{group}/{v}"), "version": v }))
        .collect();
    json!({ "name": group, "preferredVersion": documents.first(), "versions": documents })
}

/// The resource and its subresources, as `APIResourceList` names them.
fn old_resources(kind: &Kind) -> Vec<Value> {
    let mut resources = vec![json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
        "verbs": VERBS, "shortNames": kind.short_names, "categories": kind.categories,
    })];
    let part = |name: &str, kind: &Kind| {
        json!({
            "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": PART_VERBS,
        })
    };
    if kind.status {
        resources.push(part("status", kind));
    }
    if kind.scale.is_some() {
        let mut scale = part("scale", kind);
        scale["kind"] = "Scale".into();
        scale["group"] = "autoscaling".into();
        scale["version"] = "v1".into();
        resources.push(scale);
    }
    resources
}

fn aggregated_resource(kind: &Kind) -> Value {
    let own = json!({ "group": kind.group, "version": kind.version, "kind": kind.kind });
    let mut parts = Vec::new();
    if kind.status {
        parts.push(json!({ "subresource": "status", "responseKind": own, "verbs": PART_VERBS }));
    }
    if kind.scale.is_some() {
        let scale = json!({ "group": "autoscaling", "version": "v1", "kind": "Scale" });
        parts.push(json!({ "subresource": "scale", "responseKind": scale, "verbs": PART_VERBS }));
    }
    json!({
        "resource": kind.plural, "singularResource": kind.singular, "responseKind": own, "verbs": VERBS,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "shortNames": kind.short_names, "categories": kind.categories, "subresources": parts,
    })
}
