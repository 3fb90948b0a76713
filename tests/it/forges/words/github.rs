//! GitHub's words.

use super::APP_TOKEN;
use super::page;
use crate::forges::api::Asked;
use crate::forges::world::PullRow;
use crate::forges::world::SHA;
use crate::forges::world::Said;
use crate::forges::world::StatusRow;
use crate::forges::world::World;
use serde_json::Value;
use serde_json::json;

pub(super) fn show(row: &PullRow) -> Value {
    let repo = |fork: bool| json!({ "full_name": if fork { "mallory/fleet" } else { "acme/fleet" } });
    let merged = row.state == "merged";
    json!({
        "number": row.number, "node_id": format!("PR_{}", row.number), "title": row.title, "body": row.body,
        "state": if row.state == "open" { "open" } else { "closed" }, "draft": row.draft,
        "html_url": format!("https://host/acme/fleet/pull/{}", row.number),
        "merged_at": merged.then_some("2026-11-21T04:00:00Z"), "merge_commit_sha": merged.then_some("abc"),
        "head": { "ref": row.head, "sha": SHA, "repo": repo(row.from_fork) },
        "base": { "ref": row.base, "sha": SHA, "repo": repo(false) },
    })
}

pub(super) fn list(world: &World, asked: &Asked) -> Vec<Value> {
    let state = asked.query("state").unwrap_or("open");
    let head = asked.query("head").and_then(|head| head.split_once(':'));
    let fits = |row: &&PullRow| {
        (state == "all" || (state == "open") == (row.state == "open"))
            && head.is_none_or(|(_, branch)| row.head == branch)
    };
    world.pulls.iter().rev().filter(fits).map(show).collect()
}

pub(super) fn answer(world: &mut World, asked: &Asked) -> Option<Said> {
    let ok = |body: Value| Some((asked.status, body));
    match asked.name.as_str() {
        "user" => ok(json!({ "login": "recant" })),
        "repo" => ok(json!({ "full_name": "acme/fleet", "node_id": "R_1", "permissions": { "push": true } })),
        "pulls" => ok(page(asked, "per_page", list(world, asked))),
        "open" => {
            let new = PullRow {
                head: asked.text("head")?,
                base: asked.text("base")?,
                title: asked.text("title")?,
                body: asked.text("body")?,
                draft: asked.body["draft"] == true,
                ..PullRow::default()
            };
            match world.open(new) {
                Ok(row) => ok(show(&row)),
                Err(_) => Some((
                    422,
                    json!({ "message": "Validation Failed", "errors": [
                    { "resource": "PullRequest", "code": "custom",
                      "message": "A pull request already exists for acme:x." }] }),
                )),
            }
        }
        "pull" => ok(show(world.pull(asked.number("number"))?)),
        "edit" => ok(show(&edit(world, asked)?)),
        "comments" | "comment" | "edit-comment" => comments(world, asked, "per_page"),
        "label" | "assign" | "review" => people(world, asked),
        "commit" => ok(json!({ "sha": SHA, "author": { "login": "ada" } })),
        "statuses" => ok(page(asked, "per_page", statuses(world, asked, "state"))),
        "set-status" => {
            let row = world.status(&asked.path["sha"], &asked.text("context")?, asked.body.clone());
            ok(status(&row, "state"))
        }
        "checks" => {
            let name = asked.query("check_name");
            let runs = world
                .checks
                .iter()
                .filter(|run| Some(run.context.as_str()) == name);
            let runs: Vec<Value> = runs.map(run).collect();
            ok(json!({ "total_count": runs.len(), "check_runs": runs }))
        }
        "check" | "edit-check" => check(world, asked),
        _ => git(world, asked),
    }
}

pub(super) fn edit(world: &mut World, asked: &Asked) -> Option<PullRow> {
    let row = world.pull(asked.number("number"))?;
    row.title = asked.text("title").unwrap_or(row.title.clone());
    row.body = asked.text("body").unwrap_or(row.body.clone());
    if asked.text("state").as_deref() == Some("closed") {
        row.state = "closed";
    }
    if let Some(all) = asked.body.get("assignees") {
        row.people.push(all.clone());
    }
    Some(row.clone())
}

pub(super) fn comments(world: &mut World, asked: &Asked, size: &str) -> Option<Said> {
    let show = |id: u64, body: &str| json!({ "id": id, "body": body });
    let said = match asked.name.as_str() {
        "comments" => {
            let all = world.said_under(asked.number("number"));
            page(
                asked,
                size,
                all.iter().map(|row| show(row.id, &row.body)).collect(),
            )
        }
        "comment" => {
            let row = world.comment(asked.number("number"), asked.text("body")?);
            show(row.id, &row.body)
        }
        _ => {
            let row = world.edit_comment(asked.number("id"), &asked.text("body")?)?;
            show(row.id, &row.body)
        }
    };
    Some((asked.status, said))
}

pub(super) fn people(world: &mut World, asked: &Asked) -> Option<Said> {
    let row = world.pull(asked.number("number"))?;
    match asked.name.as_str() {
        "label" => {
            let names = asked.body["labels"].as_array()?;
            row.labels.extend(
                names
                    .iter()
                    .map(|name| name.as_str().map_or(name.to_string(), str::to_owned)),
            );
            row.labels.sort();
            row.labels.dedup();
        }
        _ => row.people.push(asked.body.clone()),
    }
    let said = match asked.name.as_str() {
        "label" => row.labels.iter().map(|name| json!({ "name": name })).collect(),
        "assign" => json!({ "number": row.number }),
        _ => show(row),
    };
    Some((asked.status, said))
}

pub(super) fn statuses(world: &World, asked: &Asked, word: &str) -> Vec<Value> {
    let own = world
        .statuses
        .iter()
        .rev()
        .filter(|row| row.commit == asked.path["sha"]);
    own.map(|row| status(row, word)).collect()
}

pub(super) fn status(row: &StatusRow, word: &str) -> Value {
    let mut said = json!({ "id": row.id, "context": row.context });
    said[word] = row.said["state"].clone();
    said["description"] = row.said["description"].clone();
    said["target_url"] = row.said["target_url"].clone();
    said
}

fn run(row: &StatusRow) -> Value {
    let mut said = row.said.clone();
    said["id"] = json!(row.id);
    said
}

fn check(world: &mut World, asked: &Asked) -> Option<Said> {
    let row = match asked.name.as_str() {
        "check" => {
            let row = StatusRow {
                id: world.id(),
                commit: asked.text("head_sha")?,
                context: asked.text("name")?,
                said: asked.body.clone(),
            };
            world.checks.push(row.clone());
            row
        }
        _ => {
            let id = asked.number("id");
            let row = world.checks.iter_mut().find(|row| row.id == id)?;
            for (key, value) in asked.body.as_object()? {
                row.said[key] = value.clone();
            }
            row.clone()
        }
    };
    Some((asked.status, run(&row)))
}

fn git(world: &mut World, asked: &Asked) -> Option<Said> {
    let said = match asked.name.as_str() {
        "ref" => {
            let sha = world.branches.get(asked.path["ref"].strip_prefix("heads/")?)?;
            json!({ "ref": format!("refs/{}", asked.path["ref"]), "object": { "sha": sha, "type": "commit" } })
        }
        "new-ref" => {
            let name = asked.text("ref")?.strip_prefix("refs/heads/")?.to_owned();
            if world.branches.contains_key(&name) {
                return Some((422, json!({ "message": "Reference already exists" })));
            }
            world.branches.insert(name, asked.text("sha")?);
            json!({ "ref": asked.text("ref"), "object": { "sha": asked.text("sha") } })
        }
        "app" => json!({ "slug": "recant-app", "id": 7 }),
        "org-installed" => json!({ "id": 42 }),
        "token" => json!({
            "token": APP_TOKEN, "expires_at": "2099-01-01T00:00:00Z", "repository_selection": "selected",
            "permissions": { "contents": "write", "pull_requests": "write", "metadata": "read",
                             "statuses": "write", "issues": "write", "checks": "write" },
        }),
        "graphql" => graphql(world, asked),
        _ => return None,
    };
    Some((asked.status, said))
}

fn graphql(world: &mut World, asked: &Asked) -> Value {
    let query = asked.text("query").unwrap_or_default();
    let input = &asked.body["variables"]["input"];
    let error =
        |kind: &str, text: &str| json!({ "data": null, "errors": [{ "type": kind, "message": text }] });
    if query.contains("enablePullRequestAutoMerge") {
        let id = input["pullRequestId"].as_str().unwrap_or_default().to_owned();
        let number = id.strip_prefix("PR_").and_then(|n| n.parse().ok()).unwrap_or(0);
        return match world.pull(number) {
            Some(row) => {
                row.auto_merge = true;
                json!({ "data": { "enablePullRequestAutoMerge": { "clientMutationId": null } } })
            }
            None => error("NOT_FOUND", "Could not resolve to a node"),
        };
    }
    if query.contains("createCommitOnBranch") {
        let branch = input["branch"]["branchName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let Some(head) = world.branches.get(&branch).cloned() else {
            return error("NOT_FOUND", "No such branch");
        };
        if input["expectedHeadOid"] != head.as_str() {
            return error("STALE_DATA", "Expected branch to point to another commit");
        }
        assert!(input["message"]["headline"].is_string() && input["fileChanges"]["additions"].is_array());
        let oid = format!("{:040x}", 0xc0_0000 + world.id());
        world.branches.insert(branch, oid.clone());
        return json!({ "data": { "createCommitOnBranch": { "commit": { "oid": oid } } } });
    }
    let updates = input["refUpdates"].as_array().cloned().unwrap_or_default();
    assert_eq!(input["repositoryId"], "R_1", "{query}");
    let zero = "0".repeat(40);
    let name = |update: &Value| {
        update["name"]
            .as_str()
            .unwrap_or_default()
            .replace("refs/heads/", "")
    };
    for update in &updates {
        let now = world.branches.get(&name(update)).unwrap_or(&zero);
        if update["beforeOid"] != now.as_str() {
            return error("UNPROCESSABLE", "Reference update failed");
        }
    }
    for update in &updates {
        let after = update["afterOid"].as_str().unwrap_or_default().to_owned();
        match after == zero {
            true => drop(world.branches.remove(&name(update))),
            false => drop(world.branches.insert(name(update), after)),
        }
    }
    json!({ "data": { "updateRefs": { "clientMutationId": null } } })
}
