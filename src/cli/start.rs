//! `snapferry start`: does what the planner does, now and with the operator's credentials.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::{StackArguments, variables};
use super::follow::FollowedJson;
use super::not_found::not_found;
use super::outcome::{CliError, Ended};
use super::show::{database, table, write_json, write_table};
use super::start_arguments::StartArguments;
use crate::app::follow::{self, Followed, Progress};
use crate::app::planner::{self, Outcome, PlanScope, Planned, Row, When};
use crate::aws::{Aws, StateMachine, for_operators};
use crate::domain::id::tags::PolicyName;
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
    let request = StartRequest {
        when,
        scope: PlanScope {
            databases: options.databases.clone(),
            policies: options.policies.clone(),
            dry_run: options.dry_run,
        },
        waits: options.wait,
    };
    run_start(&aws, &planning, &request, stack.format.is_json(), out).await
}

/// What to start.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// Which due time.
    pub when: When,
    /// Which databases, and whether it only shows them.
    pub scope: PlanScope,
    /// Whether to follow the executions to their end.
    pub waits: bool,
}

/// Plans, reports what happened to each database, and follows the executions if that is wanted.
///
/// # Errors
/// If a name is not known, the policies cannot be read, or the answer cannot be written. What could not be planned is not
/// an error: the answer says so.
pub async fn run_start<W: planner::Permissions + follow::Permissions>(
    world: &W,
    planning: &Planning,
    request: &StartRequest,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let scope = &request.scope;
    if !scope.policies.is_empty() {
        let known = planner::policy_names(world, planning).await?;
        let unknown = |name: &&String| known.iter().all(|known| known.as_str() != name.as_str());
        if let Some(name) = scope.policies.iter().find(unknown) {
            let known = known.iter().map(PolicyName::as_str);
            return Err(not_found("--policy", "policy in force", name, known));
        }
    }
    let planned = planner::plan_some(world, planning, request.when, scope).await?;
    let misnamed = check_databases(scope, &planned).err();
    // What was started must be shown, even if another name is wrong.
    if planned.iter().all(|one| one.started() == 0)
        && let Some(error) = misnamed
    {
        return Err(error);
    }
    let mut followed = match request.waits {
        true => executions(&planned),
        false => Vec::new(),
    };
    if !json {
        write(out, &planned, scope.dry_run)?;
    }
    let made = match followed.is_empty() {
        true => Ended::Well,
        false => super::follow::follow(world, &mut followed).await?,
    };
    if json {
        let regions: Vec<RegionJson> = planned.iter().map(RegionJson::of).collect();
        let mut answer = json!({ "regions": regions });
        if request.waits {
            let followed = followed.iter().map(FollowedJson::of);
            answer["followed"] = json!(followed.collect::<Vec<_>>());
        }
        if let Some(error) = &misnamed {
            answer["not_found"] = json!(error.to_string());
        }
        write_json(out, &answer)?;
    } else if let Some(error) = &misnamed {
        writeln!(out, "{error}")?;
    }
    for one in followed.iter().filter(|_| !json) {
        writeln!(out, "{}: {}", database(&one.database), one.progress)?;
    }
    Ok(
        match misnamed.is_none() && planned.iter().all(Planned::is_complete) {
            true => made,
            false => Ended::Badly,
        },
    )
}

/// A name that no listed database has would be an empty answer. If nothing was due, or a list broke off, nobody knows.
fn check_databases(scope: &PlanScope, planned: &[Planned]) -> Result<(), CliError> {
    let is_listed = |one: &Planned| one.due.is_some() && one.error.is_none();
    if planned.is_empty() || !planned.iter().all(is_listed) {
        return Ok(());
    }
    let has = |name: &String| planned.iter().any(|one| one.names.contains(name));
    match scope.databases.iter().find(|name| !has(name)) {
        None => Ok(()),
        Some(name) => {
            let known = planned.iter().flat_map(|one| &one.names);
            let known = known.map(String::as_str);
            Err(not_found(
                "--database",
                "database of a source region",
                name,
                known,
            ))
        }
    }
}

/// What was started, and what is running already.
fn executions(planned: &[Planned]) -> Vec<Followed> {
    let rows = planned.iter().flat_map(|region| &region.rows);
    let running = rows.filter_map(|row| match &row.outcome {
        Outcome::Started(name) | Outcome::StillRunning(name) => Some(Followed {
            execution: name.clone(),
            database: row.database.clone(),
            progress: Progress::Started,
        }),
        _ => None,
    });
    running.collect()
}

fn write(out: &mut impl Write, planned: &[Planned], dry_run: bool) -> Result<(), CliError> {
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
    if dry_run {
        writeln!(out, "dry run: nothing was started")?;
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
        (None, None) if planned.only_left_over => format!(
            "{of}: the last due time has left databases over; snapferry start without --dry-run, --database and --policy \
             plans them"
        ),
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
    /// Whether only those are due that the last due time has left over. Without a due time they were not asked about.
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
            Outcome::WouldStart(name) => ("would-start", Some(name), None),
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
