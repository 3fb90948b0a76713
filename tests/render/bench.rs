//! How long rendering takes, beside the real binary when it is there: `cargo bench -p recant-render`.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark"
)]

use recant_render::Cache;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use recant_render::render_with;
use recant_render::roots_with;
use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

type Files = Vec<(String, String)>;

fn deployment(name: &str) -> String {
    let mut env = String::new();
    for n in 0..8 {
        let _ = writeln!(env, "        - {{name: VAR_{n}, value: \"{n}\"}}");
    }
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\nspec:\n  replicas: 2\n  \
         selector:\n    matchLabels: {{app: {name}}}\n  template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      \
         containers:\n      - name: main\n        image: example.org/{name}:1.0 # comment\n        ports:\n        - \
         containerPort: 8080\n        env:\n{env}        envFrom:\n        - configMapRef: {{name: conf}}\n      volumes:\n      - \
         name: conf\n        configMap: {{name: conf}}\n"
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector: {{app: {name}}}\n  ports:\n  - port: 80\n"
    )
}

/// An app as most are: a workload, a service, a config.
fn app() -> Files {
    vec![
        (
            "app/kustomization.yaml".to_owned(),
            "namespace: web\nresources:\n- deployment.yaml\n- service.yaml\n".to_owned(),
        ),
        ("app/deployment.yaml".to_owned(), deployment("web")),
        ("app/service.yaml".to_owned(), service("web")),
    ]
}

/// A base of ten objects and an overlay that uses everything common.
fn overlay(files: &mut Files, name: &str) {
    files.push((
        format!("{name}/kustomization.yaml"),
        format!(
            "resources: [../base]\nnamespace: {name}\nnamePrefix: {name}-\ncommonLabels: {{env: {name}}}\nimages:\n- name: \
             example.org/w0\n  newTag: \"2\"\nconfigMapGenerator:\n- name: conf\n  literals: [a=b]\npatches:\n- patch: |\n    \
             apiVersion: apps/v1\n    kind: Deployment\n    metadata: {{name: w1}}\n    spec: {{replicas: 5}}\n- target: {{kind: \
             Deployment, name: w2}}\n  patch: |\n    - {{op: add, path: /spec/paused, value: true}}\n"
        ),
    ));
}

fn base(files: &mut Files) {
    let mut list = String::from("resources:\n");
    for n in 0..5 {
        let name = format!("w{n}");
        let _ = writeln!(list, "- {name}.yaml\n- s{n}.yaml");
        files.push((format!("base/{name}.yaml"), deployment(&name)));
        files.push((format!("base/s{n}.yaml"), service(&name)));
    }
    files.push(("base/kustomization.yaml".to_owned(), list));
}

fn one_overlay() -> Files {
    let mut files = Vec::new();
    base(&mut files);
    overlay(&mut files, "prod");
    files
}

fn fifty_overlays() -> Files {
    let mut files = Vec::new();
    base(&mut files);
    let mut list = String::from("resources:\n");
    for n in 0..50 {
        overlay(&mut files, &format!("o{n}"));
        let _ = writeln!(list, "- ../o{n}");
    }
    files.push(("all/kustomization.yaml".to_owned(), list));
    files
}

fn best(times: usize, mut run: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..times {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed());
    }
    best
}

fn binary(files: &Files, path: &str) -> Option<Duration> {
    let dir = std::env::temp_dir().join("recant-bench");
    let _ = fs::remove_dir_all(&dir);
    for (name, text) in files {
        let file = dir.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let run = || {
        let mut command = Command::new("kubectl");
        command.args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"]);
        command.arg(dir.join(path)).output()
    };
    run().ok().filter(|out| out.status.success())?;
    Some(best(2, || {
        let _ = run();
    }))
}

fn measure(what: &str, files: &Files, path: &str) {
    let tree = Tree::of(files.iter().map(|(p, t)| (p.as_str(), t)));
    let root = Root {
        path: path.to_owned(),
        flux: None,
    };
    let rendered = render(&tree, &root);
    assert!(rendered.ok(), "{:?}", rendered.problems);
    let cold = best(10, || drop(render(&tree, &root)));
    let mut cache = Cache::default();
    let warm = best(20, || drop(render_with(&tree, &root, &mut cache)));
    let theirs = binary(files, path).map_or_else(|| "no kubectl".to_owned(), |t| format!("{t:.1?}"));
    println!(
        "{what:<34} {:>4} objects  warm {warm:>9.1?}  cold {cold:>9.1?}  kubectl {theirs}",
        rendered.objects.len()
    );
}

fn main() {
    measure("a typical app", &app(), "app");
    measure("an overlay of ten objects", &one_overlay(), "prod");
    measure("fifty overlays in one root", &fifty_overlays(), "all");
    let mut files = Vec::new();
    for n in 0..3_000 {
        for (name, text) in app() {
            files.push((name.replace("app/", &format!("apps/a{n}/")), text));
        }
    }
    let tree = Tree::of(files);
    let mut cache = Cache::default();
    let start = Instant::now();
    let roots = roots_with(&tree, &mut cache);
    let found = start.elapsed();
    let start = Instant::now();
    roots
        .iter()
        .for_each(|root| drop(render_with(&tree, root, &mut cache)));
    let cold = start.elapsed();
    let start = Instant::now();
    roots
        .iter()
        .for_each(|root| drop(render_with(&tree, root, &mut cache)));
    println!(
        "{} roots: found in {found:.1?}, rendered cold in {cold:.1?}, warm in {:.1?}",
        roots.len(),
        start.elapsed()
    );
}
