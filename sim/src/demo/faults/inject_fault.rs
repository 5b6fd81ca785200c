//! Faults that no call brings about: deleted copies, other people's copies, garbage in the queues, forged hints.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinHandle;

use super::plan::Plan;
use super::rds_outages::RdsOutages;
use super::tally::Tally;
use super::{Fault, person::Queues};
use crate::demo::fleet::{
    RECOVERY, REGIONS, SOMEBODYS_SNAPSHOT, SOURCES, THIRD_PARTIES, region, snapshots,
};
use crate::local::{BusEvent, Client, ClientError, JsonService};
use crate::rds::{CopyDbSnapshot, Ending, Family, Rds, Snapshot, Stage};
use crate::rds_http::RdsService;

/// How often the world is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The shortest time between two forged hints.
const FORGED_EVERY: Duration = Duration::from_millis(900);

/// Messages that no function can read, each wrong in another way.
const GARBAGE: [&str; 3] = [
    "\u{1F9FB} this is not JSON {",
    r#"{"schema":1,"step":"copy","note":"neither a command nor an event"}"#,
    r#"["RDS-EVENT-0060", null, {"detail": 7}]"#,
];

/// What the injection of faults needs.
pub(in super::super) struct Scene {
    /// The simulated RDS.
    pub(in super::super) rds: Arc<RdsService>,
    /// The emulator.
    pub(in super::super) client: Client,
    /// The queues.
    pub(in super::super) queues: Queues,
    /// The faults of RDS.
    pub(in super::super) rds_outages: Arc<RdsOutages>,
    /// The counts of injected faults.
    pub(in super::super) tally: Tally,
}

/// The running injection. Dropping it ends it.
pub(in super::super) struct FaultInjector {
    failed: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl FaultInjector {
    /// Begins.
    #[must_use]
    pub(in super::super) fn start(plan: &Plan, scene: Scene) -> Self {
        let failed = Arc::<Mutex<Vec<String>>>::default();
        let complaints = Arc::clone(&failed);
        let (garbage, mut forged) = (plan.garbage, plan.forged);
        let task = tokio::spawn(async move {
            if let Err(error) = litter(&scene, garbage).await {
                complain(&complaints, &error);
            }
            let mut since_forged = FORGED_EVERY;
            loop {
                delete_what_vanishes(&scene);
                if scene.rds_outages.strangers_may_go() {
                    let now = scene.rds.now();
                    send_strangers_off(&mut scene.rds.model(), now);
                }
                since_forged += LOOK_EVERY;
                if forged > 0 && since_forged >= FORGED_EVERY {
                    match forge(&scene).await {
                        Ok(true) => {
                            forged -= 1;
                            since_forged = Duration::ZERO;
                        }
                        Ok(false) => {}
                        Err(error) => complain(&complaints, &error),
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { failed, task }
    }

    /// What could not be done, because of faults of the local world.
    #[must_use]
    pub(in super::super) fn failed(&self) -> Vec<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.clone()
    }
}

impl Drop for FaultInjector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn complain(complaints: &Mutex<Vec<String>>, error: &ClientError) {
    let mut complaints = complaints.lock().unwrap_or_else(PoisonError::into_inner);
    complaints.push(error.to_string());
}

/// Whether a message is garbage that the demo has put into a queue.
#[must_use]
pub(super) fn is_garbage(body: &str) -> bool {
    GARBAGE.contains(&body)
}

async fn litter(scene: &Scene, each: usize) -> Result<(), ClientError> {
    for queue in [&scene.queues.commands, &scene.queues.events] {
        for body in GARBAGE.iter().cycle().take(each) {
            let message = json!({ "QueueUrl": queue, "MessageBody": body });
            scene
                .client
                .call(JsonService::SQS, "SendMessage", &message)
                .await?;
            scene.tally.count(Fault::Garbage);
        }
    }
    Ok(())
}

/// Deletes each unfinished copy by Snapferry that is planned never to end.
fn delete_what_vanishes(scene: &Scene) {
    let (now, recovery) = (scene.rds.now(), region(RECOVERY));
    let mut rds = scene.rds.model();
    let vanishing =
        |copy: &&Snapshot| copy.planned.ending == Ending::Never && copy.stage() == Stage::Copying;
    let found: Vec<(Family, String)> = snapshots(&rds, RECOVERY)
        .filter(vanishing)
        .map(|copy| (copy.family, copy.name.clone()))
        .collect();
    for (family, name) in found {
        let deleted = match family {
            Family::Instance => rds.delete_db_snapshot(&recovery, &name, now),
            Family::Cluster => rds.delete_db_cluster_snapshot(&recovery, &name, now),
        };
        if deleted.is_ok() {
            scene.tally.count(Fault::CopyVanished);
        }
    }
}

/// Begins other people's copies until RDS allows no more. False while their own source is not ready.
pub(super) fn let_third_parties_in(rds: &mut Rds, now: Timestamp) -> bool {
    let recovery = region(RECOVERY);
    let Some(source) = rds.snapshot(&region(SOURCES[0]), SOMEBODYS_SNAPSHOT) else {
        return false;
    };
    let source = source.arn.clone();
    let places = rds.config().max_copies_in_flight;
    let free = places.saturating_sub(rds.copies_in_flight(&recovery));
    for n in 0..free {
        let copy = CopyDbSnapshot {
            source: source.clone(),
            target: format!("{THIRD_PARTIES}{n}"),
            ..CopyDbSnapshot::default()
        };
        if rds.copy_db_snapshot(&recovery, &copy, now).is_err() {
            return n > 0;
        }
    }
    true
}

fn send_strangers_off(rds: &mut Rds, now: Timestamp) {
    let recovery = region(RECOVERY);
    let theirs: Vec<String> = rds
        .snapshots(&recovery)
        .filter(|copy| copy.name.starts_with(THIRD_PARTIES))
        .map(|copy| copy.name.clone())
        .collect();
    for name in theirs {
        // A copy that is already being deleted is fine.
        let _ = rds.delete_db_snapshot(&recovery, &name, now);
    }
}

/// Sends an event that an unfinished snapshot or copy has finished. False if there is none.
async fn forge(scene: &Scene) -> Result<bool, ClientError> {
    let event = {
        let rds = scene.rds.model();
        let under_way = |place: &str| {
            let could_be = |one: &&Snapshot| {
                one.stage().is_under_way()
                    && !one.name.starts_with(THIRD_PARTIES)
                    // RDS has no event for a cluster's copy that could be forged.
                    && (one.family == Family::Instance || place != RECOVERY)
            };
            let found = snapshots(&rds, place).find(could_be);
            found.map(|one| lie(one, place, scene.rds.now()))
        };
        REGIONS.iter().rev().find_map(|place| under_way(place))
    };
    let Some(event) = event else {
        return Ok(false);
    };
    scene.client.put_events(&[event]).await?;
    scene.tally.count(Fault::ForgedHint);
    Ok(true)
}

fn lie(about: &Snapshot, place: &str, now: Timestamp) -> BusEvent {
    let (id, category, message) = match about.family {
        Family::Cluster => (
            "RDS-EVENT-0075",
            "backup",
            "Manual cluster snapshot created",
        ),
        Family::Instance if place == RECOVERY => (
            "RDS-EVENT-0060",
            "notification",
            "Finished copy of snapshot",
        ),
        Family::Instance => ("RDS-EVENT-0042", "creation", "Manual snapshot created"),
    };
    let (detail_type, source_type) = match about.family {
        Family::Instance => ("RDS DB Snapshot Event", "SNAPSHOT"),
        Family::Cluster => ("RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT"),
    };
    BusEvent {
        source: "aws.rds".to_owned(),
        detail_type: detail_type.to_owned(),
        detail: json!({
            "EventCategories": [category],
            "SourceType": source_type,
            "SourceArn": about.arn,
            "Date": crate::rds::with_milliseconds(now),
            "SourceIdentifier": about.name,
            "Message": message,
            "EventID": id,
        }),
        resources: vec![about.arn.clone()],
    }
}
