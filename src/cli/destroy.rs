//! `snapferry destroy`: the stacks of all regions go, and no recovery point does.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::arguments::{StackArguments, variables};
use super::deploy::show_event;
use super::destroy_arguments::DestroyArguments;
use super::drain::{built_in, starts};
use super::outcome::{CliError, Ended};
use super::show::{table, write_json, write_table};
use super::stack::region_of;
use super::stop::{RowJson, write_runs};
use crate::app::destroy::{
    DestroyError, DestroyRequest, Drained, Permissions, StackPermissions, Stacks, Step, act, empty,
    look, still_running, what_stays,
};
use crate::app::drain::{Depth, StartState};
use crate::app::drill::clean::living_drills;
use crate::app::stop::{Row, Stop, StopConfig};
use crate::aws::{Aws, Deploys, StateMachine, for_operators, leisurely};
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::removal::{Stays, has_people_policies};
use crate::domain::deploy::stack::StackFacts;
use crate::domain::id::arn::Region;
use crate::domain::operator::stack_outputs;
use crate::settings::{Faults, Planning, Variables};

impl From<DestroyError> for CliError {
    fn from(error: DestroyError) -> Self {
        match error {
            DestroyError::Port(error) => Self::Port(error),
            DestroyError::Drain(error) => error.into(),
            refused @ DestroyError::Refused(_) => Self::Argument {
                name: "destroy",
                what: refused.to_string(),
            },
            failed @ (DestroyError::Failed { .. }
            | DestroyError::RunsAgain { .. }
            | DestroyError::Machine(_)) => Self::Destroy(failed),
        }
    }
}

/// How a removal is carried out and shown.
#[derive(Debug, Clone, Copy)]
pub struct DestroyManner {
    /// How far to drain. Unless this only shows, the stacks go once they are drained.
    pub depth: Depth,
    /// Whether the answer is JSON.
    pub json: bool,
}

/// What can be done about the runs of the recovery region's stack before it goes.
#[derive(Debug)]
pub enum Target<'a, W> {
    /// It works, so it is drained: how it is reached, and its settings.
    Works(&'a W, &'a Planning),
    /// It does not work, and still has its state machine: how the executions are listed.
    Left(&'a W),
    /// It does not stand, or has no state machine: nothing can run.
    Nothing,
}

impl<'a, W> Target<'a, W> {
    fn machine(&self) -> Option<&'a W> {
        match self {
            Self::Works(world, _) | Self::Left(world) => Some(*world),
            Self::Nothing => None,
        }
    }
}

pub(super) async fn execute(
    arguments: &StackArguments,
    options: &DestroyArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let request = request(arguments, options, &environment)?;
    let sdk = for_operators(&request.recovery, arguments.profile.as_deref()).await;
    let deployer = Aws::new(leisurely(sdk.clone()), "", Deploys);
    let stacks = look(&deployer, &request).await?;
    let manner = DestroyManner {
        depth: match (options.yes, options.stop) {
            (false, _) => Depth::Show,
            (true, false) => Depth::Pause,
            (true, true) => Depth::Stop,
        },
        json: arguments.format.is_json(),
    };
    let progress = &mut io::stderr();
    let (world, planning);
    let target = match (&stacks.home, &stacks.left_machine) {
        (Some(home), _) => {
            planning = settings(arguments, environment, home)?;
            let machine = StateMachine(planning.state_machine.clone());
            world = Aws::new(sdk, planning.stack.table.clone(), machine);
            Target::Works(&world, &planning)
        }
        (None, Some(machine)) => {
            world = Aws::new(sdk, "", StateMachine(machine.clone()));
            Target::Left(&world)
        }
        (None, None) => Target::Nothing,
    };
    run_destroy(target, &deployer, &request, &stacks, manner, out, progress).await
}

/// The settings of the stack that goes, from its outputs alone. With those of another stack, that one would be drained.
fn settings(
    arguments: &StackArguments,
    environment: Vec<(String, String)>,
    home: &StackFacts,
) -> Result<Planning, CliError> {
    let said = variables(environment, arguments.flags());
    let others = stack_outputs::of_another_stack(&home.outputs, |name| said.get(name));
    if !others.is_empty() {
        return Err(CliError::Argument {
            name: "destroy",
            what: format!(
                "flags or environment are another stack's ({}); unset them, and name the stack with --stack alone",
                others.join("; ")
            ),
        });
    }
    let own = stack_outputs::settings(&home.outputs);
    Ok(Planning::from_variables(Variables::new(own))?)
}

fn request(
    arguments: &StackArguments,
    options: &DestroyArguments,
    environment: &[(String, String)],
) -> Result<DestroyRequest, CliError> {
    let mut faults = Faults::default();
    let recovery = match region_of(arguments, environment) {
        Some(name) => faults.take("--region", Region::parse(name)),
        None => {
            faults.add("name the recovery region with --region");
            None
        }
    };
    let stack = match &arguments.name {
        Some(name) => faults.take("--stack", StackName::parse(name)),
        None => {
            faults.add("name the recovery region's stack with --stack");
            None
        }
    };
    let mut sources = Vec::new();
    for name in &options.source_regions {
        sources.extend(faults.take("--source-region", Region::parse(name)));
    }
    let all = recovery.zip(stack).map(|(recovery, stack)| DestroyRequest {
        recovery,
        stack,
        sources,
    });
    faults.finish(all).map_err(|error| CliError::Argument {
        name: "destroy",
        what: error.faults.join("; "),
    })
}

/// Drains the stack, shows what goes and what stays, and deletes the stacks if it is to and nothing runs.
///
/// # Errors
/// If it could not begin, CloudFormation cannot delete a stack, or the answer cannot be written.
pub async fn run_destroy<W: StackPermissions, S: Permissions>(
    target: Target<'_, W>,
    deployer: &S,
    request: &DestroyRequest,
    stacks: &Stacks,
    manner: DestroyManner,
    out: &mut impl Write,
    progress: &mut impl Write,
) -> Result<Ended, CliError> {
    let DestroyManner { depth, json } = manner;
    let mut show = |step: Step<'_>| show_step(progress, &step);
    if !json {
        write_stacks(out, request, stacks)?;
    }
    let mut drained = None;
    let mut stays = None;
    let mut left = None;
    let mut drills = Vec::new();
    if let (Target::Works(world, planning), Some(home)) = (&target, &stacks.home) {
        let (world, planning) = (*world, *planning);
        let config = StopConfig::from(&planning.stack);
        let built_in = built_in(&planning.policies);
        let id = &planning.stack.rules.stack;
        drills = living(&target, request).await?;
        // Where a drill lives no stack goes, so nothing is paused and no run ends.
        let depth = if drills.is_empty() {
            depth
        } else {
            Depth::Show
        };
        let empty = empty(world, deployer, home, &config, &built_in, depth, &mut show).await?;
        stays = Some(what_stays(world, request, home, id).await);
        if !json {
            write_drained(out, &empty)?;
            write_drills(out, &drills)?;
        }
        drained = Some(empty);
    }
    if let Target::Left(world) = &target {
        let rows = still_running(*world).await?;
        if !json {
            write_left(out, &rows)?;
        }
        left = Some(rows);
    }
    let nothing_runs = left.as_ref().is_none_or(Vec::is_empty);
    let is_drained = drained.as_ref().is_none_or(Drained::is_done);
    let mut is_empty = is_drained && nothing_runs && drills.is_empty();
    if depth != Depth::Show && is_empty {
        // Draining takes its time, and a drill may have begun meanwhile.
        drills = living(&target, request).await?;
        is_empty = drills.is_empty();
        if !json {
            write_drills(out, &drills)?;
        }
    }
    let acts = depth != Depth::Show && is_empty && !stacks.all.is_empty();
    if acts {
        act(deployer, target.machine(), stacks, &mut show).await?;
    }
    if json {
        let (drained, left) = (drained.as_ref(), left.as_deref());
        let mut answer = answer(stacks, drained, left, stays.as_ref(), acts);
        answer["drills"] = json!(drills);
        write_json(out, &answer)?;
    } else {
        if nothing_runs {
            write_end(out, stacks, acts, depth)?;
        }
        if let Some(stays) = &stays {
            let starts = drained.as_ref().map(|drained| &drained.drain.starts);
            write_stays(out, stays, starts)?;
        }
    }
    let is_well = depth == Depth::Show || is_empty;
    Ok(if is_well { Ended::Well } else { Ended::Badly })
}

/// What drills of the stack that goes made and is still there.
async fn living<W: StackPermissions>(
    target: &Target<'_, W>,
    request: &DestroyRequest,
) -> Result<Vec<String>, CliError> {
    let Target::Works(world, planning) = target else {
        return Ok(Vec::new());
    };
    let id = &planning.stack.rules.stack;
    let living = living_drills(*world, id, &request.recovery).await;
    living.map_err(CliError::Rds)
}

/// Progress is lost without harm where the error output is closed.
fn show_step(to: &mut impl Write, step: &Step<'_>) {
    let _ = match step {
        Step::Waiting(span) => writeln!(
            to,
            "waiting {} s: a function that was at work when the policies were paused may still start something",
            span.as_secs()
        ),
        Step::Deleting(region, name) => writeln!(to, "{region}: CloudFormation deletes {name}"),
        Step::Said(region, event) => show_event(to, region, event),
    };
}

fn write_stacks(
    out: &mut impl Write,
    request: &DestroyRequest,
    stacks: &Stacks,
) -> Result<(), CliError> {
    if stacks.all.is_empty() {
        writeln!(
            out,
            "There is no stack {} in {}, and none of its source regions that is known.",
            request.stack, request.recovery
        )?;
        return Ok(());
    }
    writeln!(out, "These stacks go, in this order:\n")?;
    let mut rows = table(["REGION", "STACK", "STATUS"]);
    for one in &stacks.all {
        rows.add_row([one.region.as_str(), one.name.as_str(), &one.facts.status]);
    }
    write_table(out, &rows)?;
    writeln!(out)?;
    if stacks.all.iter().any(|one| has_people_policies(&one.facts)) {
        writeln!(
            out,
            "Detach the policies of PeoplePolicies (outputs ReadersPolicyArn, OperatorsPolicyArn, DrillsPolicyArn, \
             RestoresPolicyArn) from those who have them: IAM deletes none that is attached.\n"
        )?;
    }
    Ok(())
}

/// What runs in a stack that does not work. It cannot be drained, and its waits cannot be read.
fn write_left(out: &mut impl Write, rows: &[Row]) -> Result<(), CliError> {
    let stop = Stop {
        rows: rows.to_vec(),
        not_found: Vec::new(),
    };
    write_runs(out, &stop)?;
    let what = match rows.is_empty() {
        true => {
            "The recovery region's stack does not work any more, or never did, so its policies and waits cannot be read. Nothing runs in its state machine.\n"
        }
        false => {
            "The recovery region's stack does not work any more, or never did, so its policies cannot be paused. These executions run, so no stack is deleted: run this command again when they have ended, or end each with aws stepfunctions stop-execution."
        }
    };
    writeln!(out, "{what}")?;
    Ok(())
}

fn write_drained(out: &mut impl Write, drained: &Drained) -> Result<(), CliError> {
    writeln!(out, "{}\n", starts(&drained.drain.starts))?;
    write_runs(out, &drained.drain.stop)?;
    if drained.open_waits > 0 {
        writeln!(
            out,
            "{} snapshots or copies are still awaited; the sweeper settles each when RDS has finished it (snapferry waits).",
            drained.open_waits
        )?;
    }
    Ok(())
}

fn write_drills(out: &mut impl Write, drills: &[String]) -> io::Result<()> {
    if drills.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "Drills live, so no stack is deleted: {}. Only the table proves whose they are: let snapferry drill end them, or \
         remove them with snapferry drill --clean --yes once they are past their deadline.",
        drills.join(", ")
    )
}

fn write_end(out: &mut impl Write, stacks: &Stacks, acted: bool, depth: Depth) -> io::Result<()> {
    let what = match (acted, depth) {
        _ if stacks.all.is_empty() => return Ok(()),
        (true, _) => "The stacks are deleted.",
        (false, Depth::Show) => {
            "Nothing was changed. Add --yes to pause every policy and delete the stacks, and --stop to end the open runs too."
        }
        (false, _) => {
            "No stack was deleted. Run this command again when what is open has ended, or end the runs with --yes --stop."
        }
    };
    writeln!(out, "{what}")
}

fn write_stays(out: &mut impl Write, stays: &Stays, starts: Option<&StartState>) -> io::Result<()> {
    writeln!(out, "\nWhat stays, and you pay for:\n")?;
    for (region, left) in &stays.snapshots {
        let clusters = match left.of_clusters {
            0 => String::new(),
            count => format!(", and what the {count} of clusters use, which RDS does not say"),
        };
        writeln!(
            out,
            "- {region}: {} snapshots with the tag snapferry:stack={}, at most ${:.2} a month for {} GiB{clusters}",
            left.count,
            stays.id,
            left.dollars(),
            left.gib
        )?;
    }
    for region in &stays.unlisted {
        writeln!(
            out,
            "- {region}: its snapshots with the tag snapferry:stack={} (they could not be listed now)",
            stays.id
        )?;
    }
    writeln!(
        out,
        "- the table {}: policies, catalog and configurations (cents a month)",
        stays.table
    )?;
    let made = match stays.made_key {
        true => "the stack made it; delete it and the copies are lost",
        false => "your own",
    };
    writeln!(
        out,
        "- the key {}, and those of your policies ($1 a month each): {made}",
        stays.key
    )?;
    if let Some(bucket) = &stays.bucket {
        writeln!(
            out,
            "- the bucket {bucket}, or the one that you named: the function and the template (less than a cent)"
        )?;
    }
    writeln!(
        out,
        "\nQueues, functions, alarms and the log groups with their logs go.\n\nTo take all of it over again:\n\n  {}",
        stays.adopts()
    )?;
    if let Some(StartState::Paused {
        before: Some(before),
        ..
    }) = starts
    {
        writeln!(
            out,
            "\nThe policies are paused then. To go on: snapferry policy show --version {before} --file | snapferry policy apply -"
        )?;
    }
    Ok(())
}

fn answer(
    stacks: &Stacks,
    drained: Option<&Drained>,
    left: Option<&[Row]>,
    stays: Option<&Stays>,
    deleted: bool,
) -> Value {
    let all: Vec<Value> = stacks
        .all
        .iter()
        .map(|one| {
            json!({
                "region": one.region.as_str(),
                "stack": one.name.as_str(),
                "status": one.facts.status,
            })
        })
        .collect();
    let rows = drained.map(|drained| drained.drain.stop.rows.as_slice());
    let runs = rows.or(left);
    let runs = runs.map(|rows| rows.iter().map(RowJson::of).collect::<Vec<_>>());
    // Whether a stack that does not work was drained before, nobody can see any more. That something runs can be seen.
    let is_drained = drained.map(Drained::is_done);
    let is_drained = is_drained.or_else(|| left.filter(|rows| !rows.is_empty()).map(|_| false));
    json!({
        "stacks": all,
        "deleted": deleted,
        "drained": is_drained,
        "paused": drained.map(|drained| !matches!(drained.drain.starts, StartState::GoOn(_))),
        "open_waits": drained.map(|drained| drained.open_waits),
        "runs": runs,
        "stays": stays.map(stays_json),
    })
}

fn stays_json(stays: &Stays) -> Value {
    let snapshots: Vec<Value> = stays
        .snapshots
        .iter()
        .map(|(region, left)| {
            json!({
                "region": region.as_str(),
                "count": left.count,
                "of_clusters": left.of_clusters,
                "gib": left.gib,
                "dollars_a_month_at_most": left.dollars(),
            })
        })
        .collect();
    let unlisted: Vec<&str> = stays.unlisted.iter().map(Region::as_str).collect();
    json!({
        "stack_id": stays.id,
        "table": stays.table,
        "key": stays.key,
        "key_is_the_stacks_own": stays.made_key,
        "bucket": stays.bucket.as_ref().map(|bucket| bucket.as_str()),
        "snapshots": snapshots,
        "unlisted": unlisted,
        "adopt": stays.adopts(),
    })
}
