//! `snapferry plan`: whether each database would be protected, and why.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::{PlanArguments, StackArguments, variables};
use super::not_found::not_found;
use super::outcome::{CliError, Ended};
use super::plan_text;
use super::plan_words::{Summary, policy_of, reason_code, word};
use super::show::write_json;
use super::terminal;
use crate::app::plan_preview::{self, Preview, Row, Verdict, preview};
use crate::aws::{Aws, for_operators};
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::operator::prices;
use crate::domain::operator::warning::{Cost, Warning};
use crate::domain::policy::choice::ExclusionReason;
use crate::domain::run::refusal::RefusedForGood;
use crate::settings::Planning;

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
        width: terminal::width(),
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
    /// How wide a line may be. In a pipe no line is folded.
    pub width: Option<u16>,
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
            let known = plan.policies.keys().map(PolicyName::as_str);
            return Err(not_found("--policy", "policy in force", policy, known));
        }
        plan.rows
            .retain(|row| policy_of(row).is_some_and(|name| name.as_str() == policy));
    }
    if json {
        write_json(out, &PlanJson::of(&plan))?;
    } else {
        plan_text::write(out, &plan, only.width)?;
    }
    let is_misnamed = |row: &Row| {
        matches!(
            row.verdict,
            Verdict::Excluded(ExclusionReason::UnknownPolicy(_))
        )
    };
    Ok(
        if plan.rows.iter().any(is_misnamed) || !plan.unreadable.is_empty() {
            Ended::Badly
        } else if !plan.unreachable.is_empty() {
            Ended::Unread
        } else {
            Ended::Well
        },
    )
}

/// The source regions to show, each once.
fn regions(planning: &Planning, named: &[String]) -> Result<Vec<Region>, CliError> {
    let known = || planning.source_regions.iter().map(Region::as_str);
    if let Some(name) = named
        .iter()
        .find(|name| !known().any(|known| known == *name))
    {
        let what = "source region of this stack";
        return Err(not_found("--source-region", what, name, known()));
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

/// One database for the outside. A name that does not apply is null.
fn row_json(plan: &Preview, row: &Row) -> Value {
    let mut said = json!({
        "database": row.database.to_string(),
        "region": row.database.region().as_str(),
        "plan": word(row),
        "policy": policy_of(row).map(PolicyName::as_str),
        "reason": null, "reason_code": reason_code(row), "source": null, "schedule": null, "time_zone": null,
        "next": null, "own_time": null, "paused": null, "due_now": null, "execution": null,
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
            own,
            open,
            skipped,
            waits,
        } => {
            said["waits"] = json!(waits.map(|waits| {
                json!({ "until": waits.until.to_string(), "reason": waits.why.name() })
            }));
            said["skipped"] = json!(skipped.map(|time| time.to_string()));
            said["own_time"] = json!(own.map(|time| time.to_string()));
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
