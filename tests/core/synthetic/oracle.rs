//! The real kustomize, asked whether a plan does what it says.

use recant_render::ObjectId;
use recant_render::Tree;
use recant_render::yaml::Document;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const ROOTS: [&str; 2] = ["prod", "staging"];

/// Objects by kind, namespace and name.
type Objects = BTreeMap<(String, String, String), Value>;

pub(crate) struct Oracle {
    dir: PathBuf,
}

impl Oracle {
    /// `None`, with a word, where there is no kubectl.
    pub(crate) fn installed() -> Option<Self> {
        let dir = std::env::temp_dir().join(format!("recant-histories-{}", std::process::id()));
        if Command::new("kubectl")
            .args(["kustomize", "--help"])
            .output()
            .is_ok()
        {
            return Some(Self { dir });
        }
        eprintln!("no kubectl: what is called proved is not confirmed");
        None
    }

    /// Whether the object goes back, and nothing else moves, in any root.
    pub(crate) fn holds(
        &self,
        good: &Tree,
        head: &Tree,
        after: &Tree,
        target: &ObjectId,
    ) -> Result<(), String> {
        let key = (target.kind.clone(), target.namespace.clone(), target.name.clone());
        let want = self.build(good, ROOTS[0])?;
        // What lies in one overlay is read by no other.
        let touched = head.changed(after);
        let only_own = touched.iter().all(|path| path.starts_with("prod/"));
        for root in ROOTS.iter().take(if only_own { 1 } else { ROOTS.len() }) {
            let (before, now) = (self.build(head, root)?, self.build(after, root)?);
            if *root == ROOTS[0] && essence(&now[&key]) != essence(&want[&key]) {
                return Err(format!("{key:?} is not as it was"));
            }
            let may_move = |id: &(String, String, String)| {
                *root == ROOTS[0] && (*id == key || (id.0 == "ConfigMap" && id.2.contains("params-")))
            };
            let ids = before.keys().chain(now.keys()).filter(|id| !may_move(id));
            if let Some(id) = ids.into_iter().find(|id| before.get(*id) != now.get(*id)) {
                return Err(format!("{id:?} moves in {root}"));
            }
        }
        Ok(())
    }

    fn build(&self, tree: &Tree, root: &str) -> Result<Objects, String> {
        let _ = fs::remove_dir_all(&self.dir);
        for (path, _) in tree.iter() {
            let file = self.dir.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, tree.bytes(path).unwrap()).unwrap();
        }
        let mut command = Command::new("kubectl");
        command.args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"]);
        let output = command.arg(self.dir.join(root)).output().unwrap();
        if !output.status.success() {
            return Err(format!(
                "{root} does not build: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        let text = |value: &Value, pointer: &str| {
            value
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let documents = Document::read(&output.stdout).unwrap();
        let named = documents.iter().map(|document| {
            let value = document.json().unwrap();
            let id = (
                text(&value, "/kind"),
                text(&value, "/metadata/namespace"),
                text(&value, "/metadata/name"),
            );
            (id, value)
        });
        Ok(named.collect())
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn essence(object: &Value) -> &Value {
    let whole = if object["kind"] == "Deployment" {
        "/spec/template"
    } else {
        "/spec"
    };
    object.pointer(whole).unwrap()
}
