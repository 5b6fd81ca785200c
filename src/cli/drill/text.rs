//! Drills for people.

use std::io::Write;

use crate::app::drill::clean::{Cleaned, Leftovers};
use crate::app::drill::plan::{DrillPlans, DrillRow};
use crate::app::drill::run::FollowedDrill;
use crate::cli::outcome::CliError;
use crate::cli::show::{database, table, write_table};
use crate::domain::drill::cost::dollars;
use crate::domain::drill::record::DrillRecord;

/// The line that says how far a drill has come.
#[must_use]
pub fn drill_progress(one: &FollowedDrill) -> String {
    format!("{}: {}", database(&one.database.arn), one.says)
}

pub(super) fn write_plans(out: &mut impl Write, plans: &DrillPlans) -> Result<(), CliError> {
    let mut cents = Some(0);
    let mut count = 0;
    for row in &plans.rows {
        match &row.decision {
            Ok(why) => {
                count += 1;
                writeln!(out, "{}: {why}", database(&row.database.arn))?;
                write_plan(out, row)?;
                let own = row.plan.as_ref().map_or(Some(0), |plan| plan.cents);
                cents = cents.zip(own).map(|(all, own)| all + own);
            }
            Err(why) => {
                writeln!(out, "not drilled: {}: {why}.", database(&row.database.arn))?;
            }
        }
    }
    let cost = cents.map_or_else(
        || "what they cost cannot be told".to_owned(),
        |cents| format!("at most about {}", dollars(cents)),
    );
    writeln!(
        out,
        "\n{count} to drill ({cost}, by rough list prices), {} not drilled.",
        plans.rows.len() - count
    )?;
    Ok(())
}

fn write_plan(out: &mut impl Write, row: &DrillRow) -> Result<(), CliError> {
    let Some(plan) = &row.plan else {
        return Ok(());
    };
    let taken_at = plan.restore.taken_at;
    let taken_at = taken_at.map_or_else(|| "unknown time".to_owned(), |at| at.to_string());
    let cost = plan.cents.map_or_else(
        || "cost unknown".to_owned(),
        |cents| format!("at most about {}", dollars(cents)),
    );
    writeln!(
        out,
        "  as {}, from {} (data of {taken_at}), level {}, gone by {}, {cost}",
        plan.restore.name,
        plan.restore.point.name(),
        plan.options.level,
        plan.deadline
    )?;
    for (at, step) in plan.restore.steps.iter().enumerate() {
        writeln!(
            out,
            "  {}. {}, then wait {}",
            at + 1,
            step.action,
            step.then
        )?;
    }
    Ok(())
}

fn took(record: &DrillRecord) -> String {
    let measured = record.measured();
    let measured = measured
        .iter()
        .map(|(level, took)| format!("{level} after {} s", took.as_secs()));
    let measured: Vec<String> = measured.collect();
    match measured.is_empty() {
        true => "no level reached".to_owned(),
        false => measured.join(", "),
    }
}

/// Writes the page at the end.
///
/// # Errors
/// When it cannot be written.
pub fn write_drills(out: &mut impl Write, all: &[FollowedDrill]) -> Result<(), CliError> {
    for one in all {
        let record = &one.record;
        writeln!(out, "{}: {}", database(&one.database.arn), one.says)?;
        writeln!(out, "  restored  {}", took(record))?;
        if let Some(age) = record.data_age() {
            writeln!(out, "  data      {} s old when it began", age.as_secs())?;
        }
        for check in &record.checks {
            let found = check.fault.as_deref().unwrap_or("right");
            writeln!(out, "  check     {}: {found}", check.name)?;
        }
        for differs in &record.differs {
            let of = differs.member.as_ref();
            let of = of.map_or_else(String::new, |member| format!("{member}: "));
            writeln!(
                out,
                "  differs   {of}{} is {} and was {} ({}: {})",
                differs.setting,
                differs.is.as_deref().unwrap_or("nothing"),
                differs.was,
                differs.kind,
                differs.why
            )?;
        }
    }
    let passed = all.iter().filter(|one| one.is_well()).count();
    writeln!(out, "\n{passed} passed, {} did not.", all.len() - passed)?;
    Ok(())
}

pub(super) fn write_history(
    out: &mut impl Write,
    all: &[(&DrillRow, &DrillRecord)],
) -> Result<(), CliError> {
    let mut rows = table(["DATABASE", "BEGAN", "RESULT", "RESTORED", "GONE"]);
    for (row, record) in all {
        let verdict = record.verdict.as_ref();
        let gone = record.gone_at;
        rows.add_row([
            database(&row.database.arn),
            record.restore.began_at.to_string(),
            verdict.map_or_else(|| "under way".to_owned(), ToString::to_string),
            took(record),
            gone.map_or_else(|| "-".to_owned(), |at| at.to_string()),
        ]);
    }
    write_table(out, &rows)?;
    Ok(())
}

pub(super) fn write_leftovers(out: &mut impl Write, left: &Leftovers) -> Result<(), CliError> {
    for one in &left.all {
        let name = &one.found.name;
        match &one.decision {
            Ok(why) => writeln!(out, "{name}: to be removed: {why}")?,
            Err(why) => writeln!(out, "{name}: stays: {why}")?,
        }
    }
    let going = left.going().count();
    writeln!(out, "{going} to remove, {} stay.", left.all.len() - going)?;
    Ok(())
}

pub(super) fn write_cleaned(out: &mut impl Write, all: &[Cleaned]) -> Result<(), CliError> {
    for one in all {
        writeln!(out, "{}: {}", one.name, one.removal)?;
    }
    Ok(())
}
