//! What runs together with the fleet if faults were requested, and how everything becomes quiet again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::local::LocalStack;
use crate::rds_http::RdsService;

use super::carrier::Carrier;
use super::faults::OutageReport;
use super::faults::inject_fault::{self, FaultInjector};
use super::faults::person::{Diary, Person, Queues, WorkerConfig};
use super::snapferry::Snapferry;
use super::view::Out;

/// How long the queues may take to calm down after the last execution.
const CALM_WITHIN: Duration = Duration::from_mins(2);
/// How often they are looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What runs together with the fleet if faults were requested: the injection of faults, and the person who repairs.
pub(super) struct Repairs(Option<(FaultInjector, Person, Queues)>);

impl Repairs {
    /// Begins, if faults were requested.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub(super) fn start(
        out: &Out,
        snapferry: &Snapferry,
        rds: &Arc<RdsService>,
        stack: &LocalStack,
        trouble: &OutageReport,
    ) -> anyhow::Result<Self> {
        if trouble.choice.is_empty() {
            return Ok(Self(None));
        }
        let queues = Queues::of(stack)?;
        let inject_fault = FaultInjector::start(
            &trouble.plan,
            inject_fault::Scene {
                rds: Arc::clone(rds),
                client: stack.client().clone(),
                queues: queues.clone(),
                rds_outages: Arc::clone(&trouble.rds_outages),
                tally: trouble.tally.clone(),
            },
        );
        let person = Person::start(WorkerConfig {
            rds: Arc::clone(rds),
            rds_outages: Arc::clone(&trouble.rds_outages),
            client: stack.client().clone(),
            queues: queues.clone(),
            snapferry: snapferry.clone(),
            out: out.clone(),
        });
        Ok(Self(Some((inject_fault, person, queues))))
    }

    /// Whether there are any.
    #[must_use]
    pub(super) fn are_needed(&self) -> bool {
        self.0.is_some()
    }

    /// What the person has seen and done so far, and what the injection of faults could not do.
    #[must_use]
    pub(super) fn diary(&self) -> Diary {
        let Some((inject_fault, person, _)) = &self.0 else {
            return Diary::default();
        };
        let mut diary = person.diary();
        diary.trouble.extend(inject_fault.failed());
        diary
    }

    /// Waits until late events have arrived, the queues are empty and every dead letter is known. Returns what was still
    /// missing if this took too long.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub(super) async fn calm_down(
        &self,
        rds: &RdsService,
        stack: &LocalStack,
        carrier: &Carrier,
    ) -> anyhow::Result<Option<String>> {
        let Some((_, person, queues)) = &self.0 else {
            return Ok(None);
        };
        let begun = Instant::now();
        // Look twice in a row, because an event may be between two places at one look.
        let mut calm_looks = 0;
        loop {
            let mut unrest = queues.unrest(stack.client(), &person.diary()).await?;
            if rds.model().is_at_work() || !carrier.is_idle() {
                unrest = Some("events are still to come".to_owned());
            }
            calm_looks = if unrest.is_none() { calm_looks + 1 } else { 0 };
            if calm_looks == 2 {
                return Ok(None);
            }
            if begun.elapsed() > CALM_WITHIN && unrest.is_some() {
                return Ok(unrest);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
