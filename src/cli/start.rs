//! `snapferry start`: does what the planner does, now and with the operator's credentials.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::{StackArguments, StartArguments, variables};
use super::outcome::{CliError, Ended};
use super::show::{database, table, write_json, write_table};
use crate::app::planner::{self, Outcome, Planned, Row, When};
use crate::aws::{Aws, StateMachine, for_operators};
use crate::domain::policy::cursor::KeptWhy;
use crate::domain::rds::database::UnreadableRow;
use crate::settings::Planning;

pub(super) async fn execute(
    stack: &StackArguments,
    options: &StartArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let flags = stack.flags().into_iter().chain(options.planning.flags());
    let planning = Planning::from_variables(variables(environment, flags))?;
    let when = match (options.at, options.again) {
        _ if options.retry_refused => When::RetryRefused,
        (Some(time), _) => When::At(time),
        (None, true) => When::Again,
        (None, false) => When::Due,
    };
    let sdk = for_operators(&planning.stack.home, stack.profile.as_deref()).await;
    let machine = StateMachine(planning.state_machine.clone());
    let aws = Aws::new(sdk, planning.stack.table.clone(), machine);
    run_plan(&aws, &planning, when, stack.format.is_json(), out).await
}

/// Plans, and reports what happened to each database.
///
/// # Errors
/// If the policies cannot be read, or the answer cannot be written. What could not be planned is not an error: the answer
/// says so.
pub async fn run_plan<W: planner::Permissions>(
    world: &W,
    planning: &Planning,
    when: When,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let planned = planner::plan(world, planning, when).await?;
    if json {
        let regions: Vec<RegionJson> = planned.iter().map(RegionJson::of).collect();
        write_json(out, &json!({ "regions": regions }))?;
    } else {
        write(out, &planned)?;
    }
    Ok(if planned.iter().all(Planned::is_complete) {
        Ended::Well
    } else {
        Ended::Badly
    })
}

fn write(out: &mut impl Write, planned: &[Planned]) -> Result<(), CliError> {
    let mut all = table(["REGION", "DATABASE", "OUTCOME"]);
    for region in planned {
        for row in &region.rows {
            all.add_row([
                region.region.to_string(),
                database(&row.database),
                row.outcome.to_string(),
            ]);
        }
    }
    if !all.is_empty() {
        write_table(out, &all)?;
        writeln!(out)?;
    }
    for region in planned {
        for UnreadableRow { name, why } in &region.unreadable {
            writeln!(
                out,
                "{}: a database {name} cannot be read: {why}",
                region.region
            )?;
        }
        writeln!(out, "{}", sentence(region))?;
    }
    Ok(())
}

/// One region in a sentence, even if it has no row.
fn sentence(planned: &Planned) -> String {
    let of = format!("{} in {}", planned.policy, planned.region);
    let started = planned.started();
    match (&planned.error, planned.due) {
        (None, None) if planned.is_paused => {
            format!("{of}: the policy is paused, so nothing of it is started")
        }
        (Some(error), _) => format!("{of}: planning stopped early: {error}"),
        (None, None) => format!("{of}: nothing new is due (--again plans the last due time again)"),
        (None, Some(due)) => {
            let (count, skipped) = (planned.rows.len(), planned.skipped());
            let left_over = if planned.only_left_over {
                " (what it left over)"
            } else {
                ""
            };
            format!(
                "{of}: due {due}{left_over}, databases: {count}, started: {started}, skipped: {skipped}"
            )
        }
    }
}

#[derive(Serialize)]
struct RegionJson {
    policy: String,
    region: String,
    paused: bool,
    due: Option<String>,
    /// Whether only the databases were asked about that the due time had left over.
    only_left_over: bool,
    skipped: usize,
    databases: Vec<RowJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<Value>,
    error: Option<String>,
}

#[derive(Serialize)]
struct RowJson {
    database: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Why the due time is still owed to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<&'static str>,
}

impl RegionJson {
    fn of(planned: &Planned) -> Self {
        Self {
            policy: planned.policy.to_string(),
            region: planned.region.to_string(),
            paused: planned.is_paused,
            due: planned.due.map(|due| due.to_string()),
            only_left_over: planned.only_left_over,
            skipped: planned.skipped(),
            databases: planned.rows.iter().map(RowJson::of).collect(),
            unreadable: planned
                .unreadable
                .iter()
                .map(|row| json!({ "name": row.name, "reason": row.why }))
                .collect(),
            error: planned.error.clone(),
        }
    }
}

impl RowJson {
    fn of(row: &Row) -> Self {
        let (outcome, execution, reason) = match &row.outcome {
            Outcome::Started(name) => ("started", Some(name), None),
            Outcome::StillRunning(name) => ("running", Some(name), None),
            Outcome::Done(name) => ("done", Some(name), None),
            Outcome::Excluded(why) => ("left-out", None, Some(why.to_string())),
            Outcome::Refused(why) => ("refused", None, Some(why.to_string())),
            Outcome::NotNow(why) => ("not-now", None, Some(why.to_string())),
            Outcome::Remembered(refusal) => ("tried", None, Some(refusal.to_string())),
            Outcome::Waits(waits) => ("waits", None, Some(waits.to_string())),
            Outcome::NothingToCopy => ("nothing-to-copy", None, Some(row.outcome.to_string())),
            Outcome::Failed(why) => ("failed", None, Some(why.clone())),
        };
        Self {
            database: row.database.to_string(),
            outcome,
            execution: execution.map(ToString::to_string),
            reason,
            kept: row.kept.map(KeptWhy::as_str),
        }
    }
}
