//! A function spaces its calls to RDS, and the command line does not.

use std::time::Duration;

use futures_util::future::join_all;
use snapferry::aws::Aws;
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::names::SnapshotId;
use snapferry::domain::id::tags::Tags;
use snapferry::ports::doctor::ListManualSnapshots;
use snapferry::ports::{
    CopySnapshot, CreateSnapshot, CreateSnapshotRequest, DeleteSnapshot, DescribeQuota,
    DescribeSnapshots, ListOptionGroups, ListRestored, RdsError,
};
use snapferry::settings::RdsDeadlines;

use crate::patience::Clock;
use crate::rds::{a_copy_request, refusal, xml};
use crate::wire::{Reply, TABLE, Wire};
use crate::world::{HOME, SOURCE, a_run, database, region, snapshot_arn};

fn throttled() -> Reply {
    refusal(400, "Throttling", "Rate exceeded")
}

fn made() -> Reply {
    xml("CreateDBSnapshot", "<DBSnapshot></DBSnapshot>")
}

fn none_found() -> Reply {
    xml("DescribeDBSnapshots", "<DBSnapshots></DBSnapshots>")
}

/// The adapter of the command line, over a clock that stands still while anything else can happen.
fn command_line(replies: impl IntoIterator<Item = Reply>) -> (Wire, Clock, Aws) {
    let (wire, clock) = (Wire::new(replies), Clock::default());
    let sdk = wire.sdk_with(clock.clone()).into_builder();
    let sdk = sdk.time_source(clock.clone()).build();
    (wire, clock, Aws::new(sdk, TABLE, ()))
}

fn function(replies: impl IntoIterator<Item = Reply>) -> (Wire, Clock, Aws) {
    let (wire, clock, aws) = command_line(replies);
    (wire, clock, aws.with_rds_deadlines(RdsDeadlines::default()))
}

fn request() -> CreateSnapshotRequest {
    CreateSnapshotRequest {
        database: database("orders"),
        id: SnapshotId::parse("sf-orders-1").unwrap(),
        tags: Tags::new(),
    }
}

/// What each of these many requests is answered, made at once.
async fn create_at_once(aws: &Aws, requests: usize) -> Vec<Result<(), RdsError>> {
    let request = request();
    join_all((0..requests).map(|_| aws.create_snapshot(&request))).await
}

async fn describe(aws: &Aws) -> Result<(), RdsError> {
    let ids = [SnapshotId::parse("sf-orders-1").unwrap()];
    let found = aws
        .describe_snapshots(&region(SOURCE), Family::Instance, &ids)
        .await?;
    assert_eq!(found, []);
    Ok(())
}

#[test]
fn changes_follow_each_other_twice_a_second_after_those_of_a_quiet_second() {
    let (wire, clock, aws) = function([made()]);
    let (answers, took) = clock.run(create_at_once(&aws, 10));
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(wire.asked().len(), 10);
    assert_eq!(took, Duration::from_millis(3_500));
}

#[test]
fn a_call_that_would_wait_too_long_is_refused_as_throttled_and_not_made() {
    let (wire, clock, aws) = function([made()]);
    let (answers, took) = clock.run(create_at_once(&aws, 14));
    let refused: Vec<&RdsError> = answers.iter().filter_map(|it| it.as_ref().err()).collect();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].is_throttled());
    assert!(refused[0].to_string().contains("RDS was not asked"));
    assert_eq!((wire.asked().len(), took), (13, Duration::from_secs(5)));
}

#[test]
fn those_that_wait_take_new_turns_when_one_is_throttled() {
    let (wire, clock, aws) = function([made(), made(), made(), throttled(), made()]);
    let (answers, took) = clock.run(create_at_once(&aws, 14));
    // Three at once, one after half a second, and after a pause one a second for as long as a change waits.
    assert_eq!((wire.asked().len(), took), (7, Duration::from_secs(5)));
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 6);
}

#[test]
fn a_function_does_not_try_a_throttled_call_again_and_makes_the_next_one_later() {
    let (wire, clock, aws) = function([throttled(), none_found()]);
    let ((first, second), took) = clock.run(async { (describe(&aws).await, describe(&aws).await) });
    assert!(first.unwrap_err().is_throttled());
    second.unwrap();
    assert_eq!(wire.asked().len(), 2);
    assert_eq!(took, Duration::from_millis(1_200));
}

/// What is not spaced: one throttled page must not end a listing of hundreds.
#[test]
fn a_function_tries_a_throttled_call_that_has_no_pace_once_more() {
    let (home, family) = (region(HOME), Family::Instance);
    let (wire, clock, aws) = function([throttled(), none_found()]);
    let (answer, _) = clock.run(aws.list_manual_snapshots(&home, family, None));
    answer.unwrap();
    assert_eq!(wire.asked().len(), 2);

    let (wire, clock, aws) = function([throttled(), xml("DeleteDBSnapshot", "")]);
    let snapshot = snapshot_arn(&a_run("orders"), 1);
    let (answer, _) = clock.run(aws.delete_snapshot(&snapshot));
    answer.unwrap();
    assert_eq!(wire.asked().len(), 2);

    let none = xml("DescribeDBInstances", "<DBInstances></DBInstances>");
    let (wire, clock, aws) = function([throttled(), none]);
    let (answer, _) = clock.run(aws.list_restored(&home, family, None));
    answer.unwrap();
    assert_eq!(wire.asked().len(), 2);

    let none = xml(
        "DescribeOptionGroups",
        "<OptionGroupsList></OptionGroupsList>",
    );
    let (wire, clock, aws) = function([throttled(), none]);
    let (answer, _) = clock.run(aws.list_option_groups(&home, None));
    answer.unwrap();
    assert_eq!(wire.asked().len(), 2);

    let none = xml(
        "DescribeAccountAttributes",
        "<AccountQuotas></AccountQuotas>",
    );
    let (wire, clock, aws) = function([throttled(), none]);
    let (answer, _) = clock.run(aws.describe_snapshot_quota(&home, family));
    answer.unwrap();
    assert_eq!(wire.asked().len(), 2);
}

#[test]
fn a_function_tries_again_what_is_not_throttled() {
    let (wire, clock, aws) = function([refusal(503, "ServiceUnavailable", "later"), none_found()]);
    let (answer, _) = clock.run(describe(&aws));
    answer.unwrap();
    assert_eq!(wire.asked().len(), 2);
}

#[test]
fn regions_and_operations_do_not_wait_for_each_other() {
    let (wire, clock, aws) = function([throttled(), throttled(), none_found()]);
    let copy = a_copy_request();
    let (_, took) = clock.run(async {
        aws.create_snapshot(&request()).await.unwrap_err();
        aws.copy_snapshot(&copy).await.unwrap_err();
        describe(&aws).await.unwrap();
    });
    assert_eq!((wire.asked().len(), took), (3, Duration::ZERO));
}

#[test]
fn the_command_line_keeps_no_pace() {
    let (wire, clock, aws) = command_line([made()]);
    let (answers, took) = clock.run(create_at_once(&aws, 30));
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((wire.asked().len(), took), (30, Duration::ZERO));
    let (wire, clock, aws) = command_line([throttled(), none_found()]);
    let (answer, _) = clock.run(describe(&aws));
    answer.unwrap();
    assert_eq!(wire.asked().len(), 2, "the SDK tries once more");
}
