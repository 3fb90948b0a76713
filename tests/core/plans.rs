//! The planner and the proof on recorded real history.
//!
//! The cases lie beside the repository; where they are absent the test says so and passes.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that reads cases from disk and reports how many pass"
)]

#[path = "../recorded.rs"]
mod recorded;

use recant_core::proof::Collateral;
use recant_core::proof::Proof;
use recant_core::proof::prove;
use recant_core::revert::Form;
use recant_core::revert::FormPolicy;
use recant_core::revert::Plan;
use recant_core::revert::Undo;
use recant_core::revert::plan;
use recant_render::Cache;
use recant_render::Object;
use recant_render::ObjectId;
use recant_render::Readers;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;
use recorded::cases;
use recorded::tree;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Cases whose plan or collateral differs from the recorded one, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// One recorded case.
struct Case {
    name: String,
    good: Tree,
    head: Tree,
    root: Root,
    target: ObjectId,
    lines: usize,
    /// Root, kind, namespace and name.
    collateral: BTreeSet<[String; 4]>,
}

impl Case {
    fn read(dir: &Path) -> Self {
        let told: Value = serde_json::from_slice(&fs::read(dir.join("case.json")).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let good = tree(&dir.join("good"));
        let root = Root {
            path: text(&told["path"]),
            flux: None,
        };
        let named = |object: &Object| {
            let id = object.id();
            id.kind == told["kind"] && id.namespace == told["namespace"] && id.name == told["name"]
        };
        let rendered = render(&good, &root);
        let target = rendered.objects.iter().find(|o| named(o)).unwrap().id();
        let collateral = told["collateral"].as_array().unwrap().iter();
        Self {
            name: dir.file_name().unwrap().to_str().unwrap().to_owned(),
            good,
            head: tree(&dir.join("head")),
            root,
            target,
            lines: usize::try_from(told["lines"].as_u64().unwrap()).unwrap(),
            collateral: collateral.map(|c| [0, 1, 2, 3].map(|at| text(&c[at]))).collect(),
        }
    }

    fn undo(&self, form: FormPolicy) -> Undo<'_> {
        let mut undo = Undo::new(&self.good, &self.head, &self.root, &self.target);
        undo.form = form;
        undo
    }

    /// The roots that the recording counts: some are named by Flux objects that are not part of the case.
    fn deployed(&self) -> Vec<Root> {
        let root = |path: &String| Root {
            path: path.clone(),
            flux: None,
        };
        self.collateral.iter().map(|[path, ..]| root(path)).collect()
    }

    fn object(&self, tree: &Tree) -> Value {
        render(tree, &self.root).find(&self.target).unwrap().json()
    }

    fn proof(&self, plan: &Plan, more_roots: &[Root]) -> Proof {
        let after = plan.apply(&self.head);
        let want = self.object(&self.good);
        prove(&self.head, &after, &want, &self.root, &self.target, more_roots)
    }
}

fn moved(proof: &Proof) -> BTreeSet<[String; 4]> {
    let row = |c: &Collateral| {
        let id = &c.object;
        [&c.root, &id.kind, &id.namespace, &id.name].map(String::clone)
    };
    proof.collateral.iter().map(row).collect()
}

/// What is wrong with the shared revert of a case, one line each.
fn shared_faults(case: &Case) -> Vec<String> {
    let plan = match plan(&case.undo(FormPolicy::SharedOnly)) {
        Ok(plan) => plan,
        Err(none) => return vec![format!("no plan: {none}")],
    };
    let mut faults = Vec::new();
    let after = plan.apply(&case.head);
    let whole = |tree: &Tree| case.object(tree)["spec"].clone();
    if whole(&after) != whole(&case.good) {
        faults.push("the object's spec is not as it was".to_owned());
    }
    let lines = plan.lines_added().max(plan.lines_removed());
    if lines > case.lines {
        faults.push(format!("{lines} lines change, {} would do", case.lines));
    }
    let everywhere = moved(&case.proof(&plan, &case.deployed()));
    if everywhere != case.collateral {
        faults.push(format!(
            "collateral: told but not recorded {:?}, recorded but not told {:?}",
            everywhere.difference(&case.collateral).collect::<Vec<_>>(),
            case.collateral.difference(&everywhere).collect::<Vec<_>>()
        ));
    }
    let deployed = case.proof(&plan, &[]);
    if deployed.collateral.is_empty() != case.collateral.is_empty() {
        faults.push("whether others move depends on bases that nothing deploys".to_owned());
    }
    faults
}

/// What is wrong with the smallest form of a case, and which form that is.
fn form_faults(case: &Case) -> (Form, Vec<String>) {
    let plan = plan(&case.undo(FormPolicy::Smallest)).unwrap();
    let proof = case.proof(&plan, &[]);
    let mut faults = Vec::new();
    if !proof.restored {
        faults.push("the object does not come back".to_owned());
    }
    let explained = plan
        .notes
        .iter()
        .any(|note| note.starts_with("no pin is possible: "));
    match plan.form {
        Form::Pin if !proof.holds() => faults.push(format!("a pin that is not proved: {proof:?}")),
        Form::Revert if !case.collateral.is_empty() && !explained => {
            faults.push("others move, and nothing says why there is no pin".to_owned());
        }
        Form::Revert | Form::Pin => {}
    }
    (plan.form, faults)
}

#[test]
fn recorded_changes_of_real_repositories_are_undone_as_small_as_recorded_and_proved() {
    let (mut passed, mut pins, mut clean, mut shared) = (0, 0, 0, 0);
    let mut failed = Vec::new();
    for dir in cases("plans") {
        let case = Case::read(&dir);
        let mut faults = shared_faults(&case);
        let (form, more) = form_faults(&case);
        faults.extend(more);
        match form {
            Form::Pin => pins += 1,
            Form::Revert if case.collateral.is_empty() => clean += 1,
            Form::Revert => shared += 1,
        }
        match (faults.is_empty(), EXCEPTIONS.iter().any(|(n, _)| *n == case.name)) {
            (true, true) => failed.push(format!("{}: passes now; take it off the list", case.name)),
            (false, false) => failed.push(format!("{}: {}", case.name, faults.join("; "))),
            (true, false) => passed += 1,
            (false, true) => {}
        }
    }
    eprintln!(
        "plans: {passed} pass, {} fail; {clean} clean reverts, {pins} pins, {shared} shared",
        failed.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn what_recorded_roots_read_is_named_by_their_kustomizations() {
    let (mut roots, mut missed) = (0, Vec::new());
    for dir in cases("real").into_iter().chain(cases("krusty")) {
        let tree = tree(&dir.join("tree"));
        let path = fs::read_to_string(dir.join("path.txt")).unwrap();
        let root = Root {
            path: path.trim().trim_start_matches("./").trim_matches('/').to_owned(),
            flux: None,
        };
        roots += 1;
        let (mut readers, mut cache) = (Readers::new(&tree), Cache::default());
        for read in render(&tree, &root).reads {
            let path = if read.ends_with('/') {
                format!("{read}new.yaml")
            } else {
                read
            };
            if !readers.may_read(&root, &BTreeSet::from([path.clone()]), &mut cache) {
                missed.push(format!("{}: {path}", dir.display()));
            }
        }
    }
    eprintln!("reads: {roots} roots");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
