//! A command that RDS throttles is sent anew, and its message goes.

use std::time::Duration;

use jiff::SignedDuration;
use snapferry::app::worker::batch;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::SnapshotId;
use snapferry::domain::limits::COMMAND_LIFETIME;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::{Command, Step};
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::wait::Phase;
use snapferry::fake::Call;
use snapferry::json;

use crate::world::{
    Fixture, Name, Token, World, a_run, backoff, command, copy_arn, ours, record, run,
    snapshot_arn, worker_config,
};

const CREATE: Operation = Operation::CreateDbSnapshot;

fn alive() -> World {
    World::new().with_token("token-1", Token::Alive)
}

fn snapshot_command() -> Command {
    command(Step::Snapshot, "token-1", "orders")
}

fn orders() -> RdsArn {
    snapshot_arn(&a_run("orders"), 1)
}

/// Receives one message; whether it stays in the queue.
fn stays(world: &World, body: &str, receives: u32) -> bool {
    let records = vec![record("1", body, receives)];
    world.permit_all(&records);
    let kept = run(batch::work(world, &worker_config(), &backoff(), records));
    !kept.is_empty()
}

/// What was sent anew: how many messages were throttled, and the delay.
fn sent_anew(world: &World) -> Vec<(Command, u32, Duration)> {
    let sent = |call| match call {
        Call::SendLater {
            command,
            tries,
            delay,
        } => Some((command, tries, delay)),
        _ => None,
    };
    world.calls().into_iter().filter_map(sent).collect()
}

#[test]
fn a_throttled_command_is_sent_anew_with_a_delay_and_its_message_goes() {
    for code in ["Throttling", "ThrottlingException", "RequestLimitExceeded"] {
        let world = alive();
        world.script(CREATE, Some(code), "Rate exceeded");
        let body = json::command::write(&snapshot_command());
        assert!(!stays(&world, &body, 9), "its receives do not count");
        let anew = (snapshot_command(), 1, Duration::from_secs(30));
        assert_eq!(sent_anew(&world), [anew]);
        assert_eq!(world.delays(), []);
        assert_eq!(world.phase(&orders()), Some(Phase::Registered));
    }
}

#[test]
fn each_throttled_message_delays_the_next_one_longer() {
    let world = alive();
    let mut body = json::command::write(&snapshot_command());
    for (tries, seconds) in [
        (1, 30),
        (2, 60),
        (3, 120),
        (4, 240),
        (5, 480),
        (6, 900),
        (7, 900),
    ] {
        world.script(CREATE, Some("Throttling"), "Rate exceeded");
        assert!(!stays(&world, &body, 1));
        let (command, counted, delay) = sent_anew(&world).pop().unwrap();
        assert_eq!((counted, delay), (tries, Duration::from_secs(seconds)));
        body = json::command::write_again(&command, counted);
    }
    assert!(!stays(&world, &body, 1));
    assert_eq!(world.phase(&orders()), Some(Phase::Requested));
}

/// However long RDS throttles: the sweep sends a command again only if no message carries it.
#[test]
fn each_message_renews_the_waits_time() {
    let world = alive();
    let mut body = json::command::write(&snapshot_command());
    for _ in 0..30 {
        world.script(CREATE, Some("Throttling"), "Rate exceeded");
        assert!(!stays(&world, &body, 1));
        let (command, tries, delay) = sent_anew(&world).pop().unwrap();
        assert_eq!(world.wait(&orders()).unwrap().since, world.clock());
        body = json::command::write_again(&command, tries);
        world.pass(SignedDuration::try_from(delay).unwrap());
        let age = world
            .clock()
            .duration_since(world.wait(&orders()).unwrap().since);
        assert!(age < COMMAND_LIFETIME);
    }
}

#[test]
fn a_command_that_cannot_be_sent_anew_stays_with_its_growing_delay() {
    let world = alive();
    world.script(CREATE, Some("Throttling"), "Rate exceeded");
    world.break_once(Name::SendLater);
    let body = json::command::write(&snapshot_command());
    assert!(stays(&world, &body, 3));
    let delays = world.delays();
    assert_eq!(delays, [("receipt-1".to_owned(), Duration::from_secs(120))]);
}

#[test]
fn what_is_not_throttling_stays_in_the_queue_and_its_receives_count() {
    for code in [None, Some("ServiceUnavailable"), Some("InternalFailure")] {
        let world = alive();
        world.script(CREATE, code, "later");
        let body = json::command::write(&snapshot_command());
        assert!(stays(&world, &body, 1));
        assert_eq!(sent_anew(&world), []);
    }
}

#[test]
fn a_copy_whose_source_cannot_be_described_for_throttling_is_sent_anew_too() {
    let world = alive();
    let the_run = a_run("orders");
    let source = ours(&orders(), &the_run, SnapshotStatus::Available);
    world.put_snapshot(source);
    world.script(
        Operation::DescribeDbSnapshots,
        Some("Throttling"),
        "Rate exceeded",
    );
    let copy = command(Step::Copy, "token-1", "orders");
    let body = json::command::write(&copy);
    assert!(!stays(&world, &body, 1));
    assert_eq!(world.wait(&copy_arn(&the_run, 1)), None);
    let (command, tries, _) = sent_anew(&world).pop().unwrap();
    assert!(!stays(
        &world,
        &json::command::write_again(&command, tries),
        1
    ));
    assert_eq!(world.phase(&copy_arn(&the_run, 1)), Some(Phase::Requested));
}

/// A copy whose source is there, of a world with two slots.
fn ready_to_copy() -> (World, Command) {
    let world = alive();
    let the_run = a_run("orders");
    world.put_snapshot(ours(&orders(), &the_run, SnapshotStatus::Available));
    (world, command(Step::Copy, "token-1", "orders"))
}

fn throttle_the_copy(world: &World) {
    world.script(
        Operation::CopyDbSnapshot,
        Some("Throttling"),
        "Rate exceeded",
    );
}

#[test]
fn a_throttled_copy_gives_its_slot_back_once_rds_shows_none_of_its_name() {
    let (world, copy) = ready_to_copy();
    throttle_the_copy(&world);
    assert!(!stays(&world, &json::command::write(&copy), 1));
    assert_eq!(world.slots(), [].into());
    // One describe is for the source.
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 2);
    let (command, tries, _) = sent_anew(&world).pop().unwrap();
    let again = json::command::write_again(&command, tries);
    assert!(!stays(&world, &again, 1));
    let arn = copy_arn(&a_run("orders"), 1);
    assert_eq!(world.slots(), [arn.clone()].into());
    assert_eq!(world.phase(&arn), Some(Phase::Requested));
}

#[test]
fn a_throttled_copy_keeps_its_slot_where_rds_does_not_say_what_it_has() {
    let (world, copy) = ready_to_copy();
    let body = json::command::write(&copy);
    throttle_the_copy(&world);
    assert!(!stays(&world, &body, 1));
    throttle_the_copy(&world);
    world.script(
        Operation::DescribeDbSnapshots,
        Some("Throttling"),
        "Rate exceeded",
    );
    assert!(!stays(&world, &body, 1));
    assert_eq!(world.slots(), [copy_arn(&a_run("orders"), 1)].into());
    assert_eq!(sent_anew(&world).len(), 2);
}

#[test]
fn a_throttled_copy_that_rds_makes_already_is_awaited() {
    let (world, copy) = ready_to_copy();
    let the_run = a_run("orders");
    let arn = copy_arn(&the_run, 1);
    world.put_snapshot(ours(&arn, &the_run, SnapshotStatus::Copying));
    throttle_the_copy(&world);
    assert!(!stays(&world, &json::command::write(&copy), 1));
    assert_eq!(sent_anew(&world), []);
    assert_eq!(world.slots(), [arn.clone()].into());
    assert_eq!(world.phase(&arn), Some(Phase::Requested));
}

#[test]
fn a_throttled_command_that_nobody_awaits_any_more_is_sent_no_further() {
    let world = World::new().with_token("token-1", Token::Dead);
    let body = json::command::write_again(&snapshot_command(), 40);
    assert!(stays(&world, &body, 1), "dead is heard twice");
    assert!(!stays(&world, &body, 2));
    assert_eq!(sent_anew(&world), []);
}

#[test]
fn a_command_that_was_never_throttled_is_written_as_before() {
    let sent = snapshot_command();
    let text = json::command::write(&sent);
    assert!(!text.contains("tries"));
    assert_eq!(
        json::command::read_with_tries(&text).unwrap(),
        (sent.clone(), 0)
    );
    let text = json::command::write_again(&sent, 3);
    assert_eq!(
        json::command::read_with_tries(&text).unwrap(),
        (sent.clone(), 3)
    );
    assert_eq!(json::command::read(&text).unwrap(), sent);
}

const NAMES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

/// Ten copy commands in one batch, whose sources RDS has.
fn ten_copies() -> (World, Vec<snapferry::app::queue::Record>) {
    let mut world = World::new();
    let mut records = Vec::new();
    for name in NAMES {
        world = world.with_token(name, Token::Alive);
        let arn = snapshot_arn(&a_run(name), 1);
        world.put_snapshot(ours(&arn, &a_run(name), SnapshotStatus::Available));
        let body = json::command::write(&command(Step::Copy, name, name));
        records.push(record(name, body, 1));
    }
    world.permit_all(&records);
    (world, records)
}

#[test]
fn the_copies_of_a_batch_ask_for_their_sources_with_one_call() {
    let (world, mut records) = ten_copies();
    // One of them needed a second attempt.
    let second = snapshot_arn(&a_run("d"), 2);
    world.put_snapshot(ours(&second, &a_run("d"), SnapshotStatus::Available));
    records.push(record("no command", "{", 1));
    let kept = run(batch::work(&world, &worker_config(), &backoff(), records));
    assert_eq!(kept, ["no command"]);
    assert_eq!(
        world.calls_of("DescribeDBSnapshots"),
        2,
        "and one for it alone"
    );
    for name in NAMES {
        let of_first = world.phase(&copy_arn(&a_run(name), 1));
        assert_eq!(of_first.is_some(), name != "d", "{name}");
    }
    let mut sources: Vec<String> = world
        .waits()
        .into_values()
        .map(|wait| format!("{:?}", wait.expected))
        .collect();
    sources.retain(|source| source.contains(second.name()));
    assert_eq!(sources.len(), 1, "its newest attempt is copied");
}

#[test]
fn where_the_shared_call_is_throttled_each_command_is_sent_anew() {
    let (world, records) = ten_copies();
    world.script(
        Operation::DescribeDbSnapshots,
        Some("Throttling"),
        "Rate exceeded",
    );
    let kept = run(batch::work(&world, &worker_config(), &backoff(), records));
    assert_eq!(kept, Vec::<String>::new());
    assert_eq!(world.calls_of("DescribeDBSnapshots"), 1);
    assert_eq!(sent_anew(&world).len(), NAMES.len());
}

#[test]
fn a_panic_in_the_shared_call_is_one_commands_failure() {
    let (world, records) = ten_copies();
    let first = snapshot_arn(&a_run("a"), 1);
    let id = SnapshotId::of(&first).as_str().to_owned();
    *world.parts().1.panics_on.borrow_mut() = Some(id);
    let kept = run(batch::work(&world, &worker_config(), &backoff(), records));
    assert_eq!(kept, ["a"]);
    assert_eq!(
        world.calls_of("DescribeDBSnapshots"),
        1 + NAMES.len(),
        "each asks by itself"
    );
}
