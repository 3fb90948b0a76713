//! Branch protection: recant's user may neither push to the branch nor get around what its rule asks for; with
//! `autoMerge` Gitea merges by itself once the rule is met.

use super::Told;
use super::tell_text;
use super::told::NAME;
use crate::files;
use crate::namespace::Parts;
use crate::stage;
use crate::stage::cluster::Http;
use recant_sim::scenario;
use serde_json::Value;
use serde_json::json;
use std::fs;

/// As far as the open pull request.
const BEFORE: &str = r#"
forge "{\"pullRequests\": {\"autoMerge\": true}}"
expect canary test/podinfo phase Initialized within 3m
commit "podinfo 6.8.0" by "Dana Example <dana@example.com>"
  replace apps/my-cluster/kustomization.yaml "newTag: 6.7.0" "newTag: 6.8.0"
expect canary test/podinfo phase Failed within 5m
expect pull open within 5m
"#;
const AFTER: &str = r"
expect pull merged within 3m
expect canary test/podinfo Reverted is True within 5m
expect pulls 1
";

pub(super) fn tell(parts: &Parts) {
    let bad_bump = fs::read_to_string(files::root().join("tests/scenarios/bad-bump.txt")).unwrap();
    let images = bad_bump.lines().filter(|line| line.starts_with("image "));
    let before: Vec<&str> = images.chain(BEFORE.lines()).collect();
    let protect = |told: &Told| {
        let rule = json!({ "enable_status_check": true, "status_check_contexts": ["ci/*"],
                           "merge_whitelist_usernames": ["dana", "recant"] });
        told.gitea.http.must("PATCH", &format!("{}/main", rules()), &rule);
    };
    let mut told = tell_text(parts, "protected", &before.join("\n"), protect);
    let number = told.newest_open().unwrap();
    let path = told.pull_path(number);
    let pull = told.gitea.http.get(&path).unwrap();
    let bot = Http::new(&told.gitea.url, Some(&told.gitea.bot), b"");
    assert_eq!(pull["user"]["login"], "recant");
    assert!(
        pushes_to_main(&told).is_err(),
        "the rule keeps recant from pushing"
    );
    let merge = bot.json("POST", &format!("{path}/merge"), &json!({ "Do": "merge" }));
    assert_eq!(merge.status, 405, "merged without its check: {}", merge.body);
    let forced = json!({ "Do": "merge", "force_merge": true });
    let forced = bot.json("POST", &format!("{path}/merge"), &forced);
    assert!(forced.status >= 400, "merged around the rule");
    assert_eq!(told.gitea.http.get(&path).unwrap()["state"], "open");
    let status = json!({ "context": "ci/build", "state": "success" });
    let head = pull["head"]["sha"].as_str().unwrap_or_default();
    told.gitea.http.must(
        "POST",
        &format!("/api/v1/repos/dana/{NAME}/statuses/{head}"),
        &status,
    );
    for statement in scenario::parse("protected", AFTER).unwrap().statements {
        if let Err(why) = told.carry_out(&statement.verb) {
            told.show();
            panic!("after the check: {why}");
        }
    }
    let merged = told.gitea.http.get(&path).unwrap_or(Value::Null);
    assert_eq!(merged["merged_by"]["login"], "recant");
    told.was_allowed_everything();
}

fn rules() -> String {
    format!("/api/v1/repos/dana/{NAME}/branch_protections")
}

fn pushes_to_main(told: &Told) -> Result<Vec<u8>, String> {
    let dir = stage::room();
    let url = format!("{}/dana/{NAME}.git", told.gitea.url);
    let url = url.replacen("http://", &format!("http://recant:{}@", told.gitea.bot), 1);
    stage::git(dir.path(), &["clone", "-q", &url, "."])?;
    stage::git(
        dir.path(),
        &["commit", "-q", "--allow-empty", "-m", "past the rule"],
    )?;
    stage::git(dir.path(), &["push", "-q", "origin", "main"])
}
