//! The arithmetic of a rolling update: how many pods of each ReplicaSet there may be next.

use recant_core::object::Object;
use serde_json::Value;

/// A ReplicaSet in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// Pods asked for.
    pub(super) wanted: i64,
    /// Pods that are available.
    pub(super) available: i64,
}

/// What a Deployment asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// `spec.replicas`.
    pub(super) desired: i64,
    /// Pods there may be beyond `desired`.
    pub(super) surge: i64,
    /// Pods there may lack of `desired`.
    pub(super) unavailable: i64,
    /// Whether all old pods go before the first new one comes.
    pub(super) recreate: bool,
}

impl Limits {
    /// Reads them from a Deployment, with Kubernetes' defaults of 25 %.
    pub(super) fn of(deployment: &Object) -> Self {
        let desired = deployment.int("/spec/replicas").unwrap_or(1);
        let share = |field: &str, up: bool| {
            let value = deployment.at(&format!("/spec/strategy/rollingUpdate/{field}"));
            part(value, desired, up)
        };
        let (surge, mut unavailable) = (share("maxSurge", true), share("maxUnavailable", false));
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self {
            desired,
            surge,
            unavailable: unavailable.min(desired),
            recreate: deployment.str("/spec/strategy/type") == "Recreate",
        }
    }
}

fn part(value: Option<&Value>, of: i64, up: bool) -> i64 {
    let pct = match value {
        Some(Value::Number(number)) => return number.as_i64().unwrap_or(0).max(0),
        Some(Value::String(text)) => text.trim_end_matches('%').parse().unwrap_or(0),
        _ => 25,
    };
    let exact = of * pct;
    if up { (exact + 99) / 100 } else { exact / 100 }
}

/// The pods each ReplicaSet is to have next: the new one, and the old ones in their order (oldest first). `running`
/// says whether any pod of an old one is still there.
pub(super) fn next(limits: Limits, new: Set, old: &[Set], running: bool) -> (i64, Vec<i64>) {
    if limits.recreate {
        let first = if running {
            new.wanted.min(limits.desired)
        } else {
            limits.desired
        };
        return (first, vec![0; old.len()]);
    }
    let up = grown(limits, new, old);
    if up == new.wanted {
        (up, shrunk(limits, new, old))
    } else {
        (up, old.iter().map(|set| set.wanted).collect())
    }
}

fn grown(limits: Limits, new: Set, old: &[Set]) -> i64 {
    if new.wanted >= limits.desired {
        return limits.desired;
    }
    let all = new.wanted + old.iter().map(|set| set.wanted).sum::<i64>();
    let room = (limits.desired + limits.surge - all).max(0);
    new.wanted + room.min(limits.desired - new.wanted)
}

/// Pods that are not available go first; then as many as leave the minimum standing.
fn shrunk(limits: Limits, new: Set, old: &[Set]) -> Vec<i64> {
    let mut sizes: Vec<i64> = old.iter().map(|set| set.wanted).collect();
    let all = new.wanted + sizes.iter().sum::<i64>();
    let least = limits.desired - limits.unavailable;
    let mut may_go = (all - least - (new.wanted - new.available).max(0)).max(0);
    for (size, set) in sizes.iter_mut().zip(old) {
        let idle = (set.wanted - set.available).clamp(0, may_go);
        *size -= idle;
        may_go -= idle;
    }
    let available = new.available + old.iter().map(|set| set.available).sum::<i64>();
    let mut spare = (available - least).max(0);
    for size in &mut sizes {
        let go = (*size).min(spare);
        *size -= go;
        spare -= go;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(wanted: i64, available: i64) -> Set {
        Set { wanted, available }
    }

    fn limits(desired: i64, surge: i64, unavailable: i64) -> Limits {
        Limits {
            desired,
            surge,
            unavailable,
            recreate: false,
        }
    }

    #[test]
    fn a_rolling_update_never_has_too_many_pods_nor_too_few_ready_ones() {
        let limits = limits(4, 1, 1);
        let (mut new, mut old) = (set(0, 0), set(4, 4));
        for _ in 0..20 {
            let (up, down) = next(limits, new, &[old], true);
            new.wanted = up;
            old = set(down[0], old.available.min(down[0]));
            assert!(new.wanted + old.wanted <= 5, "{new:?} {old:?}");
            assert!(new.available + old.available >= 3, "{new:?} {old:?}");
            new.available = (new.available + 1).min(new.wanted);
        }
        assert_eq!((new, old), (set(4, 4), set(0, 0)));
    }

    #[test]
    fn pods_that_never_become_ready_stop_the_update_at_the_limits() {
        let (mut new, mut old) = (set(0, 0), set(4, 4));
        for _ in 0..20 {
            let (up, down) = next(limits(4, 1, 1), new, &[old], true);
            new.wanted = up;
            old = set(down[0], down[0]);
        }
        assert_eq!((new, old), (set(2, 0), set(3, 3)));
    }

    #[test]
    fn unready_old_pods_make_room_first() {
        let (_, down) = next(limits(2, 1, 0), set(1, 0), &[set(2, 0), set(0, 0)], true);
        assert_eq!(down, [2, 0], "the minimum is not met anyway: nothing may go");
        let (_, down) = next(limits(2, 1, 0), set(2, 2), &[set(1, 0)], true);
        assert_eq!(down, [0]);
    }

    #[test]
    fn scaling_to_zero_and_back_needs_no_update() {
        assert_eq!(next(limits(0, 0, 0), set(3, 3), &[], false), (0, vec![]));
        assert_eq!(next(limits(3, 1, 0), set(0, 0), &[], false), (3, vec![]));
    }

    #[test]
    fn recreate_waits_until_the_old_pods_are_gone() {
        let limits = Limits {
            recreate: true,
            ..limits(2, 0, 0)
        };
        assert_eq!(next(limits, set(0, 0), &[set(2, 2)], true), (0, vec![0]));
        assert_eq!(next(limits, set(0, 0), &[set(0, 0)], false), (2, vec![0]));
    }
}
