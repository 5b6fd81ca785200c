//! `cargo demo --break FAULT --keep`: breaks one thing, waits until commands wait for a person, and says what to look at and
//! what to type. Nobody repairs it but the person at the terminal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::task::JoinHandle;

use super::faults::Fault;
use super::fleet::{Database, RECOVERY, region};
use super::old_snapshots::OldSnapshots;
use super::policies::STANDARD;
use super::progress::progress_of_all;
use super::schedule::plan_every;
use super::view::{Out, View};
use crate::local::{Client, ClientError, JsonService, LocalStack};
use crate::rds_http::RdsService;

/// How often the local world is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long it may take until every command that cannot go on waits for a person.
const BROKEN_WITHIN: Duration = Duration::from_mins(4);

/// What can be broken for practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Breakage {
    /// The recovery region's key is disabled, as KMS and RDS see it.
    KeyDisabled,
}

impl Breakage {
    /// The fault of the list that it is.
    fn fault(self) -> Fault {
        match self {
            Self::KeyDisabled => Fault::KeyDisabled,
        }
    }

    /// What is broken, in a sentence.
    fn what(self) -> &'static str {
        match self {
            Self::KeyDisabled => {
                "KMS has disabled the key of the policies default and nightly in the recovery region"
            }
        }
    }

    /// The command that repairs it.
    fn remedy(self) -> String {
        match self {
            Self::KeyDisabled => {
                format!(
                    "aws kms enable-key --region {RECOVERY} --key-id {}",
                    STANDARD.key
                )
            }
        }
    }
}

/// The local world, as far as practice needs it.
pub(super) struct Scene<'a> {
    /// What is broken.
    pub(super) breakage: Breakage,
    /// The stack.
    pub(super) stack: &'a LocalStack,
    /// The simulated RDS.
    pub(super) rds: &'a Arc<RdsService>,
    /// The databases to protect.
    pub(super) databases: &'a [Database],
    /// What was there before.
    pub(super) old: &'a OldSnapshots,
    /// How many executions the planner starts.
    pub(super) executions: usize,
    /// How much faster than life RDS runs.
    pub(super) speed: f64,
}

/// RDS goes by what KMS says of the key, until this is dropped.
pub(super) struct Mirror(JoinHandle<()>);

impl Drop for Mirror {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Mirror {
    fn start(client: Client, rds: Arc<RdsService>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                // If KMS does not answer, it is asked again.
                if let Ok(is_enabled) = is_enabled(&client).await {
                    let mut model = rds.model();
                    model.set_key_enabled(&region(RECOVERY), STANDARD.key, is_enabled);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }))
    }
}

async fn is_enabled(client: &Client) -> Result<bool, ClientError> {
    let key = json!({ "KeyId": STANDARD.key });
    let answer = client.call(JsonService::KMS, "DescribeKey", &key).await?;
    Ok(answer["KeyMetadata"]["KeyState"] == "Enabled")
}

impl Scene<'_> {
    /// Breaks it, plans, and waits until nothing goes on without a person. While the answer lives, a repair reaches RDS.
    ///
    /// # Errors
    /// When the local world does not answer, or does not come to a stop.
    pub(super) async fn play(&self, out: Out) -> anyhow::Result<Mirror> {
        let client = self.stack.client();
        match self.breakage {
            Breakage::KeyDisabled => {
                let key = json!({ "KeyId": STANDARD.key });
                client.call(JsonService::KMS, "DisableKey", &key).await?;
            }
        }
        let mirror = Mirror::start(client.clone(), Arc::clone(self.rds));
        let planner = self.stack.output("PlannerName")?;
        client
            .invoke(planner, &json!({}))
            .await
            .context("the planner did not start")?;
        let (begun, mut planned) = (Instant::now(), Instant::now());
        let mut view = View::new(out, self.databases);
        let parked = loop {
            view.show(&progress_of_all(
                &self.rds.model(),
                self.databases,
                self.old,
            ));
            let executions = client
                .executions(self.stack.output("StateMachineArn")?)
                .await?;
            let running = executions.iter().filter(|one| one.status == "RUNNING");
            let running = running.count() as u64;
            let dead = self.stack.output("CommandsDeadLetterQueueUrl")?;
            let parked = client.queue_depth(dead).await?.visible;
            let all_started = executions.len() >= self.executions;
            if all_started && running > 0 && parked == running {
                break parked;
            }
            if !all_started && planned.elapsed() > plan_every(self.speed) {
                planned = Instant::now();
                // If one fails, the next does its work, as on AWS.
                let _ = client.invoke(planner, &json!({})).await;
            }
            if begun.elapsed() > BROKEN_WITHIN {
                bail!(
                    "after {} s, {running} executions go on and {parked} commands wait for a person",
                    begun.elapsed().as_secs()
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        view.finish();
        out.line(format_args!(
            "\nBroken ({}): {}. {parked} commands wait for a person.",
            self.breakage.fault(),
            self.breakage.what()
        ));
        Ok(mirror)
    }
}

/// What a person looks at and types, in order. docs/TUTORIAL.md goes through it.
#[must_use]
pub(super) fn steps(breakage: Breakage) -> Vec<(&'static str, String)> {
    let snapferry = |what: &str| format!("snapferry {what}");
    vec![
        ("see what is in trouble", snapferry("status")),
        ("see what the doctor finds", snapferry("doctor")),
        (
            "see which commands wait, and why",
            snapferry("replay commands"),
        ),
        ("repair it", breakage.remedy()),
        ("let the commands go on", snapferry("replay commands --yes")),
        (
            "see that all is well, after half a minute",
            snapferry("status"),
        ),
        ("see which old recovery points may go", snapferry("prune")),
        ("have them removed", snapferry("prune --yes")),
        (
            "write a page about it all",
            snapferry("report --html report.html"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::faults::World;

    #[test]
    fn what_can_be_broken_is_named_as_in_the_list_of_faults() {
        for breakage in Breakage::value_variants() {
            let name = breakage.to_possible_value().unwrap();
            assert_eq!(name.get_name(), breakage.fault().name());
            assert!(breakage.fault().is_injected_by(World::Demo));
        }
    }

    #[test]
    fn the_tutorial_goes_through_every_step_in_its_order() {
        let page = include_str!("../../../docs/TUTORIAL.md");
        let mut from = 0;
        for (_, command) in steps(Breakage::KeyDisabled) {
            let at = page[from..].find(&format!("\n{command}\n"));
            from += at.unwrap_or_else(|| panic!("{command} is missing after byte {from}"));
            from += 1;
        }
    }
}
