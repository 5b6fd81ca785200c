//! What each role may do: the actions of its use case's ports, as the code lists them, and no others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use snapferry::app::{measure, planner, prune, react, sweep, worker};
use snapferry::domain::doctor::permissions::StackFacts;
use snapferry::domain::id::arn::{KeyArn, Region, StateMachineArn};
use snapferry::domain::id::role::{IamRole, Role};
use snapferry::domain::id::tags::StackId;

use crate::document::{
    definition, resources, source_region, template, templates, texts, values_of,
};

/// What Lambda does in a function's name with the queue that feeds it.
const FEED: [&str; 3] = [
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
];

const FUNCTION_LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

const STATE_MACHINE_LOGS: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

/// The actions that a role needs, but to write its logs: those of its use case's ports, as the code lists them, and
/// what AWS's services do in its name.
fn needed(role: IamRole, template: &Value) -> BTreeSet<String> {
    let measures: &[&[&str]] = match role {
        IamRole::Function(Role::Sweeper) => measure::ACTIONS,
        _ => &[],
    };
    let ports = match role {
        IamRole::Function(Role::Planner) => planner::ACTIONS,
        IamRole::Function(Role::Worker) => worker::ACTIONS,
        IamRole::Function(Role::Reactor) => react::ACTIONS,
        IamRole::Function(Role::Sweeper) => sweep::ACTIONS,
        IamRole::Function(Role::Pruner) => prune::ACTIONS,
        IamRole::StateMachine => return sent_by_the_state_machine(),
    };
    let of_ports = ports.iter().chain(measures).copied().flatten().copied();
    let feed = FEED
        .into_iter()
        .filter(|_| is_fed_by_a_queue(role, template));
    of_ports.chain(feed).map(ToOwned::to_owned).collect()
}

fn is_fed_by_a_queue(role: IamRole, template: &Value) -> bool {
    let its_own = json!({"Fn::GetAtt": format!("{}.Arn", role.logical_id())});
    resources(template, "AWS::Serverless::Function")
        .filter(|(_, function)| function["Role"] == its_own)
        .flat_map(|(_, function)| function["Events"].as_object().into_iter().flatten())
        .any(|(_, event)| event["Type"] == "SQS")
}

/// The definition names an action as `sqs:sendMessage.waitForTaskToken`.
fn sent_by_the_state_machine() -> BTreeSet<String> {
    let definition = definition();
    let mut called = Vec::new();
    values_of(&definition, "Resource", &mut called);
    let actions = called.into_iter().map(|resource| {
        let resource = resource.as_str().unwrap();
        let action = resource.split(":::").nth(1).unwrap();
        let (service, name) = action.split('.').next().unwrap().split_once(':').unwrap();
        let (first, rest) = name.split_at(1);
        format!("{service}:{}{rest}", first.to_uppercase())
    });
    actions.collect()
}

/// Only these know no resource they could be limited to.
const ON_ANY_RESOURCE: [&str; 2] = ["rds:DescribeAccountAttributes", "logs:"];

fn statements(role: &Value) -> Vec<&Value> {
    let policies = role["Policies"].as_array().unwrap();
    let of = |policy: &'static str| policies.iter().filter_map(move |one| one.get(policy));
    of("PolicyDocument")
        .flat_map(|document| document["Statement"].as_array().unwrap())
        .collect()
}

fn roles(template: &Value) -> BTreeMap<&str, &Value> {
    resources(template, "AWS::IAM::Role").collect()
}

#[test]
fn each_role_may_do_its_work_and_nothing_else() {
    let template = template();
    let granted: BTreeMap<&str, BTreeSet<String>> = roles(&template)
        .into_iter()
        .map(|(name, role)| {
            let actions = statements(role)
                .into_iter()
                .flat_map(|one| texts(&one["Action"]));
            (name, actions.map(ToOwned::to_owned).collect())
        })
        .collect();
    let expected = IamRole::ALL.map(|role| {
        let logs: &[&str] = match role {
            IamRole::StateMachine => &STATE_MACHINE_LOGS,
            _ => &FUNCTION_LOGS,
        };
        let logs = logs.iter().map(ToString::to_string);
        let actions = needed(role, &template).into_iter().chain(logs);
        (role.logical_id(), actions.collect())
    });
    assert_eq!(granted, BTreeMap::from(expected));
}

#[test]
fn each_function_has_a_role_of_its_own() {
    let template = template();
    let functions = resources(&template, "AWS::Serverless::Function");
    let roles: Vec<&Value> = functions.map(|(_, function)| &function["Role"]).collect();
    let expected = ["Planner", "Pruner", "Reactor", "Sweeper", "Worker"];
    let expected = expected.map(|name| json!({"Fn::GetAtt": format!("{name}Role.Arn")}));
    assert_eq!(roles, expected.iter().collect::<Vec<_>>());
}

#[test]
fn the_pruner_alone_may_delete_and_nobody_may_do_anything_by_wildcard() {
    for template in [template(), source_region()] {
        for (name, role) in roles(&template) {
            for statement in statements(role) {
                let is_pruners = name == "PrunerRole";
                assert!(statement["Effect"] == "Allow" || is_pruners, "{name}");
                assert_eq!(statement["NotAction"], Value::Null);
                assert_eq!(statement["NotResource"], Value::Null);
                for action in texts(&statement["Action"]) {
                    assert!(!action.starts_with("rds:Delete") || is_pruners, "{action}");
                    assert!(!action.contains('*'), "{action}");
                }
            }
        }
    }
}

/// What can both tag and delete could delete anything.
#[test]
fn the_pruner_deletes_only_what_bears_the_stacks_tag_and_name_and_nothing_that_is_held() {
    let template = template();
    let pruner = statements(roles(&template)["PrunerRole"]);
    let tag = json!({"Fn::If": ["StackIdIsGiven", {"Ref": "StackId"}, {"Ref": "AWS::StackName"}]});
    for (action, kind, key) in [
        ("rds:DeleteDBSnapshot", "snapshot", "rds:snapshot-tag"),
        (
            "rds:DeleteDBClusterSnapshot",
            "cluster-snapshot",
            "rds:cluster-snapshot-tag",
        ),
    ] {
        let about = |effect: &str| {
            let found = pruner
                .iter()
                .filter(|one| one["Effect"] == effect && texts(&one["Action"]).contains(&action));
            found.copied().collect::<Vec<&Value>>()
        };
        let (allows, denies) = (about("Allow"), about("Deny"));
        // By each key, in the recovery region and in the source regions.
        assert_eq!((allows.len(), denies.len()), (4, 2), "{action}");
        for (nth, key) in [key, "aws:ResourceTag"].into_iter().enumerate() {
            let (allow, at_source, deny) = (allows[nth], allows[nth + 2], denies[nth]);
            let by_tag = format!("{key}/snapferry:stack");
            let expected = json!({"StringEquals": {by_tag.clone(): tag.clone()}});
            assert_eq!(allow["Condition"], expected);
            let expected = json!({"StringEquals": {
                by_tag: tag.clone(), "aws:RequestedRegion": {"Ref": "SourceRegions"}
            }});
            assert_eq!(at_source["Condition"], expected);
            for (allow, place) in [(allow, ":${AWS::Region}:"), (at_source, ":rds:*:")] {
                let resource = allow["Resource"]["Fn::Sub"].as_str().unwrap();
                assert!(resource.ends_with(&format!(":{kind}:sf-*")), "{resource}");
                assert!(resource.contains(place), "{resource}");
            }
            assert_eq!(deny["Resource"], "*");
            // There, whatever its value is.
            let expected = json!({"Null": {format!("{key}/snapferry:hold"): "false"}});
            assert_eq!(deny["Condition"], expected);
        }
    }
    for action in pruner.iter().flat_map(|one| texts(&one["Action"])) {
        for verb in [
            "Add", "Remove", "Copy", "Create", "Modify", "Restore", "Share",
        ] {
            assert!(!action.starts_with(&format!("rds:{verb}")), "{action}");
        }
    }
}

#[test]
fn only_what_knows_no_resource_is_allowed_on_any() {
    let template = template();
    for (name, role) in roles(&template) {
        let on_any = statements(role)
            .into_iter()
            .filter(|one| one["Resource"] == "*");
        for statement in on_any.filter(|one| one["Effect"] == "Allow") {
            for action in texts(&statement["Action"]) {
                let expected = ON_ANY_RESOURCE
                    .iter()
                    .any(|known| action.starts_with(known));
                assert!(expected, "{name} may {action} on anything");
            }
        }
    }
}

/// RDS shows a snapshot's tags to some roles only if they may list them, and a snapshot of ours is known by its tags.
#[test]
fn a_role_that_reads_snapshots_may_list_the_tags_of_those_that_bear_our_name() {
    let template = template();
    for role in Role::ALL {
        let role = IamRole::Function(role).logical_id();
        let all = statements(roles(&template)[role]);
        let describes = all
            .iter()
            .flat_map(|one| texts(&one["Action"]))
            .filter(|action| *action == "rds:DescribeDBSnapshots");
        let lists = all
            .iter()
            .filter(|one| texts(&one["Action"]).contains(&"rds:ListTagsForResource"));
        let lists: Vec<&&Value> = lists.collect();
        // The pruner has a statement for the recovery region and one for the source regions.
        assert!(
            !lists.is_empty() && lists.len() <= describes.count(),
            "{role}"
        );
        for statement in lists {
            let resources = statement["Resource"].as_array().unwrap();
            let kinds = resources.iter().map(|resource| {
                let arn = resource["Fn::Sub"].as_str().unwrap();
                arn.split_once("${AWS::AccountId}:").unwrap().1
            });
            let kinds: Vec<&str> = kinds.collect();
            assert_eq!(kinds, ["snapshot:sf-*", "cluster-snapshot:sf-*"], "{role}");
        }
    }
}

#[test]
fn the_worker_makes_and_tags_only_what_bears_the_stacks_tag_and_name() {
    let template = template();
    let worker = statements(roles(&template)["WorkerRole"]);
    let tag = json!({"Fn::If": ["StackIdIsGiven", {"Ref": "StackId"}, {"Ref": "AWS::StackName"}]});
    for action in [
        "rds:CreateDBSnapshot",
        "rds:CreateDBClusterSnapshot",
        "rds:AddTagsToResource",
    ] {
        let statement = granting(&worker, action);
        let condition = &statement["Condition"]["StringEquals"];
        assert_eq!(condition["aws:RequestTag/snapferry:stack"], tag, "{action}");
        let resources = statement["Resource"].to_string();
        for kind in ["snapshot", "cluster-snapshot"] {
            assert!(resources.contains(&format!(":{kind}:sf-*")), "{action}");
            assert!(!resources.contains(&format!(":{kind}:*")), "{action}");
        }
    }
}

/// The one statement that grants an action.
fn granting<'a>(statements: &[&'a Value], action: &str) -> &'a Value {
    let grants = |one: &&&Value| texts(&one["Action"]).contains(&action);
    let mut found = statements.iter().filter(grants);
    let statement = found.next().unwrap();
    assert_eq!(found.next(), None, "{action}");
    statement
}

/// Many organisations refuse a role without its boundary or outside its path.
#[test]
fn each_role_takes_the_boundary_and_the_path_that_the_organisation_asks_for() {
    for (_, template) in templates() {
        for (name, role) in roles(&template) {
            assert_eq!(role["Path"], json!({"Ref": "RolePath"}), "{name}");
            let boundary = json!({"Fn::If": [
                "BoundaryIsGiven", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}
            ]});
            assert_eq!(role["PermissionsBoundary"], boundary, "{name}");
        }
    }
}

/// Lambda makes the functions' network interfaces in the name of their roles.
#[test]
fn the_functions_roles_alone_may_stand_in_a_vpc() {
    for (name, role) in roles(&template()) {
        let managed = &role["ManagedPolicyArns"]["Fn::If"];
        let is_a_functions = name != "StateMachineRole";
        assert_eq!(managed[0] == "SubnetsAreGiven", is_a_functions, "{name}");
        assert_eq!(
            managed
                .to_string()
                .contains("AWSLambdaVPCAccessExecutionRole"),
            is_a_functions
        );
    }
}

#[test]
fn the_worker_uses_the_source_keys_that_the_stack_was_given_and_no_others() {
    let template = template();
    let worker = statements(roles(&template)["WorkerRole"]);
    let on_sources = worker
        .iter()
        .filter(|one| one["Resource"]["Fn::If"][0] == "SourceKeysAreGiven");
    let actions: Vec<_> = on_sources
        .map(|one| {
            assert_eq!(
                one["Resource"]["Fn::If"][1],
                json!({"Ref": "SourceKeyArns"})
            );
            one["Action"].as_str().unwrap()
        })
        .collect();
    assert_eq!(actions, ["kms:DescribeKey", "kms:CreateGrant"]);
}

#[test]
fn a_role_may_do_the_same_with_clusters_as_with_instances() {
    const PAIRS: [(&str, &str); 4] = [
        ("rds:DescribeDBInstances", "rds:DescribeDBClusters"),
        ("rds:DescribeDBSnapshots", "rds:DescribeDBClusterSnapshots"),
        ("rds:CreateDBSnapshot", "rds:CreateDBClusterSnapshot"),
        ("rds:CopyDBSnapshot", "rds:CopyDBClusterSnapshot"),
    ];
    let template = template();
    let mut granted = 0;
    for role in roles(&template).values() {
        for statement in statements(role) {
            let actions = texts(&statement["Action"]);
            let resources = statement["Resource"].to_string();
            for (of_instances, of_clusters) in PAIRS {
                if !actions.contains(&of_instances) {
                    continue;
                }
                granted += 1;
                assert!(actions.contains(&of_clusters), "{of_clusters}");
                for (kind, of_cluster) in
                    [(":db:", ":cluster:"), (":snapshot:", ":cluster-snapshot:")]
                {
                    let (kind, of_cluster) =
                        (resources.contains(kind), resources.contains(of_cluster));
                    assert_eq!(kind, of_cluster, "{of_clusters}: {resources}");
                }
            }
        }
    }
    assert_eq!(
        granted, 11,
        "planner (2), worker (3), reactor (2), sweeper, pruner (3)"
    );
}

#[test]
fn keys_are_lent_to_rds_alone() {
    let template = template();
    let worker = statements(roles(&template)["WorkerRole"]);
    let lending: Vec<_> = worker
        .into_iter()
        .filter(|one| one["Action"] == "kms:CreateGrant")
        .collect();
    assert_eq!(lending.len(), 2);
    for statement in lending {
        let condition = &statement["Condition"];
        assert_eq!(condition["Bool"]["kms:GrantIsForAWSResource"], "true");
        let mut via = Vec::new();
        values_of(condition, "kms:ViaService", &mut via);
        assert!(via[0].to_string().contains("rds."), "{via:?}");
    }
}

#[test]
fn the_forwarding_role_may_put_events_on_one_bus() {
    let template = source_region();
    let role = roles(&template)["ForwardingRole"];
    let statements = statements(role);
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0]["Action"], "events:PutEvents");
    let (_, rule) = resources(&template, "AWS::Events::Rule").next().unwrap();
    assert_eq!(statements[0]["Resource"], rule["Targets"][0]["Arn"]);
}

#[test]
fn the_doctor_simulates_all_that_each_role_may_do_but_to_write_its_logs() {
    let stack_facts = StackFacts {
        stack: StackId::parse("prod").unwrap(),
        home: Region::parse("eu-central-1").unwrap(),
        source_regions: vec![Region::parse("eu-west-1").unwrap()],
        table: "table".to_owned(),
        state_machine: StateMachineArn::parse(
            "arn:aws:states:eu-central-1:111122223333:stateMachine:protect",
        )
        .unwrap(),
        key: KeyArn::parse("arn:aws:kms:eu-central-1:111122223333:key/1").unwrap(),
        source_keys: Vec::new(),
        commands_queue: "arn:aws:sqs:eu-central-1:111122223333:commands".to_owned(),
        events_queue: "arn:aws:sqs:eu-central-1:111122223333:events".to_owned(),
    };
    let template = template();
    for role in IamRole::ALL {
        let simulated: BTreeSet<String> = stack_facts
            .requirements(role, std::slice::from_ref(&stack_facts.key))
            .into_iter()
            .flat_map(|requirement| requirement.actions)
            .map(ToOwned::to_owned)
            .collect();
        assert_eq!(simulated, needed(role, &template), "{role}");
    }
}

/// Without them the simulator would find a condition unmet that every real call meets.
#[test]
fn the_doctor_says_to_the_simulator_what_the_templates_conditions_ask_for() {
    let template = template();
    let mut keys = Vec::new();
    for role in roles(&template).values() {
        for statement in statements(role) {
            // What a statement denies, the simulator need not know of.
            let conditions = statement["Condition"].as_object();
            let conditions = conditions.filter(|_| statement["Effect"] == "Allow");
            for test in conditions.into_iter().flatten() {
                keys.extend(test.1.as_object().unwrap().keys().cloned());
            }
        }
    }
    let page = include_str!("../../src/domain/doctor/permissions.rs");
    assert!(!keys.is_empty());
    for key in keys {
        assert!(page.contains(&format!("\"{key}\"")), "{key}");
    }
}
