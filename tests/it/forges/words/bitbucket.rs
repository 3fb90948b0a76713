//! Bitbucket Cloud's words: commits by 12 digits, a second pull request from one branch is taken.

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
        json!({ "branch": { "name": branch }, "commit": { "hash": &SHA[..12] },
                "repository": { "full_name": if fork { "mallory/fleet" } else { "acme/fleet" } } })
    };
    json!({
        "id": row.number, "title": row.title, "description": row.body, "state": state, "draft": row.draft,
        "source": end(&row.head, row.from_fork), "destination": end(&row.base, false),
        "merge_commit": (row.state == "merged").then(|| json!({ "hash": &SHA[..12] })),
        "links": { "html": { "href": format!("https://host/acme/fleet/pull-requests/{}", row.number) } },
    })
}

/// A page of a list, whose link names another host: who follows it gives the token away.
fn values(asked: &Asked, all: Vec<Value>) -> Value {
    let number = |key: &str, or: usize| asked.query(key).and_then(|n| n.parse().ok()).unwrap_or(or);
    let (size, page) = (number("pagelen", 10), number("page", 1));
    let more = all.len() > page * size;
    let items: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let mut body = json!({ "pagelen": size, "page": page, "values": items });
    if more {
        body["next"] = json!(format!(
            "https://evil.example/2.0/x?pagelen={size}&page={}",
            page + 1
        ));
    }
    body
}

pub(super) fn answer(world: &mut World, asked: &Asked) -> Option<Said> {
    let ok = |body: Value| Some((asked.status, body));
    match asked.name.as_str() {
        "user" => ok(json!({ "display_name": "recant" })),
        "repo" => ok(json!({ "full_name": "acme/fleet" })),
        "pulls" => {
            let states: Vec<&str> = asked
                .query
                .iter()
                .filter(|(k, _)| k == "state")
                .map(|(_, v)| v.as_str())
                .collect();
            let head = asked
                .query("q")
                .and_then(|q| q.strip_prefix("source.branch.name=\"")?.strip_suffix('"'));
            let all = world
                .pulls
                .iter()
                .rev()
                .filter(|row| head.is_none_or(|head| row.head == head));
            let all = all
                .map(show)
                .filter(|p| states.is_empty() || states.contains(&p["state"].as_str().unwrap()));
            ok(values(asked, all.collect()))
        }
        "open" => {
            let branch = |end: &str| asked.body[end]["branch"]["name"].as_str().map(str::to_owned);
            let new = PullRow {
                head: branch("source")?,
                base: branch("destination")?,
                title: asked.text("title")?,
                body: asked.text("description")?,
                people: asked.body["reviewers"].as_array()?.clone(),
                draft: asked.body["draft"] == true,
                ..PullRow::default()
            };
            ok(show(&world.open(new).ok()?))
        }
        "pull" => ok(show(world.pull(asked.number("number"))?)),
        "edit" => {
            let row = world.pull(asked.number("number"))?;
            row.title = asked.text("title").unwrap_or(row.title.clone());
            row.body = asked.text("description").unwrap_or(row.body.clone());
            ok(show(row))
        }
        "close" => {
            let row = world.pull(asked.number("number"))?;
            if row.state != "open" {
                let error = json!({ "type": "error", "error": { "message": "This pull request is already closed." } });
                return Some((400, error));
            }
            row.state = "closed";
            ok(show(row))
        }
        "comments" | "comment" | "edit-comment" => comments(world, asked),
        "commit" => ok(json!({ "hash": SHA })),
        "statuses" => ok(world
            .standing(&asked.path["sha"], &asked.path["key"])?
            .said
            .clone()),
        "set-status" => {
            let row = world.status(&asked.path["sha"], &asked.text("key")?, asked.body.clone());
            ok(row.said)
        }
        _ => None,
    }
}

fn comments(world: &mut World, asked: &Asked) -> Option<Said> {
    let show = |id: u64, body: &str| json!({ "id": id, "content": { "raw": body }, "deleted": false });
    let raw = || asked.body["content"]["raw"].as_str().map(str::to_owned);
    let said = match asked.name.as_str() {
        "comments" => {
            let all = world.said_under(asked.number("number"));
            values(asked, all.iter().map(|row| show(row.id, &row.body)).collect())
        }
        "comment" => {
            let row = world.comment(asked.number("number"), raw()?);
            show(row.id, &row.body)
        }
        _ => {
            let row = world.edit_comment(asked.number("id"), &raw()?)?;
            show(row.id, &row.body)
        }
    };
    Some((asked.status, said))
}
