//! What `snapferry deploy` prints, and what it asks IAM.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use snapferry::app::deploy::Code;
use snapferry::aws::{Aws, Deploys};
use snapferry::cli::{Acts, Ended, Manner, run_deploy};
use snapferry::domain::deploy::names::StackName;
use snapferry::domain::deploy::package::Templates;
use snapferry::domain::deploy::request::{Architecture, DeployRequest};
use snapferry::domain::deploy::stack::StackFacts;
use snapferry::domain::doctor::keys::{KeyFacts, KeyState, Manager};
use snapferry::domain::doctor::permissions::Requirement;
use snapferry::domain::id::arn::KeyArn;
use snapferry::fake::Deployments;
use snapferry::ports::deploy::CheckRights;

use crate::wire::{TABLE, Wire, ok};
use crate::world::{pairs, region, run};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1111";

fn stack() -> StackName {
    StackName::parse("snapferry").unwrap()
}

/// An account with a stack that has these parameters.
fn world(parameters: &[(&str, &str)]) -> Deployments {
    let now = Timestamp::from_second(1_764_000_000).unwrap();
    let mut world = Deployments::of("arn:aws:iam::111122223333:user/me", now);
    let key = KeyFacts {
        arn: KeyArn::parse(KEY).unwrap(),
        state: KeyState::Enabled,
        manager: Manager::Customer,
        symmetric: true,
    };
    world.keys.insert(KEY.to_owned(), key);
    let facts = StackFacts {
        id: "arn:of:the:stack".to_owned(),
        status: "UPDATE_COMPLETE".to_owned(),
        parameters: pairs(parameters),
        outputs: pairs(&[("StackRegion", "eu-central-1"), ("TableName", "the-table")]),
    };
    world.put_stack(&region("eu-central-1"), &stack(), facts);
    world
}

fn printed(world: &Deployments, json: bool) -> String {
    let request = DeployRequest {
        recovery: region("eu-central-1"),
        sources: vec![region("eu-west-1")],
        stack: stack(),
        key: Some(KeyArn::parse(KEY).unwrap()),
        topic: None,
        email: None,
        bucket: None,
        parameters: BTreeMap::new(),
        believes_rights: false,
    };
    let code = Code {
        zip: b"a zip".to_vec(),
        architecture: Architecture::Arm64,
        parts: std::collections::BTreeMap::new(),
    };
    let manner = Manner {
        acts: Acts::Yes,
        accepts_loss: false,
        json,
    };
    let mut out = Vec::new();
    let templates = Templates::carried();
    let ended = run(run_deploy(
        world,
        request,
        templates,
        &code,
        manner,
        &mut out,
        &mut Vec::new(),
    ));
    assert_eq!(ended.unwrap(), Ended::Well);
    String::from_utf8(out).unwrap()
}

const OLD: [(&str, &str); 2] = [("FunctionTimeout", "30"), ("VisibilitySeconds", "200")];

#[test]
fn the_plan_says_which_old_defaults_it_raises_and_what_still_does_not_fit() {
    let mut world = world(&OLD);
    world.may_not_simulate = true;
    let text = printed(&world, false);
    for expected in [
        "  FunctionTimeout goes from 30 to 60: a slow answer of RDS to two reads and a change must fit into it\n",
        "VisibilitySeconds is 200 s, and 6 times FunctionTimeout are 360 s",
        "Whether you have every right that this needs is not known: iam:SimulatePrincipalPolicy",
        "\nDeployed.",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let again = printed(&world, false);
    assert!(again.contains("\nNothing is to be changed."), "{again}");
    assert!(!again.contains("goes from"), "{again}");
}

#[test]
fn the_json_has_them_too() {
    let answer: Value = serde_json::from_str(&printed(&world(&OLD), true)).unwrap();
    let raised = json!([{
        "parameter": "FunctionTimeout",
        "from": "30",
        "to": "60",
        "why": "a slow answer of RDS to two reads and a change must fit into it",
    }]);
    assert_eq!(answer["raised"], raised);
    assert_eq!(answer["misfits"].as_array().unwrap().len(), 1);
    assert_eq!(answer["rights_unknown"], Value::Null);
    assert_eq!(answer["applied"], true);
}

#[test]
fn iam_is_asked_for_the_roles_path_and_then_about_the_role() {
    const ROLE: &str = "arn:aws:iam::111122223333:role/people/deployer";
    let role = ok(format!(
        "<GetRoleResponse><GetRoleResult><Role><Path>/people/</Path><RoleName>deployer</RoleName>\
         <RoleId>AROA</RoleId><Arn>{ROLE}</Arn><CreateDate>2026-11-22T03:00:00Z</CreateDate></Role>\
         </GetRoleResult></GetRoleResponse>"
    ));
    let decided = ok(
        "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>\
         <EvaluationResults><member><EvalActionName>sqs:CreateQueue</EvalActionName>\
         <EvalResourceName>a-queue</EvalResourceName><EvalDecision>implicitDeny</EvalDecision></member>\
         </EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>",
    );
    let wire = Wire::new([role, decided]);
    let aws = Aws::new(wire.sdk(), TABLE, Deploys);
    let arn = run(aws.role_arn("deployer")).unwrap();
    assert_eq!(arn, ROLE);
    let requirement = Requirement {
        actions: vec!["sqs:CreateQueue"],
        resources: vec!["a-queue".to_owned()],
        context: vec![("aws:RequestedRegion", "eu-central-1".to_owned())],
    };
    let decisions = run(aws.simulate_caller(&arn, &requirement)).unwrap();
    assert!(!decisions[0].allowed);
    let asked = wire.asked();
    assert_eq!(asked[0].form()["RoleName"], "deployer");
    let form = asked[1].form();
    assert_eq!(form["PolicySourceArn"], ROLE);
    assert_eq!(form["ResourceArns.member.1"], "a-queue");
    assert_eq!(
        form["ContextEntries.member.1.ContextKeyName"],
        "aws:RequestedRegion"
    );
}
