//! `recant retry`, `abort`, `promote`, `pause`, `resume`: a person's verbs, written as annotations on the Canary.
//!
//! Who asked, when and why stands in the annotation; the controller hears it once and tells what came of it.

use crate::cli::reach::Reach;
use crate::port::Cluster as _;
use anyhow::Context as _;
use anyhow::bail;
use jiff::Timestamp;
use recant_core::canary::spec::API_VERSION;
use recant_core::canary::verbs;
use recant_core::canary::verbs::Verb;
use recant_core::effect::Write;
use recant_core::object::ObjectRef;
use recant_core::template;
use serde_json::json;
use std::process::ExitCode;
use std::str::FromStr;

/// Which Canary, and what is put on record.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The Canary.
    #[arg(value_name = "NAMESPACE/NAME")]
    canary: Name,
    /// Why: it stands in the event and in the status.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Who asks.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "somebody")]
    by: String,
    #[command(flatten)]
    reach: Reach,
}

/// `NAMESPACE/NAME`.
#[derive(Clone, Debug)]
struct Name(ObjectRef);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(Self(ObjectRef::new(API_VERSION, "Canary", namespace, name)))
            }
            _ => Err("name it as NAMESPACE/NAME".to_owned()),
        }
    }
}

/// Writes the annotation of a verb.
pub(super) async fn ask(verb: Verb, args: &Args) -> anyhow::Result<ExitCode> {
    let words = verbs::words(Timestamp::now(), &args.by, &args.reason);
    annotate(args, verb, Some(&words)).await?;
    let name = &args.canary.0;
    anstream::eprintln!("✓ asked to {verb} {}/{}: {words}", name.namespace, name.name);
    Ok(ExitCode::SUCCESS)
}

/// Takes a pause away.
pub(super) async fn resume(args: &Args) -> anyhow::Result<ExitCode> {
    annotate(args, Verb::Pause, None).await?;
    let name = &args.canary.0;
    anstream::eprintln!("✓ {}/{} goes on", name.namespace, name.name);
    Ok(ExitCode::SUCCESS)
}

async fn annotate(args: &Args, verb: Verb, words: Option<&str>) -> anyhow::Result<()> {
    let cluster = args.reach.client().await?;
    let Name(name) = &args.canary;
    let canary = cluster.get(name).await?;
    let Some(canary) = canary else {
        bail!(
            "there is no Canary {}/{}: `kubectl get canaries -A` lists them",
            name.namespace,
            name.name
        )
    };
    let pointer = format!("/metadata/annotations/{}", template::escaped(&verb.annotation()));
    if words.is_none() && canary.at(&pointer).is_none() {
        bail!("{}/{} is not paused", name.namespace, name.name);
    }
    let write = Write::Patch {
        name: name.clone(),
        resource_version: String::new(),
        patch: json!({"metadata": {"annotations": {verb.annotation(): words}}}),
    };
    cluster.write(&write).await.map(drop).context("the annotation")
}
