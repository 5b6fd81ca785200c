//! `snapferry plan`: whether each database would be protected, and why.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::{PlanArguments, StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::show::{database, table, write_json, write_table};
use crate::app::plan_preview::{self, Preview, Row, Verdict, preview};
use crate::aws::{Aws, for_operators};
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::operator::prices;
use crate::domain::operator::warning::{Cost, Warning};
use crate::domain::policy::choice::ExclusionReason;
use crate::domain::rds::database::UnreadableRow;
use crate::domain::run::refusal::RefusedForGood;
use crate::settings::{Planning, SettingsError};

pub(super) async fn execute(
    stack: &StackArguments,
    options: &PlanArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let flags = stack.flags().into_iter().chain(options.planning.flags());
    let planning = Planning::from_variables(variables(environment, flags))?;
    let sdk = for_operators(&planning.stack.home, stack.profile.as_deref()).await;
    let aws = Aws::new(sdk, planning.stack.table.clone(), ());
    let of = Only {
        policy: options.policy.as_deref(),
        regions: &options.source_region,
    };
    show_plan(&aws, &planning, &of, stack.format.is_json(), out).await
}

/// What to show. An empty list means everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Only<'a> {
    /// The databases of this policy.
    pub policy: Option<&'a str>,
    /// The databases of these source regions.
    pub regions: &'a [String],
}

/// Shows the plan.
///
/// # Errors
/// If the policy or region does not exist, the table cannot be read, or the answer cannot be written. A source region
/// that cannot be read is not an error: the answer says so.
pub async fn show_plan<W: plan_preview::Permissions>(
    world: &W,
    planning: &Planning,
    only: &Only<'_>,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let regions = regions(planning, only.regions)?;
    let mut plan = preview(world, planning, &regions).await?;
    if let Some(policy) = only.policy {
        if !plan.policies.keys().any(|name| name.as_str() == policy) {
            let fault = format!("--policy: there is no policy {policy:?}");
            return Err(SettingsError::one(fault).into());
        }
        plan.rows
            .retain(|row| policy_of(row).is_some_and(|name| name.as_str() == policy));
    }
    if json {
        write_json(out, &PlanJson::of(&plan))?;
    } else {
        write(out, &plan)?;
    }
    let is_misnamed = |row: &Row| {
        matches!(
            row.verdict,
            Verdict::Excluded(ExclusionReason::UnknownPolicy(_))
        )
    };
    let is_whole = plan.unreachable.is_empty() && plan.unreadable.is_empty();
    Ok(if is_whole && !plan.rows.iter().any(is_misnamed) {
        Ended::Well
    } else {
        Ended::Badly
    })
}

/// The source regions to show, each once.
fn regions(planning: &Planning, named: &[String]) -> Result<Vec<Region>, SettingsError> {
    for name in named {
        if !planning.source_regions.iter().any(|of| of.as_str() == name) {
            let fault = format!("--source-region: {name} is not a source region of this stack");
            return Err(SettingsError::one(fault));
        }
    }
    let mut regions: Vec<Region> = Vec::new();
    for region in &planning.source_regions {
        let is_meant = named.is_empty() || named.iter().any(|name| name == region.as_str());
        if is_meant && !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    Ok(regions)
}

fn policy_of(row: &Row) -> Option<&PolicyName> {
    match &row.verdict {
        Verdict::Selected { policy, .. }
        | Verdict::Refused(policy, _)
        | Verdict::NotNow(policy, _)
        | Verdict::Remembered(policy, _) => Some(policy),
        Verdict::Excluded(_) => None,
    }
}

fn write(out: &mut impl Write, plan: &Preview) -> Result<(), CliError> {
    let mut rows = table(["REGION", "DATABASE", "PLAN", "POLICY", "NEXT", "WHY"]);
    for row in &plan.rows {
        let (word, next, why) = describe(plan, row);
        rows.add_row([
            row.database.region().to_string(),
            database(&row.database),
            word.to_owned(),
            policy_of(row).map(ToString::to_string).unwrap_or_default(),
            next,
            why,
        ]);
    }
    if !rows.is_empty() {
        write_table(out, &rows)?;
        writeln!(out)?;
    }
    for unreachable in &plan.unreachable {
        let (region, error) = (&unreachable.region, &unreachable.error);
        writeln!(out, "{region}: could not be read completely: {error}")?;
    }
    for (region, UnreadableRow { name, why }) in &plan.unreadable {
        writeln!(out, "{region}: a database {name} cannot be read: {why}")?;
    }
    for row in &plan.rows {
        if let Verdict::Excluded(why) = &row.verdict
            && why.is_mistake()
        {
            writeln!(out, "{} is not protected: {why}", row.database)?;
        }
    }
    let sum = Summary::of(plan);
    writeln!(
        out,
        "selected: {}, excluded: {}, refused: {}, not_now: {}, warned: {}, unreadable: {}, regions that could not be read: {}, tried: {}, skipped: {}",
        sum.selected,
        sum.excluded,
        sum.refused,
        sum.not_now,
        sum.warned,
        sum.unreadable,
        sum.unreachable_regions,
        sum.tried,
        sum.skipped
    )?;
    if plan
        .rows
        .iter()
        .any(|row| row.warnings.iter().any(|of| of.cost().is_some()))
    {
        let (at, region) = (prices::AS_KNOWN_AT, prices::REGION);
        writeln!(out, "dollars: list prices of {region} as known at {at}")?;
    }
    Ok(())
}

/// The row's word, its time, and the reasons.
fn describe(plan: &Preview, row: &Row) -> (&'static str, String, String) {
    match &row.verdict {
        Verdict::Excluded(why) => ("excluded", String::new(), why.to_string()),
        Verdict::Refused(_, why) => ("refused", String::new(), why.to_string()),
        Verdict::NotNow(_, why) => ("not_now", String::new(), why.to_string()),
        Verdict::Remembered(_, why) => ("tried", String::new(), why.to_string()),
        Verdict::Selected {
            policy,
            due,
            open,
            skipped,
            waits,
        } => {
            let status = plan.policies.get(policy);
            let next = match due {
                Some(_) => "now".to_owned(),
                None if status.is_some_and(|status| status.paused) => "paused".to_owned(),
                None => status
                    .and_then(|status| status.next.as_ref())
                    .map(|next| next.strftime("%Y-%m-%d %H:%M %Z").to_string())
                    .unwrap_or_default(),
            };
            let mut why: Vec<String> = Vec::new();
            if status.is_some_and(|status| status.paused) {
                why.push("its policy is paused: nothing is started".to_owned());
            }
            why.extend(
                open.iter()
                    .map(|name| format!("its latest execution: {name}")),
            );
            why.extend(waits.map(|waits| waits.to_string()));
            why.extend(skipped.map(|due| {
                format!(
                    "its due time {due} was skipped and is planned when its execution has ended"
                )
            }));
            why.extend(row.warnings.iter().map(|of| format!("warning: {of}")));
            ("selected", next, why.join("; "))
        }
    }
}

#[derive(Serialize)]
struct Summary {
    /// The same as `selected`, under the name that earlier versions gave it.
    protected: usize,
    selected: usize,
    excluded: usize,
    refused: usize,
    not_now: usize,
    tried: usize,
    skipped: usize,
    unreadable: usize,
    warned: usize,
    unreachable_regions: usize,
}

impl Summary {
    fn of(plan: &Preview) -> Self {
        let count = |is: fn(&Row) -> bool| plan.rows.iter().filter(|row| is(row)).count();
        let selected = count(|row| matches!(row.verdict, Verdict::Selected { .. }));
        Self {
            protected: selected,
            selected,
            not_now: count(|row| matches!(row.verdict, Verdict::NotNow(..))),
            tried: count(|row| matches!(row.verdict, Verdict::Remembered(..))),
            skipped: count(|row| {
                matches!(
                    row.verdict,
                    Verdict::Selected {
                        skipped: Some(_),
                        ..
                    }
                )
            }),
            unreadable: plan.unreadable.len(),
            excluded: count(|row| matches!(row.verdict, Verdict::Excluded(_))),
            refused: count(|row| matches!(row.verdict, Verdict::Refused(..))),
            warned: count(|row| !row.warnings.is_empty()),
            unreachable_regions: plan.unreachable.len(),
        }
    }
}

#[derive(Serialize)]
struct PlanJson {
    at: String,
    databases: Vec<Value>,
    summary: Summary,
    unreadable: Vec<Value>,
    unreachable: Vec<Value>,
    prices: Value,
}

impl PlanJson {
    fn of(plan: &Preview) -> Self {
        let unreachable = plan
            .unreachable
            .iter()
            .map(|of| json!({ "region": of.region.as_str(), "error": of.error }));
        let unreadable = plan.unreadable.iter().map(|(region, row)| {
            json!({ "region": region.as_str(), "name": row.name, "reason": row.why })
        });
        let list = prices::ALL.map(|price| {
            json!({
                "what": price.what,
                "dollars_per_gb": price.per_gb,
                "page": price.page,
                "quoted_by": price.quoted_by,
            })
        });
        Self {
            at: plan.at.to_string(),
            databases: plan.rows.iter().map(|row| row_json(plan, row)).collect(),
            summary: Summary::of(plan),
            unreadable: unreadable.collect(),
            unreachable: unreachable.collect(),
            prices: json!({
                "as_known_at": prices::AS_KNOWN_AT, "region": prices::REGION, "list": list,
            }),
        }
    }
}

/// The reason's name, for scripts: it does not name the database.
fn reason_code(row: &Row) -> Option<&'static str> {
    match &row.verdict {
        Verdict::Excluded(why) => Some(why.name()),
        Verdict::Refused(_, why) => Some(why.name()),
        Verdict::NotNow(..) => Some("not-now"),
        Verdict::Remembered(..) => Some(RefusedForGood::NAME),
        Verdict::Selected { .. } => None,
    }
}

/// One database for the outside. A name that does not apply is null.
fn row_json(plan: &Preview, row: &Row) -> Value {
    let mut said = json!({
        "database": row.database.to_string(),
        "region": row.database.region().as_str(),
        "plan": describe(plan, row).0,
        "policy": policy_of(row).map(PolicyName::as_str),
        "reason": null, "reason_code": reason_code(row), "source": null, "schedule": null, "time_zone": null,
        "next": null, "paused": null, "due_now": null, "execution": null,
        "skipped": null, "tried": null, "waits": null,
        "warnings": row.warnings.iter().map(warning_json).collect::<Vec<_>>(),
    });
    match &row.verdict {
        Verdict::Excluded(why) => said["reason"] = why.to_string().into(),
        Verdict::Refused(_, why) => said["reason"] = why.to_string().into(),
        Verdict::NotNow(_, why) => said["reason"] = why.to_string().into(),
        Verdict::Remembered(_, why) => {
            said["reason"] = why.to_string().into();
            said["tried"] = json!({
                "at": why.at.to_string(),
                "words": why.words,
                "again_after": why.try_again_at().to_string(),
                "remedy": RefusedForGood::REMEDY,
            });
        }
        Verdict::Selected {
            policy,
            due,
            open,
            skipped,
            waits,
        } => {
            said["waits"] = json!(waits.map(|waits| {
                json!({ "until": waits.until.to_string(), "reason": waits.why.name() })
            }));
            said["skipped"] = json!(skipped.map(|time| time.to_string()));
            said["due_now"] = json!(due.map(|time| time.to_string()));
            said["execution"] = json!(open.as_ref().map(ToString::to_string));
            if let Some(status) = plan.policies.get(policy) {
                let automated = status.automated;
                said["paused"] = status.paused.into();
                said["source"] = if automated { "automated" } else { "snapshot" }.into();
                said["schedule"] = status.schedule.pattern().into();
                said["time_zone"] = status.schedule.zone().into();
                said["next"] = json!(status.next.as_ref().map(|of| of.timestamp().to_string()));
            }
        }
    }
    said
}

fn warning_json(warning: &Warning) -> Value {
    let mut said = match warning {
        Warning::IoStops { engine, multi_az } => json!({ "engine": engine, "multi_az": multi_az }),
        Warning::NotAvailable { status } => json!({ "status": status }),
        Warning::AutomatedOff => json!({}),
        Warning::Untried { what } => json!({ "what": what }),
        Warning::ShortRetention { days, wait_days } => {
            json!({ "days": days, "wait_days": wait_days })
        }
        Warning::FullEveryTime {
            copies_a_month,
            gigabytes,
        } => {
            let (of, cost) = match warning.cost() {
                Some(Cost::Of(of, cost) | Cost::OfEach(of, cost)) => (Some(of), Some(cost)),
                None => (None, None),
            };
            json!({
                "copies_a_month": copies_a_month,
                "gigabytes": gigabytes,
                "dollars_for_gigabytes": of,
                "first_transfer_dollars": cost.map(|cost| cost.first_transfer),
                "transfer_dollars_a_month": cost.map(|cost| cost.transfer),
                "storage_dollars_a_month": cost.map(|cost| cost.storage),
            })
        }
        Warning::KeyChange {
            from,
            to,
            gigabytes,
        } => json!({ "from": from.as_str(), "to": to.as_str(), "gigabytes": gigabytes }),
    };
    said["warning"] = warning.name().into();
    said["message"] = warning.to_string().into();
    said
}
