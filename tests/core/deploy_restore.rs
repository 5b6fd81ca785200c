//! `deploy --with restore`: the recovery region's second stack, and `destroy`, which takes it away with the others.

use std::collections::BTreeMap;

use snapferry::app::deploy::{Code, DeployError, Deployment, Refused, abandon, act, look};
use snapferry::app::destroy::{self, DestroyRequest};
use snapferry::domain::deploy::defaults::parameter_names;
use snapferry::domain::deploy::names::TopicArn;
use snapferry::domain::deploy::package::{Templates, packaged_part};
use snapferry::domain::deploy::part::Part;
use snapferry::domain::deploy::request::{Architecture, DeployRequest};
use snapferry::domain::deploy::stack::{StackFacts, Template, why_not};
use snapferry::fake::Deployments;

use crate::deploy::{deployed, home, looked, region, request, stack, world};
use crate::world::{pairs, run};

fn looked_with_restore(
    world: &Deployments,
    request: DeployRequest,
) -> Result<Deployment, DeployError> {
    let code = Code {
        zip: b"a zip".to_vec(),
        architecture: Architecture::Arm64,
        parts: BTreeMap::from([(Part::Restore, b"another zip".to_vec())]),
    };
    run(look(
        world,
        request,
        Templates::carried(),
        &code,
        &mut |_| {},
    ))
}

fn deployed_with_restore(world: &Deployments, request: DeployRequest) {
    let deployment = looked_with_restore(world, request).unwrap();
    run(act(world, deployment, false, &mut |_| {})).unwrap();
    assert_eq!(world.open_change_sets(), 0);
}

fn with(parameters: &[(&str, &str)]) -> DeployRequest {
    DeployRequest {
        parameters: pairs(parameters),
        ..request()
    }
}

fn restore(world: &Deployments) -> StackFacts {
    world
        .stack(&home(), &stack().of_part(Part::Restore))
        .unwrap()
}

#[test]
fn the_second_stack_is_made_last_with_what_only_the_first_one_knows() {
    let world = world();
    deployed_with_restore(&world, request());
    let executed = world.executed();
    let names: Vec<&str> = executed.iter().map(|(_, name)| name.as_str()).collect();
    let expected = [
        "snapferry",
        "snapferry-source",
        "snapferry-source",
        "snapferry-restore",
    ];
    assert_eq!(names, expected);
    let made = restore(&world).parameters;
    assert_eq!(made["TableName"], "the-table", "the first stack's output");
    assert_eq!(made["StackId"], "snapferry");
    assert_eq!(made["Architecture"], "arm64");
    assert_eq!(made["AlarmTopicArn"], "");
    let objects = world.objects();
    assert_eq!(objects.len(), 4, "{:?}", objects.keys());
    let is_drills = |key: &&String| key.contains("/snapferry/drills-") && key.ends_with(".zip");
    assert_eq!(objects.keys().filter(is_drills).count(), 1);
    let again = looked_with_restore(&world, request()).unwrap();
    assert!(!again.changes_anything());
    assert_eq!(again.left_out, []);
}

#[test]
fn without_the_flag_a_second_stack_is_named_and_left_alone() {
    let world = world();
    deployed(&world, request());
    assert_eq!(looked(&world, request()).unwrap().left_out, []);
    deployed_with_restore(&world, request());
    let before = restore(&world);
    let deployment = looked(&world, with(&[("LogLevel", "debug")])).unwrap();
    assert_eq!(deployment.left_out, [Part::Restore]);
    assert_eq!(deployment.stacks.len(), 3);
    run(act(&world, deployment, false, &mut |_| {})).unwrap();
    assert_eq!(restore(&world), before);
}

#[test]
fn what_both_stacks_have_is_the_same_in_both_and_each_gets_only_its_own_parameters() {
    let world = world();
    deployed(&world, with(&[("LogLevel", "debug"), ("RolePath", "/db/")]));
    let mut request = with(&[("RemoverRate", "rate(15 minutes)"), ("RolePath", "/teams/")]);
    request.topic = TopicArn::parse("arn:aws:sns:eu-central-1:111122223333:alarms").ok();
    deployed_with_restore(&world, request);
    let (first, second) = (world.stack(&home(), &stack()).unwrap(), restore(&world));
    assert_eq!(second.parameters["LogLevel"], "debug");
    assert_eq!(second.parameters["RolePath"], "/teams/");
    assert_eq!(second.parameters["RemoverRate"], "rate(15 minutes)");
    assert_eq!(
        second.parameters["AlarmTopicArn"],
        "arn:aws:sns:eu-central-1:111122223333:alarms"
    );
    assert!(!first.parameters.contains_key("RemoverRate"));
    // A value of its own stays where nobody names it.
    deployed_with_restore(&world, self::request());
    assert_eq!(
        restore(&world).parameters["RemoverRate"],
        "rate(15 minutes)"
    );
}

#[test]
fn a_parameter_of_the_second_stack_is_refused_where_that_is_not_deployed() {
    let world = world();
    let request = with(&[("RemoverRate", "rate(1 hour)")]);
    let refused = looked(&world, request.clone());
    assert!(
        matches!(&refused, Err(DeployError::Refused(why)) if why[0].to_string().contains("--with restore")),
        "{refused:?}"
    );
    looked_with_restore(&world, request).unwrap();
}

#[test]
fn what_is_not_carried_out_leaves_no_shell_of_the_second_stack() {
    let world = world();
    let deployment = looked_with_restore(&world, request()).unwrap();
    assert_eq!(world.open_change_sets(), 4);
    run(abandon(&world, &deployment)).unwrap();
    assert_eq!(world.open_change_sets(), 0);
    assert_eq!(world.stack(&home(), &stack().of_part(Part::Restore)), None);
}

#[test]
fn wherever_cloudformation_gives_no_answer_no_change_set_of_a_later_stack_stays_behind() {
    let mut failed = 0;
    for at in 0..60 {
        let world = world();
        let deployment = looked_with_restore(&world, request()).unwrap();
        world.unanswered_after.set(Some(at));
        if run(act(&world, deployment, false, &mut |_| {})).is_ok() {
            continue;
        }
        failed += 1;
        // The one of the stack at hand has begun, or may have.
        assert!(world.open_change_sets() <= 1, "{at}");
    }
    assert!(failed > 3, "{failed}");
}

#[test]
fn another_products_stack_of_that_name_is_not_touched() {
    let world = world();
    let foreign = StackFacts {
        status: "CREATE_COMPLETE".to_owned(),
        ..StackFacts::default()
    };
    assert!(why_not(Some(&foreign), &Template::Part(Part::Restore)).is_some());
    world.put_stack(&home(), &stack().of_part(Part::Restore), foreign);
    let refused = looked_with_restore(&world, request());
    let is_named = |one: &Refused| one.to_string().contains("snapferry-restore");
    assert!(matches!(&refused, Err(DeployError::Refused(why)) if why.iter().any(is_named)));
}

#[test]
fn the_template_of_a_part_goes_to_cloudformation_as_a_text_and_names_its_code_once() {
    for (part, own) in [
        (Part::Restore, "RemoverRate"),
        (Part::Report, "ReportBucket"),
    ] {
        assert!(packaged_part(part, "Resources: {}", "s3://a/b").is_err());
        let packaged = packaged_part(part, part.template(), "s3://a/code.zip").unwrap();
        assert_eq!(packaged.matches("CodeUri: s3://a/code.zip").count(), 1);
        assert!(packaged.len() < 51_200, "{}", packaged.len());
        assert!(parameter_names(part.template()).contains(&own));
    }
}

/// Both stacks as CloudFormation shows them to a removal, the first one in this status.
fn to_destroy(status: &str) -> (Deployments, DestroyRequest) {
    let world = world();
    deployed_with_restore(&world, request());
    let shown = |facts: StackFacts, name: &str, value: &str| {
        let mut facts = facts;
        facts.parameters.insert(name.to_owned(), value.to_owned());
        facts
    };
    let second = shown(restore(&world), "RemoverRate", "rate(1 hour)");
    world.put_stack(&home(), &stack().of_part(Part::Restore), second);
    let first = world.stack(&home(), &stack()).unwrap();
    let first = StackFacts {
        status: status.to_owned(),
        ..shown(first, "EventsQueueArn", "")
    };
    world.put_stack(&home(), &stack(), first);
    let request = DestroyRequest {
        recovery: home(),
        stack: stack(),
        sources: vec![region("eu-west-1"), region("eu-north-1")],
    };
    (world, request)
}

/// H20: the remover must not go while drills may live.
#[test]
fn the_second_stack_is_not_deleted_where_nobody_can_say_whether_drills_live() {
    let (world, request) = to_destroy("DELETE_FAILED");
    let refused = run(destroy::look(&world, &request)).unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("snapferry-restore") && said.contains("sfd-*"),
        "{said}"
    );
}

#[test]
fn destroy_deletes_the_second_stack_before_the_first() {
    let (world, request) = to_destroy("UPDATE_COMPLETE");
    let found = run(destroy::look(&world, &request)).unwrap();
    let names: Vec<&str> = found.all.iter().map(|one| one.name.as_str()).collect();
    let expected = [
        "snapferry-source",
        "snapferry-source",
        "snapferry-restore",
        "snapferry",
    ];
    assert_eq!(names, expected);
    let at_home: BTreeMap<&str, bool> = found
        .all
        .iter()
        .map(|one| (one.name.as_str(), one.is_home))
        .collect();
    assert!(!at_home["snapferry-restore"] && at_home["snapferry"]);
}
