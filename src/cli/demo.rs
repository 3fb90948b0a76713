//! `recant demo`: the whole loop on one machine.

use crate::clock::Clock;
use crate::demo;
use crate::demo::Source;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The story of the demo, unless another is asked for.
const STORY: &str = include_str!("../../tests/scenarios/bad-bump.txt");

/// Which story, in which repository, how fast.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Merge the pull request without asking; exit 0 only when Git, target, primary and pull request agree.
    #[arg(long)]
    yes: bool,
    /// Print one JSON object a line; the last one is a summary.
    #[arg(long)]
    json: bool,
    /// Play another story (the format stands in the documentation of `recant_sim::scenario`).
    #[arg(long, value_name = "FILE")]
    play: Option<PathBuf>,
    /// Use a clone of this Flux repository instead of examples-repo. Without a story, react to what you push: an image
    /// whose tag has `bad`, `slow`, `crash` or `missing` in it behaves so.
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// The cluster's directory in the repository.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Go on after the story, until interrupted.
    #[arg(long)]
    keep: bool,
    /// Where the pages listen; the cluster and the metrics take the next two ports. Any free ports by default.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How many times faster than the wall clock the demo's clock runs.
    #[arg(long, value_name = "TIMES", default_value_t = 10.0)]
    speed: f64,
    /// The seed of everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Builds the world, tells the story, takes everything away again.
pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let scenario = match (&args.play, &args.repo) {
        (Some(file), _) => Some(demo::read(file)?),
        (None, Some(_)) => None,
        (None, None) => Some(recant_sim::scenario::parse("the demo's story", STORY)?),
    };
    let source = args.repo.clone().map_or(Source::Example, Source::Repository);
    let begin = Timestamp::from_second(Timestamp::now().as_second())?;
    let demo = demo::Demo {
        source,
        path: args.path.clone(),
        scenario,
        by_hand: !args.yes,
        keep: args.keep,
        json: args.json,
        listen: args.listen,
        speed: args.speed,
        seed: args.seed,
        begin,
        clock: Clock::fast(begin, args.speed),
    };
    demo.run().await
}
