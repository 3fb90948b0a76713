//! A fleet of manifests, and changes of it, each known to touch the web Deployment's pod template or not.

use crate::dice::Dice;
use recant_render::Tree;
use std::collections::BTreeMap;

/// How a file is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) crlf: bool,
    pub(crate) bom: bool,
    pub(crate) unended: bool,
}

/// A file, which keeps its name in this model when it is renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) lines: Vec<String>,
    pub(crate) look: Look,
}

pub(crate) type Files = BTreeMap<&'static str, File>;

/// The files as a tree.
pub(crate) fn tree(files: &Files) -> Tree {
    Tree::of(files.values().map(|file| (file.path.clone(), text(file))))
}

fn text(file: &File) -> String {
    let end = if file.look.crlf { "\r\n" } else { "\n" };
    let mut text: String = file.lines.iter().flat_map(|line| [line.as_str(), end]).collect();
    if file.look.unended {
        text.truncate(text.len() - end.len());
    }
    if file.look.bom {
        text.insert(0, '\u{feff}');
    }
    text
}

/// What a fleet may have beside the plain thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Has {
    Always,
    /// A component that both overlays take in.
    Component,
    /// A ConfigMap made of an env file, read by the web Deployment.
    Generator,
    /// `images:` in the overlays.
    Images,
    /// Patches of the overlay: a file, an inline one, a JSON 6902 one.
    Patches,
    /// A replacement that brings a ConfigMap's value into the Deployment.
    Replacement,
    /// The manifests of web in one file of several documents.
    Documents,
    /// A manifest in JSON.
    Json,
    /// Anchors and aliases.
    Anchors,
    /// `labels:` that reach templates, and a name prefix.
    Labels,
    /// A Flux HelmRelease.
    Helm,
}

pub(crate) const FEATURES: [Has; 10] = [
    Has::Component,
    Has::Generator,
    Has::Images,
    Has::Patches,
    Has::Replacement,
    Has::Documents,
    Has::Json,
    Has::Anchors,
    Has::Labels,
    Has::Helm,
];

/// The fleet with these features.
pub(crate) fn fleet(has: &[Has], dice: &mut Dice) -> Files {
    let has = |feature| has.contains(&feature);
    let mut fleet = Fleet {
        files: Files::new(),
        dice,
    };
    fleet.base(&has);
    for env in ["prod", "staging"] {
        fleet.overlay(env, &has);
    }
    fleet.extras(&has);
    fleet.files
}

struct Fleet<'d> {
    files: Files,
    dice: &'d mut Dice,
}

impl Fleet<'_> {
    fn put(&mut self, id: &'static str, path: &str, text: &str) {
        let look = Look {
            crlf: self.dice.one_in(8),
            bom: self.dice.one_in(30),
            unended: self.dice.one_in(8),
        };
        let lines = text.lines().map(str::to_owned).collect();
        let path = path.to_owned();
        self.files.insert(id, File { path, lines, look });
    }

    fn base(&mut self, has: &impl Fn(Has) -> bool) {
        let mut web = String::from("# The shop's front.\n");
        web += "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels:\n    tier: front\nspec:\n  replicas: 2 # two will do\n  \
            selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - \
            name: web\n";
        web += if has(Has::Anchors) {
            "        image: &image ghcr.io/shop/web:1.0\n"
        } else {
            "        image: ghcr.io/shop/web:1.0   # the shop\n"
        };
        web +=
            "        args: [--level=info, --colour]\n        env:\n        - name: A\n          value: one\n";
        web += if has(Has::Anchors) {
            "        - name: IMAGE\n          value: *image\n"
        } else {
            "        - name: B\n          value: \"two\"\n"
        };
        if has(Has::Replacement) {
            web += "        - name: SIZE\n          value: unset\n";
        }
        if has(Has::Generator) {
            web += "        envFrom:\n        - configMapRef:\n            name: params\n";
        }
        web += "      - name: sidecar\n        image: sidecar:1\n";
        let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector: {app: web}\n  ports:\n  - port: 80\n";
        let mut entries = String::from("- web.yaml\n");
        if has(Has::Documents) {
            web = format!(
                "{service}---\n{web}---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web\n"
            );
        } else {
            self.put("service", "base/service.yaml", service);
            entries += "- service.yaml\n";
        }
        self.put("web", "base/web.yaml", &web);
        let api = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      containers:\n      - name: api\n        \
            image: ghcr.io/shop/api:1.0\n        env:\n        - name: A\n          value: one\n";
        self.put("api", "base/api.yaml", api);
        entries += "- api.yaml\n";
        if has(Has::Json) {
            let json = "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"ConfigMap\",\n  \"metadata\": {\"name\": \"sizes\"},\n  \"data\": {\n    \"size\": \"1\",\n    \"other\": \"1\"\n  }\n}\n";
            self.put("sizes", "base/sizes.json", json);
            entries += "- sizes.json\n";
        } else {
            let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: sizes\ndata:\n  size: \"1\"\n  other: \"1\"\n";
            self.put("sizes", "base/sizes.yaml", yaml);
            entries += "- sizes.yaml\n";
        }
        if has(Has::Helm) {
            entries += "- cache.yaml\n";
        }
        let mut base = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{entries}"
        );
        if has(Has::Generator) {
            base += "configMapGenerator:\n- name: params\n  envs:\n  - params.env\n";
            self.put("params", "base/params.env", "COLOUR=blue\nSIZE=1\n");
        }
        if has(Has::Replacement) {
            base += "replacements:\n- source:\n    kind: ConfigMap\n    name: sizes\n    fieldPath: data.size\n  targets:\n  - select:\n      \
                kind: Deployment\n      name: web\n    fieldPaths:\n    - spec.template.spec.containers.[name=web].env.[name=SIZE].value\n";
        }
        self.put("base", "base/kustomization.yaml", &base);
    }

    fn overlay(&mut self, env: &'static str, has: &impl Fn(Has) -> bool) {
        let mut k = format!(
            "# {env} of the shop\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {env}\n"
        );
        k += "resources:\n- ../base\n";
        if has(Has::Component) {
            k += "components:\n- ../common\n";
        }
        if has(Has::Labels) {
            k += "namePrefix: shop-\nlabels:\n- pairs:\n    team: one\n  includeTemplates: true\n";
        }
        if has(Has::Patches) {
            k += "patches:\n- path: memory.yaml\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata:\n      name: web\n    spec:\n      \
                template:\n        spec:\n          hostname: front\n- target:\n    kind: Deployment\n    name: web\n  patch: |-\n    - op: add\n      path: \
                /spec/template/spec/priority\n      value: 5\n";
        }
        if has(Has::Images) {
            k += "images:\n- name: sidecar\n  newTag: \"1.1\"\n- name: ghcr.io/shop/api\n  newTag: v1\n";
        }
        let prod = env == "prod";
        self.put(
            if prod { "prod" } else { "staging" },
            &format!("{env}/kustomization.yaml"),
            &k,
        );
        if has(Has::Patches) {
            let memory = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        \
                resources:\n          limits:\n            memory: 64Mi\n";
            let id = if prod { "prod-memory" } else { "staging-memory" };
            self.put(id, &format!("{env}/memory.yaml"), memory);
        }
    }

    fn extras(&mut self, has: &impl Fn(Has) -> bool) {
        self.put("readme", "README.md", "# A fleet\n\nNot for sailing.\n");
        if has(Has::Component) {
            let k = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: pull.yaml\n  target:\n    kind: Deployment\n    name: web\n";
            self.put("common", "common/kustomization.yaml", k);
            let pull = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: any\nspec:\n  template:\n    spec:\n      restartPolicy: Always\n";
            self.put("pull", "common/pull.yaml", pull);
        }
        if has(Has::Helm) {
            let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: cache\nspec:\n  interval: 5m\n  chart:\n    spec:\n      chart: \
                cache\n      version: 1.2.3\n      sourceRef: {kind: HelmRepository, name: charts}\n  values:\n    image:\n      repository: ghcr.io/shop/cache\n      \
                tag: v1 # the cache\n    resources:\n      limits: {memory: 64Mi}\n    hosts:\n    - a.example.org\n    - b.example.org\n";
            self.put("cache", "base/cache.yaml", release);
        }
    }
}
