//! The documents that the doctor judges: key policies, and the patterns of rules.

use snapferry::aws::{catches_snapshots, read_key_policy};
use snapferry::domain::doctor::key_policy::{Caller, key_policy};
use snapferry::domain::doctor::permissions::RoleArn;
use snapferry::domain::doctor::{Finding, Level};
use snapferry::domain::id::arn::KeyArn;

use crate::world::{HOME, KEY, region};

const WORKER: &str = "arn:aws:iam::111122223333:role/snapferry-WorkerRole-1";

fn is(finding: &Finding, level: Level, part: &str) {
    assert_eq!(finding.level, level, "{finding:?}");
    assert!(finding.what.contains(part), "{part:?} in {finding:?}");
    assert_eq!(finding.remedy.is_some(), level != Level::Ok, "{finding:?}");
}

fn weighed(policy: &str) -> Finding {
    let role = RoleArn::parse(WORKER).unwrap();
    let statements = read_key_policy(policy).unwrap();
    let home = region(HOME);
    key_policy(
        &KeyArn::parse(KEY).unwrap(),
        &statements,
        Caller {
            role: &role,
            region: &home,
        },
    )
}

#[test]
fn a_key_policy_must_let_the_worker_lend_the_key_to_rds() {
    // As KMS writes it for a new key: the account's own policies govern.
    let default = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},
        "Action":"kms:*","Resource":"*"}]}"#;
    is(&weighed(default), Level::Ok, "lets the worker");
    let by_name = format!(
        r#"{{"Statement":[
            {{"Effect":"Allow","Principal":{{"AWS":["{WORKER}"]}},"Action":["kms:Describe*"],"Resource":"*"}},
            {{"Effect":"Allow","Principal":{{"AWS":"{WORKER}"}},"Action":"kms:CreateGrant","Resource":"*",
              "Condition":{{"Bool":{{"kms:GrantIsForAWSResource":true}},
                            "StringEquals":{{"kms:ViaService":["rds.{HOME}.amazonaws.com"]}}}}}}]}}"#
    );
    is(&weighed(&by_name), Level::Ok, "lets the worker");
}

#[test]
fn a_key_policy_that_names_others_or_denies_fails() {
    let others = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/admin"},
        "Action":"kms:*"}}"#;
    is(
        &weighed(others),
        Level::Failure,
        "does not allow kms:DescribeKey and kms:CreateGrant",
    );
    let no_grants = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"},
        {"Effect":"Deny","Principal":"*","Action":"kms:CreateGrant"}]}"#;
    is(
        &weighed(no_grants),
        Level::Failure,
        "denies kms:CreateGrant",
    );
    let elsewhere = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":["kms:DescribeKey"]},
        {"Effect":"Allow","Principal":"*","Action":"kms:CreateGrant",
         "Condition":{"StringEquals":{"kms:ViaService":"rds.us-east-1.amazonaws.com"}}}]}"#;
    is(
        &weighed(elsewhere),
        Level::Failure,
        "does not allow kms:CreateGrant",
    );
    // Only calls about grants carry the key of this condition.
    let grants_alone = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*",
        "Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}}]}"#;
    is(
        &weighed(grants_alone),
        Level::Failure,
        "does not allow kms:DescribeKey to",
    );
}

#[test]
fn a_key_policy_that_cannot_be_weighed_is_unknown_and_never_good() {
    let by_organization = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*",
        "Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}]}"#;
    is(&weighed(by_organization), Level::Unknown, "cannot judge");
    let all_but = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"},
        {"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/admin"},"Action":"kms:*"}]}"#;
    is(&weighed(all_but), Level::Unknown, "cannot judge");
    for text in ["", "[]", "{}", r#"{"Statement":[{"Principal":"*"}]}"#] {
        read_key_policy(text).unwrap_err();
    }
}

#[test]
fn a_pattern_is_weighed_as_far_as_it_is_plain() {
    let here = region("eu-west-1");
    let ours = r#"{"source":["aws.rds"],"detail-type":["RDS DB Snapshot Event","RDS DB Cluster Snapshot Event"]}"#;
    let cases = [
        (ours, Some(true)),
        (r#"{"source":["aws.rds","aws.ec2"]}"#, Some(true)),
        (r#"{"source":["aws.ec2"]}"#, Some(false)),
        (
            r#"{"source":["aws.rds"],"detail-type":["RDS DB Snapshot Event"]}"#,
            Some(false),
        ),
        (
            r#"{"source":["aws.rds"],"region":["eu-west-1"]}"#,
            Some(true),
        ),
        (
            r#"{"source":["aws.rds"],"region":["us-east-1"]}"#,
            Some(false),
        ),
        (r#"{"source":[{"prefix":"aws."}]}"#, None),
        (
            r#"{"source":["aws.rds"],"detail":{"EventID":["RDS-EVENT-0042"]}}"#,
            None,
        ),
    ];
    for (pattern, expected) in cases {
        let caught = catches_snapshots(pattern, &here).unwrap();
        assert_eq!(caught, expected, "{pattern}");
    }
    catches_snapshots("[]", &here).unwrap_err();
}
