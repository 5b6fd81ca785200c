//! What `snapferry prune` shows: whose snapshots are judged, how each stands, and by which rules it stays.

use jiff::{SignedDuration, Timestamp};
use snapferry::app::prune_preview::{PreviewError, PreviewOf, PrunePreview, prune_preview};
use snapferry::domain::id::arn::{Family, KeyArn, RdsArn};
use snapferry::domain::id::names::{Attempt, SnapshotId};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::capacity::{DAYS_MAX, days_at_growth, days_to_full};
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::naming;
use snapferry::ports::SnapshotQuota;

use crate::planner::planning;
use crate::policies::applied;
use crate::world::{
    Fixture, HOME, OTHER_KEY, World, a_cluster_run, a_run, copy_arn, ours, region, run,
    snapshot_arn, time,
};

/// The run of so many days ago.
fn run_of(days: i64) -> ProtectionRequest {
    let mut request = a_run("orders");
    request.planned_at -= SignedDuration::from_hours(24 * days);
    request
}

/// Its recovery point, with all tags that the worker sets.
pub(crate) fn copy_of(request: &ProtectionRequest) -> Snapshot {
    let mut copy = ours(&copy_arn(request, 1), request, SnapshotStatus::Available);
    copy.taken_at = Some(request.planned_at + SignedDuration::from_mins(1));
    copy.created_at = Some(request.planned_at + SignedDuration::from_mins(20));
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

fn copies(days: i64) -> Vec<Snapshot> {
    (0..days).map(|days| copy_of(&run_of(days))).collect()
}

fn world(rules: &str, snapshots: Vec<Snapshot>) -> World {
    let world = World::new();
    applied(
        &world,
        &format!("[policy.default]\nschedule = \"0 3 * * *\"\n{rules}\n"),
    );
    put(&world, snapshots);
    world
}

fn put(world: &World, snapshots: Vec<Snapshot>) {
    world.parts().0.state_mut().operator.manual_snapshots = snapshots;
}

fn look(world: &World) -> Result<PrunePreview, PreviewError> {
    let planning = planning(&[]);
    let of = PreviewOf {
        stack: &planning.stack.rules.stack,
        home: &planning.stack.home,
        source_regions: &[],
        key: &planning.key,
        built_in: &planning.policies,
    };
    run(prune_preview(world, of))
}

/// Of the one group: each recovery point's reasons if it stays, the newest first.
fn kept(preview: &PrunePreview) -> Vec<Option<String>> {
    assert_eq!(preview.groups.len(), 1, "{preview:?}");
    let points = preview.groups[0].points.iter();
    let reasons =
        points.map(|(_, decision)| decision.keeps().then(|| decision.reasons().join(", ")));
    reasons.collect()
}

fn stays(reason: &str) -> Option<String> {
    Some(reason.to_owned())
}

#[test]
fn each_recovery_point_is_judged_by_its_policys_rules_and_nothing_changes() {
    let world = world("keep_last = 2", copies(4));
    let before = world.calls().len();
    let preview = look(&world).unwrap();
    assert_eq!(kept(&preview), [stays("last"), stays("last"), None, None]);
    let group = &preview.groups[0];
    assert_eq!(group.database, a_run("orders").database.arn);
    assert_eq!(group.ruled_by, Some(group.policy.clone()));
    assert!(!group.shown_only);
    // Five pages of two rows, and one read of the policies.
    assert_eq!(
        world.calls_of("DescribeDBSnapshots"),
        2,
        "a page has two rows"
    );
    assert_eq!(world.calls_of("DescribeDBClusterSnapshots"), 1);
    assert_eq!(
        world.calls().len() - before,
        8,
        "and one read of the policies, one of the quota, one of what was entered, one of the region's last listing, one of the versions of configurations"
    );
}

#[test]
fn without_a_rule_all_of_them_stay() {
    let preview = look(&world("", copies(3))).unwrap();
    assert_eq!(kept(&preview), vec![stays("no rule"); 3]);
}

#[test]
fn what_a_person_copied_of_ours_counts_for_nothing() {
    let mut snapshots = copies(3);
    let mut copied = copy_of(&run_of(0));
    let id = SnapshotId::parse("sf-before-migration").unwrap();
    copied.arn = copied.arn.sibling_snapshot(&region(HOME), &id);
    copied.taken_at = Some(time("2026-11-22T03:04:00Z"));
    // Another's of this account, and another stack's.
    let mut foreign = copied.clone();
    foreign.tags.clear();
    let mut other_stack = copy_of(&run_of(1));
    other_stack
        .tags
        .insert("snapferry:stack".to_owned(), "staging".to_owned());
    snapshots.extend([copied.clone(), foreign, other_stack]);
    let preview = look(&world("keep_last = 1", snapshots)).unwrap();
    assert_eq!(kept(&preview), [stays("last"), None, None]);
    assert_eq!(preview.not_by_name, [copied.arn]);
    assert_eq!(preview.foreign, 2);
}

#[test]
fn a_name_belongs_to_its_tags_and_every_attempt_has_one() {
    let request = run_of(0);
    let stack = planning(&[]).stack.rules.stack;
    let source = SnapshotId::of(&snapshot_arn(&request, 1));
    let planned = |arn: &RdsArn, policy: &PolicyName, source: &SnapshotId| -> Option<Timestamp> {
        naming::planned_time_of_copy(arn, &stack, &request.database, policy, source)
    };
    for attempt in Attempt::all() {
        let arn = copy_arn(&request, attempt.number());
        assert_eq!(
            planned(&arn, &request.policy, &source),
            Some(request.planned_at)
        );
        let other = PolicyName::parse("gold").unwrap();
        assert_eq!(planned(&arn, &other, &source), None);
        let other = SnapshotId::of(&snapshot_arn(&run_of(1), 1));
        assert_eq!(planned(&arn, &request.policy, &other), None);
    }
    // The source snapshot is no copy.
    assert_eq!(
        planned(&snapshot_arn(&request, 1), &request.policy, &source),
        None
    );
}

#[test]
fn a_wrong_copy_takes_no_right_ones_place_and_stays() {
    type Spoil = fn(&mut Snapshot);
    let cases: [(Spoil, &str); 3] = [
        (
            |copy| copy.key = KeyArn::parse(OTHER_KEY).ok(),
            "its key is not",
        ),
        (|copy| copy.encrypted = false, "it is not encrypted"),
        (|copy| copy.source = None, "it is not a copy of"),
    ];
    for (spoil, why) in cases {
        let mut snapshots = copies(3);
        spoil(&mut snapshots[0]);
        let kept = kept(&look(&world("keep_last = 1", snapshots)).unwrap());
        assert!(kept[0].as_ref().unwrap().contains(why), "{kept:?}");
        assert_eq!(kept[1..], [stays("last"), None]);
    }
}

#[test]
fn the_resource_id_that_rds_gives_a_copy_proves_nothing() {
    // RDS promises a resource id for one region only. Our own tag and the source say what was copied.
    let mut snapshots = copies(3);
    snapshots[0].resource_id = Some(a_run("other").database.resource_id);
    let kept = kept(&look(&world("keep_last = 1", snapshots)).unwrap());
    assert_eq!(kept, [stays("last"), None, None]);
}

#[test]
fn what_is_held_or_unfinished_stays_and_what_failed_may_go() {
    let mut snapshots = copies(5);
    snapshots[4]
        .tags
        .insert("snapferry:hold".to_owned(), "audit".to_owned());
    snapshots[3]
        .tags
        .insert("snapferry:hold".to_owned(), "false".to_owned());
    snapshots[0].status = SnapshotStatus::Copying;
    snapshots[1].status = SnapshotStatus::Failed;
    let kept = kept(&look(&world("keep_last = 1", snapshots)).unwrap());
    assert_eq!(
        kept,
        [
            stays("unfinished"),
            None,
            stays("last"),
            None,
            stays("held")
        ]
    );
}

#[test]
fn the_time_of_the_data_is_rdss_word_and_else_a_tag_that_can_be_true() {
    let by = |taken_at: Option<&str>, tag: Option<&str>| {
        let mut request = a_cluster_run("orders");
        request.planned_at = run_of(0).planned_at;
        let mut copy = copy_of(&request);
        copy.taken_at = taken_at.map(time);
        copy.tags
            .extend(tag.map(|at| ("snapferry:taken-at".to_owned(), at.to_owned())));
        let preview = look(&world("keep_last = 1", vec![copy])).unwrap();
        preview.groups[0].points[0].0.at
    };
    let (rdss, tags) = ("2026-11-22T03:01:00Z", "2026-11-22T03:02:00Z");
    assert_eq!(by(Some(rdss), Some(tags)), Some(time(rdss)));
    assert_eq!(by(None, Some(tags)), Some(time(tags)));
    assert_eq!(by(None, None), None);
    assert_eq!(by(None, Some("yesterday")), None);
    // More than a day before its run was planned.
    assert_eq!(by(None, Some("2026-11-21T02:59:59Z")), None);
    // Later than the copy itself was begun.
    assert_eq!(by(None, Some("2026-11-22T03:30:00Z")), None);
}

#[test]
fn recovery_points_of_a_policy_that_is_not_in_force_stay_until_another_takes_them_over() {
    let of_old = |days| {
        let mut request = run_of(days);
        request.policy = PolicyName::parse("old").unwrap();
        copy_of(&request)
    };
    let snapshots: Vec<Snapshot> = (0..3).map(of_old).collect();
    let preview = look(&world("keep_last = 1", snapshots.clone())).unwrap();
    assert_eq!(kept(&preview), vec![stays("no rule"); 3]);
    assert_eq!(preview.groups[0].ruled_by, None);
    let preview = look(&world("keep_last = 1\nalso = [\"old\"]", snapshots)).unwrap();
    assert_eq!(kept(&preview), [stays("last"), None, None]);
    let ruled_by = preview.groups[0].ruled_by.as_ref();
    assert_eq!(ruled_by.map(PolicyName::as_str), Some("default"));
}

#[test]
fn two_databases_of_one_name_are_two_groups() {
    let mut request = run_of(1);
    request.database.resource_id = a_run("earlier").database.resource_id;
    let snapshots = vec![copy_of(&run_of(0)), copy_of(&request)];
    let preview = look(&world("keep_last = 1", snapshots)).unwrap();
    assert_eq!(preview.groups.len(), 2);
    let all = preview.groups.iter().flat_map(|group| &group.points);
    assert!(all.into_iter().all(|(_, decision)| decision.keeps()));
}

#[test]
fn a_list_that_cannot_be_read_to_its_end_shows_nothing() {
    let world = world("keep_last = 1", copies(3));
    world.script(Operation::DescribeDbClusterSnapshots, None, "no answer");
    assert!(matches!(look(&world), Err(PreviewError::Rds(_))));
}

#[test]
fn the_quota_lasts_as_long_as_the_last_weeks_pace_allows() {
    // Ten days of one a day: seven of them were planned in the last seven days.
    let world = world("keep_last = 1", copies(10));
    let max = |max| Some(SnapshotQuota { used: 61, max });
    world.set_quota(Family::Instance, max(100));
    let of = |world: &World| look(world).unwrap().quotas;
    let quotas = of(&world);
    assert_eq!(quotas.len(), 1, "the stack has no cluster's: {quotas:?}");
    assert_eq!((quotas[0].family, quotas[0].made), (Family::Instance, 7));
    assert_eq!(quotas[0].days_to_full, Some(39));
    world.set_quota(Family::Instance, max(60));
    assert_eq!(of(&world)[0].days_to_full, Some(0));
    // A quota that RDS does not tell costs no recovery point its line.
    world.set_quota(Family::Instance, None);
    assert_eq!(
        (of(&world)[0].quota, of(&world)[0].days_to_full),
        (None, None)
    );
    world.script(Operation::DescribeAccountAttributes, None, "no answer");
    assert_eq!(look(&world).unwrap().groups.len(), 1);
}

#[test]
fn days_to_full_are_whole_days_that_are_left() {
    assert_eq!(days_to_full(0, 100, 84, 7), Some(8));
    assert_eq!(days_to_full(99, 100, 7, 7), Some(1));
    assert_eq!(days_to_full(100, 100, 7, 7), Some(0));
    assert_eq!(days_to_full(120, 100, 7, 7), Some(0));
    assert_eq!(days_to_full(0, 100, 0, 7), None);
}

#[test]
fn a_quota_lasts_by_what_is_kept_and_not_by_what_is_made() {
    assert_eq!(days_at_growth(30, 100, 7, 7), 70);
    assert_eq!(days_at_growth(100, 100, 7, 7), 0);
    assert_eq!(days_at_growth(30, 100, 0, 7), DAYS_MAX);
    assert_eq!(days_at_growth(30, 100, -1, 7), DAYS_MAX);
    assert_eq!(days_at_growth(0, 100_000, 1, 7), DAYS_MAX);
}
