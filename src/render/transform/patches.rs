//! `patches`, `patchesStrategicMerge`, `patchesJson6902`.

use crate::kustomization::Patch;
use crate::kustomization::decode::Text;
use crate::origin::OriginId;
use crate::patch::json6902;
use crate::patch::merge;
use crate::problem::Problem;
use crate::resource;
use crate::resource::Resource;
use crate::resource::Resources;
use crate::selector::Selector;
use crate::session::Session;
use crate::yaml::Kind;
use crate::yaml::Node;
use crate::yaml::json;
use crate::yaml::parse;
use crate::yaml::parse::Place;
use crate::yaml::parse::Twice;

/// The text of a patch and how its spans become origins.
struct Source {
    text: String,
    place: Place,
}

/// Applies one entry of `patches`.
pub(crate) fn run(session: &mut Session<'_>, resources: &mut Resources, patch: &Patch, dir: &str) {
    let result = source(session, patch, dir).and_then(|source| one(session, resources, patch, &source));
    session.check(result, patch.origin);
}

fn source(session: &mut Session<'_>, patch: &Patch, dir: &str) -> Result<Source, Problem> {
    match (patch.patch.text.trim().is_empty(), patch.path.is_empty()) {
        (true, true) => Err(Problem::error("a patches entry needs `patch` or `path`")),
        (false, false) => Err(Problem::error(
            "a patches entry has both `patch` and `path`; keep one",
        )),
        (false, true) => Ok(inline(session, &patch.patch)),
        (true, false) => file(session, &patch.path, dir),
    }
}

fn file(session: &mut Session<'_>, path: &Text, dir: &str) -> Result<Source, Problem> {
    let (name, bytes) = session.load(dir, &path.text)?;
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Problem::error("not valid UTF-8").at(&name, None))?
        .to_owned();
    let place = Place::File(session.arena.file(&name));
    Ok(Source { text, place })
}

fn inline(session: &mut Session<'_>, text: &Text) -> Source {
    Source {
        text: text.text.clone(),
        place: crate::inline::place(session, text),
    }
}

fn one(
    session: &mut Session<'_>,
    resources: &mut Resources,
    patch: &Patch,
    source: &Source,
) -> Result<(), Problem> {
    let documents = parse_documents(session, source, Twice::Fault);
    let as_json = documents
        .as_ref()
        .is_ok_and(|d| d.first().is_some_and(|d| matches!(d.kind, Kind::Seq(_))));
    if as_json {
        let ops = operations(session, source)?;
        let Some(target) = &patch.target else {
            return Err(Problem::error("a JSON patch needs a `target`"));
        };
        let selected = target.select(resources)?;
        return json(session, resources, &selected, &ops, true);
    }
    let documents = documents?;
    if documents.is_empty() {
        return Ok(()); // nothing but comments
    }
    let mut patches = strategic(session, documents)?;
    match &patch.target {
        None => {
            for one in patches {
                by_own_name(resources, &one, patch, false)?;
            }
            Ok(())
        }
        Some(target) => {
            let Some(only) = patches.pop().filter(|_| patches.is_empty()) else {
                return Err(Problem::error(
                    "a patch with a `target` must be a single document",
                ));
            };
            by_target(resources, &only, target, patch)
        }
    }
}

fn parse_documents(session: &Session<'_>, source: &Source, twice: Twice) -> Result<Vec<Node>, Problem> {
    parse::documents(source.text.as_bytes(), &source.place, twice).map_err(|fault| {
        let problem = Problem::error(format!("the patch is {}", fault.message));
        match &source.place {
            Place::File(file) => problem.at(session.arena.name(*file), Some(fault.line)),
            Place::Lines { file, first_line, .. } => problem.at(
                session.arena.name(*file),
                Some(*first_line as usize + fault.line - 1),
            ),
            Place::Whole(_) => problem,
        }
    })
}

/// Reads a JSON patch: YAML 1.1, the first document counts.
fn operations(session: &Session<'_>, source: &Source) -> Result<Vec<json6902::Op>, Problem> {
    let mut documents = parse_documents(session, source, Twice::Last)?;
    let Some(first) = documents.first_mut() else {
        return Err(Problem::error("the JSON patch is empty"));
    };
    json::settle(first).map_err(|(_, message)| Problem::error(message))?;
    json6902::read(first)
}

fn strategic(session: &mut Session<'_>, documents: Vec<Node>) -> Result<Vec<Resource>, Problem> {
    resource::from_documents(documents).map_err(|(origin, problem)| match session.arena.place(origin) {
        Some((file, line)) => problem.at(file, Some(line)),
        None => problem,
    })
}

fn json(
    session: &mut Session<'_>,
    resources: &mut Resources,
    selected: &[usize],
    ops: &[json6902::Op],
    remember: bool,
) -> Result<(), Problem> {
    for index in selected {
        let resource = &mut resources.list[*index];
        if remember {
            resource.remember_id();
        }
        json6902::apply(
            &mut resource.node,
            ops,
            &mut resource.tombs,
            &mut |value, depth| session.copy(value, depth),
        )
        .map_err(|p| Problem {
            message: format!("{} (on {})", p.message, resource.id()),
            ..p
        })?;
        json::canonical(&mut resource.node);
        resource.stringify("annotations");
    }
    Ok(())
}

/// A strategic merge patch that names its object itself.
fn by_own_name(
    resources: &mut Resources,
    patch: &Resource,
    options: &Patch,
    as_selected: bool,
) -> Result<(), Problem> {
    let id = patch.id();
    let found = resources.by_any_id(&id);
    match found.as_slice() {
        [] => Err(Problem::error(format!(
            "no resource matches the patch for `{id}`; correct its apiVersion, kind, name or namespace"
        ))),
        [at] if as_selected => on_all(resources, patch, &[*at], options),
        [at] => {
            let gone = strategic_on(&mut resources.list[*at], patch.node.clone(), options)?;
            if gone {
                resources.list.remove(*at);
            }
            Ok(())
        }
        _ => Err(Problem::error(format!(
            "several resources match the patch for `{id}`; use a `target`"
        ))),
    }
}

fn by_target(
    resources: &mut Resources,
    patch: &Resource,
    target: &Selector,
    options: &Patch,
) -> Result<(), Problem> {
    let selected = target.select(resources)?;
    on_all(resources, patch, &selected, options)
}

/// Merges one patch over several objects. Its labels and annotations are strings then, even null.
fn on_all(
    resources: &mut Resources,
    patch: &Resource,
    selected: &[usize],
    options: &Patch,
) -> Result<(), Problem> {
    let mut patch = patch.clone();
    patch.stringify("labels");
    patch.stringify("annotations");
    let mut gone = Vec::new();
    for at in selected.iter().copied() {
        let resource = &mut resources.list[at];
        let mut node = patch.node.clone();
        let version = resource.node.get("apiVersion").cloned();
        if let Some(version) = version {
            node.set("apiVersion", version);
        }
        if strategic_on(resource, node, options)? {
            gone.push(at);
        }
    }
    for at in gone.into_iter().rev() {
        resources.list.remove(at);
    }
    // kustomize gathers all objects anew here, and finds two of one name.
    match resources.repeated().first() {
        Some((_, id)) => Err(Problem::error(format!(
            "`{id}` is there twice when this patch is applied; rename or remove one"
        ))),
        None => Ok(()),
    }
}

/// Merges one patch over one object; true when that deletes it.
fn strategic_on(resource: &mut Resource, patch: Node, options: &Patch) -> Result<bool, Problem> {
    let kind = resource.node.get("kind").cloned();
    let name = resource.node.at(&["metadata", "name"]).cloned();
    let namespace = resource.node.at(&["metadata", "namespace"]).cloned();
    if options.allow_name_change || options.allow_kind_change {
        resource.remember_id();
    }
    let id = resource.id();
    let dest = std::mem::replace(&mut resource.node, Node::map(OriginId::None));
    let backup = dest.clone();
    let merged = match merge::merge(dest, patch, &mut resource.tombs) {
        Ok(merged) => merged,
        Err(problem) => {
            resource.node = backup;
            return Err(Problem {
                message: format!("patch of {id}: {}", problem.message),
                ..problem
            });
        }
    };
    let Some(mut node) = merged.filter(|n| n.as_map().is_some_and(|m| !m.is_empty())) else {
        return Ok(true);
    };
    if let Some(kind) = kind.filter(|_| !options.allow_kind_change) {
        node.set("kind", kind);
    }
    if let Some(meta) = node.map_at("metadata", OriginId::None) {
        if let Some(name) = name.filter(|_| !options.allow_name_change) {
            meta.set("name", name);
        }
        match namespace {
            Some(namespace) => meta.set("namespace", namespace),
            None => {
                meta.remove("namespace");
            }
        }
    }
    resource.node = node;
    Ok(false)
}

/// Applies `patchesStrategicMerge`: each entry is a path or the patch itself.
pub(crate) fn run_strategic(
    session: &mut Session<'_>,
    resources: &mut Resources,
    entries: &[Text],
    dir: &str,
) {
    let mut loaded = Vec::new();
    for entry in entries {
        let as_text = inline(session, entry);
        let documents = parse_documents(session, &as_text, Twice::Fault);
        let patches = match documents.ok().and_then(|d| resource::from_documents(d).ok()) {
            Some(patches) => Ok(patches),
            None => file(session, entry, dir)
                .and_then(|source| parse_documents(session, &source, Twice::Fault))
                .and_then(|documents| strategic(session, documents)),
        };
        match patches {
            Ok(patches) => loaded.extend(patches.into_iter().map(|p| (p, entry.origin))),
            Err(problem) => session.problem(problem, entry.origin),
        }
    }
    if loaded.is_empty()
        && let Some(first) = entries.first()
    {
        session.problem(
            Problem::error("the patches are empty; add one or remove the field"),
            first.origin,
        );
    }
    for (patch, origin) in loaded {
        let result = by_own_name(resources, &patch, &Patch::default(), true);
        session.check(result, origin);
    }
}

/// Applies one entry of `patchesJson6902`.
pub(crate) fn run_json(session: &mut Session<'_>, resources: &mut Resources, patch: &Patch, dir: &str) {
    let result = source(session, patch, dir).and_then(|source| {
        let ops = operations(session, &source)?;
        if ops.is_empty() {
            return Err(Problem::error("the JSON patch is empty"));
        }
        let target = patch.target.as_ref().filter(|t| !t.name.is_empty());
        let Some(target) = target else {
            return Err(Problem::error(
                "a patchesJson6902 entry needs a `target` with a name",
            ));
        };
        let selected = target.select(resources)?;
        json(session, resources, &selected, &ops, false)
    });
    session.check(result, patch.origin);
}
