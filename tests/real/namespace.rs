//! Where the parts run: namespaces of the network, of processes and of mounts, made for this run and gone with it.
//!
//! The program starts itself anew in them, once for each group of trials. Until then it is outside, where Go modules and
//! Debian packages can be had.

use crate::report::Trial;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

/// Holds the parts' folders, once inside.
const INSIDE: &str = "RECANT_REAL_PARTS";

/// Where everything that the run writes lies: in memory.
pub(crate) const ROOM: &str = "/mnt";

/// The first process inside. It stays to end with the test: when it goes, everything in the namespace goes.
///
/// Every address that a pod can have is local. The names are those that examples-repo calls its servers by.
const FIRST: &str = r#"
set -e
trap 'exit 130' INT TERM
ip link set lo up
ip route add local 10.244.0.0/16 dev lo
mount -t tmpfs tmpfs /mnt
printf '127.0.0.1 localhost prometheus.linkerd-viz\n' > /mnt/hosts
mount --bind /mnt/hosts /etc/hosts
"$@" &
wait $!
"#;

/// The folder of each part.
pub(crate) struct Parts(BTreeMap<String, PathBuf>);

impl Parts {
    /// A file of a part.
    pub(crate) fn file(&self, part: &str, file: &str) -> PathBuf {
        let folder = self.0.get(part);
        folder
            .unwrap_or_else(|| panic!("the trial does not say that it needs {part}"))
            .join(file)
    }
}

/// The parts' folders, once inside.
pub(crate) fn inside() -> Option<Parts> {
    let folders = std::env::var(INSIDE).ok()?;
    Some(Parts(folders.lines().filter_map(folder).collect()))
}

/// What it takes to go inside.
pub(crate) struct Gate {
    folders: String,
    user: &'static [&'static str],
    itself: PathBuf,
}

impl Gate {
    /// Makes the parts that these trials need; else tells what is missing.
    pub(crate) fn open(trials: &[Trial]) -> Result<Self, String> {
        for (program, package) in [
            ("unshare", "util-linux"),
            ("setpriv", "util-linux"),
            ("mount", "mount"),
            ("ip", "iproute2"),
        ] {
            let found = Command::new(program)
                .arg("--help")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            found.map_err(|error| format!("{program}: {error}; install the Debian package {package}"))?;
        }
        let needed: BTreeSet<&str> = trials.iter().flat_map(|trial| trial.parts).copied().collect();
        let folders = build(&needed)?;
        let user: &[&str] = match is_root() {
            true => &[],
            false => &["--user", "--map-root-user"],
        };
        let made = Command::new("unshare")
            .args(user)
            .args(["--net", "--mount", "true"])
            .output();
        let made = made.map_err(|error| error.to_string())?;
        if !made.status.success() {
            return Err(format!(
                "no namespaces can be made here ({}): run as root, or allow others to make them (sysctl \
                 kernel.unprivileged_userns_clone=1, or a container with CAP_SYS_ADMIN)",
                String::from_utf8_lossy(&made.stderr).trim()
            ));
        }
        let itself = std::env::current_exe().map_err(|error| error.to_string())?;
        Ok(Self {
            folders,
            user,
            itself,
        })
    }

    /// This program, in namespaces of its own. It ends, and everything in them with it, when this process does.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "unshare"])
            .args(self.user)
            .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["--", "sh", "-c", FIRST, "sh"])
            .arg(&self.itself)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, &self.folders)
            // The world outside cannot be reached any more, through a proxy or otherwise.
            .env("NO_PROXY", "*");
        command
    }
}

fn folder(line: &str) -> Option<(String, PathBuf)> {
    let (part, folder) = line.split_once(' ')?;
    Some((part.to_owned(), PathBuf::from(folder)))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout == b"0\n")
}

/// Builds or finds the parts; what is missing is told on stderr, with the way to get it.
fn build(parts: &BTreeSet<&str>) -> Result<String, String> {
    if parts.is_empty() {
        return Ok(String::new());
    }
    let script = crate::files::root().join("tests/real/build");
    let output = Command::new(&script)
        .args(parts)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{}: {error}", script.display()))?;
    if !output.status.success() {
        return Err("a part is missing, see above".to_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
