use super::*;

/// The units between two trees, each as its pieces: `file: -head lines +good lines`, or `whole: files`.
fn units(good: &str, head: &str) -> Vec<String> {
    let (good, head) = (Tree::fixture(good), Tree::fixture(head));
    let atoms = Atoms::between(&good, &head, |_| true);
    let lines = |text: &Text<'_>, range: &Range<usize>| {
        let bodies = text.lines[range.clone()].iter();
        bodies
            .map(|l| String::from_utf8_lossy(l.body).trim().to_owned())
            .collect::<Vec<_>>()
            .join("|")
    };
    let show = |atom: &Atom| match atom {
        Atom::Whole { files } => format!("whole {}", files.join(" ")),
        Atom::Lines { file, head, good } => {
            let pair = &atoms.pairs[file];
            format!(
                "{file} -[{}] +[{}]",
                lines(&pair.head, head),
                lines(&pair.good, good)
            )
        }
    };
    let all = 0..atoms.len();
    all.map(|unit| atoms.unit(unit).map(show).collect::<Vec<_>>().join("; "))
        .collect()
}

#[test]
fn changed_lines_are_pieces_of_their_own() {
    let got = units(
        "//- /a.yaml\nx: 1\ny: 1\nz: 1\n",
        "//- /a.yaml\nx: 2\ny: 1\nz: 2\n",
    );
    assert_eq!(got, ["a.yaml -[x: 2] +[x: 1]", "a.yaml -[z: 2] +[z: 1]"]);
}

#[test]
fn an_added_file_goes_only_with_the_line_that_names_it() {
    let got = units(
        "//- /k/kustomization.yaml\nresources:\n  - a.yaml\n//- /k/a.yaml\nx: 1\n",
        "//- /k/kustomization.yaml\nresources:\n  - a.yaml\n  - b.yaml # new\n//- /k/a.yaml\nx: 1\n//- /k/b.yaml\ny: 1\n",
    );
    assert_eq!(
        got,
        ["whole k/b.yaml; k/kustomization.yaml -[- b.yaml # new] +[]"]
    );
}

#[test]
fn a_deleted_directory_comes_back_with_all_its_files_and_the_line_that_named_it() {
    let got = units(
        "//- /o/kustomization.yaml\nresources: \n- ../base\n- ../extra\n//- /extra/kustomization.yaml\nresources: [a.yaml]\n//- /extra/a.yaml\nx: 1\n",
        "//- /o/kustomization.yaml\nresources: \n- ../base\n",
    );
    assert_eq!(
        got,
        ["whole extra/a.yaml; whole extra/kustomization.yaml; o/kustomization.yaml -[] +[- ../extra]"]
    );
}

#[test]
fn a_renamed_file_is_one_piece_and_its_changed_lines_are_others() {
    let got = units(
        "//- /old.yaml\na: 1\nb: 1\nc: 1\nd: 1\n",
        "//- /new.yaml\na: 1\nb: 2\nc: 1\nd: 1\n",
    );
    assert_eq!(got, ["whole old.yaml new.yaml", "new.yaml -[b: 2] +[b: 1]"]);
}

#[test]
fn encrypted_and_binary_files_are_only_restored_whole() {
    let sealed =
        |value: &str| format!("//- /s.yaml\ndata:\n  a: {value}\n  b: {value}\nsops:\n  mac: {value}\n");
    assert_eq!(units(&sealed("ENC[1]"), &sealed("ENC[2]")), ["whole s.yaml"]);
    assert_eq!(units("//- /b\na\0\nx\n", "//- /b\na\0\ny\n"), ["whole b"]);
}

#[test]
fn what_no_line_says_can_be_restored_with_the_file() {
    let got = units("//- /a.yaml\nx: 1\ny: 1\n", "//- /a.yaml\nx: 2\r\ny: 1\r\n");
    assert_eq!(got, ["whole a.yaml", "a.yaml -[x: 2] +[x: 1]"]);
    let (good, head) = (
        Tree::fixture("//- /a.yaml\nx: 1\ny: 1\n//- /b.yaml\n"),
        Tree::fixture("//- /a.yaml\nx: 2\r\ny: 1\r\n"),
    );
    assert_eq!(Atoms::between(&good, &head, |_| true).doubled(), Set::from([0]));
    assert_eq!(
        units("//- /a.yaml\nx: 1\n", "//- /a.yaml\n\u{feff}x: 1\n"),
        ["whole a.yaml"]
    );
}

#[test]
fn a_block_does_not_go_without_the_line_that_opens_it() {
    let good = Tree::fixture("//- /kustomization.yaml\nresources: []\n");
    let head = Tree::fixture("//- /kustomization.yaml\nresources: []\nimages:\n- name: a\n  newTag: b\n");
    let atoms = Atoms::between(&good, &head, |_| true);
    let unit_of = |text: &str| {
        let says = |atom: &Atom| matches!(atom, Atom::Lines { head, .. } if atoms.pairs["kustomization.yaml"].head.lines[head.start].body == text.as_bytes());
        (0..atoms.len()).find(|unit| atoms.unit(*unit).any(says))
    };
    let opener = unit_of("images:");
    let inside: Set = (0..atoms.len()).filter(|unit| Some(*unit) != opener).collect();
    assert!(atoms.leaves_half(&inside));
    assert!(!atoms.leaves_half(&atoms.all()));
    assert_eq!(atoms.apply(&atoms.all()), good);
}

#[test]
fn undoing_everything_is_the_good_tree() {
    let good = "//- /a.yaml\nx: 1\n# why\ny: 1\n//- /gone.yaml\nz: 1\n//- /kustomization.yaml\nresources:\n- a.yaml\n- gone.yaml\n";
    let head = "//- /a.yaml\ny: 2\nw: 1\n//- /came.yaml\nv: 9\n//- /kustomization.yaml\nresources:\n- a.yaml\n- came.yaml\n";
    let (good, head) = (Tree::fixture(good), Tree::fixture(head));
    let atoms = Atoms::between(&good, &head, |_| true);
    assert_eq!(atoms.apply(&atoms.all()), good);
    assert_eq!(atoms.apply(&Set::new()), head);
}
