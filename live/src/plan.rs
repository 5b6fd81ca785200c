//! What a run makes, and what that costs at most.

use crate::question::Question;

/// A thing that questions need. Each is made once, at its first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// The CloudFormation stacks of both regions.
    Stacks,
    /// The instance with its first snapshot.
    Instance,
    /// The copy of that snapshot.
    Copy,
    /// Two clusters, each with a snapshot and its copy.
    Clusters,
    /// As many copies as RDS lets be in flight.
    CopiesToTheLimit,
    /// Copies that roles shall delete or fail to delete.
    CopiesToDelete,
}

impl Thing {
    /// What it is, for a person.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Stacks => {
                "two CloudFormation stacks: in each region a queue and an event rule; in the recovery region also a \
                 queue, a state machine with its role, a KMS key and five roles that only you can assume"
            }
            Self::Instance => {
                "in the source region: an unencrypted db.t4g.micro with PostgreSQL, 20 GiB, no backups and no public \
                 address, and a snapshot of it"
            }
            Self::Copy => "in the recovery region: a copy of that snapshot",
            Self::Clusters => {
                "in the source region: two Aurora PostgreSQL clusters without instances, and a snapshot of each; in the \
                 recovery region: a copy of each"
            }
            Self::CopiesToTheLimit => {
                "in the recovery region, for a minute: copies of both kinds until RDS refuses one, 30 at most. While \
                 they are there, nobody else in the account can copy snapshots to that region"
            }
            Self::CopiesToDelete => {
                "in the recovery region: five copies of the instance's snapshot and five of a cluster's"
            }
        }
    }

    /// Cents at most, at the list prices of us-east-1: an hour of everything, and each copy a full one of 1 GB to
    /// another region ($0.02), though RDS sends only what changed.
    #[must_use]
    pub fn cents(self) -> u32 {
        match self {
            // A key is $1 a month; queues, rules, executions and roles cost nothing at this rate.
            Self::Stacks => 1,
            // $0.016 an hour, and 20 GiB at $0.115 a month.
            Self::Instance => 3,
            Self::Copy => 2,
            Self::Clusters => 6,
            Self::CopiesToTheLimit => 60,
            Self::CopiesToDelete => 20,
        }
    }
}

/// What these questions need together, each once.
#[must_use]
pub fn things(questions: &[&Question]) -> Vec<Thing> {
    let mut all: Vec<Thing> = questions
        .iter()
        .flat_map(|one| one.needs)
        .copied()
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The plan, as a person reads it before the question whether to go on.
#[must_use]
pub fn plan(questions: &[&Question], account: &str, recovery: &str, source: &str) -> String {
    let things = things(questions);
    let cents: u32 = things.iter().map(|thing| thing.cents()).sum();
    let mut lines = vec![
        format!("Account {account}, recovery region {recovery}, source region {source}."),
        String::new(),
        "It asks:".to_owned(),
    ];
    let asks = |one: &&Question| format!("  {:22} {}", one.name, one.does);
    lines.extend(questions.iter().map(asks));
    lines.extend([
        String::new(),
        "For that it makes, and removes again:".to_owned(),
    ]);
    lines.extend(things.iter().map(|thing| format!("  - {}", thing.words())));
    lines.extend([
        String::new(),
        format!(
            "This costs at most ${}.{:02} and takes about an hour. Everything bears the tag snapferry:live-check. AWS \
             keeps the KMS key for seven days before it is gone, for nothing.",
            cents / 100,
            cents % 100
        ),
    ]);
    lines.join("\n")
}
