//! Policies over the wire: each action with the condition that it promises, and what each answer means.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use snapferry::domain::id::arn::{KeyAlias, KeyArn};
use snapferry::domain::id::names::OptionGroup;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::set::{Applied, Note, PolicySet, Stamp, Version};
use snapferry::domain::policy::span::Span;
use snapferry::domain::policy::spec::{AppliedKey, KeyName, PolicyOptions, PolicySpec};
use snapferry::json as wire_of;
use snapferry::ports::{
    CallerIdentity, DescribeKey, ReadPolicies, ReadPolicyHistory, StorePolicies, Written,
};

use crate::wire::{Reply, TABLE, Wire, json_error, ok};
use crate::world::{KEY, time};

fn version(number: u32) -> Version {
    Version::new(number).unwrap()
}

fn a_set(number: u32) -> Applied {
    let spec = PolicySpec {
        key: Some(AppliedKey {
            arn: KeyArn::parse(KEY).unwrap(),
            alias: Some(KeyAlias::parse("alias/recovery").unwrap()),
        }),
        options: PolicyOptions {
            option_groups: BTreeMap::from([(
                OptionGroup::parse("a").unwrap(),
                OptionGroup::parse("b").unwrap(),
            )]),
            paused: true,
            catch_up: Some(Span::CATCH_UP),
            ..PolicyOptions::default()
        },
        ..PolicySpec::new(Schedule::parse("0 3 * * *", "Europe/Paris").unwrap())
    };
    Applied {
        stamp: Stamp {
            version: version(number),
            at: time("2026-11-22T03:05:00.250Z"),
            by: "arn:aws:iam::111122223333:user/ada".to_owned(),
            note: Some(Note::parse("why not").unwrap()),
        },
        text: "# as it was\n".to_owned(),
        set: PolicySet {
            untagged: None,
            copy_slots: Some(7),
            cluster_copy_slots: Some(3),
            policies: BTreeMap::from([(PolicyName::parse("gold").unwrap(), spec)]),
        },
    }
}

/// The item that a write of the set puts under the key of the set in force.
async fn stored(set: &Applied) -> Value {
    let wire = Wire::new([ok("{}")]);
    wire.aws().store_policies(set).await.unwrap();
    wire.only().json()["TransactItems"][1]["Put"]["Item"].clone()
}

#[tokio::test]
async fn a_set_is_stored_for_good_and_as_what_holds_in_one_write_under_both_conditions() {
    for (number, condition) in [
        (1, "attribute_not_exists(#pk)"),
        (3, "#version = :previous"),
    ] {
        let wire = Wire::new([ok("{}")]);
        let written = wire.aws().store_policies(&a_set(number)).await.unwrap();
        assert_eq!(written, Written::Stored);
        let asked = wire.only();
        assert_eq!(asked.action(), "TransactWriteItems");
        let writes = asked.json()["TransactItems"].clone();
        let (kept, current) = (&writes[0]["Put"], &writes[1]["Put"]);
        assert_eq!(kept["Item"]["pk"]["S"], format!("policies#{number}"));
        assert_eq!(kept["ConditionExpression"], "attribute_not_exists(#pk)");
        assert_eq!(current["Item"]["pk"]["S"], "policies#current");
        assert_eq!(current["ConditionExpression"], condition);
        if number > 1 {
            let previous = &current["ExpressionAttributeValues"][":previous"]["N"];
            assert_eq!(previous, &(number - 1).to_string());
        }
        for put in [kept, current] {
            assert_eq!(put["TableName"], TABLE);
            assert_eq!(put["Item"]["version"]["N"], number.to_string());
            assert_eq!(put["Item"]["text"]["S"], "# as it was\n");
        }
    }
}

#[tokio::test]
async fn a_write_that_raced_another_is_a_conflict_and_any_other_refusal_an_error() {
    let cancelled = |codes: [&str; 2]| {
        let reasons = codes.map(|code| json!({ "Code": code }));
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled", "CancellationReasons": reasons,
        });
        Reply::Http(400, body.to_string())
    };
    for codes in [
        ["ConditionalCheckFailed", "ConditionalCheckFailed"],
        ["None", "ConditionalCheckFailed"],
    ] {
        let wire = Wire::new([cancelled(codes)]);
        let written = wire.aws().store_policies(&a_set(2)).await;
        assert_eq!(written.unwrap(), Written::Conflict);
    }
    for reply in [
        cancelled(["None", "TransactionConflict"]),
        json_error(400, "AccessDeniedException", "no"),
        Reply::Broken,
    ] {
        let wire = Wire::new([reply]);
        wire.aws().store_policies(&a_set(2)).await.unwrap_err();
    }
}

#[tokio::test]
async fn what_holds_is_read_consistently_and_as_it_was_stored() {
    let item = stored(&a_set(3)).await;
    let wire = Wire::new([ok(json!({ "Item": item }).to_string())]);
    let read = wire.aws().current_policies().await.unwrap();
    assert_eq!(read, Some(a_set(3)));
    let body = wire.only().json();
    assert_eq!(wire.only().action(), "GetItem");
    assert_eq!(body["Key"]["pk"]["S"], "policies#current");
    assert_eq!(body["ConsistentRead"], true);
    assert_eq!(
        Wire::new([ok("{}")])
            .aws()
            .current_policies()
            .await
            .unwrap(),
        None
    );
    let wire = Wire::new([ok("{}")]);
    wire.aws().policy_version(version(2)).await.unwrap();
    assert_eq!(wire.only().json()["Key"]["pk"]["S"], "policies#2");
}

#[tokio::test]
async fn a_set_that_cannot_be_read_is_an_error_and_never_none_and_its_stamp_is_readable_still() {
    let whole = stored(&a_set(3)).await;
    let from_tomorrow = wire_of::policies::write(&a_set(3).set).replace("schedule\"", "calendar\"");
    for (attribute, value, named) in [
        ("set", json!({ "S": from_tomorrow }), "version 3"),
        ("set", json!({ "S": "{}" }), "version 3"),
        ("set", json!({ "N": "1" }), "set"),
        ("text", json!({ "NULL": true }), "text"),
    ] {
        let mut item = whole.clone();
        item[attribute] = value;
        let reply = ok(json!({ "Item": item }).to_string());
        let error = Wire::new([reply.clone()]).aws().current_policies().await;
        let error = snapferry::error::chain(&error.unwrap_err());
        assert!(error.contains(named), "{error}");
        let stamp = Wire::new([reply]).aws().current_stamp().await.unwrap();
        assert_eq!(stamp.unwrap().version, version(3));
    }
    let mut item = whole;
    item["version"] = json!({ "N": "0" });
    let reply = ok(json!({ "Item": item }).to_string());
    Wire::new([reply]).aws().current_stamp().await.unwrap_err();
}

#[tokio::test]
async fn stamps_are_read_in_one_batch_without_the_sets() {
    let mut first = stored(&a_set(1)).await;
    let mut second = stored(&a_set(2)).await;
    for item in [&mut first, &mut second] {
        item.as_object_mut()
            .unwrap()
            .retain(|name, _| name != "set" && name != "text");
    }
    let left = json!({ TABLE: { "Keys": [{ "pk": { "S": "policies#1" } }] } });
    let wire = Wire::new([
        ok(json!({ "Responses": { TABLE: [second] }, "UnprocessedKeys": left }).to_string()),
        ok(json!({ "Responses": { TABLE: [first] }, "UnprocessedKeys": {} }).to_string()),
    ]);
    let stamps = wire.aws().policy_stamps(&[version(2), version(1)]).await;
    assert_eq!(stamps.unwrap(), [a_set(2).stamp, a_set(1).stamp]);
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "BatchGetItem");
    let asked = &asked.json()["RequestItems"][TABLE];
    assert_eq!(asked["Keys"].as_array().unwrap().len(), 2);
    let names: Vec<&str> = asked["ExpressionAttributeNames"]
        .as_object()
        .unwrap()
        .values()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(
        !names.contains(&"text") && !names.contains(&"set"),
        "{names:?}"
    );
}

pub(crate) fn key(state: &str, usage: &str, spec: &str) -> String {
    json!({ "KeyMetadata": {
        "Arn": KEY, "KeyId": "11111111-2222-3333-4444-555555555555",
        "KeyState": state, "KeyUsage": usage, "KeySpec": spec,
    } })
    .to_string()
}

#[tokio::test]
async fn an_alias_is_resolved_by_kms_with_why_rds_could_not_use_the_key() {
    let alias = KeyName::parse("alias/recovery").unwrap();
    let good = key("Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT");
    for (body, why) in [
        (good, None),
        (
            key("PendingDeletion", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"),
            Some("its state is PendingDeletion"),
        ),
        (
            key("Enabled", "SIGN_VERIFY", "RSA_2048"),
            Some("it is not a symmetric encryption key"),
        ),
    ] {
        let wire = Wire::new([ok(body)]);
        let facts = wire.aws().describe_key(&alias).await.unwrap().unwrap();
        assert_eq!(facts.arn.as_str(), KEY);
        assert_eq!(facts.unusable().as_deref(), why);
        assert_eq!(wire.only().json()["KeyId"], "alias/recovery");
    }
    let gone = json_error(400, "NotFoundException", "Alias is not found.");
    let facts = Wire::new([gone]).aws().describe_key(&alias).await;
    assert_eq!(facts.unwrap(), None);
    for reply in [
        json_error(400, "AccessDeniedException", "no"),
        ok("{}"),
        Reply::Broken,
    ] {
        let wire = Wire::new([reply]);
        wire.aws().describe_key(&alias).await.unwrap_err();
    }
}

pub(crate) const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::111122223333:user/ada</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>";

#[tokio::test]
async fn aws_says_who_is_asking() {
    let wire = Wire::new([ok(IDENTITY)]);
    let by = wire.aws().caller_identity().await.unwrap();
    assert_eq!(by, "arn:aws:iam::111122223333:user/ada");
    assert_eq!(wire.only().action(), "GetCallerIdentity");
}
