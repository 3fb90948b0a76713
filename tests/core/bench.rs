//! How long a plan and its proof take, beside the real binary when it is there: `cargo bench -p recant-core`.
//!
//! A repository of 1,000 apps in three environments, each deployed by a Flux Kustomization: 3,003 roots and 9,005 files.
//! Between the good state and head lie 60 commits, one of them guilty.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark"
)]

use recant_core::proof::Claim;
use recant_core::proof::Proof;
use recant_core::proof::prove_with;
use recant_core::revert::FormPolicy;
use recant_core::revert::Plan;
use recant_core::revert::Undo;
use recant_core::revert::plan;
use recant_render::Cache;
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::Rendered;
use recant_render::Root;
use recant_render::Tree;
use recant_render::flux::Kustomization;
use recant_render::render;
use recant_render::yaml::Document;
use std::fs;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

const APPS: usize = 1_000;
const COMMITS: usize = 60;
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
/// The app that goes bad.
const APP: usize = 500;

fn fleet() -> Tree {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut put = |path: String, text: String| files.push((path, text));
    put(
        "common/kustomization.yaml".to_owned(),
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: limits.yaml\n  target: \
         {kind: Deployment}\n"
            .to_owned(),
    );
    put(
        "common/limits.yaml".to_owned(),
        "- op: add\n  path: /spec/template/spec/containers/0/resources\n  value: {limits: {memory: 64Mi}}\n"
            .to_owned(),
    );
    for env in ENVIRONMENTS {
        put(
            format!("clusters/{env}/flux-system/sync.yaml"),
            flux("flux-system", &format!("./clusters/{env}")),
        );
    }
    for n in 0..APPS {
        put(
            format!("base/a{n}/kustomization.yaml"),
            "resources:\n- deployment.yaml\n- service.yaml\n".to_owned(),
        );
        put(format!("base/a{n}/deployment.yaml"), deployment(&format!("a{n}")));
        put(
            format!("base/a{n}/service.yaml"),
            format!(
                "apiVersion: v1\nkind: Service\nmetadata:\n  name: a{n}\nspec:\n  selector: {{app: a{n}}}\n  ports:\n  - port: 80\n"
            ),
        );
        for env in ENVIRONMENTS {
            let up = "../../..";
            put(
                format!("apps/{env}/a{n}/kustomization.yaml"),
                format!(
                    "namespace: {env}\nresources:\n- {up}/base/a{n}\ncomponents:\n- {up}/common\nimages:\n- name: \
                     example.org/a{n}\n  newTag: \"1.0\"\n"
                ),
            );
            put(
                format!("clusters/{env}/a{n}.yaml"),
                flux(&format!("a{n}"), &format!("./apps/{env}/a{n}")),
            );
        }
    }
    Tree::of(files)
}

fn deployment(name: &str) -> String {
    let env: String = (0..8)
        .map(|n| format!("        - {{name: VAR_{n}, value: \"{n}\"}}\n"))
        .collect();
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\nspec:\n  replicas: 2\n  \
         selector:\n    matchLabels: {{app: {name}}}\n  template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      \
         containers:\n      - name: main\n        image: example.org/{name}\n        ports:\n        - containerPort: 8080\n        \
         env:\n{env}"
    )
}

fn flux(name: &str, path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: \
         flux-system\nspec:\n  interval: 10m\n  path: {path}\n  prune: true\n  sourceRef: {{kind: GitRepository, name: \
         flux-system}}\n"
    )
}

fn edited(tree: &Tree, path: &str, old: &str, new: &str) -> Tree {
    let text = tree.text(path).unwrap();
    assert!(text.contains(old), "{old} in {path}");
    tree.with(path, text.replacen(old, new, 1).as_bytes())
}

/// Sixty commits over the fleet, each of another app, and the guilty one in their midst.
fn history(good: &Tree, guilty: (&str, &str, &str)) -> Tree {
    let mut tree = good.clone();
    for n in 0..COMMITS {
        let app = (n * 37 + 3) % APPS;
        tree = match n % 4 {
            _ if n == COMMITS / 2 => edited(&tree, guilty.0, guilty.1, guilty.2),
            0 => edited(
                &tree,
                &format!("apps/prod/a{app}/kustomization.yaml"),
                "\"1.0\"",
                "\"2.0\"",
            ),
            1 => edited(
                &tree,
                &format!("base/a{app}/deployment.yaml"),
                "replicas: 2",
                "replicas: 3",
            ),
            2 => edited(
                &tree,
                &format!("base/a{app}/deployment.yaml"),
                "value: \"5\"",
                "value: \"6\"",
            ),
            _ => tree.with(&format!("docs/{n}.md"), b"# Notes\n"),
        };
    }
    // As if read from Git: one layer.
    Tree::new(tree.iter().map(|(path, entry)| (path.to_owned(), entry.clone())))
}

struct Job {
    good: Tree,
    head: Tree,
    root: Root,
    target: ObjectId,
}

impl Job {
    fn new(good: &Tree, guilty: (&str, &str, &str)) -> Self {
        let path = format!("apps/prod/a{APP}");
        let declared = good.bytes(&format!("clusters/prod/a{APP}.yaml")).unwrap();
        let object = Document::read(declared).unwrap()[0].json().unwrap();
        Self {
            good: good.clone(),
            head: history(good, guilty),
            root: Root {
                path,
                flux: Some(Kustomization::from_json(&object).unwrap()),
            },
            target: ObjectId {
                group: "apps".to_owned(),
                version: "v1".to_owned(),
                kind: "Deployment".to_owned(),
                namespace: "prod".to_owned(),
                name: format!("a{APP}"),
            },
        }
    }

    /// Plans and proves, with what the cache knows already.
    fn run(&self, form: FormPolicy, cache: Cache) -> (Plan, Proof, Cache) {
        let mut undo = Undo::new(&self.good, &self.head, &self.root, &self.target).with_cache(cache);
        undo.form = form;
        let plan = plan(&undo).unwrap();
        let mut cache = undo.into_cache();
        let want = render(&self.good, &self.root)
            .find(&self.target)
            .map(Object::json)
            .unwrap();
        let after = plan.apply(&self.head);
        let claim = Claim {
            head: &self.head,
            after: &after,
            want: &want,
            root: &self.root,
            target: &self.target,
            more_roots: &[],
            carriers: &plan.carriers,
        };
        let proof = prove_with(&claim, &mut cache);
        (plan, proof, cache)
    }

    /// The real binary over the roots that the proof looked at, before and after: what a proof by it would cost.
    fn binary(&self, plan: &Plan, proof: &Proof) -> Option<(usize, Duration)> {
        let dir = std::env::temp_dir().join(format!("recant-plan-bench-{}", std::process::id()));
        let mut spent = Duration::ZERO;
        let mut builds = 0;
        let roots = proof.roots.iter().take(20);
        let rooted = |path: &String| Root {
            path: path.clone(),
            flux: None,
        };
        for tree in [&self.head, &plan.apply(&self.head)] {
            let _ = fs::remove_dir_all(&dir);
            let rendered: Vec<Rendered> = roots.clone().map(|root| render(tree, &rooted(root))).collect();
            let is_read = |path: &str| rendered.iter().any(|r| r.looks_at(path));
            for (path, _) in tree.iter().filter(|(path, _)| is_read(path)) {
                let file = dir.join(path);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, tree.bytes(path).unwrap()).unwrap();
            }
            for root in roots.clone() {
                let start = Instant::now();
                let mut command = Command::new("kubectl");
                command.args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"]);
                let out = command.arg(dir.join(root)).output();
                spent += start.elapsed();
                builds += 1;
                out.ok().filter(|out| out.status.success())?;
            }
        }
        let _ = fs::remove_dir_all(&dir);
        Some((builds, spent))
    }
}

fn measure(what: &str, job: &Job, form: FormPolicy) {
    let start = Instant::now();
    let (plan, proof, mut cache) = job.run(form, Cache::default());
    let cold = start.elapsed();
    let mut warm = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        let again = job.run(form, cache);
        warm = warm.min(start.elapsed());
        assert_eq!((&again.0, &again.1), (&plan, &proof));
        cache = again.2;
    }
    let theirs = job.binary(&plan, &proof).map_or_else(
        || "no kubectl".to_owned(),
        |(builds, spent)| {
            let all = spent * (2 * proof.roots.len()) as u32 / builds as u32;
            format!("{all:.1?} ({builds} builds taken)")
        },
    );
    println!(
        "{what:<44} {:?} {} lines, {} roots read it, proved {:<5}  warm {warm:>9.1?}  cold {cold:>9.1?}  kubectl {theirs}",
        plan.form,
        plan.lines.len(),
        proof.roots.len(),
        proof.holds(),
    );
}

fn main() {
    let good = fleet();
    println!("{} files, {} commits", good.iter().count(), COMMITS);
    let overlay = format!("apps/prod/a{APP}/kustomization.yaml");
    let base = format!("base/a{APP}/deployment.yaml");
    let table = [
        (
            "a tag in the overlay",
            (overlay.as_str(), "\"1.0\"", "\"9.9\""),
            FormPolicy::Smallest,
        ),
        (
            "a line of a base: pinned",
            (base.as_str(), "value: \"3\"", "value: \"bad\""),
            FormPolicy::Smallest,
        ),
        (
            "a line of a base: shared",
            (base.as_str(), "value: \"3\"", "value: \"bad\""),
            FormPolicy::SharedOnly,
        ),
        (
            "a line that all 3,000 roots read: shared",
            ("common/limits.yaml", "64Mi", "64Ki"),
            FormPolicy::SharedOnly,
        ),
        (
            "a line that all 3,000 roots read: pinned",
            ("common/limits.yaml", "64Mi", "64Ki"),
            FormPolicy::Smallest,
        ),
    ];
    // As libtest has it: `cargo bench -p recant-core -- shared` measures what has it in its name.
    let asked = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    for (what, guilty, form) in table
        .into_iter()
        .filter(|(what, ..)| asked.as_ref().is_none_or(|a| what.contains(a)))
    {
        measure(what, &Job::new(&good, guilty), form);
    }
}
