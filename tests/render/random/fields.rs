//! The fields of a kustomization, but for its resources and patches.

use super::Maker;
use super::indent;

const SOME_LABELS: [&str; 5] = [
    "",
    "  includeSelectors: true\n",
    "  includeTemplates: true\n",
    "  fields:\n  - {path: spec/extra/labels, create: true, kind: Thing}\n",
    "  fields:\n  - {path: spec/selector, create: false}\n",
];

const SOME_SOURCES: [&str; 6] = [
    "{kind: Deployment, name: web}",
    "{kind: Deployment, name: web, fieldPath: metadata.name}",
    "{kind: Deployment, name: web, fieldPath: metadata.name, options: {delimiter: e, index: 0}}",
    "{kind: Deployment, name: web, fieldPath: 'spec.template.spec.containers.[name=main].image', options: {delimiter: ':', index: 0}}",
    "{kind: ConfigMap, name: conf, fieldPath: data.k}",
    "{kind: Deployment, name: web, fieldPath: spec.template.metadata.labels}",
];

const SOME_FIELD_PATHS: [&str; 8] = [
    "metadata.annotations.copied",
    "metadata.annotations.[example.org/copied]",
    "spec.template.metadata.labels.app",
    "spec.template.metadata.labels",
    "spec.template.spec.containers.*.image",
    "spec.template.spec.containers.[name=main].image",
    "spec.template.spec.containers.[name=main].env.[name=A].value",
    "spec.template.spec.containers.0.name",
];

const SOME_OPTIONS: [&str; 5] = [
    "",
    "    options: {create: true}\n",
    "    options: {delimiter: ':', index: 0}\n",
    "    options: {delimiter: '-', index: -1}\n",
    "    options: {delimiter: '/', index: 5, create: true}\n",
];

const SOME_CONFIGURATIONS: [&str; 5] = [
    "nameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs:\n  - {kind: Thing, path: spec/any}\nnamespace:\n\
     - {kind: Thing, path: spec/ns, create: true}\n",
    "namePrefix:\n- {path: metadata/name, kind: Thing}\n- {path: spec/any, kind: Thing}\n",
    "images:\n- {path: spec/list/v, kind: Thing}\n- {path: spec/image, create: true, kind: Thing}\n",
    "commonLabels:\n- {path: spec/labels, create: true, kind: Thing}\ncommonAnnotations:\n- {path: spec/notes, create: true, \
     kind: Thing}\n",
    "replicas:\n- {path: spec/size, create: true, kind: Thing}\nvarReference:\n- {path: spec/any, kind: Thing}\n",
];

const SOME_BUILT_IN: [&str; 6] = [
    "PrefixTransformer\nmetadata: {name: t}\nprefix: t-\nfieldSpecs:\n- {path: metadata/name}\n",
    "NamespaceTransformer\nmetadata: {name: t, namespace: three}\nunsetOnly: true\n",
    "LabelTransformer\nmetadata: {name: t}\nlabels: {l: t}\nfieldSpecs:\n- {path: metadata/labels, create: true}\n",
    "AnnotationsTransformer\nmetadata: {name: t}\nannotations: {n: t}\nfieldSpecs:\n- {path: metadata/annotations, create: true}\n",
    "ImageTagTransformer\nmetadata: {name: t}\nimageTag: {name: nginx, newTag: t}\n",
    "ReplicaCountTransformer\nmetadata: {name: t}\nreplica: {name: web, count: 7}\nfieldSpecs:\n- {path: spec/replicas, create: \
     true, kind: Deployment}\n",
];

impl Maker {
    pub(crate) fn transformers(&mut self, dir: &str) -> String {
        let mut out = self.names();
        out += &self.labels();
        out += &self.images();
        out += &self.any_patches(dir);
        out += &self.replacements();
        out += &self.configuration(dir);
        out += &self.generators(dir);
        if self.dice.one_in(40) {
            out += "replicas:\n- {name: web, count: 5}\n";
        }
        if self.dice.one_in(12) {
            let body = indent(self.dice.pick(&SOME_BUILT_IN), 4);
            out += &format!(
                "transformers:\n- |-\n    apiVersion: builtin\n    kind: {}",
                body.trim_start()
            );
        }
        out
    }

    fn names(&mut self) -> String {
        let mut out = String::new();
        if self.dice.one_in(4) {
            out += &format!("namespace: {}\n", self.dice.pick(&["one", "two", "default"]));
        }
        if self.dice.one_in(4) {
            out += &format!("namePrefix: {}\n", self.dice.pick(&["a-", "b-"]));
        }
        if self.dice.one_in(6) {
            out += "nameSuffix: -z\n";
        }
        out
    }

    fn labels(&mut self) -> String {
        let mut out = String::new();
        if self.dice.one_in(5) {
            out += "commonLabels: {team: \"1\"}\n";
        }
        if self.dice.one_in(4) {
            let more = self.dice.pick(&SOME_LABELS);
            out += &format!("labels:\n- pairs: {{tier: back, new: x}}\n{more}");
            if self.dice.one_in(3) {
                out += "- pairs: {tier: front}\n";
            }
        }
        if self.dice.one_in(5) {
            out += "commonAnnotations: {why: \"true\"}\n";
        }
        out
    }

    fn images(&mut self) -> String {
        if !self.dice.one_in(3) {
            return String::new();
        }
        let mut out = String::from("images:\n");
        for _ in 0..=self.dice.below(2) {
            let name = self.dice.pick(&[
                "nginx",
                "app",
                "example.org/app",
                "localhost:5000/app",
                ".*",
                "other/app",
            ]);
            let change = self.dice.pick(&[
                "newTag: \"2\"",
                "newName: other/app",
                "digest: sha256:def",
                "newName: new\n  newTag: v1.2",
                "tagSuffix: -x",
                "newTag: v3\n  digest: sha256:abc",
            ]);
            out += &format!("- name: {name}\n  {change}\n");
        }
        out
    }

    fn any_patches(&mut self, dir: &str) -> String {
        let mut out = String::new();
        if self.dice.one_in(3) {
            out += &self.patches(dir);
        }
        if self.dice.one_in(5) {
            let patch = self.own_patch();
            let fields = ["patches:\n- patch: |-\n", "patchesStrategicMerge:\n- |-\n"];
            let field = self.dice.pick(&fields);
            let twice = field.starts_with("patches:") && out.contains("patches:");
            if !patch.is_empty() && !twice {
                out += &format!("{field}{}", indent(&patch, 4));
            }
        }
        if self.dice.one_in(6) {
            out += "patchesJson6902:\n- target: {version: v1, kind: Deployment, name: web}\n  patch: '[{\"op\": \"add\", \
                    \"path\": \"/spec/x\", \"value\": 1.0}]'\n";
        }
        out
    }

    fn replacements(&mut self) -> String {
        if !self.dice.one_in(5) {
            return String::new();
        }
        let (source, mut path) = (self.dice.pick(&SOME_SOURCES), self.dice.pick(&SOME_FIELD_PATHS));
        if source.contains("metadata.labels") {
            // A map has no text: kustomize empties the scalar it is put into, and what that reads as depends on history.
            path = "spec.template.metadata.labels";
        }
        let (options, kind) = (
            self.dice.pick(&SOME_OPTIONS),
            self.dice.pick(&["Deployment", "StatefulSet", "Thing"]),
        );
        let reject = self.dice.pick(&[
            "",
            "    reject:\n    - name: db\n",
            "    reject:\n    - name: w.*\n      kind: Deployment\n",
        ]);
        format!(
            "replacements:\n- source: {source}\n  targets:\n  - select: {{kind: {kind}}}\n{reject}    fieldPaths: ['{path}']\n{options}"
        )
    }

    fn configuration(&mut self, dir: &str) -> String {
        let mut out = String::new();
        if self.dice.one_in(8) {
            let text = self.dice.pick(&SOME_CONFIGURATIONS).to_owned();
            self.files.push((format!("{dir}/config.yaml"), text));
            out += "configurations: [config.yaml]\n";
        }
        if self.dice.one_in(12) {
            out += &format!(
                "vars:\n- name: {dir}VAR\n  objref: {{kind: ConfigMap, name: conf, apiVersion: v1}}\n  fieldref: {{fieldpath: \
                 metadata.name}}\n"
            );
        }
        out
    }

    fn generators(&mut self, dir: &str) -> String {
        let mut out = String::new();
        if self.dice.one_in(4) {
            let conf = "kind: ConfigMap\nmetadata:\n  name: conf\n";
            let known = |t: &str| t.contains(conf) || t.contains("- name: conf\n  literals");
            let taken = self.files.iter().any(|(_, t)| known(t));
            let (name, behavior) = match (taken, self.dice.below(8)) {
                (true, 0..3) => ("conf", "  behavior: merge\n"),
                (true, 3..5) => ("conf", "  behavior: replace\n"),
                (true, _) => (dir, ""),
                _ => ("conf", ""),
            };
            let options = self.dice.pick(&[
                "",
                "  options: {disableNameSuffixHash: true}\n",
                "  options: {labels: {g: h}}\n",
                "  options: {immutable: true, annotations: {i: j}}\n",
            ]);
            out += &format!(
                "configMapGenerator:\n- name: {name}\n  literals: [k=v<>&, q='x']\n{behavior}{options}"
            );
        }
        if self.dice.one_in(6) {
            let env = "# comment\nU=v=w\n  L=é\nE\n".to_owned();
            self.files.push((format!("{dir}/env.txt"), env));
            out += "secretGenerator:\n- name: creds\n  envs: [env.txt]\n  files: [all=env.txt]\n";
        }
        if self.dice.one_in(10) {
            out += self.dice.pick(&[
                "generatorOptions: {disableNameSuffixHash: true}\n",
                "generatorOptions: {labels: {all: x}}\n",
            ]);
        }
        out
    }
}
