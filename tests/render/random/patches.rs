//! Patches: strategic and JSON, in files and inline, with targets and without.

use super::Maker;
use super::indent;

impl Maker {
    pub(crate) fn patches(&mut self, dir: &str) -> String {
        let mut out = String::from("patches:\n");
        for at in 0..=self.dice.below(2) {
            let kind = self
                .dice
                .pick(&["Deployment", "StatefulSet", "ConfigMap|Secret", ".*", "Thing"]);
            let target = match self.dice.below(3) {
                0 => format!("  target: {{kind: '{kind}'}}\n"),
                1 => "  target: {name: 'w.*', kind: Deployment}\n".to_owned(),
                _ => format!(
                    "  target: {{labelSelector: 'tier in (front,back)', kind: {}}}\n",
                    self.dice.pick(&["Deployment", "Service"])
                ),
            };
            let json = self.dice.one_in(3);
            let body = if json {
                self.json_patch()
            } else {
                self.strategic_patch()
            };
            if self.dice.one_in(2) {
                let file = format!("patch-{at}.yaml");
                self.files.push((format!("{dir}/{file}"), body));
                out += &format!("- path: {file}\n{target}");
            } else {
                out += &format!("- patch: |-\n{}{target}", indent(&body, 4));
            }
        }
        out
    }

    pub(crate) fn own_patch(&mut self) -> String {
        let files = self.files.iter().filter(|(path, _)| path.ends_with("all.yaml"));
        let all: String = files.map(|(_, text)| text.as_str()).collect();
        let objects: Vec<&str> = all
            .split("---\n")
            .filter(|d| d.starts_with("apiVersion: apps"))
            .collect();
        if objects.is_empty() {
            return String::new();
        }
        let object = objects[self.dice.below(objects.len())];
        let mut head: String = object.lines().take(4).map(|l| format!("{l}\n")).collect();
        if let Some(namespace) = object.lines().find(|l| l.starts_with("  namespace:")) {
            head += &format!("{namespace}\n");
        }
        head += self.dice.pick(&[
            "  labels: {added: x, tier: null}\n",
            "  annotations: {note: null, n: 1}\n",
            "",
        ]);
        format!("{head}spec:\n  template:\n    spec:\n{}", indent(&self.pod(), 6))
    }

    pub(crate) fn strategic_patch(&mut self) -> String {
        let kind = self.dice.pick(&["Deployment", "StatefulSet", "Thing"]);
        let api = if kind == "Thing" {
            "example.org/v1"
        } else {
            "apps/v1"
        };
        let mut out = format!("apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: any\n");
        if self.dice.one_in(3) {
            out += "  labels: {added: l, app: null}\n";
        }
        if self.dice.one_in(12) {
            return out + "$patch: delete\n";
        }
        out += "spec:\n";
        if kind == "Thing" {
            return out
                + &format!(
                    "  any: {}\n  list: [1]\n  base: {{x: null, w: 1}}\n",
                    self.scalar()
                );
        }
        out += &format!("  replicas: {}\n", self.dice.pick(&["3", "null", "\"4\""]));
        let directive = self.dice.pick(&["", "", "", "      $patch: replace\n"]);
        let mut pod = self.pod();
        if self.dice.one_in(4) {
            pod += "hostAliases:\n- {ip: 1.1.1.1, hostnames: [a]}\n";
        }
        if self.dice.one_in(6) {
            pod = pod.replacen("- name: main\n", "- name: main\n  $patch: delete\n", 1);
        }
        if self.dice.one_in(6) {
            pod = pod.replacen("containers:\n", "containers:\n- $patch: replace\n", 1);
        }
        out + &format!("  template:\n    spec:\n{directive}{}", indent(&pod, 6))
    }

    pub(crate) fn json_patch(&mut self) -> String {
        let value = self.scalar();
        match self.dice.below(4) {
            0 => format!("- {{op: add, path: /metadata/annotations, value: {{a: {value}}}}}\n").replace(" # c", ""),
            1 => format!("- op: add\n  path: /spec\n  value:\n    any: {value}\n"),
            2 => "- op: replace\n  path: /metadata/name\n  value: renamed\n".to_owned(),
            _ => "- op: add\n  path: /metadata/labels\n  value: {x: y}\n- op: remove\n  path: /metadata/labels/x\n".to_owned(),
        }
    }
}
