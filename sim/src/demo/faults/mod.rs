//! Faults on request: what goes wrong in the demo's world, when, and how often it really happened.
//!
//! A [`plan::Plan`] is drawn from the seed before the run. [`rds_outages`] injects its faults into calls of RDS,
//! [`outages`] into calls of the other services, and [`inject_fault`] injects those that no call brings about. [`person`]
//! repairs what a person would repair. Durations are in real time, because the functions' time limits are too.

mod choice;
pub(super) mod inject_fault;
mod outage_window;
pub(super) mod outages;
pub(super) mod person;
pub(super) mod plan;
mod process;
pub(super) mod rds_outages;
pub(super) mod tally;

pub use crate::faults::Fault;
pub use choice::Choice;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::demo::fleet::Database;
use crate::rds::Rds;

use outages::Outages;
use plan::Plan;
use rds_outages::RdsOutages;
use tally::Tally;

/// Everything that goes wrong on request in one run. Without a request it does nothing.
pub(super) struct OutageReport {
    pub(super) choice: Choice,
    pub(super) plan: Plan,
    pub(super) rds_outages: Arc<RdsOutages>,
    pub(super) outages: Arc<Outages>,
    pub(super) tally: Tally,
}

impl OutageReport {
    /// Draws it from the seed.
    ///
    /// # Errors
    /// A sentence, if the fleet is too small for a fault.
    pub(super) fn draw(
        choice: &Choice,
        databases: &[Database],
        speed: f64,
        seed: u64,
    ) -> Result<Self, String> {
        let plan = Plan::draw(choice, databases, speed, seed)?;
        let tally = Tally::default();
        Ok(Self {
            choice: choice.clone(),
            rds_outages: Arc::new(RdsOutages::new(plan.clone(), seed, tally.clone())),
            outages: Arc::new(Outages::new(&plan, seed, tally.clone())),
            plan,
            tally,
        })
    }

    /// Counts what is only known at the end. Call it once, before the pruner removes failed attempts.
    pub(super) fn count_fates(&self, rds: &Rds) {
        self.rds_outages.count_fates(rds);
    }

    /// How often each requested fault really happened, once the fates are counted.
    pub(super) fn counted(&self) -> BTreeMap<&'static str, u64> {
        self.choice
            .iter()
            .map(|fault| (fault.name(), self.tally.of(fault)))
            .collect()
    }
}
