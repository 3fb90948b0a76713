use super::*;

fn scanned(text: &str) -> Scope {
    let root = Root {
        path: "prod".to_owned(),
        flux: None,
    };
    scan(&Tree::fixture(text), &root, &mut Cache::default())
}

fn told(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_other_programs_must_do_is_found_wherever_it_is_pulled_in() {
    let table = [
        (
            "resources: [../base]\n",
            "//- /base/kustomization.yaml\nresources:\n- https://example.org/x.yaml\n",
            "base/kustomization.yaml:2",
        ),
        (
            "resources: [a.yaml]\nhelmCharts:\n- name: x\n",
            "",
            "prod/kustomization.yaml:3",
        ),
        (
            "components: [../base]\n",
            "//- /base/kustomization.yaml\nkind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ngenerators: [x.yaml]\n",
            "base/kustomization.yaml:3",
        ),
        (
            "resources: [a.yaml]\npatches:\n- path: https://example.org/patch.yaml\n",
            "",
            "prod/kustomization.yaml:3",
        ),
        (
            "resources: [a.yaml]\ntransformers: [fn.yaml]\n",
            "//- /prod/fn.yaml\napiVersion: example.org/v1\nkind: Fn\nmetadata: {name: x}\n",
            "prod/fn.yaml:1",
        ),
    ];
    for (kustomization, more, place) in table {
        let scope = scanned(&format!("//- /prod/kustomization.yaml\n{kustomization}{more}"));
        let told = told(&scope.beyond);
        assert_eq!(told.len(), 1, "{kustomization}: {told:?}");
        assert!(told[0].starts_with(place), "{kustomization}: {told:?}");
    }
}

#[test]
fn what_lies_in_the_tree_is_within_scope() {
    let scope = scanned(
        "//- /prod/kustomization.yaml\nresources: [../base, a.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  kind: LabelTransformer\n  \
         metadata: {name: x}\n//- /base/kustomization.yaml\nresources: [b.yaml]\n",
    );
    assert_eq!((told(&scope.beyond), told(&scope.restricted)), (vec![], vec![]));
}

#[test]
fn files_outside_of_their_kustomization_are_told() {
    let scope = scanned(
        "//- /prod/kustomization.yaml\nresources:\n- ../base/web.yaml\npatches:\n- path: ../base/patch.yaml\nconfigMapGenerator:\n- name: \
         c\n  files: [x=../base/x.txt, own.txt]\n//- /base/web.yaml\n//- /base/patch.yaml\n//- /base/x.txt\n//- /prod/own.txt\n",
    );
    let lines: Vec<Option<usize>> = scope.restricted.iter().map(|p| p.line).collect();
    assert_eq!(
        lines,
        [Some(2), Some(4), Some(7)],
        "{:?}",
        told(&scope.restricted)
    );
}
