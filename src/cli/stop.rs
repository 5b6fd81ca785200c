//! `snapferry stop`: ends runs, so that their databases can be started anew.

use std::io::Write;

use serde::Serialize;

use super::arguments::{StackArguments, StopArguments};
use super::outcome::{CliError, Ended};
use super::show::{database, short, table, write_json, write_remedies, write_table};
use super::state_machine::connect;
use crate::app::stop::{
    self, Outcome, Row, Selection, Stop, StopConfig, StopRequest, WaitOutcome, WaitRow,
};
use crate::domain::id::names::ExecutionName;
use crate::domain::run::failure::Remedy;

pub(super) async fn execute(
    arguments: &StackArguments,
    options: &StopArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let request = request(options)?;
    let (stack, aws) = connect(arguments, &options.state_machine, environment).await?;
    let config = StopConfig::from(&stack);
    run_stop(&aws, &config, &request, arguments.format.is_json(), out).await
}

fn request(options: &StopArguments) -> Result<StopRequest, CliError> {
    let name = |text: &String| {
        // The console shows the ARN, whose last part is the name.
        let name = text
            .rsplit_once(':')
            .map_or(text.as_str(), |(_, name)| name);
        ExecutionName::parse(name).map_err(|error| CliError::Argument {
            name: "EXECUTION",
            what: error.to_string(),
        })
    };
    let names: Vec<ExecutionName> = options
        .executions
        .iter()
        .map(name)
        .collect::<Result<_, _>>()?;
    let selection = if names.is_empty() {
        Selection::Databases(options.databases.clone())
    } else {
        Selection::Executions(names)
    };
    Ok(StopRequest {
        selection,
        why: options.why.clone(),
        act: options.yes,
    })
}

/// Stops, and reports what happened to each run.
///
/// # Errors
/// If it could not begin, or the answer cannot be written.
pub async fn run_stop<W: stop::Permissions>(
    world: &W,
    config: &StopConfig,
    request: &StopRequest,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let stop = stop::stop(world, config, request).await?;
    if json {
        write_json(out, &StopJson::of(&stop, request.act))?;
    } else {
        write(out, request, &stop)?;
    }
    Ok(if stop.is_complete() {
        Ended::Well
    } else {
        Ended::Badly
    })
}

fn write(out: &mut impl Write, request: &StopRequest, stop: &Stop) -> Result<(), CliError> {
    write_runs(out, stop)?;
    let what = match &request.selection {
        Selection::Executions(_) => "Step Functions knows no execution",
        Selection::Databases(_) | Selection::All => "no open run is of",
    };
    writeln!(out, "{}", sentence(request, stop))?;
    for name in &stop.not_found {
        writeln!(out, "{what} {name}")?;
    }
    Ok(())
}

/// A table of the runs, and below it what a person should know about them. Nothing if there is no run.
pub(super) fn write_runs(out: &mut impl Write, stop: &Stop) -> Result<(), CliError> {
    if !stop.rows.is_empty() {
        let mut rows = table(["DATABASE", "EXECUTION", "OUTCOME", "WAITS FOR"]);
        for row in &stop.rows {
            let name = row.run.as_ref().map(|run| database(&run.database.arn));
            rows.add_row([
                name.unwrap_or_else(|| "-".to_owned()),
                row.execution.to_string(),
                word(&row.outcome).to_owned(),
                waits_for(row),
            ]);
        }
        write_table(out, &rows)?;
        let waits = stop.rows.iter().flat_map(|row| &row.waits);
        write_remedies(out, waits.filter_map(|wait| wait.remedy))?;
        writeln!(out)?;
        for row in &stop.rows {
            if let Outcome::Failed(why) = &row.outcome {
                writeln!(out, "{}: {why}", row.execution)?;
            }
            for wait in &row.waits {
                if let Some(why) = why(&wait.outcome) {
                    writeln!(out, "{}: {why}", wait.resource.name())?;
                }
            }
        }
    }
    Ok(())
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Running => "running",
        Outcome::Stopped => "stopped",
        Outcome::Ended => "ended",
        Outcome::Unknown => "unknown",
        Outcome::Failed(_) => "failed",
    }
}

fn wait_word(outcome: &WaitOutcome) -> &'static str {
    match outcome {
        WaitOutcome::Open => "open",
        WaitOutcome::Forgotten => "forgotten",
        WaitOutcome::UnderWay => "under-way",
        WaitOutcome::InUse(_) => "in-use",
        WaitOutcome::Failed(_) => "failed",
    }
}

/// What a person should know about a wait that stays.
fn why(outcome: &WaitOutcome) -> Option<String> {
    match outcome {
        WaitOutcome::Open | WaitOutcome::Forgotten => None,
        WaitOutcome::UnderWay => Some(
            "RDS makes it; the sweep settles it when it is finished, and a good copy counts as a recovery point".to_owned(),
        ),
        WaitOutcome::InUse(until) => Some(format!(
            "the worker may be asking RDS for it; the sweep forgets it within hours, or repeat this after {until}"
        )),
        WaitOutcome::Failed(why) => Some(why.clone()),
    }
}

fn waits_for(row: &Row) -> String {
    let words: Vec<String> = row
        .waits
        .iter()
        .map(|wait| {
            let remedy = wait.remedy.map_or("", Remedy::as_str);
            format!("{} {} {remedy}", wait.phase.as_str(), wait.resource.name())
        })
        .collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        short(&words.join(", "))
    }
}

fn sentence(request: &StopRequest, stop: &Stop) -> String {
    let count = |of: &str| {
        let rows = stop.rows.iter();
        rows.filter(|row| word(&row.outcome) == of).count()
    };
    if stop.rows.is_empty() {
        let of = match &request.selection {
            Selection::Databases(names) if !names.is_empty() => format!(" of {}", names.join(", ")),
            _ => String::new(),
        };
        return format!("no run{of} that was selected is open");
    }
    if !request.act {
        return format!(
            "{} would be stopped (--yes), {} ended already; nothing was changed",
            count("running"),
            count("ended")
        );
    }
    let forgotten = stop.rows.iter().flat_map(|row| &row.waits);
    let forgotten = forgotten.filter(|wait| wait.outcome == WaitOutcome::Forgotten);
    let mut text = format!(
        "{} stopped, {} ended already, {} failed; waits forgotten: {}",
        count("stopped"),
        count("ended"),
        count("failed") + count("unknown"),
        forgotten.count()
    );
    if count("stopped") > 0 {
        text.push_str(
            "\nTheir dead letters are only paper now. The planner plans a due time that was skipped meanwhile; \
             snapferry start --again plans the last due time again.",
        );
    }
    text
}

#[derive(Serialize)]
struct StopJson {
    dry_run: bool,
    runs: Vec<RowJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_found: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct RowJson {
    execution: String,
    database: Option<String>,
    resource_id: Option<String>,
    policy: Option<String>,
    planned_at: Option<String>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    waits: Vec<WaitJson>,
}

#[derive(Serialize)]
struct WaitJson {
    resource: String,
    phase: &'static str,
    remedy: Option<&'static str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl StopJson {
    fn of(stop: &Stop, acted: bool) -> Self {
        Self {
            dry_run: !acted,
            runs: stop.rows.iter().map(RowJson::of).collect(),
            not_found: stop.not_found.iter().map(ToString::to_string).collect(),
        }
    }
}

impl RowJson {
    pub(super) fn of(row: &Row) -> Self {
        let run = row.run.as_ref();
        let reason = match &row.outcome {
            Outcome::Failed(why) => Some(why.clone()),
            Outcome::Unknown => Some("Step Functions does not know it".to_owned()),
            Outcome::Running | Outcome::Stopped | Outcome::Ended => None,
        };
        Self {
            execution: row.execution.to_string(),
            database: run.map(|run| run.database.arn.to_string()),
            resource_id: run.map(|run| run.database.resource_id.to_string()),
            policy: run.map(|run| run.policy.to_string()),
            planned_at: run.map(|run| run.planned_at.to_string()),
            outcome: word(&row.outcome),
            reason,
            waits: row.waits.iter().map(WaitJson::of).collect(),
        }
    }
}

impl WaitJson {
    fn of(wait: &WaitRow) -> Self {
        Self {
            resource: wait.resource.to_string(),
            phase: wait.phase.as_str(),
            remedy: wait.remedy.map(Remedy::as_str),
            outcome: wait_word(&wait.outcome),
            reason: why(&wait.outcome),
        }
    }
}
