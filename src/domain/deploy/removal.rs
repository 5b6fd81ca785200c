//! Taking the stacks away: when a stack may go, and what stays.

use std::collections::BTreeMap;
use std::time::Duration;

use super::names::{Account, Bucket, StackName};
use super::stack::{StackFacts, Template};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::tags::{self, StackId};
use crate::domain::operator::prices::SNAPSHOT_MONTH;
use crate::domain::operator::stack_outputs;
use crate::domain::rds::snapshot::Snapshot;

/// The parameters that only `template.yaml` has together, and those of `source-region.yaml`. A stack that was never finished,
/// or whose deletion failed, shows no outputs.
const OF_RECOVERY: [&str; 2] = ["SourceRegions", "RecoveryKeyArn"];
const OF_SOURCE: [&str; 2] = ["RecoveryRegion", "EventsQueueArn"];
/// The statuses of a stack that was never finished.
const NEVER_FINISHED: [&str; 4] = [
    "CREATE_FAILED",
    "REVIEW_IN_PROGRESS",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
];
/// What a planner's or a reactor's run may take at most, in the templates' parameters.
const RUNS: [&str; 2] = ["ScheduledTimeout", "FunctionTimeout"];
/// The same if a stack does not say it: Lambda's own limit.
const LONGEST: u64 = 900;

/// Whether a stack works, so that it must be drained before it goes. One that was never finished does not, nor does one whose
/// deletion has begun: its functions may be gone, and its outputs too.
#[must_use]
pub fn works(stack: &StackFacts) -> bool {
    !stack.status.starts_with("DELETE_") && !NEVER_FINISHED.contains(&stack.status.as_str())
}

/// Why the stack of this name must not be deleted, or cannot be now, and what to do. `None` if it may.
#[must_use]
pub fn why_not_delete(stack: &StackFacts, template: &Template) -> Option<String> {
    let status = &stack.status;
    if stack.is_busy() && status != "DELETE_IN_PROGRESS" {
        return Some(format!(
            "CloudFormation is at work on it ({status}); wait until it is done"
        ));
    }
    let has_all = |names: [&str; 2]| {
        names
            .iter()
            .all(|name| stack.parameters.contains_key(*name))
    };
    let (is_ours, says_all) = match template {
        Template::Recovery => (
            has_all(OF_RECOVERY),
            stack_outputs::is_snapferry(&stack.outputs),
        ),
        Template::Source(_) => (has_all(OF_SOURCE), true),
        Template::Part(part) => (has_all(part.own_parameters()), true),
    };
    // The shell of a change set may show nothing yet. What it shows must be ours.
    let says_nothing = stack.is_only_a_review() && stack.parameters.is_empty();
    if !is_ours && !says_nothing {
        return Some("it is another product's stack".to_owned());
    }
    if works(stack) && !says_all {
        return Some(
            "its outputs are not those of this version, so it cannot be drained; run snapferry deploy first"
                .to_owned(),
        );
    }
    stack.of_another(template)
}

/// What IAM says of a managed policy that people or roles still have.
const ATTACHED: &str = "attached to entities";

/// What to do after these failures of a deletion.
#[must_use]
pub fn advice(reasons: &[String]) -> &'static str {
    match reasons.iter().any(|reason| reason.contains(ATTACHED)) {
        true => {
            "detach the policies of PeoplePolicies from those who have them (aws iam list-entities-for-policy \
             names them), and run the command again"
        }
        false => "run the command again when that is repaired",
    }
}

/// Whether the stack has made managed policies for people. IAM deletes none that somebody still has.
#[must_use]
pub fn has_people_policies(stack: &StackFacts) -> bool {
    let asked = stack.parameters.get("PeoplePolicies");
    asked.is_some_and(|word| word == "yes")
}

/// How long after the policies were paused a function may still start something that it had planned before.
#[must_use]
pub fn longest_run(stack: &StackFacts) -> Duration {
    let of = |name: &str| stack.parameters.get(name)?.parse().ok();
    let seconds = RUNS.iter().filter_map(|name| of(name)).max();
    Duration::from_secs(seconds.unwrap_or(LONGEST))
}

/// What a stack made and what stays when it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Stays {
    /// The recovery region.
    pub region: Region,
    /// The stack.
    pub stack: StackName,
    /// Its id, which its snapshots carry.
    pub id: String,
    /// The source regions, comma-separated.
    pub sources: String,
    /// The table.
    pub table: String,
    /// The key of the copies.
    pub key: String,
    /// Whether the stack made that key.
    pub made_key: bool,
    /// The bucket that deployments have of their own. Another may have been named.
    pub bucket: Option<Bucket>,
    /// The snapshots with the stack's tag, by region, as far as they could be listed.
    pub snapshots: BTreeMap<Region, SnapshotsLeft>,
    /// The regions whose snapshots could not be listed.
    pub unlisted: Vec<Region>,
}

/// The stack's snapshots in a region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotsLeft {
    /// How many.
    pub count: usize,
    /// The allocated storage of those of instances, in GiB. RDS does not say a cluster snapshot's size.
    pub gib: u64,
    /// How many are of clusters.
    pub of_clusters: usize,
}

impl SnapshotsLeft {
    /// Adds a snapshot, if it carries the stack's tag.
    pub fn add(&mut self, snapshot: &Snapshot, family: Family, id: &StackId) {
        let tag = snapshot.tags.get(tags::STACK);
        if tag.is_none_or(|found| found != id.as_str()) {
            return;
        }
        self.count += 1;
        match family {
            Family::Instance => self.gib += u64::try_from(snapshot.size_gib).unwrap_or_default(),
            Family::Cluster => self.of_clusters += 1,
        }
    }

    /// The most that the instances' snapshots cost a month: RDS bills what is used, and later snapshots less.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sum of dollars needs no more than 52 bits"
    )]
    pub fn dollars(self) -> f64 {
        self.gib as f64 * SNAPSHOT_MONTH.per_gb
    }
}

impl Stays {
    /// What stays of this stack. Its snapshots are not counted yet.
    #[must_use]
    pub fn of(region: &Region, stack: &StackName, facts: &StackFacts) -> Self {
        let output = |name: &str| facts.outputs.get(name).cloned().unwrap_or_default();
        let given = facts.parameters.get("RecoveryKeyArn");
        Self {
            region: region.clone(),
            stack: stack.clone(),
            id: output("StackIdentity"),
            sources: output("SourceRegionNames"),
            table: output("TableName"),
            key: output("RecoveryKey"),
            made_key: given.is_some_and(String::is_empty),
            // The stack's ARN names the account.
            bucket: Account::of_caller(&facts.id)
                .map(|account| Bucket::of_deployments(&account, region)),
            snapshots: BTreeMap::new(),
            unlisted: Vec::new(),
        }
    }

    /// The command that makes the stacks anew, with the same id, key and table.
    #[must_use]
    pub fn adopts(&self) -> String {
        format!(
            "snapferry deploy --recovery-region {} --source-region {} --stack {} --key {} --parameter StackId={} \
             --parameter TableName={}",
            self.region, self.sources, self.stack, self.key, self.id, self.table
        )
    }
}
