//! `snapferry restore`: plans restores, carries them out, and prints templates that do.

pub(super) mod arguments;
mod carry_out;
mod closing;
mod json;
mod take_over;
mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::arguments::{StackArguments, variables};
use super::confirmed::confirmed;
use super::emit::{Described, TemplateForm, configuration, imports, of_plan, template};
use super::not_found::not_found;
use super::outcome::{CliError, Ended};
use super::show::write_json;
use crate::app::carry_out_all::Permissions;
use crate::app::preflight::{self, PreflightReport, check_plans};
use crate::app::restore::{self, OrderedPlan, RestoreOf, RestorePlans, Which};
use crate::app::resume::{self, plan_or_resume};
use crate::aws::{Aws, Examines, for_operators, patient};
use crate::domain::restore::plan::RestoreOptions;
use crate::ports::Clock;
use crate::settings::Stack;

use arguments::RestoreArguments;
use carry_out::restore_and_close;

pub use arguments::TemplateLanguage;
pub use carry_out::restore_progress;
pub use closing::{write_closing, write_json_closing};

/// What is done with the plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreAction {
    /// They are shown.
    DryRun,
    /// A template is printed.
    Emit {
        /// Its language.
        language: TemplateLanguage,
        /// Whether it takes over what was restored.
        takes_over: bool,
    },
}

pub(super) async fn execute(
    arguments: &StackArguments,
    options: &RestoreArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let action = action_of(options)?;
    let json = arguments.format.is_json();
    let may_ask = !json && io::stdin().is_terminal();
    if action.is_none() && !options.yes && !may_ask {
        return Err(CliError::Argument {
            name: "restore",
            what: "it changes the recovery region: add --yes, or --dry-run to see the plan"
                .to_owned(),
        });
    }
    let stack = Stack::from_variables(variables(environment, arguments.flags()))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let aws = Aws::new(patient(sdk), stack.table.clone(), Examines);
    let which = match &options.group {
        Some(group) => Which::Group(group.clone()),
        None if options.all => Which::All,
        None => Which::These(options.databases.clone()),
    };
    let how = RestoreOptions {
        name: options.restored_name.clone(),
        accepted: options.accepted.iter().copied().collect(),
        is_fast: options.fast,
        skips_preflight: options.no_preflight,
    };
    let of = RestoreOf {
        stack: &stack.rules.stack,
        home: &stack.home,
        which: &which,
        up_to: options.at.map(|at| at.before(aws.now())),
        width: stack.sweep_width,
        options: &how,
    };
    match action {
        Some(action) => show_restore(&aws, of, action, json, out).await,
        None => {
            let look_every = Duration::from_secs(options.look_every);
            carry_out(&aws, of, (options.yes, look_every), json, out).await
        }
    }
}

/// Shows the plans, asks, and carries them out.
///
/// # Errors
/// When a database is unknown, or AWS does not answer.
async fn carry_out<W: Permissions + preflight::Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    (is_confirmed, look_every): (bool, Duration),
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let mut plans = planned(world, of).await?;
    let preflight = checked(world, of, &mut plans).await?;
    if !json {
        text::write_plans(out, &plans)?;
        text::write_preflight(out, &preflight)?;
    }
    let question = "Is the old one down? What is restored runs its jobs. Restore this?";
    if !is_confirmed && !confirmed(question)? {
        writeln!(out, "Nothing was changed.")?;
        return Ok(Ended::Badly);
    }
    restore_and_close(world, of, plans, look_every, json, out).await
}

/// The plans, also those of restores that have begun, with what a person has accepted for them.
async fn planned<W: restore::Permissions + resume::Permissions>(
    world: &W,
    of: RestoreOf<'_>,
) -> Result<RestorePlans, CliError> {
    let plans = plan_or_resume(world, of).await?;
    refuse_unknown(&plans)?;
    Ok(plans)
}

/// Asks the recovery region whether the plans can go, unless a person does without.
async fn checked<W: preflight::Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    plans: &mut RestorePlans,
) -> Result<PreflightReport, CliError> {
    match of.options.skips_preflight {
        true => Ok(PreflightReport::default()),
        false => check_plans(world, of, plans).await.map_err(CliError::Port),
    }
}

/// What is shown or printed. Nothing if the plans are carried out.
fn action_of(options: &RestoreArguments) -> Result<Option<RestoreAction>, CliError> {
    let wrong = |name, what: &str| CliError::Argument {
        name,
        what: what.to_owned(),
    };
    if options.restored_name.is_some() && options.databases.len() > 1 {
        return Err(wrong("--as", "several databases cannot have one name"));
    }
    let emit = options.emit.map(|language| RestoreAction::Emit {
        language,
        takes_over: options.take_over,
    });
    Ok(emit.or(options.dry_run.then_some(RestoreAction::DryRun)))
}

/// Shows the plans, or prints templates.
///
/// # Errors
/// When a database is unknown, AWS does not answer, or the answer cannot be written.
pub async fn show_restore<W>(
    world: &W,
    of: RestoreOf<'_>,
    action: RestoreAction,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError>
where
    W: restore::Permissions + resume::Permissions + preflight::Permissions,
{
    let mut plans = planned(world, of).await?;
    let preflight = match action {
        RestoreAction::DryRun => checked(world, of, &mut plans).await?,
        RestoreAction::Emit { .. } => PreflightReport::default(),
    };
    let is_well = !plans.plans.is_empty()
        && plans.left_out.is_empty()
        && !plans.plans.iter().any(OrderedPlan::is_stopped);
    let ended = if is_well { Ended::Well } else { Ended::Badly };
    match action {
        RestoreAction::DryRun if json => {
            write_json(out, &json::PlansJson::of(&plans, &preflight))?;
        }
        RestoreAction::DryRun => {
            text::write_plans(out, &plans)?;
            text::write_preflight(out, &preflight)?;
            writeln!(out, "Nothing was changed. --yes carries it out.")?;
        }
        RestoreAction::Emit {
            language,
            takes_over: false,
        } => {
            refuse_gaps(&plans)?;
            let all = plans.plans.iter().map(|one| of_plan(&one.plan)).collect();
            let described = Described::together(TemplateForm::Make, all);
            out.write_all(written(language, &described)?.as_bytes())?;
        }
        RestoreAction::Emit {
            language,
            takes_over: true,
        } => {
            let all = take_over::described(world, of.home, &plans).await?;
            let described = Described::together(TemplateForm::TakeOver, all);
            out.write_all(written(language, &described)?.as_bytes())?;
            if language == TemplateLanguage::Cloudformation {
                let resources = imports(&described)?;
                writeln!(out, "# The resources to import, for create-change-set:")?;
                for line in resources.lines() {
                    writeln!(out, "# {line}")?;
                }
            }
        }
    }
    Ok(ended)
}

fn refuse_unknown(plans: &RestorePlans) -> Result<(), CliError> {
    let Some(unknown) = plans.unknown.first() else {
        return Ok(());
    };
    let what = "database with good recovery points of this stack in the recovery region";
    let known = plans.known.iter().map(String::as_str);
    Err(not_found("--database", what, unknown, known))
}

/// A template for a database with an open gap would put it into the wrong network.
fn refuse_gaps(plans: &RestorePlans) -> Result<(), CliError> {
    let stopped = plans.plans.iter().find(|one| one.plan.is_stopped());
    let Some(one) = stopped else { return Ok(()) };
    let gaps = one.plan.gaps.iter().filter(|gap| gap.stops());
    let gaps: Vec<String> = gaps
        .map(|gap| format!("{} ({})", gap.kind, gap.what))
        .collect();
    Err(CliError::Argument {
        name: "--emit",
        what: format!(
            "{} has gaps: {}. Name what stands for it in the policy ([policy.NAME.restore]), or accept RDS's default \
             with --accept-gap",
            one.plan.database,
            gaps.join("; ")
        ),
    })
}

fn written(language: TemplateLanguage, described: &Described) -> Result<String, CliError> {
    Ok(match language {
        TemplateLanguage::Cloudformation => template(described)?,
        TemplateLanguage::Terraform => configuration(described),
    })
}
