//! The forge's records in Gitea's JSON.

use super::Asked;
use crate::forge::Forge;
use crate::forge::Role;
use crate::forge::record::Comment;
use crate::forge::record::Label;
use crate::forge::record::PullRequest;
use crate::forge::record::Stage;
use crate::forge::record::Status;
use crate::forge::repo_id;
use crate::git::Git;
use jiff::Timestamp;
use recant_core::query::Commit;
use serde_json::Value;
use serde_json::json;

/// A time as the API writes it: whole seconds, UTC.
pub(super) fn time(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds).map(time).unwrap_or_default()
}

impl Forge {
    pub(super) fn show_user(&self, login: &str) -> Value {
        let place = self.users.iter().position(|(name, _)| name == login);
        json!({
            "id": place.map_or(-1, |place| place as i64 + 1),
            "login": login,
            "login_name": "",
            "username": login,
            "full_name": "",
            "email": format!("{login}@noreply.localhost"),
            "avatar_url": "",
            "html_url": format!("{}/{login}", self.base_url),
            "is_admin": self.role(login) == Role::Admin,
            "active": true,
            "visibility": "public",
        })
    }

    pub(super) fn show_label(&self, repo: &str, label: &Label) -> Value {
        json!({
            "id": label.id,
            "name": label.name,
            "exclusive": false,
            "is_archived": false,
            "color": label.color,
            "description": label.description,
            "url": format!("{}/api/v1/repos/{repo}/labels/{}", self.base_url, label.id),
        })
    }
}

impl Asked<'_> {
    pub(super) fn url(&self, rest: &str) -> String {
        format!("{}/api/v1/repos/{}/{rest}", self.forge.base_url, self.repo)
    }

    fn page_url(&self, rest: &str) -> String {
        format!("{}/{}/{rest}", self.forge.base_url, self.repo)
    }

    pub(super) fn show_repo(&self, git: &dyn Git) -> Value {
        let repo = &self.repo;
        let (owner, name) = repo.split_once('/').unwrap_or_default();
        let user = self.request.user.as_deref();
        let role = user.map_or(Role::Reader, |user| self.forge.role(user));
        json!({
            "id": repo_id(self.forge, repo),
            "owner": self.forge.show_user(owner),
            "name": name,
            "full_name": repo,
            "description": "",
            "empty": git.branches().is_empty(),
            "private": false,
            "fork": false,
            "template": false,
            "mirror": false,
            "archived": false,
            "html_url": format!("{}/{repo}", self.forge.base_url),
            "url": format!("{}/api/v1/repos/{repo}", self.forge.base_url),
            "clone_url": self.forge.url_of(repo).0,
            "default_branch": git.default_branch(),
            "open_pr_counter": self.forge.count_open(repo),
            "permissions": {
                "admin": role >= Role::Admin,
                "push": role >= Role::Writer,
                "pull": true,
            },
            "has_issues": true,
            "has_pull_requests": true,
            "allow_merge_commits": true,
            "allow_rebase": true,
            "allow_rebase_explicit": true,
            "allow_squash_merge": true,
            "allow_fast_forward_only_merge": true,
            "default_merge_style": "merge",
            "default_delete_branch_after_merge": false,
            "object_format_name": "sha1",
        })
    }

    pub(super) fn show_branch(&self, git: &dyn Git, name: &str, head: &str) -> Value {
        let desk = self.forge.desks.get(&self.repo);
        let protected = desk.is_some_and(|desk| desk.protected.contains_key(name));
        let user = self.request.user.as_deref();
        let push = user.is_some_and(|user| self.forge.may_push(&self.repo, name, user).is_ok());
        let merge = user.is_some_and(|user| self.forge.role(user) >= Role::Writer);
        let commit = git.show(head).map(|commit| {
            json!({
                "id": head,
                "message": commit.message,
                "url": self.page_url(&format!("commit/{head}")),
                "author": person(&commit),
                "committer": person(&commit),
                "timestamp": git.date_s(head).map(date),
            })
        });
        json!({
            "name": name,
            "commit": commit,
            "protected": protected,
            "required_approvals": 0,
            "enable_status_check": false,
            "status_check_contexts": [],
            "user_can_push": push,
            "user_can_merge": merge,
            "effective_branch_protection_name": if protected { name } else { "" },
        })
    }

    pub(super) fn show_commit(&self, git: &dyn Git, commit: &Commit) -> Value {
        let id = &commit.id;
        let when = git.date_s(id).map(date);
        let mut who = person(commit);
        who["date"] = json!(when);
        let parents: Vec<Value> = commit
            .parents
            .iter()
            .map(|parent| json!({ "sha": parent, "url": self.url(&format!("git/commits/{parent}")) }))
            .collect();
        json!({
            "sha": id,
            "created": when,
            "url": self.url(&format!("git/commits/{id}")),
            "html_url": self.page_url(&format!("commit/{id}")),
            "commit": {
                "url": self.url(&format!("git/commits/{id}")),
                "author": who,
                "committer": who,
                "message": commit.message,
            },
            "author": null,
            "committer": null,
            "parents": parents,
        })
    }

    pub(super) fn show_pull(&self, pull: &PullRequest) -> Value {
        let number = pull.number;
        let page = self.forge.pull_url(&self.repo, number);
        let (merged, commit, by) = match &pull.stage {
            Stage::Merged { commit, by } => (true, Some(commit), Some(by).filter(|by| !by.is_empty())),
            Stage::Open | Stage::Closed => (false, None, None),
        };
        let labels = self.forge.labels_of(&self.repo, pull);
        let labels: Vec<Value> = labels
            .iter()
            .map(|l| self.forge.show_label(&self.repo, l))
            .collect();
        json!({
            "id": pull.id,
            "url": page,
            "number": number,
            "user": self.forge.show_user(&pull.user),
            "title": pull.title,
            "body": pull.body,
            "labels": labels,
            "milestone": null,
            "assignee": null,
            "assignees": null,
            "state": if pull.stage == Stage::Open { "open" } else { "closed" },
            "draft": false,
            "is_locked": false,
            "comments": pull.comments.len(),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "mergeable": pull.stage == Stage::Open && pull.mergeable,
            "merged": merged,
            "merged_at": pull.closed.filter(|_| merged).map(time),
            "merge_commit_sha": commit,
            "merged_by": by.map(|by| self.forge.show_user(by)),
            "base": self.show_end(&pull.base_branch, &pull.base),
            "head": self.show_end(&pull.head_branch, &pull.head),
            "merge_base": pull.merge_base,
            "due_date": null,
            "created_at": time(pull.created),
            "updated_at": time(pull.updated),
            "closed_at": pull.closed.map(time),
        })
    }

    fn show_end(&self, branch: &str, commit: &str) -> Value {
        let git = self.git().ok();
        json!({
            "label": branch,
            "ref": branch,
            "sha": commit,
            "repo_id": repo_id(self.forge, &self.repo),
            "repo": git.map(|git| self.show_repo(git)),
        })
    }

    pub(super) fn show_comment(&self, number: u64, comment: &Comment) -> Value {
        let page = self.forge.pull_url(&self.repo, number);
        json!({
            "id": comment.id,
            "html_url": format!("{page}#issuecomment-{}", comment.id),
            "pull_request_url": page,
            "issue_url": "",
            "user": self.forge.show_user(&comment.user),
            "body": comment.body,
            "assets": [],
            "created_at": time(comment.created),
            "updated_at": time(comment.updated),
        })
    }

    pub(super) fn show_status(&self, status: &Status) -> Value {
        json!({
            "id": status.id,
            "status": status.state,
            "target_url": status.target_url,
            "description": status.description,
            "url": self.url(&format!("statuses/{}", status.commit)),
            "context": status.context,
            "creator": self.forge.show_user(&status.creator),
            "created_at": time(status.created),
            "updated_at": time(status.created),
        })
    }
}

fn person(commit: &Commit) -> Value {
    let (name, email) = commit.author.split_once(" <").unwrap_or((&commit.author, ""));
    json!({ "name": name, "email": email.trim_end_matches('>') })
}
