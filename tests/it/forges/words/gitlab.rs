//! GitLab's words.

use super::page;
use crate::forges::api::Asked;
use crate::forges::world::PullRow;
use crate::forges::world::SHA;
use crate::forges::world::Said;
use crate::forges::world::StatusRow;
use crate::forges::world::World;
use serde_json::Value;
use serde_json::json;

fn show(row: &PullRow) -> Value {
    let state = match row.state {
        "open" => "opened",
        other => other,
    };
    json!({
        "id": 9000 + row.number, "iid": row.number, "title": row.title, "description": row.body, "state": state,
        "draft": row.title.starts_with("Draft: "), "source_branch": row.head, "target_branch": row.base,
        "source_project_id": if row.from_fork { Value::Null } else { json!(5) }, "target_project_id": 5,
        "sha": SHA, "merge_commit_sha": (row.state == "merged").then_some("abc"),
        "web_url": format!("https://host/acme/platform/fleet/-/merge_requests/{}", row.number),
    })
}

pub(super) fn answer(world: &mut World, asked: &Asked) -> Option<Said> {
    if asked.path.get("id").is_some_and(|id| id != "acme/platform/fleet") {
        return None;
    }
    let ok = |body: Value| Some((asked.status, body));
    match asked.name.as_str() {
        "user" => ok(json!({ "id": 3, "username": "recant" })),
        "self" => ok(json!({ "scopes": ["api"], "expires_at": "2099-01-01", "active": true })),
        "users" => ok(json!([{ "id": 11, "username": asked.query("username").unwrap_or("ada") }])),
        "repo" => ok(json!({ "id": 5, "permissions": {
            "project_access": null, "group_access": { "access_level": 30 } } })),
        "pulls" => {
            let state = asked.query("state").unwrap_or("all");
            let fits = |row: &&PullRow| {
                (state == "all" || (state == "opened") == (row.state == "open"))
                    && asked.query("source_branch").is_none_or(|head| row.head == head)
            };
            let all = world.pulls.iter().rev().filter(fits).map(show).collect();
            ok(page(asked, "per_page", all))
        }
        "open" => {
            let labels = asked.text("labels").unwrap_or_default();
            let new = PullRow {
                head: asked.text("source_branch")?,
                base: asked.text("target_branch")?,
                title: asked.text("title")?,
                body: asked.text("description")?,
                labels: labels.split(',').map(str::to_owned).collect(),
                ..PullRow::default()
            };
            match world.open(new) {
                Ok(row) => ok(show(&row)),
                Err(number) => {
                    let text = format!(
                        "Another open merge request already exists for this source branch: !{number}"
                    );
                    Some((409, json!({ "message": [text] })))
                }
            }
        }
        "pull" => ok(show(world.pull(asked.number("number"))?)),
        "edit" => edit(world, asked),
        "merge" => {
            let row = world.pull(asked.number("number"))?;
            row.auto_merge = true;
            ok(show(row))
        }
        "commit" => ok(json!({ "id": SHA, "author_email": "ada@example.org" })),
        "comments" | "comment" | "edit-comment" => notes(world, asked),
        "statuses" => {
            let name = asked.query("name");
            let own = world.statuses.iter().rev();
            let own = own.filter(|row| row.commit == asked.path["sha"] && Some(row.context.as_str()) == name);
            ok(page(asked, "per_page", own.map(status).collect()))
        }
        "set-status" => {
            let (sha, name) = (asked.path["sha"].clone(), asked.text("name")?);
            let same = world
                .standing(&sha, &name)
                .is_some_and(|old| old.said["state"] == asked.body["state"]);
            let row = world.status(&sha, &name, asked.body.clone());
            if same {
                let text =
                    "Cannot transition status via :run from :running (Reason(s): Status cannot transition)";
                return Some((400, json!({ "message": text })));
            }
            ok(status(&row))
        }
        _ => None,
    }
}

fn edit(world: &mut World, asked: &Asked) -> Option<Said> {
    let row = world.pull(asked.number("number"))?;
    row.title = asked.text("title").unwrap_or(row.title.clone());
    row.body = asked.text("description").unwrap_or(row.body.clone());
    if asked.text("state_event").as_deref() == Some("close") {
        row.state = "closed";
    }
    for key in ["assignee_ids", "reviewer_ids"] {
        row.people.extend(asked.body.get(key).cloned());
    }
    Some((asked.status, show(row)))
}

fn notes(world: &mut World, asked: &Asked) -> Option<Said> {
    let show = |id: u64, body: &str| json!({ "id": id, "body": body, "system": false });
    let said = match asked.name.as_str() {
        "comments" => {
            let all = world.said_under(asked.number("number"));
            let mut all: Vec<Value> = all.iter().map(|row| show(row.id, &row.body)).collect();
            all.insert(0, json!({ "id": 0, "body": "assigned to @ada", "system": true }));
            page(asked, "per_page", all)
        }
        "comment" => {
            let row = world.comment(asked.number("number"), asked.text("body")?);
            show(row.id, &row.body)
        }
        _ => {
            let row = world.edit_comment(asked.number("note"), &asked.text("body")?)?;
            show(row.id, &row.body)
        }
    };
    Some((asked.status, said))
}

fn status(row: &StatusRow) -> Value {
    json!({
        "id": row.id, "sha": row.commit, "name": row.context, "status": row.said["state"],
        "description": row.said["description"], "target_url": row.said["target_url"],
    })
}
