//! The git program as a child, shut off from the user's configuration.

use futures::Stream;
use futures::StreamExt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio_util::task::AbortOnDropHandle;

/// How much is read from the child at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Settings for every run, in place of the user's.
const SETTINGS: [&str; 6] = [
    "safe.directory=*",
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "receive.autogc=false",
    "uploadpack.allowAnySHA1InWant=true",
    "uploadpack.allowFilter=true",
];

/// Where git is.
#[derive(Clone, Debug)]
pub struct Program {
    git: PathBuf,
}

/// There is no git program.
#[derive(Debug, thiserror::Error)]
#[error("git is not in PATH; the demo serves its repositories with it: install git and try again")]
pub struct GitMissing;

impl Program {
    /// Finds git in a list of directories as `PATH` holds one.
    pub fn find(path: Option<&std::ffi::OsStr>) -> Result<Self, GitMissing> {
        let dirs = std::env::split_paths(path.ok_or(GitMissing)?);
        let mut candidates = dirs.map(|dir| dir.join("git"));
        let git = candidates.find(|file| file.is_file()).ok_or(GitMissing)?;
        Ok(Self { git })
    }

    pub(super) fn spawn(
        &self,
        service: &str,
        repository: &Path,
        advertise: bool,
        protocol: Option<&str>,
    ) -> io::Result<Child> {
        let mut command = Command::new(&self.git);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("HOME", "/nonexistent").env("LC_ALL", "C");
        if let Some(protocol) = protocol {
            command.env("GIT_PROTOCOL", protocol);
        }
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args([service, "--stateless-rpc"]);
        if advertise {
            command.arg("--advertise-refs");
        }
        command.arg(repository);
        command.stdin(if advertise { Stdio::null() } else { Stdio::piped() });
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let process = command.spawn()?;
        Ok(Child {
            process,
            feeder: None,
        })
    }
}

/// A git that runs; dropping it kills it.
pub(super) struct Child {
    process: tokio::process::Child,
    feeder: Option<AbortOnDropHandle<()>>,
}

impl Child {
    /// Gives it its input, while it is read from.
    pub(super) fn feed<E>(
        &mut self,
        mut input: impl Stream<Item = Result<axum::body::Bytes, E>> + Send + Unpin + 'static,
    ) where
        E: Send + 'static,
    {
        let Some(mut stdin) = self.process.stdin.take() else {
            return;
        };
        let feeder = tokio::spawn(async move {
            while let Some(Ok(bytes)) = input.next().await {
                if stdin.write_all(&bytes).await.is_err() {
                    break;
                }
            }
        });
        self.feeder = Some(AbortOnDropHandle::new(feeder));
    }

    /// Its output as it comes. Dropping the stream kills it.
    pub(super) fn output(mut self) -> impl Stream<Item = io::Result<Vec<u8>>> + Send {
        let stdout = self.process.stdout.take();
        futures::stream::unfold((self, stdout), |(mut child, stdout)| async move {
            let mut stdout = stdout?;
            match chunk(&mut stdout).await {
                Ok(bytes) if bytes.is_empty() => {
                    child.process.wait().await.ok();
                    None
                }
                Ok(bytes) => Some((Ok(bytes), (child, Some(stdout)))),
                Err(why) => Some((Err(why), (child, None))),
            }
        })
    }

    /// All its output, once it is over.
    pub(super) async fn wait(mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        if let Some(mut stdout) = self.process.stdout.take() {
            stdout.read_to_end(&mut all).await?;
        }
        self.process.wait().await?;
        Ok(all)
    }
}

async fn chunk(stdout: &mut ChildStdout) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    stdout.read_buf(&mut bytes).await?;
    Ok(bytes)
}
