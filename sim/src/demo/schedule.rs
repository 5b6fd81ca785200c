//! The stack's schedules at the demo's speed. EventBridge's own schedules run once a minute at most.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::local::Client;

/// The sweeper's schedule: every minute of RDS's time, but not more often than this.
const SWEEP_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// The planner's schedule: every five minutes of RDS's time, but not more often than this.
const PLAN_AT_MOST_EVERY: Duration = Duration::from_secs(2);

/// How often the sweeper is invoked, in real time.
#[must_use]
pub(super) fn sweep_every(speed: f64) -> Duration {
    Duration::from_mins(1)
        .div_f64(speed)
        .max(SWEEP_AT_MOST_EVERY)
}

/// How often, in real time, the planner is invoked if its first run did not start everything.
#[must_use]
pub(super) fn plan_every(speed: f64) -> Duration {
    Duration::from_mins(5)
        .div_f64(speed)
        .max(PLAN_AT_MOST_EVERY)
}

/// A running schedule of the sweeper; dropping it ends it.
pub(super) struct Sweeps(JoinHandle<()>);

impl Sweeps {
    /// Begins with a sweep at once.
    #[must_use]
    pub(super) fn start(client: Client, sweeper: String, speed: f64) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(sweep_every(speed));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // If a sweep fails, the next does its work, as on AWS. The run's figures show what is still missing.
                let _ = client.invoke(&sweeper, &json!({})).await;
            }
        }))
    }
}

impl Drop for Sweeps {
    fn drop(&mut self) {
        self.0.abort();
    }
}
