//! The world carries out what the core wants.

use super::observe::forge_of;
use super::observe::repo_of;
use crate::fleet::BOT;
use crate::forge::By;
use crate::forge::Refusal;
use crate::git::Content;
use crate::git::NewCommit;
use crate::git::Refused;
use crate::world::World;
use recant_core::alert::Alert;
use recant_core::effect::Effect;
use recant_core::effect::Push;
use recant_core::forge::Author;
use serde_json::json;

pub(super) fn perform(world: &mut World, effect: &Effect) -> Result<(), String> {
    let by = By {
        user: BOT,
        now: world.now(),
    };
    let refused = |refusal: Refusal| refusal.to_string();
    match effect {
        Effect::Write(write) => world
            .cluster
            .write(by.now, BOT, write)
            .map(drop)
            .map_err(|e| e.to_string()),
        Effect::Event(event) => {
            world.cluster.event(by.now, "recant", event);
            Ok(())
        }
        Effect::Push(push) => self::push(world, push),
        Effect::OpenPull(text) => {
            let World { forge, repos, .. } = world;
            let open = forge.pulls(repos, by.now, &text.branch).map_err(refused)?;
            if open
                .iter()
                .any(|pull| pull.state == recant_core::query::PullState::Open)
            {
                return Ok(());
            }
            forge.open(repos, by, text).map(drop).map_err(refused)
        }
        Effect::UpdatePull { number, text } => world.forge.update(by, *number, text).map_err(refused),
        Effect::ClosePull {
            branch,
            number,
            comment,
        } => {
            let repo = world
                .forge
                .name_of(&branch.repo)
                .ok_or("there is no such repository")?;
            world.forge.close(by, &repo, *number, comment).map_err(refused)
        }
        Effect::Comment(comment) => world.forge.upsert_comment(by, comment).map_err(refused),
        Effect::DeleteBranch { branch, expect } => {
            let git = repo_of(world, &branch.repo).ok_or("there is no such repository")?;
            git.set_branch(&branch.name, Some(expect), None)
                .map_err(|e| e.to_string())
        }
        Effect::Status(status)
            if forge_of(world, &status.repo).is_some_and(|bound| !bound.spec.commit_statuses) =>
        {
            Ok(())
        }
        Effect::Status(status) => {
            let World { forge, repos, .. } = world;
            forge.set_status(repos, by, status).map_err(refused)
        }
        // This forge speaks Gitea's words, and Gitea has no check runs.
        Effect::Check(_) => Ok(()),
        Effect::Alert(alert) => {
            world.alerts.push(alert.clone());
            tell_chat(world, alert);
            Ok(())
        }
        Effect::EventHook(hook) => {
            world.event_hooks.push(hook.clone());
            if let Some(url) = &hook.url {
                let key = format!("event {}", world.event_hooks.len());
                world.receivers.call(by.now, url, &key, &hook.payload.to_string());
            }
            Ok(())
        }
    }
}

/// The chat of an AlertProvider hears an alert, in no chat's format.
fn tell_chat(world: &mut World, alert: &Alert) {
    let provider = alert.provider.as_ref().and_then(|name| world.cluster.get(name));
    if let Some(provider) = provider {
        let (severity, fields) = (alert.severity.name(), &alert.fields);
        let body = json!({"severity": severity, "text": alert.message, "fields": fields});
        let (now, key) = (world.now(), format!("alert {}", world.alerts.len()));
        let address = provider.str("/spec/address");
        world.receivers.call(now, address, &key, &body.to_string());
    }
}

/// Commits and moves the branch; a branch that is already there is left as it is.
fn push(world: &mut World, push: &Push) -> Result<(), String> {
    let author = push.author.clone().unwrap_or_else(|| Author {
        name: "recant".to_owned(),
        email: "recant@users.noreply.invalid".to_owned(),
    });
    let new = NewCommit {
        parents: vec![push.base.clone()],
        content: Content::Files(push.files.clone()),
        author: author.name,
        email: author.email,
        message: push.message.clone(),
        date_s: push.date_s,
    };
    let git = repo_of(world, &push.branch.repo).ok_or("there is no such repository")?;
    let refused = |refused: Refused| refused.to_string();
    let id = git.commit(&new).map_err(refused)?;
    if git.head(&push.branch.name).as_ref() == Some(&id) {
        return Ok(());
    }
    git.set_branch(&push.branch.name, push.expect.as_deref(), Some(&id))
        .map_err(refused)
}
