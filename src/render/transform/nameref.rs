//! Name references: what named an object before it was renamed names it after.

use crate::config::NameReference;
use crate::fieldspec;
use crate::fieldspec::FieldSpec;
use crate::fieldspec::Make;
use crate::id::Gvk;
use crate::id::Id;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource::Resource;
use crate::resource::Resources;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::Scalar;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What is known of an object that others may name. Taken before any reference is rewritten.
struct Candidate {
    id: Id,
    first_namespace: String,
    previous: Vec<Id>,
    name: String,
    namespace: String,
    name_origin: OriginId,
    namespace_origin: OriginId,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

impl Candidate {
    fn of(resource: &Resource) -> Self {
        let origin = |field: &str| {
            resource
                .node
                .at(&["metadata", field])
                .map_or(OriginId::None, |n| n.origin)
        };
        Self {
            id: resource.id(),
            first_namespace: resource.original_id().namespace,
            previous: resource.previous_ids().collect(),
            name: resource.name().to_owned(),
            namespace: resource.namespace().to_owned(),
            name_origin: origin("name"),
            namespace_origin: origin("namespace"),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
        }
    }
}

/// Rewrites all references.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut Resources, references: &[NameReference]) {
    let candidates: Vec<Candidate> = resources.list.iter().map(Candidate::of).collect();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let names: BTreeSet<&str> = candidate.previous.iter().map(|id| id.name.as_str()).collect();
        for name in names {
            by_name.entry(name).or_default().push(at);
        }
    }
    if by_name.is_empty() {
        return;
    }
    let mut by_kind: BTreeMap<Gvk, Vec<Reference<'_>>> = BTreeMap::new();
    for (at, resource) in resources.list.iter_mut().enumerate() {
        let first = resource.original_id().gvk;
        let fields = by_kind
            .entry(first)
            .or_insert_with_key(|kind| fields_of(kind, references));
        let scope = Scope::of(resource);
        for (referred, spec) in fields {
            let finder = Finder {
                candidates: &candidates,
                by_name: &by_name,
                referred,
                role: role(resource, spec),
                scope: &scope,
                prefixes: &candidates[at].prefixes,
                suffixes: &candidates[at].suffixes,
            };
            update(session, resource, spec, &finder);
        }
    }
}

/// What is named, and the field that names it.
type Reference<'r> = (&'r Gvk, FieldSpec);

/// The fields of one kind of objects that name others. They hold for objects of any kind: one may have changed its
/// kind since it was selected by its first one.
fn fields_of<'r>(kind: &Gvk, references: &'r [NameReference]) -> Vec<Reference<'r>> {
    let fields = references.iter().flat_map(|reference| {
        let specs = reference.referrers.iter();
        let own = specs.filter(|s| kind.is_selected(&s.group, &s.version, &s.kind));
        own.map(|spec| {
            let field = FieldSpec {
                group: String::new(),
                version: String::new(),
                kind: String::new(),
                path: spec.path.clone(),
                create: false,
            };
            (&reference.referred, field)
        })
    });
    fields.collect()
}

fn update(session: &mut Session<'_>, resource: &mut Resource, spec: &FieldSpec, finder: &Finder<'_>) {
    let origin = resource.node.origin;
    let result = fieldspec::apply(
        &mut resource.node,
        spec,
        Make::Nothing,
        OriginId::None,
        &mut |field| finder.set(session, field),
    );
    session.check(result, origin);
}

/// Where a referrer lives, and what it can see from there.
struct Scope {
    id: Id,
    /// Namespaces of the service accounts a role binding is for.
    bound: BTreeSet<String>,
}

impl Scope {
    fn of(resource: &Resource) -> Self {
        let mut bound = BTreeSet::new();
        if resource.kind() == "RoleBinding" {
            let subjects = resource
                .node
                .get("subjects")
                .and_then(Node::as_seq)
                .unwrap_or_default();
            for subject in subjects
                .iter()
                .filter(|s| s.str_at(&["kind"]) == "ServiceAccount")
            {
                if let Some(namespace) = subject.get("namespace").and_then(Node::text) {
                    bound.insert(namespace.to_owned());
                }
            }
        }
        Self {
            id: resource.id(),
            bound,
        }
    }

    fn sees(&self, candidate: &Candidate) -> bool {
        self.id.gvk.is_cluster_scoped()
            || candidate.id.gvk.is_cluster_scoped()
            || candidate.id.namespace == self.id.namespace
            || self.bound.contains(&candidate.namespace)
    }

    /// The stricter rule that decides in the end: service accounts may be anywhere.
    fn fits(&self, candidate: &Candidate) -> bool {
        self.id.gvk.is_cluster_scoped()
            || candidate.id.gvk.is_cluster_scoped()
            || candidate.id.gvk.kind == "ServiceAccount"
            || candidate.id.namespace == self.id.namespace
    }
}

/// Group and kind that a role binding's `roleRef` asks for.
fn role(resource: &Resource, spec: &FieldSpec) -> Option<(String, String)> {
    let role = resource
        .node
        .get("roleRef")
        .filter(|_| spec.path.ends_with("roleRef/name"))?;
    let group = role.get("apiGroup")?.text()?;
    let kind = role.get("kind")?.text()?;
    Some((group.to_owned(), kind.to_owned()))
}

struct Finder<'a> {
    candidates: &'a [Candidate],
    by_name: &'a BTreeMap<&'a str, Vec<usize>>,
    referred: &'a Gvk,
    role: Option<(String, String)>,
    scope: &'a Scope,
    prefixes: &'a [String],
    suffixes: &'a [String],
}

impl Finder<'_> {
    fn set(&self, session: &mut Session<'_>, field: &mut Node) -> Result<(), Problem> {
        if field.is_null() {
            return Ok(());
        }
        match &mut field.kind {
            Kind::Scalar(_) => self.scalar(session, field),
            Kind::Map(_) => self.map(session, field),
            Kind::Seq(items) => items.iter_mut().try_for_each(|item| match &item.kind {
                Kind::Scalar(_) => self.scalar(session, item),
                Kind::Map(_) => self.map(session, item),
                Kind::Seq(_) => Err(Problem::error("a reference is a string or a map with a name")),
            }),
        }
    }

    fn scalar(&self, session: &mut Session<'_>, field: &mut Node) -> Result<(), Problem> {
        let Some(old) = field.as_scalar() else {
            return Ok(());
        };
        let found = self.select(&old.text, |_| true, |a, b| a.name == b.name)?;
        if let Some(found) = found.filter(|c| c.name != *old.text) {
            let scalar = Scalar {
                style: old.style,
                ..Scalar::plain(&found.name)
            };
            let origin = session
                .arena
                .derive("nameReference", &[field.origin], found.name_origin);
            *field = Node::scalar(scalar, origin);
        }
        Ok(())
    }

    fn map(&self, session: &mut Session<'_>, map: &mut Node) -> Result<(), Problem> {
        let Some(old) = map.get("name").and_then(Node::text).map(str::to_owned) else {
            return Err(Problem::error("a reference needs a `name`"));
        };
        let namespace = map.get("namespace").and_then(Node::text).map(str::to_owned);
        let in_first = |c: &Candidate, ns: &str| c.first_namespace == ns;
        let first_hit = namespace.as_deref().is_some_and(|ns| {
            self.candidates
                .iter()
                .any(|c| self.scope.sees(c) && in_first(c, ns))
        });
        let place = |c: &Candidate| match namespace.as_deref() {
            None => true,
            Some(ns) if first_hit => in_first(c, ns),
            Some(ns) => c.id.namespace == ns,
        };
        let same = |a: &Candidate, b: &Candidate| a.name == b.name && a.namespace == b.namespace;
        let Some(found) = self.select(&old, place, same)? else {
            return Ok(());
        };
        if found.name != old {
            let before = map.get("name").map_or(OriginId::None, |n| n.origin);
            let origin = session
                .arena
                .derive("nameReference", &[before], found.name_origin);
            map.set("name", Node::scalar(Scalar::plain(&found.name), origin));
        }
        if !found.namespace.is_empty() && namespace.as_deref() != Some(found.namespace.as_str()) {
            let before = map.get("namespace").map_or(map.origin, |n| n.origin);
            let origin = session
                .arena
                .derive("nameReference", &[before], found.namespace_origin);
            map.set("namespace", Node::scalar(Scalar::plain(&found.namespace), origin));
        }
        Ok(())
    }

    /// The one object that had this name, or nothing; several that differ are a problem.
    fn select(
        &self,
        old: &str,
        place: impl Fn(&Candidate) -> bool,
        same: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&Candidate>, Problem> {
        let known = self.by_name.get(old).map(Vec::as_slice).unwrap_or_default();
        let r = self.referred;
        let mut left: Vec<&Candidate> = known
            .iter()
            .map(|at| &self.candidates[*at])
            .filter(|c| self.scope.sees(c) && place(c))
            .filter(|c| {
                c.previous
                    .iter()
                    .any(|id| id.gvk.is_selected(&r.group, &r.version, &r.kind))
            })
            .filter(|c| match &self.role {
                None => true,
                Some((group, kind)) => c.previous.iter().any(|id| id.gvk.is_selected(group, "", kind)),
            })
            .filter(|c| self.scope.fits(c))
            .collect();
        if left.len() == 1 {
            return Ok(left.pop());
        }
        left.retain(|c| self.affixes_agree(c, true));
        if left.len() > 1 {
            left.retain(|c| self.affixes_agree(c, false));
        }
        let Some((first, rest)) = left.split_first() else {
            return Ok(None);
        };
        if rest.iter().all(|c| same(first, c)) {
            return Ok(Some(first));
        }
        let ids: Vec<String> = left.iter().map(|c| c.id.to_string()).collect();
        Err(Problem::error(format!(
            "`{old}` may mean any of {}; give them different names",
            ids.join(", ")
        )))
    }

    fn affixes_agree(&self, c: &Candidate, allow_empty: bool) -> bool {
        let agree = |mine: &[String], theirs: &[String]| {
            (allow_empty && (mine.is_empty() || theirs.is_empty())) || same_ending(mine, theirs)
        };
        agree(self.prefixes, &c.prefixes) && agree(self.suffixes, &c.suffixes)
    }
}

/// Whether the shorter list is the end of the longer one; an empty one only of an empty one.
fn same_ending(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() {
        return long.is_empty();
    }
    long.ends_with(short)
}
