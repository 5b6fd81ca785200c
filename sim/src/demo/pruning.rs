//! The stack's pruner at the demo's speed, and what became of the old snapshots.
//!
//! What must go is said by a slow reference over what was put there, and what is there by the model of RDS. What the
//! pruner says of itself must agree with both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::fleet::{RECOVERY, snapshots};
use super::old_snapshots::{Kind, OldSnapshot, OldSnapshots, found};
use super::policies::Keep;
use crate::local::{Client, ClientError, JsonService};
use crate::rds::{Rds, Snapshot, Stage};

/// How often the pruner is invoked, instead of once an hour.
const PRUNE_EVERY: Duration = Duration::from_secs(2);
/// How many more rounds it gets at the end. A round that finds nothing more to remove is the last one.
const ROUNDS_MAX: usize = 20;

/// Why a recovery point goes.
const NO_RULE: &str = "no rule keeps it";
const FAILED: &str = "RDS reports it as failed";

/// What became of the snapshots that were there before the demo began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// This stack's recovery points that are gone.
    pub removed: u64,
    /// This stack's that are still there.
    pub kept: u64,
    /// Those that a round had noted before one removed something.
    pub noted: u64,
    /// Those among the kept ones that a person holds.
    pub held: u64,
    /// Other people's snapshots that are gone or changed.
    pub foreign_touched: u64,
    /// Databases and policies whose newest good recovery point is gone.
    pub last_good_touched: u64,
    /// The removed ones by the reason why they may go.
    pub by_reason: BTreeMap<&'static str, u64>,
}

/// What the rounds have shown.
#[derive(Debug, Default)]
struct Seen {
    /// Everything that was ever noted in the table.
    noted: BTreeSet<String>,
    /// What RDS was asked to delete by the pruner's answers, and why.
    removed: BTreeMap<String, String>,
}

/// A running schedule of the pruner; dropping it ends it.
pub(super) struct Pruning {
    pruner: Pruner,
    schedule: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Pruner {
    client: Client,
    function: String,
    table: String,
    seen: Arc<Mutex<Seen>>,
    /// It is held while a round is made.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Pruning {
    /// Begins with a round at once, if it is `scheduled`.
    #[must_use]
    pub(super) fn start(client: Client, function: String, table: String, scheduled: bool) -> Self {
        let pruner = Pruner {
            client,
            function,
            table,
            seen: Arc::default(),
            turn: Arc::default(),
        };
        let schedule = scheduled.then(|| {
            let pruner = pruner.clone();
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(PRUNE_EVERY);
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    // If a round fails, the next does its work, as on AWS.
                    let _ = pruner.round().await;
                }
            })
        });
        Self { pruner, schedule }
    }

    /// Makes rounds until one finds nothing to remove. Says what the last one said if none did.
    pub(super) async fn finish(&self) -> Option<String> {
        if let Some(schedule) = &self.schedule {
            // A round that was broken off would go on in the function, and nobody would hear what it removed.
            let _turn = self.pruner.turn.lock().await;
            schedule.abort();
        }
        let mut last = String::new();
        for _ in 0..ROUNDS_MAX {
            match self.pruner.round().await {
                Ok(answer) if answer["removable"] == 0 => return None,
                Ok(answer) => last = answer.to_string(),
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(PRUNE_EVERY / 2).await;
        }
        Some(format!("the pruner did not come to an end: {last}"))
    }

    /// What became of the old snapshots, and everything that should be otherwise, each in a sentence. While faults were
    /// asked for, something may rightly be left to the next round.
    #[must_use]
    pub(super) fn judge(
        &self,
        old: &OldSnapshots,
        rds: &Rds,
        now: Timestamp,
        is_complete: bool,
    ) -> (Pruned, Vec<String>) {
        let seen = self.pruner.seen();
        judge(old, rds, now, is_complete, &seen)
    }
}

impl Drop for Pruning {
    fn drop(&mut self) {
        if let Some(schedule) = &self.schedule {
            schedule.abort();
        }
    }
}

impl Pruner {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn round(&self) -> Result<Value, ClientError> {
        let _turn = self.turn.lock().await;
        let answer = self.client.invoke(&self.function, &json!({})).await;
        let noted = self.noted().await?;
        let answer = answer?;
        let mut seen = self.seen();
        seen.noted.extend(noted);
        for removed in answer["removed"].as_array().into_iter().flatten() {
            if let (Some(snapshot), Some(why)) = (removed[0].as_str(), removed[1].as_str()) {
                seen.removed.insert(snapshot.to_owned(), why.to_owned());
            }
        }
        Ok(answer)
    }

    /// Everything that is noted in the table.
    async fn noted(&self) -> Result<Vec<String>, ClientError> {
        let request = json!({
            "TableName": self.table,
            "FilterExpression": "begins_with(pk, :noted)",
            "ExpressionAttributeValues": { ":noted": { "S": "noted#" } },
        });
        let answer = self.client.call(JsonService::DYNAMODB, "Scan", &request);
        let answer = answer.await?;
        let items = answer["Items"].as_array().into_iter().flatten();
        let maps = items.filter_map(|item| item["noted"]["M"].as_object());
        Ok(maps.flat_map(|noted| noted.keys().cloned()).collect())
    }
}

fn judge(
    old: &OldSnapshots,
    rds: &Rds,
    now: Timestamp,
    is_complete: bool,
    seen: &Seen,
) -> (Pruned, Vec<String>) {
    let (due, newest) = due(old, rds, now);
    let mut pruned = Pruned {
        noted: seen.noted.len() as u64,
        ..Pruned::default()
    };
    let mut faults = Vec::new();
    let mut gone: BTreeSet<&String> = BTreeSet::new();
    for (arn, one) in old {
        let is_unchanged = is_unchanged(rds, one);
        if one.kind.is_foreign() {
            if !is_unchanged {
                pruned.foreign_touched += 1;
                faults.push(format!("{arn}, which is not ours, is gone or changed"));
            }
            continue;
        }
        match (is_unchanged, due.get(arn)) {
            (true, None) => {
                pruned.kept += 1;
                pruned.held += u64::from(one.kind == Kind::Held);
            }
            (true, Some(why)) => {
                pruned.kept += 1;
                if is_complete {
                    faults.push(format!("{arn} is still there, although {why}"));
                }
            }
            (false, Some(why)) => {
                pruned.removed += 1;
                *pruned.by_reason.entry(why).or_default() += 1;
                gone.insert(arn);
            }
            (false, None) => {
                pruned.removed += 1;
                pruned.last_good_touched += u64::from(newest.contains(arn));
                faults.push(format!("{arn} was removed, which is {:?}", one.kind));
            }
        }
    }
    let unnoted = gone.iter().filter(|arn| !seen.noted.contains(**arn));
    faults.extend(unnoted.map(|arn| format!("{arn} was removed, and no round had noted it")));
    if is_complete {
        let of_product: BTreeMap<&str, &str> = seen
            .removed
            .iter()
            .map(|(arn, why)| (arn.as_str(), why.as_str()))
            .collect();
        let of_reference = due.iter().map(|(arn, why)| (arn.as_str(), *why));
        let of_reference: BTreeMap<&str, &str> = of_reference.collect();
        let all = of_product.keys().chain(of_reference.keys());
        let differ = |arn: &&&str| of_product.get(**arn) != of_reference.get(**arn);
        let differing: BTreeSet<&&str> = all.filter(differ).collect();
        if !differing.is_empty() {
            faults.push(format!(
                "the pruner says otherwise than the reference of {differing:?}"
            ));
        }
    }
    (pruned, faults)
}

fn is_unchanged(rds: &Rds, old: &OldSnapshot) -> bool {
    let before = &old.snapshot;
    let now = found(rds, before.family, &before.name);
    now.is_some_and(|now| {
        now.stage() == before.stage()
            && now.tags == before.tags
            && now.shared_with == before.shared_with
            && now.taken_at == before.taken_at
    })
}

/// What must go, with the reason, and the newest good one of each database and policy.
fn due(
    old: &OldSnapshots,
    rds: &Rds,
    now: Timestamp,
) -> (BTreeMap<String, &'static str>, BTreeSet<String>) {
    let mut due = BTreeMap::new();
    let mut newest = BTreeSet::new();
    let mut groups: BTreeMap<(String, &str), Vec<&OldSnapshot>> = BTreeMap::new();
    for (arn, one) in old {
        if one.kind == Kind::Failed {
            due.insert(arn.clone(), FAILED);
        }
        if one.kind.is_good() {
            let id = one.snapshot.instance.resource_id.clone();
            groups.entry((id, one.policy.name)).or_default().push(one);
        }
    }
    for ((id, policy), members) in groups {
        // What the demo itself makes counts as soon as its time has come, which runs ahead in the simulated RDS.
        let new = snapshots(rds, RECOVERY).filter(|one| {
            !old.contains_key(&one.arn)
                && one.instance.resource_id == id
                && one.tags.get("snapferry:policy") == Some(policy)
                && one.stage() == Stage::Available
                && one.taken_at <= now
        });
        let olds = members.iter().map(|one| &one.snapshot);
        let mut all: Vec<&Snapshot> = olds.chain(new).collect();
        all.sort_by_key(|one| std::cmp::Reverse((one.taken_at, &one.arn)));
        let times: Vec<Timestamp> = all.iter().map(|one| one.taken_at).collect();
        let rules = members.first().map_or(&[][..], |one| one.policy.keeps);
        let kept = kept(rules, &times);
        newest.extend(all.first().map(|one| one.arn.clone()));
        for (place, one) in all.iter().enumerate() {
            let is_held = old.get(&one.arn).is_some_and(|old| old.kind == Kind::Held);
            if !kept.contains(&place) && !is_held {
                due.insert(one.arn.clone(), NO_RULE);
            }
        }
    }
    (due, newest)
}

/// Which of these times the rules keep, slowly: the times come the newest first, and each bucket is a text.
fn kept(rules: &[Keep], times: &[Timestamp]) -> BTreeSet<usize> {
    let mut kept = BTreeSet::new();
    let Some(oldest) = times.len().checked_sub(1) else {
        return kept;
    };
    // At least one always stays.
    kept.insert(0);
    for rule in rules {
        let (count, form) = match rule {
            Keep::WithinDays(days) => {
                let after = times[0] - SignedDuration::from_hours(24 * days);
                kept.extend((0..times.len()).filter(|place| times[*place] > after));
                continue;
            }
            Keep::Last(count) => (*count, "%Y-%m-%dT%H:%M:%S"),
            Keep::Daily(count) => (*count, "%Y-%m-%d"),
            Keep::Weekly(count) => (*count, "%G-W%V"),
            Keep::Monthly(count) => (*count, "%Y-%m"),
        };
        let bucket = |place: usize| times[place].strftime(form).to_string();
        let is_newest = |place: &usize| !(0..*place).any(|newer| bucket(newer) == bucket(*place));
        let of_buckets: Vec<usize> = (0..times.len()).filter(is_newest).collect();
        kept.extend(of_buckets.iter().take(count));
        if of_buckets.len() < count {
            kept.insert(oldest);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::fleet::{self, region};
    use super::super::old_snapshots;
    use super::*;
    use crate::rds::Family;

    fn planted() -> (Rds, OldSnapshots, Timestamp) {
        let now: Timestamp = "2026-11-28T03:00:00Z".parse().unwrap();
        let fleet = fleet::draw(12, 1, now).unwrap();
        (fleet.rds, fleet.old, now)
    }

    fn delete(rds: &mut Rds, arn: &str, old: &OldSnapshots, now: Timestamp) {
        let one = &old[arn].snapshot;
        let at = region(RECOVERY);
        let deleted = match one.family {
            Family::Instance => rds.delete_db_snapshot(&at, &one.name, now),
            Family::Cluster => rds.delete_db_cluster_snapshot(&at, &one.name, now),
        };
        deleted.unwrap();
    }

    fn seen(due: &BTreeMap<String, &'static str>) -> Seen {
        Seen {
            noted: due.keys().cloned().collect(),
            removed: due
                .iter()
                .map(|(arn, why)| (arn.clone(), (*why).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn twelve_databases_have_a_hundred_old_recovery_points_and_all_kinds_of_others() {
        let (_, old, _) = planted();
        assert_eq!(old.len(), old_snapshots::expected(12));
        let ours = old.values().filter(|one| !one.kind.is_foreign()).count();
        assert!(ours >= 100, "{ours}");
        for kind in [
            Kind::Shared,
            Kind::Held,
            Kind::Failed,
            Kind::Mismatched,
            Kind::Future,
            Kind::Orphaned,
            Kind::AnotherStacks,
            Kind::PeoplesCopy,
            Kind::Peoples,
        ] {
            assert!(old.values().any(|one| one.kind == kind), "{kind:?}");
        }
    }

    #[test]
    fn what_had_to_go_and_is_gone_keeps_every_promise_and_each_difference_is_named() {
        let (rds, old, now) = planted();
        let (due, newest) = due(&old, &rds, now);
        assert!(due.len() >= 50 && due.len() <= 100, "{}", due.len());
        let all_gone = {
            let mut rds = rds.clone();
            for arn in due.keys() {
                delete(&mut rds, arn, &old, now);
            }
            rds
        };
        let (pruned, faults) = judge(&old, &all_gone, now, true, &seen(&due));
        assert_eq!(faults, [""; 0]);
        assert_eq!(pruned.removed, due.len() as u64);
        assert_eq!(pruned.by_reason.values().sum::<u64>(), pruned.removed);
        assert_eq!((pruned.noted, pruned.held), (pruned.removed, 2));
        assert_eq!((pruned.foreign_touched, pruned.last_good_touched), (0, 0));

        // Nothing has gone: each that had to is named, unless faults were asked for.
        let (_, faults) = judge(&old, &rds, now, true, &Seen::default());
        assert_eq!(faults.len(), due.len() + 1);
        let (_, faults) = judge(&old, &rds, now, false, &Seen::default());
        assert_eq!(faults, [""; 0]);

        // One more is gone than had to.
        for (arn, one) in &old {
            if due.contains_key(arn) || one.kind == Kind::Good && !newest.contains(arn) {
                continue;
            }
            let mut rds = all_gone.clone();
            delete(&mut rds, arn, &old, now);
            let (pruned, faults) = judge(&old, &rds, now, true, &seen(&due));
            assert_eq!(faults.len(), 1, "{arn}");
            let touched = (pruned.foreign_touched, pruned.last_good_touched);
            assert_eq!(
                touched,
                (
                    u64::from(one.kind.is_foreign()),
                    u64::from(newest.contains(arn))
                ),
                "{arn}"
            );
        }
    }

    #[test]
    fn the_reference_keeps_what_restic_keeps() {
        let at = |day: &str| -> Timestamp { format!("2026-11-{day}T03:00:00Z").parse().unwrap() };
        let times = ["28", "27", "22", "21", "08"].map(at);
        let cases: [(Keep, &[usize]); 6] = [
            (Keep::Last(2), &[0, 1]),
            (Keep::Daily(3), &[0, 1, 2]),
            // The 22nd is the Sunday of its week, the 21st the Saturday.
            (Keep::Weekly(2), &[0, 2]),
            (Keep::Weekly(4), &[0, 2, 4]),
            (Keep::Monthly(2), &[0, 4]),
            // Exactly six days before the newest is out.
            (Keep::WithinDays(6), &[0, 1]),
        ];
        for (rule, expected) in cases {
            let expected: BTreeSet<usize> = expected.iter().copied().collect();
            assert_eq!(kept(&[rule], &times), expected, "{rule:?}");
        }
    }
}
