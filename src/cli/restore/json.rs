//! The plans as JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::app::preflight::PreflightReport;
use crate::app::restore::{AbsentReason, OrderedPlan, RestorePlans};
use crate::domain::restore::decide::Origin;
use crate::domain::restore::plan::{Line, StepKind};
use crate::domain::restore::value::Value;

#[derive(Serialize)]
pub(super) struct PlansJson<'a> {
    databases: Vec<PlanJson<'a>>,
    left_out: Vec<LeftOutJson>,
    preflight: PreflightJson<'a>,
}

#[derive(Serialize)]
struct PreflightJson<'a> {
    /// How many questions RDS and KMS were asked.
    asked: usize,
    /// What was not answered. It stops nothing.
    unanswered: &'a [String],
}

#[derive(Serialize)]
struct FindingJson<'a> {
    check: &'static str,
    stops: bool,
    what: &'a str,
    remedy: &'static str,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    database: String,
    recovery_point: String,
    taken_at: Option<Timestamp>,
    configuration: Option<&'a str>,
    name: &'a str,
    order: Option<i64>,
    /// Older databases of the same name, which are restored only by their resource ids.
    hides: Vec<&'a str>,
    stopped: bool,
    gaps: Vec<GapJson<'a>>,
    preflight: Vec<FindingJson<'a>>,
    steps: Vec<StepJson<'a>>,
    settings: Vec<LineJson<'a>>,
    tags: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct GapJson<'a> {
    name: &'static str,
    member: Option<&'a str>,
    what: &'a str,
    stops: bool,
    accepted: bool,
}

#[derive(Serialize)]
struct StepJson<'a> {
    action: &'static str,
    parameters: BTreeMap<&'a str, &'a Value>,
    then: &'static str,
    /// Whether the database counts as running only after it.
    before_running: bool,
}

#[derive(Serialize)]
struct LineJson<'a> {
    member: Option<&'a str>,
    setting: &'static str,
    value: Option<&'a Value>,
    from: &'static str,
    because: Option<&'a str>,
    sent_by: Option<&'static str>,
}

#[derive(Serialize)]
struct LeftOutJson {
    database: String,
    resource_id: String,
    why: &'static str,
}

/// Where a setting comes from, in a word, and what there is to say of it.
pub(super) fn origin(origin: &Origin) -> (&'static str, Option<&str>) {
    match origin {
        Origin::Snapshot => ("snapshot", None),
        Origin::Catalog => ("catalog", None),
        Origin::Mapping(from) => ("mapping", Some(from)),
        Origin::Rule(why) => ("rule", Some(why)),
        Origin::RdsDefault(what) => ("rds-default", Some(what)),
    }
}

fn step(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Restore => "restore",
        StepKind::Member(_) => "member",
        StepKind::Settings => "settings",
        StepKind::Reboot => "reboot",
        StepKind::Backups => "backups",
        StepKind::DataApi => "data-api",
        StepKind::Role => "role",
    }
}

impl<'a> PlansJson<'a> {
    pub(super) fn of(plans: &'a RestorePlans, preflight: &'a PreflightReport) -> Self {
        let left_out = plans.left_out.iter().map(|(point, why)| LeftOutJson {
            database: point.origin.database.arn.to_string(),
            resource_id: point.origin.database.resource_id.to_string(),
            why: match why {
                AbsentReason::Gone(_) => "gone",
                AbsentReason::NoListing => "no-listing",
                AbsentReason::TooMany => "too-many",
            },
        });
        Self {
            databases: plans.plans.iter().map(PlanJson::of).collect(),
            left_out: left_out.collect(),
            preflight: PreflightJson {
                asked: preflight.asked,
                unanswered: &preflight.unanswered,
            },
        }
    }
}

impl<'a> PlanJson<'a> {
    fn of(one: &'a OrderedPlan) -> Self {
        let plan = &one.plan;
        let gaps = plan.gaps.iter().map(|gap| GapJson {
            name: gap.kind.as_str(),
            member: gap.member.as_deref(),
            what: &gap.what,
            stops: gap.stops(),
            accepted: gap.is_accepted,
        });
        let findings = one.findings.iter().map(|finding| FindingJson {
            check: finding.check.as_str(),
            stops: finding.stops,
            what: &finding.what,
            remedy: finding.check.remedy(),
        });
        let steps = plan.steps.iter().enumerate().map(|(at, step)| StepJson {
            action: step.action.as_str(),
            parameters: step
                .parameters
                .iter()
                .map(|(name, sent)| (name.as_str(), &sent.value))
                .collect(),
            then: step.then,
            before_running: at < plan.runs_after,
        });
        let line = |line: &'a Line| {
            let (from, because) = origin(&line.origin);
            LineJson {
                member: line.member.as_deref(),
                setting: line.setting.field(),
                value: line.value.as_ref(),
                from,
                because,
                sent_by: line.sent_by.as_ref().map(step),
            }
        };
        Self {
            database: plan.database.to_string(),
            recovery_point: plan.point.to_string(),
            taken_at: plan.taken_at,
            configuration: plan.configuration.as_ref().map(|hash| hash.as_str()),
            name: &plan.name,
            order: one.order,
            hides: one.hides.iter().map(|id| id.as_str()).collect(),
            stopped: one.is_stopped(),
            gaps: gaps.collect(),
            preflight: findings.collect(),
            steps: steps.collect(),
            settings: plan.lines.iter().map(line).collect(),
            tags: &plan.tags,
        }
    }
}
