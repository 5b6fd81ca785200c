//! The policies for drills and for restores: what the commands ask, what their pages say, and no right to anything else.

use std::collections::BTreeSet;

use serde_json::Value;
use snapferry::app::{carry_out, drill, preflight, restore, resume};
use snapferry::ports::{CallerIdentity, ChangeDatabase, ReadFailures, StoreDrills};

use crate::document::{resources, template, text, texts};

const DRILLS: &str = "DrillsPolicy";
const RESTORES: &str = "RestoresPolicy";

/// RDS asks for these in the caller's name where it keeps a master password.
const PASSWORDS: [&str; 2] = ["secretsmanager:CreateSecret", "secretsmanager:TagResource"];
/// A drill attaches no role and turns no Data API on.
const NOT_FOR_DRILLS: [&str; 4] = [
    "rds:AddRoleToDBInstance",
    "rds:AddRoleToDBCluster",
    "rds:EnableHttpEndpoint",
    "iam:PassRole",
];
/// What the pages name beside the policies: a key of one's own for passwords.
const OWN_KEY: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];
/// The user's own function, which no template can name.
const CHECK: &str = "lambda:InvokeFunction";

fn statements(name: &str) -> Vec<Value> {
    let template = template();
    let mut all = resources(&template, "AWS::IAM::ManagedPolicy");
    let (_, policy) = all.find(|(one, _)| *one == name).unwrap();
    policy["PolicyDocument"]["Statement"]
        .as_array()
        .unwrap()
        .clone()
}

fn granted(name: &str) -> BTreeSet<String> {
    let statements = statements(name);
    let actions = statements.iter().flat_map(|one| texts(&one["Action"]));
    actions.map(ToOwned::to_owned).collect()
}

fn asked<'a>(ports: impl IntoIterator<Item = &'a &'static [&'static str]>) -> BTreeSet<String> {
    let actions = ports.into_iter().copied().flatten();
    actions
        .chain(&PASSWORDS)
        .map(|action| (*action).to_owned())
        .collect()
}

/// The words of a text that are IAM actions.
fn actions_in(text: &str) -> BTreeSet<String> {
    const SERVICES: [&str; 7] = [
        "rds:",
        "kms:",
        "dynamodb:",
        "iam:",
        "lambda:",
        "secretsmanager:",
        "sts:",
    ];
    let words = text.split('`').skip(1).step_by(2);
    let is_action = |word: &&str| {
        SERVICES.iter().any(|service| {
            let name = word.strip_prefix(service).unwrap_or_default();
            name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.chars().all(|one| one.is_ascii_alphanumeric())
        })
    };
    words.filter(is_action).map(ToOwned::to_owned).collect()
}

fn section(page: &str, title: &str) -> String {
    let page = text(page);
    let (_, rest) = page.split_once(title).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

fn with(mut actions: BTreeSet<String>, more: &[&str]) -> BTreeSet<String> {
    actions.extend(more.iter().map(|action| (*action).to_owned()));
    actions
}

#[test]
fn who_drills_may_do_what_the_command_asks_and_nothing_else() {
    let ports = [ChangeDatabase, CallerIdentity, ReadFailures, StoreDrills];
    let all = ports
        .iter()
        .chain(drill::plan::ACTIONS)
        .chain(drill::clean::ACTIONS)
        .chain(drill::remove::ACTIONS);
    let mut expected = asked(all);
    expected.retain(|action| !NOT_FOR_DRILLS.contains(&action.as_str()));
    assert_eq!(granted(DRILLS), expected);
}

#[test]
fn who_restores_may_do_what_the_command_asks_and_nothing_else() {
    let all = restore::ACTIONS
        .iter()
        .chain(resume::ACTIONS)
        .chain(preflight::ACTIONS)
        .chain(carry_out::ACTIONS);
    assert_eq!(granted(RESTORES), asked(all));
}

#[test]
fn the_page_about_drills_names_the_rights_of_their_policy() {
    let page = section("docs/DRILLS.md", "## The rights that you need\n");
    let expected = with(
        granted(DRILLS),
        &[OWN_KEY[0], OWN_KEY[1], CHECK, "iam:PassRole"],
    );
    assert_eq!(actions_in(&page), expected);
}

#[test]
fn the_page_about_restores_names_the_rights_of_their_policy() {
    let page = text("docs/RESTORE.md");
    assert_eq!(actions_in(&page), with(granted(RESTORES), &OWN_KEY));
}

fn condition(statement: &Value, key: &str) -> bool {
    statement["Condition"]["StringEquals"][key] != Value::Null
}

/// The statements that allow one of these actions on databases.
fn on_databases(name: &str, actions: &[&str]) -> Vec<Value> {
    let is_database = |resource: &Value| {
        let text = resource.to_string();
        text.contains(":db:") || text.contains(":cluster:")
    };
    let mut all = statements(name);
    all.retain(|one| {
        let is_asked = texts(&one["Action"])
            .iter()
            .any(|action| actions.contains(action));
        let resources = one["Resource"].as_array();
        is_asked && resources.is_some_and(|all| all.iter().any(is_database))
    });
    all
}

const CHANGES: [&str; 6] = [
    "rds:ModifyDBInstance",
    "rds:ModifyDBCluster",
    "rds:RebootDBInstance",
    "rds:AddRoleToDBInstance",
    "rds:AddRoleToDBCluster",
    "rds:EnableHttpEndpoint",
];
const DELETIONS: [&str; 2] = ["rds:DeleteDBInstance", "rds:DeleteDBCluster"];

#[test]
fn only_what_bears_the_mark_of_this_stack_may_be_changed_or_deleted() {
    for (name, mark) in [(DRILLS, "drill"), (RESTORES, "restored")] {
        let changes = on_databases(name, &[&CHANGES[..], &DELETIONS[..]].concat());
        assert!(!changes.is_empty(), "{name}");
        for statement in changes {
            let key = format!("aws:ResourceTag/snapferry:{mark}");
            assert!(condition(&statement, &key), "{name}: {statement}");
        }
        let tags = on_databases(name, &["rds:AddTagsToResource"]);
        assert!(!tags.is_empty(), "{name}");
        for statement in tags {
            let key = format!("aws:RequestTag/snapferry:{mark}");
            assert!(condition(&statement, &key), "{name}: {statement}");
        }
    }
}

#[test]
fn a_drill_makes_changes_and_deletes_only_what_has_the_name_of_a_drill() {
    let acts = [
        &CHANGES[..],
        &DELETIONS[..],
        &[
            "rds:RestoreDBInstanceFromDBSnapshot",
            "rds:RestoreDBClusterFromSnapshot",
            "rds:CreateDBInstance",
            "rds:AddTagsToResource",
        ],
    ];
    for statement in on_databases(DRILLS, &acts.concat()) {
        for resource in statement["Resource"].as_array().unwrap() {
            let resource = resource.to_string();
            for kind in [":db:", ":cluster:"] {
                if let Some((_, name)) = resource.split_once(kind) {
                    assert!(name.starts_with("sfd-"), "{resource}");
                }
            }
        }
    }
}

#[test]
fn no_restore_deletes_and_neither_policy_reaches_another_region_or_a_snapshot() {
    for name in [DRILLS, RESTORES] {
        for action in granted(name) {
            assert!(!action.contains('*'), "{name}: {action}");
            for kept in [
                "rds:DeleteDBSnapshot",
                "rds:DeleteDBClusterSnapshot",
                "rds:Copy",
            ] {
                assert!(!action.starts_with(kept), "{name}: {action}");
            }
            let deletes = action.contains("Delete") || action.contains("Remove");
            assert!(!deletes || name == DRILLS, "{action}");
        }
        for statement in statements(name) {
            assert_eq!(statement["Effect"], "Allow");
            let resource = statement["Resource"].to_string();
            assert!(!resource.contains(":rds:*:"), "{name}: {resource}");
        }
    }
}
