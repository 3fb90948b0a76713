//! `transformers:` with configurations of kustomize's built-in transformers.

use crate::config;
use crate::fieldspec;
use crate::fieldspec::FieldSpec;
use crate::fieldspec::Make;
use crate::inline;
use crate::kustomization::Patch;
use crate::kustomization::decode::Fields;
use crate::kustomization::decode::Problems;
use crate::kustomization::decode::Text;
use crate::kustomization::image;
use crate::kustomization::replica;
use crate::origin::OriginId;
use crate::problem::Problem;
use crate::resource;
use crate::resource::Resource;
use crate::resource::Resources;
use crate::selector::Selector;
use crate::session::Found;
use crate::session::Session;
use crate::session::is_remote;
use crate::session::remote;
use crate::transform::hash;
use crate::transform::images;
use crate::transform::labels;
use crate::transform::names;
use crate::transform::names::End;
use crate::transform::namespace::Namespace;
use crate::transform::namespace::Subjects;
use crate::transform::patches;
use crate::transform::replacements;
use crate::transform::replicas;
use crate::yaml::Node;
use crate::yaml::Scalar;
use crate::yaml::parse;
use crate::yaml::parse::Twice;

/// Runs all configured transformers in order.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut Resources, entries: &[Text], dir: &str) {
    for entry in entries {
        match load(session, entry, dir) {
            Ok(configs) => configs.iter().for_each(|c| one(session, resources, &c.node, dir)),
            Err((origin, problem)) => {
                let at = if origin == OriginId::None {
                    entry.origin
                } else {
                    origin
                };
                session.problem(problem, at);
            }
        }
    }
}

type Faulty = (OriginId, Problem);

/// The configurations of one entry: inline text or a file.
fn load(session: &mut Session<'_>, entry: &Text, dir: &str) -> Result<Vec<Resource>, Faulty> {
    if entry.text.contains('\n') {
        let place = inline::place(session, entry);
        let documents = parse::documents(entry.text.as_bytes(), &place, Twice::Fault)
            .map_err(|fault| (entry.origin, Problem::error(fault.message)))?;
        return resource::from_documents(documents);
    }
    let none = OriginId::None;
    match session.find(dir, &entry.text) {
        Found::File(path) => {
            let documents = session.documents(&path).map_err(|p| (none, p))?;
            resource::from_documents(documents)
        }
        Found::Dir(_) => {
            let why = "transformers in a directory are not read here; use the kustomize binary";
            Err((none, Problem::unsupported(why)))
        }
        _ if is_remote(&entry.text) => Err((none, remote(&entry.text))),
        _ => Err((none, Problem::error(format!("there is no `{}`", entry.text)))),
    }
}

fn one(session: &mut Session<'_>, resources: &mut Resources, node: &Node, dir: &str) {
    let kind = node.str_at(&["kind"]);
    if node.str_at(&["apiVersion"]) != "builtin" {
        let problem = Problem::unsupported(format!(
            "transformer {kind} is a plugin; use the kustomize binary"
        ));
        session.problem(problem, node.origin);
        return;
    }
    let mut problems = Problems::lenient();
    let run = Run {
        session,
        resources,
        node,
        dir,
    };
    run.kind(kind, &mut problems);
    for (origin, problem) in problems {
        session.problem(problem, origin);
    }
}

struct Run<'a, 't> {
    session: &'a mut Session<'t>,
    resources: &'a mut Resources,
    node: &'a Node,
    dir: &'a str,
}

impl Run<'_, '_> {
    fn kind(self, kind: &str, problems: &mut Problems) {
        let specs = self.specs();
        let (session, resources, node, dir) = (self.session, self.resources, self.node, self.dir);
        let mut f = Fields::new(node, "a transformer", problems);
        match kind {
            "AnnotationsTransformer" => {
                labels::put(
                    session,
                    resources,
                    "commonAnnotations",
                    &f.pairs("annotations"),
                    &specs,
                );
            }
            "LabelTransformer" => labels::put(session, resources, "labels", &f.pairs("labels"), &specs),
            "ImageTagTransformer" => {
                if let Some(tag) = f.node("imageTag") {
                    let image = image(tag, f.problems);
                    images::run(session, resources, &image, &specs);
                }
            }
            "NamespaceTransformer" => namespace(session, resources, node, &specs, &mut f),
            "PrefixTransformer" => names::run(session, resources, End::Prefix, &f.text("prefix"), &specs),
            "SuffixTransformer" => names::run(session, resources, End::Suffix, &f.text("suffix"), &specs),
            "ReplicaCountTransformer" => {
                if let Some(entry) = f.node("replica") {
                    let replica = replica(entry, f.problems);
                    replicas::run(session, resources, &replica, &specs);
                }
            }
            "ReplacementTransformer" => replacements::run(session, resources, f.list("replacements"), dir),
            "PrefixSuffixTransformer" => {
                names::run(session, resources, End::Prefix, &f.text("prefix"), &specs);
                names::run(session, resources, End::Suffix, &f.text("suffix"), &specs);
            }
            "HashTransformer" => hash::run(session, resources),
            "PatchTransformer" => patches::run(session, resources, &patch(&mut f, node, "patch"), dir),
            "PatchJson6902Transformer" => {
                patches::run_json(session, resources, &patch(&mut f, node, "jsonOp"), dir);
            }
            "PatchStrategicMergeTransformer" => {
                let mut entries = f.texts("paths");
                let inline = f.text("patches");
                if !inline.is_empty() {
                    entries.push(inline);
                }
                if entries.is_empty() {
                    let problem =
                        Problem::error("a PatchStrategicMergeTransformer needs `paths` or `patches`");
                    f.problems.push((node.origin, problem));
                }
                patches::run_strategic(session, resources, &entries, dir);
            }
            "ValueAddTransformer" => value_add(session, resources, node, &mut f, dir),
            other => {
                let why = format!("built-in transformer {other} is not known; use the kustomize binary");
                f.problems.push((node.origin, Problem::unsupported(why)));
            }
        }
    }

    fn specs(&self) -> Vec<FieldSpec> {
        let specs = self
            .node
            .get("fieldSpecs")
            .and_then(Node::as_seq)
            .unwrap_or_default();
        specs.iter().map(config::spec).collect()
    }
}

fn patch(f: &mut Fields<'_, '_>, node: &Node, inline: &str) -> Patch {
    let options = f.node("options");
    let allows = |key: &str| options.is_some_and(|o| o.str_at(&[key]) == "true");
    Patch {
        path: f.text("path"),
        patch: f.text(inline),
        target: f.node("target").map(|n| Selector::decode(n, f.problems)),
        allow_name_change: allows("allowNameChange"),
        allow_kind_change: allows("allowKindChange"),
        origin: node.origin,
    }
}

fn namespace(
    session: &mut Session<'_>,
    resources: &mut Resources,
    node: &Node,
    specs: &[FieldSpec],
    f: &mut Fields<'_, '_>,
) {
    let wanted = f.text("setRoleBindingSubjects");
    let subjects = match wanted.text.as_str() {
        "" | "defaultOnly" => Subjects::DefaultOnly,
        "allServiceAccounts" => Subjects::AllServiceAccounts,
        "none" => Subjects::None,
        other => {
            let problem = Problem::error(format!(
                "setRoleBindingSubjects `{other}` must be defaultOnly, allServiceAccounts or none"
            ));
            f.problems.push((wanted.origin, problem));
            return;
        }
    };
    let namespace = Text {
        text: node.str_at(&["metadata", "namespace"]).to_owned(),
        origin: node
            .at(&["metadata", "namespace"])
            .map_or(OriginId::None, |n| n.origin),
    };
    let transformer = Namespace {
        namespace: &namespace,
        specs,
        unset_only: f.bool("unsetOnly"),
        subjects,
    };
    transformer.run(session, resources);
}

/// Adds a value to fields, or into the paths that they hold.
fn value_add(
    session: &mut Session<'_>,
    resources: &mut Resources,
    node: &Node,
    f: &mut Fields<'_, '_>,
    dir: &str,
) {
    let mut value = f.text("value");
    if value.text.trim().is_empty() {
        value.text = dir.rsplit('/').next().unwrap_or_default().to_owned();
        value.origin = node.origin;
    }
    let shared = f.text("targetFilePath");
    let mut targets = f.list("targets").to_vec();
    if !shared.is_empty() {
        match session
            .load(dir, &shared.text)
            .and_then(|(path, _)| session.documents(&path))
        {
            Ok(documents) => {
                let more = documents.iter().filter_map(|d| d.get("targets")?.as_seq());
                targets.extend(more.flatten().cloned());
            }
            Err(problem) => f.problems.push((shared.origin, problem)),
        }
    }
    for target in &targets {
        let selector = target.get("selector").map(|n| Selector::decode(n, f.problems));
        let selected = match selector {
            None => Ok((0..resources.list.len()).collect()),
            Some(selector) => selector.select(resources),
        };
        let spec = FieldSpec {
            path: target.str_at(&["fieldPath"]).to_owned(),
            ..FieldSpec::parse("- - - - create")
        };
        let position = target.str_at(&["filePathPosition"]).parse::<usize>().unwrap_or(0);
        for at in selected.unwrap_or_default() {
            let arena = &mut session.arena;
            let resource = &mut resources.list[at];
            let result = fieldspec::apply(
                &mut resource.node,
                &spec,
                Make::Scalar,
                value.origin,
                &mut |field| {
                    let old = field.text().unwrap_or_default();
                    let new = if position == 0 {
                        value.text.clone()
                    } else {
                        inserted(old, position - 1, &value.text)
                    };
                    let origin = arena.derive("valueAdd", &[field.origin], value.origin);
                    *field = Node::scalar(Scalar::plain(&new), origin);
                    Ok(())
                },
            );
            session.check(result, resource.node.origin);
        }
    }
}

/// A path with a part put in; an absolute one stays absolute.
fn inserted(path: &str, at: usize, part: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    parts.insert(at.min(parts.len()), part);
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}
