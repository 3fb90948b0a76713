//! What can happen to a fleet between the good state and head.

use super::fleet::File;
use super::fleet::Files;
use super::fleet::Has;
use super::fleet::Look;

/// One change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// The first line that begins so becomes these lines.
    Line(&'static str, &'static str, &'static [&'static str]),
    /// These lines come before the first line that begins so.
    Before(&'static str, &'static str, &'static [&'static str]),
    /// These lines come after it.
    After(&'static str, &'static str, &'static [&'static str]),
    /// The lines from the one that begins so, so many of them, go away.
    Cut(&'static str, &'static str, usize),
    /// A new file.
    Add(&'static str, &'static str, &'static str),
    /// A file goes away.
    Remove(&'static str),
    /// A file gets another path.
    Rename(&'static str, &'static str),
    /// A file gets the other line ends, another first or last byte.
    Look(&'static str, Look),
}

/// What a change is to the object that is to be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// It changes the web Deployment's template in prod.
    Web,
    /// It changes the HelmRelease.
    Cache,
    /// It changes nothing of either.
    Nobody,
}

/// Changes that come together, as one commit would bring them.
pub(crate) struct Commit {
    pub(crate) needs: Has,
    pub(crate) to: To,
    pub(crate) changes: &'static [Change],
}

const fn commit(needs: Has, to: To, changes: &'static [Change]) -> Commit {
    Commit { needs, to, changes }
}

const CRLF: Look = Look {
    crlf: true,
    bom: false,
    unended: false,
};
const UNENDED: Look = Look {
    crlf: false,
    bom: false,
    unended: true,
};

const EXTRA_PATCH: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      hostNetwork: true\n";
const JOB: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: once\nspec:\n  template:\n    spec:\n      containers:\n      - name: once\n        image: busybox\n";

use Change::Add;
use Change::After;
use Change::Before;
use Change::Cut;
use Change::Line;
use Change::Look as Looks;
use Change::Remove;
use Change::Rename;
use Has::Always;
use To::Cache;
use To::Nobody;
use To::Web;

/// Everything that can happen, in the order in which it is done.
pub(crate) const COMMITS: &[Commit] = &[
    // Guilty: the web Deployment's template.
    commit(
        Always,
        Web,
        &[Line(
            "web",
            "        image: ghcr.io/shop/web:1.0",
            &["        image: ghcr.io/shop/web:2.0   # the shop"],
        )],
    ),
    commit(
        Has::Anchors,
        Web,
        &[Line(
            "web",
            "        image: &image",
            &["        image: &image ghcr.io/shop/web:2.0"],
        )],
    ),
    commit(
        Always,
        Web,
        &[Line(
            "web",
            "        args: [--level=info",
            &["        args: [--level=debug, --colour]"],
        )],
    ),
    commit(
        Always,
        Web,
        &[Line(
            "web",
            "          value: one",
            &["          value: \"one more\""],
        )],
    ),
    commit(
        Always,
        Web,
        &[After(
            "web",
            "          value: one",
            &["        - name: ADDED", "          value: \"1\""],
        )],
    ),
    commit(
        Always,
        Web,
        &[After("web", "        image: sidecar", &["        tty: true"])],
    ),
    commit(
        Always,
        Web,
        &[Line("web", "      - name: sidecar", &["      - name: side"])],
    ),
    commit(Always, Web, &[Cut("web", "      - name: sidecar", 2)]),
    commit(Has::Generator, Web, &[Line("params", "SIZE=", &["SIZE=100"])]),
    commit(
        Has::Generator,
        Web,
        &[After("params", "COLOUR=", &["SHAPE=round"])],
    ),
    commit(
        Has::Images,
        Web,
        &[Line("prod", "  newTag: \"1.1\"", &["  newTag: \"1.2\""])],
    ),
    commit(
        Has::Images,
        Web,
        &[Before(
            "prod",
            "- name: ghcr.io/shop/api",
            &["- name: ghcr.io/shop/web", "  newTag: \"9\""],
        )],
    ),
    commit(
        Has::Patches,
        Web,
        &[Line(
            "prod-memory",
            "            memory:",
            &["            memory: 64M"],
        )],
    ),
    commit(
        Has::Patches,
        Web,
        &[Line("prod", "          hostname:", &["          hostname: back"])],
    ),
    commit(
        Has::Patches,
        Web,
        &[Line("prod", "      value: 5", &["      value: 500"])],
    ),
    commit(
        Has::Patches,
        Web,
        &[
            Add("extra", "prod/extra.yaml", EXTRA_PATCH),
            After("prod", "- path: memory.yaml", &["- path: extra.yaml"]),
        ],
    ),
    commit(
        Has::Patches,
        Web,
        &[Remove("prod-memory"), Cut("prod", "- path: memory.yaml", 1)],
    ),
    commit(
        Has::Component,
        Web,
        &[Line(
            "pull",
            "      restartPolicy:",
            &["      restartPolicy: OnFailure"],
        )],
    ),
    commit(Has::Component, Web, &[Cut("prod", "components:", 2)]),
    commit(
        Has::Replacement,
        Web,
        &[Line("sizes", "  size:", &["  size: \"2\""])],
    ),
    commit(
        Has::Replacement,
        Web,
        &[Line("sizes", "    \"size\":", &["    \"size\": \"2\","])],
    ),
    commit(
        Has::Labels,
        Web,
        &[Line(
            "prod",
            "  includeTemplates:",
            &["  includeTemplates: false"],
        )],
    ),
    // Guilty: the HelmRelease.
    commit(
        Has::Helm,
        Cache,
        &[Line("cache", "      tag: v1", &["      tag: v2 # the cache"])],
    ),
    commit(
        Has::Helm,
        Cache,
        &[Line("cache", "      version:", &["      version: 1.3.0"])],
    ),
    commit(
        Has::Helm,
        Cache,
        &[Line("cache", "      limits:", &["      limits: {memory: 6Mi}"])],
    ),
    commit(
        Has::Helm,
        Cache,
        &[After("cache", "    - a.example.org", &["    - evil.example.org"])],
    ),
    // Innocent, some of it close by.
    commit(
        Always,
        Nobody,
        &[Line("web", "  replicas:", &["  replicas: 3 # three are better"])],
    ),
    commit(
        Always,
        Nobody,
        &[Line("web", "    tier:", &["    tier: \"edge\""])],
    ),
    commit(
        Always,
        Nobody,
        &[Line("web", "# The shop's front", &["# The shop's own front."])],
    ),
    commit(
        Always,
        Nobody,
        &[Before(
            "web",
            "        image: ghcr.io",
            &["        # which one?", "        # which one?"],
        )],
    ),
    commit(
        Always,
        Nobody,
        &[Before("web", "        args:", &["        # quite loud", ""])],
    ),
    commit(
        Always,
        Nobody,
        &[Line(
            "api",
            "        image:",
            &["        image: ghcr.io/shop/api:3.0"],
        )],
    ),
    commit(
        Always,
        Nobody,
        &[Line("api", "          value:", &["          value: two"])],
    ),
    commit(
        Always,
        Nobody,
        &[Before(
            "prod",
            "namespace:",
            &["# the real one", "# the real one"],
        )],
    ),
    commit(
        Always,
        Nobody,
        &[Line(
            "prod",
            "# prod of",
            &["# Production of the shop", "# Production of the shop"],
        )],
    ),
    commit(Always, Nobody, &[Add("notes", "docs/notes.md", "# Notes\n")]),
    commit(
        Always,
        Nobody,
        &[Line(
            "readme",
            "Not for",
            &["For sailing.", "", "And for rowing."],
        )],
    ),
    commit(
        Always,
        Nobody,
        &[
            Add("job", "base/job.yaml", JOB),
            After("base", "- api.yaml", &["- job.yaml"]),
        ],
    ),
    commit(
        Always,
        Nobody,
        &[
            Line("base", "- api.yaml", &["- backend.yaml"]),
            Rename("api", "base/backend.yaml"),
        ],
    ),
    commit(
        Always,
        Nobody,
        &[
            Line("base", "- web.yaml", &["- front.yaml"]),
            Rename("web", "base/front.yaml"),
        ],
    ),
    commit(Always, Nobody, &[Looks("web", CRLF)]),
    commit(Always, Nobody, &[Looks("prod", CRLF)]),
    commit(Always, Nobody, &[Looks("web", UNENDED)]),
    commit(Always, Nobody, &[Looks("prod", UNENDED)]),
    commit(
        Has::Images,
        Nobody,
        &[Line("staging", "  newTag: \"1.1\"", &["  newTag: '1.3'"])],
    ),
    commit(
        Has::Images,
        Nobody,
        &[Line("prod", "  newTag: v1", &["  newTag: v2"])],
    ),
    commit(
        Has::Images,
        Nobody,
        &[Before("prod", "- name: sidecar", &["# beside the shop"])],
    ),
    commit(
        Has::Patches,
        Nobody,
        &[Line(
            "staging-memory",
            "            memory:",
            &["            memory: 1Gi"],
        )],
    ),
    commit(
        Has::Patches,
        Nobody,
        &[Line(
            "prod-memory",
            "apiVersion:",
            &["# not too much", "apiVersion: \"apps/v1\""],
        )],
    ),
    commit(
        Has::Documents,
        Nobody,
        &[Line("web", "  - port: 80", &["  - port: 81"])],
    ),
    commit(
        Has::Generator,
        Nobody,
        &[Before("params", "SIZE=", &["# in metres"])],
    ),
    commit(
        Has::Helm,
        Nobody,
        &[Before("cache", "      tag:", &["      # not too new"])],
    ),
    commit(Always, Nobody, &[Line("sizes", "  other:", &["  other: \"2\""])]),
];

/// Makes a change; `false` when there is no such line or file (any more).
pub(crate) fn make(files: &mut Files, change: &Change) -> bool {
    match *change {
        Change::Add(id, path, text) => {
            let lines = text.lines().map(str::to_owned).collect();
            let (path, look) = (path.to_owned(), Look::default());
            files.insert(id, File { path, lines, look }).is_none()
        }
        Change::Remove(id) => files.remove(id).is_some(),
        Change::Rename(id, path) => with(files, id, |file| {
            path.clone_into(&mut file.path);
            true
        }),
        Change::Look(id, look) => with(files, id, |file| {
            file.look = Look {
                bom: file.look.bom,
                ..look
            };
            true
        }),
        Change::Line(id, start, new) => splice(files, id, start, 0..1, new),
        Change::Before(id, start, new) => splice(files, id, start, 0..0, new),
        Change::After(id, start, new) => splice(files, id, start, 1..1, new),
        Change::Cut(id, start, len) => splice(files, id, start, 0..len, &[]),
    }
}

fn with(files: &mut Files, id: &str, change: impl FnOnce(&mut File) -> bool) -> bool {
    files.get_mut(id).is_some_and(change)
}

fn splice(files: &mut Files, id: &str, start: &str, range: std::ops::Range<usize>, new: &[&str]) -> bool {
    with(files, id, |file| {
        let Some(at) = file.lines.iter().position(|line| line.starts_with(start)) else {
            return false;
        };
        let new: Vec<String> = new.iter().map(|line| (*line).to_owned()).collect();
        file.lines.splice(at + range.start..at + range.end, new);
        true
    })
}
