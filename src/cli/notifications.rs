//! Where alerts and events of canaries go that name no provider of their own: Flagger's options, by Flagger's names.

use crate::credential::Token;
use crate::notifier::Destination;
use crate::notifier::Kind;
use crate::notifier::Look;
use crate::notifier::Settings;

/// Flagger's options.
#[derive(Clone, clap::Args)]
pub(super) struct Notifications {
    /// Slack's incoming webhook, for alerts about canaries that have no alerts of their own.
    #[arg(long, value_name = "URL", env = "SLACK_URL", hide_env_values = true)]
    slack_url: Option<String>,
    /// A token of a Slack bot.
    #[arg(long, value_name = "TOKEN", env = "SLACK_TOKEN", hide_env_values = true)]
    slack_token: Option<String>,
    /// An HTTP proxy on the way to Slack.
    #[arg(long, value_name = "URL", env = "SLACK_PROXY_URL", hide_env_values = true)]
    slack_proxy_url: Option<String>,
    /// The name recant has in Slack.
    #[arg(long, value_name = "NAME", default_value = "flagger")]
    slack_user: String,
    /// The channel in Slack; needed with --slack-url.
    #[arg(long, value_name = "NAME", default_value = "")]
    slack_channel: String,
    /// Microsoft Teams' incoming webhook; where it is given, Slack gets nothing.
    #[arg(long, value_name = "URL", env = "MSTEAMS_URL", hide_env_values = true)]
    msteams_url: Option<String>,
    /// An HTTP proxy on the way to Teams.
    #[arg(long, value_name = "URL", env = "MSTEAMS_PROXY_URL", hide_env_values = true)]
    msteams_proxy_url: Option<String>,
    /// A webhook for every event about a canary that has no event webhook of its own.
    #[arg(long, value_name = "URL", env = "EVENT_WEBHOOK_URL", hide_env_values = true)]
    event_webhook: Option<String>,
}

impl std::fmt::Debug for Notifications {
    /// The addresses are secrets: only whether they are there.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifications")
            .field("alerts", &self.has_alerts())
            .field("event_webhook", &self.has_event_webhook())
            .finish()
    }
}

fn given(option: Option<&String>) -> Option<&String> {
    option.filter(|text| !text.is_empty())
}

impl Notifications {
    /// Whether there is somewhere to send alerts to.
    pub(super) fn has_alerts(&self) -> bool {
        given(self.slack_url.as_ref()).is_some() || given(self.msteams_url.as_ref()).is_some()
    }

    /// Whether there is somewhere to post events to.
    pub(super) fn has_event_webhook(&self) -> bool {
        given(self.event_webhook.as_ref()).is_some()
    }

    /// What the options come to.
    ///
    /// # Errors
    /// When there is a Slack webhook without a channel.
    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        let destination = |kind, url: &str, token: Option<&String>, proxy: Option<&String>| Destination {
            look: Look {
                kind,
                channel: self.slack_channel.clone(),
                username: self.slack_user.clone(),
            },
            url: Token::new(url),
            token: given(token).map(Token::new),
            proxy: given(proxy).cloned(),
        };
        let alerts = match (given(self.msteams_url.as_ref()), given(self.slack_url.as_ref())) {
            (Some(url), _) => Some(destination(
                Kind::MsTeams,
                url,
                None,
                self.msteams_proxy_url.as_ref(),
            )),
            (None, Some(url)) => {
                anyhow::ensure!(
                    !self.slack_channel.is_empty(),
                    "--slack-url: give --slack-channel too"
                );
                let (token, proxy) = (self.slack_token.as_ref(), self.slack_proxy_url.as_ref());
                Some(destination(Kind::Slack, url, token, proxy))
            }
            (None, None) => None,
        };
        Ok(Settings {
            alerts,
            event_webhook: given(self.event_webhook.as_ref()).map(Token::new),
            ..Settings::default()
        })
    }
}
