//! Bitbucket Data Center's words: whatever is changed must be named with its version.

use crate::forges::api::Asked;
use crate::forges::world::PullRow;
use crate::forges::world::SHA;
use crate::forges::world::Said;
use crate::forges::world::World;
use serde_json::Value;
use serde_json::json;

fn show(row: &PullRow) -> Value {
    let state = match row.state {
        "open" => "OPEN",
        "merged" => "MERGED",
        _ => "DECLINED",
    };
    let end = |branch: &str, fork: bool| {
        json!({ "id": format!("refs/heads/{branch}"), "displayId": branch, "latestCommit": SHA,
                "repository": { "slug": "fleet", "project": { "key": if fork { "~MALLORY" } else { "OPS" } } } })
    };
    json!({
        "id": row.number, "version": row.version, "title": row.title, "description": row.body, "state": state,
        "draft": row.draft, "fromRef": end(&row.head, row.from_fork), "toRef": end(&row.base, false),
        "reviewers": row.people, "properties": { "mergeCommit": (row.state == "merged").then(|| json!({ "id": SHA })) },
        "links": { "self": [{ "href": format!("https://host/projects/OPS/repos/fleet/pull-requests/{}", row.number) }] },
    })
}

fn values(asked: &Asked, all: Vec<Value>) -> Value {
    let number = |key: &str, or: usize| asked.query(key).and_then(|n| n.parse().ok()).unwrap_or(or);
    let (limit, start) = (number("limit", 25), number("start", 0));
    let end = start + limit;
    let last = all.len() <= end;
    let items: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
    let next = if last { Value::Null } else { json!(end) };
    json!({ "values": items, "isLastPage": last, "nextPageStart": next, "size": limit, "start": start })
}

fn stale() -> Said {
    let text = "You are attempting to modify a pull request based on out-of-date information.";
    (409, json!({ "errors": [{ "context": null, "message": text }] }))
}

pub(super) fn answer(world: &mut World, asked: &Asked) -> Option<Said> {
    let ok = |body: Value| Some((asked.status, body));
    match asked.name.as_str() {
        "projects" => ok(values(asked, Vec::new())),
        "repos" => ok(values(
            asked,
            vec![json!({ "slug": "fleet", "project": { "key": "OPS" } })],
        )),
        "pulls" => {
            let (state, at) = (
                asked.query("state").unwrap_or("OPEN"),
                asked.query("at").unwrap_or_default(),
            );
            let head = at.strip_prefix("refs/heads/");
            let all = world
                .pulls
                .iter()
                .rev()
                .filter(|row| head.is_none_or(|head| row.head == head));
            let all = all
                .map(show)
                .filter(|pull| state == "ALL" || pull["state"] == state);
            ok(values(asked, all.collect()))
        }
        "open" => {
            let branch = |end: &str| {
                asked.body[end]["id"]
                    .as_str()?
                    .strip_prefix("refs/heads/")
                    .map(str::to_owned)
            };
            let new = PullRow {
                head: branch("fromRef")?,
                base: branch("toRef")?,
                title: asked.text("title")?,
                body: asked.text("description")?,
                people: asked.body["reviewers"].as_array()?.clone(),
                draft: asked.body["draft"] == true,
                ..PullRow::default()
            };
            match world.open(new) {
                Ok(row) => ok(show(&row)),
                Err(_) => {
                    let text = "Only one pull request may be open for a given source and target branch";
                    Some((409, json!({ "errors": [{ "context": null, "message": text }] })))
                }
            }
        }
        "pull" => ok(show(world.pull(asked.number("number"))?)),
        "edit" => {
            let row = world.pull(asked.number("number"))?;
            if asked.body["version"] != row.version {
                return Some(stale());
            }
            row.version += 1;
            row.title = asked.text("title").unwrap_or(row.title.clone());
            row.body = asked.text("description").unwrap_or(row.body.clone());
            row.people = asked.body["reviewers"].as_array().cloned().unwrap_or_default();
            ok(show(row))
        }
        "close" => {
            let row = world.pull(asked.number("number"))?;
            if asked.query("version") != Some(row.version.to_string().as_str()) || row.state != "open" {
                return Some(stale());
            }
            row.version += 1;
            row.state = "closed";
            ok(show(row))
        }
        "merge" => {
            let row = world.pull(asked.number("number"))?;
            if asked.body["version"] != row.version {
                return Some(stale());
            }
            row.version += 1;
            row.auto_merge = asked.body["autoMerge"] == true;
            ok(show(row))
        }
        "comments" | "comment" | "edit-comment" => comments(world, asked),
        "statuses" => ok(world
            .standing(&asked.path["sha"], asked.query("key")?)?
            .said
            .clone()),
        "set-status" => {
            world.status(&asked.path["sha"], &asked.text("key")?, asked.body.clone());
            ok(Value::Null)
        }
        _ => None,
    }
}

fn comments(world: &mut World, asked: &Asked) -> Option<Said> {
    let said = match asked.name.as_str() {
        "comments" => {
            let show = |row: &crate::forges::world::CommentRow| {
                let comment = json!({ "id": row.id, "version": row.version, "text": row.body });
                json!({ "id": 100 + row.id, "action": "COMMENTED", "commentAction": "ADDED", "comment": comment })
            };
            let mut all: Vec<Value> = world
                .said_under(asked.number("number"))
                .iter()
                .map(show)
                .collect();
            all.push(json!({ "id": 1, "action": "OPENED" }));
            values(asked, all)
        }
        "comment" => {
            let row = world.comment(asked.number("number"), asked.text("text")?);
            json!({ "id": row.id, "version": row.version, "text": row.body })
        }
        _ => {
            let id = asked.number("id");
            if world
                .comments
                .iter()
                .any(|row| row.id == id && asked.body["version"] != row.version)
            {
                return Some(stale());
            }
            let row = world.edit_comment(id, &asked.text("text")?)?;
            json!({ "id": row.id, "version": row.version, "text": row.body })
        }
    };
    Some((asked.status, said))
}
