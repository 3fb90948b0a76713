//! Objects, as they stand in files of resources.

use super::Maker;
use super::indent;

/// Names of workloads, of the base and of the layers above it.
pub(crate) const NAMES: [[&str; 4]; 2] = [["web", "api", "db", "cache"], ["front", "queue", "store", "mail"]];
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

impl Maker {
    pub(crate) fn workload(&mut self, name: &str) -> String {
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

    pub(crate) fn other(&mut self) -> String {
        let name = self.dice.pick(&NAMES[self.layer]);
        let meta = self.meta();
        let any = self.scalar();
        // What other objects name stands in the base only.
        let kinds = [12, 8][self.layer];
        match (self.dice.below(kinds) + self.layer * 4) % 12 {
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

    pub(crate) fn pod(&mut self) -> String {
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

    pub(crate) fn container(&mut self, name: &str) -> String {
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

    pub(crate) fn meta(&mut self) -> String {
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

    pub(crate) fn text(&mut self) -> &'static str {
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

    pub(crate) fn scalar(&mut self) -> &'static str {
        self.dice.pick(&SCALARS)
    }
}
