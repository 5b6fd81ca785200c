//! The reactor: it does not believe hints, asks RDS once for each batch, and may settle twice without harm.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use snapferry::app::react::react;
use snapferry::app::worker::work;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Phase, Wait};

use crate::world::{
    Action, Call, Fixture, HOME, Name, TaskEnd, Token, World, a_run, backoff, command, copy_arn,
    ours, reactor_config, record, region, run, snapshot_arn, worker_config,
};

fn event(arn: &RdsArn, id: &str) -> String {
    json!({
        "version": "0", "id": "e-1", "detail-type": "RDS DB Snapshot Event", "source": "aws.rds",
        "account": "111122223333", "time": "2026-11-22T03:04:05Z", "region": "us-east-1", "resources": [arn.to_string()],
        "detail": {"SourceType": "SNAPSHOT", "SourceArn": arn.to_string(), "EventID": id, "Message": "words change",
                   "SourceIdentifier": "not to be trusted"}
    })
    .to_string()
}

/// The same by an RDS event subscription, through a topic.
fn notification(arn: &RdsArn, id: &str) -> String {
    let said = json!({
        "Event Source": "db-snapshot", "Event Time": "2026-11-22 03:04:05.678", "Source ID": "not to be trusted",
        "Source ARN": arn.to_string(), "Event Message": "words change", "Tags": {},
        "Event ID": format!("http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.html#{id}"),
    });
    json!({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:t", "Message": said.to_string()})
        .to_string()
}

fn snapshot_wait(name: &str, token: &str, phase: Phase) -> Wait {
    let the_run = a_run(name);
    let command = command(Step::Snapshot, token, name);
    let mut wait = Wait::new(
        snapshot_arn(&the_run, 1),
        command,
        Expectation::Snapshot,
        World::new().clock(),
    );
    wait.phase = phase;
    wait
}

fn copy_wait(name: &str, token: &str) -> Wait {
    let the_run = a_run(name);
    let expected = Expectation::Copy(ExpectedCopy {
        source: snapshot_arn(&the_run, 1),
        key: the_run.key.clone(),
        engine: "postgres".to_owned(),
        size_gib: 100,
        taken_at: None,
    });
    let mut wait = Wait::new(
        copy_arn(&the_run, 1),
        command(Step::Copy, token, name),
        expected,
        World::new().clock(),
    );
    wait.phase = Phase::Requested;
    wait
}

/// A world where `orders` waits for its snapshot and RDS says this of it.
fn waiting(status: SnapshotStatus) -> (World, Wait) {
    let world = World::new().with_token("token-1", Token::Alive);
    let wait = snapshot_wait("orders", "token-1", Phase::Requested);
    world.store(wait.clone());
    world.put_snapshot(ours(&wait.resource, &a_run("orders"), status));
    (world, wait)
}

fn deliver(world: &World, bodies: &[String]) -> Vec<String> {
    let records = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| record(&n.to_string(), body.clone(), 1))
        .collect();
    let mut failed = run(react(world, &reactor_config(), &backoff(), records));
    failed.sort();
    failed
}

#[test]
fn a_finished_snapshot_sends_its_token_back_and_the_wait_goes_last() {
    let (world, wait) = waiting(SnapshotStatus::Available);
    assert!(deliver(&world, &[event(&wait.resource, "RDS-EVENT-0042")]).is_empty());
    assert!(world.waits().is_empty());
    let answers = world.answers();
    let [(token, TaskEnd::Success(manifest))] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(
        (token.as_str(), &manifest.snapshot),
        ("token-1", &wait.resource)
    );
    assert_eq!(
        world.called(),
        [
            Name::LookUp,
            Name::DescribeSnapshots,
            Name::SendTaskSuccess,
            Name::Forget
        ]
    );
}

#[test]
fn a_forged_hint_settles_nothing() {
    let (world, wait) = waiting(SnapshotStatus::Creating);
    assert_eq!(
        deliver(&world, &[event(&wait.resource, "RDS-EVENT-0042")]),
        ["0"]
    );
    assert!(world.answers().is_empty());
    assert_eq!(
        world.phase(&wait.resource),
        Some(Phase::Seen),
        "RDS has shown it"
    );
}

#[test]
fn a_hint_that_is_not_borne_out_is_kept_some_seconds_a_few_times_and_then_left_to_the_sweep() {
    let (world, wait) = waiting(SnapshotStatus::Creating);
    let body = event(&wait.resource, "RDS-EVENT-0042");
    for receives in 1..=3 {
        let records = vec![record("0", body.clone(), receives)];
        assert_eq!(
            run(react(&world, &reactor_config(), &backoff(), records)),
            ["0"]
        );
    }
    assert!(
        world
            .delays()
            .iter()
            .all(|(_, delay)| *delay == Duration::from_secs(5))
    );
    assert!(
        run(react(
            &world,
            &reactor_config(),
            &backoff(),
            vec![record("0", body, 4)]
        ))
        .is_empty()
    );
    assert!(world.wait(&wait.resource).is_some());
}

#[test]
fn a_batch_costs_one_read_of_the_waits_and_one_describe_a_region() {
    let world = World::new();
    let mut bodies = Vec::new();
    for name in ["a", "b", "c", "d"] {
        world.set_token(name, Token::Alive);
        let wait = if name < "c" {
            snapshot_wait(name, name, Phase::Requested)
        } else {
            copy_wait(name, name)
        };
        world.put_snapshot(ours(
            &wait.resource,
            &a_run(name),
            SnapshotStatus::Available,
        ));
        bodies.push(event(&wait.resource, "RDS-EVENT-0060"));
        world.store(wait);
    }
    bodies.extend(bodies.clone());
    assert!(deliver(&world, &bodies).is_empty());
    assert_eq!(
        (
            world.calls_of("BatchGetItem"),
            world.calls_of("DescribeDBSnapshots")
        ),
        (1, 2)
    );
    assert_eq!(world.answers().len(), 4, "a doubled event settles once");
}

#[test]
fn one_region_that_does_not_answer_fails_only_its_records() {
    let world = World::new()
        .with_token("a", Token::Alive)
        .with_token("b", Token::Alive);
    let (snapshot, copy) = (
        snapshot_wait("a", "a", Phase::Requested),
        copy_wait("b", "b"),
    );
    for wait in [&snapshot, &copy] {
        world.put_snapshot(ours(
            &wait.resource,
            &wait.command.run,
            SnapshotStatus::Available,
        ));
        world.store(wait.clone());
    }
    world.hook().down.borrow_mut().insert(region(HOME));
    let bodies = [
        event(&snapshot.resource, "RDS-EVENT-0042"),
        event(&copy.resource, "RDS-EVENT-0060"),
    ];
    assert_eq!(deliver(&world, &bodies), ["1"]);
    assert_eq!(world.answers().len(), 1);
}

#[test]
fn garbage_fails_alone_and_events_that_concern_nobody_are_acknowledged() {
    let (world, wait) = waiting(SnapshotStatus::Available);
    let stranger = snapshot_arn(&a_run("stranger"), 1);
    let bodies = [
        "Welcome to this topic".to_owned(),
        json!({"some": "json"}).to_string(),
        json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}}).to_string(),
        event(&stranger, "RDS-EVENT-0042"),
        event(&wait.resource, "RDS-EVENT-0040"),
        event(&wait.resource, "RDS-EVENT-0042"),
    ];
    assert_eq!(deliver(&world, &bodies), ["0", "1"]);
    assert_eq!(world.answers().len(), 1);
}

#[test]
fn an_event_about_something_that_only_began_asks_nobody() {
    let (world, wait) = waiting(SnapshotStatus::Creating);
    assert!(deliver(&world, &[event(&wait.resource, "RDS-EVENT-0059")]).is_empty());
    assert!(world.calls().is_empty());
}

#[test]
fn a_cancelled_copy_that_is_gone_is_left_to_the_sweep_which_looks_twice() {
    let world = World::new().with_token("token-1", Token::Alive);
    let mut wait = copy_wait("orders", "token-1");
    wait.phase = Phase::Seen;
    world.store(wait.clone());
    let hint = event(&wait.resource, "RDS-EVENT-0061");
    for receives in 1..=10 {
        let record = record("0", hint.clone(), receives);
        run(react(&world, &reactor_config(), &backoff(), vec![record]));
    }
    assert!(world.answers().is_empty());
    assert!(!world.wait(&wait.resource).unwrap().absent);
}

#[test]
fn a_dead_token_means_that_nobody_waits_and_the_wait_goes() {
    let (world, wait) = waiting(SnapshotStatus::Available);
    world.set_token("token-1", Token::Dead);
    assert!(deliver(&world, &[event(&wait.resource, "RDS-EVENT-0042")]).is_empty());
    assert!(world.waits().is_empty());
}

#[test]
fn an_invalid_token_that_was_stored_lets_the_wait_go() {
    let (world, wait) = waiting(SnapshotStatus::Available);
    world.set_token("token-1", Token::Invalid);
    assert!(deliver(&world, &[event(&wait.resource, "RDS-EVENT-0042")]).is_empty());
    assert!(world.waits().is_empty());
}

#[test]
fn a_throttled_callback_keeps_wait_and_message() {
    let (world, wait) = waiting(SnapshotStatus::Available);
    world.set_token("token-1", Token::Unknown);
    assert_eq!(
        deliver(&world, &[event(&wait.resource, "RDS-EVENT-0042")]),
        ["0"]
    );
    assert_eq!(world.wait(&wait.resource), Some(wait));
}

#[test]
fn a_wait_that_a_newer_token_took_over_is_not_deleted() {
    let (world, wait) = waiting(SnapshotStatus::Available);
    // The reactor reads the table, a newer command takes the wait over, and then the reactor settles the old token.
    let mut newer = wait.clone();
    newer.command.token = crate::world::token("token-2");
    world.store(newer.clone());
    let shown = world.rds().snapshots.get(&wait.resource).cloned();
    let manifest = match snapferry::domain::run::settle::settle(
        &wait,
        shown.as_ref(),
        &reactor_config().rules,
        snapferry::domain::run::settle::Look::Hint,
        world.clock(),
    ) {
        snapferry::domain::run::settle::Verdict::Succeed(manifest) => manifest,
        other => panic!("{other:?}"),
    };
    run(snapferry::app::conclude::succeed(&world, &wait, &manifest)).unwrap();
    assert_eq!(world.wait(&wait.resource), Some(newer));
}

#[test]
fn a_delete_that_did_not_come_through_is_made_up_for_by_the_next_hint() {
    let (world, wait) = waiting(SnapshotStatus::Available);
    world.break_once(Name::Forget);
    let hint = [event(&wait.resource, "RDS-EVENT-0042")];
    assert_eq!(deliver(&world, &hint), ["0"]);
    assert!(deliver(&world, &hint).is_empty());
    assert!(world.waits().is_empty());
    assert_eq!(world.answers().len(), 1);
}

#[test]
fn a_good_copy_is_entered_in_the_catalog_and_ends_its_run() {
    let world = World::new().with_token("token-1", Token::Alive);
    let wait = copy_wait("orders", "token-1");
    world.store(wait.clone());
    world.put_snapshot(ours(
        &wait.resource,
        &a_run("orders"),
        SnapshotStatus::Available,
    ));
    let id = &a_run("orders").database.resource_id;
    let open = ExecutionName::parse("run-of-orders").ok();
    world.enter(id, |entry| entry.open = open);
    deliver(&world, &[event(&wait.resource, "RDS-EVENT-0060")]);
    let entry = world.entry(id).unwrap();
    assert_eq!(entry.open, None);
    assert_eq!(entry.newest.as_ref().unwrap().snapshot, wait.resource);
}

#[test]
fn an_event_that_overtakes_the_workers_own_note_still_settles() {
    let (world, mut wait) = waiting(SnapshotStatus::Available);
    wait.phase = Phase::Registered;
    world.store(wait.clone());
    world.pass(SignedDuration::from_secs(1));
    deliver(&world, &[event(&wait.resource, "RDS-EVENT-0042")]);
    assert_eq!(world.answers().len(), 1);
}

#[test]
fn a_hint_that_comes_by_both_ways_settles_once() {
    for together in [true, false] {
        let world = World::new().with_token("token-1", Token::Alive);
        let wait = snapshot_wait("orders", "token-1", Phase::Requested);
        let resource = wait.resource.clone();
        world.store(wait);
        let the_run = a_run("orders");
        world.put_snapshot(ours(&resource, &the_run, SnapshotStatus::Available));
        let by_rule = record("by-rule", event(&resource, "RDS-EVENT-0042"), 1);
        let by_topic = record("by-topic", notification(&resource, "RDS-EVENT-0042"), 1);
        let batches = if together {
            vec![vec![by_topic, by_rule]]
        } else {
            vec![vec![by_topic], vec![by_rule]]
        };
        for batch in batches {
            let kept = run(react(&world, &reactor_config(), &backoff(), batch));
            assert!(kept.is_empty(), "{kept:?}");
        }
        assert_eq!(world.answers().len(), 1);
        assert_eq!(world.calls_of("SendTaskSuccess"), 1);
    }
}

/// The promise for a recovery point without retries, however long RDS takes: what the demo measures in a whole
/// stack.
#[test]
fn a_recovery_point_costs_two_mutations_and_three_descriptions() {
    let world = World::new()
        .with_token("token-1", Token::Alive)
        .with_token("token-2", Token::Alive);
    let the_run = a_run("orders");
    let steps = [
        (Step::Snapshot, "token-1", snapshot_arn(&the_run, 1)),
        (Step::Copy, "token-2", copy_arn(&the_run, 1)),
    ];
    for (step, token, resource) in steps {
        let command = command(step, token, "orders");
        world.permit(&command);
        run(work(&world, &worker_config(), &command, 1)).unwrap();
        world.pass(SignedDuration::from_hours(10));
        world.put_snapshot(ours(&resource, &the_run, SnapshotStatus::Available));
        assert!(deliver(&world, &[event(&resource, "RDS-EVENT-0042")]).is_empty());
    }
    assert_eq!(world.answers().len(), 2);
    let calls = world.calls();
    let of_rds: Vec<&str> = calls
        .iter()
        .map(Call::action)
        .filter(|action| matches!(action, Action::Rds(..)))
        .map(|action| action.as_str())
        .collect();
    assert_eq!(
        of_rds,
        [
            "CreateDBSnapshot",
            "DescribeDBSnapshots",
            "DescribeDBSnapshots",
            "CopyDBSnapshot",
            "DescribeDBSnapshots"
        ]
    );
}
