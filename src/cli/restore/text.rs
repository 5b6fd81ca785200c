//! The plans for people.

use std::io::Write;

use super::json::origin;
use crate::app::preflight::PreflightReport;
use crate::app::restore::{AbsentReason, OrderedPlan, RestorePlans};
use crate::cli::outcome::CliError;
use crate::cli::show::{database, short, table, write_table};

/// Writes the plans, in the order in which they are carried out.
pub(super) fn write_plans(out: &mut impl Write, plans: &RestorePlans) -> Result<(), CliError> {
    for one in &plans.plans {
        write_plan(out, one)?;
        writeln!(out)?;
    }
    for (point, why) in &plans.left_out {
        let of = &point.origin.database;
        let why = match why {
            AbsentReason::Gone(at) => {
                format!("the last complete listing of its region ({at}) did not show it")
            }
            AbsentReason::NoListing => "no complete listing of its region is known".to_owned(),
            AbsentReason::TooMany => {
                "its region has more databases than a listing names".to_owned()
            }
        };
        writeln!(
            out,
            "left out: {} ({}): {why}. Restore it with --database {1}.",
            database(&of.arn),
            of.resource_id
        )?;
    }
    let stopped = plans
        .plans
        .iter()
        .filter(|one| one.plan.is_stopped())
        .count();
    let cannot_go = plans.plans.iter();
    let cannot_go = cannot_go.filter(|one| one.is_stopped()).count() - stopped;
    let preflight = match cannot_go {
        0 => String::new(),
        count => format!("{count} stopped by preflight, "),
    };
    writeln!(
        out,
        "{} to restore, {stopped} stopped by a gap, {preflight}{} left out.",
        plans.plans.len(),
        plans.left_out.len()
    )?;
    Ok(())
}

/// Writes what preflight could not find out.
pub(super) fn write_preflight(
    out: &mut impl Write,
    preflight: &PreflightReport,
) -> Result<(), CliError> {
    for why in &preflight.unanswered {
        writeln!(
            out,
            "preflight: not answered: {why}. It stops nothing: RDS checks it when the restore is asked for."
        )?;
    }
    Ok(())
}

fn write_plan(out: &mut impl Write, one: &OrderedPlan) -> Result<(), CliError> {
    let plan = &one.plan;
    let taken_at = plan.taken_at;
    let taken_at = taken_at.map_or_else(|| "unknown time".to_owned(), |at| at.to_string());
    writeln!(
        out,
        "{} as {}, from {} (data of {taken_at})",
        database(&plan.database),
        plan.name,
        plan.point.name()
    )?;
    if !one.hides.is_empty() {
        let ids: Vec<&str> = one.hides.iter().map(|id| id.as_str()).collect();
        writeln!(
            out,
            "  other databases have or had this name; restore them by their resource ids: {}",
            ids.join(", ")
        )?;
    }
    for gap in &plan.gaps {
        let member = gap.member.as_ref();
        let of = member.map_or_else(String::new, |member| format!(" of {member}"));
        let then = match (gap.stops(), gap.is_accepted) {
            (true, _) => format!(
                "This stops the restore; --accept-gap {} accepts RDS's default",
                gap.kind
            ),
            (false, true) => "Accepted".to_owned(),
            (false, false) => "It is restored without it".to_owned(),
        };
        writeln!(out, "  gap {}{of}: {}. {then}.", gap.kind, gap.what)?;
    }
    for finding in &one.findings {
        let then = match finding.stops {
            true => "This stops the restore",
            false => "RDS may refuse it",
        };
        let (check, what, remedy) = (finding.check, &finding.what, finding.check.remedy());
        writeln!(
            out,
            "  preflight {}: {what}. {then}: {remedy}.",
            check.as_str()
        )?;
    }
    for (at, step) in plan.steps.iter().enumerate() {
        let late = match at < plan.runs_after {
            true => "",
            false => " (after it counts as running: NO BACKUPS YET until then)",
        };
        writeln!(
            out,
            "  {}. {}, then wait {}{late}",
            at + 1,
            step.action,
            step.then
        )?;
    }
    let mut rows = table(["  SETTING", "VALUE", "FROM", "WHY"]);
    for line in &plan.lines {
        let (from, why) = origin(&line.origin);
        let member = line.member.as_ref();
        let of = member.map_or_else(String::new, |member| format!("{member}: "));
        let value = line.value.as_ref();
        rows.add_row([
            format!("  {of}{}", line.setting.field()),
            value.map_or_else(|| "-".to_owned(), |value| short(&value.to_string())),
            from.to_owned(),
            short(why.unwrap_or_default()),
        ]);
    }
    write_table(out, &rows)?;
    Ok(())
}
