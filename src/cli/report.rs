//! `snapferry report`: the same as status, for readers without access: JSON, or one self-contained page.

use std::collections::BTreeMap;
use std::io::Write;

use askama::Template;
use jiff::Timestamp;
use serde::Serialize;

use super::arguments::StackArguments;
use super::outcome::{CliError, Ended};
use super::paused::paused_sentence;
use super::show::{age, sentence_case, write_json};
use super::status::{after_pages, drill_lines, on_page, reach, sentence, span};
use super::status_arguments::ReportArguments;
use super::status_json::{StatusJson, id};
use crate::app::status::{self, Gathered, gather};
use crate::domain::drill::state::DrillState;
use crate::domain::id::names::ResourceId;
use crate::domain::operator::fleet::count;
use crate::domain::operator::status::{Row, State};
use crate::domain::operator::strip::{Due, Mark, STRIP, describe, due_times, paths, strip};
use crate::domain::policy::in_force::Policy;
use crate::domain::policy::rpo::rpo;
use crate::domain::policy::spread::offset;
use crate::domain::retention::history::{History, MadePoint};
use crate::settings::Planning;

/// The due times of each database, by its resource id.
type Strips = BTreeMap<ResourceId, Vec<Due>>;

pub(super) async fn execute(
    stack: &StackArguments,
    options: &ReportArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let (planning, aws) = reach(stack, &options.planning, environment).await?;
    make_report(&aws, &planning, options.html.as_deref(), out).await
}

/// Reads everything and writes the report.
///
/// # Errors
/// When the table cannot be read, or the report cannot be written.
pub async fn make_report<W: status::Permissions>(
    world: &W,
    planning: &Planning,
    html: Option<&std::path::Path>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let gathered = gather(world, planning, &on_page).await?;
    after_pages();
    let rows = gathered.rows();
    let strips = strips(&gathered, &rows);
    match html {
        Some(path) => {
            let page = page(planning, &gathered, &rows, &strips)?;
            std::fs::write(path, page).map_err(|source| CliError::FileWrite {
                path: path.to_owned(),
                source,
            })?;
        }
        None => write_json(out, &ReportJson::of(planning, &gathered, &rows, &strips))?,
    }
    let has_failed = |row: &Row| gathered.drill(row).is_some_and(DrillState::has_failed);
    let troubled = rows
        .iter()
        .any(|row| row.state.needs_a_person() || has_failed(row));
    Ok(if troubled || !gathered.notices.is_empty() {
        Ended::Badly
    } else if gathered.unreachable.is_empty() {
        Ended::Well
    } else {
        Ended::Unread
    })
}

/// The strips by what RDS lists now, and by the history of due times where that says more.
fn strips(gathered: &Gathered, rows: &[Row]) -> Strips {
    let no_history = History::default();
    let times: BTreeMap<&str, (&Policy, Vec<Timestamp>)> = gathered
        .policies
        .all
        .iter()
        .map(|policy| {
            let times = due_times(policy, gathered.at);
            (policy.name.as_str(), (policy, times))
        })
        .collect();
    let of = |row: &Row| {
        let (policy, due) = times.get(row.policy.as_ref()?.as_str())?;
        if matches!(row.state, State::Excluded | State::Unprotected) {
            return None;
        }
        let taken = gathered.taken(row);
        let history = gathered.history(row).unwrap_or(&no_history);
        let spread = due.last().map(|due| policy.spread_at(*due));
        let own = offset(&row.resource_id, spread.unwrap_or_default());
        let strip = strip(due, own, taken, history, gathered.at);
        Some((row.resource_id.clone(), strip))
    };
    rows.iter().filter_map(of).collect()
}

#[derive(Serialize)]
struct ReportJson {
    #[serde(flatten)]
    status: StatusJson,
    policies: Vec<PolicyView>,
    due_times: Vec<DueTimesJson>,
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

/// A policy, for the page and the JSON.
#[derive(Serialize)]
struct PolicyView {
    name: String,
    schedule: String,
    time_zone: String,
    rpo: String,
    rpo_seconds: i64,
    source: &'static str,
    key: String,
}

impl PolicyView {
    fn of(policy: &Policy, now: Timestamp) -> Self {
        let rpo = rpo(policy, now);
        Self {
            name: policy.name.to_string(),
            schedule: policy.schedule.pattern().to_owned(),
            time_zone: policy.schedule.zone().to_owned(),
            rpo: span(rpo),
            rpo_seconds: rpo.as_secs(),
            source: policy.options.source.as_str(),
            key: policy.key.to_string(),
        }
    }
}

impl ReportJson {
    fn of(planning: &Planning, gathered: &Gathered, rows: &[Row], strips: &Strips) -> Self {
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
        }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    stack: String,
    region: String,
    sentence: String,
    generated_at: String,
    regions: String,
    recovery_points: usize,
    stack_messages: Vec<String>,
    orphans: Vec<String>,
    drills: Vec<String>,
    troubled: Vec<RowView>,
    rows: Vec<RowView>,
    legend: Vec<LegendView>,
    policies: Vec<PolicyView>,
    strip_length: usize,
    strip_width: usize,
    version: &'static str,
}

struct RowView {
    id: String,
    region: String,
    state: &'static str,
    reason: String,
    newest: String,
    rpo: String,
    policy: String,
    failure: Option<String>,
    remedy: Option<String>,
    gaps: String,
    label: String,
    paths: Vec<PathView>,
}

struct PathView {
    class: &'static str,
    path: String,
}

struct LegendView {
    class: &'static str,
    path: String,
    sentence: &'static str,
}

impl RowView {
    fn of(row: &Row, strip: Option<&Vec<Due>>, now: Timestamp) -> Self {
        let strip = strip.map_or(&[][..], Vec::as_slice);
        let gaps = strip
            .iter()
            .filter(|due| matches!(due.mark, Mark::Absent | Mark::Missed | Mark::NotNow));
        let gaps: Vec<String> = gaps.map(|due| due.at.to_string()).collect();
        let paths = paths(strip).into_iter().map(|(mark, path)| PathView {
            class: mark.as_str(),
            path,
        });
        let taken_at = row.newest.as_ref().map(|point| point.taken_at);
        Self {
            id: id(&row.database),
            region: row.database.region().to_string(),
            state: row.state.as_str(),
            reason: sentence_case(&row.reason),
            newest: match taken_at {
                None => "none".to_owned(),
                Some(None) => "of unknown age".to_owned(),
                Some(Some(at)) => format!("{} ago", age(at, now)),
            },
            rpo: row.rpo.map_or_else(String::new, span),
            policy: row
                .policy
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            failure: row.last_failure.as_ref().map(|failure| failure.why.clone()),
            remedy: row.remedy.as_deref().map(sentence_case),
            gaps: gaps.join(", "),
            label: describe(strip),
            paths: paths.collect(),
        }
    }
}

fn page(
    planning: &Planning,
    gathered: &Gathered,
    rows: &[Row],
    strips: &Strips,
) -> Result<String, CliError> {
    let view = |row: &Row| RowView::of(row, strips.get(&row.resource_id), gathered.at);
    let regions = planning.source_regions.iter().map(ToString::to_string);
    let regions: Vec<String> = regions.collect();
    let unreachable = gathered
        .unreachable
        .iter()
        .map(|one| format!("{} could not be read: {}", one.region, one.error));
    let notices = gathered.notices.iter().map(|notice| notice.message.clone());
    let shown = rows.iter().filter(|row| row.state != State::Excluded);
    let legend = Mark::ALL.into_iter().filter(|mark| {
        let mut strips = strips.values().flatten();
        strips.any(|due| due.mark == *mark)
    });
    let page = Page {
        stack: planning.stack.rules.stack.to_string(),
        region: planning.stack.home.to_string(),
        sentence: std::iter::once(sentence(&count(rows)))
            .chain(paused_sentence(&gathered.policies))
            .collect::<Vec<_>>()
            .join(" "),
        generated_at: gathered.at.to_string(),
        regions: regions.join(", "),
        recovery_points: gathered.points.count(),
        stack_messages: notices.chain(unreachable).collect(),
        orphans: gathered.orphans(rows).sentences(),
        drills: drill_lines(gathered, &rows.iter().collect::<Vec<_>>(), true),
        troubled: rows
            .iter()
            .filter(|row| row.state.needs_a_person())
            .map(view)
            .collect(),
        rows: shown.map(view).collect(),
        legend: legend
            .map(|mark| LegendView {
                class: mark.as_str(),
                path: legend_path(mark),
                sentence: mark.sentence(),
            })
            .collect(),
        policies: gathered
            .policies
            .all
            .iter()
            .map(|policy| PolicyView::of(policy, gathered.at))
            .collect(),
        strip_length: STRIP,
        strip_width: STRIP * 10 - 2,
        version: env!("CARGO_PKG_VERSION"),
    };
    page.render().map_err(CliError::Page)
}

fn legend_path(mark: Mark) -> String {
    let one = [Due {
        at: Timestamp::UNIX_EPOCH,
        mark,
        made: None,
    }];
    paths(&one).pop().map_or_else(String::new, |(_, path)| path)
}
