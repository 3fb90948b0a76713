//! Effect → calls through the ports. An effect leaves no choice: it is done as it says, or refused.

use crate::port::PortError;
use crate::port::Ports;
use recant_core::effect::Effect;
use recant_core::effect::Write;

/// Performs one effect.
///
/// # Errors
/// [`PortError::Stale`] when its precondition does not hold any more; else what the port says.
pub async fn perform(ports: &Ports, effect: &Effect) -> Result<(), PortError> {
    match effect {
        Effect::Write(write) => ports.cluster.write(write).await.map(drop),
        Effect::Event(event) => ports.cluster.event(event).await,
        Effect::Push(push) if push.by_forge => ports.forge.commit(push).await.map(drop),
        Effect::Push(push) => ports.repo.push(push).await.map(drop),
        Effect::OpenPull(text) => ports.forge.open(text).await.map(drop),
        Effect::UpdatePull { number, text } => ports.forge.update(*number, text).await,
        Effect::ClosePull {
            branch,
            number,
            comment,
        } => ports.forge.close(branch, *number, comment).await,
        Effect::Comment(comment) => ports.forge.comment(comment).await,
        Effect::DeleteBranch { branch, expect } => ports.repo.delete_branch(branch, expect).await,
        Effect::Status(status) => ports.forge.status(status).await,
        Effect::Check(check) => ports.forge.check(check).await,
        Effect::Alert(alert) => ports.notifier.alert(alert).await,
        Effect::EventHook(hook) => ports.notifier.event(hook).await,
    }
}

/// Whether a step may go on when this effect fails. What only tells people about the step must not hold it up: a
/// rollback does not wait for a forge.
pub const fn is_telling(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Event(_) | Effect::Status(_) | Effect::Check(_) | Effect::Alert(_) | Effect::EventHook(_)
    )
}

/// The effect in one line, for logs and for `--dry-run`. File contents and bodies are left out.
pub fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Write(Write::Create(object)) => format!("create {}", object.reference()),
        Effect::Write(Write::Update(object)) => format!("update {}", object.reference()),
        Effect::Write(Write::UpdateStatus(object)) => format!("update the status of {}", object.reference()),
        Effect::Write(Write::Patch { name, patch, .. }) => format!("patch {name} with {patch}"),
        Effect::Write(Write::Delete { name, .. }) => format!("delete {name}"),
        Effect::Event(event) => format!("event on {}: {}", event.about, event.message),
        Effect::Push(push) => {
            let files = push.files.keys().cloned().collect::<Vec<_>>().join(", ");
            format!("push {} to {}: {files}", push.branch.name, push.branch.repo)
        }
        Effect::OpenPull(text) => format!("open a pull request from {}: {}", text.branch.name, text.title),
        Effect::UpdatePull { number, .. } => format!("update pull request {number}"),
        Effect::ClosePull { number, .. } => format!("close pull request {number}"),
        Effect::Comment(comment) => format!("comment on pull request {}", comment.number),
        Effect::DeleteBranch { branch, .. } => format!("delete branch {} of {}", branch.name, branch.repo),
        Effect::Alert(alert) => {
            let through = alert.provider.as_ref().map(ToString::to_string);
            let through = through.unwrap_or_else(|| "recant's own provider".to_owned());
            format!(
                "alert ({}) through {through}: {}",
                alert.severity.name(),
                alert.message
            )
        }
        Effect::EventHook(hook) => format!("event about {} to the webhook {}", hook.about, hook.name),
        Effect::Status(status) => {
            format!(
                "commit status {} {:?}: {}",
                status.context, status.state, status.description
            )
        }
        Effect::Check(check) => format!("check run {} {:?}", check.status.context, check.status.state),
    }
}
