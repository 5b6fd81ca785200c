//! What must exist, and what must be gone, at the end.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::wait::Phase;
use snapferry::json;

use super::operator_actions::FOREIGN;
use super::rule;
use super::step_functions::Status;
use super::world::{World, rds_region};
use crate::rds::Stage;

impl World {
    /// Checks what must exist at the end.
    pub(super) fn judge_recovery(&mut self) {
        let mut newest: BTreeMap<(ResourceId, PolicyName), (Timestamp, String)> = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, execution) in &self.step_functions.executions {
            let run = &execution.run;
            if self.is_spoilt(run) {
                continue;
            }
            if execution.status != Status::Succeeded {
                faults.push((
                    rule::RECOVERED,
                    format!("{name} has not succeeded: {:?}", execution.status),
                ));
                continue;
            }
            let manifest = json::manifest::read(&execution.output("copy"));
            let is_pruned = |manifest: &Manifest| self.pruning.asked.contains(&manifest.snapshot);
            if manifest.as_ref().is_ok_and(is_pruned) {
                continue;
            }
            let fault = match &manifest {
                Ok(manifest) => self.untrue(run, Step::Copy, manifest),
                Err(error) => Some(error.to_string()),
            };
            if let Some(fault) = fault {
                faults.push((rule::RECOVERED, format!("{name}: {fault}")));
            }
            if let Some(taken_at) = manifest.ok().and_then(|manifest| manifest.taken_at) {
                let key = (run.database.resource_id.clone(), run.policy.clone());
                let entry = newest.entry(key).or_insert((taken_at, name.clone()));
                if taken_at > entry.0 {
                    *entry = (taken_at, name.clone());
                }
            }
        }
        for ((database, policy), (taken_at, name)) in newest {
            let entry = self.table.entry(&database, &policy);
            let entered = entry
                .and_then(|e| e.newest.as_ref())
                .and_then(|m| m.taken_at);
            if entered.is_none_or(|entered| entered < taken_at) {
                faults.push((
                    rule::CATALOG,
                    format!("{database}#{policy} has {entered:?} and not the copy of {name}"),
                ));
            }
        }
        if let Some((rule, fault)) = faults.into_iter().next() {
            self.broke(rule, || fault);
        }
        self.judge_foreigners();
    }

    fn judge_foreigners(&mut self) {
        for region in self.source_regions.clone() {
            let foreign = self.rds.snapshot(&rds_region(&region), FOREIGN);
            let untouched = foreign.is_some_and(|s| {
                s.stage() == Stage::Available && s.tags.get("owner") == Some("somebody")
            });
            if !untouched {
                self.broke(rule::FOREIGN, || format!("{FOREIGN} in {region}"));
            }
        }
    }

    /// Waits that nobody needs and that a sweep should have settled. Answers of RDS lag, so a finished resource counts only
    /// after two sweeps could see it.
    pub(super) fn judge_leftovers(&mut self) {
        let two_sweeps_ago = self.now - SignedDuration::from_mins(2);
        let left = self.table.waits().find(|wait| {
            let shown = self
                .truth(&wait.resource)
                .and_then(|snapshot| snapshot.seen_at(two_sweeps_ago));
            let was_good = shown.is_some_and(|shown| shown.stage == Stage::Available);
            wait.phase != Phase::Queued && was_good && !self.squatters.contains(&wait.resource)
        });
        if let Some(left) = left.map(|wait| wait.resource.clone()) {
            self.broke(rule::GONE, || {
                format!("RDS has finished {left}, and its wait stays")
            });
        }
    }

    /// Checks what must be gone after every time to live has passed.
    pub(super) fn judge_the_end(&mut self) {
        let left = self.table.waits().next();
        if let Some(wait) = left.map(|wait| wait.resource.clone()) {
            self.broke(rule::GONE, || format!("the wait of {wait} is still there"));
        }
        if let Some(copy) = self.table.slots().holders.first().cloned() {
            self.broke(rule::GONE, || format!("{copy} still holds a slot"));
        }
    }
}
