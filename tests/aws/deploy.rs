//! What a deployment asks CloudFormation and S3 for, to the byte.

use std::collections::{BTreeMap, BTreeSet};

use snapferry::aws::{Aws, Deploys};
use snapferry::domain::deploy::changes::{Act, ResourceChange};
use snapferry::domain::deploy::names::{Account, Bucket, StackName};
use snapferry::domain::id::arn::Region;
use snapferry::ports::deploy::{
    ChangeSet, ChangeSetRequest, ChangeSets, FindStack, KeepArtifacts, Made, ReadStackEvents,
    TemplateSource,
};

use crate::wire::{Asked, Reply, TABLE, Wire, ok};
use crate::world::{HOME, run};

fn home() -> Region {
    Region::parse(HOME).unwrap()
}

fn deployer(wire: &Wire) -> Aws<Deploys> {
    Aws::new(wire.sdk(), TABLE, Deploys)
}

fn stack() -> StackName {
    StackName::parse("ferry").unwrap()
}

fn request(makes_stack: bool) -> ChangeSetRequest {
    ChangeSetRequest {
        stack: stack(),
        name: "snapferry-1".to_owned(),
        makes_stack,
        template: TemplateSource::Url("https://s3.eu-central-1.amazonaws.com/b/t.yaml".to_owned()),
        parameters: BTreeMap::from([("CopySlots".to_owned(), "7".to_owned())]),
        kept: BTreeSet::from(["TimeZone".to_owned()]),
    }
}

fn created() -> Reply {
    ok(
        "<CreateChangeSetResponse><CreateChangeSetResult><Id>arn:change-set</Id></CreateChangeSetResult>\
        </CreateChangeSetResponse>",
    )
}

#[test]
fn a_change_set_names_what_is_set_and_what_stays() {
    let wire = Wire::new([created()]);
    let made = run(deployer(&wire).create_change_set(&home(), &request(false)));
    assert_eq!(made.unwrap(), "arn:change-set");
    let mut form = wire.only().form();
    form.remove("Version");
    let expected = [
        ("Action", "CreateChangeSet"),
        ("StackName", "ferry"),
        ("ChangeSetName", "snapferry-1"),
        ("ChangeSetType", "UPDATE"),
        (
            "TemplateURL",
            "https://s3.eu-central-1.amazonaws.com/b/t.yaml",
        ),
        ("Capabilities.member.1", "CAPABILITY_IAM"),
        ("Capabilities.member.2", "CAPABILITY_AUTO_EXPAND"),
        ("Parameters.member.1.ParameterKey", "CopySlots"),
        ("Parameters.member.1.ParameterValue", "7"),
        ("Parameters.member.2.ParameterKey", "TimeZone"),
        ("Parameters.member.2.UsePreviousValue", "true"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form, BTreeMap::from(expected));
}

#[test]
fn a_stack_that_does_not_exist_is_made() {
    let wire = Wire::new([created()]);
    run(deployer(&wire).create_change_set(&home(), &request(true))).unwrap();
    assert_eq!(wire.only().form()["ChangeSetType"], "CREATE");
}

fn described(status: &str, rest: &str) -> Reply {
    ok(format!(
        "<DescribeChangeSetResponse><DescribeChangeSetResult><Status>{status}</Status>{rest}\
         </DescribeChangeSetResult></DescribeChangeSetResponse>"
    ))
}

fn change_set(reply: Reply) -> ChangeSet {
    let wire = Wire::new([reply]);
    run(deployer(&wire).describe_change_set(&home(), "arn:change-set")).unwrap()
}

#[test]
fn the_changes_of_all_pages_are_read() {
    let row = |name: &str, action: &str, replacement: &str| {
        format!(
            "<member><Type>Resource</Type><ResourceChange><LogicalResourceId>{name}</LogicalResourceId>\
             <ResourceType>AWS::SQS::Queue</ResourceType><Action>{action}</Action>{replacement}</ResourceChange></member>"
        )
    };
    let replaces = |word: &str| format!("<Replacement>{word}</Replacement>");
    let first = [
        row("A", "Add", ""),
        row("B", "Modify", &replaces("False")),
        row("C", "Modify", &replaces("Conditional")),
    ];
    let second = [
        row("D", "Modify", &replaces("True")),
        row("E", "Remove", ""),
        row("F", "Dynamic", ""),
    ];
    let page = |rows: &[String], next: &str| {
        described(
            "CREATE_COMPLETE",
            &format!("<Changes>{}</Changes>{next}", rows.concat()),
        )
    };
    let wire = Wire::new([
        page(&first, "<NextToken>more</NextToken>"),
        page(&second, ""),
    ]);
    let ready = run(deployer(&wire).describe_change_set(&home(), "arn:change-set")).unwrap();
    let expected = [
        ("A", Act::Make),
        ("B", Act::Change),
        ("C", Act::MayReplace),
        ("D", Act::Replace),
        ("E", Act::Remove),
        ("F", Act::MayReplace),
    ];
    let expected = expected.map(|(name, act)| ResourceChange {
        name: name.to_owned(),
        kind: "AWS::SQS::Queue".to_owned(),
        act,
    });
    assert_eq!(ready, ChangeSet::Ready(expected.to_vec()));
    assert_eq!(wire.asked()[1].form()["NextToken"], "more");
}

#[test]
fn an_empty_change_set_is_told_from_one_that_failed() {
    let reason = |text: &str| format!("<StatusReason>{text}</StatusReason>");
    assert_eq!(
        change_set(described("CREATE_IN_PROGRESS", "")),
        ChangeSet::Working
    );
    let empty = [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ];
    for text in empty {
        assert_eq!(
            change_set(described("FAILED", &reason(text))),
            ChangeSet::Empty
        );
    }
    let broken = change_set(described("FAILED", &reason("no such parameter")));
    assert_eq!(broken, ChangeSet::Failed("no such parameter".to_owned()));
}

#[test]
fn a_stack_that_cloudformation_does_not_know_is_none() {
    let unknown = Reply::Http(
        400,
        "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
         <Message>Stack with id ferry does not exist</Message></Error></ErrorResponse>"
            .to_owned(),
    );
    let wire = Wire::new([unknown]);
    assert_eq!(
        run(deployer(&wire).find_stack(&home(), &stack())).unwrap(),
        None
    );
}

#[test]
fn events_are_read_up_to_the_one_that_is_known() {
    let event = |id: &str| {
        format!(
            "<member><StackId>s</StackId><StackName>ferry</StackName><Timestamp>2026-11-22T03:00:00Z</Timestamp>\
             <EventId>{id}</EventId><LogicalResourceId>Worker</LogicalResourceId>\
             <ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
        )
    };
    let page = |ids: &[&str], next: &str| {
        let events: String = ids.iter().map(|id| event(id)).collect();
        ok(format!(
            "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents>{events}</StackEvents>{next}\
             </DescribeStackEventsResult></DescribeStackEventsResponse>"
        ))
    };
    let wire = Wire::new([
        page(&["4", "3"], "<NextToken>more</NextToken>"),
        page(&["2", "1"], ""),
    ]);
    let events = run(deployer(&wire).stack_events(&home(), "s", Some("1"))).unwrap();
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["4", "3", "2"]);
}

fn method_and_path(asked: &Asked) -> String {
    let path = asked.uri.split('/').skip(3).collect::<Vec<_>>().join("/");
    format!(
        "{} {path}",
        asked
            .headers
            .get("x-amz-content-sha256")
            .map_or("", |_| "S3")
    )
}

#[test]
fn a_bucket_that_is_missing_is_made_in_its_region_and_closed() {
    let wire = Wire::new([Reply::Http(404, String::new()), ok(""), ok("")]);
    let account = Account::parse("111122223333").unwrap();
    let bucket = Bucket::of_deployments(&account, &home());
    let made = run(deployer(&wire).have_bucket(&home(), &account, &bucket)).unwrap();
    assert_eq!(made, Made::Now);
    let asked = wire.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked
            .iter()
            .all(|one| method_and_path(one).starts_with("S3"))
    );
    assert_eq!(
        asked[0].headers["x-amz-expected-bucket-owner"],
        "111122223333"
    );
    assert!(
        asked[1]
            .body
            .contains("<LocationConstraint>eu-central-1</LocationConstraint>")
    );
    assert!(
        asked[2].uri.contains("publicAccessBlock"),
        "{}",
        asked[2].uri
    );
    assert_eq!(asked[2].body.matches(">true<").count(), 4);
}

#[test]
fn somebody_elses_bucket_is_not_used() {
    let wire = Wire::new([Reply::Http(403, String::new())]);
    let account = Account::parse("111122223333").unwrap();
    let bucket = Bucket::parse("theirs").unwrap();
    let refused = run(deployer(&wire).have_bucket(&home(), &account, &bucket)).unwrap_err();
    let text = snapferry::cli::CliError::from(refused).to_string();
    assert!(text.contains("--bucket"), "{text}");
    assert_eq!(wire.asked().len(), 1);
}

#[test]
fn what_is_in_the_bucket_is_not_uploaded_again() {
    let account = Account::parse("111122223333").unwrap();
    let bucket = Bucket::parse("ours-bucket").unwrap();
    let upload = |wire: &Wire| {
        let content = b"a template".to_vec();
        run(deployer(wire).have_object(&home(), &account, &bucket, "snapferry/t.yaml", content))
    };
    let there = Wire::new([ok("")]);
    assert_eq!(upload(&there).unwrap(), Made::Before);
    assert_eq!(there.asked().len(), 1);
    let missing = Wire::new([Reply::Http(404, String::new()), ok("")]);
    assert_eq!(upload(&missing).unwrap(), Made::Now);
    let put = &missing.asked()[1];
    assert!(put.uri.contains("/snapferry/t.yaml"), "{}", put.uri);
    assert_eq!(put.body, "a template");
}
