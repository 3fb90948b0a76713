//! `namespace`: everything that lives in a namespace moves into one.

use crate::fieldspec;
use crate::fieldspec::FieldSpec;
use crate::fieldspec::Make;
use crate::id::Id;
use crate::kustomization::decode::Text;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource::Resource;
use crate::resource::Resources;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::Node;
use std::collections::BTreeSet;

/// Which subjects of role bindings move along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subjects {
    #[default]
    DefaultOnly,
    AllServiceAccounts,
    None,
}

/// The transformer and its options.
pub(crate) struct Namespace<'a> {
    pub(crate) namespace: &'a Text,
    pub(crate) specs: &'a [FieldSpec],
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

impl Namespace<'_> {
    pub(crate) fn run(&self, session: &mut Session<'_>, resources: &mut Resources) {
        if self.namespace.is_empty() {
            return;
        }
        for resource in &mut resources.list {
            resource.remember_id();
            let result = self.one(session, resource);
            session.check(result, resource.node.origin);
        }
        let mut seen: BTreeSet<Id> = BTreeSet::new();
        for resource in &resources.list {
            let id = resource.id();
            if !seen.insert(id.clone()) {
                let problem = Problem::error(format!(
                    "namespace `{}` makes two objects the same: `{id}`; rename one",
                    self.namespace.text
                ));
                session.problem(problem, self.namespace.origin);
            }
        }
    }

    fn one(&self, session: &mut Session<'_>, resource: &mut Resource) -> Result<(), Problem> {
        let node = &mut resource.node;
        let gvk = crate::id::Gvk::of(node);
        if !gvk.is_cluster_scoped() {
            self.apply(
                session,
                node,
                &FieldSpec::parse("- - - metadata/namespace create"),
            )?;
        }
        let binding = matches!(gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
        if binding {
            self.bind(session, node);
        }
        for spec in self.specs {
            let is_meta = spec.path == "metadata/namespace";
            let other_name = spec.path == "metadata/name" && node.str_at(&["apiVersion"]) != "v1";
            let subjects = binding
                && spec.path == "subjects/namespace"
                && matches!(spec.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
            if !(is_meta || other_name || subjects) {
                self.apply(session, node, spec)?;
            }
        }
        Ok(())
    }

    fn apply(&self, session: &mut Session<'_>, node: &mut Node, spec: &FieldSpec) -> Result<(), Problem> {
        fieldspec::apply(node, spec, Make::Scalar, self.namespace.origin, &mut |field| {
            self.set(session, field)
        })
    }

    fn set(&self, session: &mut Session<'_>, field: &mut Node) -> Result<(), Problem> {
        let Some(old) = field.text() else {
            return Err(Problem::error("a namespace is a scalar"));
        };
        if self.unset_only && !old.is_empty() && !field.is_null() {
            return Ok(());
        }
        let before = if old.is_empty() {
            OriginId::None
        } else {
            field.origin
        };
        let origin = session
            .arena
            .derive("namespace", &[before], self.namespace.origin);
        *field = Node::string(&self.namespace.text, origin);
        Ok(())
    }

    fn bind(&self, session: &mut Session<'_>, node: &mut Node) {
        let Some(Kind::Seq(subjects)) = node.get_mut("subjects").map(|n| &mut n.kind) else {
            return;
        };
        for subject in subjects {
            let moves = match self.subjects {
                Subjects::DefaultOnly => subject.str_at(&["name"]) == "default",
                Subjects::AllServiceAccounts => subject.str_at(&["kind"]) == "ServiceAccount",
                Subjects::None => false,
            };
            if !moves {
                continue;
            }
            if subject.get("namespace").is_none_or(Node::is_null) {
                subject.set("namespace", Node::string("", OriginId::None));
            }
            if let Some(field) = subject.get_mut("namespace") {
                let result = self.set(session, field);
                session.check(result, self.namespace.origin);
            }
        }
    }
}
