//! Destroy: drains first, deletes the source regions' stacks before the recovery region's, and says what stays.

use std::collections::BTreeMap;
use std::time::Duration;

use snapferry::app::destroy::{
    ACTIONS, DestroyError, DestroyRequest, Drained, Stacks, Step, act, empty, look, still_running,
    what_stays,
};
use snapferry::app::drain::Depth;
use snapferry::app::stop::StopConfig;
use snapferry::domain::deploy::names::StackName;
use snapferry::domain::deploy::stack::StackFacts;
use snapferry::domain::id::arn::{RdsArn, Region};
use snapferry::domain::id::tags;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step as RunStep;
use snapferry::domain::run::wait::Phase;
use snapferry::fake::Deployments;

use crate::drain::{asleep, built_in};
use crate::sweeper::wait_for;
use crate::world::{
    Fixture, HOME, SOURCE, World, a_run, copy_arn, ours, pairs, region, rules, run, snapshot_arn,
};

fn stack() -> StackName {
    StackName::parse("snapferry").unwrap()
}

fn home_facts(status: &str) -> StackFacts {
    StackFacts {
        id: format!("arn:aws:cloudformation:{HOME}:111122223333:stack/snapferry/1"),
        status: status.to_owned(),
        parameters: pairs(&[
            ("SourceRegions", SOURCE),
            ("RecoveryKeyArn", ""),
            ("ScheduledTimeout", "300"),
            ("FunctionTimeout", "60"),
        ]),
        outputs: pairs(&[
            ("StackRegion", HOME),
            ("StackIdentity", "prod"),
            ("SourceRegionNames", SOURCE),
            ("TableName", "the-table"),
            ("RecoveryKey", "arn:aws:kms:the-key"),
        ]),
    }
}

fn source_facts(recovery: &str) -> StackFacts {
    StackFacts {
        id: "arn:of:the:source".to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
        parameters: pairs(&[("RecoveryRegion", recovery), ("EventsQueueArn", "")]),
        outputs: pairs(&[("ForwardingRuleArn", "arn")]),
    }
}

fn deployed() -> Deployments {
    let stacks = Deployments::default();
    stacks.put_stack(&region(HOME), &stack(), home_facts("UPDATE_COMPLETE"));
    let source = stack().of_source();
    stacks.put_stack(&region(SOURCE), &source, source_facts(HOME));
    stacks
}

fn request() -> DestroyRequest {
    DestroyRequest {
        recovery: region(HOME),
        stack: stack(),
        sources: Vec::new(),
    }
}

fn looked(stacks: &Deployments) -> Result<Stacks, DestroyError> {
    run(look(stacks, &request()))
}

fn emptied(world: &World, stacks: &Deployments, depth: Depth) -> Drained {
    let config = StopConfig {
        rules: rules(),
        width: 20,
    };
    let home = home_facts("UPDATE_COMPLETE");
    let built_in = built_in();
    let mut silent = |_: Step<'_>| {};
    let ended = empty(world, stacks, &home, &config, &built_in, depth, &mut silent);
    run(ended).unwrap()
}

fn in_order(stacks: &Stacks) -> Vec<(&str, &str)> {
    let all = stacks.all.iter();
    all.map(|one| (one.region.as_str(), one.name.as_str()))
        .collect()
}

#[test]
fn the_source_regions_stacks_go_first_and_the_recovery_regions_last() {
    let stacks = deployed();
    let found = looked(&stacks).unwrap();
    let expected = [(SOURCE, "snapferry-source"), (HOME, "snapferry")];
    assert_eq!(in_order(&found), expected);
    assert!(stacks.deleted().is_empty());
    run(act(&stacks, Some(&World::new()), &found, &mut |_| {})).unwrap();
    let deleted = stacks.deleted();
    let deleted: Vec<(&str, &str)> = deleted
        .iter()
        .map(|(region, name)| (region.as_str(), name.as_str()))
        .collect();
    assert_eq!(deleted, expected);
    assert_eq!(stacks.stack(&region(HOME), &stack()), None);
    // Once more, nothing stands.
    assert_eq!(looked(&stacks).unwrap(), Stacks::default());
}

#[test]
fn nothing_is_done_before_an_execution_that_sleeps_has_ended() {
    let (world, stacks) = (World::new(), deployed());
    asleep(&world);
    let shown = emptied(&world, &stacks, Depth::Show);
    assert!(!shown.is_done());
    let paused = emptied(&world, &stacks, Depth::Pause);
    assert!(!paused.is_done(), "a run is open");
    assert_eq!(paused.open_waits, 1);
    // Waiting for a planner would be in vain.
    assert_eq!(stacks.longest_pause(), Duration::ZERO);
    let stopped = emptied(&world, &stacks, Depth::Stop);
    assert!(stopped.is_done(), "{stopped:?}");
}

/// Its execution was stopped, or has failed. The sweeper enters the copy when RDS has finished it.
#[test]
fn a_copy_that_is_still_awaited_keeps_the_stacks() {
    let (world, stacks) = (World::new(), deployed());
    wait_for(&world, RunStep::Copy, "orders", Phase::Seen);
    let drained = emptied(&world, &stacks, Depth::Stop);
    assert!(drained.drain.is_done());
    assert_eq!(drained.open_waits, 1);
    assert!(!drained.is_done());
}

#[test]
fn a_planner_that_was_at_work_when_the_policies_were_paused_is_waited_for_once() {
    let (world, stacks) = (World::new(), deployed());
    assert!(emptied(&world, &stacks, Depth::Pause).is_done());
    // As long as the longest of the functions may run.
    assert_eq!(stacks.longest_pause(), Duration::from_secs(300));
    let later = deployed();
    world.pass(jiff::SignedDuration::from_secs(100));
    assert!(emptied(&world, &later, Depth::Pause).is_done());
    assert_eq!(later.longest_pause(), Duration::from_secs(200));
    let much_later = deployed();
    world.pass(jiff::SignedDuration::from_secs(900));
    assert!(emptied(&world, &much_later, Depth::Pause).is_done());
    assert_eq!(much_later.longest_pause(), Duration::ZERO);
}

#[test]
fn stacks_that_must_not_go_are_all_named_and_none_is_deleted() {
    let stacks = deployed();
    let foreign = StackFacts {
        parameters: BTreeMap::new(),
        ..home_facts("UPDATE_COMPLETE")
    };
    stacks.put_stack(&region(HOME), &stack(), foreign);
    let of_another = source_facts("us-west-2");
    stacks.put_stack(&region(SOURCE), &stack().of_source(), of_another);
    let named = DestroyRequest {
        sources: vec![region(SOURCE)],
        ..request()
    };
    let Err(DestroyError::Refused(why)) = run(look(&stacks, &named)) else {
        panic!("it was not refused")
    };
    assert_eq!(why.len(), 2, "{why:#?}");
    assert!(why[0].contains("us-west-2"));
    assert!(why[1].contains("another product"));

    let cases = [
        (
            "UPDATE_IN_PROGRESS",
            BTreeMap::new(),
            "wait until it is done",
        ),
        // A stack that works is drained first, and an earlier version's outputs do not say how.
        ("CREATE_COMPLETE", BTreeMap::new(), "snapferry deploy"),
    ];
    for (status, outputs, advice) in cases {
        let stacks = deployed();
        let facts = StackFacts {
            outputs,
            ..home_facts(status)
        };
        stacks.put_stack(&region(HOME), &stack(), facts);
        let Err(DestroyError::Refused(why)) = looked(&stacks) else {
            panic!("{status} was not refused")
        };
        assert!(why[0].contains(advice), "{why:?}");
    }
}

#[test]
fn an_interrupted_removal_goes_on_where_stacks_still_stand() {
    let mut stacks = deployed();
    stacks.fails_in.insert(region(SOURCE));
    let found = looked(&stacks).unwrap();
    let none: Option<&World> = None;
    let failed = run(act(&stacks, none, &found, &mut |_| {}));
    assert!(
        matches!(&failed, Err(DestroyError::Failed { status, reasons, .. }) if status == "DELETE_FAILED" && !reasons.is_empty()),
        "{failed:?}"
    );
    assert_eq!(stacks.deleted().len(), 1, "the recovery region's stands");
    stacks.fails_in.clear();
    let found = looked(&stacks).unwrap();
    assert_eq!(in_order(&found).len(), 2);
    run(act(&stacks, none, &found, &mut |_| {})).unwrap();
    assert_eq!(looked(&stacks).unwrap(), Stacks::default());
}

/// It shows no outputs any more, and nobody can see whether it was drained: its executions count.
#[test]
fn a_stack_whose_deletion_failed_goes_once_its_state_machine_runs_nothing() {
    let mut stacks = deployed();
    let facts = StackFacts {
        outputs: BTreeMap::new(),
        ..home_facts("DELETE_FAILED")
    };
    stacks.put_stack(&region(HOME), &stack(), facts);
    let found = looked(&stacks).unwrap();
    assert_eq!((&found.home, &found.left_machine), (&None, &None));
    let machine = (region(HOME), stack(), "StateMachine".to_owned());
    let arn = format!("arn:aws:states:{HOME}:111122223333:stateMachine:protect");
    stacks.resources.insert(machine.clone(), arn.clone());
    let found = looked(&stacks).unwrap();
    assert_eq!(found.left_machine.as_ref().unwrap().as_str(), arn);
    let world = World::new();
    let name = asleep(&world);
    let rows = run(still_running(&world)).unwrap();
    let rows: Vec<_> = rows.iter().map(|row| &row.execution).collect();
    assert_eq!(rows, [&name]);
    world.step_functions().all.clear();
    assert_eq!(run(still_running(&world)).unwrap(), []);
    run(act(&stacks, Some(&world), &found, &mut |_| {})).unwrap();
    assert_eq!(stacks.stack(&region(HOME), &stack()), None);
    stacks.resources.insert(machine, "no ARN".to_owned());
    let home = StackFacts {
        outputs: BTreeMap::new(),
        ..home_facts("DELETE_FAILED")
    };
    stacks.put_stack(&region(HOME), &stack(), home);
    let unread = looked(&stacks);
    assert!(
        matches!(unread, Err(DestroyError::Machine(_))),
        "{unread:?}"
    );
}

/// The source regions' stacks take minutes, and a person may start one meanwhile.
#[test]
fn an_execution_that_began_while_the_source_stacks_went_keeps_the_recovery_regions_stack() {
    let (world, stacks) = (World::new(), deployed());
    let found = looked(&stacks).unwrap();
    let name = asleep(&world);
    let ended = run(act(&stacks, Some(&world), &found, &mut |_| {}));
    let Err(DestroyError::RunsAgain { executions, .. }) = &ended else {
        panic!("{ended:?}")
    };
    assert_eq!(executions, &[name]);
    let deleted = stacks.deleted();
    assert_eq!(deleted, [(region(SOURCE), stack().of_source())]);
    assert!(stacks.stack(&region(HOME), &stack()).is_some());
    let said = ended.unwrap_err().to_string();
    assert!(said.contains("run the command again"), "{said}");
}

#[test]
fn a_policy_that_people_still_have_is_told_from_other_failures() {
    let failed = |reason: &str| DestroyError::Failed {
        region: region(HOME),
        name: stack(),
        status: "DELETE_FAILED".to_owned(),
        reasons: vec![format!("ReadersPolicy: {reason}")],
    };
    let said = failed("Cannot delete a policy attached to entities.").to_string();
    assert!(said.contains("list-entities-for-policy"), "{said}");
    let said = failed("Rate exceeded").to_string();
    assert!(said.contains("when that is repaired"), "{said}");
}

/// CloudFormation shows what another product's pending change set says.
#[test]
fn another_products_pending_shell_is_not_deleted() {
    let stacks = deployed();
    let shell = |parameters: &[(&str, &str)]| StackFacts {
        parameters: pairs(parameters),
        outputs: BTreeMap::new(),
        ..home_facts("REVIEW_IN_PROGRESS")
    };
    stacks.put_stack(&region(HOME), &stack(), shell(&[("Size", "3")]));
    let Err(DestroyError::Refused(why)) = looked(&stacks) else {
        panic!("it was not refused")
    };
    assert!(why[0].contains("another product"), "{why:?}");
    for ours in [
        &[][..],
        &[("SourceRegions", SOURCE), ("RecoveryKeyArn", "")],
    ] {
        stacks.put_stack(&region(HOME), &stack(), shell(ours));
        assert!(looked(&stacks).is_ok(), "{ours:?}");
    }
}

#[test]
fn what_stays_is_counted_by_the_stacks_tag_and_can_be_taken_over() {
    let world = World::new();
    let mine = a_run("orders");
    let copy = ours(&copy_arn(&mine, 1), &mine, SnapshotStatus::Available);
    let theirs = a_run("web");
    let mut foreign = ours(&copy_arn(&theirs, 1), &theirs, SnapshotStatus::Available);
    foreign
        .tags
        .insert(tags::STACK.to_owned(), "another".to_owned());
    let gib = u64::try_from(copy.size_gib).unwrap();
    world.put_snapshot(copy);
    world.put_snapshot(foreign);
    let home = home_facts("UPDATE_COMPLETE");
    let id = rules().stack;
    let stays = run(what_stays(&world, &request(), &home, &id));
    let home_region: Region = region(HOME);
    let left = stays.snapshots[&home_region];
    assert_eq!((left.count, left.gib, left.of_clusters), (1, gib, 0));
    assert!(stays.made_key);
    assert_eq!(
        stays.bucket.as_ref().unwrap().as_str(),
        format!("snapferry-deployments-111122223333-{HOME}")
    );
    assert_eq!(
        stays.adopts(),
        format!(
            "snapferry deploy --recovery-region {HOME} --source-region {SOURCE} --stack snapferry --key arn:aws:kms:the-key \
             --parameter StackId=prod --parameter TableName=the-table"
        )
    );
}

#[test]
fn what_stays_in_a_region_that_the_stack_no_longer_names_is_counted_too() {
    let world = World::new();
    let mine = a_run("orders");
    let mut left = ours(&snapshot_arn(&mine, 1), &mine, SnapshotStatus::Available);
    let elsewhere = left.arn.to_string().replace(SOURCE, "eu-north-1");
    left.arn = RdsArn::parse(&elsewhere).unwrap();
    world.put_snapshot(left);
    let home = home_facts("UPDATE_COMPLETE");
    let dropped = DestroyRequest {
        sources: vec![region("eu-north-1"), region(SOURCE)],
        ..request()
    };
    let stays = run(what_stays(&world, &dropped, &home, &rules().stack));
    let listed: Vec<&str> = stays.snapshots.keys().map(Region::as_str).collect();
    assert_eq!(listed, [HOME, "eu-north-1", SOURCE]);
    assert_eq!(stays.snapshots[&region("eu-north-1")].count, 1);
}

#[test]
fn the_rights_that_a_removal_needs_are_documented() {
    let page = std::fs::read_to_string("docs/DEPLOY.md").unwrap();
    let section = page.split("\n## Taking it away\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    for action in ACTIONS.iter().copied().flatten() {
        assert!(section.contains(&format!("`{action}`")), "{action}");
    }
}
