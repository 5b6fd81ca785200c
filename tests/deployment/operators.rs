//! The policies for people: what the commands ask, as the code lists it, and nothing that deletes a snapshot.

use std::collections::BTreeSet;

use serde_json::Value;
use snapferry::app::{
    catalog, doctor, drain, plan_preview, planner, policies, preflight, prune_preview, redrive,
    replay, restore, resume, status, stop, trace,
};
use snapferry::ports::{
    CallerIdentity, DescribeStack, HoldSnapshots, InvokePruner, ListOpen, ReadFreeze,
    ReadLearntLimit, ReadPolicies, ReadPolicyHistory, SetFreeze,
};

use crate::document::{resources, template, texts};

type Ports = [&'static [&'static str]];

/// The commands that only look, and what `--stack` asks.
const LOOKS: [&Ports; 11] = [
    &[DescribeStack, ReadPolicies, ReadPolicyHistory],
    &[ListOpen, ReadLearntLimit],
    catalog::ACTIONS,
    doctor::ACTIONS,
    plan_preview::ACTIONS,
    preflight::ACTIONS,
    prune_preview::ACTIONS,
    restore::ACTIONS,
    resume::ACTIONS,
    status::ACTIONS,
    trace::ACTIONS,
];

/// Those that act.
const ACTS: [&Ports; 7] = [
    &[
        HoldSnapshots,
        InvokePruner,
        ReadFreeze,
        SetFreeze,
        CallerIdentity,
    ],
    drain::ACTIONS,
    planner::ACTIONS,
    policies::ACTIONS,
    redrive::ACTIONS,
    replay::ACTIONS,
    stop::ACTIONS,
];

/// Only these know no resource they could be limited to: DescribeStacks where it lists, as the doctor has it.
const ON_ANY_RESOURCE: [&str; 6] = [
    "cloudformation:DescribeStacks",
    "rds:DescribeAccountAttributes",
    "rds:DescribeDBEngineVersions",
    "rds:DescribeOrderableDBInstanceOptions",
    "events:ListRuleNamesByTarget",
    "sqs:ListQueues",
];

/// A trace asks the port that starts executions for their states only.
const ONLY_ASKED: &str = "states:StartExecution";

fn asked(commands: &[&Ports]) -> BTreeSet<&'static str> {
    let ports = commands.iter().copied().flatten();
    ports.copied().flatten().copied().collect()
}

fn statements(name: &str) -> Vec<Value> {
    let template = template();
    let mut all = resources(&template, "AWS::IAM::ManagedPolicy");
    let (_, policy) = all.find(|(one, _)| *one == name).unwrap();
    let statements = policy["PolicyDocument"]["Statement"].as_array();
    statements.unwrap().clone()
}

fn granted(name: &str) -> BTreeSet<String> {
    let statements = statements(name);
    let actions = statements.iter().flat_map(|one| texts(&one["Action"]));
    actions.map(ToOwned::to_owned).collect()
}

fn owned(actions: impl Iterator<Item = &'static str>) -> BTreeSet<String> {
    actions.map(ToOwned::to_owned).collect()
}

#[test]
fn readers_may_do_what_the_commands_that_look_ask_and_nothing_else() {
    let looks = asked(&LOOKS);
    let expected = looks.iter().copied().filter(|action| *action != ONLY_ASKED);
    assert_eq!(granted("ReadersPolicy"), owned(expected));
}

#[test]
fn operators_may_do_beside_it_what_the_commands_that_act_ask_and_nothing_else() {
    let looks = granted("ReadersPolicy");
    let acts = asked(&ACTS);
    let expected = acts
        .iter()
        .copied()
        .filter(|action| !looks.contains(*action));
    assert_eq!(granted("OperatorsPolicy"), owned(expected));
}

#[test]
fn no_person_gets_a_right_to_delete_or_copy_a_snapshot_to_end_a_task_or_anything_by_wildcard() {
    for name in ["ReadersPolicy", "OperatorsPolicy"] {
        for action in granted(name) {
            assert!(!action.contains('*'), "{name}: {action}");
            for kept in [
                "rds:Delete",
                "rds:Copy",
                "rds:Create",
                "rds:Modify",
                "rds:Restore",
                "kms:Decrypt",
                "states:SendTaskSuccess",
                "states:SendTaskFailure",
                "iam:Pass",
            ] {
                assert!(!action.starts_with(kept), "{name}: {action}");
            }
        }
        for statement in statements(name) {
            assert_eq!(statement["Effect"], "Allow");
            assert_eq!(statement["NotAction"], Value::Null);
            assert_eq!(statement["NotResource"], Value::Null);
            if statement["Resource"] == "*" {
                let action = statement["Action"].as_str().unwrap();
                assert!(ON_ANY_RESOURCE.contains(&action), "{name}: {action}");
            }
        }
    }
}
