//! What people do by hand in the cluster, and beside the repository of the story.

use crate::fleet::PERSON;
use crate::git::Content;
use crate::git::Git;
use crate::git::MemoryGit;
use crate::git::NewCommit;
use crate::scenario::Edit;
use crate::scenario::parse::pair;
use crate::world::World;
use recant_core::baseline::RECANT_API;
use recant_core::canary::spec::API_VERSION;
use recant_core::effect::Write;
use recant_core::object::Object;
use recant_core::object::ObjectRef;
use recant_render::Tree;
use serde_json::Value;
use serde_json::json;

/// The namespace of recant's own objects.
const OWN: &str = "recant-system";

/// Annotates an object.
pub(super) fn annotate(
    world: &mut World,
    kind: &str,
    name: &str,
    (key, value): (&str, &str),
) -> Result<(), String> {
    let name = match kind {
        "canary" => {
            let (namespace, name) = pair(name)?;
            ObjectRef::new(API_VERSION, "Canary", &namespace, &name)
        }
        "namespace" => ObjectRef::new("v1", "Namespace", "", name),
        _ => {
            let reverts = world.cluster.list(RECANT_API, "Revert", "").into_iter();
            let newest = reverts.max_by_key(|revert| revert.str("/metadata/creationTimestamp").to_owned());
            newest.ok_or("there is no Revert")?.reference()
        }
    };
    let patch = json!({"metadata": {"annotations": {key: value}}});
    let write = Write::Patch {
        name,
        resource_version: String::new(),
        patch,
    };
    written(world, &write)
}

/// Makes the Forge of the story, or gives it another spec.
pub(super) fn forge(world: &mut World, spec: &str) -> Result<(), String> {
    let mut spec: Value = serde_json::from_str(spec).map_err(|e| format!("forge: {e}"))?;
    if spec.get("type").is_none() {
        spec["type"] = json!("gitea");
    }
    spec["url"] = json!(world.forge.base_url());
    let namespace = ObjectRef::new("v1", "Namespace", "", OWN);
    if world.cluster.get(&namespace).is_none() {
        written(world, &Write::Create(Object::named(&namespace)))?;
    }
    let name = ObjectRef::new(RECANT_API, "Forge", OWN, "git");
    let seen = world.cluster.get(&name);
    let mut object = seen.clone().unwrap_or_else(|| Object::named(&name));
    object.set("/spec", spec);
    let write = match seen {
        Some(_) => Write::Update(object),
        None => Write::Create(object),
    };
    written(world, &write)
}

/// Makes another repository, with one commit.
pub(super) fn repository(world: &mut World, name: &str, edits: &[Edit]) -> Result<(), String> {
    let files = edits.iter().map(|edit| match edit {
        Edit::Write { file, text } => Ok((file.clone(), text.clone().into_bytes())),
        Edit::Replace { .. } | Edit::Delete { .. } => {
            Err("a new repository is written, nothing else".to_owned())
        }
    });
    let files: Vec<(String, Vec<u8>)> = files.collect::<Result<_, String>>()?;
    let mut git = MemoryGit::new("main");
    let first = NewCommit {
        parents: Vec::new(),
        content: Content::Tree(Tree::of(files)),
        author: PERSON.to_owned(),
        email: "dana@example.com".to_owned(),
        message: "The application\n".to_owned(),
        date_s: world.now().as_second(),
    };
    let first = git.commit(&first).map_err(|e| e.to_string())?;
    git.set_branch("main", None, Some(&first))
        .map_err(|e| e.to_string())?;
    world.repos.insert(name.to_owned(), Box::new(git));
    Ok(())
}

fn written(world: &mut World, write: &Write) -> Result<(), String> {
    let now = world.now();
    let done = world.cluster.write(now, PERSON, write);
    done.map(drop).map_err(|e| e.to_string())
}
