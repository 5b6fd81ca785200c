//! `snapferry waits`: lists the open waits.

use std::collections::BTreeSet;
use std::io::Write;
use std::pin::pin;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use serde::Serialize;

use super::arguments::{StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::show::{age, database, short, table, write_json, write_remedies, write_table};
use crate::aws::{Aws, for_operators};
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::run::failure::Remedy;
use crate::domain::run::learnt_limit::LearntLimit;
use crate::domain::run::slot_limits::CopySlots;
use crate::domain::run::wait::Wait;
use crate::ports::{Clock, ListOpen, ReadLearntLimit, open_pages};
use crate::settings::Stack;

pub(super) async fn execute(
    arguments: &StackArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let stack = Stack::from_variables(variables(environment, arguments.flags()))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let aws = Aws::new(sdk, stack.table.clone(), ());
    list_waits(&aws, stack.copy_slots, arguments.format.is_json(), out).await
}

/// Lists the open waits, the oldest first, and how many copy slots are taken.
///
/// # Errors
/// If the list cannot be read, or the answer cannot be written.
pub async fn list_waits<W: ListOpen + ReadLearntLimit + Clock>(
    world: &W,
    copy_slots: CopySlots,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let mut waits = Vec::new();
    let mut holders = BTreeSet::new();
    let mut pages = pin!(open_pages(world));
    while let Some(page) = pages.try_next().await? {
        waits.extend(page.waits);
        holders.extend(page.slots.holders());
    }
    // The sweeper hands out this many: the stack's slots, or fewer if the policies of the open copies allow fewer.
    let options = waits.iter().map(|wait| &wait.command.run.options);
    let copy_slots = options.fold(copy_slots, |slots, options| CopySlots {
        all: options.copy_slots.unwrap_or(slots.all).min(slots.all),
        clusters: options
            .cluster_copy_slots
            .unwrap_or(slots.clusters)
            .min(slots.clusters),
    });
    waits.sort_by(|a, b| (a.opened_at, &a.resource).cmp(&(b.opened_at, &b.resource)));
    let mut learnt = Vec::new();
    for family in Family::ALL {
        let known = world.learnt_limit(family).await?;
        learnt.extend(known.map(|known| (family, known)));
    }
    if json {
        let mut list = ListJson::of(&waits, &holders, copy_slots);
        list.copy_slots.learnt = learnt.iter().map(LearntJson::of).collect();
        write_json(out, &list)?;
    } else {
        write(out, &waits, &holders, copy_slots, world.now())?;
        for (family, known) in &learnt {
            writeln!(
                out,
                "RDS has allowed {} copies of {} at once; it is asked for one more after {}",
                known.in_flight,
                family_word(*family),
                known.retry_at()
            )?;
        }
    }
    Ok(Ended::Well)
}

fn write(
    out: &mut impl Write,
    waits: &[Wait],
    holders: &BTreeSet<RdsArn>,
    copy_slots: CopySlots,
    now: Timestamp,
) -> Result<(), CliError> {
    if waits.is_empty() {
        writeln!(out, "no open waits")?;
    } else {
        let mut rows = table([
            "DATABASE",
            "STEP",
            "PHASE",
            "SINCE",
            "OPEN FOR",
            "REGION",
            "RESOURCE",
            "EXECUTION",
            "REMEDY",
            "TROUBLE",
        ]);
        for wait in waits {
            rows.add_row([
                database(&wait.command.run.database.arn),
                wait.command.step.as_str().to_owned(),
                wait.phase.as_str().to_owned(),
                age(wait.since, now),
                age(wait.opened_at, now),
                wait.resource.region().to_string(),
                wait.resource.name().to_owned(),
                wait.command.execution.name().to_owned(),
                remedy_of(wait).map_or_else(String::new, |remedy| remedy.as_str().to_owned()),
                wait.current_error()
                    .map_or_else(String::new, |trouble| short(&trouble.why)),
            ]);
        }
        write_table(out, &rows)?;
        write_remedies(out, waits.iter().filter_map(remedy_of))?;
    }
    let CopySlots { all, clusters } = copy_slots;
    write!(out, "\ncopy slots taken: {}/{all}", holders.len())?;
    let resources = waits.iter().map(|wait| &wait.resource);
    if resources.chain(holders).any(is_of_cluster) {
        let taken = holders.iter().filter(|copy| is_of_cluster(copy)).count();
        write!(out, ", by clusters: {taken}/{clusters}")?;
    }
    writeln!(out)?;
    Ok(())
}

fn family_word(family: Family) -> &'static str {
    match family {
        Family::Instance => "instances",
        Family::Cluster => "clusters",
    }
}

fn is_of_cluster(copy: &RdsArn) -> bool {
    copy.family() == Family::Cluster
}

fn remedy_of(wait: &Wait) -> Option<Remedy> {
    wait.current_error().and_then(|trouble| trouble.remedy)
}

#[derive(Serialize)]
struct ListJson {
    waits: Vec<WaitJson>,
    copy_slots: SlotsJson,
}

/// A wait as JSON, without its token.
#[derive(Serialize)]
struct WaitJson {
    database: String,
    resource_id: String,
    policy: String,
    step: &'static str,
    phase: &'static str,
    since: String,
    opened_at: String,
    resource: String,
    execution: String,
    trouble: Option<LastErrorJson>,
}

#[derive(Serialize)]
struct LastErrorJson {
    at: String,
    why: String,
    remedy: Option<&'static str>,
}

#[derive(Serialize)]
struct SlotsJson {
    most: usize,
    most_clusters: usize,
    taken: Vec<String>,
    /// What RDS's refusals have taught, for each family that it has refused copies of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learnt: Vec<LearntJson>,
}

#[derive(Serialize)]
struct LearntJson {
    family: &'static str,
    in_flight: usize,
    since: String,
    retry_at: String,
}

impl LearntJson {
    fn of((family, known): &(Family, LearntLimit)) -> Self {
        Self {
            family: family_word(*family),
            in_flight: known.in_flight,
            since: known.since.to_string(),
            retry_at: known.retry_at().to_string(),
        }
    }
}

impl ListJson {
    fn of(waits: &[Wait], holders: &BTreeSet<RdsArn>, slots: CopySlots) -> Self {
        Self {
            waits: waits.iter().map(WaitJson::of).collect(),
            copy_slots: SlotsJson {
                most: slots.all,
                most_clusters: slots.clusters,
                taken: holders.iter().map(ToString::to_string).collect(),
                learnt: Vec::new(),
            },
        }
    }
}

impl WaitJson {
    fn of(wait: &Wait) -> Self {
        let run = &wait.command.run;
        Self {
            database: run.database.arn.to_string(),
            resource_id: run.database.resource_id.to_string(),
            policy: run.policy.to_string(),
            step: wait.command.step.as_str(),
            phase: wait.phase.as_str(),
            since: wait.since.to_string(),
            opened_at: wait.opened_at.to_string(),
            resource: wait.resource.to_string(),
            execution: wait.command.execution.to_string(),
            trouble: wait.current_error().map(|trouble| LastErrorJson {
                at: trouble.at.to_string(),
                why: trouble.why.clone(),
                remedy: trouble.remedy.map(Remedy::as_str),
            }),
        }
    }
}
