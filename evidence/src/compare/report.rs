//! The comparison as tables and as JSON.

use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use super::prices;
use super::promises::{Broken, calls_ratio};
use super::study::{Design, Figures, Study, event_conditions};

/// All tables, for people.
#[must_use]
pub fn tables(study: &Study) -> String {
    let mut text = String::new();
    for databases in study.fleets() {
        text.push_str(&format!(
            "\n{databases} databases, events at once, none lost\n{}{}\n",
            soonest(study, databases),
            of_fleet(study, databases)
        ));
    }
    text.push_str(&format!(
        "\nWhat events that are late or lost do to those that listen: lag p50 / p99, recovery points lost\n{}\n",
        of_weather(study)
    ));
    text.push_str(&format!(
        "\nSnapferry's lag p99 with events lost, where RDS does not throttle\n{}\n",
        of_tails(study)
    ));
    text.push_str(&format!(
        "\nDollars are at us-east-1 list prices as known at {}.\n",
        prices::AS_KNOWN_AT
    ));
    text
}

/// How soon the fleet could be done.
fn soonest(study: &Study, databases: usize) -> String {
    study
        .of(Design::Snapferry, databases, 0, 0.0)
        .map_or_else(String::new, |ours| {
            format!(
                "No design can be done before {:.2} hours; a queue over the same places, handed on in no time, needs \
                 {:.2}; Snapferry took {:.2}.\n",
                ours.bound_hours, ours.reference_hours, ours.hours
            )
        })
}

fn of_fleet(study: &Study, databases: usize) -> Table {
    let mut table = Table::new();
    table.set_header([
        "design",
        "made",
        "lost",
        "lag p50",
        "lag p99",
        "hours",
        "transitions",
        "Lambda runs",
        "GB-s",
        "longest run",
        "RDS calls",
        "throttled",
        "busiest minute",
        "calls a point",
        "x Snapferry's",
        "write units",
        "$ a 1,000 points",
    ]);
    let ours = study.of(Design::Snapferry, databases, 0, 0.0);
    for design in Design::ALL.into_iter().chain(Design::VARIANTS) {
        let Some(figures) = study.of(design, databases, 0, 0.0) else {
            continue;
        };
        let ratio = ours.and_then(|ours| calls_ratio(ours, figures));
        table.add_row([
            design.name().to_owned(),
            figures.made.to_string(),
            figures.lost.to_string(),
            seconds(figures.lag_p50_seconds),
            seconds(figures.lag_p99_seconds),
            format!("{:.1}", figures.hours),
            figures.transitions.to_string(),
            figures.invocations.to_string(),
            format!("{:.0}", figures.gb_seconds),
            seconds(Some(figures.longest_invocation_seconds)),
            figures.rds_calls.to_string(),
            figures.rds_throttled.to_string(),
            figures.rds_busiest_minute.to_string(),
            number(figures.rds_calls_per_made, 1),
            number(ratio, 1),
            figures.write_units.to_string(),
            number(figures.dollars_per_1000, 3),
        ]);
    }
    right_aligned(table)
}

fn of_weather(study: &Study) -> Table {
    let mut table = Table::new();
    let header = event_conditions(study.rds_calls_per_minute).map(|outages| {
        let (delay, lost) = (outages.event_delay.as_secs(), outages.events_lost * 100.0);
        format!("{delay} s late, {lost} % lost")
    });
    let columns = ["databases".to_owned(), "design".to_owned()];
    table.set_header(columns.into_iter().chain(header));
    for databases in study.fleets() {
        for design in [Design::Snapferry, Design::Rerun60, Design::Wait300] {
            let cells = event_conditions(study.rds_calls_per_minute).map(|outages| {
                let delay = outages.event_delay.as_secs();
                study
                    .of(design, databases, delay, outages.events_lost)
                    .map_or_else(String::new, in_short)
            });
            let row = [databases.to_string(), design.name().to_owned()];
            table.add_row(row.into_iter().chain(cells));
        }
    }
    right_aligned(table)
}

fn of_tails(study: &Study) -> Table {
    let mut table = Table::new();
    table.set_header([
        "databases",
        "events late by",
        "lag p99",
        "throttled",
        "lag p99 unthrottled",
    ]);
    let tails = study
        .figures
        .iter()
        .filter(|f| f.design == Design::Snapferry && f.events_lost > 0.0);
    for figures in tails {
        let free = figures
            .lag_p99_unthrottled_seconds
            .or(figures.lag_p99_seconds);
        table.add_row([
            figures.databases.to_string(),
            format!("{} s", figures.event_delay_seconds),
            seconds(figures.lag_p99_seconds),
            figures.rds_throttled.to_string(),
            seconds(free),
        ]);
    }
    right_aligned(table)
}

fn in_short(figures: &Figures) -> String {
    let (p50, p99) = (figures.lag_p50_seconds, figures.lag_p99_seconds);
    format!("{} / {}, {}", seconds(p50), seconds(p99), figures.lost)
}

fn right_aligned(mut table: Table) -> Table {
    for n in 1..table.column_count() {
        if let Some(column) = table.column_mut(n) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Seconds as a person reads them.
pub(super) fn seconds(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(s) if s < 1.0 => format!("{:.0} ms", s * 1_000.0),
        Some(s) if s < 600.0 => format!("{s:.1} s"),
        Some(s) => format!("{:.0} min", s / 60.0),
    }
}

fn number(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"))
}

/// The comparison as one JSON object.
#[must_use]
pub fn json(study: &Study, broken: &[Broken]) -> Value {
    let prices: Vec<Value> = prices::ALL
        .iter()
        .map(|price| {
            let (page, quoted_by) = match price.source {
                prices::Source::Page(page) => (page, None),
                prices::Source::Quoted { page, by } => (page, Some(by)),
            };
            json!({
                "what": price.what,
                "dollars_per_million": price.per_million,
                "page": page,
                "quoted_by": quoted_by,
            })
        })
        .collect();
    json!({
        "seed": study.seed,
        "rds_calls_per_minute": study.rds_calls_per_minute,
        "figures": study.figures,
        "broken": broken,
        "prices": { "as_known_at": prices::AS_KNOWN_AT, "region": "us-east-1", "list": prices },
    })
}
