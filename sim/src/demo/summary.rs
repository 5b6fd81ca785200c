//! The summary that a person reads.

use comfy_table::{ContentArrangement, Table, presets};

use super::costs::{Cost, Costs};
use super::figures::{Calls, Figures, total};
use super::left_out::{Kind, LeftOutFigure};
use super::promises::{
    COPIES_IN_FLIGHT_MAX, DESCRIBES_MAX, DESCRIBES_MAX_AUTOMATED, DRILLS_DONE, MUTATIONS_MAX,
    TRANSITIONS_MAX,
};

/// The figures as a table, each next to its promise.
#[must_use]
pub(super) fn table(figures: &Figures, costs: &Costs) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["what", "measured", "promised"]);
    let callbacks = &figures.callbacks;
    let rows = [
        (
            "recovery points, by RDS's own state",
            format!(
                "{} of {} databases",
                figures.recovery_points, figures.databases
            ),
            "all".to_owned(),
        ),
        (
            "refused, not now or left out",
            format!(
                "{} refused, {} not now, {} left out",
                figures.refused, figures.not_now, figures.excluded
            ),
            "no snapshot or copy of them".to_owned(),
        ),
        (
            "tried and refused by RDS for good",
            {
                let (snapshots, copies) = figures.tried_and_refused.asked_for();
                format!(
                    "{}: {snapshots} snapshot, {copies} copy asked for, {} execution failed",
                    figures.tried, figures.tried_and_refused.executions.failed
                )
            },
            "one try, and it is remembered".to_owned(),
        ),
        (
            "executions",
            format!(
                "{} succeeded, {} failed",
                figures.executions.succeeded, figures.executions.failed
            ),
            "none failed".to_owned(),
        ),
        (
            "callbacks",
            format!(
                "{} by event, {} by sweep, {} by worker",
                callbacks.event, callbacks.sweep, callbacks.worker
            ),
            format!("{}, and failures apart", 2 * figures.databases),
        ),
        (
            "reaction, event to callback",
            format!(
                "p50 {:.0} ms, p99 {:.0} ms",
                figures.reaction_ms.p50, figures.reaction_ms.p99
            ),
            "p50 under 100 ms on an idle machine".to_owned(),
        ),
        (
            "settled by sweep, RDS's end to callback",
            format!(
                "p50 {:.0} s, p99 {:.0} s of RDS's time",
                figures.sweep_settles_s.p50, figures.sweep_settles_s.p99
            ),
            "within 180 s, unthrottled".to_owned(),
        ),
        (
            "snapshots and copies asked for, each recovery point",
            spread(costs, |cost| to_f64(cost.mutations)),
            MUTATIONS_MAX.to_string(),
        ),
        (
            "descriptions by RDS, each recovery point",
            spread(costs, |cost| cost.describes),
            format!("at most {DESCRIBES_MAX}; {DESCRIBES_MAX_AUTOMATED} of an automated snapshot"),
        ),
        (
            "state transitions, each recovery point",
            spread(costs, |cost| to_f64(cost.transitions)),
            format!("at most {TRANSITIONS_MAX}"),
        ),
        (
            "copies in flight at once",
            figures.max_copies_in_flight.to_string(),
            format!("at most {COPIES_IN_FLIGHT_MAX}"),
        ),
        (
            "calls under the functions' own roles",
            format!(
                "{} allowed, {} denied by IAM",
                figures.iam.evaluated - figures.iam.denied,
                figures.iam.denied
            ),
            "nothing was denied".to_owned(),
        ),
        (
            "calls to RDS by the sweep, all together",
            total(&figures.calls.sweep_rds).to_string(),
            String::new(),
        ),
        (
            "old recovery points",
            format!(
                "{} removed, {} kept, {} of them held",
                figures.pruned.removed, figures.pruned.kept, figures.pruned.held
            ),
            "as a slow reference says".to_owned(),
        ),
        (
            "touched: other people's, last good ones",
            format!(
                "{}, {}",
                figures.pruned.foreign_touched, figures.pruned.last_good_touched
            ),
            "none".to_owned(),
        ),
        (
            "invocations of functions",
            figures.lambda_invocations.to_string(),
            String::new(),
        ),
        (
            "stale commands, dropped",
            figures.stale_commands.to_string(),
            String::new(),
        ),
        (
            "dead letters",
            figures.dead_letters.to_string(),
            match figures.garbage {
                0 => "none".to_owned(),
                put => format!("the {put} that are garbage"),
            },
        ),
        ("time", format!("{:.1} s", figures.elapsed_s), String::new()),
    ];
    for (what, measured, promised) in rows {
        table.add_row([what.to_owned(), measured, promised]);
    }
    if let Some(drills) = &figures.drills {
        let failed: Vec<&str> = drills.failed.keys().copied().collect();
        table.add_row([
            "drills, by RDS's own state",
            &format!(
                "{} done, {} passed, {} left behind",
                drills.done, drills.passed, drills.left_behind
            ),
            &format!("{DRILLS_DONE} pass, and nothing is left"),
        ]);
        table.add_row([
            "drills that must fail",
            &failed.join(", "),
            "each by its name",
        ]);
    }
    if let Some(restored) = &figures.restored {
        table.add_row([
            "restored while the source regions are lost",
            &format!(
                "{} databases, {} settings differ",
                restored.databases, restored.settings_differ
            ),
            "all, and none",
        ]);
    }
    if !figures.faults.is_empty() {
        let repairs = format!(
            "{} tried again, {} parked, {} replayed",
            callbacks.failures, figures.parked, figures.replayed
        );
        table.add_row(["steps that failed, and repairs", &repairs, ""]);
    }
    for permission in &figures.iam.unused {
        table.add_row([&format!("unused: {permission}"), "no call needed it", ""]);
    }
    for (fault, times) in &figures.faults {
        let times = format!("{times} times");
        table.add_row([&format!("fault: {fault}"), &times, "happened"]);
    }
    table.to_string()
}

/// The calls by service, one line each.
#[must_use]
pub(super) fn calls(figures: &Figures) -> String {
    let calls = &figures.calls;
    [
        ("RDS", &calls.rds),
        ("RDS, sweep", &calls.sweep_rds),
        ("RDS, pruner", &calls.prune_rds),
        ("RDS, by people", &calls.cli_rds),
        ("Step Functions", &calls.states),
        ("DynamoDB", &calls.dynamodb),
        ("SQS", &calls.sqs),
    ]
    .into_iter()
    .map(|(service, calls)| format!("  {service:<15} {}", listed(calls)))
    .collect::<Vec<_>>()
    .join("\n")
}

/// The databases that get no recovery point, one line each, with what `snapferry plan` says of them.
#[must_use]
pub(super) fn left_out(figures: &Figures) -> String {
    let line = |one: &LeftOutFigure| {
        let name = one
            .database
            .split(':')
            .skip(5)
            .collect::<Vec<_>>()
            .join(" ");
        let kind = match one.kind {
            Kind::Refused => "refused",
            Kind::NotNow => "not now",
            Kind::Excluded => "left out",
            Kind::TriedOnce => "tried",
        };
        format!("  {kind:<9} {name:<28} {}", one.reason)
    };
    let mut all: Vec<&LeftOutFigure> = figures.left_out.iter().collect();
    all.sort_by_key(|one| (one.kind, &one.database));
    all.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn listed(calls: &Calls) -> String {
    if calls.is_empty() {
        return "none".to_owned();
    }
    calls
        .iter()
        .map(|(operation, count)| format!("{operation} {count}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The least and the most that a recovery point cost.
fn spread(costs: &Costs, of: impl Fn(&Cost) -> f64) -> String {
    let each = || costs.of.values().map(&of);
    let least = each().reduce(f64::min).unwrap_or_default();
    let most = each().reduce(f64::max).unwrap_or_default();
    format!("{least:.2} to {most:.2}")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a demo are far below 2^52"
)]
fn to_f64(count: u64) -> f64 {
    count as f64
}
