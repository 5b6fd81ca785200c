//! The page.

use askama::Template;
use jiff::Timestamp;

use super::policy_view::PolicyView;
use super::stopped::stopped_sentences;
use super::strips::Strips;
use super::words::{age, drill_lines, id, sentence, sentence_case, span};
use crate::app::status::Gathered;
use crate::domain::operator::durations::Durations;
use crate::domain::operator::fleet::count;
use crate::domain::operator::status::{Row, State};
use crate::domain::operator::strip::{Due, Mark, STRIP, describe, paths};
use crate::settings::Planning;

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    stack: String,
    region: String,
    sentence: String,
    generated_at: String,
    regions: String,
    recovery_points: usize,
    cost: String,
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
    took: String,
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
    fn of(row: &Row, strip: Option<&Vec<Due>>, gathered: &Gathered) -> Self {
        let now = gathered.at;
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
            took: gathered
                .history(row)
                .and_then(|history| Durations::of(history).sentence())
                .unwrap_or_else(|| "durations not known".to_owned()),
            failure: row.last_failure.as_ref().map(|failure| failure.why.clone()),
            remedy: row.remedy.as_deref().map(sentence_case),
            gaps: gaps.join(", "),
            label: describe(strip),
            paths: paths.collect(),
        }
    }
}

pub(super) fn page(
    planning: &Planning,
    gathered: &Gathered,
    rows: &[Row],
    strips: &Strips,
) -> askama::Result<String> {
    let view = |row: &Row| RowView::of(row, strips.get(&row.resource_id), gathered);
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
            .chain(stopped_sentences(gathered))
            .collect::<Vec<_>>()
            .join(" "),
        generated_at: gathered.at.to_string(),
        regions: regions.join(", "),
        recovery_points: gathered.points.count(),
        cost: gathered.costs(rows).total.sentence(),
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
    page.render()
}

fn legend_path(mark: Mark) -> String {
    let one = [Due {
        at: Timestamp::UNIX_EPOCH,
        mark,
        made: None,
    }];
    paths(&one).pop().map_or_else(String::new, |(_, path)| path)
}
