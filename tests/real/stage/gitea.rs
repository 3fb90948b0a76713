//! Gitea: dana owns the repository and may do everything, recant's user may push branches and open pull requests.

use super::cluster::Http;
use super::room;
use super::within;
use crate::namespace::Parts;
use crate::process::Process;
use base64::Engine as _;
use recant_sim::forge::Style;
use serde_json::Value;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const PORT: u16 = 23100;
const PASSWORD: &str = "only-here-0";

/// Where every Gitea is.
pub(crate) fn url() -> String {
    format!("http://127.0.0.1:{PORT}")
}

/// A running Gitea.
pub(crate) struct Gitea {
    pub(crate) url: String,
    /// dana's, who is an administrator.
    pub(crate) http: Http,
    pub(crate) person: String,
    /// recant's token.
    pub(crate) bot: String,
    _process: Process,
    _room: TempDir,
}

impl Gitea {
    pub(crate) fn start(parts: &Parts) -> Self {
        let room = room();
        let module = std::fs::read_to_string(parts.file("gitea", "module")).unwrap();
        let config = within(&room, "app.ini");
        let template = crate::files::root().join("tests/real/gitea.ini");
        let text = std::fs::read_to_string(template)
            .unwrap()
            .replace("@WORK@", room.path().to_str().unwrap())
            .replace("@MODULE@", module.trim())
            .replace("@PORT@", &PORT.to_string());
        std::fs::write(&config, text).unwrap();
        let program = parts.file("gitea", "gitea");
        let command = |args: &[&str]| {
            let mut command = Command::new(&program);
            command.args(args).arg("--config").arg(&config);
            command
                .env("GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT", "true")
                .env("HOME", room.path());
            command.env("USER", "root").env("GIT_CONFIG_NOSYSTEM", "1");
            command
        };
        run(&mut command(&["migrate"]));
        let dana = [
            "--username",
            "dana",
            "--password",
            PASSWORD,
            "--email",
            "dana@example.com",
            "--admin",
        ];
        run(command(&["admin", "user", "create", "--must-change-password=false"]).args(dana));
        let mut process = Process::start("gitea", &mut command(&["web"]), within(&room, "gitea.log"));
        process.wait_for_port(PORT);
        let url = url();
        let person = token(&url, "dana");
        let http = Http::new(&url, Some(&person), b"");
        let bot = json!({ "username": "recant", "email": "recant@example.com", "password": PASSWORD,
                          "must_change_password": false });
        http.must("POST", "/api/v1/admin/users", &bot);
        let bot = token(&url, "recant");
        Self {
            url,
            http,
            person,
            bot,
            _process: process,
            _room: room,
        }
    }

    /// Makes a repository of dana's, to which recant may push, but not to `main`. Its clone URL.
    pub(crate) fn repository(&self, name: &str) -> String {
        self.empty_repository(name);
        let path = format!("/api/v1/repos/dana/{name}");
        let write = json!({ "permission": "write" });
        self.http
            .must("PUT", &format!("{path}/collaborators/recant"), &write);
        let rule = json!({ "rule_name": "main", "enable_push": true, "enable_push_whitelist": true,
                           "push_whitelist_usernames": ["dana"], "enable_merge_whitelist": true,
                           "merge_whitelist_usernames": ["dana"] });
        self.http
            .must("POST", &format!("{path}/branch_protections"), &rule);
        format!("{}/dana/{name}.git", self.url)
    }

    /// Makes a repository of dana's that nobody else sees.
    pub(crate) fn empty_repository(&self, name: &str) {
        let new = json!({ "name": name, "default_branch": "main", "auto_init": false });
        self.http.must("POST", "/api/v1/user/repos", &new);
    }

    /// A URL with a person's token.
    pub(crate) fn remote(&self, url: &str) -> String {
        url.replacen("http://", &format!("http://dana:{}@", self.person), 1)
    }

    /// Until a queue has come to the first push, Gitea takes a repository for empty, and panics when asked for a branch.
    pub(crate) fn wait_for_content(&self, name: &str) {
        let path = format!("/api/v1/repos/dana/{name}");
        for _ in 0..200 {
            if self.http.get(&path).unwrap_or_default()["empty"] == false {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("Gitea takes {name} for empty");
    }

    /// Gitea answers 405 for as long as it still looks at a pull request.
    pub(crate) fn merge(&self, name: &str, number: u64, style: Style) -> Result<(), String> {
        let path = format!("/api/v1/repos/dana/{name}/pulls/{number}/merge");
        let how = match style {
            Style::Merge => "merge",
            Style::Rebase => "rebase",
            Style::RebaseMerge => "rebase-merge",
            Style::Squash => "squash",
            Style::FastForwardOnly => "fast-forward-only",
        };
        let mut last = Value::Null;
        for _ in 0..40 {
            let answer = self.http.json("POST", &path, &json!({ "Do": how }));
            if answer.status == 200 {
                return Ok(());
            }
            last = answer.body;
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        Err(format!("the merge was refused: {last}"))
    }
}

/// A new token of a user's.
fn token(url: &str, user: &str) -> String {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{PASSWORD}"));
    let http = Http::new(url, None, b"");
    use crate::conformance::kube::Client as _;
    let basic = format!("Basic {basic}");
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", basic.as_str()),
    ];
    let body = json!({ "name": "real", "scopes": ["all"] }).to_string();
    let answer = http.send("POST", &format!("/api/v1/users/{user}/tokens"), &headers, &body);
    answer.body["sha1"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", answer.body))
        .to_owned()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&text)
    );
}

/// A person's clone of a repository, to commit in.
pub(crate) fn clone(gitea: &Gitea, url: &str, at: &Path) {
    let dir = at.parent().unwrap();
    super::git(dir, &["clone", "-q", &gitea.remote(url), at.to_str().unwrap()]).unwrap();
    super::git(at, &["checkout", "-q", "-B", "main"]).unwrap();
}
