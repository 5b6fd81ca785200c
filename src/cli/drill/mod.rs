//! `snapferry drill`: restores recovery points under names of their own, checks, measures and deletes what was restored,
//! and removes what drills left behind.

pub(super) mod arguments;
mod evidence;
mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde_json::json;

use super::arguments::{StackArguments, variables};
use super::confirmed::confirmed;
use super::not_found::not_found;
use super::outcome::{CliError, Ended};
use super::pace;
use super::show::write_json;
use super::unfinished::Unfinished;
use crate::app::carry_out_all::Pause;
use crate::app::drill::act;
use crate::app::drill::clean::{self, clean, look_for_leftovers};
use crate::app::drill::plan::{self, DrillOf, DrillPlans, DrillRow, plan_drills};
use crate::app::drill::remove::Removal;
use crate::app::drill::run::{FollowedDrill, carry_out_drills};
use crate::aws::{Aws, Examines, for_operators, patient};
use crate::domain::drill::record::DrillRecord;
use crate::domain::id::arn::Region;
use crate::domain::id::tags::{PolicyName, StackId};
use crate::ports::CallerIdentity;
use crate::settings::{Planning, Stack};

use arguments::DrillArguments;
use evidence::EvidenceJson;

pub use text::{drill_progress, write_drills};

/// What is done about drills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillAction {
    /// Their plan is shown.
    DryRun,
    /// It is carried out, after a person was asked unless this says that one has agreed.
    CarryOut {
        /// Whether nobody is asked.
        is_confirmed: bool,
        /// How long to wait between two looks at RDS.
        look_every: Duration,
    },
    /// What is stored of the last ones is shown.
    History,
}

pub(super) async fn execute(
    arguments: &StackArguments,
    options: &DrillArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let json = arguments.format.is_json();
    let may_ask = !json && io::stdin().is_terminal();
    let only_looks = options.dry_run || options.history || options.clean;
    if !only_looks && !options.yes && !may_ask {
        return Err(CliError::Argument {
            name: "drill",
            what: "it makes databases in the recovery region and deletes them: add --yes, or --dry-run to see the plan"
                .to_owned(),
        });
    }
    let policy = options.policy.as_deref().map(PolicyName::parse).transpose();
    let policy = policy.map_err(|error| CliError::Argument {
        name: "--policy",
        what: error.to_string(),
    })?;
    let variables = variables(environment, arguments.flags());
    if options.clean {
        let stack = Stack::from_variables(variables)?;
        let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
        let aws = Aws::new(patient(sdk), stack.table.clone(), Examines);
        let of = (&stack.rules.stack, &stack.home);
        return clean_up(&aws, of, options.yes, json, out).await;
    }
    let planning = Planning::from_variables(variables)?;
    let stack = &planning.stack;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let aws = Aws::new(patient(sdk), stack.table.clone(), Examines);
    let of = DrillOf {
        stack: &stack.rules.stack,
        home: &stack.home,
        sources: &planning.source_regions,
        width: stack.sweep_width,
        databases: &options.databases,
        policy: policy.as_ref(),
        only_due: options.due,
        level: options.level,
        leaves_removal: options.leave_removal,
    };
    let action = match (options.history, options.dry_run) {
        (true, _) => DrillAction::History,
        (false, true) => DrillAction::DryRun,
        (false, false) => DrillAction::CarryOut {
            is_confirmed: options.yes,
            look_every: Duration::from_secs(options.look_every),
        },
    };
    drill(&aws, of, action, json, out).await
}

/// Shows drills, or carries them out.
///
/// # Errors
/// When a database is unknown, AWS does not answer, or the answer cannot be written.
pub async fn drill<W: plan::Permissions + act::Permissions + CallerIdentity>(
    world: &W,
    of: DrillOf<'_>,
    action: DrillAction,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let plans = plan_drills(world, of, world.now()).await?;
    if let Some(unknown) = plans.unknown.first() {
        let what = "protected database";
        let known = plans.known.iter().map(String::as_str);
        return Err(not_found("--database", what, unknown, known));
    }
    match action {
        DrillAction::History => {
            write_history(&plans, of, json, out)?;
            Ok(Ended::Well)
        }
        DrillAction::DryRun => {
            match json {
                true => write_json(out, &plans_json(&plans, of, &[]))?,
                false => {
                    text::write_plans(out, &plans)?;
                    writeln!(out, "Nothing was changed. --yes carries it out.")?;
                }
            }
            Ok(ended(&plans, true))
        }
        DrillAction::CarryOut {
            is_confirmed,
            look_every,
        } => {
            if !json {
                text::write_plans(out, &plans)?;
            }
            let question = "What is restored runs its jobs until it is deleted. Drill this?";
            if !is_confirmed && !confirmed(question)? {
                writeln!(out, "Nothing was changed.")?;
                return Ok(Ended::Badly);
            }
            carry_out(world, of, plans, look_every, json, out).await
        }
    }
}

/// Some rows need a person: a database without a recovery point, or one whose plan is stopped.
fn ended(plans: &DrillPlans, is_well: bool) -> Ended {
    let mut refused = plans
        .rows
        .iter()
        .filter_map(|row| row.decision.as_ref().err());
    match is_well && !refused.any(|why| why.needs_a_person()) {
        true => Ended::Well,
        false => Ended::Badly,
    }
}

const UNFINISHED: &str = "Not all drills are over, and databases of them may be there. Run the same command again: it goes on \
     where it was. snapferry drill --clean --yes removes what outlives its deadline.";

async fn carry_out<W: plan::Permissions + act::Permissions + CallerIdentity>(
    world: &W,
    of: DrillOf<'_>,
    plans: DrillPlans,
    look_every: Duration,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let who = world.caller_identity().await?;
    let unfinished = Unfinished::saying(UNFINISHED);
    let pause = async |pause: Pause| pace::wait(pause, look_every).await;
    let shown = |one: &FollowedDrill| eprintln!("{}", drill_progress(one));
    let rows = plans.rows.iter().filter(|row| row.decision.is_ok());
    let rows: Vec<DrillRow> = rows.cloned().collect();
    let all = carry_out_drills(world, of, rows, &who, pause, shown).await?;
    unfinished.finish();
    match json {
        true => write_json(out, &plans_json(&plans, of, &all))?,
        false => write_drills(out, &all)?,
    }
    Ok(ended(&plans, all.iter().all(FollowedDrill::is_well)))
}

fn row_json(row: &DrillRow) -> serde_json::Value {
    let plan = row.plan.as_ref();
    let steps = plan.map(|plan| {
        let steps = plan.restore.steps.iter();
        steps.map(|step| step.action.as_str()).collect::<Vec<_>>()
    });
    json!({
        "database": row.database.arn.to_string(),
        "resource_id": row.database.resource_id.as_str(),
        "policy": row.policy.as_str(),
        "drilled": row.decision.is_ok(),
        "reason": match &row.decision {
            Ok(why) => why.to_string(),
            Err(why) => why.to_string(),
        },
        "code": row.decision.as_ref().err().map(|why| why.name()),
        "name": plan.map(|plan| &plan.restore.name),
        "recovery_point": plan.map(|plan| plan.restore.point.to_string()),
        "level": plan.map(|plan| plan.options.level.as_str()),
        "deadline": plan.map(|plan| plan.deadline),
        "cents_at_most": plan.and_then(|plan| plan.cents),
        "steps": steps,
    })
}

fn plans_json(
    plans: &DrillPlans,
    of: DrillOf<'_>,
    followed: &[FollowedDrill],
) -> serde_json::Value {
    let rows: Vec<serde_json::Value> = plans.rows.iter().map(row_json).collect();
    let drills = followed.iter();
    let drills: Vec<EvidenceJson<'_>> = drills
        .map(|one| EvidenceJson::of(of.stack, of.home, &one.record))
        .collect();
    json!({ "databases": rows, "drills": drills })
}

fn write_history(
    plans: &DrillPlans,
    of: DrillOf<'_>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let of_row = |row| {
        let row: &DrillRow = row;
        row.stored.drills.0.iter().map(move |record| (row, record))
    };
    let all: Vec<(&DrillRow, &DrillRecord)> = plans.rows.iter().flat_map(of_row).collect();
    if !json {
        return text::write_history(out, &all);
    }
    let drills = all.iter();
    let drills: Vec<EvidenceJson<'_>> = drills
        .map(|(_, record)| EvidenceJson::of(of.stack, of.home, record))
        .collect();
    let never = plans
        .rows
        .iter()
        .filter(|row| row.stored.drills.0.is_empty());
    let never: Vec<serde_json::Value> = never.map(row_json).collect();
    write_json(out, &json!({ "drills": drills, "never_drilled": never }))
}

/// Shows what drills left behind. With `acts`, removes what is past its deadline.
///
/// # Errors
/// When AWS does not answer, or the answer cannot be written.
pub async fn clean_up<W: clean::Permissions>(
    world: &W,
    (stack, home): (&StackId, &Region),
    acts: bool,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let mut left = look_for_leftovers(world, stack, home).await?;
    if !json {
        text::write_leftovers(out, &left)?;
    }
    let mut cleaned = Vec::new();
    if acts {
        let pause = async |pause: Pause| tokio::time::sleep(pause.duration()).await;
        cleaned = clean(world, (stack, home), &mut left, pause).await?;
    }
    let going = left.going().count();
    let is_clean = cleaned
        .iter()
        .filter(|one| matches!(one.removal, Removal::Gone))
        .count();
    match json {
        true => {
            let all = left.all.iter().map(|one| {
                let removal = cleaned
                    .iter()
                    .find(|cleaned| cleaned.name == one.found.name);
                json!({
                    "name": one.found.name,
                    "resource_id": one.found.resource_id.as_str(),
                    "drill_of": one.of.as_ref().map(|of| of.as_str()),
                    "to_remove": one.decision.is_ok(),
                    "reason": match &one.decision {
                        Ok(why) => why.to_string(),
                        Err(why) => why.to_string(),
                    },
                    "removal": removal.map(|one| one.removal.to_string()),
                })
            });
            let all: Vec<serde_json::Value> = all.collect();
            write_json(out, &json!({ "left": all, "acted": acts }))?;
        }
        false if acts => text::write_cleaned(out, &cleaned)?,
        false => writeln!(out, "Nothing was changed. Add --yes to remove it.")?,
    }
    let stays = left.all.iter();
    let stays = stays.filter(|one| one.decision.is_err() && one.is_overdue);
    Ok(match going == is_clean && stays.count() == 0 {
        true => Ended::Well,
        false => Ended::Badly,
    })
}
