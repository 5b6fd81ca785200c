//! `snapferry prune --yes`: the plan that a person has looked at is carried out by the pruner, if it is still the same.

use std::io::Write;

use super::arguments::{PruneArguments, StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::prune::{PlanSeen, ShownRecoveryPoints, preview_of, write_groups, write_unapproved};
use super::show::write_json;
use crate::app::prune_preview::{self, PlanPart};
use crate::aws::{Aws, PrunerName, for_operators, patient};
use crate::domain::retention::plan_hash::plan_hash;
use crate::json::prune::{PruneAnswer, RequestJson, read_answer, write_request};
use crate::ports::{InvokePruner, PortError};
use crate::settings::{Planning, SettingsError};

/// The variable with the name of the pruner's function.
const PRUNER: &str = "SNAPFERRY_PRUNER";

pub(super) async fn execute(
    stack: &StackArguments,
    options: &PruneArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let flags = stack.flags().into_iter().chain(options.planning.flags());
    let mut vars = variables(environment, flags.chain([(PRUNER, &options.pruner)]));
    let planning = Planning::read(&mut vars);
    let pruner = vars.required(PRUNER, |name| Ok::<_, SettingsError>(name.to_owned()));
    let (planning, pruner) = vars.finish(planning.zip(pruner))?;
    let sdk = for_operators(&planning.stack.home, stack.profile.as_deref()).await;
    let table = planning.stack.table.clone();
    let aws = Aws::new(patient(sdk), table, PrunerName(pruner));
    request_prune(
        &aws,
        &planning,
        options.part(),
        options.force,
        stack.format.is_json(),
        out,
    )
    .await
}

/// Shows the plan, and has the pruner carry it out. The pruner plans anew and acts only on an equal hash; its check, its
/// bounds, holds and a freeze apply as in every round.
///
/// # Errors
/// When the plan cannot be made, the pruner cannot be asked, or the answer cannot be written.
pub async fn request_prune<W: prune_preview::Permissions + InvokePruner>(
    world: &W,
    planning: &Planning,
    part: PlanPart<'_>,
    force: bool,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let shown = ShownRecoveryPoints {
        part,
        explain: None,
    };
    let PlanSeen {
        preview,
        unapproved,
    } = preview_of(world, planning, &shown).await?;
    let removable = preview.removable();
    let plan = plan_hash(&preview.rules, &removable);
    if !json {
        write_groups(out, &preview)?;
        write_unapproved(out, unapproved.as_ref().filter(|_| !force))?;
    }
    // A version that lets nothing go needs no approval.
    let answer = if removable.is_empty() {
        PruneAnswer {
            plan,
            ..PruneAnswer::default()
        }
    } else {
        let request = RequestJson {
            plan,
            databases: part.databases.to_vec(),
            force,
            gone: part.gone,
            include_last: part.include_last,
        };
        let answer = world.invoke_pruner(&write_request(&request)).await?;
        read_answer(&answer).map_err(|error| PortError {
            action: "lambda:InvokeFunction",
            code: None,
            source: Some(Box::new(error)),
        })?
    };
    if json {
        write_json(out, &answer)?;
    } else {
        write_answer(out, &answer)?;
    }
    let is_well = answer.failed.is_empty() && answer.refused.is_empty() && answer.stopped.is_none();
    Ok(if is_well { Ended::Well } else { Ended::Badly })
}

fn write_answer(out: &mut impl Write, answer: &PruneAnswer) -> Result<(), CliError> {
    writeln!(out)?;
    for (snapshot, why) in &answer.removed {
        writeln!(out, "removing      {snapshot}: {why}")?;
    }
    for snapshot in &answer.kept {
        writeln!(
            out,
            "kept          {snapshot}: something awaits it, or it has gone"
        )?;
    }
    for (snapshot, why) in &answer.failed {
        writeln!(out, "failed        {snapshot}: {why}")?;
    }
    for (snapshot, rule) in &answer.refused {
        writeln!(out, "refused       {snapshot}: it breaks the rule {rule}")?;
    }
    for (database, why) in &answer.left_alone {
        writeln!(out, "left alone    {database}: {why}")?;
    }
    if let Some(why) = &answer.stopped {
        writeln!(out, "stopped       {why}")?;
    }
    let (removed, ripe) = (answer.removed.len(), answer.ripe);
    writeln!(
        out,
        "RDS was asked to delete {removed} of {ripe}; the next round looks whether they are gone, and removes more."
    )?;
    Ok(())
}
