//! Recovery points that nobody answers for any more: their database is gone, no policy in force rules them, or another
//! stack made them. They are listed with their number and cost. No machine removes them.

use std::collections::BTreeMap;

use super::prices::{AURORA_BACKUP_MONTH, SNAPSHOT_MONTH};
use crate::domain::id::arn::Family;
use crate::domain::id::tags::{self, StackId};
use crate::domain::rds::snapshot::Snapshot;

/// A number of snapshots with their sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pile {
    /// How many there are.
    pub count: usize,
    /// The allocated storage of those of instances, in GiB.
    pub instances_gib: i64,
    /// The storage of those of clusters, in GiB.
    pub clusters_gib: i64,
}

impl Pile {
    /// Adds a snapshot.
    pub fn add(&mut self, snapshot: &Snapshot) {
        self.count += 1;
        let gib = match snapshot.arn.family() {
            Family::Instance => &mut self.instances_gib,
            Family::Cluster => &mut self.clusters_gib,
        };
        *gib += i64::from(snapshot.size_gib.max(0));
    }

    /// Adds another pile.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.instances_gib += other.instances_gib;
        self.clusters_gib += other.clusters_gib;
    }

    /// What they cost in a month at most, in US dollars. RDS bills what a snapshot adds to those before it, so the truth is
    /// mostly far below.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "dollars are shown in full")]
    pub fn dollars_a_month(&self) -> f64 {
        self.instances_gib as f64 * SNAPSHOT_MONTH.per_gb
            + self.clusters_gib as f64 * AURORA_BACKUP_MONTH.per_gb
    }

    /// The size in GiB.
    #[must_use]
    pub fn gib(&self) -> i64 {
        self.instances_gib + self.clusters_gib
    }
}

/// What nobody answers for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Recovery points of databases that are gone.
    pub database_gone: Pile,
    /// Recovery points of other databases whose policy is not in force, and that no policy takes over.
    pub no_policy: Pile,
    /// Snapshots with the tag of another stack, by its id. That stack may be alive.
    pub other_stacks: OtherStacks,
}

/// Snapshots with the tag of another stack, by its id.
pub type OtherStacks = BTreeMap<String, Pile>;

/// Adds a snapshot if it carries another stack's tag.
pub fn add_other_stack(all: &mut OtherStacks, ours: &StackId, snapshot: &Snapshot) {
    if let Some(other) = snapshot.tags.get(tags::STACK)
        && other != ours.as_str()
    {
        all.entry(other.to_owned()).or_default().add(snapshot);
    }
}

impl Orphans {
    /// Adds the recovery points of a database under a policy, if nobody answers for them.
    pub fn add(&mut self, is_gone: bool, is_ruled: bool, pile: &Pile) {
        if is_gone {
            self.database_gone.join(pile);
        } else if !is_ruled {
            self.no_policy.join(pile);
        }
    }

    /// A sentence for each kind that there is.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let of = |pile: &Pile, what: String, remedy: &str| {
            (pile.count > 0).then(|| {
                format!(
                    "{} {what}, {} GiB: at most ${:.2} a month at list price; {remedy}",
                    pile.count,
                    pile.gib(),
                    pile.dollars_a_month()
                )
            })
        };
        let gone = of(
            &self.database_gone,
            "recovery points of databases that are gone".to_owned(),
            "their policies' rules and when_gone decide (snapferry prune --gone)",
        );
        let unruled = of(
            &self.no_policy,
            "recovery points whose policy is not in force".to_owned(),
            "Snapferry keeps them until a policy takes them over (also)",
        );
        let others = self.other_stacks.iter().filter_map(|(stack, pile)| {
            of(
                pile,
                format!("snapshots of another stack, {stack}"),
                "Snapferry never removes them; delete them yourself if that stack is gone",
            )
        });
        gone.into_iter().chain(unruled).chain(others).collect()
    }
}
