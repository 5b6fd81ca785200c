//! The comparison with loops: what it counts, what it promises, what it reads.

use std::process::Command;

use jiff::SignedDuration;
use proptest::prelude::*;
use snapferry_evidence::compare::{
    BadLine, Design, Durations, Figures, RDS_CALLS_PER_MINUTE, RdsOutages, Trace, TraceError,
    broken, run, study,
};

fn seconds(snapshot: i64, copy: i64) -> Durations {
    Durations {
        snapshot: SignedDuration::from_secs(snapshot),
        copy: SignedDuration::from_secs(copy),
    }
}

fn lossy(share: f64) -> RdsOutages {
    RdsOutages {
        events_lost: share,
        ..RdsOutages::FAIR
    }
}

fn fair(design: Design, rows: &[Durations]) -> Figures {
    run(
        design,
        &Trace {
            rows: rows.to_vec(),
        },
        RdsOutages::FAIR,
        1,
    )
}

fn calls(figures: &Figures, operation: &str) -> u64 {
    figures.rds_operations.get(operation).copied().unwrap_or(0)
}

// ------------------------------------------------------------------ the same seed

#[test]
fn the_same_seed_gives_the_same_figures_on_any_number_of_threads() {
    let once = |threads| study(None, &[5, 30], 11, RDS_CALLS_PER_MINUTE, threads, &|_| {});
    let (one, two) = (once(1), once(2));
    assert_eq!(one, two);
    assert_ne!(
        one.figures,
        study(None, &[5, 30], 12, RDS_CALLS_PER_MINUTE, 2, &|_| {}).figures
    );
}

#[test]
fn what_does_not_listen_is_the_same_in_every_weather() {
    let trace = Trace::drawn(5, 30);
    let window = RdsOutages {
        event_delay: SignedDuration::from_secs(300),
        events_lost: 0.5,
        ..RdsOutages::FAIR
    };
    for design in Design::ALL.into_iter().filter(|design| !design.listens()) {
        let (calm, window) = (
            run(design, &trace, RdsOutages::FAIR, 5),
            run(design, &trace, window, 5),
        );
        let as_if_calm = Figures {
            event_delay_seconds: 0,
            events_lost: 0.0,
            ..window
        };
        assert_eq!(calm, as_if_calm);
    }
}

#[test]
fn every_database_is_made_or_lost() {
    for design in Design::ALL {
        let figures = run(design, &Trace::drawn(2, 60), lossy(0.05), 2);
        assert_eq!(figures.made + figures.lost, 60, "{figures:?}");
        assert!(figures.there_but_unnoticed <= figures.lost, "{figures:?}");
    }
}

// ------------------------------------------------------------------ polls, by slow and obvious references

/// Few enough for every copy to find a place and for no call to be throttled.
fn fleets() -> impl Strategy<Value = Vec<Durations>> {
    let row = (30_i64..4_000, 30_i64..4_000).prop_map(|(snapshot, copy)| seconds(snapshot, copy));
    proptest::collection::vec(row, 1..8)
}

/// Looks once a period from `first` on until `ready`, one after the other. How often, and when last.
fn looks(first: i64, period: i64, ready: i64) -> (u64, i64) {
    let (mut at, mut times) = (first, 1);
    while at < ready {
        at += period;
        times += 1;
    }
    (times, at)
}

fn ms(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}

/// Run, choice, wait: a run takes 200 ms, the one that asks for the copy too 300 ms.
fn polls_of_step_loop(row: &Durations, every: i64) -> u64 {
    let (snapshot, seen) = looks(200 + every, 200 + every, ms(row.snapshot));
    let (copy, _) = looks(seen + 300 + every, 200 + every, seen + ms(row.copy));
    snapshot + copy
}

/// The event starts the copy; a Lambda of 200 ms, then 300 s and a poll of 200 ms, and again.
fn polls_of_event_then_wait(row: &Durations) -> u64 {
    looks(300_200, 300_200, ms(row.copy)).0
}

/// A look of 100 ms every 15 s, hop or no hop.
fn polls_of_sleeper(row: &Durations) -> u64 {
    let (snapshot, _) = looks(0, 15_100, ms(row.snapshot));
    let (copy, _) = looks(0, 15_100, ms(row.copy));
    snapshot + copy
}

/// Every half hour of a day, and after each run that leaves a copy under way up to five more, 300 s apart: two
/// pages and a call for the tags of each snapshot. Answers describes and tag calls.
fn lists_of_cron(rows: &[Durations], retries: u32) -> (u64, u64) {
    let mut ready_at: Vec<Option<i64>> = vec![None; rows.len()];
    let mut noticed = vec![false; rows.len()];
    // When a run begins, and how often its execution has been retried, in order.
    let mut runs = std::collections::BTreeSet::new();
    (1..=48).for_each(|tick| {
        runs.insert((tick * 1_800_000_i64, 0));
    });
    let (mut pages, mut tags) = (0, 0);
    while let Some((begun, retried)) = runs.pop_first() {
        pages += 2;
        let listed = begun + 300;
        for (noticed, ready) in noticed.iter_mut().zip(&ready_at) {
            *noticed |= ready.is_some_and(|ready| ready <= listed);
        }
        let (mut at, mut left) = (listed, false);
        // Up to when it is known which snapshots are ready: the list says so, and whatever RDS answers later.
        let mut known = listed;
        for (n, row) in rows.iter().enumerate() {
            tags += 1;
            at += 100;
            if n as i64 * 100 + ms(row.snapshot) > known {
                continue;
            }
            if ready_at[n].is_none() {
                ready_at[n] = Some(at + ms(row.copy));
                known = at;
                at += 100;
            }
            left |= !noticed[n];
        }
        if left && retried < retries {
            runs.insert((at + 300_000, retried + 1));
        }
    }
    (pages, tags)
}

/// The last one's snapshot becomes ready between the list of a cron's run and its turn in it.
#[test]
fn a_cron_knows_of_a_snapshot_only_what_its_list_said() {
    let rows = [(30, 30), (30, 1_203), (30, 30), (3_304, 75)];
    let rows = rows.map(|(snapshot, copy)| seconds(snapshot, copy));
    let (pages, _) = lists_of_cron(&rows, 5);
    let figures = fair(Design::CronRetry300, &rows);
    assert_eq!(calls(&figures, "DescribeDBSnapshots"), pages);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_loop_polls_as_often_as_a_slow_reference(rows in fleets()) {
        let describes = |design| calls(&fair(design, &rows), "DescribeDBSnapshots");
        let sum = |polls: &dyn Fn(&Durations) -> u64| rows.iter().map(polls).sum::<u64>();
        prop_assert_eq!(describes(Design::Rerun60), sum(&|row| polls_of_step_loop(row, 60_000)));
        prop_assert_eq!(describes(Design::Wait300Patient), sum(&|row| polls_of_step_loop(row, 300_000)));
        prop_assert_eq!(describes(Design::Wait300), sum(&polls_of_event_then_wait));
        prop_assert_eq!(describes(Design::Sleep15), sum(&polls_of_sleeper));
        for (design, retries) in [(Design::Cron30, 0), (Design::CronRetry300, 5)] {
            let figures = fair(design, &rows);
            let (pages, tags) = lists_of_cron(&rows, retries);
            prop_assert_eq!(calls(&figures, "DescribeDBSnapshots"), pages);
            prop_assert_eq!(calls(&figures, "ListTagsForResource"), tags);
        }
    }

    #[test]
    fn nobody_copies_or_snapshots_twice(rows in fleets()) {
        for design in Design::ALL {
            let figures = fair(design, &rows);
            let once = rows.len() as u64;
            prop_assert_eq!(calls(&figures, "CreateDBSnapshot"), once);
            prop_assert_eq!(calls(&figures, "CopyDBSnapshot"), once);
            prop_assert_eq!(figures.lost, 0);
        }
    }
}

// ------------------------------------------------------------------ who loses what

#[test]
fn a_loop_of_sixty_polls_gives_up_after_five_hours() {
    let rows = [seconds(120, 6 * 3_600)];
    let gave_up = fair(Design::Wait300Patient, &rows);
    assert_eq!(
        (gave_up.made, gave_up.lost, gave_up.there_but_unnoticed),
        (0, 1, 1)
    );
    // One look finds the snapshot, sixty look at the copy.
    assert_eq!(calls(&gave_up, "DescribeDBSnapshots"), 61);
    assert_eq!(fair(Design::Wait300, &rows).lost, 1);
    for patient in [
        Design::Snapferry,
        Design::Rerun60,
        Design::CronRetry300,
        Design::Cron30,
    ] {
        assert_eq!(fair(patient, &rows).made, 1, "{patient:?}");
    }
}

#[test]
fn a_sleeper_gives_up_after_five_hops() {
    assert_eq!(fair(Design::Sleep15, &[seconds(60, 70 * 60)]).made, 1);
    let gave_up = fair(Design::Sleep15, &[seconds(60, 80 * 60)]);
    assert_eq!(gave_up.lost, 1);
    // One invocation for the snapshot, five for the copy.
    assert_eq!(gave_up.invocations, 6);
}

#[test]
fn the_21st_copy_is_lost_by_those_that_do_not_ask_again() {
    let rows = vec![seconds(300, 900); 21];
    for drops in [Design::Wait300, Design::Sleep15] {
        assert_eq!(fair(drops, &rows).lost, 1, "{drops:?}");
    }
    for asks_again in [
        Design::Snapferry,
        Design::Rerun60,
        Design::Wait300Patient,
        Design::Cron30,
    ] {
        assert_eq!(fair(asks_again, &rows).lost, 0, "{asks_again:?}");
    }
}

#[test]
fn an_event_that_never_comes_is_made_up_for_by_the_sweep_only() {
    let trace = Trace::drawn(9, 15);
    let deaf = run(Design::Snapferry, &trace, lossy(1.0), 9);
    assert_eq!(deaf.lost, 0);
    assert!(deaf.lag_p50_seconds.unwrap() > 1.0, "{deaf:?}");
    // The sweep asks about a long copy after a twentieth of its age, and runs once a minute.
    let longest = trace
        .rows
        .iter()
        .map(|row| row.copy.max(row.snapshot))
        .max();
    let promised = 180.0_f64.max(longest.unwrap().as_secs_f64() / 20.0 + 62.0);
    assert!(deaf.lag_p99_seconds.unwrap() <= promised, "{deaf:?}");
    assert_eq!(run(Design::Wait300, &trace, lossy(1.0), 9).made, 0);
}

// ------------------------------------------------------------------ what Snapferry costs

#[test]
fn waiting_costs_snapferry_nothing_but_the_sweep() {
    let short = fair(Design::Snapferry, &vec![seconds(120, 120); 10]);
    let long = fair(Design::Snapferry, &vec![seconds(7_200, 36_000); 10]);
    assert_eq!(short.transitions, 50);
    assert_eq!(long.transitions, 50);
    // Ten waits are one page. The sweep looks at it every two minutes for forty, and then after a twentieth of its age:
    // some forty times in the two hours of the snapshots, and some eighty in the ten of the copies.
    let describes = |figures: &Figures| calls(figures, "DescribeDBSnapshots");
    let more = describes(&long) - describes(&short);
    assert!((100..=150).contains(&more), "{more}");
}

#[test]
fn an_idle_day_is_paid_for_by_the_smallest_fleet_too() {
    let one = fair(Design::Snapferry, &[seconds(300, 300)]);
    // 1,440 sweeps, 288 plans and a few more.
    assert!(one.invocations >= 1_728, "{one:?}");
    assert!(one.dollars > fair(Design::Wait300Patient, &[seconds(300, 300)]).dollars);
}

#[test]
fn what_rds_throttles_is_made_up_for() {
    let scarce = RdsOutages {
        rds_calls_per_minute: 30.0,
        ..RdsOutages::FAIR
    };
    let figures = run(Design::Snapferry, &Trace::drawn(4, 150), scarce, 4);
    assert!(figures.rds_throttled > 0, "{figures:?}");
    assert_eq!(figures.lost, 0);
}

// ------------------------------------------------------------------ promises

#[test]
fn every_promise_is_kept_at_10_and_100_databases() {
    let study = study(None, &[10, 100], 1, RDS_CALLS_PER_MINUTE, 2, &|_| {});
    assert_eq!(broken(&study), []);
}

// ------------------------------------------------------------------ traces

#[test]
fn a_larger_fleet_of_a_seed_begins_with_the_smaller_one() {
    assert_eq!(Trace::drawn(3, 50).of_fleet(20), Trace::drawn(3, 20));
}

#[test]
fn a_fleet_larger_than_its_trace_begins_it_again() {
    let trace = Trace::drawn(3, 3);
    let fleet = trace.of_fleet(7);
    assert_eq!(fleet.rows.len(), 7);
    assert_eq!(fleet.rows[6], trace.rows[0]);
}

proptest! {
    #[test]
    fn a_trace_that_is_written_reads_back(rows in proptest::collection::vec((1_i64..2_592_000_000, 1_i64..2_592_000_000), 1..50)) {
        let rows = rows.into_iter().map(|(snapshot, copy)| Durations {
            snapshot: SignedDuration::from_millis(snapshot),
            copy: SignedDuration::from_millis(copy),
        });
        let trace = Trace { rows: rows.collect() };
        prop_assert_eq!(Trace::read(&trace.write()).unwrap(), trace);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}") {
        let _ = Trace::read(&text);
    }
}

#[test]
fn a_trace_may_have_comments_and_spaces() {
    let text =
        "# of our fleet\nsnapshot_seconds, copy_seconds\n 300 , 1200.5\n# late ones\n60,7200\n";
    let trace = Trace::read(text).unwrap();
    assert_eq!(trace.rows[0].copy, SignedDuration::from_millis(1_200_500));
    assert_eq!(trace.rows[1], seconds(60, 7_200));
}

#[test]
fn every_bad_line_of_a_trace_is_named_at_once() {
    let text =
        "snapshot_seconds,copy_seconds\n60,120\nsoon,120\n60\n-1,0\n60,NaN\n1,2,3\n60,99999999\n";
    let Err(TraceError::BadLines(bad)) = Trace::read(text) else {
        panic!("it must be refused for its lines");
    };
    let lines: Vec<u64> = bad.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8]);
    let BadLine { fault, .. } = &bad[2];
    assert!(
        fault.contains("snapshot_seconds") && fault.contains("copy_seconds"),
        "{fault}"
    );
    assert!(
        bad[1].fault.contains("1 fields") && bad[4].fault.contains("3 fields"),
        "{bad:?}"
    );
}

#[test]
fn a_trace_needs_its_header_and_a_row() {
    let Err(TraceError::BadLines(bad)) = Trace::read("60,120\n60,120\n") else {
        panic!("it must be refused for its header");
    };
    assert_eq!((bad.len(), bad[0].line), (1, 1));
    assert!(matches!(
        Trace::read("snapshot_seconds,copy_seconds\n"),
        Err(TraceError::Empty)
    ));
}

// ------------------------------------------------------------------ the command

fn compare(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snapferry-evidence"));
    command.arg("compare").args(arguments).output().unwrap()
}

#[test]
fn with_json_standard_output_is_one_object() {
    let charts = std::env::temp_dir().join(format!("snapferry-compare-{}", std::process::id()));
    let ran = compare(&[
        "--json",
        "--fleets",
        "3",
        "--charts",
        charts.to_str().unwrap(),
    ]);
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let text = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(text.lines().count(), 1);
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    // Seven designs, each with eight delays and losses of events, and Snapferry under two other shapes of the rate and with a
    // spread.
    let figures = object["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 59);
    assert_eq!(figures[0]["design"], "snapferry");
    for row in figures {
        let hours = |key: &str| row[key].as_f64().unwrap();
        assert!(hours("bound_hours") > 0.0, "{row}");
        assert!(hours("bound_hours") <= hours("reference_hours"), "{row}");
        let is_ours = row["design"].as_str().unwrap().starts_with("snapferry");
        assert_eq!(row["write_units"].as_u64().unwrap() > 0, is_ours, "{row}");
    }
    assert_eq!(object["broken"].as_array().unwrap().len(), 0);
    assert!(object["prices"]["as_known_at"].is_string());
    for chart in ["lag.svg", "rds-calls.svg", "made.svg", "dollars.svg"] {
        let svg = std::fs::read_to_string(charts.join(chart)).unwrap();
        assert!(svg.contains("<svg") && svg.contains("snapferry"), "{chart}");
    }
    std::fs::remove_dir_all(&charts).unwrap();
}

#[test]
fn a_bad_trace_ends_the_command_with_its_lines() {
    let file = std::env::temp_dir().join(format!("snapferry-trace-{}.csv", std::process::id()));
    std::fs::write(&file, "snapshot_seconds,copy_seconds\n1,x\ny,1\n").unwrap();
    let ran = compare(&["--trace", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert!(!ran.status.success());
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(
        said.contains("line 2:") && said.contains("line 3:"),
        "{said}"
    );
}

#[test]
fn a_promise_that_is_not_kept_ends_the_command_and_is_named() {
    // RDS takes longer than any state waits: nobody can make this one.
    let file = std::env::temp_dir().join(format!("snapferry-slow-{}.csv", std::process::id()));
    std::fs::write(&file, "snapshot_seconds,copy_seconds\n60,400000\n").unwrap();
    let charts = std::env::temp_dir().join(format!("snapferry-slow-{}", std::process::id()));
    let ran = compare(&[
        "--trace",
        file.to_str().unwrap(),
        "--fleets",
        "1",
        "--charts",
        charts.to_str().unwrap(),
    ]);
    std::fs::remove_file(&file).unwrap();
    std::fs::remove_dir_all(&charts).unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(
        said.contains("broken: no recovery point lost by Snapferry"),
        "{said}"
    );
}
