//! A drill as evidence: what was restored, when, what was checked and measured, and that it is gone.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::drill::cost::dollars;
use crate::domain::drill::judge::{Check, DrillDifference};
use crate::domain::drill::record::{DrillRecord, Verdict};
use crate::domain::id::arn::Region;
use crate::domain::id::tags::StackId;
use crate::json;

/// How long a level took.
#[derive(Serialize)]
struct MeasuredJson {
    level: &'static str,
    seconds: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    within_target: Option<bool>,
}

/// One drill, for an auditor.
#[derive(Serialize)]
pub(super) struct EvidenceJson<'a> {
    drill: &'a str,
    name: &'a str,
    stack: &'a str,
    region: &'a str,
    account: &'a str,
    started_by: &'a str,
    policy: &'a str,
    database: String,
    resource_id: &'a str,
    recovery_point: String,
    taken_at: Option<Timestamp>,
    newest_record_at: Option<Timestamp>,
    data_age_seconds: Option<i64>,
    rpo_target_seconds: Option<i64>,
    requested_at: Timestamp,
    runs_at: Option<Timestamp>,
    checked_at: Option<Timestamp>,
    deletion_asked_at: Option<Timestamp>,
    gone_at: Option<Timestamp>,
    rto: Vec<MeasuredJson>,
    rto_target_seconds: Option<i64>,
    level_asked: &'static str,
    level_reached: Option<&'static str>,
    checks: &'a [Check],
    differs: &'a [DrillDifference],
    cost_at_most: Option<String>,
    deadline: Timestamp,
    result: &'static str,
    why: Vec<&'a str>,
    left_behind: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<&'a str>,
    tool: &'static str,
    hash: String,
    previous_hash: Option<&'a str>,
}

fn seconds(duration: SignedDuration) -> i64 {
    duration.as_secs()
}

impl<'a> EvidenceJson<'a> {
    pub(super) fn of(stack: &'a StackId, home: &'a Region, record: &'a DrillRecord) -> Self {
        let target = record.rto.map(|span| span.duration());
        let rto = record
            .measured()
            .into_iter()
            .map(|(level, took)| MeasuredJson {
                level: level.as_str(),
                seconds: seconds(took),
                within_target: target.map(|target| took <= target),
            });
        let (result, why) = match &record.verdict {
            None => ("under-way", Vec::new()),
            Some(verdict) => {
                let why = match verdict {
                    Verdict::Passed => Vec::new(),
                    Verdict::Failed(why) => why.iter().map(String::as_str).collect(),
                    Verdict::Incomplete(why) => vec![why.as_str()],
                };
                (verdict.as_str(), why)
            }
        };
        Self {
            drill: record.id.as_str(),
            name: &record.restore.name,
            stack: stack.as_str(),
            region: home.as_str(),
            account: record.restore.point.account(),
            started_by: &record.by,
            policy: record.policy.as_str(),
            database: record.restore.database.to_string(),
            resource_id: record.of.as_str(),
            recovery_point: record.restore.point.to_string(),
            taken_at: record.restore.taken_at,
            newest_record_at: record.newest_record_at,
            data_age_seconds: record.data_age().map(seconds),
            rpo_target_seconds: record.rpo.map(|span| seconds(span.duration())),
            requested_at: record.restore.began_at,
            runs_at: record.runs_at,
            checked_at: record.checked_at,
            deletion_asked_at: record.deleted_at,
            gone_at: record.gone_at,
            rto: rto.collect(),
            rto_target_seconds: target.map(seconds),
            level_asked: record.level.as_str(),
            level_reached: record.reached().map(|level| level.as_str()),
            checks: &record.checks,
            differs: &record.differs,
            cost_at_most: record.cents.map(dollars),
            deadline: record.deadline,
            result,
            why,
            left_behind: record.gone_at.is_none(),
            kept: record.kept.as_deref(),
            tool: concat!("snapferry ", env!("CARGO_PKG_VERSION")),
            hash: json::drill::hash(record),
            previous_hash: record.previous.as_deref(),
        }
    }
}
