//! The report in JSON.

use serde::Serialize;

use super::cost_json::CostJson;
use super::policy_view::PolicyView;
use super::status_json::StatusJson;
use super::strips::Strips;
use crate::app::status::Gathered;
use crate::domain::operator::status::Row;
use crate::domain::retention::history::MadePoint;
use crate::settings::Planning;

#[derive(Serialize)]
pub(super) struct ReportJson {
    #[serde(flatten)]
    status: StatusJson,
    policies: Vec<PolicyView>,
    due_times: Vec<DueTimesJson>,
    cost: CostJson,
}

#[derive(Serialize)]
struct DueTimesJson {
    arn: String,
    due_times: Vec<DueJson>,
}

#[derive(Serialize)]
struct DueJson {
    due: String,
    mark: &'static str,
    #[serde(flatten)]
    made: Option<MadeJson>,
}

/// What the history says of a recovery point that was made.
#[derive(Serialize)]
struct MadeJson {
    taken_at: Option<String>,
    snapshot_seconds: Option<i64>,
    copy_seconds: Option<i64>,
    removed_at: Option<String>,
    removed_why: Option<String>,
}

impl From<&MadePoint> for MadeJson {
    fn from(made: &MadePoint) -> Self {
        let removed = made.removed.as_ref();
        Self {
            taken_at: made.taken_at.map(|at| at.to_string()),
            snapshot_seconds: made.snapshot_took.map(|took| took.as_secs()),
            copy_seconds: made.copy_took.map(|took| took.as_secs()),
            removed_at: removed.map(|removed| removed.at.to_string()),
            removed_why: removed.and_then(|removed| removed.why.clone()),
        }
    }
}

impl ReportJson {
    pub(super) fn of(
        planning: &Planning,
        gathered: &Gathered,
        rows: &[Row],
        strips: &Strips,
    ) -> Self {
        let stack = planning.stack.rules.stack.as_str();
        let home = planning.stack.home.as_str();
        let all: Vec<&Row> = rows.iter().collect();
        let policies = gathered.policies.all.iter();
        let due_times = rows.iter().filter_map(|row| {
            let strip = strips.get(&row.resource_id)?;
            let due_times = strip.iter().map(|due| DueJson {
                due: due.at.to_string(),
                mark: due.mark.as_str(),
                made: due.made.as_ref().map(MadeJson::from),
            });
            Some(DueTimesJson {
                arn: row.database.to_string(),
                due_times: due_times.collect(),
            })
        });
        Self {
            status: StatusJson::of(stack, home, gathered, rows, &all),
            policies: policies
                .map(|policy| PolicyView::of(policy, gathered.at))
                .collect(),
            due_times: due_times.collect(),
            cost: (&gathered.costs(rows)).into(),
        }
    }
}
