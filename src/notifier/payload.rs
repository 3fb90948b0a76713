//! What each kind of chat is posted: Flagger's payloads, field for field.

use recant_core::alert::Alert;
use recant_core::alert::Severity;
use serde_json::Value;
use serde_json::json;

/// The kinds of chat: the values of `AlertProvider.spec.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Slack, by an incoming webhook or with a bot's token.
    Slack,
    /// Microsoft Teams.
    MsTeams,
    /// Discord, which takes Slack's payload.
    Discord,
    /// Rocket.Chat, which takes Slack's payload.
    Rocket,
    /// Google Chat.
    GChat,
}

impl Kind {
    /// Reads `spec.type`.
    pub fn of(r#type: &str) -> Option<Self> {
        Some(match r#type {
            "slack" => Self::Slack,
            "msteams" => Self::MsTeams,
            "discord" => Self::Discord,
            "rocket" => Self::Rocket,
            "gchat" => Self::GChat,
            _ => return None,
        })
    }
}

/// As whom, and where, a chat shows an alert.
#[derive(Clone, Debug)]
pub struct Look {
    /// The kind of chat.
    pub kind: Kind,
    /// The channel.
    pub channel: String,
    /// The user's name.
    pub username: String,
}

/// The payload of an alert.
pub(super) fn of(look: &Look, alert: &Alert) -> Value {
    match look.kind {
        Kind::Slack => slack(look, alert, ("good", "danger"), escaped),
        Kind::Discord => slack(look, alert, ("good", "danger"), str::to_owned),
        Kind::Rocket => slack(look, alert, ("#0076D7", "#FF0000"), str::to_owned),
        Kind::MsTeams => teams(alert),
        Kind::GChat => gchat(alert),
    }
}

/// `name.namespace` of the Canary.
fn workload(alert: &Alert) -> String {
    format!("{}.{}", alert.about.name, alert.about.namespace)
}

fn slack(look: &Look, alert: &Alert, colors: (&str, &str), text: fn(&str) -> String) -> Value {
    let color = if alert.severity == Severity::Error {
        colors.1
    } else {
        colors.0
    };
    let fields = alert.fields.iter();
    let fields: Vec<Value> = fields
        .map(|(title, value)| json!({ "title": title, "value": text(value), "short": false }))
        .collect();
    json!({
        "channel": look.channel,
        "username": look.username,
        "icon_url": "",
        "icon_emoji": ":rocket:",
        "attachments": [{
            "color": color,
            "author_name": workload(alert),
            "text": text(&alert.message),
            "mrkdwn_in": ["text"],
            "fields": fields,
        }],
    })
}

fn teams(alert: &Alert) -> Value {
    let color = if alert.severity == Severity::Error {
        "FF0000"
    } else {
        "0076D7"
    };
    let facts = alert.fields.iter();
    let facts: Vec<Value> = facts
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": color,
        "summary": workload(alert),
        "sections": [{
            "activityTitle": alert.message,
            "activitySubtitle": workload(alert),
            "facts": facts,
        }],
    })
}

fn gchat(alert: &Alert) -> Value {
    let strong = |text: &str| format!("<font color=#848484><strong>{}</strong></font>", escaped(text));
    let section = |text: String| json!({ "widgets": [{ "textParagraph": { "text": text } }] });
    let mut sections = vec![section(strong(&alert.message))];
    let fields = alert.fields.iter();
    sections.extend(fields.map(|(name, value)| section(format!("{}<br>{}", escaped(name), strong(value)))));
    json!({
        "cards": [{
            "header": { "title": "recant", "subtitle": workload(alert) },
            "sections": sections,
        }],
    })
}

/// `<`, `>` and `&` begin something in Slack's and Google's texts.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
