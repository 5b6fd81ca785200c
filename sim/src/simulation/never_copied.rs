//! A database whose copies RDS refuses permanently. The product tries once, remembers, and takes no further snapshot of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::fake::{Call, Refusal};
use snapferry::ports::Entry;

use super::backups::NIGHTLY;
use super::rule;
use super::world::World;

/// Its name.
pub(super) const NEVER_COPIED: &str = "never-copied";
/// How many of its runs may reach the copy in the first week. A planner that has read the catalog before the first
/// refusal may start one more, and so may a person.
const RUNS_MAX: i64 = 3;
pub(super) const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The due times of its runs that RDS refused, and since when.
#[derive(Debug, Default)]
pub(super) struct RefusedRuns {
    due: BTreeSet<(ResourceId, Timestamp)>,
    since: Option<Timestamp>,
}

impl World {
    /// RDS's answer to a request for such a copy.
    pub(super) fn refuses_for_good(call: &Call) -> Option<Refusal> {
        let Call::CopySnapshot { request } = call else {
            return None;
        };
        let source = request.source.name();
        let is_of_it = source.starts_with(&format!("sf-{NEVER_COPIED}-"));
        is_of_it.then(|| Refusal {
            code: Some("InvalidParameterValue".to_owned()),
            message: "This snapshot cannot be copied to another region.".to_owned(),
        })
    }

    /// A run of it is told that RDS has refused its copy permanently.
    pub(super) fn was_refused_for_good(&mut self, run: &ProtectionRequest) {
        let now = self.now;
        let refused = &mut self.refused_runs;
        refused.since.get_or_insert(now);
        let database = run.database.resource_id.clone();
        refused.due.insert((database, run.planned_at));
        self.count("copies refused for good");
    }

    /// The catalog shows a refusal to an invocation.
    pub(super) fn note_refusal(&mut self, by: u64, entry: &Entry) {
        let Some(refused) = &entry.refused else {
            return;
        };
        let of = (entry.database.clone(), entry.policy.clone());
        self.doing(by).refusals.insert(of, refused.at);
    }

    /// A run is started by an invocation to which the catalog may have shown a refusal. Nothing in these worlds changes
    /// what RDS's answer depends on.
    pub(super) fn judge_tried_again(&mut self, by: u64, run: &ProtectionRequest) {
        let of = (run.database.resource_id.clone(), run.policy.clone());
        let Some(at) = self.doing(by).refusals.get(&of).copied() else {
            return;
        };
        if self.now.duration_since(at) < WEEK {
            let database = &run.database.arn;
            self.broke(rule::TRIED_WEEKLY, || {
                format!("{database} is tried again, and RDS has refused it at {at}")
            });
        } else {
            self.count("refused copies tried again after a week");
        }
    }

    /// What the catalog remembers as refused: the databases' ARNs, and when the last refusal was. A policy that copies
    /// automated snapshots has nothing to try where RDS has none.
    pub(super) fn remembered(&self) -> BTreeMap<String, Timestamp> {
        let mut remembered = BTreeMap::new();
        for execution in self.step_functions.executions.values() {
            let run = &execution.run;
            let entry = self.table.entry(&run.database.resource_id, &run.policy);
            let refused = entry.and_then(|entry| entry.refused.as_ref());
            if let Some(refused) = refused.filter(|_| run.policy.as_str() != NIGHTLY) {
                remembered.insert(run.database.arn.to_string(), refused.at);
            }
        }
        remembered
    }

    /// How many executions a database has.
    pub(super) fn executions_of(&self, database: &str) -> usize {
        let all = self.step_functions.executions.values();
        all.filter(|execution| execution.run.database.arn.to_string() == database)
            .count()
    }

    /// A run of it is started.
    pub(super) fn judge_another_run(&mut self, run: &ProtectionRequest) {
        let refused = self.rds_refuses_the_copy(run);
        let Some(since) = self.refused_runs.since.filter(|_| refused) else {
            return;
        };
        let weeks = self.now.duration_since(since).as_secs() / WEEK.as_secs();
        let refused = &self.refused_runs.due;
        let of_it = refused
            .iter()
            .filter(|(id, _)| *id == run.database.resource_id);
        let is_known = refused.contains(&(run.database.resource_id.clone(), run.planned_at));
        let count = i64::try_from(of_it.count()).unwrap_or(i64::MAX);
        if !is_known && count >= RUNS_MAX + weeks {
            self.broke(rule::REMEMBERED, || {
                format!("{count} snapshots were taken for copies that RDS refuses for good")
            });
        }
    }
}
