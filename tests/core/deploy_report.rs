//! `deploy --with report`: the stack that puts the report into a bucket, alone or beside the one of drills.

use std::collections::BTreeMap;

use snapferry::app::deploy::{Code, DeployError, Deployment, act, look};
use snapferry::app::destroy::{self, DestroyRequest};
use snapferry::domain::deploy::package::Templates;
use snapferry::domain::deploy::part::Part;
use snapferry::domain::deploy::request::{Architecture, DeployRequest};
use snapferry::domain::deploy::stack::StackFacts;
use snapferry::fake::Deployments;

use crate::deploy::{home, region, request, stack, world};
use crate::world::{pairs, run};

fn looked_with(
    world: &Deployments,
    request: DeployRequest,
    parts: &[Part],
) -> Result<Deployment, DeployError> {
    let code = Code {
        zip: b"a zip".to_vec(),
        architecture: Architecture::Arm64,
        parts: parts
            .iter()
            .map(|part| (*part, part.program().as_bytes().to_vec()))
            .collect(),
    };
    run(look(
        world,
        request,
        Templates::carried(),
        &code,
        &mut |_| {},
    ))
}

fn deployed_with(world: &Deployments, request: DeployRequest, parts: &[Part]) {
    let deployment = looked_with(world, request, parts).unwrap();
    run(act(world, deployment, false, &mut |_| {})).unwrap();
    assert_eq!(world.open_change_sets(), 0);
}

fn into_bucket() -> DeployRequest {
    DeployRequest {
        parameters: pairs(&[("ReportBucket", "reports"), ("Schedule", "30 1 * * *")]),
        ..request()
    }
}

fn report(world: &Deployments) -> StackFacts {
    world
        .stack(&home(), &stack().of_part(Part::Report))
        .unwrap()
}

#[test]
fn the_reporter_is_given_what_the_first_stack_says_and_has_made() {
    let world = world();
    deployed_with(&world, into_bucket(), &[Part::Report]);
    let made = report(&world).parameters;
    let first = world.stack(&home(), &stack()).unwrap();
    assert_eq!(made["ReportBucket"], "reports");
    assert!(!first.parameters.contains_key("ReportBucket"));
    assert_eq!(made["TableName"], first.outputs["TableName"]);
    assert_eq!(made["StateMachineArn"], first.outputs["StateMachineArn"]);
    assert_eq!(made["StackName"], "snapferry");
    assert_eq!(made["SourceRegions"], first.parameters["SourceRegions"]);
    assert_eq!(made["Schedule"], "30 1 * * *");
    assert_eq!(made["Schedule"], first.parameters["Schedule"]);
    let is_zip = |key: &&String| key.contains("/snapferry/report-") && key.ends_with(".zip");
    assert_eq!(world.objects().keys().filter(is_zip).count(), 1);
    // The bucket's name is held from then on.
    let again = looked_with(&world, request(), &[Part::Report]).unwrap();
    assert!(!again.changes_anything());
}

#[test]
fn a_report_without_a_bucket_is_refused_before_anything_is_changed() {
    let world = world();
    let refused = looked_with(&world, request(), &[Part::Report]);
    assert!(
        matches!(&refused, Err(DeployError::Refused(why)) if why[0].to_string().contains("ReportBucket")),
        "{refused:?}"
    );
    assert!(world.objects().is_empty());
}

#[test]
fn both_parts_are_deployed_after_all_others_and_each_alone_leaves_the_other() {
    let world = world();
    deployed_with(&world, into_bucket(), &Part::ALL);
    let executed = world.executed();
    let names: Vec<&str> = executed.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        names[names.len() - 2..],
        ["snapferry-restore", "snapferry-report"]
    );
    let only_restore = looked_with(&world, request(), &[Part::Restore]).unwrap();
    assert_eq!(only_restore.left_out, [Part::Report]);
    assert!(!only_restore.changes_anything());
}

#[test]
fn wherever_cloudformation_gives_no_answer_no_change_set_of_either_part_stays_behind() {
    let mut failed = 0;
    for at in 0..80 {
        let world = world();
        let deployment = looked_with(&world, into_bucket(), &Part::ALL).unwrap();
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
fn destroy_deletes_the_reporter_before_the_first_stack() {
    let world = world();
    deployed_with(&world, into_bucket(), &[Part::Report]);
    let first = world.stack(&home(), &stack()).unwrap();
    let mut parameters = first.parameters.clone();
    parameters.insert("EventsQueueArn".to_owned(), String::new());
    world.put_stack(
        &home(),
        &stack(),
        StackFacts {
            parameters,
            ..first
        },
    );
    let request = DestroyRequest {
        recovery: home(),
        stack: stack(),
        sources: vec![region("eu-west-1"), region("eu-north-1")],
    };
    let found = run(destroy::look(&world, &request)).unwrap();
    let names: Vec<&str> = found.all.iter().map(|one| one.name.as_str()).collect();
    let at = |name: &str| names.iter().position(|one| *one == name);
    assert!(at("snapferry-report").is_some());
    assert!(at("snapferry-report") < at("snapferry"), "{names:?}");
    let parts: BTreeMap<&str, bool> = found
        .all
        .iter()
        .map(|one| (one.name.as_str(), one.is_home))
        .collect();
    assert!(!parts["snapferry-report"]);
}
