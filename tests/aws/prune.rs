//! `snapferry prune`: what it shows of a region's recovery points, as words and as JSON.

use std::process::ExitCode;

use serde_json::{Value, json};
use snapferry::app::policies::{Outcome, apply};
use snapferry::app::prune_preview::PlanPart;
use snapferry::cli::{
    CliError, Ended, HoldAction, ShownRecoveryPoints, exit_code, request_prune, run_freeze,
    run_hold, show_prune,
};
use snapferry::domain::id::arn::Family;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::domain::run::failure::Operation;
use snapferry::json::prune::PruneAnswer;
use snapferry::ports::SnapshotQuota;
use snapferry::settings::{Planning, Variables};

use crate::commands::{bare, ran};
use crate::world::{
    Fixture, HOME, KEY, SOURCE, World, a_run, copy_arn, ours, region, run, snapshot_arn,
};

pub(crate) fn planning() -> Planning {
    let state_machine = format!("arn:aws:states:{HOME}:111122223333:stateMachine:protect");
    let pairs = [
        ("SNAPFERRY_STACK_ID", "prod"),
        ("AWS_REGION", HOME),
        ("SNAPFERRY_TABLE", "table"),
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_STATE_MACHINE_ARN", &state_machine),
        ("SNAPFERRY_KMS_KEY", KEY),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Planning::from_variables(Variables::new(pairs)).unwrap()
}

/// Its recovery point of so many days ago, with all tags that the worker sets.
pub(crate) fn copy_of(database: &str, days: i64) -> Snapshot {
    let mut request = a_run(database);
    request.planned_at -= jiff::SignedDuration::from_hours(24 * days);
    copy_of_run(&request)
}

/// The recovery point of a run, with all tags that the worker sets.
pub(crate) fn copy_of_run(request: &ProtectionRequest) -> Snapshot {
    let mut copy = ours(&copy_arn(request, 1), request, SnapshotStatus::Available);
    copy.taken_at = Some(request.planned_at);
    copy.tags.extend(
        [
            ("snapferry:database", request.database.arn.to_string()),
            ("snapferry:policy", request.policy.to_string()),
            ("snapferry:source", snapshot_arn(request, 1).to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    copy
}

/// Three recovery points of one database and one of another, of which a person made a copy.
pub(crate) fn world() -> (World, Vec<Snapshot>) {
    let mut snapshots: Vec<Snapshot> = (0..3).map(|days| copy_of("orders", days)).collect();
    snapshots.push(copy_of("stock", 0));
    let mut copied = copy_of("stock", 1);
    copied.arn = copy_of("orders", 9).arn;
    snapshots.push(copied);
    let world = World::new();
    let text = "[policy.default]\nschedule = \"0 3 * * *\"\nkeep_last = 2\n";
    let applied = run(apply(&world, &region(HOME), text, None)).unwrap();
    assert!(matches!(applied, Outcome::Stored { .. }));
    let quota = SnapshotQuota { used: 5, max: 100 };
    world.set_quota(Family::Instance, Some(quota));
    world
        .parts()
        .0
        .state_mut()
        .operator
        .manual_snapshots
        .clone_from(&snapshots);
    (world, snapshots)
}

fn shown(of: &ShownRecoveryPoints<'_>, json: bool) -> Result<String, CliError> {
    let mut out = Vec::new();
    run(show_prune(&world().0, &planning(), of, json, &mut out))?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn prune_shows_how_many_stay_and_that_nothing_is_removed() {
    let out = shown(&ShownRecoveryPoints::default(), false).unwrap();
    assert!(
        out.contains("orders    default  3                2     1"),
        "{out}"
    );
    assert!(
        out.contains("stock     default  1                1     0"),
        "{out}"
    );
    assert!(out.contains("Nothing was removed. Plan "), "{out}");
    assert!(out.contains("not made by Snapferry: "), "{out}");
    assert!(
        out.contains(
            "manual instance snapshots: 5 of 100; this stack made 4 in the last 7 days; at that pace the quota is \
             full in 166 days"
        ),
        "{out}"
    );
    assert!(!out.contains("other manual snapshots"), "{out}");
}

fn requested(answer: &PruneAnswer) -> (World, Ended, String) {
    let (world, _) = world();
    world.operator().pruner_answer = json!(answer).to_string();
    let (mut out, planning) = (Vec::new(), planning());
    let part = PlanPart::default();
    let ended = run(request_prune(
        &world, &planning, part, false, false, &mut out,
    ))
    .unwrap();
    (world, ended, String::from_utf8(out).unwrap())
}

#[test]
fn prune_yes_sends_the_hash_of_the_plan_that_it_has_shown_and_says_what_became_of_it() {
    let plan = shown(&ShownRecoveryPoints::default(), false).unwrap();
    let plan = plan.split("Plan ").nth(1).unwrap();
    let plan = plan.split(':').next().unwrap().to_owned();
    let gone = (
        copy_of("orders", 2).arn.to_string(),
        "no rule keeps it".to_owned(),
    );
    let answer = PruneAnswer {
        plan: plan.clone(),
        ripe: 1,
        removed: vec![gone.clone()],
        ..PruneAnswer::default()
    };
    let (world, ended, out) = requested(&answer);
    assert_eq!(ended, Ended::Well);
    assert!(
        out.contains(&format!("removing      {}: no rule keeps it", gone.0)),
        "{out}"
    );
    let sent = world.operator().pruner_requests.clone();
    assert_eq!(sent, [json!({ "plan": plan }).to_string()]);
    // The command itself deletes nothing.
    assert_eq!(world.calls_of("DeleteDBSnapshot"), 0);
    let stopped = PruneAnswer {
        stopped: Some("the plan has changed since it was looked at".to_owned()),
        ..answer
    };
    let (_, ended, out) = requested(&stopped);
    assert_eq!(ended, Ended::Badly);
    assert!(out.contains("stopped       the plan has changed"), "{out}");
}

#[test]
fn prune_yes_asks_nobody_where_nothing_may_go() {
    let (world, _) = world();
    let databases = ["stock".to_owned()];
    let part = PlanPart {
        databases: &databases,
        ..PlanPart::default()
    };
    let mut out = Vec::new();
    let ended = run(request_prune(
        &world,
        &planning(),
        part,
        false,
        true,
        &mut out,
    ))
    .unwrap();
    assert_eq!(ended, Ended::Well);
    assert!(world.operator().pruner_requests.is_empty());
}

#[test]
fn hold_and_release_look_first_and_act_with_yes() {
    let (world, snapshots) = world();
    world.put_snapshot(snapshots[0].clone());
    let (arn, planning) = (snapshots[0].arn.clone(), planning());
    let of = (&planning.stack.rules.stack, &planning.stack.home);
    let act = |action, acts| {
        let mut out = Vec::new();
        let ended = run(run_hold(
            &world,
            of,
            arn.name(),
            action,
            acts,
            false,
            &mut out,
        ));
        ended.map(|_| String::from_utf8(out).unwrap())
    };
    let held = || {
        world.rds().snapshots[&arn]
            .tags
            .get("snapferry:hold")
            .cloned()
    };
    let out = act(HoldAction::Hold("audit"), false).unwrap();
    assert!(
        out.contains("held      no") && out.contains("--yes"),
        "{out}"
    );
    assert_eq!(held(), None);
    act(HoldAction::Hold("audit"), true).unwrap();
    assert_eq!(held().as_deref(), Some("audit"));
    let out = act(HoldAction::Release, true).unwrap();
    assert!(out.contains("held      audit"), "{out}");
    assert_eq!(held(), None);
    // A tag of this value would hold nothing.
    assert!(act(HoldAction::Hold("False"), true).is_err());
    // What is another's is nobody's to hold here.
    world
        .rds()
        .snapshots
        .get_mut(&arn)
        .unwrap()
        .tags
        .remove("snapferry:stack");
    assert!(act(HoldAction::Hold("audit"), true).is_err());
    assert_eq!(held(), None);
}

#[test]
fn freeze_and_thaw_look_first_and_act_with_yes() {
    let (world, _) = world();
    let act = |why: Option<&str>, acts| {
        let mut out = Vec::new();
        let freeze = why.map(|why| (why, false));
        run(run_freeze(&world, freeze, acts, false, &mut out)).unwrap();
        String::from_utf8(out).unwrap()
    };
    act(Some("an audit"), false);
    assert_eq!(world.table().retention().freeze, None);
    act(Some("an audit"), true);
    let freeze = world.table().retention().freeze.clone().unwrap();
    assert_eq!(freeze.why, "an audit");
    assert!(freeze.by.ends_with("user/ada"));
    let out = act(None, true);
    assert!(out.contains("frozen since"), "{out}");
    assert_eq!(world.table().retention().freeze, None);
}

#[test]
fn prune_shows_one_database_or_one_recovery_point_with_its_reasons() {
    let databases = ["stock".to_owned()];
    let of = ShownRecoveryPoints {
        part: PlanPart {
            databases: &databases,
            ..PlanPart::default()
        },
        explain: None,
    };
    let out = shown(&of, false).unwrap();
    assert!(out.contains("stock") && !out.contains("orders "), "{out}");
    let (_, snapshots) = world();
    for (snapshot, line) in [
        (&snapshots[0], "stays     last"),
        (&snapshots[2], "may go    no rule keeps it"),
    ] {
        let of = ShownRecoveryPoints {
            part: PlanPart::default(),
            explain: Some(snapshot.arn.name()),
        };
        let out = shown(&of, false).unwrap();
        assert!(out.contains(&snapshot.arn.to_string()), "{out}");
        assert!(out.contains(line), "{out}");
    }
    let of = ShownRecoveryPoints {
        part: PlanPart::default(),
        explain: Some("sf-none"),
    };
    let error = shown(&of, false).unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("--explain: sf-none: not found: it is no recovery point"),
        "{error}"
    );
}

#[test]
fn prune_says_that_a_database_is_not_found_and_which_was_probably_meant() {
    let databases = ["stock".to_owned(), "ordres".to_owned()];
    let of = ShownRecoveryPoints {
        part: PlanPart {
            databases: &databases,
            ..PlanPart::default()
        },
        explain: None,
    };
    let error = shown(&of, false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--database: ordres: not found: it is no database with recovery points of this stack in the recovery region; \
         did you mean orders?"
    );
    let mut said = Vec::new();
    let code = exit_code(Err(error), &mut said);
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(2)));
}

#[test]
fn prunes_json_has_every_recovery_point_with_its_reasons() {
    let out = shown(&ShownRecoveryPoints::default(), true).unwrap();
    let answer: Value = serde_json::from_str(&out).unwrap();
    let (_, snapshots) = world();
    assert_eq!(
        (&answer["schema"], &answer["removes"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(answer["foreign"], 0);
    assert_eq!(answer["not_by_name"], json!([snapshots[4].arn.to_string()]));
    let quota = json!({ "family": "instance", "used": 5, "max": 100, "made_in_7_days": 4, "days_to_full": 166 });
    assert_eq!(answer["quotas"], json!([quota]));
    let orders = &answer["groups"][0];
    assert_eq!(orders["policy"], "default");
    assert_eq!(orders["ruled_by"], "default");
    assert_eq!(orders["shown_only"], false);
    let points = orders["points"].as_array().unwrap();
    let decided: Vec<(&Value, &Value)> = points
        .iter()
        .map(|point| (&point["keep"], &point["reasons"]))
        .collect();
    let (last, none) = (json!(["last"]), json!(["no rule keeps it"]));
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(decided, [(&yes, &last), (&yes, &last), (&no, &none)]);
    assert_eq!(points[0]["snapshot"], snapshots[0].arn.to_string());
}

#[test]
fn prunes_help_says_that_removing_takes_a_yes_and_no_right_to_delete() {
    let out = ran(&bare(&["prune", "--help"]).output().unwrap(), 0);
    // The help is folded to the width of the terminal.
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        out.contains("With --yes, have them removed") && out.contains("no right to delete"),
        "{out}"
    );
}

#[test]
fn hold_and_freeze_answer_in_json_too() {
    let (world, snapshots) = world();
    world.put_snapshot(snapshots[0].clone());
    let (id, planning) = (snapshots[0].arn.name(), planning());
    let of = (&planning.stack.rules.stack, &planning.stack.home);
    let answer = |out: Vec<u8>| serde_json::from_slice::<Value>(&out).unwrap();
    let mut out = Vec::new();
    let action = HoldAction::Hold("audit");
    run(run_hold(&world, of, id, action, true, true, &mut out)).unwrap();
    let held = answer(out);
    assert_eq!(
        (&held["schema"], &held["held"]),
        (&json!(1), &json!("audit"))
    );
    let mut out = Vec::new();
    run(run_freeze(
        &world,
        Some(("an audit", true)),
        true,
        true,
        &mut out,
    ))
    .unwrap();
    let frozen = answer(out);
    assert_eq!(frozen["frozen"]["why"], "an audit");
    assert_eq!(frozen["frozen"]["and_drills"], true);
    assert_eq!(
        (&frozen["schema"], &frozen["changed"]),
        (&json!(1), &json!(true))
    );
}

#[test]
fn a_region_that_does_not_answer_is_no_fault_of_a_database() {
    let (world, snapshots) = world();
    world.script(Operation::DescribeDbSnapshots, Some("AccessDenied"), "");
    let planning = planning();
    let of = (&planning.stack.rules.stack, &planning.stack.home);
    let id = snapshots[0].arn.name();
    let mut out = Vec::new();
    let release = HoldAction::Release;
    let asked = run_hold(&world, of, id, release, false, false, &mut out);
    let error = run(asked).unwrap_err();
    let code = exit_code(Err(error), &mut Vec::new());
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(3)));
}

#[test]
fn force_and_the_last_ones_are_sent_as_they_were_typed_and_never_without_their_conditions() {
    let sent = |part: PlanPart<'_>, force| {
        let (world, _) = world();
        world.operator().pruner_answer = json!(PruneAnswer::default()).to_string();
        let mut out = Vec::new();
        run(request_prune(
            &world,
            &planning(),
            part,
            force,
            true,
            &mut out,
        ))
        .unwrap();
        world.operator().pruner_requests.clone()
    };
    let forced = sent(PlanPart::default(), true).pop().unwrap();
    let forced: Value = serde_json::from_str(&forced).unwrap();
    assert_eq!(forced["force"], true);
    assert_eq!(forced.get("gone"), None);
    // No database is gone, so nothing may go, and nobody is asked.
    let databases = ["orders".to_owned()];
    let part = PlanPart {
        databases: &databases,
        gone: true,
        include_last: true,
    };
    assert_eq!(sent(part, false), Vec::<String>::new());
    for refused in [
        &["prune", "--force"][..],
        &["prune", "--yes", "--force", "--database", "orders"],
        &["prune", "--yes", "--force", "--gone"],
        &["prune", "--include-last", "--database", "orders"],
        &["prune", "--gone", "--include-last"],
    ] {
        let out = bare(refused).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{refused:?}");
    }
}
