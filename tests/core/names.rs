//! Names stay within every limit and RDS's grammar, never change, and never name two things.

use snapferry::domain::run::naming;
use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;
use snapferry::domain::id::arn::{ExecutionArn, KeyArn, RdsArn, Region, StateMachineArn};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{Attempt, ExecutionName, ResourceId};
use snapferry::domain::id::tags::{PolicyName, StackId};
use snapferry::domain::limits::{CLUSTER_SNAPSHOT_ID_MAX, EXECUTION_NAME_MAX};
use snapferry::domain::run::command::{ProtectionRequest, RunOptions};

use crate::world::{KEY, a_run, copy_arn, snapshot_arn, time};

prop_compose! {
    fn any_run()(
        name in "[a-zA-Z][a-zA-Z0-9-]{0,254}",
        cluster in any::<bool>(),
        region in prop::sample::select(vec!["eu-west-1", "us-gov-east-1", "ap-southeast-2"]),
        resource in "[A-Z0-9]{26}",
        policy in "[a-z._-]{1,64}",
        seconds in 0_i64..4_102_444_800,
    ) -> ProtectionRequest {
        let kind = if cluster { "cluster" } else { "db" };
        ProtectionRequest {
            database: DatabaseRef {
                arn: RdsArn::parse(&format!("arn:aws:rds:{region}:111122223333:{kind}:{name}")).unwrap(),
                resource_id: ResourceId::parse(&format!("db-{resource}")).unwrap(),
            },
            policy: PolicyName::parse(&policy).unwrap(),
            planned_at: Timestamp::from_second(seconds).unwrap(),
            key: KeyArn::parse(KEY).unwrap(),
            options: RunOptions::default(),
        }
    }
}

/// RDS's grammar: letters, digits and hyphens; a letter first; no hyphen last, no two in a row.
fn is_rds_identifier(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
}

fn stack() -> StackId {
    StackId::parse("prod").unwrap()
}

proptest! {
    #[test]
    fn every_name_fits_step_functions_cluster_snapshots_and_rdss_grammar(run in any_run(), attempt in 0_usize..9) {
        let attempt = Attempt::all().nth(attempt).unwrap();
        let execution = naming::execution(&stack(), &run, attempt);
        let snapshot = naming::source_snapshot(&stack(), &run, attempt);
        let copy = naming::copy(&stack(), &run, &snapshot, attempt);
        prop_assert!(execution.as_str().len() <= EXECUTION_NAME_MAX);
        for name in [execution.as_str(), snapshot.as_str(), copy.as_str()] {
            prop_assert!(name.len() <= CLUSTER_SNAPSHOT_ID_MAX, "{name}");
            prop_assert!(is_rds_identifier(name), "{name}");
        }
        prop_assert!(copy != snapshot);
    }

    #[test]
    fn the_minute_is_all_that_a_name_takes_of_the_planned_time(run in any_run(), seconds in 0_i64..60) {
        let mut later = run.clone();
        let minute = run.planned_at.as_second().div_euclid(60) * 60;
        let mut first = run;
        first.planned_at = Timestamp::from_second(minute).unwrap();
        later.planned_at = Timestamp::from_second(minute + seconds).unwrap();
        prop_assert_eq!(
            naming::execution(&stack(), &first, Attempt::FIRST),
            naming::execution(&stack(), &later, Attempt::FIRST)
        );
    }

    #[test]
    fn an_arn_reads_back_as_it_was_written(run in any_run()) {
        let text = run.database.arn.to_string();
        prop_assert_eq!(RdsArn::parse(&text).unwrap(), run.database.arn);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in "\\PC{0,80}") {
        let _ = (RdsArn::parse(&text), Region::parse(&text), KeyArn::parse(&text), ExecutionArn::parse(&text));
    }
}

#[test]
fn a_name_changes_with_each_thing_that_makes_a_run_another() {
    let run = a_run("orders");
    let name = |stack: &str, change: &dyn Fn(&mut ProtectionRequest)| {
        let mut run = run.clone();
        change(&mut run);
        naming::execution(&StackId::parse(stack).unwrap(), &run, Attempt::FIRST)
    };
    let arn = |text: &str| RdsArn::parse(text).unwrap();
    let all: BTreeSet<_> = [
        name("prod", &|_| {}),
        name("test", &|_| {}),
        name("prod", &|r| r.policy = PolicyName::parse("gold").unwrap()),
        name("prod", &|r| {
            r.database.resource_id = ResourceId::parse("db-OTHER").unwrap()
        }),
        name("prod", &|r| {
            r.database.arn = arn("arn:aws:rds:eu-west-2:111122223333:db:orders")
        }),
        name("prod", &|r| {
            r.database.arn = arn("arn:aws:rds:eu-west-1:111122223333:cluster:orders")
        }),
        name("prod", &|r| {
            r.database.arn = arn("arn:aws-cn:rds:eu-west-1:111122223333:db:orders")
        }),
        name("prod", &|r| r.planned_at = time("2026-11-22T03:01:00Z")),
    ]
    .into();
    assert_eq!(all.len(), 8);
}

#[test]
fn a_rename_keeps_the_hash_and_an_account_of_many_names_never_clashes() {
    let mut seen = BTreeSet::new();
    for n in 0..20_000 {
        let mut run = a_run("orders");
        run.database.resource_id = ResourceId::parse(&format!("db-{n:026}")).unwrap();
        assert!(
            seen.insert(naming::source_snapshot(&stack(), &run, Attempt::FIRST)),
            "{n}"
        );
    }
}

#[test]
fn a_name_can_be_read_by_a_person() {
    assert_eq!(
        naming::execution(&stack(), &a_run("orders"), Attempt::FIRST).as_str(),
        "sf-orders-20261122t0300z-eispoiznsz"
    );
    assert!(snapshot_arn(&a_run("orders"), 2).name().ends_with("-a2"));
    assert_ne!(
        snapshot_arn(&a_run("orders"), 1).name(),
        copy_arn(&a_run("orders"), 1).name()
    );
}

#[test]
fn an_automated_snapshots_arn_keeps_its_colon() {
    let text = "arn:aws:rds:eu-west-1:111122223333:snapshot:rds:orders-2026-11-22-03-04";
    let arn = RdsArn::parse(text).unwrap();
    assert_eq!(arn.name(), "rds:orders-2026-11-22-03-04");
    assert_eq!(arn.to_string(), text);
}

#[test]
fn an_execution_has_the_state_machines_name_and_its_own() {
    let machine =
        StateMachineArn::parse("arn:aws:states:eu-central-1:111122223333:stateMachine:protect")
            .unwrap();
    let arn = machine.execution(&ExecutionName::parse("sf-a").unwrap());
    assert_eq!(
        arn.as_str(),
        "arn:aws:states:eu-central-1:111122223333:execution:protect:sf-a"
    );
}
