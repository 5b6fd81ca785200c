//! `snapferry drain`: prepares the deletion of the stacks.

use std::io::Write;

use serde::Serialize;

use super::arguments::{StackArguments, variables};
use super::drain_arguments::DrainArguments;
use super::outcome::{CliError, Ended};
use super::show::write_json;
use super::stop::{RowJson, write_runs};
use crate::app::drain::{self, Depth, Drain, DrainError, StartState};
use crate::app::stop::StopConfig;
use crate::aws::{Aws, StateMachine, for_operators};
use crate::domain::policy::in_force::Policies;
use crate::domain::policy::set::{PolicySet, Version};
use crate::domain::policy::spec::{AppliedKey, PolicySpec};
use crate::settings::Planning;

impl From<DrainError> for CliError {
    fn from(error: DrainError) -> Self {
        match error {
            DrainError::Port(error) => Self::Port(error),
            DrainError::File(error) => Self::Toml(error),
            raced @ DrainError::Raced(_) => Self::Argument {
                name: "drain",
                what: raced.to_string(),
            },
        }
    }
}

pub(super) async fn execute(
    arguments: &StackArguments,
    options: &DrainArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let planning = Planning::from_variables(variables(environment, arguments.flags()))?;
    let depth = match (options.yes, options.stop) {
        (false, _) => Depth::Show,
        (true, false) => Depth::Pause,
        (true, true) => Depth::Stop,
    };
    let sdk = for_operators(&planning.stack.home, arguments.profile.as_deref()).await;
    let machine = StateMachine(planning.state_machine.clone());
    let aws = Aws::new(sdk, planning.stack.table.clone(), machine);
    run_drain(&aws, &planning, depth, arguments.format.is_json(), out).await
}

/// Drains, and reports what still runs and what stays when the stacks are deleted.
///
/// # Errors
/// If it could not begin, or the answer cannot be written.
pub async fn run_drain<W: drain::Permissions>(
    world: &W,
    planning: &Planning,
    depth: Depth,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let config = StopConfig::from(&planning.stack);
    let built_in = built_in(&planning.policies);
    let drained = drain::drain(world, &config, &built_in, depth).await?;
    if json {
        write_json(out, &DrainJson::of(&drained))?;
    } else {
        write(out, planning, depth, &drained)?;
    }
    let is_well = depth == Depth::Show || drained.is_done();
    Ok(if is_well { Ended::Well } else { Ended::Badly })
}

/// The template's parameters as a set.
pub(super) fn built_in(policies: &Policies) -> PolicySet<AppliedKey> {
    let specs = policies.all.iter().map(|policy| {
        let key = AppliedKey {
            arn: policy.key.clone(),
            alias: None,
        };
        let spec = PolicySpec {
            schedule: policy.schedule.clone(),
            key: Some(key),
            options: policy.options.clone(),
        };
        (policy.name.clone(), spec)
    });
    PolicySet {
        untagged: policies.untagged.clone(),
        copy_slots: None,
        cluster_copy_slots: None,
        policies: specs.collect(),
    }
}

fn write(
    out: &mut impl Write,
    planning: &Planning,
    depth: Depth,
    drained: &Drain,
) -> Result<(), CliError> {
    writeln!(out, "{}\n", starts(&drained.starts))?;
    write_runs(out, &drained.stop)?;
    let what = match (drained.is_done(), depth) {
        (true, _) => {
            "No run is open: delete the stacks. Run this command once more after five minutes if it has only now paused the policies, because a planner that was at work then may have started one."
        }
        (false, Depth::Show) => {
            "Nothing was changed. Add --yes to pause every policy, and --stop to end the open runs too."
        }
        (false, _) => {
            "Runs are still open: each delays the deletion of the stack. Wait until they end and run this command again, or end them with --yes --stop."
        }
    };
    writeln!(out, "{what}\n")?;
    writeln!(
        out,
        "The deletion of the stacks leaves, and you pay for:\n\
         - all snapshots and copies with the tag snapferry:stack={} (storage)\n\
         - the table {} (cents a month)\n\
         - the key {} and those of your policies ($1 a month each)",
        planning.stack.rules.stack, planning.stack.table, planning.key
    )?;
    Ok(())
}

pub(super) fn starts(starts: &StartState) -> String {
    match starts {
        StartState::GoOn(policies) => {
            format!("Snapferry starts new runs of: {}", policies.join(", "))
        }
        StartState::WerePaused => "Every policy is paused: Snapferry starts nothing.".to_owned(),
        StartState::Paused { now, before } => {
            let back = before.map_or_else(String::new, |before| {
                format!(
                    " To go on: snapferry policy show --version {before} --file | snapferry policy apply -"
                )
            });
            format!("Every policy is paused now, by version {now}: Snapferry starts nothing.{back}")
        }
    }
}

#[derive(Serialize)]
struct DrainJson {
    /// Whether the stacks can be deleted.
    drained: bool,
    paused: bool,
    version: Option<u32>,
    version_before: Option<u32>,
    runs: Vec<RowJson>,
}

impl DrainJson {
    fn of(drained: &Drain) -> Self {
        let (version, version_before) = match &drained.starts {
            StartState::Paused { now, before } => (Some(now.number()), before.map(Version::number)),
            StartState::GoOn(_) | StartState::WerePaused => (None, None),
        };
        Self {
            drained: drained.is_done(),
            paused: !matches!(drained.starts, StartState::GoOn(_)),
            version,
            version_before,
            runs: drained.stop.rows.iter().map(RowJson::of).collect(),
        }
    }
}
