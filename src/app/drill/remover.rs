//! One round of the remover: the function that removes what drills left, by the same two rules as `snapferry drill --clean`.
//!
//! It waits for nothing. What it asks RDS to delete is stored first, and the next round proves that it is gone.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::app::drill::act::save;
use crate::app::drill::clean::{DrilledDatabase, Leftovers, look_for_leftovers, note_end};
use crate::app::drill::look::look_at_drills;
use crate::app::drill::plan::stored_drills;
use crate::app::drill::remove::{Removal, remove_drilled};
use crate::app::restore::RestoreError;
use crate::domain::drill::name::DrillId;
use crate::domain::drill::next_step::{DrillStep, next_drill_step};
use crate::domain::drill::record::DrillRecord;
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::StackId;
use crate::error::chain;
use crate::ports::{
    Clock, DeleteDrilled, DescribeRestored, ListRestored, OpenRemovals, ReadDrills, ReadFreeze,
    ReadOpenRemovals, StoreDrills, StoreOpenRemovals, Written,
};

permissions! {
    /// Everything that the remover may do.
    Permissions: Clock DeleteDrilled DescribeRestored ListRestored ReadDrills ReadFreeze ReadOpenRemovals StoreDrills StoreOpenRemovals
}

/// What a round is made with.
#[derive(Debug, Clone)]
pub struct RemoverConfig {
    /// The stack.
    pub stack: StackId,
    /// The recovery region.
    pub home: Region,
    /// How many names one question to RDS holds.
    pub width: usize,
}

/// What a round did. Databases are named by their identifiers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoundReport {
    /// How many databases have the name or the tag of a drill.
    pub there: usize,
    /// What RDS was asked to delete.
    pub asked: Vec<String>,
    /// What nothing is left of: the drills that an earlier round removed.
    pub gone: Vec<String>,
    /// What stays, each with the reason.
    pub stays: Vec<(String, String)>,
    /// What is past its deadline and is not being deleted, each with the reason. A person pays for it.
    pub left_behind: Vec<(String, String)>,
    /// Removals that failed because RDS or the table did not answer. The next round tries again.
    pub failed: Vec<(String, String)>,
    /// Whether another round ran at the same time. This one then removed nothing.
    pub is_second: bool,
}

type DrillKey = (ResourceId, DrillId);

/// Makes one round: lists the region, proves what the rounds before removed, and asks RDS to delete what both rules give up.
///
/// # Errors
/// If RDS does not list the region to its end, or the table does not answer.
pub async fn remove_round<W: Permissions>(
    world: &W,
    config: &RemoverConfig,
) -> Result<RoundReport, RestoreError> {
    let (stack, home) = (&config.stack, &config.home);
    let mut left = look_for_leftovers(world, stack, home).await?;
    let before = world.open_removals().await?;
    let absent: BTreeSet<ResourceId> = before
        .drills
        .iter()
        .map(|(of, _)| of.clone())
        .filter(|of| !left.stored.contains_key(of))
        .collect();
    let absent = stored_drills(world, absent.into_iter()).await?;
    left.stored.extend(absent);
    let mut report = RoundReport {
        there: left.all.len(),
        ..RoundReport::default()
    };
    let mut open = prove_gone(world, config, &mut left, &before.drills, &mut report).await?;
    let now = world.now();
    let removed = left.all.iter();
    open.extend(removed.filter_map(|one| removed_drill(stack, &left, one, now)));
    // Stored before RDS is asked: what is deleted is always known to the next round.
    if open != before.drills {
        let next = OpenRemovals {
            revision: before.revision + 1,
            drills: open,
        };
        if world.store_open_removals(&next).await? == Written::Conflict {
            report.is_second = true;
            return Ok(report);
        }
    }
    let going: Vec<DrilledDatabase> = left.going().cloned().collect();
    for one in &going {
        let name = one.found.name.clone();
        match remove(world, config, &mut left, one).await {
            Ok(Removal::Asked | Removal::Gone) => report.asked.push(name),
            Ok(removal) => report.note_stays(one, removal.to_string()),
            Err(error) => {
                let why = chain(&error);
                report.note_stays(one, why.clone());
                report.failed.push((name, why));
            }
        }
    }
    for one in &left.all {
        if let Err(why) = &one.decision {
            report.note_stays(one, why.to_string());
        }
    }
    Ok(report)
}

impl RoundReport {
    fn note_stays(&mut self, one: &DrilledDatabase, why: String) {
        let row = (one.found.name.clone(), why);
        if one.is_overdue {
            self.left_behind.push(row.clone());
        }
        self.stays.push(row);
    }
}

/// The drill that a database belongs to, if it is over and the database is to go or goes already.
fn removed_drill(
    stack: &StackId,
    left: &Leftovers,
    one: &DrilledDatabase,
    now: Timestamp,
) -> Option<DrillKey> {
    let goes = one.decision.is_ok() || one.found.status == "deleting";
    let record = left.record(stack, &one.found).filter(|_| goes)?;
    let is_open = record.is_open() && record.is_over(now);
    is_open.then(|| (record.of.clone(), record.id.clone()))
}

/// Asks RDS to delete one database. Its drill's record has come to its end by then.
async fn remove<W: Permissions>(
    world: &W,
    config: &RemoverConfig,
    left: &mut Leftovers,
    one: &DrilledDatabase,
) -> Result<Removal, RestoreError> {
    let (stack, home) = (&config.stack, &config.home);
    note_end(world, stack, left, one).await?;
    let record = left.record(stack, &one.found);
    let what = (one.family, one.found.name.as_str());
    Ok(remove_drilled(world, (stack, home), what, record).await?)
}

/// Notes for the drills of the rounds before of which RDS shows nothing any more that they are gone. The answer is the other
/// ones.
async fn prove_gone<W: Permissions>(
    world: &W,
    config: &RemoverConfig,
    left: &mut Leftovers,
    before: &BTreeSet<DrillKey>,
    report: &mut RoundReport,
) -> Result<BTreeSet<DrillKey>, RestoreError> {
    let now = world.now();
    let record = |(of, id): &DrillKey| -> Option<DrillRecord> {
        let record = left.stored.get(of)?.drills.find(id)?;
        record.is_open().then(|| {
            let mut record = record.clone();
            record.end_at_deadline();
            record
        })
    };
    let records: Vec<DrillRecord> = before.iter().filter_map(record).collect();
    let references: Vec<&DrillRecord> = records.iter().collect();
    let seen = look_at_drills(world, (&config.home, config.width), &references).await?;
    let mut open = BTreeSet::new();
    for (mut record, seen) in records.into_iter().zip(seen) {
        let key = (record.of.clone(), record.id.clone());
        if next_drill_step(None, &record, &seen, now) != DrillStep::Gone {
            open.insert(key);
            continue;
        }
        let name = record.restore.name.clone();
        record.gone_at = Some(now);
        let Some(stored) = left.stored.get_mut(&record.of) else {
            continue;
        };
        match save(world, stored, record).await? {
            Written::Stored => report.gone.push(name),
            Written::Conflict => drop(open.insert(key)),
        }
    }
    Ok(open)
}
