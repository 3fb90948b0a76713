//! Gitea's and Forgejo's words: GitHub's, but for what follows.

use super::github;
use super::page;
use crate::forges::api::Asked;
use crate::forges::world::PullRow;
use crate::forges::world::SHA;
use crate::forges::world::Said;
use crate::forges::world::World;
use serde_json::Value;
use serde_json::json;

/// GitHub's, without the ids that only GitHub has.
fn own(mut said: Value) -> Value {
    if let Some(map) = said.as_object_mut() {
        map.remove("node_id");
    }
    said
}

pub(super) fn answer(world: &mut World, asked: &Asked) -> Option<Said> {
    let ok = |body: Value| Some((asked.status, body));
    match asked.name.as_str() {
        "pulls" => ok(page(
            asked,
            "limit",
            github::list(world, asked).into_iter().map(own).collect(),
        )),
        "open" => {
            let new = PullRow {
                head: asked.text("head")?,
                base: asked.text("base")?,
                title: asked.text("title")?,
                body: asked.text("body")?,
                ..PullRow::default()
            };
            match world.open(new) {
                Ok(row) => ok(own(github::show(&row))),
                Err(number) => {
                    let text = format!("pull request already exists for these targets [id: {number}]");
                    Some((409, json!({ "message": text })))
                }
            }
        }
        "edit" => ok(own(github::show(&github::edit(world, asked)?))),
        // All of them, whatever page is asked for.
        "comments" => {
            let all = world.said_under(asked.number("number")).into_iter();
            ok(all.map(|row| json!({ "id": row.id, "body": row.body })).collect())
        }
        "comment" | "edit-comment" => github::comments(world, asked, "limit"),
        "label" | "review" => {
            let (status, _) = github::people(world, asked)?;
            let row = world.pull(asked.number("number"))?;
            let said = match asked.name.as_str() {
                "label" => row
                    .labels
                    .iter()
                    .map(|name| json!({ "id": 1, "name": name }))
                    .collect(),
                _ => json!([{ "id": 1, "state": "REQUEST_REVIEW" }]),
            };
            Some((status, said))
        }
        "labels" => {
            let all = world.labels.iter().enumerate();
            ok(page(
                asked,
                "limit",
                all.map(|(id, name)| json!({ "id": id, "name": name })).collect(),
            ))
        }
        "new-label" => {
            world.labels.push(asked.text("name")?);
            ok(json!({ "id": world.labels.len() - 1, "name": asked.text("name") }))
        }
        "merge" => {
            world.pull(asked.number("number"))?.auto_merge = true;
            ok(Value::Null)
        }
        "commit" => ok(json!({ "sha": SHA, "author": { "login": "ada" } })),
        "statuses" => ok(page(asked, "limit", github::statuses(world, asked, "status"))),
        "set-status" => {
            let row = world.status(&asked.path["sha"], &asked.text("context")?, asked.body.clone());
            ok(github::status(&row, "status"))
        }
        _ => github::answer(world, asked).map(|(status, said)| (status, own(said))),
    }
}
