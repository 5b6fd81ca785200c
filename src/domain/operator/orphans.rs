//! Recovery points that nobody answers for any more: their database is gone, no policy in force rules them, or another
//! stack made them. They are listed with their number and cost. No machine removes them.

use std::collections::BTreeMap;

use super::pile::Pile;
use crate::domain::id::tags::{self, StackId};
use crate::domain::rds::snapshot::Snapshot;

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
            let unknown = match pile.unpriced {
                0 => String::new(),
                number => format!(", without {number} of unknown cost"),
            };
            let cost = match pile.dollars_if_known() {
                None => "the cost is not known".to_owned(),
                Some(dollars) => {
                    format!("at most ${dollars:.2} a month at list price{unknown}")
                }
            };
            (pile.count > 0).then(|| {
                format!(
                    "{} {what}, {} GiB: {cost}; {remedy}",
                    pile.count,
                    pile.gib()
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
