//! Azure DevOps' words: a list shows 400 characters of a description, a comment is a thread.

use crate::forges::api::Asked;
use crate::forges::world::PullRow;
use crate::forges::world::SHA;
use crate::forges::world::Said;
use crate::forges::world::World;
use serde_json::Value;
use serde_json::json;

fn show(row: &PullRow) -> Value {
    let status = match row.state {
        "open" => "active",
        "merged" => "completed",
        _ => "abandoned",
    };
    let mut pull = json!({
        "pullRequestId": row.number, "title": row.title, "description": row.body, "status": status,
        "isDraft": row.draft, "sourceRefName": format!("refs/heads/{}", row.head),
        "targetRefName": format!("refs/heads/{}", row.base), "createdBy": { "id": "me" },
        "lastMergeSourceCommit": { "commitId": SHA }, "lastMergeCommit": { "commitId": SHA },
        "repository": repository(),
    });
    if row.from_fork {
        pull["forkSource"] = json!({ "name": "refs/heads/x" });
    }
    pull
}

fn repository() -> Value {
    json!({ "id": "r1", "name": "fleet", "webUrl": "https://host/acme/ops/_git/fleet", "project": { "id": "p1" } })
}

pub(super) fn answer(world: &mut World, asked: &Asked) -> Option<Said> {
    let ok = |body: Value| Some((asked.status, body));
    match asked.name.as_str() {
        "connection" => ok(json!({ "authenticatedUser": { "providerDisplayName": "recant" } })),
        "repo" => ok(repository()),
        "permission" => ok(json!({ "count": 1, "value": [true] })),
        "pulls" => {
            let status = asked.query("searchCriteria.status").unwrap_or("active");
            let head = asked
                .query("searchCriteria.sourceRefName")
                .and_then(|r| r.strip_prefix("refs/heads/"));
            let all = world
                .pulls
                .iter()
                .rev()
                .filter(|row| head.is_none_or(|head| row.head == head));
            let number = |key: &str, or: usize| asked.query(key).and_then(|n| n.parse().ok()).unwrap_or(or);
            let mut all: Vec<Value> = all
                .map(show)
                .filter(|pull| status == "all" || pull["status"] == status)
                .skip(number("$skip", 0))
                .take(number("$top", 101))
                .collect();
            for pull in &mut all {
                let short: String = pull["description"].as_str()?.chars().take(400).collect();
                pull["description"] = json!(short);
            }
            ok(json!({ "count": all.len(), "value": all }))
        }
        "open" => {
            let branch = |end: &str| asked.text(end)?.strip_prefix("refs/heads/").map(str::to_owned);
            if asked.text("description")?.chars().count() > 4000 {
                return Some((400, json!({ "message": "The description is too long." })));
            }
            let labels = asked.body["labels"].as_array()?;
            let new = PullRow {
                head: branch("sourceRefName")?,
                base: branch("targetRefName")?,
                title: asked.text("title")?,
                body: asked.text("description")?,
                labels: labels
                    .iter()
                    .filter_map(|label| Some(label["name"].as_str()?.to_owned()))
                    .collect(),
                draft: asked.body["isDraft"] == true,
                ..PullRow::default()
            };
            match world.open(new) {
                Ok(row) => ok(show(&row)),
                Err(_) => {
                    let text =
                        "TF401179: An active pull request for the source and target branch already exists.";
                    Some((409, json!({ "message": text })))
                }
            }
        }
        "pull" => ok(show(world.pull(asked.number("number"))?)),
        "edit" => {
            let row = world.pull(asked.number("number"))?;
            row.title = asked.text("title").unwrap_or(row.title.clone());
            row.body = asked.text("description").unwrap_or(row.body.clone());
            row.auto_merge |= asked.body["autoCompleteSetBy"]["id"] == "me";
            if asked.text("status").as_deref() == Some("abandoned") {
                row.state = "closed";
            }
            ok(show(row))
        }
        "review" => {
            world
                .pull(asked.number("number"))?
                .people
                .push(asked.body.clone());
            ok(asked.body.clone())
        }
        "comments" | "comment" | "edit-comment" => threads(world, asked),
        "statuses" => {
            let own = world
                .statuses
                .iter()
                .rev()
                .filter(|row| row.commit == asked.path["sha"]);
            let own = own.map(|row| {
                let mut said = row.said.clone();
                said["id"] = json!(row.id);
                said
            });
            ok(json!({ "value": own.collect::<Vec<_>>() }))
        }
        "set-status" => {
            let context = &asked.body["context"];
            let name = format!("{}/{}", context["genre"].as_str()?, context["name"].as_str()?);
            let row = world.status(&asked.path["sha"], &name, asked.body.clone());
            ok(row.said)
        }
        _ => None,
    }
}

fn threads(world: &mut World, asked: &Asked) -> Option<Said> {
    let show = |id: u64, body: &str| {
        json!({ "id": id, "isDeleted": false, "comments": [
            { "id": 1, "parentCommentId": 0, "content": body, "commentType": "text" }] })
    };
    let said = match asked.name.as_str() {
        "comments" => {
            let all = world.said_under(asked.number("number"));
            let mut all: Vec<Value> = all.iter().map(|row| show(row.id, &row.body)).collect();
            all.push(json!({ "id": 0, "comments": [{ "id": 1, "commentType": "system", "content": "ada joined" }] }));
            json!({ "value": all })
        }
        "comment" => {
            let body = asked.body["comments"][0]["content"].as_str()?.to_owned();
            let row = world.comment(asked.number("number"), body);
            show(row.id, &row.body)
        }
        _ => {
            let row = world.edit_comment(asked.number("thread"), &asked.text("content")?)?;
            json!({ "id": 1, "content": row.body })
        }
    };
    Some((asked.status, said))
}
