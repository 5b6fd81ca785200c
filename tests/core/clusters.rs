//! Clusters and instances together: clusters have actions of their own and no event for their copies, and neither is ever
//! confused with the other.

use serde_json::json;
use snapferry::app::planner::{Outcome, Planned, When, plan};
use snapferry::app::react::react;
use snapferry::app::sweep::{SweepReport, sweep};
use snapferry::app::worker::{CommandOutcome, WorkError, work};
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::names::Attempt;
use snapferry::domain::policy::choice::{ExclusionReason, Refusal};
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::restore::configuration::Captured;
use snapferry::domain::run::command::{Command, ProtectionRequest, Step};
use snapferry::domain::run::failure::{Failure, Operation, Reason, Remedy};
use snapferry::domain::run::naming;
use snapferry::domain::run::wait::Phase;
use snapferry::ports::SnapshotQuota;

use crate::planner::planning;
use crate::world::{
    Fixture, NEXT_LOOK, SOURCE, TaskEnd, Token, World, a_cluster_run, a_run, backoff, command,
    copy_arn, execution_arn, ours, reactor_config, record, region, rules, run, snapshot_arn,
    sweeper_config, worker_config,
};

/// A command about the cluster `shop`.
fn of_cluster(step: Step) -> Command {
    Command {
        run: a_cluster_run("shop"),
        execution: execution_arn("run-of-the-cluster"),
        ..command(step, "of-cluster", "shop")
    }
}

/// A command about the instance of the same name.
fn of_instance(step: Step) -> Command {
    command(step, "of-instance", "shop")
}

fn alive() -> World {
    World::new()
        .with_token("of-cluster", Token::Alive)
        .with_token("of-instance", Token::Alive)
}

fn do_work(world: &World, command: &Command) -> Result<CommandOutcome, WorkError> {
    world.permit(command);
    run(work(world, &worker_config(), command, 1))
}

fn do_sweep(world: &World) -> SweepReport {
    run(sweep(world, &sweeper_config())).unwrap()
}

fn finish(world: &World, arn: &RdsArn) {
    let snapshots = &mut world.rds().snapshots;
    snapshots.get_mut(arn).unwrap().status = SnapshotStatus::Available;
}

/// A world in which the snapshot of a run is available and encrypted.
fn with_source(the_run: &ProtectionRequest) -> World {
    let world = alive();
    let mut source = ours(
        &snapshot_arn(the_run, 1),
        the_run,
        SnapshotStatus::Available,
    );
    source.encrypted = true;
    world.put_snapshot(source);
    world
}

fn failure(world: &World) -> Failure {
    match world.answers().as_slice() {
        [(_, TaskEnd::Failure(failure))] => failure.clone(),
        other => panic!("one failure was expected, not {other:?}"),
    }
}

fn event(arn: &RdsArn, id: Option<&str>, message: &str) -> String {
    let mut detail =
        json!({"SourceType": "CLUSTER_SNAPSHOT", "SourceArn": arn.to_string(), "Message": message});
    if let Some(id) = id {
        detail["EventID"] = json!(id);
    }
    json!({"detail-type": "RDS DB Cluster Snapshot Event", "source": "aws.rds", "detail": detail})
        .to_string()
}

#[test]
fn a_cluster_is_snapshotted_and_copied_by_the_actions_of_clusters_alone() {
    let world = alive();
    let the_run = a_cluster_run("shop");
    let taken = do_work(&world, &of_cluster(Step::Snapshot)).unwrap();
    assert_eq!(taken, CommandOutcome::Waiting);
    let source = snapshot_arn(&the_run, 1);
    assert!(source.to_string().contains(":cluster-snapshot:sf-shop-"));
    assert_eq!(world.phase(&source), Some(Phase::Requested));
    finish(&world, &source);
    let mut made = world.rds().snapshots[&source].clone();
    made.encrypted = true;
    world.put_snapshot(made);

    let copied = do_work(&world, &of_cluster(Step::Copy)).unwrap();
    assert_eq!(copied, CommandOutcome::Waiting);
    let copy = copy_arn(&the_run, 1);
    let tags = world.rds().snapshots[&copy].tags.clone();
    assert_eq!(tags["snapferry:source"], source.to_string());
    assert_eq!(tags["snapferry:taken-at"], "2026-11-22T03:01:00Z");
    for action in ["DescribeDBSnapshots", "CreateDBSnapshot", "CopyDBSnapshot"] {
        assert_eq!(world.calls_of(action), 0, "{action}");
    }
}

#[test]
fn the_sweep_settles_a_clusters_copy_and_says_when_its_data_was_taken() {
    let the_run = a_cluster_run("shop");
    let world = with_source(&the_run);
    do_work(&world, &of_cluster(Step::Copy)).unwrap();
    let copy = copy_arn(&the_run, 1);
    assert_eq!(do_sweep(&world).settled, 0);
    assert_eq!(world.phase(&copy), Some(Phase::Seen));
    finish(&world, &copy);
    world.pass(NEXT_LOOK);
    assert_eq!(
        world.rds().snapshots[&copy].taken_at,
        None,
        "RDS does not say"
    );
    assert_eq!(do_sweep(&world).settled, 1);
    let answers = world.answers();
    let [(token, TaskEnd::Success(manifest))] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    assert_eq!(token, "of-cluster");
    assert_eq!(
        manifest.taken_at,
        Some("2026-11-22T03:01:00Z".parse().unwrap())
    );
    assert_eq!(manifest.snapshot, copy);
    assert_eq!(manifest.database, the_run.database.arn);
}

#[test]
fn a_clusters_snapshot_is_settled_by_its_event_with_or_without_a_number() {
    const CREATED: &str = "Manual cluster snapshot created";
    for id in [Some("RDS-EVENT-0075"), None] {
        let world = alive();
        do_work(&world, &of_cluster(Step::Snapshot)).unwrap();
        let source = snapshot_arn(&a_cluster_run("shop"), 1);
        finish(&world, &source);
        let hint = record("m", event(&source, id, CREATED), 1);
        assert!(run(react(&world, &reactor_config(), &backoff(), vec![hint])).is_empty());
        assert_eq!(world.answers().len(), 1, "{id:?}");
    }
}

#[test]
fn an_event_of_a_clusters_copy_would_be_taken_if_one_came() {
    let the_run = a_cluster_run("shop");
    let world = with_source(&the_run);
    do_work(&world, &of_cluster(Step::Copy)).unwrap();
    let copy = copy_arn(&the_run, 1);
    finish(&world, &copy);
    let hint = event(
        &copy,
        Some("RDS-EVENT-0075"),
        "Manual cluster snapshot created",
    );
    run(react(
        &world,
        &reactor_config(),
        &backoff(),
        vec![record("m", hint, 1)],
    ));
    assert!(world.wait(&copy).is_none());
    assert_eq!(world.answers().len(), 1);
}

#[test]
fn an_instance_and_a_cluster_of_one_name_are_protected_side_by_side() {
    let (instance, cluster) = (a_run("shop"), a_cluster_run("shop"));
    let names = [&instance, &cluster].map(|r| naming::execution(&rules().stack, r, Attempt::FIRST));
    assert_ne!(names[0], names[1]);
    let world = alive();
    do_work(&world, &of_instance(Step::Snapshot)).unwrap();
    do_work(&world, &of_cluster(Step::Snapshot)).unwrap();
    assert_eq!(world.waits().len(), 2);
    finish(&world, &snapshot_arn(&cluster, 1));
    assert_eq!(do_sweep(&world).settled, 1);
    let answers = world.answers();
    assert!(matches!(&answers[..], [(token, TaskEnd::Success(_))] if token == "of-cluster"));
    assert!(world.wait(&snapshot_arn(&instance, 1)).is_some());
}

#[test]
fn a_snapshot_of_one_family_is_never_found_under_a_name_of_the_other() {
    let world = alive();
    do_work(&world, &of_instance(Step::Snapshot)).unwrap();
    // The same identifier, as a cluster snapshot of ours that is available.
    let instance = snapshot_arn(&a_run("shop"), 1);
    let twin = instance
        .to_string()
        .replace(":snapshot:", ":cluster-snapshot:");
    let twin = RdsArn::parse(&twin).unwrap();
    assert_eq!(
        (twin.family(), twin.name()),
        (Family::Cluster, instance.name())
    );
    world.put_snapshot(ours(&twin, &a_run("shop"), SnapshotStatus::Available));
    assert_eq!(do_sweep(&world).settled, 0);
    assert!(world.answers().is_empty());
}

#[test]
fn one_name_in_two_regions_makes_two_snapshots_and_two_copies() {
    let here = a_cluster_run("shop");
    let mut there = here.clone();
    let arn = here.database.arn.to_string().replace(SOURCE, "eu-north-1");
    there.database.arn = RdsArn::parse(&arn).unwrap();
    assert_ne!(
        snapshot_arn(&here, 1).name(),
        snapshot_arn(&there, 1).name()
    );
    assert_ne!(copy_arn(&here, 1), copy_arn(&there, 1));
}

#[test]
fn a_sweep_and_a_batch_of_hints_ask_once_for_each_region_and_family() {
    let world = alive();
    do_work(&world, &of_instance(Step::Snapshot)).unwrap();
    do_work(&world, &of_cluster(Step::Snapshot)).unwrap();
    let told = |world: &World| {
        (
            world.calls_of("DescribeDBSnapshots"),
            world.calls_of("DescribeDBClusterSnapshots"),
        )
    };
    do_sweep(&world);
    assert_eq!(told(&world), (1, 1));
    let hints = [a_run("shop"), a_cluster_run("shop")]
        .map(|r| event(&snapshot_arn(&r, 1), Some("RDS-EVENT-0075"), ""))
        .map(|body| record("m", body, 1));
    run(react(&world, &reactor_config(), &backoff(), hints.into()));
    assert_eq!(told(&world), (2, 2));
}

#[test]
fn what_rds_refuses_for_one_family_keeps_the_other_from_nothing() {
    let world = alive();
    do_work(&world, &of_instance(Step::Snapshot)).unwrap();
    do_work(&world, &of_cluster(Step::Snapshot)).unwrap();
    for the_run in [a_run("shop"), a_cluster_run("shop")] {
        finish(&world, &snapshot_arn(&the_run, 1));
    }
    let operation = Operation::DescribeDbClusterSnapshots;
    world.script(operation, Some("AccessDenied"), "no");
    let swept = do_sweep(&world);
    assert_eq!((swept.settled, swept.unreachable.len()), (1, 1));
    assert!(matches!(&world.answers()[..], [(token, _)] if token == "of-instance"));
    assert_eq!(do_sweep(&world).settled, 1);
}

#[test]
fn a_clusters_size_is_no_reason_to_refuse_its_copy() {
    let the_run = a_cluster_run("shop");
    let world = with_source(&the_run);
    do_work(&world, &of_cluster(Step::Copy)).unwrap();
    let copy = copy_arn(&the_run, 1);
    finish(&world, &copy);
    let mut shown = world.rds().snapshots[&copy].clone();
    shown.size_gib = 0;
    world.put_snapshot(shown);
    do_sweep(&world);
    assert!(matches!(&world.answers()[..], [(_, TaskEnd::Success(_))]));
}

#[test]
fn the_copy_of_an_unencrypted_clusters_snapshot_is_tried_under_the_policys_key() {
    let the_run = a_cluster_run("shop");
    let world = alive();
    let source = ours(
        &snapshot_arn(&the_run, 1),
        &the_run,
        SnapshotStatus::Available,
    );
    world.put_snapshot(source);
    do_work(&world, &of_cluster(Step::Copy)).unwrap();
    assert_eq!(world.calls_of("CopyDBClusterSnapshot"), 1);
}

#[test]
fn the_errors_of_clusters_have_the_owners_of_their_like() {
    const CREATE: Operation = Operation::CreateDbClusterSnapshot;
    let world = alive();
    world.script(CREATE, Some("InvalidDBClusterStateFault"), "");
    do_work(&world, &of_cluster(Step::Snapshot)).unwrap();
    assert_eq!(failure(&world).reason, Reason::DatabaseBusy);

    let world = alive();
    do_work(&world, &of_cluster(Step::Snapshot)).unwrap();
    world.forget_waits();
    let again = do_work(&world, &of_cluster(Step::Snapshot)).unwrap();
    assert_eq!(again, CommandOutcome::Waiting, "it exists and is ours");
    assert_eq!(world.calls_of("DescribeDBClusterSnapshots"), 1);
}

#[test]
fn a_clusters_quota_is_its_own() {
    const COPY: Operation = Operation::CopyDbClusterSnapshot;
    let full = Some(SnapshotQuota {
        used: 100,
        max: 100,
    });
    let the_run = a_cluster_run("shop");
    let world = with_source(&the_run);
    world.set_quota(Family::Instance, full);
    let room = SnapshotQuota { used: 1, max: 100 };
    world.set_quota(Family::Cluster, Some(room));
    world.script(COPY, Some("SnapshotQuotaExceeded"), "");
    let queued = do_work(&world, &of_cluster(Step::Copy)).unwrap();
    assert_eq!(
        queued,
        CommandOutcome::Queued,
        "only the instances' quota is full"
    );

    let world = with_source(&the_run);
    world.set_quota(Family::Cluster, full);
    world.script(COPY, Some("SnapshotQuotaExceeded"), "");
    let parked = do_work(&world, &of_cluster(Step::Copy)).unwrap_err();
    let raise = Remedy::RaiseQuota;
    assert!(matches!(parked, WorkError::Parked { remedy, .. } if remedy == raise));
}

fn listed(name: &str) -> Database {
    let database = a_cluster_run(name).database;
    Database {
        arn: database.arn,
        resource_id: database.resource_id,
        member_of: None,
        engine: "aurora-postgresql".to_owned(),
        option_group: None,
        copy_facts: CopyFacts::encrypted(),
        multi_az: None,
        backup_retention_days: Some(7),
        status: "available".to_owned(),
        tags: [("snapferry:policy".to_owned(), "default".to_owned())].into(),
        captured: Captured::default(),
    }
}

fn do_plan(world: &World) -> Planned {
    run(plan(world, &planning(&[]), When::Due))
        .unwrap()
        .remove(0)
}

#[test]
fn clusters_are_planned_beside_instances_and_what_rds_cannot_copy_is_refused_with_the_reason() {
    let world = World::new();
    let member = Database {
        arn: a_run("shop-1").database.arn,
        resource_id: a_run("shop-1").database.resource_id,
        member_of: Some("shop".to_owned()),
        ..listed("shop-1")
    };
    let trio = Database {
        copy_facts: CopyFacts {
            multi_az_cluster: true,
            ..CopyFacts::encrypted()
        },
        ..listed("trio")
    };
    let open = Database {
        copy_facts: CopyFacts::default(),
        ..listed("open")
    };
    let mut excluded = trio.clone();
    excluded
        .tags
        .insert("snapferry:exclude".to_owned(), String::new());
    let mut untagged = trio.clone();
    untagged.tags.clear();
    let databases = [listed("shop"), member, trio, open, excluded, untagged];
    world.rds().databases.extend(databases);

    let planned = do_plan(&world);
    let name = naming::execution(&rules().stack, &a_cluster_run("shop"), Attempt::FIRST);
    let of_open = naming::execution(&rules().stack, &a_cluster_run("open"), Attempt::FIRST);
    let outcomes: Vec<&Outcome> = planned.rows.iter().map(|row| &row.outcome).collect();
    assert_eq!(
        outcomes,
        [
            // Its tag does nothing, and nothing is lost by that: the cluster has its own.
            &Outcome::Excluded(ExclusionReason::ClusterMember("shop".to_owned())),
            &Outcome::Started(name),
            &Outcome::Refused(Refusal::MultiAzCluster),
            &Outcome::Started(of_open),
            &Outcome::Excluded(ExclusionReason::Excluded),
            &Outcome::Excluded(ExclusionReason::NotTagged),
        ]
    );
    let told = outcomes[2].to_string();
    assert!(told.contains("Multi-AZ DB cluster"), "{told}");
    assert!(told.contains("does not copy across regions"), "{told}");
    assert!(planned.is_complete(), "a refusal is told, not tried again");
    assert!(world.planned_until("default").is_some());
}

#[test]
fn an_unencrypted_instance_is_no_cluster_and_is_protected() {
    let world = World::new();
    let instance = Database {
        arn: a_run("shop").database.arn,
        resource_id: a_run("shop").database.resource_id,
        copy_facts: CopyFacts::default(),
        ..listed("shop")
    };
    world.rds().databases.push(instance);
    assert!(matches!(
        do_plan(&world).rows[0].outcome,
        Outcome::Started(_)
    ));
}

#[test]
fn a_list_that_fails_leaves_the_time_unplanned_and_the_other_familys_databases_started() {
    for broken in [
        Operation::DescribeDbInstances,
        Operation::DescribeDbClusters,
    ] {
        let world = World::new();
        let instance = Database {
            arn: a_run("orders").database.arn,
            resource_id: a_run("orders").database.resource_id,
            ..listed("orders")
        };
        world.rds().databases.extend([instance, listed("shop")]);
        world.script(broken, Some("Throttling"), "Rate exceeded");
        let planned = do_plan(&world);
        assert!(planned.error.as_ref().unwrap().contains(broken.as_str()));
        assert_eq!(planned.rows.len(), 1, "{broken}");
        assert!(world.nothing_is_planned(), "{broken}");
        assert_eq!(do_plan(&world).rows.len(), 2);
        assert_eq!(world.executions().len(), 2);
    }
}

#[test]
fn a_region_that_is_down_stops_both_families_there() {
    let world = World::new();
    world.hook().down.borrow_mut().insert(region(SOURCE));
    world.rds().databases.push(listed("shop"));
    let planned = do_plan(&world);
    assert!(!planned.is_complete());
    assert!(world.executions().is_empty());
}
