//! `configMapGenerator` and `secretGenerator`: objects made of files, literals and env files.

use crate::kustomization::Generator;
use crate::kustomization::GeneratorOptions;
use crate::kustomization::Kustomization;
use crate::kustomization::decode::Text;
use crate::origin::OriginId;
use crate::origin::Src;
use crate::problem::Problem;
use crate::resource::Behavior;
use crate::resource::Resource;
use crate::session::Session;
use crate::yaml::Node;
use crate::yaml::json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// What a generator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Makes {
    ConfigMap,
    Secret,
}

/// All objects that a kustomization's generators make, ConfigMaps first.
pub(crate) fn all(session: &mut Session<'_>, k: &Kustomization, dir: &str) -> Vec<Resource> {
    let config_maps = k.config_map_generator.iter().map(|g| (g, Makes::ConfigMap));
    let secrets = k.secret_generator.iter().map(|g| (g, Makes::Secret));
    let mut made = Vec::new();
    for (generator, makes) in config_maps.chain(secrets) {
        match one(session, generator, makes, k.generator_options.as_ref(), dir) {
            Ok(resource) => made.push(resource),
            Err(problem) => session.problem(problem, generator.origin),
        }
    }
    made
}

/// Makes one object.
pub(crate) fn one(
    session: &mut Session<'_>,
    generator: &Generator,
    makes: Makes,
    global: Option<&GeneratorOptions>,
    dir: &str,
) -> Result<Resource, Problem> {
    if generator.name.is_empty() {
        return Err(Problem::error("a generator needs a `name`"));
    }
    let options = options(generator.options.as_ref(), global);
    let mut node = base(generator, makes);
    let op = match makes {
        Makes::ConfigMap => "configMapGenerator",
        Makes::Secret => "secretGenerator",
    };
    let mut data = BTreeMap::new();
    for (key, bytes, from) in pairs(session, generator, dir)? {
        let origin = session.arena.derive(op, &[from], generator.origin);
        if data.insert(key.clone(), (bytes, origin)).is_some() {
            return Err(Problem::error(format!(
                "key `{key}` is given twice for `{}`",
                generator.name.text
            )));
        }
    }
    for (key, (bytes, origin)) in data {
        let text = String::from_utf8(bytes);
        let (field, text) = match (makes, text) {
            (Makes::ConfigMap, Ok(text)) => ("data", text),
            (Makes::ConfigMap, Err(bytes)) => ("binaryData", base64(bytes.as_bytes())),
            (Makes::Secret, Ok(text)) => ("data", base64(text.as_bytes())),
            (Makes::Secret, Err(bytes)) => ("data", base64(bytes.as_bytes())),
        };
        if let Some(map) = node.map_at(field, generator.origin) {
            map.set(&key, Node::string(&text, origin));
        }
    }
    decorate(&mut node, &options, generator.origin);
    let mut resource = Resource::new(node);
    resource.needs_hash = !options.disable_name_suffix_hash;
    resource.behavior = match generator.behavior.text.as_str() {
        "merge" => Behavior::Merge,
        "replace" => Behavior::Replace,
        _ => Behavior::Create,
    };
    Ok(resource)
}

fn base(generator: &Generator, makes: Makes) -> Node {
    let at = generator.origin;
    let mut node = Node::map(at);
    node.set("apiVersion", Node::string("v1", at));
    let kind = match makes {
        Makes::ConfigMap => "ConfigMap",
        Makes::Secret => "Secret",
    };
    node.set("kind", Node::string(kind, at));
    if let Some(meta) = node.map_at("metadata", at) {
        meta.set("name", Node::string(&generator.name.text, generator.name.origin));
        if !generator.namespace.is_empty() {
            meta.set(
                "namespace",
                Node::string(&generator.namespace.text, generator.namespace.origin),
            );
        }
    }
    if makes == Makes::Secret {
        let kind = if generator.kind.is_empty() {
            "Opaque"
        } else {
            &generator.kind.text
        };
        node.set("type", Node::string(kind, generator.kind.origin));
        node.set("data", Node::map(at));
    }
    node
}

/// Options of the kustomization win over those of the generator.
fn options(local: Option<&GeneratorOptions>, global: Option<&GeneratorOptions>) -> GeneratorOptions {
    let mut options = local.cloned().unwrap_or_default();
    let Some(global) = global else { return options };
    let over = |mine: &mut Vec<(String, Text)>, theirs: &[(String, Text)]| {
        mine.retain(|(key, _)| theirs.iter().all(|(other, _)| other != key));
        mine.extend(theirs.iter().cloned());
    };
    over(&mut options.labels, &global.labels);
    over(&mut options.annotations, &global.annotations);
    options.disable_name_suffix_hash |= global.disable_name_suffix_hash;
    options.immutable |= global.immutable;
    options
}

fn decorate(node: &mut Node, options: &GeneratorOptions, at: OriginId) {
    for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        for (key, value) in pairs {
            if let Some(map) = node
                .map_at("metadata", at)
                .and_then(|meta| meta.map_at(field, at))
            {
                map.set(key, Node::string(&value.text, value.origin));
            }
        }
    }
    if options.immutable {
        node.set("immutable", json::from_json(&true.into(), at));
    }
}

type Pair = (String, Vec<u8>, OriginId);

fn pairs(session: &mut Session<'_>, generator: &Generator, dir: &str) -> Result<Vec<Pair>, Problem> {
    let mut all = Vec::new();
    for env in &generator.envs {
        let (path, bytes) = session.load(dir, &env.text)?;
        env_file(session, &path, bytes, &mut all)?;
    }
    for literal in &generator.literals {
        all.push(literal_pair(literal)?);
    }
    for file in &generator.files {
        all.push(file_pair(session, file, dir)?);
    }
    Ok(all)
}

fn env_file(session: &mut Session<'_>, path: &str, bytes: &[u8], all: &mut Vec<Pair>) -> Result<(), Problem> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::error("an env file must be UTF-8").at(path, None))?;
    let file = session.arena.file(path);
    let mut start = 0;
    for (at, whole) in text.split_inclusive('\n').enumerate() {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let body = if at == 0 {
            line.strip_prefix('\u{feff}').unwrap_or(line)
        } else {
            line
        };
        let body = body.trim_start();
        if !body.is_empty() && !body.starts_with('#') {
            let (key, value) = body.split_once('=').unwrap_or((body, ""));
            let origin = OriginId::Src(Src {
                file,
                line: at as u32 + 1,
                start: start as u32,
                end: (start + line.len()) as u32,
            });
            if !key.is_empty() {
                all.push((key.to_owned(), value.as_bytes().to_vec(), origin));
            }
        }
        start += whole.len();
    }
    Ok(())
}

fn literal_pair(literal: &Text) -> Result<Pair, Problem> {
    let Some((key, value)) = literal.text.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        return Err(Problem::error(format!(
            "literal `{}` must be key=value",
            literal.text
        )));
    };
    let quoted = ['"', '\''].iter().find_map(|q| {
        let inner = value.strip_prefix(*q)?.strip_suffix(*q)?;
        Some(inner)
    });
    let value = quoted.unwrap_or(value);
    Ok((key.to_owned(), value.as_bytes().to_vec(), literal.origin))
}

fn file_pair(session: &mut Session<'_>, file: &Text, dir: &str) -> Result<Pair, Problem> {
    let wrong = || Problem::error(format!("file source `{}` must be path or key=path", file.text));
    let (key, path) = match file.text.split_once('=') {
        None => (
            file.text.rsplit('/').next().unwrap_or_default(),
            file.text.as_str(),
        ),
        Some((key, path)) if !key.is_empty() && !path.is_empty() && !path.contains('=') => (key, path),
        Some(_) => return Err(wrong()),
    };
    let (path, bytes) = session.load(dir, path)?;
    let origin = OriginId::Src(Src {
        file: session.arena.file(&path),
        line: 1,
        start: 0,
        end: bytes.len() as u32,
    });
    Ok((key.to_owned(), bytes.to_vec(), origin))
}

/// Base64 in lines of 70 characters when it is longer than one.
fn base64(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let encoded = STANDARD.encode(bytes);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
    for (at, c) in encoded.char_indices() {
        if at > 0 && at % LINE == 0 {
            lines.push('\n');
        }
        lines.push(c);
    }
    lines.push('\n');
    lines
}
