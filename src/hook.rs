//! Webhooks over HTTP: a call is made once for each occasion, in the background; whoever asks again gets its answer,
//! or hears that it is still waited for.
//!
//! Calls are remembered only here, in memory: when recant starts again, a call whose answer was not used yet is made
//! again, with the same `Idempotency-Key`. Never here: what an answer means, and any word of a URL or body in an error.

use crate::credential::Token;
use crate::port::Answered;
use crate::port::Hooks;
use crate::port::PortError;
use crate::post::Post;
use crate::post::Poster;
use recant_core::hook::HookAnswer;
use recant_core::hook::HookCall;
use recant_core::object::ObjectRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::watch;

/// How long an asker waits for the answer before it hears that there is none yet.
const GRACE: Duration = Duration::from_secs(1);
/// The longest that all attempts of a call may take together, unless one attempt alone may take longer.
const OVERALL: Duration = Duration::from_mins(10);

type Outcome = Result<HookAnswer, PortError>;

/// The caller of webhooks: one for all Canaries.
#[derive(Debug)]
pub struct Webhooks {
    poster: Arc<Poster>,
    /// The last call of every hook.
    calls: Mutex<BTreeMap<(ObjectRef, String), Made>>,
}

/// A call that was made.
#[derive(Debug)]
struct Made {
    occasion: String,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl Webhooks {
    /// A caller that posts through this.
    pub fn new(poster: Arc<Poster>) -> Self {
        Self {
            poster,
            calls: Mutex::default(),
        }
    }

    async fn answer(&self, call: &HookCall) -> Outcome {
        let mut outcome = self.made(call);
        let known = tokio::time::timeout(GRACE, outcome.wait_for(Option::is_some)).await;
        match known {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or(Ok(HookAnswer::Pending)),
            Ok(Err(_)) => Err(PortError::Unreachable("the call was cut short".to_owned())),
            Err(_) => Ok(HookAnswer::Pending),
        }
    }

    /// The call's outcome, to come: the call is made unless it was already.
    fn made(&self, call: &HookCall) -> watch::Receiver<Option<Outcome>> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (call.canary.clone(), call.hook.clone());
        if let Some(made) = calls.get(&key).filter(|made| made.occasion == call.occasion) {
            return made.outcome.clone();
        }
        let (told, outcome) = watch::channel(None);
        tokio::spawn({
            let (poster, post) = (Arc::clone(&self.poster), post(call));
            async move { told.send_replace(Some(make(&poster, &post).await)) }
        });
        let made = Made {
            occasion: call.occasion.clone(),
            outcome: outcome.clone(),
        };
        calls.insert(key, made);
        outcome
    }
}

impl Hooks for Webhooks {
    fn ask<'a>(&'a self, call: &'a HookCall) -> Answered<'a, HookAnswer> {
        Box::pin(self.answer(call))
    }
}

/// All attempts of a call, within its deadline.
async fn make(poster: &Poster, post: &Post) -> Outcome {
    let deadline = OVERALL.max(post.timeout);
    let answer = tokio::time::timeout(deadline, poster.post(post)).await;
    let late = |_| {
        Err(PortError::Unreachable(format!(
            "no answer within {} s",
            deadline.as_secs()
        )))
    };
    let answer = answer.unwrap_or_else(late)?;
    Ok(HookAnswer::Answered {
        status: answer.status,
        body: answer.body,
    })
}

fn post(call: &HookCall) -> Post {
    Post {
        url: Token::new(&call.url),
        body: call.body.clone().into_bytes(),
        bearer: None,
        idempotency_key: Some(call.key()),
        proxy: None,
        insecure_skip_verify: call.disable_tls,
        timeout: Duration::from_millis(u64::try_from(call.timeout_ms).unwrap_or_default()),
        retries: call.retries,
    }
}
