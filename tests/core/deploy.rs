//! Deploying: what is refused, what is uploaded, what CloudFormation is asked for, and in which order.

use std::collections::BTreeMap;
use std::fs;

use jiff::Timestamp;
use snapferry::app::deploy::{
    ACTIONS, Code, Compared, DeployError, Deployment, Refused, Step, abandon, act, look,
};
use snapferry::domain::deploy::changes::{Act, ResourceChange, loses_data, sentences};
use snapferry::domain::deploy::defaults::{parameter_defaults, parameter_names};
use snapferry::domain::deploy::names::{Account, Bucket, Email, StackName, TopicArn};
use snapferry::domain::deploy::package::{Templates, packaged};
use snapferry::domain::deploy::request::{Architecture, DeployRequest, RequestFault};
use snapferry::domain::deploy::rights::KINDS;
use snapferry::domain::deploy::stack::{StackFacts, Template, why_not};
use snapferry::domain::doctor::keys::{KeyFacts, KeyState, Manager};
use snapferry::domain::id::arn::{KeyArn, Region};
use snapferry::fake::Deployments;

use crate::world::run;

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1111";

pub(crate) fn region(name: &str) -> Region {
    Region::parse(name).unwrap()
}

pub(crate) fn home() -> Region {
    region("eu-central-1")
}

pub(crate) fn stack() -> StackName {
    StackName::parse("snapferry").unwrap()
}

pub(crate) fn request() -> DeployRequest {
    DeployRequest {
        recovery: home(),
        sources: vec![region("eu-west-1"), region("eu-north-1")],
        stack: stack(),
        key: Some(KeyArn::parse(KEY).unwrap()),
        topic: None,
        email: None,
        bucket: None,
        parameters: BTreeMap::new(),
        believes_rights: false,
    }
}

fn code() -> Code {
    Code {
        zip: b"a zip".to_vec(),
        architecture: Architecture::Arm64,
        parts: BTreeMap::new(),
    }
}

pub(crate) fn world() -> Deployments {
    let arn = KeyArn::parse(KEY).unwrap();
    let key = KeyFacts {
        arn,
        state: KeyState::Enabled,
        manager: Manager::Customer,
        symmetric: true,
    };
    let now = Timestamp::from_second(1_764_000_000).unwrap();
    let mut world = Deployments::of("arn:aws:sts::111122223333:assumed-role/deployer/me", now);
    world.keys.insert(KEY.to_owned(), key);
    let role = "arn:aws:iam::111122223333:role/people/deployer";
    world.roles.insert("deployer".to_owned(), role.to_owned());
    world
}

pub(crate) fn looked(
    world: &Deployments,
    request: DeployRequest,
) -> Result<Deployment, DeployError> {
    run(look(
        world,
        request,
        Templates::carried(),
        &code(),
        &mut |_| {},
    ))
}

pub(crate) fn deployed(world: &Deployments, request: DeployRequest) {
    let deployment = looked(world, request).unwrap();
    run(act(world, deployment, false, &mut |_| {})).unwrap();
}

pub(crate) fn refused(world: &Deployments, request: DeployRequest) -> Vec<String> {
    match looked(world, request) {
        Err(DeployError::Refused(all)) => all.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_recovery_regions_stack_is_made_first_and_then_each_source_regions() {
    let world = world();
    let deployment = looked(&world, request()).unwrap();
    assert_eq!(world.executed(), []);
    let all: Vec<(&str, &str)> = deployment
        .stacks
        .iter()
        .map(|plan| (plan.region.as_str(), plan.name.as_str()))
        .collect();
    let expected = [
        ("eu-central-1", "snapferry"),
        ("eu-west-1", "snapferry-source"),
        ("eu-north-1", "snapferry-source"),
    ];
    assert_eq!(all, expected);
    let is_made = |compared: &Compared| matches!(compared, Compared::Makes(..));
    assert!(deployment.stacks.iter().all(|plan| is_made(&plan.compared)));

    run(act(&world, deployment, false, &mut |_| {})).unwrap();
    let executed = world.executed();
    let executed: Vec<(&str, &str)> = executed
        .iter()
        .map(|(region, name)| (region.as_str(), name.as_str()))
        .collect();
    assert_eq!(executed, expected);
    let made = world.stack(&home(), &stack()).unwrap();
    assert_eq!(made.parameters["SourceRegions"], "eu-west-1,eu-north-1");
    assert_eq!(made.parameters["RecoveryKeyArn"], KEY);
    assert_eq!(made.parameters["Architecture"], "arm64");
    let source = world
        .stack(&region("eu-west-1"), &stack().of_source())
        .unwrap();
    assert_eq!(source.parameters["RecoveryRegion"], "eu-central-1");
}

#[test]
fn a_second_run_without_a_change_changes_nothing() {
    let world = world();
    deployed(&world, request());
    let objects = world.objects();
    let again = looked(&world, request()).unwrap();
    assert!(!again.changes_anything());
    assert_eq!(world.open_change_sets(), 0);
    assert_eq!(world.objects(), objects);
}

#[test]
fn an_update_keeps_the_parameters_that_nobody_names() {
    let world = world();
    let first = DeployRequest {
        parameters: BTreeMap::from([("CopySlots".to_owned(), "7".to_owned())]),
        ..request()
    };
    deployed(&world, first);
    let second = DeployRequest {
        key: None,
        topic: Some(TopicArn::parse("arn:aws:sns:eu-central-1:111122223333:alarms").unwrap()),
        ..request()
    };
    deployed(&world, second);
    let now = world.stack(&home(), &stack()).unwrap();
    assert_eq!(now.parameters["CopySlots"], "7");
    assert_eq!(now.parameters["RecoveryKeyArn"], KEY);
    assert_eq!(
        now.parameters["AlarmTopicArn"],
        "arn:aws:sns:eu-central-1:111122223333:alarms"
    );
}

#[test]
fn the_bucket_holds_code_definition_and_template_under_names_by_content() {
    let world = world();
    deployed(&world, request());
    let objects = world.objects();
    let bucket = "snapferry-deployments-111122223333-eu-central-1/snapferry/";
    assert_eq!(objects.len(), 3, "{:?}", objects.keys());
    assert!(objects.keys().all(|key| key.starts_with(bucket)));
    let template = objects
        .iter()
        .find(|(key, _)| key.ends_with(".yaml"))
        .unwrap();
    let template = String::from_utf8(template.1.clone()).unwrap();
    for key in objects.keys() {
        let is_template = key.ends_with(".yaml");
        assert_eq!(
            template.contains(&format!("s3://{key}")),
            !is_template,
            "{key}"
        );
    }
    assert!(!template.contains("CodeUri: target/function"));
}

#[test]
fn what_is_not_carried_out_leaves_nothing_behind() {
    let world = world();
    let deployment = looked(&world, request()).unwrap();
    assert_eq!(world.open_change_sets(), 3);
    run(abandon(&world, &deployment)).unwrap();
    assert_eq!(world.open_change_sets(), 0);
    assert_eq!(world.stack(&home(), &stack()), None);
    // A stack that exists stays, and only its change set goes.
    deployed(&world, request());
    let changed = DeployRequest {
        parameters: BTreeMap::from([("CopySlots".to_owned(), "3".to_owned())]),
        ..request()
    };
    let deployment = looked(&world, changed).unwrap();
    run(abandon(&world, &deployment)).unwrap();
    let now = world.stack(&home(), &stack()).unwrap();
    assert_eq!(now.status, "CREATE_COMPLETE");
    assert!(!now.parameters.contains_key("CopySlots"));
}

#[test]
fn everything_that_is_wrong_with_a_request_is_said_at_once_and_nothing_is_asked() {
    let world = Deployments::default();
    let wrong = DeployRequest {
        sources: vec![home()],
        key: Some(KeyArn::parse("arn:aws:kms:eu-west-1:111122223333:key/1111").unwrap()),
        topic: Some(TopicArn::parse("arn:aws:sns:eu-west-1:111122223333:alarms").unwrap()),
        parameters: BTreeMap::from([
            ("SourceRegions".to_owned(), "eu-west-1".to_owned()),
            ("CopySlot".to_owned(), "7".to_owned()),
        ]),
        ..request()
    };
    let faults = refused(&world, wrong);
    assert_eq!(faults.len(), 5, "{faults:#?}");
    let none = DeployRequest {
        sources: Vec::new(),
        ..request()
    };
    let names = parameter_names(&Templates::carried().recovery).join(" ");
    let names: Vec<&str> = names.split(' ').collect();
    assert_eq!(none.faults(&names), [RequestFault::NoSource]);
}

#[test]
fn a_key_that_cannot_encrypt_is_refused_before_anything_is_made() {
    let mut world = world();
    world.keys.get_mut(KEY).unwrap().state = KeyState::Disabled;
    assert!(refused(&world, request())[0].contains("Disabled"));
    world.keys.clear();
    assert!(refused(&world, request())[0].contains("no such key"));
    assert_eq!(world.objects(), BTreeMap::new());
}

#[test]
fn another_products_stack_is_not_touched() {
    let world = world();
    let foreign = StackFacts {
        status: "CREATE_COMPLETE".to_owned(),
        ..StackFacts::default()
    };
    world.put_stack(&home(), &stack(), foreign.clone());
    let of_another_snapferry = StackFacts {
        outputs: BTreeMap::from([("ForwardingRuleArn".to_owned(), "arn".to_owned())]),
        parameters: BTreeMap::from([("RecoveryRegion".to_owned(), "us-east-1".to_owned())]),
        ..foreign
    };
    world.put_stack(
        &region("eu-west-1"),
        &stack().of_source(),
        of_another_snapferry,
    );
    let faults = refused(&world, request());
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(faults[0].contains("another product"));
    assert!(faults[1].contains("us-east-1"));
}

#[test]
fn a_stack_that_cannot_be_changed_now_says_what_to_do() {
    let cases = [
        ("UPDATE_IN_PROGRESS", "wait"),
        ("ROLLBACK_COMPLETE", "delete it"),
        ("UPDATE_ROLLBACK_FAILED", "continue its rollback"),
    ];
    for (status, advice) in cases {
        let stack = StackFacts {
            status: status.to_owned(),
            outputs: BTreeMap::from([
                ("StackRegion".to_owned(), String::new()),
                ("TableName".to_owned(), String::new()),
            ]),
            ..StackFacts::default()
        };
        let why = why_not(Some(&stack), &Template::Recovery).unwrap();
        assert!(why.contains(advice), "{why}");
    }
}

#[test]
fn a_region_that_fails_is_reported_with_its_first_reasons_and_the_rest_is_left_alone() {
    let mut world = world();
    world.fails_in.insert(region("eu-west-1"));
    let deployment = looked(&world, request()).unwrap();
    let mut said = Vec::new();
    let failed = run(act(&world, deployment, false, &mut |step| {
        if let Step::Said(region, event) = step {
            said.push(format!("{region} {} {}", event.resource, event.status));
        }
    }));
    let Err(DeployError::Failed {
        region: of,
        reasons,
        ..
    }) = failed
    else {
        panic!("{failed:?}")
    };
    assert_eq!(of, region("eu-west-1"));
    assert_eq!(reasons, ["Worker: a reason"]);
    assert!(
        said.contains(&"eu-central-1 snapferry CREATE_COMPLETE".to_owned()),
        "{said:?}"
    );
    assert_eq!(world.executed().len(), 2);
    assert_eq!(world.open_change_sets(), 0);
    assert_eq!(
        world.stack(&region("eu-north-1"), &stack().of_source()),
        None
    );
}

#[test]
fn wherever_cloudformation_gives_no_answer_no_change_set_of_a_later_region_stays_behind() {
    let mut failed = 0;
    for at in 0..40 {
        let world = world();
        let deployment = looked(&world, request()).unwrap();
        world.unanswered_after.set(Some(at));
        let acted = run(act(&world, deployment, false, &mut |_| {}));
        if acted.is_ok() {
            continue;
        }
        failed += 1;
        // The one of the region at hand has begun, or may have.
        assert!(world.open_change_sets() <= 1, "{at}");
    }
    assert!(failed > 3, "{failed}");
}

#[test]
fn a_change_set_that_cloudformation_refuses_says_why() {
    let mut world = world();
    world
        .refuses_in
        .insert(region("eu-north-1"), "no such thing".to_owned());
    let failed = looked(&world, request());
    assert!(
        matches!(&failed, Err(DeployError::ChangeSet { why, .. }) if why == "no such thing"),
        "{failed:?}"
    );
    // The change sets of the regions before it are gone too.
    assert_eq!(world.open_change_sets(), 0);
    assert_eq!(world.stack(&home(), &stack()), None);
}

#[test]
fn the_queue_of_rds_own_subscriptions_reaches_the_source_regions_in_the_same_run() {
    let world = world();
    let with = DeployRequest {
        parameters: BTreeMap::from([("EventSubscriptions".to_owned(), "yes".to_owned())]),
        ..request()
    };
    deployed(&world, with.clone());
    let source = world
        .stack(&region("eu-west-1"), &stack().of_source())
        .unwrap();
    assert_eq!(
        source.parameters["EventsQueueArn"],
        "arn:aws:sqs:eu-central-1:111122223333:events"
    );
    assert!(!looked(&world, with).unwrap().changes_anything());
    assert_eq!(world.open_change_sets(), 0);
}

/// The source regions are compared anew once their queue is known. The recovery region is deployed by then.
#[test]
fn what_only_the_second_comparison_would_lose_is_refused_and_what_was_deployed_stays() {
    let world = world();
    deployed(&world, request());
    let with = DeployRequest {
        parameters: BTreeMap::from([("EventSubscriptions".to_owned(), "yes".to_owned())]),
        ..request()
    };
    let queue = ResourceChange {
        name: "DeadLetterQueue".to_owned(),
        kind: "AWS::SQS::Queue".to_owned(),
        act: Act::Replace,
    };
    let executed = world.executed().len();
    let deployment = looked(&world, with).unwrap();
    let refused = run(act(&world, deployment, false, &mut |step| {
        if matches!(step, Step::Acting(..)) {
            let changes = BTreeMap::from([(region("eu-west-1"), vec![queue.clone()])]);
            world.changes.replace(changes);
        }
    }));
    assert!(
        matches!(&refused, Err(DeployError::Refused(why)) if matches!(why[..], [Refused::Loss { .. }])),
        "{refused:?}"
    );
    assert_eq!(
        (world.executed().len(), world.open_change_sets()),
        (executed + 1, 0)
    );
    let home = world.stack(&home(), &stack()).unwrap();
    assert_eq!(home.parameters["EventSubscriptions"], "yes");
}

#[test]
fn a_region_that_is_no_source_any_more_is_named() {
    let world = world();
    deployed(&world, request());
    let fewer = DeployRequest {
        sources: vec![region("eu-west-1")],
        ..request()
    };
    let deployment = looked(&world, fewer).unwrap();
    assert_eq!(deployment.left_behind, ["eu-north-1"]);
    // Its databases would no longer be protected, so that is carried out only if it is accepted.
    let refused = run(act(&world, deployment, false, &mut |_| {}));
    assert!(
        matches!(&refused, Err(DeployError::Refused(why)) if matches!(why[..], [Refused::RegionDropped { .. }])),
        "{refused:?}"
    );
    let now = world.stack(&home(), &stack()).unwrap();
    assert_eq!(now.parameters["SourceRegions"], "eu-west-1,eu-north-1");
    assert_eq!(world.open_change_sets(), 0);
}

#[test]
fn an_address_or_a_topic_makes_the_alarms_notify_and_stays() {
    let world = world();
    assert!(!looked(&world, request()).unwrap().alarms_notify);
    let with = DeployRequest {
        email: Some(Email::parse("you@example.com").unwrap()),
        ..request()
    };
    deployed(&world, with);
    let now = world.stack(&home(), &stack()).unwrap();
    assert_eq!(now.parameters["AlarmEmail"], "you@example.com");
    assert!(looked(&world, request()).unwrap().alarms_notify);
    for wrong in ["you", "you@example", "@example.com", "y ou@example.com"] {
        assert!(Email::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_change_that_loses_data_comes_first_and_is_known_as_such() {
    let change = |name: &str, kind: &str, act| ResourceChange {
        name: name.to_owned(),
        kind: kind.to_owned(),
        act,
    };
    let changes = [
        change("Worker", "AWS::Lambda::Function", Act::Change),
        change("A", "AWS::CloudWatch::Alarm", Act::Make),
        change("B", "AWS::CloudWatch::Alarm", Act::Make),
        change("Table", "AWS::DynamoDB::Table", Act::Replace),
        change("Old", "AWS::CloudWatch::Alarm", Act::Remove),
    ];
    let expected = [
        "replaces the table Table: open waits and the catalog would be lost",
        "changes the function Worker",
        "removes the alarm Old",
        "makes 2 alarms",
    ];
    assert_eq!(sentences(&changes), expected);
    assert!(loses_data(&changes));
    assert!(!loses_data(&changes[..3]));
    let may_replace = [change("Table", "AWS::DynamoDB::Table", Act::MayReplace)];
    assert!(sentences(&may_replace)[0].contains("would be lost"));
    assert!(loses_data(&may_replace));
}

/// A YAML reader is the other opinion on the names.
#[test]
fn the_parameters_of_the_templates_are_known_by_name() {
    for file in [
        "template.yaml",
        "source-region.yaml",
        "restore.yaml",
        "report.yaml",
    ] {
        let text = fs::read_to_string(file).unwrap();
        let template: serde_norway::Value = serde_norway::from_str(&text).unwrap();
        let parameters = template["Parameters"].as_mapping().unwrap();
        let expected: Vec<&str> = parameters.keys().map(|key| key.as_str().unwrap()).collect();
        assert_eq!(parameter_names(&text), expected);
        let word = |value: &serde_norway::Value| match value {
            serde_norway::Value::String(text) => text.clone(),
            other => other.as_i64().unwrap().to_string(),
        };
        let expected: BTreeMap<&str, String> = parameters
            .iter()
            .filter_map(|(name, it)| Some((name.as_str().unwrap(), word(it.get("Default")?))))
            .collect();
        let known = parameter_defaults(&text);
        let known: BTreeMap<&str, String> = known
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        assert_eq!(known, expected);
    }
}

#[test]
fn the_rights_that_a_deployment_needs_are_documented() {
    let page = fs::read_to_string("docs/DEPLOY.md").unwrap();
    for action in ACTIONS.iter().copied().flatten() {
        assert!(page.contains(&format!("`{action}`")), "{action}");
    }
    for row in &KINDS {
        let line = page.lines().find(|line| {
            let rest = line.strip_prefix("| `").unwrap_or_default();
            rest.starts_with(&format!("{}`", row.kind))
        });
        let line = line.unwrap_or_else(|| panic!("no row for {}", row.kind));
        for action in row.actions {
            assert!(line.contains(&format!("`{action}`")), "{action}");
        }
    }
}

#[test]
fn another_template_is_not_packaged() {
    assert!(packaged("Resources: {}", "s3://a/b", "s3://a/c").is_err());
}

#[test]
fn the_architecture_is_read_from_the_programs_header() {
    let mut program = b"\x7fELF\x02\x01".to_vec();
    program.resize(18, 0);
    let of = |machine: [u8; 2]| Architecture::of_program(&[program.as_slice(), &machine].concat());
    assert_eq!(of([183, 0]), Some(Architecture::Arm64));
    assert_eq!(of([62, 0]), Some(Architecture::X86));
    assert_eq!(of([3, 0]), None);
    assert_eq!(Architecture::of_program(b"#!/bin/sh"), None);
}

#[test]
fn a_deployments_own_bucket_is_named_after_account_and_region() {
    let account = Account::of_caller("arn:aws:iam::111122223333:user/me").unwrap();
    let longest = region("ap-southeast-10");
    let bucket = Bucket::of_deployments(&account, &longest);
    assert!(Bucket::parse(bucket.as_str()).is_ok(), "{bucket}");
    assert_eq!(Account::of_caller("nobody"), None);
}

#[test]
fn what_would_lose_data_is_carried_out_only_if_that_is_accepted() {
    let world = world();
    deployed(&world, request());
    let table = ResourceChange {
        name: "Table".to_owned(),
        kind: "AWS::DynamoDB::Table".to_owned(),
        act: Act::Replace,
    };
    let changes = BTreeMap::from([(home(), vec![table])]);
    world.changes.replace(changes);
    let changed = DeployRequest {
        parameters: BTreeMap::from([("TableName".to_owned(), "other".to_owned())]),
        ..request()
    };
    let executed = world.executed().len();
    let deployment = looked(&world, changed.clone()).unwrap();
    let refused = run(act(&world, deployment, false, &mut |_| {}));
    assert!(
        matches!(&refused, Err(DeployError::Refused(why)) if matches!(why[..], [Refused::Loss { .. }]))
    );
    assert_eq!(
        (world.executed().len(), world.open_change_sets()),
        (executed, 0)
    );
    let deployment = looked(&world, changed).unwrap();
    run(act(&world, deployment, true, &mut |_| {})).unwrap();
    assert_eq!(world.executed().len(), executed + 1);
}

#[test]
fn a_new_stack_without_a_key_makes_its_own_and_an_update_checks_that_one() {
    let own = "arn:aws:kms:eu-central-1:111122223333:key/made-by-the-stack";
    let mut world = world();
    let without = DeployRequest {
        key: None,
        ..request()
    };
    deployed(&world, without.clone());
    let now = world.stack(&home(), &stack()).unwrap();
    assert!(!now.parameters.contains_key("RecoveryKeyArn"));

    let mut facts = now;
    facts
        .outputs
        .insert("RecoveryKey".to_owned(), own.to_owned());
    facts
        .parameters
        .insert("RecoveryKeyArn".to_owned(), String::new());
    world.put_stack(&home(), &stack(), facts);
    let faults = refused(&world, without.clone());
    assert!(faults[0].contains(own), "{faults:?}");
    let key = KeyFacts {
        arn: KeyArn::parse(own).unwrap(),
        ..world.keys[KEY].clone()
    };
    world.keys.insert(own.to_owned(), key);
    looked(&world, without).unwrap();
}

#[test]
fn a_key_that_the_stack_no_longer_makes_is_left_to_the_person() {
    let change = ResourceChange {
        name: "RecoveryKey".to_owned(),
        kind: "AWS::KMS::Key".to_owned(),
        act: Act::Remove,
    };
    let said = sentences(std::slice::from_ref(&change));
    assert!(
        said[0].starts_with("leaves the key RecoveryKey to you"),
        "{said:?}"
    );
    assert!(!loses_data(&[change]));
}
