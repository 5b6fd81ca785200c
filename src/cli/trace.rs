//! `snapferry trace`: the story of one recovery point.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::arguments::StackArguments;
use super::not_found::not_found;
use super::outcome::{CliError, Ended};
use super::show::{age, database, paragraph, table_within, write_json, write_table};
use super::status::reach;
use super::terminal;
use super::trace_arguments::TraceArguments;
use crate::app::follow::Progress;
use crate::app::status::Unreachable;
use crate::app::trace::{self, Found, Trace, trace};
use crate::domain::operator::trace::Event;
use crate::report::status_json::UnreachableJson;
use crate::settings::Planning;

pub(super) async fn execute(
    stack: &StackArguments,
    options: &TraceArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let (planning, aws) = reach(stack, &options.planning, environment).await?;
    let form = TraceForm {
        json: stack.format.is_json(),
        width: terminal::width(),
    };
    show_trace(&aws, &planning, &options.of, form, out).await
}

/// How a story is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceForm {
    /// As JSON.
    pub json: bool,
    /// How wide a line may be. `None` if nothing is folded.
    pub width: Option<u16>,
}

/// Tells the story.
///
/// # Errors
/// If the name is not known, the table or Step Functions cannot be read, or the answer cannot be written. A region that
/// could not be read is part of the answer.
pub async fn show_trace<W: trace::Permissions>(
    world: &W,
    planning: &Planning,
    wanted: &str,
    form: TraceForm,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let found = match trace(world, planning, wanted).await? {
        Found::Trace(found) => found,
        Found::Nothing(known) => {
            let what = "execution, and no database that the planner has selected";
            let known = known.iter().map(String::as_str);
            return Err(not_found("EXECUTION|DATABASE", what, wanted, known));
        }
        Found::NoRun(database) => {
            let what = format!(
                "{}: it has no recovery point yet, and none is being made; see snapferry plan",
                database.arn.name()
            );
            return Err(CliError::Argument {
                name: "EXECUTION|DATABASE",
                what,
            });
        }
    };
    if form.json {
        write_json(out, &TraceJson::of(&found))?;
    } else {
        write(out, &found, form.width, world.now())?;
    }
    Ok(match &found.progress {
        Some(Progress::Failed(_) | Progress::Parked(_)) => Ended::Badly,
        _ if !found.unreachable.is_empty() => Ended::Unread,
        _ => Ended::Well,
    })
}

fn write(
    out: &mut impl Write,
    found: &Trace,
    width: Option<u16>,
    now: Timestamp,
) -> Result<(), CliError> {
    writeln!(
        out,
        "{} in {}, policy {}\n",
        database(&found.database.arn),
        found.database.arn.region(),
        found.policy
    )?;
    let mut rows = table_within(["WHEN", "AFTER", "WHAT"], width);
    let first = found.events.iter().find_map(|event| event.at);
    for Event { at, what, .. } in &found.events {
        let second = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let after = match (at, first) {
            (Some(at), Some(first)) => age(first, *at),
            _ => String::new(),
        };
        let at = at.as_ref().map_or_else(|| "-".to_owned(), second);
        rows.add_row([at, after, what.clone()]);
    }
    write_table(out, &rows)?;
    writeln!(out)?;
    paragraph(out, &standing(found, now), width)?;
    for Unreachable { region, error } in &found.unreachable {
        paragraph(out, &format!("{region} could not be read: {error}"), width)?;
    }
    Ok(())
}

/// How it stands now, in a sentence.
fn standing(found: &Trace, now: Timestamp) -> String {
    let point = found.copy.as_ref().map_or("none", |copy| copy.name());
    match &found.progress {
        None => format!(
            "Step Functions no longer knows the execution. RDS shows this recovery point: {point}."
        ),
        Some(Progress::Started) => {
            "Now: its command waits in the queue or for the worker; see snapferry doctor if that lasts.".to_owned()
        }
        Some(Progress::Waits(of)) => {
            let since = of
                .since
                .map_or_else(String::new, |since| format!(", for {}", age(since, now)));
            format!("Now: {of}{since}.")
        }
        Some(Progress::Parked(why)) => {
            format!("Now: it waits for a person: {why}. Then: snapferry replay commands --yes")
        }
        Some(Progress::Succeeded) => match &found.copy {
            Some(copy) => format!("Its recovery point is made: {}", copy.name()),
            None => "Its recovery point was made; RDS shows no available copy that was found good.".to_owned(),
        },
        Some(Progress::Failed(why)) => format!(
            "It failed: {why}. Fix the cause, then: snapferry redrive --database {} --yes",
            found.database.arn.name()
        ),
    }
}

#[derive(Serialize)]
struct TraceJson {
    execution: Option<String>,
    database: String,
    resource_id: String,
    policy: String,
    /// Its word; `null` if only the table and RDS know of it.
    outcome: Option<&'static str>,
    /// What it waits for, or why it failed.
    now: Option<String>,
    recovery_point: Option<String>,
    events: Vec<EventJson>,
    unreachable: Vec<UnreachableJson>,
}

#[derive(Serialize)]
struct EventJson {
    at: Option<String>,
    kind: &'static str,
    what: String,
}

impl TraceJson {
    fn of(found: &Trace) -> Self {
        let events = found.events.iter().map(|event| EventJson {
            at: event.at.map(|at| at.to_string()),
            kind: event.kind,
            what: event.what.clone(),
        });
        let unreachable = found.unreachable.iter();
        Self {
            execution: found.execution.as_ref().map(ToString::to_string),
            database: found.database.arn.to_string(),
            resource_id: found.database.resource_id.to_string(),
            policy: found.policy.to_string(),
            outcome: found.progress.as_ref().map(Progress::as_str),
            now: found.progress.as_ref().map(ToString::to_string),
            recovery_point: found.copy.as_ref().map(ToString::to_string),
            events: events.collect(),
            unreachable: unreachable.map(UnreachableJson::from).collect(),
        }
    }
}
