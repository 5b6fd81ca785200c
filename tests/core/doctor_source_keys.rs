//! Whether the worker may use the keys of the databases: its role, and the keys' own policies.

use snapferry::domain::doctor::key_policy::{Caller, Statement};
use snapferry::domain::doctor::permissions::RoleArn;
use snapferry::domain::doctor::source_keys::{not_covered, of_another_account, policy_of_source};
use snapferry::domain::doctor::{Finding, Level};
use snapferry::domain::id::arn::KeyArn;

use crate::world::{SOURCE, region};

fn key(arn: &str) -> KeyArn {
    KeyArn::parse(arn).unwrap()
}

fn is(finding: &Finding, level: Level, part: &str) {
    assert_eq!(finding.level, level, "{finding:?}");
    assert!(finding.what.contains(part), "{part:?} in {finding:?}");
    assert!(finding.remedy.is_some(), "{finding:?}");
}

const FOREIGN_KEY: &str = "arn:aws:kms:eu-west-1:999988887777:key/theirs";

#[test]
fn a_source_key_that_the_workers_role_does_not_cover_is_a_failure() {
    let account = "111122223333";
    let listed = |arns: &[&str]| arns.iter().map(ToString::to_string).collect::<Vec<_>>();
    let own = "arn:aws:kms:eu-west-1:111122223333:key/own";
    assert_eq!(not_covered(&key(own), account, &[]), None);
    let theirs = not_covered(&key(FOREIGN_KEY), account, &[]).unwrap();
    is(&theirs, Level::Failure, "belongs to account 999988887777");
    assert!(theirs.remedy.unwrap().contains("SourceKeyArns"));
    assert_eq!(
        not_covered(&key(FOREIGN_KEY), account, &listed(&[FOREIGN_KEY])),
        None
    );
    let all_of_theirs = listed(&["arn:aws:kms:eu-west-1:999988887777:key/*"]);
    assert_eq!(
        not_covered(&key(FOREIGN_KEY), account, &all_of_theirs),
        None
    );
    let forgotten = not_covered(&key(own), account, &all_of_theirs).unwrap();
    is(&forgotten, Level::Failure, "does not name it");
}

#[test]
fn the_owner_of_a_source_key_in_another_account_is_named_with_what_it_must_allow() {
    let account = "111122223333";
    let worker = RoleArn::parse("arn:aws:iam::111122223333:role/worker").unwrap();
    let found = of_another_account(&key(FOREIGN_KEY), Some(&worker), account).unwrap();
    is(&found, Level::Unknown, "account 999988887777");
    let remedy = found.remedy.unwrap();
    for part in ["999988887777", "role/worker", "kms:CreateGrant"] {
        assert!(remedy.contains(part), "{remedy}");
    }
    let own = "arn:aws:kms:eu-west-1:111122223333:key/own";
    assert_eq!(of_another_account(&key(own), Some(&worker), account), None);
}

#[test]
fn a_source_keys_policy_that_names_others_is_a_warning() {
    let worker = RoleArn::parse("arn:aws:iam::111122223333:role/worker").unwrap();
    let region = region(SOURCE);
    let caller = Caller {
        role: &worker,
        region: &region,
    };
    let allowing = |principal: &str| Statement {
        principals: vec![principal.to_owned()],
        actions: vec!["kms:*".to_owned()],
        ..Statement::default()
    };
    let own = key("arn:aws:kms:eu-west-1:111122223333:key/own");
    assert_eq!(
        policy_of_source(&own, &[allowing("111122223333")], caller),
        None
    );
    let found = policy_of_source(
        &own,
        &[allowing("arn:aws:iam::111122223333:role/admin")],
        caller,
    );
    is(&found.unwrap(), Level::Warning, "RDS may refuse");
}
