//! The world answers what the core asks.

use crate::fleet::BOT;
use crate::world::World;
use recant_core::baseline::RECANT_API;
use recant_core::forge;
use recant_core::forge::ForgeSpec;
use recant_core::forge::ForgeType;
use recant_core::forge::PullRequests;
use recant_core::object::ObjectRef;
use recant_core::provider::ProviderKind;
use recant_core::query::Access;
use recant_core::query::Answer;
use recant_core::query::Branch;
use recant_core::query::MetricQuery;
use recant_core::query::Observed;
use recant_core::query::Query;
use recant_core::query::RepoUrl;
use recant_core::query::Why;

pub(super) fn answer(world: &mut World, query: &Query) -> Observed<Answer> {
    let known = Observed::Known;
    match query {
        Query::Object(name) => known(Answer::Object(world.cluster.get(name))),
        Query::Metric(query) => metric(world, query),
        Query::Head(Branch { repo, name }) => with_git(world, repo, |git| Answer::Head(git.head(name))),
        Query::Tree(commit) => match repo_of(world, &commit.repo).and_then(|git| git.tree(&commit.commit)) {
            Some(tree) => known(Answer::Tree(tree)),
            None => Observed::Unknown(Why::Invalid(format!("there is no commit {}", commit.commit))),
        },
        Query::Log { repo, from, to } => {
            with_git(world, repo, |git| Answer::Log(git.log(Some(from), to, 100)))
        }
        Query::Objects { api_version, kind } => {
            known(Answer::Objects(world.cluster.list(api_version, kind, "")))
        }
        Query::Comments { branch, number } => match world.forge.comments(branch, *number) {
            Ok(said) => known(Answer::Comments(said)),
            Err(refusal) => Observed::Unknown(Why::Invalid(refusal.to_string())),
        },
        Query::Forge(repo) => known(Answer::Forge(forge_of(world, repo).map(Box::new))),
        Query::Access(_) => known(Answer::Access(Access {
            login: BOT.to_owned(),
            ..Access::default()
        })),
        // The agent itself remembers whom it has called.
        Query::Hook(_) => Observed::Unknown(Why::NotAsked),
        Query::Pulls(branch) => {
            let now = world.now();
            let World { forge, repos, .. } = world;
            match forge.pulls(repos, now, branch) {
                Ok(pulls) => known(Answer::Pulls(pulls)),
                Err(refusal) => Observed::Unknown(Why::Invalid(refusal.to_string())),
            }
        }
    }
}

/// The head of a branch as a mirror has it that lags by a commit; recant's own branches are not mirrored.
pub(super) fn head_before(world: &mut World, branch: &Branch) -> Observed<Answer> {
    let is_own = branch.name.starts_with(&PullRequests::default().branch_prefix);
    with_git(world, &branch.repo, |git| {
        let head = git.head(&branch.name);
        let parent = |id: &String| git.show(id)?.parents.first().cloned();
        Answer::Head(if is_own {
            head
        } else {
            head.as_ref().and_then(parent).or(head)
        })
    })
}

/// The Forge object above a repository; where a story has none, one that says nothing but the address.
pub(super) fn forge_of(world: &World, repo: &RepoUrl) -> Option<forge::Forge> {
    world.forge.name_of(repo)?;
    let objects = world.cluster.list(RECANT_API, "Forge", "");
    let bound = |forge: &forge::Forge| repo.0.starts_with(&forge.spec.url);
    let found = objects.iter().filter_map(|object| forge::Forge::of(object).ok());
    found.into_iter().find(bound).or_else(|| {
        Some(forge::Forge {
            name: ObjectRef::new(RECANT_API, "Forge", "recant-system", "story"),
            spec: ForgeSpec::new(ForgeType::Gitea, world.forge.base_url()),
        })
    })
}

type BoxedGit = Box<dyn crate::git::Git>;

pub(super) fn repo_of<'a>(world: &'a mut World, url: &RepoUrl) -> Option<&'a mut BoxedGit> {
    let name = world.forge.name_of(url)?;
    world.repos.get_mut(&name)
}

fn with_git(world: &mut World, url: &RepoUrl, ask: impl FnOnce(&BoxedGit) -> Answer) -> Observed<Answer> {
    match repo_of(world, url) {
        Some(git) => Observed::Known(ask(git)),
        None => Observed::Unknown(Why::Invalid(format!("there is no repository {url}"))),
    }
}

fn metric(world: &World, query: &MetricQuery) -> Observed<Answer> {
    let kind = query.provider.kind;
    if kind != ProviderKind::Prometheus {
        return Observed::Unknown(Why::Unreachable(format!("this world has no {}", kind.name())));
    }
    match world.gauge.number(&query.query, world.now()) {
        Ok(value) => Observed::Known(Answer::Metric(value)),
        Err(error) => Observed::Unknown(Why::Invalid(error.to_string())),
    }
}
