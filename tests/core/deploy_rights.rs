//! Whether the caller may deploy, as far as IAM says before anything begins.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use snapferry::domain::deploy::names::{Account, Bucket};
use snapferry::domain::deploy::part::Part;
use snapferry::domain::deploy::request::DeployRequest;
use snapferry::domain::deploy::rights::{Caller, KINDS, RightsQuery};

use crate::deploy::{deployed, home, looked, refused, region, request, stack, world};

#[test]
fn a_caller_who_lacks_a_right_is_refused_before_anything_is_made() {
    let mut world = world();
    world.denied.insert("lambda:CreateFunction".to_owned());
    world.denied.insert("iam:PassRole".to_owned());
    let faults = refused(&world, request());
    assert_eq!(faults.len(), 1, "{faults:#?}");
    for expected in [
        "lambda:CreateFunction on arn:aws:lambda:eu-central-1:111122223333:function:snapferry-deploy",
        "iam:PassRole on arn:aws:iam::111122223333:role/snapferry-deploy",
        "iam:PassRole on arn:aws:iam::111122223333:role/snapferry-source-deploy",
        "--without-rights-check",
    ] {
        assert!(faults[0].contains(expected), "{}", faults[0]);
    }
    assert_eq!(world.objects(), BTreeMap::new());
    let anyway = DeployRequest {
        believes_rights: true,
        ..request()
    };
    looked(&world, anyway).unwrap();
}

/// It makes few resources anew, if any: who may only change them may upgrade.
#[test]
fn an_upgrade_names_what_is_denied_and_goes_on() {
    let mut world = world();
    deployed(&world, request());
    world.denied.insert("sqs:CreateQueue".to_owned());
    let why = looked(&world, request()).unwrap().rights_unknown.unwrap();
    assert!(why.contains("sqs:CreateQueue"), "{why}");
    // What every deployment uses is needed all the same.
    let change = "cloudformation:ExecuteChangeSet";
    world.denied.insert(change.to_owned());
    let faults = refused(&world, request());
    assert!(faults[0].contains(change), "{faults:#?}");
    assert!(!faults[0].contains("sqs:CreateQueue"), "{faults:#?}");
}

#[test]
fn a_first_deployment_into_a_named_bucket_needs_no_right_to_make_one() {
    let mut world = world();
    let bucket = Bucket::parse("our-artifacts").unwrap();
    world.put_bucket(&bucket, &Account::parse("111122223333").unwrap());
    for action in ["s3:CreateBucket", "s3:PutBucketPublicAccessBlock"] {
        world.denied.insert(action.to_owned());
    }
    let named = DeployRequest {
        bucket: Some(bucket),
        ..request()
    };
    let why = looked(&world, named.clone()).unwrap().rights_unknown;
    let why = why.unwrap();
    assert!(why.contains("s3:CreateBucket on"), "{why}");
    let faults = refused(&world, request());
    assert!(faults[0].contains("s3:CreateBucket"), "{faults:?}");
    // What puts something into it is needed all the same.
    world.denied.insert("s3:PutObject".to_owned());
    let faults = refused(&world, named);
    assert!(faults[0].contains("s3:PutObject"), "{faults:?}");
    assert!(!faults[0].contains("s3:CreateBucket"), "{faults:?}");
}

#[test]
fn a_session_is_simulated_as_its_role_with_the_roles_path() {
    let world = world();
    assert_eq!(looked(&world, request()).unwrap().rights_unknown, None);
    let asked: BTreeSet<String> = world.simulated().into_iter().collect();
    let role = "arn:aws:iam::111122223333:role/people/deployer".to_owned();
    assert_eq!(asked, BTreeSet::from([role]));
}

#[test]
fn where_the_simulator_cannot_be_asked_the_deployment_says_so_and_goes_on() {
    let mut world = world();
    world.may_not_simulate = true;
    let why = looked(&world, request()).unwrap().rights_unknown.unwrap();
    assert!(why.contains("iam:SimulatePrincipalPolicy"), "{why}");
    world.roles.clear();
    let why = looked(&world, request()).unwrap().rights_unknown.unwrap();
    assert!(why.contains("iam:GetRole"), "{why}");
    world.caller = "arn:aws:sts::111122223333:federated-user/me".to_owned();
    assert!(looked(&world, request()).unwrap().rights_unknown.is_some());
}

#[test]
fn a_denial_without_all_condition_values_is_no_proof() {
    let mut world = world();
    world.denied.insert("sqs:CreateQueue".to_owned());
    world.missing.push("aws:SourceIp".to_owned());
    let why = looked(&world, request()).unwrap().rights_unknown.unwrap();
    assert!(why.contains("sqs:CreateQueue"), "{why}");
}

#[test]
fn the_accounts_root_user_is_not_simulated() {
    let mut world = world();
    world.caller = "arn:aws:iam::111122223333:root".to_owned();
    world.may_not_simulate = true;
    assert_eq!(looked(&world, request()).unwrap().rights_unknown, None);
    let user = "arn:aws:iam::111122223333:user/people/me";
    assert_eq!(Caller::of(user), Caller::User(user.to_owned()));
}

/// The types of a template's resources, as far as they stand there. SAM makes functions, their permissions and mappings, and
/// rules of one resource each.
fn kinds_of(template: &str, stands: impl Fn(&serde_norway::Value) -> bool) -> BTreeSet<String> {
    let template: serde_norway::Value = serde_norway::from_str(template).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    let mut kinds = BTreeSet::new();
    for resource in resources.values().filter(|resource| stands(resource)) {
        match resource["Type"].as_str().unwrap() {
            "AWS::Serverless::Function" => kinds.extend([
                "AWS::Events::Rule",
                "AWS::Lambda::EventInvokeConfig",
                "AWS::Lambda::EventSourceMapping",
                "AWS::Lambda::Function",
                "AWS::Lambda::Permission",
            ]),
            "AWS::Serverless::StateMachine" => {
                kinds.extend(["AWS::StepFunctions::StateMachine"]);
            }
            kind => kinds.extend([kind]),
        }
    }
    kinds.into_iter().map(ToOwned::to_owned).collect()
}

#[test]
fn each_type_of_the_templates_has_a_row_of_rights_and_what_stands_there_always_is_asked_about() {
    let known: BTreeSet<String> = KINDS.iter().map(|row| row.kind.to_owned()).collect();
    let recovery = fs::read_to_string("template.yaml").unwrap();
    let source = fs::read_to_string("source-region.yaml").unwrap();
    let used = &kinds_of(&recovery, |_| true) | &kinds_of(&source, |_| true);
    assert_eq!(known, used);

    let account = Account::parse("111122223333").unwrap();
    let sources = [region("eu-west-1")];
    let query = RightsQuery {
        caller: "arn:aws-us-gov:iam::111122223333:user/me",
        account: &account,
        recovery: &home(),
        sources: &sources,
        stack: &stack(),
        bucket: &Bucket::of_deployments(&account, &home()),
        role_path: "/teams/db/",
        makes_key: true,
        makes_table: true,
        parts: &[],
        is_upgrade: false,
        names_bucket: false,
    };
    let asked = query.requirements();
    let at_home = RightsQuery {
        sources: &[],
        ..query
    };
    let at_home = at_home.requirements().len();
    for (asked, template) in [(&asked[..at_home], &recovery), (&asked[at_home..], &source)] {
        let kinds = KINDS.iter().filter(|row| {
            let mut asked = asked.iter();
            asked.any(|one| one.actions == row.actions)
        });
        let kinds: BTreeSet<String> = kinds.map(|row| row.kind.to_owned()).collect();
        // The stack makes its own key and table here.
        let stands = |resource: &serde_norway::Value| {
            let condition = resource.get("Condition").and_then(|name| name.as_str());
            condition.is_none_or(|name| ["KeyIsMade", "TableIsMade"].contains(&name))
        };
        assert_eq!(kinds, kinds_of(template, stands));
    }
    let keys = |query: RightsQuery<'_>| {
        let all = query.requirements().into_iter();
        all.filter(|one| one.actions.contains(&"kms:CreateKey"))
            .count()
    };
    assert_eq!(keys(query), 1);
    let brings_one = RightsQuery {
        makes_key: false,
        ..query
    };
    assert_eq!(keys(brings_one), 0);
    // IAM's calls count as made in the first region of the partition, and others in their own.
    for (caller, first) in [
        (query.caller, "us-gov-west-1"),
        ("arn:aws:iam::111122223333:user/me", "us-east-1"),
        ("arn:aws-cn:iam::111122223333:user/me", "cn-north-1"),
    ] {
        let asked = RightsQuery { caller, ..query }.requirements();
        let role = asked
            .iter()
            .find(|one| one.actions.contains(&"iam:CreateRole"));
        let context = [("aws:RequestedRegion", first.to_owned())];
        assert_eq!(role.unwrap().context, context, "{caller}");
    }
    // The parts have types of resources that the first stack has too, and are asked about under their own names.
    for part in Part::ALL {
        let with_it = RightsQuery {
            parts: &[part],
            ..query
        };
        let its_own = with_it.requirements().split_off(asked.len());
        let kinds = KINDS.iter().filter(|row| {
            let mut asked = its_own.iter();
            asked.any(|one| one.actions == row.actions)
        });
        let kinds: BTreeSet<String> = kinds.map(|row| row.kind.to_owned()).collect();
        // What stands in a template only on request is not asked about.
        let always = |resource: &serde_norway::Value| resource.get("Condition").is_none();
        let mut expected = kinds_of(part.template(), always);
        // No queue feeds its function.
        expected.remove("AWS::Lambda::EventSourceMapping");
        assert_eq!(kinds, expected);
        let role = format!(
            "arn:aws-us-gov:iam::111122223333:role/teams/db/snapferry-{}-deploy",
            part.word()
        );
        let mut resources = its_own.iter().flat_map(|one| &one.resources);
        assert!(resources.any(|one| *one == role));
    }
}
