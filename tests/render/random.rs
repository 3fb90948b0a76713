//! Random kustomize trees: the same seed gives the same tree.

mod fields;
mod objects;
mod patches;

use crate::dice::Dice;
use objects::NAMES;

/// The files of a tree.
pub(crate) type Files = Vec<(String, String)>;

/// The tree of a seed; its root is the directory `top`.
pub(crate) fn tree(seed: u64) -> Files {
    let mut maker = Maker {
        dice: Dice(seed.wrapping_mul(0x1234_5678_9abc_def1)),
        files: Vec::new(),
        layer: 0,
    };
    maker.tree();
    maker.files
}

impl Dice {
    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

pub(crate) struct Maker {
    pub(crate) dice: Dice,
    pub(crate) files: Files,
    /// 0 for the base, 1 above it.
    pub(crate) layer: usize,
}

impl Maker {
    fn tree(&mut self) {
        let mut base = self.resources("base");
        base += &self.transformers("base");
        self.files.push(("base/kustomization.yaml".to_owned(), base));
        self.layer = 1;
        let below = if self.dice.one_in(3) {
            self.middle()
        } else {
            "base"
        };
        let mut top = if self.dice.one_in(2) {
            self.resources("top")
        } else {
            "resources:\n".to_owned()
        };
        top += &format!("- ../{below}\n");
        if self.dice.one_in(4) {
            let body = self.transformers("part");
            let body = if body.is_empty() {
                "namePrefix: c-\n".to_owned()
            } else {
                body
            };
            self.files.push((
                "part/kustomization.yaml".to_owned(),
                format!("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{body}"),
            ));
            top += "components:\n- ../part\n";
        }
        top += &self.transformers("top");
        self.files.push(("top/kustomization.yaml".to_owned(), top));
    }

    /// A layer between base and top; now and then a second one beside it, so that the base comes twice.
    fn middle(&mut self) -> &'static str {
        for (dir, prefix) in [("left", "l-"), ("right", "r-")] {
            let fields = self.transformers(dir);
            let prefix = if fields.contains("namePrefix") {
                String::new()
            } else {
                format!("namePrefix: {prefix}\n")
            };
            self.files.push((
                format!("{dir}/kustomization.yaml"),
                format!("resources: [../base]\n{prefix}{fields}"),
            ));
        }
        if self.dice.one_in(2) {
            return "left";
        }
        self.files.push((
            "both/kustomization.yaml".to_owned(),
            "resources: [../left, ../right]\n".to_owned(),
        ));
        "both"
    }

    pub(crate) fn resources(&mut self, dir: &str) -> String {
        let mut text = String::new();
        let mut seen = Vec::new();
        if dir == "base" && !self.dice.one_in(5) {
            let pod = indent(&self.pod(), 6);
            text += &format!(
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n{pod}"
            );
            text += "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: conf\ndata: {k: v, n: \"1\"}\n";
            seen.push("apiVersion: v1|kind: ConfigMap|metadata:|  name: conf".to_owned());
            seen.push("apiVersion: apps/v1|kind: Deployment|metadata:|  name: web".to_owned());
        }
        for _ in 0..=self.dice.below(4) {
            let document = if self.dice.one_in(2) {
                let name = self.dice.pick(&NAMES[self.layer]);
                self.workload(name)
            } else {
                self.other()
            };
            let head: Vec<&str> = document.lines().take(4).collect();
            let head = head.join("|");
            if seen.contains(&head) && !self.dice.one_in(10) {
                continue;
            }
            seen.push(head);
            text += "---\n";
            text += &document;
        }
        self.files.push((format!("{dir}/all.yaml"), text));
        "resources:\n- all.yaml\n".to_owned()
    }
}

pub(crate) fn indent(text: &str, by: usize) -> String {
    text.lines().map(|l| format!("{}{l}\n", " ".repeat(by))).collect()
}
