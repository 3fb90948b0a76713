//! The repository's own files, and kustomize's view of them.

use serde::Deserialize as _;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a directory of the repository with that extension (empty: all), as paths from the root.
pub(crate) fn below(dir: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(dir)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if extension.is_empty() || path.extension().is_some_and(|e| e == extension) {
                found.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// The documents of a YAML stream.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|document| !document.is_null())
        .collect()
}

/// What `kubectl kustomize` makes of a directory of the repository; none, with a word, where there is no kubectl.
pub(crate) fn kustomize(dir: &str) -> Option<Vec<Value>> {
    let output = match Command::new("kubectl")
        .arg("kustomize")
        .arg(root().join(Path::new(dir)))
        .output()
    {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: kubectl kustomize {dir}: {error}");
            return None;
        }
    };
    assert!(
        output.status.success(),
        "kubectl kustomize {dir}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(documents(&String::from_utf8(output.stdout).unwrap()))
}

/// All files below a directory of the repository.
pub(crate) fn tree(dir: &str) -> recant_render::Tree {
    let paths = below(dir, "");
    let files = paths.iter().map(|path| {
        let inside = path.strip_prefix(dir).unwrap().trim_start_matches('/');
        (inside.to_owned(), fs::read(root().join(path)).unwrap())
    });
    recant_render::Tree::of(files)
}
