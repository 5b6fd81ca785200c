//! The stack's schedules at the demo's speed. EventBridge's own fire once a minute at the most.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::local::Client;

/// The sweeper's schedule: a minute of RDS's time, but no oftener than this.
const SWEEP_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// The planner's: five minutes of RDS's time, but no oftener than this.
const PLAN_AT_MOST_EVERY: Duration = Duration::from_secs(2);

/// How often the sweeper is invoked, in real time.
#[must_use]
pub(super) fn sweep_every(speed: f64) -> Duration {
    Duration::from_mins(1)
        .div_f64(speed)
        .max(SWEEP_AT_MOST_EVERY)
}

/// How often the planner is invoked where its first run started less than all, in real time.
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
                // A sweep that fails is made up for by the next, as on AWS; the run's figures show what it missed.
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
