//! `snapferry redrive`: shows, redrives or restarts executions that failed.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::arguments::{RedriveArguments, StackArguments};
use super::outcome::{CliError, Ended};
use super::show::{age, database, short, table, write_json, write_table};
use super::state_machine::connect;
use crate::app::redrive::{self, Outcome, Redrive, RedriveRequest, Row};
use crate::domain::id::tags::StackId;
use crate::domain::limits::REDRIVE_WINDOW;
use crate::domain::operator::redrive::cause_in_words;
use crate::ports::Clock;

pub(super) async fn execute(
    arguments: &StackArguments,
    options: &RedriveArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let (stack, aws) = connect(arguments, &options.state_machine, environment).await?;
    let order = order(options, aws.now());
    run_redrive(
        &aws,
        &stack.rules.stack,
        &order,
        arguments.format.is_json(),
        out,
    )
    .await
}

fn order(options: &RedriveArguments, now: Timestamp) -> RedriveRequest {
    let window = now
        .checked_sub(REDRIVE_WINDOW)
        .unwrap_or(Timestamp::UNIX_EPOCH);
    RedriveRequest {
        since: options
            .since
            .as_ref()
            .map_or(window, |since| since.before(now)),
        until: options.until.as_ref().map(|until| until.before(now)),
        databases: options.databases.clone(),
        act: options.yes,
        restart: options.restart,
        max: options.limit,
    }
}

/// Redrives, and reports what happened to each execution.
///
/// # Errors
/// If it could not begin, or the answer cannot be written.
pub async fn run_redrive<W: redrive::Permissions>(
    world: &W,
    stack: &StackId,
    order: &RedriveRequest,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let redrive = redrive::redrive(world, stack, order).await?;
    if json {
        write_json(out, &RedriveJson::of(&redrive, order.act))?;
    } else {
        write(out, order, &redrive, world.now())?;
    }
    let well = if order.act {
        redrive.is_complete()
    } else {
        !redrive.is_broken()
    };
    Ok(if well { Ended::Well } else { Ended::Badly })
}

fn write(
    out: &mut impl Write,
    order: &RedriveRequest,
    redrive: &Redrive,
    now: Timestamp,
) -> Result<(), CliError> {
    if !redrive.rows.is_empty() {
        let header = [
            "DATABASE",
            "EXECUTION",
            "ENDED",
            "AGO",
            "ERROR",
            "OUTCOME",
            "WHY",
        ];
        let mut rows = table(header);
        for row in &redrive.rows {
            let name = row.run.as_ref().map(|run| database(&run.database.arn));
            rows.add_row([
                name.unwrap_or_else(|| "-".to_owned()),
                row.execution.name.to_string(),
                row.execution.ended.as_str().to_owned(),
                age(row.execution.ended_at, now),
                row.error.clone().unwrap_or_else(|| "-".to_owned()),
                word(&row.outcome).to_owned(),
                short(&why(row)),
            ]);
        }
        write_table(out, &rows)?;
        writeln!(out)?;
    }
    writeln!(out, "{}", sentence(order, redrive))?;
    for name in &redrive.not_found {
        writeln!(out, "no execution that has failed is of {name}")?;
    }
    Ok(())
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Redrivable => "redrivable",
        Outcome::Redriven => "redriven",
        Outcome::NeedsNew(_) => "needs-new",
        Outcome::Restarted(_) => "restarted",
        Outcome::Skipped(_) => "left",
        Outcome::Failed(_) => "failed",
    }
}

/// Why the execution has this outcome. If it goes on: why it had failed.
fn why(row: &Row) -> String {
    match &row.outcome {
        Outcome::Redrivable | Outcome::Redriven => {
            cause_in_words(row.error.as_deref(), row.cause.as_deref())
        }
        Outcome::NeedsNew(why) => why.to_string(),
        Outcome::Restarted(name) => format!("by {name}"),
        Outcome::Skipped(why) => why.to_string(),
        Outcome::Failed(why) => why.clone(),
    }
}

fn sentence(order: &RedriveRequest, redrive: &Redrive) -> String {
    let count = |of: &str| {
        let rows = redrive.rows.iter();
        rows.filter(|row| word(&row.outcome) == of).count()
    };
    let mut text = if redrive.rows.is_empty() {
        let of = match order.databases.is_empty() {
            true => String::new(),
            false => format!(" of {}", order.databases.join(", ")),
        };
        format!(
            "no execution{of} that was selected has failed since {}",
            order.since
        )
    } else if order.act {
        format!(
            "{} redriven, {} restarted, {} need a new execution, {} left, {} failed",
            count("redriven"),
            count("restarted"),
            count("needs-new"),
            count("left"),
            count("failed")
        )
    } else {
        format!(
            "{} can be redriven (--yes), {} need a new execution (--yes --restart), {} left; nothing was changed",
            count("redrivable"),
            count("needs-new"),
            count("left"),
        )
    };
    if redrive.more {
        text.push_str("; there are more that ended earlier: raise --limit or give --until");
    }
    text
}

#[derive(Serialize)]
struct RedriveJson {
    dry_run: bool,
    executions: Vec<RowJson>,
    more: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_found: Vec<String>,
}

#[derive(Serialize)]
struct RowJson {
    execution: String,
    database: Option<String>,
    resource_id: Option<String>,
    policy: Option<String>,
    planned_at: Option<String>,
    ended: &'static str,
    started_at: String,
    ended_at: String,
    error: Option<String>,
    cause: Option<String>,
    redrives: u32,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

impl RedriveJson {
    fn of(redrive: &Redrive, acted: bool) -> Self {
        Self {
            dry_run: !acted,
            executions: redrive.rows.iter().map(RowJson::of).collect(),
            more: redrive.more,
            not_found: redrive.not_found.iter().map(ToString::to_string).collect(),
        }
    }
}

impl RowJson {
    fn of(row: &Row) -> Self {
        let run = row.run.as_ref();
        let (reason, by) = match &row.outcome {
            Outcome::Redrivable | Outcome::Redriven => (None, None),
            Outcome::NeedsNew(why) => (Some(why.to_string()), None),
            Outcome::Restarted(name) => (None, Some(name.to_string())),
            Outcome::Skipped(why) => (Some(why.to_string()), None),
            Outcome::Failed(why) => (Some(why.clone()), None),
        };
        Self {
            execution: row.execution.name.to_string(),
            database: run.map(|run| run.database.arn.to_string()),
            resource_id: run.map(|run| run.database.resource_id.to_string()),
            policy: run.map(|run| run.policy.to_string()),
            planned_at: run.map(|run| run.planned_at.to_string()),
            ended: row.execution.ended.as_str(),
            started_at: row.execution.started_at.to_string(),
            ended_at: row.execution.ended_at.to_string(),
            error: row.error.clone(),
            cause: row.cause.clone(),
            redrives: row.redrives,
            outcome: word(&row.outcome),
            reason,
            by,
        }
    }
}
