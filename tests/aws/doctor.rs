//! The doctor: its calls to KMS, IAM, EventBridge, SQS and RDS, how it reads the answers, and the command itself.

use serde_json::{Value, json};
use snapferry::aws::{Aws, Examines, patient};
use snapferry::domain::doctor::alarms::Subscribers;
use snapferry::domain::doctor::keys::{KeyFacts, KeyState, Manager};
use snapferry::domain::doctor::permissions::{Requirement, RoleArn};
use snapferry::domain::id::arn::{Family, KeyArn};
use snapferry::domain::policy::spec::KeyName;
use snapferry::ports::doctor::{
    CountMessages, CountSubscribers, DescribeRule, FindQueue, FindRules, InspectDatabases,
    ListManualSnapshots, ListQueues, ListStacks, ReadKeyPolicy, SimulatePermissions,
};
use snapferry::ports::{DescribeKey, ListOptionGroups};

use crate::commands::{configured, ran};
use crate::rds::{of_a_copy, row, xml};
use crate::server::{Answer, Server, ok as answered};
use crate::wire::{Asked, Reply, TABLE, Wire, json_error, ok};
use crate::world::{HOME, KEY, SOURCE, region, time};

const SOURCE_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/of-the-sources";
const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:alarms";
const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/dead";

fn doctor(wire: &Wire) -> Aws<Examines> {
    Aws::new(patient(wire.sdk()), TABLE, Examines)
}

fn source_key() -> KeyName {
    KeyName::parse(SOURCE_KEY).unwrap()
}

fn metadata(state: &str, more: &Value) -> Value {
    let mut all = json!({
        "KeyId": "of-the-sources", "Arn": SOURCE_KEY, "KeyState": state, "KeyManager": "CUSTOMER",
        "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT",
    });
    let more = more.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(more);
    json!({ "KeyMetadata": all })
}

#[tokio::test]
async fn a_key_is_described_in_its_own_region() {
    let wire = Wire::new([ok(metadata("Enabled", &json!({})).to_string())]);
    let found = doctor(&wire)
        .describe_key(&source_key())
        .await
        .unwrap()
        .unwrap();
    let usable = KeyFacts {
        arn: KeyArn::parse(SOURCE_KEY).unwrap(),
        state: KeyState::Enabled,
        manager: Manager::Customer,
        symmetric: true,
    };
    assert_eq!(found, usable);
    let asked = wire.only();
    assert!(asked.uri.contains("kms.eu-west-1."), "{}", asked.uri);
    assert_eq!(asked.action(), "DescribeKey");
    assert_eq!(asked.json(), json!({ "KeyId": SOURCE_KEY }));
}

#[tokio::test]
async fn a_keys_state_manager_and_kind_are_told_apart() {
    let leaving = json!({ "DeletionDate": 1_796_083_200 });
    let at = time("2026-12-01T00:00:00Z");
    let cases = [
        ("Disabled", json!({}), KeyState::Disabled, true),
        (
            "PendingDeletion",
            leaving,
            KeyState::PendingDeletion(Some(at)),
            true,
        ),
        (
            "PendingImport",
            json!({}),
            KeyState::Other("PendingImport".to_owned()),
            true,
        ),
        (
            "Enabled",
            json!({ "KeySpec": "RSA_2048" }),
            KeyState::Enabled,
            false,
        ),
        (
            "Enabled",
            json!({ "KeyUsage": "SIGN_VERIFY" }),
            KeyState::Enabled,
            false,
        ),
    ];
    for (state, more, expected, symmetric) in cases {
        let wire = Wire::new([ok(metadata(state, &more).to_string())]);
        let found = doctor(&wire)
            .describe_key(&source_key())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.state, found.symmetric),
            (expected, symmetric),
            "{state}"
        );
    }
    let managed = metadata("Enabled", &json!({ "KeyManager": "AWS" }));
    let wire = Wire::new([ok(managed.to_string())]);
    let found = doctor(&wire)
        .describe_key(&source_key())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.manager, Manager::Aws);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_no_error_and_a_refusal_is() {
    let wire = Wire::new([json_error(400, "NotFoundException", "no key")]);
    assert_eq!(
        doctor(&wire).describe_key(&source_key()).await.unwrap(),
        None
    );
    let wire = Wire::new([json_error(400, "AccessDeniedException", "no")]);
    let error = doctor(&wire).describe_key(&source_key()).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("AccessDeniedException"));
    let wire = Wire::new([ok("{}")]);
    assert!(doctor(&wire).describe_key(&source_key()).await.is_err());
}

#[tokio::test]
async fn a_keys_policy_is_read() {
    let policy =
        r#"{"Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"kms:CreateGrant"}]}"#;
    let wire = Wire::new([ok(
        json!({ "Policy": policy, "PolicyName": "default" }).to_string()
    )]);
    let key = KeyArn::parse(SOURCE_KEY).unwrap();
    let found = doctor(&wire).get_key_policy(&key).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].denies);
    assert_eq!(found[0].principals, ["*"]);
    let expected = json!({ "KeyId": SOURCE_KEY, "PolicyName": "default" });
    assert_eq!(wire.only().json(), expected);
    let wire = Wire::new([ok("{}")]);
    assert!(doctor(&wire).get_key_policy(&key).await.is_err());
}

#[tokio::test]
async fn rules_are_found_by_their_target_in_the_source_region_page_by_page() {
    let wire = Wire::new([ok(r#"{"RuleNames":["forward"],"NextToken":"more"}"#)]);
    let bus = "arn:aws:events:eu-central-1:111122223333:event-bus/default";
    let found = doctor(&wire)
        .list_rule_names_by_target(&region(SOURCE), bus, Some("here".to_owned()))
        .await
        .unwrap();
    assert_eq!(found.items, ["forward"]);
    assert_eq!(found.next.as_deref(), Some("more"));
    let asked = wire.only();
    assert!(asked.uri.contains("events.eu-west-1."), "{}", asked.uri);
    let expected = json!({ "TargetArn": bus, "Limit": 100, "NextToken": "here" });
    assert_eq!(asked.json(), expected);
}

#[tokio::test]
async fn a_rules_state_and_pattern_are_read() {
    let ours = json!({
        "source": ["aws.rds"],
        "detail-type": ["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"],
    });
    let cases = [
        (
            json!({ "State": "ENABLED", "EventPattern": ours.to_string() }),
            (true, Some(true)),
        ),
        (
            json!({ "State": "DISABLED", "EventPattern": ours.to_string() }),
            (false, Some(true)),
        ),
        (
            json!({ "State": "ENABLED", "ScheduleExpression": "rate(1 day)" }),
            (true, Some(false)),
        ),
    ];
    for (answer, expected) in cases {
        let wire = Wire::new([ok(answer.to_string())]);
        let rule = doctor(&wire)
            .describe_rule(&region(SOURCE), "forward")
            .await
            .unwrap();
        assert_eq!((rule.enabled, rule.catches_snapshots), expected);
        assert_eq!(wire.only().json(), json!({ "Name": "forward" }));
    }
    let wire = Wire::new([ok(r#"{"State":"ENABLED","EventPattern":"nonsense"}"#)]);
    assert!(
        doctor(&wire)
            .describe_rule(&region(SOURCE), "odd")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn messages_are_counted_with_those_that_somebody_has_received() {
    let counts = json!({ "Attributes": {
        "ApproximateNumberOfMessages": "2", "ApproximateNumberOfMessagesNotVisible": "3",
    }});
    let wire = Wire::new([ok(counts.to_string())]);
    let count = doctor(&wire)
        .count_messages(&region(SOURCE), QUEUE)
        .await
        .unwrap();
    assert_eq!(count, Some(5));
    let asked = wire.only();
    assert_eq!(asked.action(), "GetQueueAttributes");
    assert_eq!(asked.json()["QueueUrl"], QUEUE);
    let wire = Wire::new([ok(r#"{"Attributes":{}}"#)]);
    assert!(
        doctor(&wire)
            .count_messages(&region(SOURCE), QUEUE)
            .await
            .is_err()
    );
}

/// SNS's answer about a topic with these attributes.
fn topic(attributes: &[(&str, &str)]) -> String {
    let entry = |(key, value): &(&str, &str)| {
        format!("<entry><key>{key}</key><value>{value}</value></entry>")
    };
    let attributes: String = attributes.iter().map(entry).collect();
    format!(
        "<GetTopicAttributesResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><GetTopicAttributesResult>\
         <Attributes>{attributes}</Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>"
    )
}

#[tokio::test]
async fn a_topics_subscriptions_are_counted_and_a_topic_that_is_not_there_is_no_error() {
    let counts = [
        ("SubscriptionsConfirmed", "1"),
        ("SubscriptionsPending", "2"),
    ];
    let gone = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
                <Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>";
    let wire = Wire::new([
        ok(topic(&counts)),
        Reply::Http(404, gone.to_owned()),
        ok(topic(&[])),
    ]);
    let doctor = doctor(&wire);
    let home = region(HOME);
    let found = doctor.count_subscribers(&home, TOPIC).await.unwrap();
    let expected = Subscribers {
        confirmed: 1,
        pending: 2,
    };
    assert_eq!(found, Some(expected));
    assert_eq!(doctor.count_subscribers(&home, TOPIC).await.unwrap(), None);
    doctor.count_subscribers(&home, TOPIC).await.unwrap_err();
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "GetTopicAttributes");
    assert_eq!(asked.form()["TopicArn"], TOPIC);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_no_error() {
    for code in [
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    ] {
        let wire = Wire::new([json_error(400, code, "gone")]);
        let found = doctor(&wire)
            .get_queue_url(&region(SOURCE), "dead")
            .await
            .unwrap();
        assert_eq!(found, None);
        assert_eq!(wire.only().json(), json!({ "QueueName": "dead" }));
        let count = doctor(&wire)
            .count_messages(&region(SOURCE), QUEUE)
            .await
            .unwrap();
        assert_eq!(count, None);
    }
    let wire = Wire::new([ok(json!({ "QueueUrl": QUEUE }).to_string())]);
    let found = doctor(&wire)
        .get_queue_url(&region(SOURCE), "dead")
        .await
        .unwrap();
    assert_eq!(found.as_deref(), Some(QUEUE));
}

#[tokio::test]
async fn queues_are_listed_by_how_their_names_begin() {
    let url = |name: &str| format!("https://sqs.eu-west-1.amazonaws.com/111122223333/{name}");
    let urls = [url("snapferry-to-a"), url("snapferry-to-b")];
    let wire = Wire::new([ok(
        json!({ "QueueUrls": urls, "NextToken": "more" }).to_string()
    )]);
    let page = doctor(&wire)
        .list_queue_names(&region(SOURCE), "snapferry-to-", Some("here".to_owned()))
        .await
        .unwrap();
    assert_eq!(page.items, ["snapferry-to-a", "snapferry-to-b"]);
    assert_eq!(page.next.as_deref(), Some("more"));
    let expected =
        json!({ "QueueNamePrefix": "snapferry-to-", "MaxResults": 1_000, "NextToken": "here" });
    assert_eq!(wire.only().json(), expected);
    // SQS leaves the list out where it is empty.
    let wire = Wire::new([ok("{}")]);
    let page = doctor(&wire)
        .list_queue_names(&region(SOURCE), "x", None)
        .await
        .unwrap();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn stacks_are_listed_with_their_outputs() {
    let stack = |outputs: &str| {
        format!(
            "<member><StackName>x</StackName><CreationTime>2026-11-23T00:00:00Z</CreationTime>\
             <StackStatus>CREATE_COMPLETE</StackStatus>{outputs}</member>"
        )
    };
    let ours = "<Outputs><member><OutputKey>StackIdentity</OutputKey><OutputValue>prod</OutputValue>\
        </member></Outputs>";
    let answer = format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks>{}{}</Stacks><NextToken>more</NextToken>\
         </DescribeStacksResult></DescribeStacksResponse>",
        stack(ours),
        stack("")
    );
    let wire = Wire::new([ok(answer)]);
    let page = doctor(&wire)
        .list_stacks(&region(SOURCE), Some("here".to_owned()))
        .await
        .unwrap();
    let outputs = [("StackIdentity".to_owned(), "prod".to_owned())];
    assert_eq!(
        page.items,
        [outputs.into(), std::collections::BTreeMap::new()]
    );
    assert_eq!(page.next.as_deref(), Some("more"));
    let asked = wire.only();
    assert!(
        asked.uri.contains("cloudformation.eu-west-1."),
        "{}",
        asked.uri
    );
    let form = asked.form();
    assert_eq!(form.get("NextToken").map(String::as_str), Some("here"));
    assert!(!form.contains_key("StackName"), "{form:?}");
}

const INSTANCE: &str = "<DBInstance><DBInstanceIdentifier>orders</DBInstanceIdentifier>\
    <DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:orders</DBInstanceArn>\
    <DbiResourceId>db-ORDERS</DbiResourceId><StorageEncrypted>true</StorageEncrypted>\
    <KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/of-the-sources</KmsKeyId><OptionGroupMemberships>\
    <OptionGroupMembership><OptionGroupName>safe</OptionGroupName><Status>in-sync</Status></OptionGroupMembership>\
    <OptionGroupMembership><OptionGroupName>old</OptionGroupName><Status>removing</Status></OptionGroupMembership>\
    </OptionGroupMemberships></DBInstance>";

#[tokio::test]
async fn an_instance_is_listed_with_its_key_and_the_option_group_that_stays() {
    let list = format!("<DBInstances>{INSTANCE}</DBInstances><Marker>more</Marker>");
    let wire = Wire::new([xml("DescribeDBInstances", &list)]);
    let found = doctor(&wire)
        .inspect_databases(&region(SOURCE), Family::Instance, Some("here".to_owned()))
        .await
        .unwrap();
    assert_eq!(found.next.as_deref(), Some("more"));
    assert_eq!(found.items[0].key, KeyArn::parse(SOURCE_KEY).ok());
    assert_eq!(found.items[0].option_groups, ["safe"]);
    let form = wire.only().form();
    assert_eq!(
        (form["MaxRecords"].as_str(), form["Marker"].as_str()),
        ("100", "here")
    );
}

const CLUSTER: &str = "<DBCluster><DBClusterIdentifier>shop</DBClusterIdentifier>\
    <DBClusterArn>arn:aws:rds:eu-west-1:111122223333:cluster:shop</DBClusterArn>\
    <DbClusterResourceId>cluster-SHOP</DbClusterResourceId><Engine>aurora-mysql</Engine>\
    <StorageEncrypted>true</StorageEncrypted>\
    <KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/of-the-sources</KmsKeyId>\
    <TagList><Tag><Key>snapferry:policy</Key><Value>default</Value></Tag></TagList></DBCluster>";

#[tokio::test]
async fn a_cluster_is_listed_with_its_key_and_no_option_group() {
    let list = format!("<DBClusters>{CLUSTER}</DBClusters><Marker>more</Marker>");
    let wire = Wire::new([xml("DescribeDBClusters", &list)]);
    let found = doctor(&wire)
        .inspect_databases(&region(SOURCE), Family::Cluster, Some("here".to_owned()))
        .await
        .unwrap();
    assert_eq!(found.next.as_deref(), Some("more"));
    assert_eq!(found.items[0].database.arn.name(), "shop");
    assert_eq!(found.items[0].key, KeyArn::parse(SOURCE_KEY).ok());
    assert!(found.items[0].option_groups.is_empty());
    let asked = wire.only();
    assert!(asked.uri.contains("rds.eu-west-1."), "{}", asked.uri);
    let form = asked.form();
    assert_eq!(
        (form["MaxRecords"].as_str(), form["Marker"].as_str()),
        ("100", "here")
    );
}

#[tokio::test]
async fn manual_cluster_snapshots_are_listed_by_the_hundred_with_their_tags() {
    let list = "<DBClusterSnapshots><DBClusterSnapshot>\
        <DBClusterSnapshotArn>arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:theirs</DBClusterSnapshotArn>\
        <Status>creating</Status>\
        <TagList><Tag><Key>snapferry:stack</Key><Value>test</Value></Tag></TagList>\
        </DBClusterSnapshot></DBClusterSnapshots><Marker>more</Marker>";
    let wire = Wire::new([xml("DescribeDBClusterSnapshots", list)]);
    let found = doctor(&wire)
        .list_manual_snapshots(&region(SOURCE), Family::Cluster, None)
        .await
        .unwrap();
    assert_eq!(found.items[0].tags["snapferry:stack"], "test");
    assert_eq!(found.next.as_deref(), Some("more"));
    let form = wire.only().form();
    assert_eq!(
        (form["SnapshotType"].as_str(), form["MaxRecords"].as_str()),
        ("manual", "100")
    );
}

#[tokio::test]
async fn manual_snapshots_are_listed_by_the_hundred_with_their_tags() {
    let one = row(&of_a_copy(), &[("snapferry:stack", "test")]);
    let list = format!("<DBSnapshots>{one}</DBSnapshots>");
    let wire = Wire::new([xml("DescribeDBSnapshots", &list)]);
    let found = doctor(&wire)
        .list_manual_snapshots(&region(HOME), Family::Instance, None)
        .await
        .unwrap();
    assert_eq!(found.items[0].tags["snapferry:stack"], "test");
    assert_eq!(found.next, None);
    let form = wire.only().form();
    assert_eq!(
        (form["SnapshotType"].as_str(), form["MaxRecords"].as_str()),
        ("manual", "100")
    );
}

#[tokio::test]
async fn an_option_group_is_read_with_the_options_that_bind() {
    let option = |name: &str, permanent: bool, persistent: bool| {
        format!(
            "<Option><OptionName>{name}</OptionName><Permanent>{permanent}</Permanent>\
             <Persistent>{persistent}</Persistent></Option>"
        )
    };
    let options = [
        option("TDE", true, true),
        option("SQL_TDE", false, true),
        option("STATSPACK", false, false),
    ];
    let list = format!(
        "<OptionGroupsList><OptionGroup><OptionGroupName>safe</OptionGroupName><EngineName>oracle-ee</EngineName>\
         <MajorEngineVersion>19</MajorEngineVersion><Options>{}</Options></OptionGroup></OptionGroupsList>",
        options.concat()
    );
    let wire = Wire::new([xml("DescribeOptionGroups", &list)]);
    let found = doctor(&wire)
        .list_option_groups(&region(SOURCE), None)
        .await
        .unwrap();
    assert_eq!(found.items[0].binding, ["TDE", "SQL_TDE"]);
    assert!(found.items[0].has_tde);
    assert_eq!(found.items[0].engine, "oracle-ee");
    assert_eq!(found.items[0].major_version, "19");
    assert_eq!(wire.only().form()["MaxRecords"], "100");
}

fn iam(results: &str, marker: Option<&str>) -> Reply {
    ok(simulated(results, marker))
}

fn simulated(results: &str, marker: Option<&str>) -> String {
    let more = marker.map_or("<IsTruncated>false</IsTruncated>".to_owned(), |marker| {
        format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>")
    });
    format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <SimulatePrincipalPolicyResult>{more}<EvaluationResults>{results}</EvaluationResults>\
         </SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
}

fn result(action: &str, decision: &str, more: &str) -> String {
    format!(
        "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>r</EvalResourceName>\
         <EvalDecision>{decision}</EvalDecision>{more}</member>"
    )
}

fn requirement() -> Requirement {
    Requirement {
        actions: vec!["rds:CreateDBSnapshot", "rds:AddTagsToResource"],
        resources: vec!["arn:db".to_owned(), "arn:snapshot".to_owned()],
        context: vec![
            ("aws:RequestedRegion", "eu-west-1".to_owned()),
            ("kms:GrantIsForAWSResource", "true".to_owned()),
        ],
    }
}

fn role() -> RoleArn {
    RoleArn::parse("arn:aws:iam::111122223333:role/worker").unwrap()
}

#[tokio::test]
async fn a_role_is_simulated_with_resources_and_context_to_the_last_page() {
    let each = "<ResourceSpecificResults><member><EvalResourceName>arn:db</EvalResourceName>\
        <EvalResourceDecision>allowed</EvalResourceDecision></member><member>\
        <EvalResourceName>arn:snapshot</EvalResourceName><EvalResourceDecision>implicitDeny</EvalResourceDecision>\
        <MissingContextValues><member>aws:SourceVpc</member></MissingContextValues></member>\
        </ResourceSpecificResults>";
    let wire = Wire::new([
        iam(
            &result("rds:CreateDBSnapshot", "implicitDeny", each),
            Some("more"),
        ),
        iam(&result("rds:AddTagsToResource", "explicitDeny", ""), None),
    ]);
    let found = doctor(&wire)
        .simulate_principal_policy(&role(), &requirement())
        .await
        .unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|one| {
            (
                one.action.as_str(),
                one.resource.as_str(),
                one.allowed,
                one.missing.len(),
            )
        })
        .collect();
    let expected = [
        ("rds:CreateDBSnapshot", "arn:db", true, 0),
        ("rds:CreateDBSnapshot", "arn:snapshot", false, 1),
        ("rds:AddTagsToResource", "r", false, 0),
    ];
    assert_eq!(told, expected);
    let asked = wire.asked();
    let form = asked[0].form();
    let of = |name: &str| form.get(name).map_or("", String::as_str);
    assert_eq!(of("PolicySourceArn"), role().as_str());
    assert_eq!(of("ActionNames.member.2"), "rds:AddTagsToResource");
    assert_eq!(of("ResourceArns.member.2"), "arn:snapshot");
    assert_eq!(
        of("ContextEntries.member.1.ContextKeyName"),
        "aws:RequestedRegion"
    );
    assert_eq!(of("ContextEntries.member.1.ContextKeyType"), "string");
    assert_eq!(
        of("ContextEntries.member.2.ContextKeyValues.member.1"),
        "true"
    );
    assert_eq!(of("ContextEntries.member.2.ContextKeyType"), "boolean");
    assert_eq!(asked[1].form()["Marker"], "more");
}

#[tokio::test]
async fn an_action_that_iam_leaves_out_is_not_taken_for_allowed() {
    let wire = Wire::new([iam(&result("rds:CreateDBSnapshot", "allowed", ""), None)]);
    let answer = doctor(&wire)
        .simulate_principal_policy(&role(), &requirement())
        .await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn throttling_slows_the_doctor_and_does_not_blind_it() {
    let throttled = || json_error(400, "ThrottlingException", "Rate exceeded");
    let good = ok(metadata("Enabled", &json!({})).to_string());
    let wire = Wire::new([throttled(), throttled(), throttled(), throttled(), good]);
    assert!(
        doctor(&wire)
            .describe_key(&source_key())
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(wire.asked().len(), 5);
}

/// An account with one instance and one cluster, in which everything is fine except that no rule forwards events.
fn account(asked: &Asked) -> Answer {
    let rds = |action: &str, body: &str| {
        answered(format!(
            "<{action}Response><{action}Result>{body}</{action}Result></{action}Response>"
        ))
    };
    match asked.action().as_str() {
        action @ "DescribeDBInstances" => rds(
            action,
            &format!(
                "<DBInstances>{}</DBInstances>",
                INSTANCE.replace("safe", "default:x")
            ),
        ),
        action @ "DescribeDBClusters" => {
            rds(action, &format!("<DBClusters>{CLUSTER}</DBClusters>"))
        }
        action @ "DescribeDBSnapshots" => rds(action, "<DBSnapshots/>"),
        action @ "DescribeDBClusterSnapshots" => rds(action, "<DBClusterSnapshots/>"),
        // No policies were ever applied.
        "GetItem" => answered("{}"),
        action @ "DescribeOptionGroups" => rds(action, "<OptionGroupsList/>"),
        action @ "DescribeAccountAttributes" => rds(
            action,
            "<AccountQuotas><AccountQuota><AccountQuotaName>ManualSnapshots</AccountQuotaName>\
             <Used>3</Used><Max>100</Max></AccountQuota><AccountQuota>\
             <AccountQuotaName>ManualClusterSnapshots</AccountQuotaName><Used>1</Used><Max>100</Max>\
             </AccountQuota></AccountQuotas>",
        ),
        "DescribeKey" => answered(metadata("Enabled", &json!({})).to_string()),
        "ListRuleNamesByTarget" => answered(r#"{"RuleNames":[]}"#),
        "Query" => answered(r#"{"Items":[]}"#),
        "ListQueues" => answered("{}"),
        "DescribeStacks" => answered(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>",
        ),
        "GetQueueUrl" => answered(json!({ "QueueUrl": QUEUE }).to_string()),
        "GetQueueAttributes" => answered(
            json!({ "Attributes": {
                "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0",
            }})
            .to_string(),
        ),
        "GetTopicAttributes" => answered(topic(&[
            ("SubscriptionsConfirmed", "1"),
            ("SubscriptionsPending", "0"),
        ])),
        "SimulatePrincipalPolicy" => {
            let form = asked.form();
            let actions = form
                .iter()
                .filter(|(name, _)| name.starts_with("ActionNames."));
            let results: String = actions
                .map(|(_, action)| result(action, "allowed", ""))
                .collect();
            answered(simulated(&results, None))
        }
        // The caller may not read key policies.
        _ => Answer::Http(
            400,
            json!({ "__type": "AccessDeniedException", "message": "not you" }).to_string(),
        ),
    }
}

fn ask(server: &Server, arguments: &[&str]) -> std::process::Command {
    let mut command = configured(server, arguments);
    command.env("SNAPFERRY_ALARM_TOPIC_ARN", TOPIC);
    for (limit, seconds) in [
        ("FUNCTION_TIMEOUT", "60"),
        ("VISIBILITY", "360"),
        ("RDS_READ", "10"),
        ("RDS_CHANGE", "25"),
    ] {
        command.env(format!("SNAPFERRY_{limit}_SECONDS"), seconds);
    }
    for name in ["COMMANDS", "EVENTS"] {
        for kind in ["QUEUE_URL", "DEAD_LETTER_QUEUE_URL"] {
            command.env(format!("SNAPFERRY_{name}_{kind}"), QUEUE);
        }
    }
    for role in [
        "PLANNER",
        "WORKER",
        "REACTOR",
        "SWEEPER",
        "PRUNER",
        "STATE_MACHINE",
    ] {
        command.env(
            format!("SNAPFERRY_{role}_ROLE_ARN"),
            format!("arn:aws:iam::111122223333:role/{role}"),
        );
    }
    command
}

#[test]
fn doctor_tells_the_worst_first_and_fails_when_a_check_did() {
    let server = Server::start(account);
    let out = ran(&ask(&server, &["doctor"]).output().unwrap(), 1);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("LEVEL"), "{out}");
    assert!(
        lines[1].starts_with("failure  forwarding-rule  eu-west-1"),
        "{out}"
    );
    assert!(
        lines[1].contains("deploy source-region.yaml in eu-west-1"),
        "{out}"
    );
    for line in &lines[2..4] {
        assert!(line.starts_with("warning  snapshot-quota"), "{out}");
        assert!(line.contains("default keeps every recovery point"), "{out}");
    }
    assert!(lines[4].starts_with("unknown  key-policy"), "{out}");
    assert!(lines[4].contains("kms:GetKeyPolicy"), "{out}");
    assert!(
        out.contains("failures: 1, warnings: 2, unknown: 2"),
        "{out}"
    );
}

#[test]
fn doctor_in_json_has_every_finding_and_exits_with_0_when_nothing_failed() {
    let server = Server::start(|asked| match asked.action().as_str() {
        "ListRuleNamesByTarget" => answered(r#"{"RuleNames":["forward"]}"#),
        "DescribeRule" => answered(
            json!({ "State": "ENABLED", "EventPattern": "{\"source\":[\"aws.rds\"]}" }).to_string(),
        ),
        _ => account(asked),
    });
    let out = ran(&ask(&server, &["doctor", "--json"]).output().unwrap(), 0);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["counts"]["failure"], 0, "{out}");
    assert_eq!(answer["counts"]["unknown"], 2, "{out}");
    let findings = answer["findings"].as_array().unwrap();
    let key = findings
        .iter()
        .find(|one| one["check"] == "recovery-key")
        .unwrap();
    assert_eq!(key["subject"], KEY);
    assert_eq!(key["level"], "ok");
    assert_eq!(key["remedy"], Value::Null);
    let databases = findings
        .iter()
        .find(|one| one["check"] == "databases")
        .unwrap();
    assert_eq!(databases["level"], "ok");
    let what = databases["what"].as_str().unwrap();
    assert!(what.ends_with("1 clusters"), "{what}");
}

/// The doctor has other time limits than a function, and treats a set that it cannot read differently.
#[test]
fn doctor_takes_no_set_that_it_cannot_read_for_the_built_in_one() {
    let server = Server::start(|asked| match asked.action().as_str() {
        "GetItem" => answered(
            json!({ "Item": { "pk": { "S": "policies#current" }, "version": { "N": "1" } } })
                .to_string(),
        ),
        _ => account(asked),
    });
    let out = ran(&ask(&server, &["doctor", "--json"]).output().unwrap(), 1);
    let answer: Value = serde_json::from_str(&out).unwrap();
    let findings = answer["findings"].as_array().unwrap();
    let of = |check: &str| findings.iter().find(|one| one["check"] == check).unwrap();
    assert_eq!(of("policies")["level"], "failure", "{out}");
    assert_eq!(of("databases")["level"], "unknown", "{out}");
}

#[test]
fn doctor_refuses_a_region_that_the_stack_does_not_have() {
    let server = Server::start(account);
    let output = ask(&server, &["doctor", "--source-region", "us-east-1"])
        .output()
        .unwrap();
    ran(&output, 2);
    assert!(server.asked().is_empty());
}
