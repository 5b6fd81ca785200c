//! `cargo demo --break FAULT --keep`: breaks one thing, waits until commands wait for a person, and says what to look at and
//! what to type. Nobody repairs it but the person at the terminal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::carrier::Carrier;
use super::faults::Fault;
use super::fleet::{Database, RECOVERY, SOURCES, region, snapshots};
use super::old_snapshots::OldSnapshots;
use super::policies::STANDARD;
use super::progress::progress_of_all;
use super::schedule::plan_every;
use super::view::{Out, View};
use crate::local::{Client, ClientError, JsonService, LocalStack};
use crate::rds::Family;
use crate::rds_http::RdsService;

/// How often the local world is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long it may take until every command that cannot go on waits for a person.
const BROKEN_WITHIN: Duration = Duration::from_mins(4);

/// The name of the policy that somebody attaches to the worker's role.
const SOMEBODYS_POLICY: &str = "somebodys-deny";

/// What can be broken for practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Breakage {
    /// The recovery region's key is disabled, as KMS and RDS see it.
    KeyDisabled,
    /// The recovery region has as many manual snapshots of instances as it may.
    QuotaFull,
    /// The worker's role may not copy any more.
    AccessDenied,
    /// The rule that forwards one source region's events is switched off.
    EventsLost,
}

impl Breakage {
    /// The fault of the list that it is.
    fn fault(self) -> Fault {
        match self {
            Self::KeyDisabled => Fault::KeyDisabled,
            Self::QuotaFull => Fault::QuotaFull,
            Self::AccessDenied => Fault::AccessDenied,
            Self::EventsLost => Fault::EventsLost,
        }
    }

    /// What is broken, in a sentence.
    fn what(self) -> String {
        match self {
            Self::KeyDisabled => {
                "KMS has disabled the key of the policies default and nightly in the recovery region".to_owned()
            }
            Self::QuotaFull => {
                "the recovery region has as many manual snapshots of instances as its quota allows".to_owned()
            }
            Self::AccessDenied => format!(
                "somebody has attached the policy {SOMEBODYS_POLICY} to the worker's role, which denies it every copy"
            ),
            Self::EventsLost => {
                format!("the rule that forwards the events of {} is switched off", SOURCES[0])
            }
        }
    }

    /// Whether commands wait for a person. Else the sweep does without what is broken.
    fn parks(self) -> bool {
        self != Self::EventsLost
    }

    /// What a person types to repair it, each with its reason.
    fn repair(self) -> Vec<(&'static str, String)> {
        let command = match self {
            Self::KeyDisabled => {
                let key = STANDARD.key;
                format!("aws kms enable-key --region {RECOVERY} --key-id {key}")
            }
            Self::QuotaFull => {
                return vec![
                    (
                        "see which old recovery points may go",
                        "snapferry prune".to_owned(),
                    ),
                    (
                        "have them removed, which makes room",
                        "snapferry prune --yes".to_owned(),
                    ),
                ];
            }
            Self::AccessDenied => format!(
                "aws iam delete-role-policy --role-name \"${{SNAPFERRY_WORKER_ROLE_ARN##*/}}\" --policy-name {SOMEBODYS_POLICY}"
            ),
            Self::EventsLost => {
                let place = SOURCES[0];
                format!(
                    "aws events enable-rule --region {place} --name \"$(aws events list-rules --region {place} --query 'Rules[0].Name' --output text)\""
                )
            }
        };
        vec![("repair it", command)]
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
    /// What carries RDS's events.
    pub(super) carrier: &'a Arc<Carrier>,
    /// How much faster than life RDS runs.
    pub(super) speed: f64,
}

/// The simulated RDS and its events go by what the person repairs in AWS, until this is dropped.
pub(super) struct Mirror(Option<JoinHandle<()>>);

impl Drop for Mirror {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn is_enabled(client: &Client) -> Result<bool, ClientError> {
    let key = json!({ "KeyId": STANDARD.key });
    let answer = client.call(JsonService::KMS, "DescribeKey", &key).await?;
    Ok(answer["KeyMetadata"]["KeyState"] == "Enabled")
}

async fn is_forwarded(client: &Client, rule: &Value) -> Result<bool, ClientError> {
    let answer = client.call(JsonService::EVENTS, "DescribeRule", rule);
    Ok(answer.await?["State"] == "ENABLED")
}

impl Scene<'_> {
    /// Breaks it, plans, and waits until nothing goes on without a person. While the answer lives, a repair has its effect.
    ///
    /// # Errors
    /// When the local world does not answer, or does not come to a stop.
    pub(super) async fn play(&self, out: &Out) -> anyhow::Result<Mirror> {
        let client = self.stack.client();
        let mirror = self.break_it(client).await?;
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
            let has_come_to_a_stop = match self.breakage.parks() {
                true => running > 0 && parked == running,
                false => running == 0,
            };
            if all_started && has_come_to_a_stop {
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
        drop(view);
        let (fault, what) = (self.breakage.fault(), self.breakage.what());
        let so = match self.breakage.parks() {
            true => format!("{parked} commands wait for a person."),
            false => "The recovery points were made all the same: the sweep asked RDS.".to_owned(),
        };
        out.line(format_args!("\nBroken ({fault}): {what}. {so}"));
        Ok(mirror)
    }

    async fn break_it(&self, client: &Client) -> anyhow::Result<Mirror> {
        let task = match self.breakage {
            Breakage::KeyDisabled => {
                let key = json!({ "KeyId": STANDARD.key });
                client.call(JsonService::KMS, "DisableKey", &key).await?;
                let (client, rds) = (client.clone(), Arc::clone(self.rds));
                Some(tokio::spawn(async move {
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
            Breakage::QuotaFull => {
                let mut model = self.rds.model();
                let of_instances =
                    snapshots(&model, RECOVERY).filter(|one| one.family == Family::Instance);
                let there = of_instances.count();
                model.config_mut().manual_snapshot_quota = there;
                None
            }
            Breakage::AccessDenied => {
                let role = self.stack.output("WorkerRoleArn")?;
                let role = role.rsplit('/').next().unwrap_or(role);
                let denial = json!({
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Deny",
                        "Action": ["rds:CopyDBSnapshot", "rds:CopyDBClusterSnapshot"],
                        "Resource": "*",
                    }],
                });
                let input = [
                    ("RoleName", role),
                    ("PolicyName", SOMEBODYS_POLICY),
                    ("PolicyDocument", &denial.to_string()),
                ];
                client.change_iam("PutRolePolicy", &input).await?;
                None
            }
            Breakage::EventsLost => {
                let client = client.in_region(SOURCES[0]);
                let all = json!({});
                let rules = client.call(JsonService::EVENTS, "ListRules", &all);
                let rule = json!({ "Name": rules.await?["Rules"][0]["Name"] });
                client
                    .call(JsonService::EVENTS, "DisableRule", &rule)
                    .await?;
                self.carrier.forward(SOURCES[0], false);
                let carrier = Arc::clone(self.carrier);
                Some(tokio::spawn(async move {
                    loop {
                        // If EventBridge does not answer, it is asked again.
                        if let Ok(is_on) = is_forwarded(&client, &rule).await {
                            carrier.forward(SOURCES[0], is_on);
                        }
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                }))
            }
        };
        Ok(Mirror(task))
    }
}

/// What a person looks at and types, in order. docs/TUTORIAL.md goes through it.
#[must_use]
pub(super) fn steps(breakage: Breakage) -> Vec<(&'static str, String)> {
    let snapferry = |why, what: &str| (why, format!("snapferry {what}"));
    let mut steps = vec![
        snapferry("see what is in trouble", "status"),
        snapferry("see what the doctor finds", "doctor"),
    ];
    if breakage.parks() {
        let which = "see which commands wait, and why";
        steps.push(snapferry(which, "replay commands"));
    }
    steps.extend(breakage.repair());
    if breakage.parks() {
        let replay = snapferry("let the commands go on", "replay commands --yes");
        steps.push(replay);
        let well = "see that all is well, after half a minute";
        steps.push(snapferry(well, "status"));
    } else {
        steps.push(snapferry("see that it is repaired", "doctor"));
    }
    if breakage == Breakage::KeyDisabled {
        let prune = snapferry("see which old recovery points may go", "prune");
        steps.push(prune);
        steps.push(snapferry("have them removed", "prune --yes"));
        let page = "write a page about it all";
        steps.push(snapferry(page, "report --html report.html"));
    }
    steps
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn what_can_be_broken_is_named_as_in_the_list_of_faults() {
        for breakage in Breakage::value_variants() {
            let name = breakage.to_possible_value().unwrap();
            assert_eq!(name.get_name(), breakage.fault().name());
        }
    }

    #[test]
    fn the_tutorial_goes_through_every_step_of_each_in_its_order() {
        let page = include_str!("../../../docs/TUTORIAL.md");
        for breakage in Breakage::value_variants() {
            let begin = format!("--break {} --keep\n", breakage.fault());
            let mut from = page.find(&begin).expect(&begin);
            for (_, command) in steps(*breakage) {
                let at = page[from..].find(&format!("\n{command}\n"));
                from += at.unwrap_or_else(|| panic!("{command} is missing after byte {from}"));
                from += 1;
            }
        }
    }
}
