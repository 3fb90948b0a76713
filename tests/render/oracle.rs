//! Random kustomize trees, rendered by us and by `kubectl kustomize`.
//!
//! Slow, and needs kubectl: `RECANT_TREES=1000 cargo test -p recant-render --test oracle -- --ignored`. A tree that
//! differs is written to a directory under the temporary directory and named with its seed; `RECANT_SEED` starts
//! there again.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that runs another program and reports"
)]

use recant_render::Object;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use recant_render::yaml::Document;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A small deterministic generator: the same seed gives the same tree.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const NAMES: [&str; 4] = ["web", "api", "db", "cache"];
const SCALARS: [&str; 22] = [
    "1",
    "010",
    "0x1f",
    "1e3",
    "1.50",
    "1_000",
    "true",
    "yes",
    "\"yes\"",
    "'007'",
    "on",
    "~",
    "2001-01-01",
    "text",
    "\"a: b\"",
    "é",
    "1:30",
    "\"\"",
    "0.0",
    "-5",
    "12345678901234567890123",
    "x y # c",
];

struct Maker {
    dice: Dice,
    files: Vec<(String, String)>,
}

impl Maker {
    fn scalar(&mut self) -> &'static str {
        self.dice.pick(&SCALARS)
    }

    fn text(&mut self) -> &'static str {
        self.dice.pick(&[
            "a",
            "\"1\"",
            "x-y",
            "'true'",
            "some text",
            "$(topVAR)",
            "a-$(baseVAR)-$$(x)",
        ])
    }

    fn container(&mut self, name: &str) -> String {
        let mut out = format!("- name: {name}\n");
        let tag = self.dice.pick(&["", ":1.0", ":1.0@sha256:abc", "@sha256:abc"]);
        let image = self
            .dice
            .pick(&["nginx", "example.org/app", "localhost:5000/app", "app"]);
        if !self.dice.one_in(6) {
            out += &format!("  image: {image}{tag}\n");
        }
        if self.dice.one_in(2) {
            out += "  env:\n";
            for _ in 0..=self.dice.below(3) {
                let name = self.dice.pick(&["A", "B", "C"]);
                match self.dice.below(4) {
                    0 => {
                        out += &format!(
                            "  - name: {name}\n    valueFrom: {{configMapKeyRef: {{name: conf, key: k}}}}\n"
                        )
                    }
                    1 => {
                        out += &format!(
                            "  - name: {name}\n    valueFrom: {{secretKeyRef: {{name: creds, key: k}}}}\n"
                        )
                    }
                    _ => out += &format!("  - {{name: {name}, value: {}}}\n", self.text()),
                }
            }
        }
        if self.dice.one_in(2) {
            out += "  ports:\n";
            for _ in 0..=self.dice.below(2) {
                let port = self.dice.pick(&["80", "8080", "53"]);
                match self.dice.below(3) {
                    0 => {
                        out += &format!(
                            "  - containerPort: {port}\n    protocol: {}\n",
                            self.dice.pick(&["TCP", "UDP"])
                        )
                    }
                    1 => out += &format!("  - {{containerPort: {port}, name: p{port}}}\n"),
                    _ => out += &format!("  - containerPort: {port}\n"),
                }
            }
        }
        if self.dice.one_in(3) {
            out += "  volumeMounts:\n  - {mountPath: /etc/a, name: conf}\n";
        }
        if self.dice.one_in(3) {
            out += &format!("  args: [run, {}]\n", self.text());
        }
        if self.dice.one_in(4) {
            out += "  envFrom:\n  - configMapRef: {name: conf}\n  - secretRef: {name: creds}\n";
        }
        out
    }

    fn pod(&mut self) -> String {
        let mut out = String::from("containers:\n");
        for name in ["main", "side"].iter().take(1 + self.dice.below(2)) {
            out += &self.container(name);
        }
        if self.dice.one_in(3) {
            out += "initContainers:\n";
            out += &self.container("init");
        }
        if self.dice.one_in(2) {
            out += "volumes:\n- name: conf\n  configMap: {name: conf}\n";
            if self.dice.one_in(2) {
                out += "- name: creds\n  secret: {secretName: creds}\n- name: tmp\n  emptyDir: {}\n";
            }
        }
        if self.dice.one_in(3) {
            out += "serviceAccountName: runner\n";
        }
        if self.dice.one_in(4) {
            out += "imagePullSecrets:\n- name: creds\n";
        }
        if self.dice.one_in(4) {
            out += "tolerations:\n- {key: a, operator: Exists}\n";
        }
        if self.dice.one_in(5) {
            out += "nodeSelector:\n";
        }
        out
    }

    fn workload(&mut self, name: &str) -> String {
        let kind = self.dice.pick(&[
            "Deployment",
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "Job",
            "CronJob",
        ]);
        let api = if matches!(kind, "Job" | "CronJob") {
            "batch/v1"
        } else {
            "apps/v1"
        };
        let pod = indent(&self.pod(), 6);
        let mut out = format!(
            "apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {name}\n{}",
            self.meta()
        );
        if kind == "CronJob" {
            out += &format!(
                "spec:\n  schedule: '* * * * *'\n  jobTemplate:\n    spec:\n      template:\n        spec:\n{}",
                indent(&pod, 4)
            );
            return out;
        }
        out += "spec:\n";
        if matches!(kind, "Deployment" | "StatefulSet") && self.dice.one_in(2) {
            out += "  replicas: 2\n";
        }
        if kind != "Job" {
            out += &format!("  selector:\n    matchLabels: {{app: {name}}}\n");
        }
        out += &format!("  template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n{pod}");
        if kind == "StatefulSet" {
            out += "  serviceName: web\n  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {storageClassName: fast}\n";
        }
        out
    }

    fn meta(&mut self) -> String {
        let mut out = String::new();
        if self.dice.one_in(4) {
            out += &format!("  namespace: {}\n", self.dice.pick(&["one", "default"]));
        }
        if self.dice.one_in(3) {
            out += &format!(
                "  labels: {{tier: {}, app: x}}\n",
                self.dice.pick(&["front", "back"])
            );
        }
        if self.dice.one_in(4) {
            out += "  annotations: {note: \"a\"}\n";
        } else if self.dice.one_in(8) {
            out += "  annotations:\n";
        }
        out
    }

    fn other(&mut self) -> String {
        let name = self.dice.pick(&NAMES);
        let meta = self.meta();
        let any = self.scalar();
        match self.dice.below(12) {
            0 => format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n{meta}spec:\n  selector: {{app: {name}}}\n  ports:\n  - {{port: 80, targetPort: 8080}}\n"),
            1 => format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: conf{}\ndata:\n  k: {}\n  text: |\n    one\n      two\n", if self.dice.one_in(3) { "" } else { "2" }, self.text()),
            2 => format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: creds\n{meta}stringData: {{k: v}}\n"),
            3 => format!("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: runner\n{meta}"),
            4 => format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: {name}\n{meta}roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}}\nsubjects:\n- {{kind: ServiceAccount, name: runner, namespace: one}}\n- {{kind: ServiceAccount, name: default}}\n"),
            5 => format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: reader\n{meta}rules:\n- {{apiGroups: ['']  , resources: [secrets], resourceNames: [creds, conf], verbs: [get]}}\n"),
            6 => "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: one\n".to_owned(),
            7 => format!("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n{meta}spec:\n  tls:\n  - {{hosts: [a.b], secretName: creds}}\n  rules:\n  - host: a.b\n    http:\n      paths:\n      - {{path: /, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}\n"),
            8 => format!("apiVersion: example.org/v1\nkind: Thing\nmetadata:\n  name: {name}\n{meta}spec:\n  any: {any}\n  list: [{any}, {{name: a, v: 1}}]\n  containers:\n  - {{name: c, image: 'nginx:2'}}\n  nothing:\n  base: &b {{x: 1, y: {{z: {any}}}}}\n  copy: *b\n  merged:\n    <<: *b\n    x: 2\n"),
            9 => "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: scale\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 3\n".to_owned(),
            10 => format!("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {name}\n{meta}spec: {{storageClassName: fast}}\n"),
            _ => "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: from-list}\n  data: {a: b}\n".to_owned(),
        }
    }

    fn resources(&mut self, dir: &str) -> String {
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
                let name = self.dice.pick(&NAMES);
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

    fn transformers(&mut self, dir: &str) -> String {
        let mut out = String::new();
        if self.dice.one_in(4) {
            out += &format!("namespace: {}\n", self.dice.pick(&["one", "two"]));
        }
        if self.dice.one_in(4) {
            out += &format!("namePrefix: {}\n", self.dice.pick(&["a-", "b-"]));
        }
        if self.dice.one_in(6) {
            out += "nameSuffix: -z\n";
        }
        if self.dice.one_in(5) {
            out += "commonLabels: {team: \"1\"}\n";
        }
        if self.dice.one_in(4) {
            let more = self.dice.pick(&[
                "",
                "  includeSelectors: true\n",
                "  fields:\n  - {path: spec/extra/labels, create: true, kind: Thing}\n",
            ]);
            out += &format!("labels:\n- pairs: {{tier: back, new: x}}\n{more}");
        }
        if self.dice.one_in(5) {
            out += "commonAnnotations: {why: \"true\"}\n";
        }
        if self.dice.one_in(3) {
            let change = self.dice.pick(&[
                "newTag: \"2\"",
                "newName: other/app",
                "digest: sha256:def",
                "newName: n\n  newTag: v1.2",
            ]);
            let name = self
                .dice
                .pick(&["nginx", "app", "example.org/app", "localhost:5000/app", ".*"]);
            out +=
                &format!("images:\n- name: {name}\n  {change}\n").replace("newName: n\n", "newName: new\n");
        }
        if self.dice.one_in(40) {
            out += "replicas:\n- {name: web, count: 5}\n";
        }
        if self.dice.one_in(3) {
            out += &self.patches(dir);
        }
        if self.dice.one_in(5) {
            let patch = self.own_patch();
            if !patch.is_empty() {
                let field = self
                    .dice
                    .pick(&["patches:\n- patch: |-\n", "patchesStrategicMerge:\n- |-\n"]);
                if !(field.starts_with("patches:") && out.contains("patches:")) {
                    out += &format!("{field}{}", indent(&patch, 4));
                }
            }
        }
        if self.dice.one_in(6) {
            out += "patchesJson6902:\n- target: {version: v1, kind: Deployment, name: web}\n  patch: '[{\"op\": \"add\", \"path\": \"/spec/x\", \"value\": 1.0}]'\n";
        }
        if self.dice.one_in(6) {
            let create = if self.dice.one_in(2) {
                "    options: {create: true}\n"
            } else {
                ""
            };
            let path = self.dice.pick(&[
                "metadata.annotations.copied",
                "spec.template.metadata.labels.app",
                "spec.template.spec.containers.*.image",
                "spec.template.spec.containers.[name=main].image",
            ]);
            let options = self.dice.pick(&["", ", options: {delimiter: e, index: 0}"]);
            out += &format!(
                "replacements:\n- source: {{kind: Deployment, name: web, fieldPath: metadata.name{options}}}\n  targets:\n  - select: {{kind: Deployment}}\n    reject:\n    - name: db\n    fieldPaths: ['{path}']\n{create}"
            );
        }
        if self.dice.one_in(8) {
            self.files.push((format!("{dir}/config.yaml"), "nameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs:\n  - {kind: Thing, path: spec/any}\nnamespace:\n- {kind: Thing, path: spec/ns, create: true}\n".to_owned()));
            out += "configurations: [config.yaml]\n";
        }
        if self.dice.one_in(12) {
            out += &format!(
                "vars:\n- name: {dir}VAR\n  objref: {{kind: ConfigMap, name: conf, apiVersion: v1}}\n  fieldref: {{fieldpath: metadata.name}}\n"
            );
        }
        if self.dice.one_in(4) {
            let conf = "kind: ConfigMap\nmetadata:\n  name: conf\n";
            let taken = self
                .files
                .iter()
                .any(|(_, t)| t.contains(conf) || t.contains("configMapGenerator:"));
            let behavior = match (taken, self.dice.below(8)) {
                (true, 0..4) => "  behavior: merge\n",
                (true, 4..) => "  behavior: replace\n",
                _ => "",
            };
            let options = self.dice.pick(&[
                "",
                "  options: {disableNameSuffixHash: true}\n",
                "  options: {labels: {g: h}}\n",
            ]);
            out += &format!(
                "configMapGenerator:\n- name: conf\n  literals: [k=v<>&, q='x']\n{behavior}{options}"
            );
        }
        if self.dice.one_in(6) {
            self.files.push((
                format!("{dir}/env.txt"),
                "# comment\nU=v=w\n  L=é\nE\n".to_owned(),
            ));
            out += "secretGenerator:\n- name: creds\n  envs: [env.txt]\n  files: [all=env.txt]\n";
        }
        out
    }

    fn patches(&mut self, dir: &str) -> String {
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

    fn json_patch(&mut self) -> String {
        let value = self.scalar();
        match self.dice.below(4) {
            0 => format!("- {{op: add, path: /metadata/annotations, value: {{a: {value}}}}}\n").replace(" # c", ""),
            1 => format!("- op: add\n  path: /spec\n  value:\n    any: {value}\n"),
            2 => "- op: replace\n  path: /metadata/name\n  value: renamed\n".to_owned(),
            _ => "- op: add\n  path: /metadata/labels\n  value: {x: y}\n- op: remove\n  path: /metadata/labels/x\n".to_owned(),
        }
    }

    /// A patch that names its object itself.
    fn own_patch(&mut self) -> String {
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

    fn strategic_patch(&mut self) -> String {
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

    fn tree(&mut self) {
        let mut base = self.resources("base");
        base += &self.transformers("base");
        self.files.push(("base/kustomization.yaml".to_owned(), base));
        let mut top = if self.dice.one_in(2) {
            let more = self.resources("top");
            format!("{more}- ../base\n")
        } else {
            "resources:\n- ../base\n".to_owned()
        };
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
}

fn indent(text: &str, by: usize) -> String {
    text.lines().map(|l| format!("{}{l}\n", " ".repeat(by))).collect()
}

fn ours(files: &[(String, String)]) -> Result<Vec<Value>, String> {
    let root = Root {
        path: "top".to_owned(),
        flux: None,
    };
    let rendered = render(&Tree::of(files.iter().map(|(p, t)| (p.as_str(), t))), &root);
    if rendered.ok() {
        Ok(rendered.objects.iter().map(Object::json).collect())
    } else {
        Err(rendered.problems.iter().map(|p| format!("{p}\n")).collect())
    }
}

fn theirs(dir: &Path, files: &[(String, String)]) -> Result<Vec<Value>, String> {
    let _ = fs::remove_dir_all(dir);
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let out = Command::new("kubectl")
        .args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"])
        .arg(dir.join("top"))
        .output()
        .unwrap();
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into_owned());
    }
    Ok(Document::read(&out.stdout)
        .unwrap()
        .iter()
        .map(|d| d.json().unwrap())
        .collect())
}

fn sorted(mut values: Vec<Value>) -> Vec<String> {
    values.sort_by_key(Value::to_string);
    values
        .iter()
        .map(|v| serde_json::to_string_pretty(v).unwrap())
        .collect()
}

#[test]
#[ignore = "slow, and needs kubectl"]
fn random_trees_render_as_kubectl_renders_them() {
    let number = |name: &str, default: u64| {
        std::env::var(name)
            .ok()
            .and_then(|v| v.parse().ok())
            .unwrap_or(default)
    };
    let first = number("RECANT_SEED", 0);
    let (mut same, mut failed_both) = (0, 0);
    let mut different = Vec::new();
    for seed in first..first + number("RECANT_TREES", 100) {
        let mut maker = Maker {
            dice: Dice(seed.wrapping_mul(0x1234_5678_9abc_def1)),
            files: Vec::new(),
        };
        maker.tree();
        let dir = std::env::temp_dir().join(format!("recant-oracle-{seed}"));
        let (ours, theirs) = (ours(&maker.files), theirs(&dir, &maker.files));
        let verdict = match (ours, theirs) {
            (Ok(a), Ok(b)) => {
                let (a, b) = (sorted(a), sorted(b));
                let odd = a.iter().zip(&b).find(|(a, b)| a != b);
                (a != b).then(|| {
                    odd.map_or_else(
                        || "different objects".to_owned(),
                        |(a, b)| format!("ours {a}\ntheirs {b}"),
                    )
                })
            }
            (Err(why), Err(_)) => {
                if std::env::var("RECANT_WHY").is_ok() {
                    eprintln!("both fail: {why}");
                }
                failed_both += 1;
                None
            }
            (Ok(_), Err(why)) => Some(format!("only they fail: {why}")),
            (Err(why), Ok(_)) => Some(format!("only we fail: {why}")),
        };
        match verdict {
            None => {
                same += 1;
                let _ = fs::remove_dir_all(&dir);
            }
            Some(why) => different.push(format!("{}: {why}", dir.display())),
        }
    }
    eprintln!(
        "{same} the same ({failed_both} of them fail in both), {} different",
        different.len()
    );
    assert!(different.is_empty(), "{}", different.join("\n"));
}
