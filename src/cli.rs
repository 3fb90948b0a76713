//! The command line: one file for each verb.
//!
//! Data goes to stdout; what is said about it, and errors, to stderr. An error says what, where and what to do, and the
//! exit code is 1 (2 for a command line that makes no sense).

mod blame;
mod check;
mod compare;
mod demo;
pub mod manifests;
mod notifications;
mod place;
mod plan;
mod program;
mod reach;
mod render;
mod run;
mod source;
mod verb;

use clap::Parser;
use recant_core::canary::verbs;
use std::io::stderr;
use std::io::stdout;
use std::process::ExitCode;

/// Git says what runs, the canary may say no: recant proposes the smallest proved revert.
#[derive(Debug, Parser)]
#[command(name = "recant", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Plays a bad release from commit to merged revert on this machine, with everything around it.
    Demo(demo::Args),
    /// Runs the controller against a cluster.
    Run(Box<run::Args>),
    /// Says whether everything is there that `recant run` needs: kinds, rights, credentials, webhooks.
    Check(check::Args),
    /// Finds the smallest proved revert of one object, in a Git repository on this machine.
    Plan(plan::Args),
    /// Prints what a directory renders to, as kustomize and Flux do.
    Render(render::Args),
    /// Says where every field of a rendered object comes from, and who last touched that line.
    Blame(blame::Args),
    /// Analyses a failed revision again.
    Retry(verb::Args),
    /// Stops a running analysis and rolls back.
    Abort(verb::Args),
    /// Promotes the new revision without further checks.
    Promote(verb::Args),
    /// Lets nothing go on until `resume`; the checks go on, and may still roll back.
    Pause(verb::Args),
    /// Lets a paused Canary go on.
    Resume(verb::Args),
    /// Prints what to apply to a cluster before `recant run`: kinds, rights, Deployment.
    Manifests(manifests::Args),
}

/// Reads the command line, runs the verb, reports its error.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.verb {
        Verb::Check(args) => {
            log("off", false);
            in_runtime(check::run(args))
        }
        Verb::Demo(args) => {
            log("off", false);
            in_runtime(demo::run(args))
        }
        Verb::Run(args) => {
            // What kube says of a connection that fails is said again, in recant's words.
            log("info,kube_client=off", args.log_json);
            in_runtime(run::run(args))
        }
        Verb::Retry(args) => in_runtime(verb::ask(verbs::Verb::Retry, args)),
        Verb::Abort(args) => in_runtime(verb::ask(verbs::Verb::Abort, args)),
        Verb::Promote(args) => in_runtime(verb::ask(verbs::Verb::Promote, args)),
        Verb::Pause(args) => in_runtime(verb::ask(verbs::Verb::Pause, args)),
        Verb::Resume(args) => in_runtime(verb::resume(args)),
        // Not through anstream: a diff must come out byte for byte.
        Verb::Plan(args) => plan::run(args, &mut stdout().lock(), &mut stderr().lock()),
        Verb::Blame(args) => blame::run(args, &mut anstream::stdout().lock(), &mut stderr().lock()),
        Verb::Render(args) => render::run(args, &mut stdout().lock(), &mut stderr().lock()),
        Verb::Manifests(args) => {
            manifests::run(args, &mut anstream::stdout().lock()).map(|()| ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        report(&error);
        ExitCode::FAILURE
    })
}

/// Logs to stderr; `RUST_LOG` chooses what, else `level` and above.
fn log(level: &str, json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.init();
    }
}

fn in_runtime(verb: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(verb);
    // What still runs in the background has nothing left to do; it must not hold the program up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    done
}

fn report(error: &anyhow::Error) {
    anstream::eprintln!("✗ {error:#}");
}
