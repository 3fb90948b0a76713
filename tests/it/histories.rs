//! Random histories of the example repository: one bad bump somewhere among innocent commits. Whatever the history, the
//! revert is that one line, is proved, and leaves every other byte of the head as it is.

use crate::files;
use proptest::prelude::*;
use recant_core::proof::prove;
use recant_core::revert::Undo;
use recant_core::revert::plan;
use recant_render::ObjectId;
use recant_render::Root;
use recant_render::Tree;
use recant_render::render;

const OVERLAY: &str = "apps/my-cluster/kustomization.yaml";
const GOOD: &str = "    newTag: 6.7.0\n";

/// A commit that does not touch what podinfo runs, nor the line that says it. (A comment put right above that line goes
/// with it: that is the planner's rule.)
#[derive(Clone, Debug)]
enum Innocent {
    Greeting(String),
    FrontendTag(u8),
    LoadTag(u8),
    CanaryInterval(u8),
    CommentOnTop(String),
    CommentInTheBase(String),
    NewFile(String),
}

fn innocent() -> impl Strategy<Value = Innocent> {
    let words = "[a-z]{1,12}( [a-z]{1,8}){0,3}";
    prop_oneof![
        words.prop_map(Innocent::Greeting),
        any::<u8>().prop_map(Innocent::FrontendTag),
        any::<u8>().prop_map(Innocent::LoadTag),
        (1..60_u8).prop_map(Innocent::CanaryInterval),
        words.prop_map(Innocent::CommentOnTop),
        words.prop_map(Innocent::CommentInTheBase),
        "[a-z]{1,8}".prop_map(Innocent::NewFile),
    ]
}

impl Innocent {
    fn apply(&self, tree: &Tree) -> Tree {
        match self {
            Self::Greeting(words) => line(
                tree,
                "apps/base/frontend/deployment.yaml",
                "value: Hello",
                &format!("value: Hello {words}"),
            ),
            Self::FrontendTag(n) => tag(tree, "docker.io/stefanprodan/podinfo", &format!("6.6.{n}")),
            Self::LoadTag(n) => tag(tree, "docker.io/buoyantio/slow_cooker", &format!("1.2.{n}")),
            Self::CanaryInterval(s) => line(
                tree,
                "apps/base/podinfo/canary.yaml",
                "interval: ",
                &format!("interval: {s}s"),
            ),
            Self::CommentOnTop(words) => edit(tree, OVERLAY, |text| format!("# {words}\n{text}")),
            Self::CommentInTheBase(words) => edit(tree, "apps/base/podinfo/deployment.yaml", |text| {
                format!("# {words}\n{text}")
            }),
            Self::NewFile(name) => tree.with(&format!("docs/{name}.md"), b"# Notes\n"),
        }
    }
}

fn edit(tree: &Tree, file: &str, change: impl Fn(&str) -> String) -> Tree {
    tree.with(file, change(tree.text(file).unwrap()).as_bytes())
}

/// The first line of a file that begins so (after its indent) says this now.
fn line(tree: &Tree, file: &str, start: &str, now: &str) -> Tree {
    edit(tree, file, |text| {
        let old = text
            .lines()
            .find(|line| line.trim_start().starts_with(start))
            .unwrap();
        let indent = old.len() - old.trim_start().len();
        text.replacen(old, &format!("{}{now}", &old[..indent]), 1)
    })
}

/// The tag of another image.
fn tag(tree: &Tree, image: &str, tag: &str) -> Tree {
    edit(tree, OVERLAY, |text| {
        let at = text.find(&format!("name: {image}\n")).unwrap();
        let (before, after) = text.split_at(at);
        let old = after.lines().nth(1).unwrap();
        format!(
            "{before}{}",
            after.replacen(old, &format!("    newTag: {tag}"), 1)
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_came_before_and_after_the_revert_of_a_bad_bump_is_its_one_line(
        before in prop::collection::vec(innocent(), 0..4),
        with in prop::collection::vec(innocent(), 0..3),
        after in prop::collection::vec(innocent(), 0..4),
        bad in "[7-9]\\.[0-9]{1,2}\\.[0-9]{1,2}",
    ) {
        let play = |tree: Tree, commits: &[Innocent]| commits.iter().fold(tree, |tree, commit| commit.apply(&tree));
        let good = play(files::tree("examples-repo"), &before);
        let bumped = edit(&good, OVERLAY, |text| text.replacen(GOOD, &format!("    newTag: {bad}\n"), 1));
        let head = play(play(bumped, &with), &after);
        let root = Root { path: "apps/my-cluster".to_owned(), flux: None };
        let target = ObjectId {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: "test".to_owned(),
            name: "podinfo".to_owned(),
        };

        let plan = plan(&Undo::new(&good, &head, &root, &target)).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let reverted = plan.apply(&head);
        prop_assert_eq!((plan.files.len(), plan.lines_added(), plan.lines_removed()), (1, 1, 1));
        let wanted = edit(&head, OVERLAY, |text| text.replacen(&format!("    newTag: {bad}\n"), GOOD, 1));
        prop_assert_eq!(reverted.changed(&wanted), Vec::<String>::new());

        let want = render(&good, &root).find(&target).unwrap().json();
        let proof = prove(&head, &reverted, &want, &root, &target, &[]);
        prop_assert!(proof.holds(), "{:?}", proof);
    }
}
