//! The order of the output, when a kustomization asks for one.

use crate::id::Gvk;
use crate::id::Id;
use crate::kustomization::decode::Fields;
use crate::kustomization::decode::Problems;
use crate::problem::Problem;
use crate::resource::Resources;
use crate::yaml::Node;

const FIRST: &str = "Namespace ResourceQuota StorageClass CustomResourceDefinition ServiceAccount PodSecurityPolicy \
    Role ClusterRole RoleBinding ClusterRoleBinding ConfigMap Secret Endpoints Service LimitRange PriorityClass \
    PersistentVolume PersistentVolumeClaim Deployment StatefulSet CronJob PodDisruptionBudget";

const LAST: &str = "MutatingWebhookConfiguration ValidatingWebhookConfiguration";

/// Sorts by `sortOptions`.
pub(crate) fn run(resources: &mut Resources, options: &Node, problems: &mut Problems) {
    let mut f = Fields::new(options, "sortOptions", problems);
    let order = f.text("order");
    let legacy = f.node("legacySortOptions");
    let mut first: Vec<String> = FIRST.split_whitespace().map(str::to_owned).collect();
    let mut last: Vec<String> = LAST.split_whitespace().map(str::to_owned).collect();
    match (order.text.as_str(), legacy) {
        ("fifo", Some(node)) => {
            let problem = Problem::error("legacySortOptions do nothing with order fifo; take them out");
            f.problems.push((node.origin, problem));
        }
        ("fifo", None) => {}
        ("legacy", legacy) => {
            if let Some(node) = legacy {
                let mut l = Fields::new(node, "legacySortOptions", f.problems);
                let texts = |texts: Vec<crate::kustomization::decode::Text>| {
                    texts.into_iter().map(|t| t.text).collect()
                };
                first = texts(l.texts("orderFirst"));
                last = texts(l.texts("orderLast"));
                l.finish();
            }
            resources.list.sort_by_cached_key(|r| key(&r.id(), &first, &last));
        }
        (other, _) => {
            let problem = Problem::error(format!("sort order `{other}` is unknown; write legacy or fifo"));
            f.problems.push((options.origin, problem));
        }
    }
    f.finish();
}

/// The key by which kustomize sorts its tables: place of the kind, then a spelling of group, version and kind in which
/// an empty part comes after the letters.
pub(crate) fn kind_key(group: &str, version: &str, kind: &str) -> (i64, String) {
    let spell = |part: &str, none: &str| {
        if part.is_empty() {
            none.to_owned()
        } else {
            part.to_owned()
        }
    };
    let (first, last): (Vec<_>, Vec<_>) = (
        FIRST.split_whitespace().collect(),
        LAST.split_whitespace().collect(),
    );
    let text = [spell(group, "~G"), spell(version, "~V"), spell(kind, "~K")].join("_");
    (rank(kind, &first, &last), text)
}

/// The key of kustomize's legacy order.
pub(crate) fn legacy(id: &Id) -> (i64, Gvk, String, String) {
    let words = |list: &str| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    key(id, &words(FIRST), &words(LAST))
}

/// Place of the kind, then group, version and kind, then namespace and name.
fn key(id: &Id, first: &[String], last: &[String]) -> (i64, Gvk, String, String) {
    let rank = rank(&id.gvk.kind, first, last);
    (rank, id.gvk.clone(), id.namespace.clone(), id.name.clone())
}

/// The place of a kind: below 0 in the first list, above 0 in the last, 0 in neither.
fn rank<S: AsRef<str>>(kind: &str, first: &[S], last: &[S]) -> i64 {
    let place = |list: &[S]| list.iter().position(|k| k.as_ref() == kind).map(|at| at as i64);
    match (place(first), place(last)) {
        (Some(at), _) => at - first.len() as i64,
        (None, Some(at)) => at + 1,
        (None, None) => 0,
    }
}
