//! The program under test: started with a temporary directory of its own, watched, and never left running.

use serde_json::Value;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;
use tempfile::TempDir;

/// How often is looked whether something has come.
const LOOK: Duration = Duration::from_millis(20);

/// A program to be run.
pub(crate) struct Program {
    command: Command,
    temporary: TempDir,
}

/// A running program.
pub(crate) struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    errors: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    temporary: TempDir,
}

/// A program that has ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// What it printed, line by line: with `--json`, as JSON; else as strings.
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
    temporary: TempDir,
}

impl Program {
    pub(crate) fn new(args: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_recant"));
        command
            .args(args)
            .env("TMPDIR", temporary.path())
            .env_remove("KUBECONFIG")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { command, temporary }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let (lines, errors) = (
            Arc::<Mutex<Vec<String>>>::default(),
            Arc::<Mutex<String>>::default(),
        );
        let out = BufReader::new(child.stdout.take().unwrap());
        let told = Arc::clone(&lines);
        let read_out = std::thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .for_each(|line| told.lock().unwrap().push(line));
        });
        let err = BufReader::new(child.stderr.take().unwrap());
        let told = Arc::clone(&errors);
        let read_err = std::thread::spawn(move || {
            for line in err.lines().map_while(Result::ok) {
                let mut told = told.lock().unwrap();
                told.push_str(&line);
                told.push('\n');
            }
        });
        Running {
            child,
            lines,
            errors,
            readers: vec![read_out, read_err],
            temporary: self.temporary,
        }
    }

    /// Runs to its end; a program that takes longer is killed, and the test fails.
    pub(crate) fn run(self, longest: Duration) -> Ran {
        self.start().end(longest)
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stderr(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// The first line of JSON, past or to come, that is meant.
    pub(crate) fn wait_for(&mut self, longest: Duration, is_meant: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + longest;
        loop {
            let found = self
                .lines
                .lock()
                .unwrap()
                .iter()
                .map(|line| json(line))
                .find(&is_meant);
            if let Some(found) = found {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > until {
                drop(self.child.kill());
                let lines = self.lines.lock().unwrap().join("\n");
                panic!("it never came (ended: {ended:?})\n{lines}\n{}", self.stderr());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until stderr says this.
    pub(crate) fn wait_for_error(&mut self, longest: Duration, words: &str) {
        let until = Instant::now() + longest;
        while !self.stderr().contains(words) {
            if Instant::now() > until {
                drop(self.child.kill());
                panic!("{words:?} was never said:\n{}", self.stderr());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let killed = Command::new("kill")
            .args(["-INT", &self.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
    }

    /// Interrupts it, and waits until it has cleaned up.
    pub(crate) fn stop(self) {
        self.interrupt();
        self.end(Duration::from_secs(10)).left_no_file();
    }

    pub(crate) fn end(mut self, longest: Duration) -> Ran {
        let until = Instant::now() + longest;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > until {
                drop(self.child.kill());
                let lines = self.lines.lock().unwrap().join("\n");
                panic!("it did not end within {longest:?}\n{lines}\n{}", self.stderr());
            }
            std::thread::sleep(LOOK);
        };
        self.readers.into_iter().for_each(|reader| reader.join().unwrap());
        let lines = self.lines.lock().unwrap().iter().map(|line| json(line)).collect();
        let stderr = self.errors.lock().unwrap().clone();
        Ran {
            code: status.code(),
            lines,
            stderr,
            temporary: self.temporary,
        }
    }
}

impl Ran {
    /// Whether every line is JSON, nobody listens where the demo listened, no process of its is there, and no file.
    pub(crate) fn left_nothing(&self) {
        let text = self.lines.iter().find(|line| line.is_string());
        assert_eq!(text, None, "every line of --json is JSON");
        let places = self.lines.first().expect("where to look");
        for place in ["pages", "metrics"] {
            let url: url::Url = places[place].as_str().unwrap().parse().unwrap();
            let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
            assert!(TcpStream::connect(&address).is_err(), "{address} still listens");
        }
        self.left_no_file();
    }

    pub(crate) fn left_no_file(&self) {
        let left: Vec<_> = std::fs::read_dir(self.temporary.path())
            .unwrap()
            .flatten()
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        let path = self.temporary.path().to_string_lossy().into_owned();
        let running = processes_naming(&path);
        assert!(running.is_empty(), "still running: {running:?}");
    }

    /// The last lines, for messages.
    pub(crate) fn tail(&self) -> String {
        let from = self.lines.len().saturating_sub(12);
        let lines = self.lines.get(from..).unwrap_or_default();
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        format!("{}\n{}", lines.join("\n"), self.stderr)
    }
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| Value::from(line))
}

/// The command lines of running processes that mention a path; none where there is no /proc.
fn processes_naming(path: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let command_line = |process: std::fs::DirEntry| {
        let mut text = String::new();
        let mut file = std::fs::File::open(process.path().join("cmdline")).ok()?;
        file.read_to_string(&mut text).ok()?;
        text.contains(path).then_some(text)
    };
    processes.filter_map(command_line).collect()
}
