//! `snapferry destroy`: what it shows, what it asks CloudFormation for, and how it ends.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use snapferry::app::destroy::{DestroyRequest, look};
use snapferry::app::drain::Depth;
use snapferry::aws::{Aws, Deploys};
use snapferry::cli::{DestroyManner, Ended, Target, run_destroy};
use snapferry::domain::deploy::names::StackName;
use snapferry::domain::deploy::stack::StackFacts;
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::names::{ExecutionName, ResourceId};
use snapferry::domain::policy::set::Applied;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::restore::restored::RestoredDatabase;
use snapferry::fake::Deployments;
use snapferry::fake::step_functions::Execution;
use snapferry::ports::deploy::{DeleteStack, FindResource};
use snapferry::ports::{ExecutionState, ReadPolicies};

use crate::prune::planning;
use crate::wire::{MACHINE, Reply, TABLE, Wire, ok};
use crate::world::{Fixture, HOME, Name, SOURCE, World, a_run, copy_arn, ours, pairs, region, run};

fn stack() -> StackName {
    StackName::parse("snapferry").unwrap()
}

fn deployed() -> Deployments {
    let stacks = Deployments::default();
    let home = StackFacts {
        id: format!("arn:aws:cloudformation:{HOME}:111122223333:stack/snapferry/1"),
        status: "CREATE_COMPLETE".to_owned(),
        parameters: pairs(&[("SourceRegions", SOURCE), ("RecoveryKeyArn", "")]),
        outputs: pairs(&[
            ("StackRegion", HOME),
            ("StackIdentity", "prod"),
            ("SourceRegionNames", SOURCE),
            ("TableName", "the-table"),
            ("RecoveryKey", "arn:aws:kms:the-key"),
        ]),
    };
    stacks.put_stack(&region(HOME), &stack(), home);
    let source = StackFacts {
        id: "arn:of:the:source".to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
        parameters: pairs(&[("RecoveryRegion", HOME), ("EventsQueueArn", "")]),
        outputs: BTreeMap::new(),
    };
    stacks.put_stack(&region(SOURCE), &stack().of_source(), source);
    stacks
}

fn destroyed(world: &World, stacks: &Deployments, depth: Depth, json: bool) -> (Ended, String) {
    let request = DestroyRequest {
        recovery: region(HOME),
        stack: stack(),
        sources: Vec::new(),
    };
    let found = run(look(stacks, &request)).unwrap();
    let planning = planning();
    let target = match (&found.home, &found.left_machine) {
        (Some(_), _) => Target::Works(world, &planning),
        (None, Some(_)) => Target::Left(world),
        (None, None) => Target::Nothing,
    };
    let manner = DestroyManner { depth, json };
    let (mut out, mut progress) = (Vec::new(), Vec::new());
    let ended = run(run_destroy(
        target,
        stacks,
        &request,
        &found,
        manner,
        &mut out,
        &mut progress,
    ));
    (ended.unwrap(), String::from_utf8(out).unwrap())
}

fn with_a_copy() -> World {
    let world = World::new();
    let mine = a_run("orders");
    world.put_snapshot(ours(&copy_arn(&mine, 1), &mine, SnapshotStatus::Available));
    world
}

#[test]
fn destroy_shows_what_goes_and_what_stays_and_then_deletes_it() {
    let (world, stacks) = (with_a_copy(), deployed());
    let (ended, said) = destroyed(&world, &stacks, Depth::Show, false);
    assert_eq!(ended, Ended::Well);
    for expected in [
        "snapferry-source",
        "Nothing was changed. Add --yes",
        "1 snapshots with the tag snapferry:stack=prod, at most $9.50 a month for 100 GiB",
        "the table the-table",
        "the key arn:aws:kms:the-key, and those of your policies ($1 a month each): the stack made it",
        &format!("the bucket snapferry-deployments-111122223333-{HOME}"),
        "--key arn:aws:kms:the-key --parameter StackId=prod --parameter TableName=the-table",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(stacks.deleted().is_empty());

    let (ended, said) = destroyed(&world, &stacks, Depth::Pause, false);
    assert_eq!(ended, Ended::Well);
    assert!(said.contains("The stacks are deleted."), "{said}");
    assert_eq!(stacks.deleted().len(), 2);
    let (ended, said) = destroyed(&world, &stacks, Depth::Pause, false);
    assert_eq!(ended, Ended::Well);
    assert!(said.starts_with("There is no stack snapferry in"), "{said}");
}

/// A database as restores and drills look at it, with these tags.
pub(crate) fn restored(name: &str, tags: &[(&str, &str)]) -> RestoredDatabase {
    RestoredDatabase {
        name: name.to_owned(),
        resource_id: ResourceId::parse("db-MADE").unwrap(),
        member_of: None,
        status: "available".to_owned(),
        created_at: None,
        tags: pairs(tags),
        settings: BTreeMap::new(),
        has_pending_changes: false,
        needs_restart: false,
        inactive_roles: [].into(),
        loaded: None,
    }
}

/// Destroys in vain: the drill of orders lives. The answer is the set of policies that is in force then.
fn refused_for_its_drill(world: &World, stacks: &Deployments) -> Option<Applied> {
    let (ended, said) = destroyed(world, stacks, Depth::Pause, false);
    assert_eq!(ended, Ended::Badly);
    assert!(
        said.contains("Drills live, so no stack is deleted: sfd-orders-abcdefghij."),
        "{said}"
    );
    assert!(stacks.deleted().is_empty());
    run(world.current_policies()).unwrap()
}

#[test]
fn destroy_deletes_nothing_while_a_drill_lives() {
    let (world, stacks) = (with_a_copy(), deployed());
    let drilled = restored("sfd-orders-abcdefghij", &[("snapferry:drill", "prod")]);
    let of_others = restored("sfd-of-another-stack", &[("snapferry:drill", "other")]);
    for one in [drilled, of_others] {
        let all = &mut world.world().state_mut().rds.restored;
        all.push((Family::Instance, one));
    }
    let policies = refused_for_its_drill(&world, &stacks);
    assert!(policies.is_none(), "nothing was paused");
    let (_, said) = destroyed(&world, &stacks, Depth::Pause, true);
    assert!(
        said.contains("\"drills\": [\n    \"sfd-orders-abcdefghij\"\n  ]"),
        "{said}"
    );
    world.world().state_mut().rds.restored.clear();
    assert_eq!(
        destroyed(&world, &stacks, Depth::Pause, false).0,
        Ended::Well
    );
}

#[test]
fn destroy_deletes_no_stack_if_a_drill_began_while_it_drained() {
    let (world, stacks) = (with_a_copy(), deployed());
    let other = world.clone();
    // The waits are counted at the end of the drain.
    world.meanwhile(Name::ListOpen, move || {
        let drilled = restored("sfd-orders-abcdefghij", &[("snapferry:drill", "prod")]);
        let all = &mut other.world().state_mut().rds.restored;
        all.push((Family::Instance, drilled));
    });
    let policies = refused_for_its_drill(&world, &stacks);
    assert!(policies.is_some(), "the first look found no drill");
}

#[test]
fn destroy_deletes_nothing_while_an_execution_runs_and_its_json_says_so() {
    let (world, stacks) = (with_a_copy(), deployed());
    let name = ExecutionName::parse("run-of-orders").unwrap();
    let open = Execution::new(ExecutionState::Running, Some(a_run("orders")));
    world.step_functions().all.insert(name, open);
    let (ended, said) = destroyed(&world, &stacks, Depth::Pause, true);
    assert_eq!(ended, Ended::Badly);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["deleted"], false);
    assert_eq!(
        (&said["drained"], &said["paused"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(said["runs"][0]["outcome"], "running");
    assert!(stacks.deleted().is_empty());

    let (ended, said) = destroyed(&world, &stacks, Depth::Stop, true);
    assert_eq!(ended, Ended::Well);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["deleted"], true);
    assert_eq!(said["stacks"][0]["stack"], "snapferry-source");
    assert_eq!(said["stays"]["snapshots"][0]["count"], 1);
    assert_eq!(said["stays"]["key_is_the_stacks_own"], true);
    assert_eq!(stacks.deleted().len(), 2);
}

/// Somebody deletes the stack in the console, past the drain: its executions are seen all the same.
#[test]
fn a_stack_whose_deletion_somebody_else_began_stays_while_an_execution_runs() {
    let (world, mut stacks) = (with_a_copy(), deployed());
    for status in ["DELETE_FAILED", "DELETE_IN_PROGRESS"] {
        let mut home = stacks.stack(&region(HOME), &stack()).unwrap();
        home.status = status.to_owned();
        home.outputs = BTreeMap::new();
        stacks.put_stack(&region(HOME), &stack(), home);
        let machine = (region(HOME), stack(), "StateMachine".to_owned());
        stacks.resources.insert(machine, MACHINE.to_owned());
        let name = ExecutionName::parse("run-of-orders").unwrap();
        let open = Execution::new(ExecutionState::Running, Some(a_run("orders")));
        world.step_functions().all.insert(name, open);
        for depth in [Depth::Pause, Depth::Stop] {
            let (ended, said) = destroyed(&world, &stacks, depth, true);
            assert_eq!(ended, Ended::Badly, "{status}");
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(
                (&said["drained"], &said["deleted"]),
                (&json!(false), &json!(false))
            );
            assert_eq!(said["runs"][0]["execution"], "run-of-orders");
        }
        let (_, said) = destroyed(&world, &stacks, Depth::Pause, false);
        assert!(said.contains("aws stepfunctions stop-execution"), "{said}");
        assert!(stacks.deleted().is_empty());
    }
    // Once they have ended, it goes. Whether it was drained, nobody knows.
    world.step_functions().all.clear();
    let mut home = stacks.stack(&region(HOME), &stack()).unwrap();
    home.status = "DELETE_FAILED".to_owned();
    stacks.put_stack(&region(HOME), &stack(), home);
    let (ended, said) = destroyed(&world, &stacks, Depth::Pause, true);
    assert_eq!(ended, Ended::Well);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["drained"], &said["deleted"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(stacks.deleted().len(), 2);
}

#[test]
fn attached_policies_of_people_are_named_before_anything_goes() {
    let (world, stacks) = (with_a_copy(), deployed());
    let (_, said) = destroyed(&world, &stacks, Depth::Show, false);
    assert!(!said.contains("PeoplePolicies"), "{said}");
    let mut home = stacks.stack(&region(HOME), &stack()).unwrap();
    let wanted = ("PeoplePolicies".to_owned(), "yes".to_owned());
    home.parameters.extend([wanted]);
    stacks.put_stack(&region(HOME), &stack(), home);
    let (_, said) = destroyed(&world, &stacks, Depth::Show, false);
    assert!(
        said.contains("Detach the policies of PeoplePolicies"),
        "{said}"
    );
}

#[test]
fn a_stacks_resource_is_found_by_its_name_in_the_template() {
    let shown = |status: &str| {
        ok(format!(
            "<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail>\
             <LogicalResourceId>StateMachine</LogicalResourceId><PhysicalResourceId>{MACHINE}</PhysicalResourceId>\
             <ResourceType>AWS::StepFunctions::StateMachine</ResourceType><ResourceStatus>{status}</ResourceStatus>\
             <LastUpdatedTimestamp>2026-11-22T03:00:00Z</LastUpdatedTimestamp></StackResourceDetail>\
             </DescribeStackResourceResult></DescribeStackResourceResponse>"
        ))
    };
    let unknown = Reply::Http(
        400,
        "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
         <Message>Resource StateMachine does not exist for stack snapferry</Message></Error></ErrorResponse>"
            .to_owned(),
    );
    let wire = Wire::new([shown("CREATE_COMPLETE"), shown("DELETE_COMPLETE"), unknown]);
    let aws = Aws::new(wire.sdk(), TABLE, Deploys);
    let find = || run(aws.find_resource(&region(HOME), &stack(), "StateMachine")).unwrap();
    assert_eq!(find().as_deref(), Some(MACHINE));
    assert_eq!(find(), None, "it is gone");
    assert_eq!(find(), None, "there never was one");
}

#[test]
fn a_stack_is_deleted_by_its_name_in_its_region() {
    let wire = Wire::new([ok("")]);
    let aws = Aws::new(wire.sdk(), TABLE, Deploys);
    run(aws.delete_stack(&region(SOURCE), &stack())).unwrap();
    let asked = wire.only();
    assert!(asked.uri.contains(SOURCE), "{}", asked.uri);
    let form = asked.form();
    assert_eq!(
        (form["Action"].as_str(), form["StackName"].as_str()),
        ("DeleteStack", "snapferry")
    );
}
