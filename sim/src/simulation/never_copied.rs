//! A database whose copies RDS refuses permanently. The product tries once, remembers, and takes no further snapshot of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::fake::{Call, Refusal};

use super::rule;
use super::world::World;

/// Its name.
pub(super) const NEVER_COPIED: &str = "never-copied";
/// How many of its runs may reach the copy in the first week. A planner that has read the catalog before the first
/// refusal may start one more, and so may a person.
const RUNS_MAX: i64 = 3;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

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
