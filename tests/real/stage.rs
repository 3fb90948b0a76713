//! The real parts, together: each is started where it is wanted, and ends with the value that stands for it.

pub(crate) mod cluster;
pub(crate) mod flux;
pub(crate) mod gitea;
pub(crate) mod hooks;
pub(crate) mod mesh;
pub(crate) mod objects;
pub(crate) mod prometheus;
pub(crate) mod recant;
pub(crate) mod source;
pub(crate) mod traefik;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// A directory in memory.
pub(crate) fn room() -> TempDir {
    tempfile::tempdir_in(crate::namespace::ROOM).unwrap()
}

/// A file in a directory.
pub(crate) fn within(room: &TempDir, name: &str) -> PathBuf {
    room.path().join(name)
}

/// Runs git without the user's configuration; what it printed, or what went wrong.
pub(crate) fn git(dir: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git")
        .current_dir(dir)
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "user.name=Dana",
            "-c",
            "user.email=dana@example.com",
        ])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .map_err(|error| format!("git: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!(
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Something done over and over on a thread of its own, until this is dropped.
pub(crate) struct Repeated {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Repeated {
    pub(crate) fn every(pause: Duration, mut round: impl FnMut() + Send + 'static) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let is_ended = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            while !is_ended.load(Ordering::Relaxed) {
                round();
                std::thread::sleep(pause);
            }
        });
        Self {
            ended,
            thread: Some(thread),
        }
    }
}

impl Drop for Repeated {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        // What went wrong there must not pass for well.
        if ended.is_some_and(|ended| ended.is_err()) && !std::thread::panicking() {
            panic!("something that is done over and over stopped, see above");
        }
    }
}
