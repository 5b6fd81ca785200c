//! Automated snapshots as sources: a hint starts the run, or else the planner does, and the newest snapshot replaces one
//! that has expired.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use snapferry::app::planner::{Outcome, When, plan};
use snapferry::app::react::react;
use snapferry::app::sweep::sweep;
use snapferry::app::worker::{CommandOutcome, WorkError, work};
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::{Attempt, ExecutionName, SnapshotId};
use snapferry::domain::id::tags::Tags;
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::run::command::{Automated, Command, ProtectionRequest, RunOptions, Step};
use snapferry::domain::run::failure::{Operation, Reason};
use snapferry::domain::run::naming;
use snapferry::domain::run::slot_limits::CopySlots;
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Phase, Wait};
use snapferry::json;
use snapferry::ports::ExecutionState;

use crate::planner::{listed, planning};
use crate::policies::applied;
use crate::world::{
    Fixture, HOME, Name, SOURCE, TaskEnd, Token, World, a_run, backoff, cluster, command, database,
    ours, reactor_config, record, region, rules, run, sweeper_config, time, worker_config,
};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "copies")];
const POLICY: &str = "[policy.copies]\nschedule = \"0 3 * * *\"\nsource = \"automated\"\n\
                      [policy.default]\nschedule = \"0 3 * * *\"\n";
const TAKEN: &str = "2026-11-22T02:30:17Z";

fn automated_arn(of: &RdsArn, at: &str) -> RdsArn {
    let id = SnapshotId::parse(&format!("rds:{}-{at}", of.name())).unwrap();
    of.sibling_snapshot(of.region(), &id)
}

/// An automated snapshot as RDS shows it, without any of our tags.
fn automated(arn: RdsArn, resource_id: &str, taken_at: &str) -> Snapshot {
    Snapshot {
        resource_id: Some(resource_id.parse_as_id()),
        encrypted: true,
        source: None,
        taken_at: Some(time(taken_at)),
        tags: Tags::new(),
        ..ours(&arn, &a_run("orders"), SnapshotStatus::Available)
    }
}

trait ParseAsId {
    fn parse_as_id(&self) -> snapferry::domain::id::names::ResourceId;
}

impl ParseAsId for str {
    fn parse_as_id(&self) -> snapferry::domain::id::names::ResourceId {
        snapferry::domain::id::names::ResourceId::parse(self).unwrap()
    }
}

/// A world in which a policy that copies automated snapshots protects `orders`, and RDS has taken one of it.
fn world() -> (World, RdsArn) {
    let world = World::new();
    applied(&world, POLICY);
    world.rds().databases.push(listed("orders", TAGGED));
    let arn = automated_arn(&database("orders"), "2026-11-22-02-30");
    world.put_snapshot(automated(arn.clone(), "db-ORDERS", TAKEN));
    world.forget_calls();
    (world, arn)
}

/// That world, and the hint about the snapshot.
pub(crate) fn hinted_world() -> (World, String) {
    let (world, arn) = world();
    let hint = hint(&arn);
    (world, hint)
}

fn hint(arn: &RdsArn) -> String {
    let (kind, id) = match arn.kind().as_str() {
        "snapshot" => ("RDS DB Snapshot Event", "RDS-EVENT-0091"),
        _ => ("RDS DB Cluster Snapshot Event", "RDS-EVENT-0169"),
    };
    json!({
        "detail-type": kind, "source": "aws.rds",
        "detail": {"SourceArn": arn.to_string(), "EventID": id, "Message": "words change",
                   "Tags": {"snapferry:policy": "not to be trusted"}}
    })
    .to_string()
}

fn start_from_hints(world: &World, arns: &[&RdsArn]) -> Vec<String> {
    let records = arns
        .iter()
        .enumerate()
        .map(|(n, arn)| record(&format!("m-{n}"), hint(arn), 1))
        .collect();
    run(react(world, &reactor_config(), &backoff(), records))
}

fn the_run(world: &World) -> ProtectionRequest {
    let runs = world.runs();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].clone()
}

mod a_hint {
    use super::*;

    #[test]
    fn starts_the_run_of_the_snapshot_it_tells_of() {
        let (world, arn) = world();
        assert_eq!(start_from_hints(&world, &[&arn]), Vec::<String>::new());
        let run = the_run(&world);
        assert_eq!(run.planned_at, time(TAKEN), "the time is RDS's");
        assert_eq!(run.policy.as_str(), "copies");
        let of = run.options.automated.unwrap();
        assert_eq!(of.snapshot, arn);
        assert_eq!(of.expires_at, Some(time("2026-11-29T02:30:17Z")));
    }

    #[test]
    fn that_is_doubled_starts_one() {
        let (world, arn) = world();
        start_from_hints(&world, &[&arn, &arn]);
        start_from_hints(&world, &[&arn]);
        assert_eq!(world.executions().len(), 1);
        the_run(&world);
    }

    #[test]
    fn of_another_snapshot_of_the_database_is_another_run() {
        let (world, arn) = world();
        start_from_hints(&world, &[&arn]);
        let first = the_run(&world);
        let stack = rules().stack;
        let mut other = first.clone();
        other.options.automated = Some(Automated {
            snapshot: automated_arn(&database("orders"), "2026-11-22-02-31"),
            expires_at: None,
        });
        let name = |run: &ProtectionRequest| naming::execution(&stack, run, Attempt::FIRST);
        assert_ne!(name(&first), name(&other));
    }

    #[test]
    fn is_checked_against_the_databases_tags_and_not_its_own() {
        let (world, arn) = world();
        for tags in [
            &[][..],
            &[("snapferry:policy", "default")],
            &[("snapferry:policy", "copies"), ("snapferry:exclude", "")],
        ] {
            world.rds().databases = vec![listed("orders", tags)];
            assert_eq!(start_from_hints(&world, &[&arn]), Vec::<String>::new());
        }
        assert!(world.executions().is_empty());
    }

    #[test]
    fn costs_one_read_where_no_policy_copies_automated_snapshots() {
        let (world, arn) = world();
        applied(&world, "[policy.default]\nschedule = \"0 3 * * *\"\n");
        world.forget_calls();
        assert_eq!(start_from_hints(&world, &[&arn]), Vec::<String>::new());
        assert_eq!(world.calls().len(), 1, "{:?}", world.calls());
    }

    #[test]
    fn that_comes_before_rds_shows_the_snapshot_is_kept_for_a_moment() {
        let (world, arn) = world();
        world.rds().snapshots.clear();
        assert_eq!(start_from_hints(&world, &[&arn]), ["m-0"]);
        let creating = Snapshot {
            status: SnapshotStatus::Creating,
            ..automated(arn.clone(), "db-ORDERS", TAKEN)
        };
        world.put_snapshot(creating);
        assert_eq!(start_from_hints(&world, &[&arn]), ["m-0"]);
        let last = vec![record("m-0", hint(&arn), 4)];
        let kept = run(react(&world, &reactor_config(), &backoff(), last));
        assert_eq!(kept, Vec::<String>::new(), "the planner makes up for it");
        assert!(world.executions().is_empty());
    }

    #[test]
    fn that_cannot_be_looked_into_comes_again() {
        let (world, arn) = world();
        world.hook().down.borrow_mut().insert(region(SOURCE));
        assert_eq!(start_from_hints(&world, &[&arn]), ["m-0"]);
        world.hook().down.borrow_mut().clear();
        world.break_once(Name::CurrentPolicies);
        assert_eq!(start_from_hints(&world, &[&arn]), ["m-0"]);
        world.break_once(Name::StartExecution);
        assert_eq!(start_from_hints(&world, &[&arn]), ["m-0"]);
        assert_eq!(start_from_hints(&world, &[&arn]), Vec::<String>::new());
        the_run(&world);
    }

    #[test]
    fn of_a_batch_costs_one_describe_of_each_kind() {
        let (world, _) = world();
        let names = ["a", "b", "c", "d"];
        let mut arns = Vec::new();
        for name in names {
            world.rds().databases.push(listed(name, TAGGED));
            let arn = automated_arn(&database(name), "2026-11-22-02-30");
            let id = format!("db-{}", name.to_uppercase());
            world.put_snapshot(automated(arn.clone(), &id, TAKEN));
            arns.push(arn);
        }
        world.forget_calls();
        start_from_hints(&world, &arns.iter().collect::<Vec<_>>());
        assert_eq!(world.executions().len(), 4);
        assert_eq!(world.calls_of("DescribeDBSnapshots"), 1);
        assert_eq!(world.calls_of("DescribeDBInstances"), 1);
    }

    #[test]
    fn stores_the_configuration_that_its_run_names() {
        let (world, arn) = world();
        start_from_hints(&world, &[&arn]);
        let run = the_run(&world);
        let hash = run.options.configuration.unwrap();
        let key = (run.database.resource_id, hash);
        let stored = world.table().configurations().stored[&key].clone();
        assert_eq!(stored.database, database("orders"));
    }

    #[test]
    fn of_a_cluster_is_a_run_of_the_cluster() {
        let (world, _) = world();
        let arn = automated_arn(&cluster("orders"), "2026-11-22-02-30");
        world.rds().databases.push(Database {
            arn: cluster("orders"),
            resource_id: "cluster-ORDERS".parse_as_id(),
            copy_facts: CopyFacts::encrypted(),
            ..listed("orders", TAGGED)
        });
        world.put_snapshot(automated(arn.clone(), "cluster-ORDERS", TAKEN));
        start_from_hints(&world, &[&arn]);
        assert_eq!(the_run(&world).database.arn, cluster("orders"));
    }
}

mod the_planner {
    use super::*;

    fn outcomes(world: &World, when: When) -> Vec<Outcome> {
        let planned = run(plan(world, &planning(&[]), when)).unwrap();
        let of = planned
            .into_iter()
            .find(|planned| planned.policy.as_str() == "copies");
        let of = of.unwrap();
        assert_eq!(of.error, None);
        of.rows.into_iter().map(|row| row.outcome).collect()
    }

    #[test]
    fn makes_up_for_the_newest_that_no_hint_told_of() {
        let (world, arn) = world();
        for (at, taken) in [
            ("2026-11-20-02-30", "2026-11-20T02:30:00Z"),
            ("2026-11-21-02-30", "2026-11-21T02:30:00Z"),
        ] {
            let older = automated_arn(&database("orders"), at);
            world.put_snapshot(automated(older, "db-ORDERS", taken));
        }
        let outcomes = outcomes(&world, When::Due);
        assert!(
            matches!(outcomes.as_slice(), [Outcome::Started(_)]),
            "{outcomes:?}"
        );
        let automated = the_run(&world).options.automated;
        assert_eq!(automated.unwrap().snapshot, arn);
    }

    #[test]
    fn starts_none_that_a_hint_has_started() {
        let (world, arn) = world();
        start_from_hints(&world, &[&arn]);
        let running = outcomes(&world, When::Due);
        assert!(
            matches!(running.as_slice(), [Outcome::Started(_)]),
            "the same execution by its name: {running:?}"
        );
        assert_eq!(world.executions().len(), 1);
        world.end_executions(ExecutionState::Succeeded);
        let done = outcomes(&world, When::Again);
        assert!(matches!(done.as_slice(), [Outcome::Done(_)]), "{done:?}");
        assert_eq!(world.executions().len(), 1);
    }

    #[test]
    fn says_of_which_database_rds_has_none() {
        let (world, _) = world();
        world.rds().snapshots.clear();
        assert_eq!(outcomes(&world, When::Due), [Outcome::NothingToCopy]);
    }

    #[test]
    fn lists_automated_snapshots_only_for_a_policy_that_copies_them() {
        let (world, _) = world();
        applied(
            &world,
            "[policy.copies]\nschedule = \"0 3 * * *\"\nspread = \"0m\"\n",
        );
        outcomes(&world, When::Due);
        assert!(!world.called().contains(&Name::AutomatedSnapshots));
        assert_eq!(the_run(&world).options.automated, None);
    }
}

/// The command of a run of this snapshot.
fn a_command(step: Step, token: &str, arn: &RdsArn) -> Command {
    let of = Automated {
        snapshot: arn.clone(),
        expires_at: Some(time("2026-11-29T02:30:17Z")),
    };
    let base = command(step, token, "orders");
    Command {
        run: ProtectionRequest {
            planned_at: time(TAKEN),
            options: RunOptions {
                automated: Some(of),
                ..RunOptions::default()
            },
            ..base.run
        },
        ..base
    }
}

fn do_work(world: &World, command: &Command, receives: u32) -> Result<CommandOutcome, WorkError> {
    world.permit(command);
    run(work(world, &worker_config(), command, receives))
}

fn expected_copy(command: &Command) -> RdsArn {
    let source = SnapshotId::of(&command.run.options.automated.as_ref().unwrap().snapshot);
    let id = naming::copy(&rules().stack, &command.run, &source, Attempt::FIRST);
    database("orders").sibling_snapshot(&region(HOME), &id)
}

fn failures(world: &World) -> Vec<Reason> {
    let answers = world.answers();
    answers
        .iter()
        .filter_map(|(_, answer)| match answer {
            TaskEnd::Failure(failure) => Some(failure.reason),
            TaskEnd::Success(_) => None,
        })
        .collect()
}

mod the_worker {
    use super::*;

    fn working() -> (World, RdsArn) {
        let (world, arn) = world();
        (world.with_token("token-1", Token::Alive), arn)
    }

    #[test]
    fn takes_no_snapshot_and_answers_the_first_step_at_once() {
        let (world, arn) = working();
        let worked = do_work(&world, &a_command(Step::Snapshot, "token-1", &arn), 1).unwrap();
        assert!(matches!(worked, CommandOutcome::Settled(_)), "{worked:?}");
        let answers = world.answers();
        let [(_, TaskEnd::Success(manifest))] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert_eq!(manifest.snapshot, arn);
        assert_eq!(manifest.taken_at, Some(time(TAKEN)));
        assert_eq!(world.calls_of("CreateDBSnapshot"), 0);
        assert!(world.waits().is_empty());
    }

    #[test]
    fn copies_the_named_snapshot_under_a_name_of_ours() {
        let (world, arn) = working();
        let command = a_command(Step::Copy, "token-1", &arn);
        assert_eq!(
            do_work(&world, &command, 1).unwrap(),
            CommandOutcome::Waiting
        );
        let copy = expected_copy(&command);
        assert!(
            copy.name().starts_with("sf-orders-20261122t0230z-"),
            "{copy}"
        );
        let made = world.rds().snapshots[&copy].clone();
        assert_eq!(made.source, Some(arn));
        assert_eq!(made.tags["snapferry:taken-at"], TAKEN);
        let wait = world.wait(&copy).unwrap();
        assert_eq!(wait.source_expires_at, Some(time("2026-11-29T02:30:17Z")));
    }

    #[test]
    fn copies_none_of_another_database() {
        let (world, arn) = working();
        world.put_snapshot(automated(arn.clone(), "db-ANOTHER", TAKEN));
        for step in [Step::Snapshot, Step::Copy] {
            world.set_token("token-1", Token::Alive);
            do_work(&world, &a_command(step, "token-1", &arn), 1).unwrap();
        }
        assert_eq!(failures(&world), [Reason::SnapshotMismatch; 2]);
        assert_eq!(world.calls_of("CopyDBSnapshot"), 0);
    }

    #[test]
    fn looks_again_before_it_says_that_the_snapshot_has_expired() {
        let (world, arn) = working();
        world.rds().snapshots.clear();
        for step in [Step::Snapshot, Step::Copy] {
            let command = a_command(step, "token-1", &arn);
            world.set_token("token-1", Token::Alive);
            for receives in 1..=3 {
                let early = do_work(&world, &command, receives);
                assert!(matches!(early, Err(WorkError::NotShownYet(_))), "{early:?}");
            }
            do_work(&world, &command, 4).unwrap();
        }
        assert_eq!(failures(&world), [Reason::SourceExpired; 2]);
    }

    #[test]
    fn says_so_too_where_rds_refuses_the_copy_because_its_source_is_gone() {
        let (world, arn) = working();
        let command = a_command(Step::Copy, "token-1", &arn);
        world.script(Operation::CopyDbSnapshot, Some("DBSnapshotNotFound"), "");
        let early = do_work(&world, &command, 1);
        assert!(matches!(early, Err(WorkError::Rds(_))), "{early:?}");
        world.rds().snapshots.clear();
        world.script(Operation::CopyDbSnapshot, Some("DBSnapshotNotFound"), "");
        do_work(&world, &command, 4).unwrap();
        assert_eq!(failures(&world), [Reason::SourceExpired]);
    }

    #[test]
    fn has_not_expired_as_long_as_a_list_shows_the_snapshot() {
        let (world, arn) = working();
        for step in [Step::Snapshot, Step::Copy] {
            let command = a_command(step, "token-1", &arn);
            world.set_token("token-1", Token::Alive);
            world.rds().overlooked.insert(arn.clone());
            let early = do_work(&world, &command, 4);
            assert!(matches!(early, Err(WorkError::NotShownYet(_))), "{early:?}");
            world.rds().overlooked.clear();
            do_work(&world, &command, 5).unwrap();
        }
        assert_eq!(failures(&world), []);
    }
}

mod the_newest_there_is {
    use super::*;

    const NEWER: &str = "2026-11-23T02:30:05Z";

    /// The run of a snapshot that RDS has removed holds the claim.
    fn expired() -> (World, Command, RdsArn) {
        let (world, arn) = world();
        start_from_hints(&world, &[&arn]);
        let of_hint = the_run(&world);
        let name = naming::execution(&rules().stack, &of_hint, Attempt::FIRST);
        world.set_token("token-1", Token::Alive);
        let command = Command {
            execution: crate::world::execution_arn(name.as_str()),
            run: of_hint,
            ..a_command(Step::Copy, "token-1", &arn)
        };
        world.rds().snapshots.clear();
        let newer = automated_arn(&database("orders"), "2026-11-23-02-30");
        world.put_snapshot(automated(newer.clone(), "db-ORDERS", NEWER));
        (world, command, newer)
    }

    fn started(world: &World) -> Vec<(Timestamp, Option<Automated>)> {
        let runs = world.runs();
        let runs = runs.iter().skip(1);
        runs.map(|run| (run.planned_at, run.options.automated.clone()))
            .collect()
    }

    #[test]
    fn takes_the_place_of_one_that_expired_at_once() {
        let (world, command, newer) = expired();
        do_work(&world, &command, 4).unwrap();
        assert_eq!(failures(&world), [Reason::SourceExpired]);
        let of = Automated {
            snapshot: newer,
            expires_at: Some(time(NEWER) + SignedDuration::from_hours(7 * 24)),
        };
        assert_eq!(started(&world), [(time(NEWER), Some(of))]);
    }

    #[test]
    fn does_not_where_nobody_waits_for_the_expired_one_any_more() {
        let (world, command, _) = expired();
        world.set_token("token-1", Token::Dead);
        let first = do_work(&world, &command, 4);
        assert!(matches!(first, Err(WorkError::HeardDeadOnce)));
        assert_eq!(do_work(&world, &command, 5).unwrap(), CommandOutcome::Stale);
        assert!(started(&world).is_empty());
    }

    #[test]
    fn does_not_take_a_place_that_another_execution_holds() {
        let (world, command, _) = expired();
        let other = Command {
            execution: crate::world::execution_arn("by-hand"),
            ..command
        };
        do_work(&world, &other, 4).unwrap();
        assert_eq!(failures(&world), [Reason::SourceExpired]);
        assert!(started(&world).is_empty());
    }

    #[test]
    fn has_the_claim_already_when_the_expired_ones_command_comes_again_with_a_wait() {
        let (world, command, _) = expired();
        // The worker that moved the claim on died before it could fail its own run, whose wait is stored.
        let wait = Wait::new(
            expected_copy(&command),
            command.clone(),
            Expectation::Copy(ExpectedCopy {
                source: command
                    .run
                    .options
                    .automated
                    .as_ref()
                    .unwrap()
                    .snapshot
                    .clone(),
                key: command.run.key.clone(),
                engine: "postgres".to_owned(),
                size_gib: 100,
                taken_at: None,
            }),
            world.clock(),
        );
        world.store(wait);
        let newer = ExecutionName::parse("sf-the-newer-one").unwrap();
        let of = &command.run;
        world
            .table()
            .entry_mut(&of.database.resource_id, &of.policy)
            .open = Some(newer);
        do_work(&world, &command, 4).unwrap();
        assert_eq!(failures(&world), [Reason::SourceExpired]);
        assert!(started(&world).is_empty());
        assert!(world.waits().is_empty());
    }

    #[test]
    fn must_be_newer_than_the_expired_one() {
        let (world, command, newer) = expired();
        world.put_snapshot(automated(newer, "db-ORDERS", "2026-11-22T01:00:00Z"));
        do_work(&world, &command, 4).unwrap();
        assert!(started(&world).is_empty());
    }

    #[test]
    fn is_started_before_the_expired_one_fails_so_that_what_breaks_is_tried_again() {
        for breaks in [Name::ClaimRun, Name::StartExecution, Name::SendTaskFailure] {
            let (world, command, newer) = expired();
            world.break_once(breaks);
            let broken = do_work(&world, &command, 4);
            assert!(
                matches!(broken, Err(WorkError::Port(_))),
                "{breaks:?}: {broken:?}"
            );
            assert!(failures(&world).is_empty(), "{breaks:?}");
            do_work(&world, &command, 5).unwrap();
            assert_eq!(failures(&world), [Reason::SourceExpired], "{breaks:?}");
            let mut started = started(&world);
            started.dedup();
            assert_eq!(
                started.len(),
                1,
                "{breaks:?}: one execution, however often it was asked for"
            );
            let of = started[0].1.as_ref();
            assert_eq!(of.map(|of| &of.snapshot), Some(&newer));
        }
    }
}

#[test]
fn what_expires_soonest_gets_a_slot_first() {
    let (world, first) = world();
    let later = automated_arn(&database("orders"), "2026-11-22-02-31");
    let queued = |arn: &RdsArn, token: &str, expires: Option<&str>| {
        world.set_token(token, Token::Alive);
        let mut command = a_command(Step::Copy, token, arn);
        if let Some(of) = &mut command.run.options.automated {
            of.expires_at = expires.map(time);
        }
        world.put_snapshot(automated(arn.clone(), "db-ORDERS", TAKEN));
        for slot in ["x", "y"] {
            let taken =
                database("other").sibling_snapshot(&region(HOME), &slot.parse_as_snapshot());
            world.hold_slot(taken);
        }
        assert_eq!(
            do_work(&world, &command, 1).unwrap(),
            CommandOutcome::Queued
        );
        expected_copy(&command)
    };
    queued(&first, "token-1", Some("2026-11-25T00:00:00Z"));
    world.pass(SignedDuration::from_mins(1));
    let soonest = queued(&later, "token-2", Some("2026-11-24T00:00:00Z"));
    world.free_slots();
    let one_slot = snapferry::app::sweep::SweeperConfig {
        copy_slots: CopySlots {
            all: 1,
            clusters: 1,
        },
        ..sweeper_config()
    };
    assert_eq!(run(sweep(&world, &one_slot)).unwrap().handed_out, 1);
    assert!(world.slots().contains(&soonest));
    assert_eq!(world.phase(&soonest), Some(Phase::Queued));
}

trait ParseAsSnapshot {
    fn parse_as_snapshot(&self) -> SnapshotId;
}

impl ParseAsSnapshot for str {
    fn parse_as_snapshot(&self) -> SnapshotId {
        SnapshotId::parse(self).unwrap()
    }
}

mod on_the_wire {
    use super::*;

    #[test]
    fn a_run_keeps_the_snapshot_it_names() {
        let arn = automated_arn(&database("orders"), "2026-11-22-02-30");
        let run = a_command(Step::Copy, "token-1", &arn).run;
        assert_eq!(json::run::read(&json::run::write(&run)).unwrap(), run);
        let plain = a_run("orders");
        assert!(
            !json::run::write(&plain).contains("\"source\""),
            "as it always was"
        );
    }

    #[test]
    fn a_snapshot_that_cannot_be_of_the_database_is_refused() {
        let of_cluster = automated_arn(&cluster("orders"), "2026-11-22-02-30");
        let manual =
            database("orders").sibling_snapshot(&region(SOURCE), &"orders-1".parse_as_snapshot());
        let elsewhere = database("orders").sibling_snapshot(
            &region(HOME),
            &"rds:orders-2026-11-22-02-30".parse_as_snapshot(),
        );
        for arn in [of_cluster, elsewhere, manual] {
            let run = a_command(Step::Copy, "token-1", &arn).run;
            let error = json::run::read(&json::run::write(&run)).unwrap_err();
            assert!(error.to_string().contains("source"), "{error}");
        }
    }
}
