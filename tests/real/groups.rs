//! The trials in groups, each in namespaces of its own: several at once, for most of them wait most of the time.

use crate::namespace::Gate;
use crate::report::Trial;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;
use std::time::Instant;
use tempfile::TempDir;

/// So many groups at once for each core; a group takes about 1 GB of memory.
const PER_CORE: usize = 2;

/// A group that runs.
struct Running {
    group: String,
    child: Child,
    log: PathBuf,
    began: Instant,
}

/// Runs all groups, and returns what they said.
pub(crate) fn run(gate: &Gate, trials: &[Trial]) -> Result<String, String> {
    let room = tempfile::tempdir().map_err(|error| error.to_string())?;
    let groups: BTreeSet<String> = trials.iter().map(Trial::group).collect();
    let is_long = |group: &String| group.starts_with("story");
    // What takes longest begins first.
    let (long, short): (Vec<String>, Vec<String>) = groups.into_iter().partition(is_long);
    let mut waiting = long.into_iter().chain(short).enumerate();
    let at_once = PER_CORE * std::thread::available_parallelism().map_or(1, usize::from);
    let (mut running, mut said) = (Vec::new(), String::new());
    loop {
        while running.len() < at_once
            && let Some((number, group)) = waiting.next()
        {
            running.push(start(gate, group, &room, number)?);
        }
        if running.is_empty() {
            return Ok(said);
        }
        std::thread::sleep(Duration::from_millis(200));
        for mut one in std::mem::take(&mut running) {
            match one.child.try_wait().map_err(|error| error.to_string())? {
                Some(_) => said += &ended(&one),
                None => running.push(one),
            }
        }
    }
}

/// It ends with the thread that starts it: this one, which waits for it.
fn start(gate: &Gate, group: String, room: &TempDir, number: usize) -> Result<Running, String> {
    let log = room.path().join(format!("{number}.log"));
    let file = File::create(&log).map_err(|error| error.to_string())?;
    let other = file.try_clone().map_err(|error| error.to_string())?;
    let mut command = gate.command();
    command.arg(format!("--group={group}")).stdout(file).stderr(other);
    let child = command.spawn().map_err(|error| error.to_string())?;
    println!("── {group}: begins, see {}", log.display());
    Ok(Running {
        group,
        child,
        log,
        began: Instant::now(),
    })
}

fn ended(one: &Running) -> String {
    let said = fs::read_to_string(&one.log).unwrap_or_default();
    let seconds = one.began.elapsed().as_secs_f64();
    println!("── {}: {seconds:.0} s\n{said}", one.group);
    said
}
