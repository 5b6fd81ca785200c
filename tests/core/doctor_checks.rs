//! The doctor's checks, one by one: what is good, and what would fail.

use std::collections::BTreeSet;

use proptest::prelude::*;
use snapferry::app::{doctor, plan_preview, status};
use snapferry::domain::doctor::capacity::{Copies, SnapshotQuota, copy_slots, snapshot_quota};
use snapferry::domain::doctor::databases::{Candidate, claims, option_group, other_stacks};
use snapferry::domain::doctor::keys::{
    KeyFacts, KeyState, Manager, in_another_region, recovery_key, source_key,
};
use snapferry::domain::doctor::permissions::{Decision, not_named, permissions, queue_arn};
use snapferry::domain::doctor::region::{Letters, Rule, dead_letters, forwarding_rule};
use snapferry::domain::doctor::{Check, Finding, Level, Unanswered, in_order, is_well};
use snapferry::domain::id::arn::{Family, KeyArn};
use snapferry::domain::id::names::{self, ResourceId};
use snapferry::domain::id::role::{IamRole, Role};
use snapferry::domain::id::tags::{StackId, Tags};
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::option_group::{OptionGroup, is_tde};
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::restore::configuration::Captured;

use crate::world::{HOME, KEY, SOURCE, a_run, database, ours, region, snapshot_arn, time};

const AWS_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/aws-managed";

pub(crate) fn usable() -> KeyFacts {
    KeyFacts {
        arn: key(KEY),
        state: KeyState::Enabled,
        manager: Manager::Customer,
        symmetric: true,
    }
}

fn key(arn: &str) -> KeyArn {
    KeyArn::parse(arn).unwrap()
}

/// Bad findings always say how to fix them.
fn is(finding: &Finding, level: Level, part: &str) {
    assert_eq!(finding.level, level, "{finding:?}");
    assert!(finding.what.contains(part), "{part:?} in {finding:?}");
    assert_eq!(finding.remedy.is_some(), level != Level::Ok, "{finding:?}");
}

#[test]
fn a_recovery_key_must_be_there_enabled_and_symmetric() {
    let of = |facts: Option<KeyFacts>| recovery_key(&key(KEY), &region(HOME), facts.as_ref());
    is(&of(Some(usable())), Level::Ok, "usable");
    is(&of(None), Level::Failure, "no such key");
    let in_state = |state| KeyFacts { state, ..usable() };
    is(
        &of(Some(in_state(KeyState::Disabled))),
        Level::Failure,
        "disabled",
    );
    let leaving = KeyState::PendingDeletion(Some(time("2026-12-01T00:00:00Z")));
    let found = of(Some(in_state(leaving)));
    is(
        &found,
        Level::Failure,
        "pending deletion and will be deleted at 2026-12-01",
    );
    let other = KeyState::Other("PendingImport".to_owned());
    is(&of(Some(in_state(other))), Level::Failure, "PendingImport");
    let signing = KeyFacts {
        symmetric: false,
        ..usable()
    };
    is(
        &of(Some(signing)),
        Level::Failure,
        "not a symmetric encryption key",
    );
}

#[test]
fn a_recovery_key_of_another_region_fails_whatever_it_is_like() {
    let elsewhere = key(AWS_KEY);
    let found = in_another_region(&elsewhere, &region(HOME)).unwrap();
    is(&found, Level::Failure, "it lives in eu-west-1");
    assert!(found.remedy.as_ref().unwrap().contains("replica"));
    assert_eq!(
        recovery_key(&elsewhere, &region(HOME), Some(&usable())),
        found
    );
    assert_eq!(in_another_region(&key(KEY), &region(HOME)), None);
}

#[test]
fn the_aws_managed_key_is_fine_across_regions_and_not_across_accounts() {
    let managed = KeyFacts {
        manager: Manager::Aws,
        ..usable()
    };
    let of = |facts: &KeyFacts, account| {
        source_key(&key(AWS_KEY), Some(facts), &["orders", "billing"], account)
    };
    is(
        &of(&managed, "111122223333"),
        Level::Ok,
        "works across regions",
    );
    is(
        &of(&managed, "444455556666"),
        Level::Failure,
        "orders, billing",
    );
    is(&of(&usable(), "444455556666"), Level::Ok, "usable");
}

#[test]
fn a_source_whose_key_cannot_be_used_cannot_be_copied() {
    let disabled = KeyFacts {
        state: KeyState::Disabled,
        ..usable()
    };
    let of = |facts| source_key(&key(AWS_KEY), facts, &["orders"], "111122223333");
    is(
        &of(Some(&disabled)),
        Level::Failure,
        "cannot read the data of orders",
    );
    is(&of(None), Level::Failure, "no such key");
}

pub(crate) fn candidate(name: &str, option_groups: &[&str]) -> Candidate {
    Candidate {
        database: Database {
            arn: database(name),
            resource_id: ResourceId::parse(&format!("db-{}", name.to_uppercase())).unwrap(),
            member_of: None,
            engine: "oracle-ee".to_owned(),
            option_group: option_groups
                .first()
                .map(|name| names::OptionGroup::parse(name).unwrap()),
            copy_facts: CopyFacts::encrypted(),
            multi_az: None,
            backup_retention_days: None,
            status: "available".to_owned(),
            tags: Tags::from([("snapferry:policy".to_owned(), "default".to_owned())]),
            captured: Captured::default(),
        },
        key: None,
        option_groups: option_groups.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn group(name: &str, major: &str, binding: &[&str]) -> OptionGroup {
    OptionGroup {
        name: name.to_owned(),
        engine: "oracle-ee".to_owned(),
        major_version: major.to_owned(),
        binding: binding.iter().map(ToString::to_string).collect(),
        has_tde: binding.iter().any(|name| is_tde(name)),
    }
}

#[test]
fn a_default_option_group_needs_no_word() {
    let found = option_group(
        &candidate("orders", &["default:oracle-ee-19"]),
        &[],
        &[],
        None,
    );
    assert_eq!(found, []);
}

#[test]
fn an_option_group_without_a_counterpart_is_a_warning_and_with_tde_a_failure() {
    let orders = candidate("orders", &["fast"]);
    let plain = [group("fast", "19", &[])];
    let of = |here: &[OptionGroup], there: &[OptionGroup]| {
        let found = option_group(&orders, here, there, None);
        assert_eq!(found.len(), 1);
        found[0].clone()
    };
    is(&of(&plain, &plain), Level::Ok, "has fast too");
    is(&of(&plain, &[]), Level::Warning, "no counterpart");
    is(
        &of(&plain, &[group("fast", "21", &[])]),
        Level::Warning,
        "no counterpart",
    );
    let tde = [group("fast", "19", &["TDE"])];
    is(
        &of(&tde, &[]),
        Level::Failure,
        "has TDE, which a copy cannot do without",
    );
    // A group of that name does not help while copies are requested without one.
    is(
        &of(&tde, &tde),
        Level::Failure,
        "copies are made without one",
    );
    is(
        &of(&[], &plain),
        Level::Unknown,
        "lists no option group fast",
    );
}

#[test]
fn an_option_group_that_copies_are_to_have_must_fit() {
    let orders = candidate("orders", &["fast"]);
    let tde = [group("fast", "19", &["TDE"])];
    let of = |there: &[OptionGroup]| option_group(&orders, &tde, there, Some("dr"))[0].clone();
    is(
        &of(&[group("dr", "19", &["TDE"])]),
        Level::Ok,
        "fast becomes dr",
    );
    is(
        &of(&[]),
        Level::Failure,
        "does not exist in the recovery region",
    );
    is(
        &of(&[group("dr", "21", &["TDE"])]),
        Level::Failure,
        "is for oracle-ee 21",
    );
    is(
        &of(&[group("dr", "19", &[])]),
        Level::Failure,
        "lacks an option",
    );
}

#[test]
fn another_stack_is_seen_by_its_snapshots_of_the_same_database() {
    let run = a_run("orders");
    let mut theirs = ours(&snapshot_arn(&run, 1), &run, SnapshotStatus::Available);
    let prod = StackId::parse("prod").unwrap();
    let (now, since) = (time("2026-11-23T00:00:00Z"), time("2026-11-10T00:00:00Z"));
    let judge =
        |snapshots: &[_], since| other_stacks(&run.database, &prod, &claims(snapshots, now), since);
    assert_eq!(judge(&[theirs.clone()], since), None, "ours is not another");
    theirs
        .tags
        .insert("snapferry:stack".to_owned(), "test".to_owned());
    let found = judge(&[theirs.clone()], since).unwrap();
    is(&found, Level::Warning, "another stack too: test");
    // A deleted stack leaves its snapshots behind.
    assert_eq!(judge(&[theirs.clone()], now), None);
    // An unfinished snapshot has no time yet.
    theirs.taken_at = None;
    assert!(judge(&[theirs.clone()], now).is_some());
    theirs.tags.remove("snapferry:resource-id");
    assert_eq!(judge(&[theirs], since), None);
}

#[test]
fn a_round_that_does_not_fit_into_the_quota_fails() {
    let of = |used, max, databases| {
        snapshot_quota(
            &region(HOME),
            Family::Instance,
            Some(SnapshotQuota { used, max }),
            Some(databases),
        )
    };
    is(&of(10, 100, 12), Level::Ok, "room for 90");
    is(&of(80, 100, 12), Level::Warning, "room for 20");
    is(&of(89, 100, 12), Level::Failure, "89 of 100");
    is(&of(100, 100, 0), Level::Failure, "room for 0");
    is(&of(120, 100, 1), Level::Failure, "room for 0");
    let unreported = snapshot_quota(&region(HOME), Family::Instance, None, Some(1));
    is(&unreported, Level::Unknown, "does not report");
    let unlisted = |used| {
        snapshot_quota(
            &region(HOME),
            Family::Instance,
            Some(SnapshotQuota { used, max: 100 }),
            None,
        )
    };
    is(&unlisted(3), Level::Unknown, "how many a round makes");
    is(&unlisted(100), Level::Failure, "room for 0");
}

proptest! {
    #[test]
    fn less_room_or_more_databases_never_look_better(
        used in 0i64..200, max in 0i64..200, databases in 0usize..200, more in 1i64..50,
    ) {
        let of = |used, max, databases| {
            snapshot_quota(&region(HOME), Family::Instance, Some(SnapshotQuota { used, max }), Some(databases)).level
        };
        let level = of(used, max, databases);
        prop_assert!(of(used + more, max, databases) >= level);
        prop_assert!(of(used, max - more, databases) >= level);
        let grown = databases + usize::try_from(more).unwrap();
        prop_assert!(of(used, max, grown) >= level);
        // A round that fits never fails, and one that does not always does.
        let fits = max - used >= i64::try_from(databases).unwrap() && max > used;
        prop_assert_eq!(level != Level::Failure, fits);
    }
}

#[test]
fn copies_of_others_and_too_many_slots_are_told() {
    let roomy = Copies {
        slots: 20,
        taken: 3,
        queued: 0,
        of_others: Some(0),
    };
    let of = |copies| copy_slots(&region(HOME), copies);
    is(&of(roomy), Level::Ok, "3 of 20 taken");
    let others = Copies {
        of_others: Some(5),
        ..roomy
    };
    is(&of(others), Level::Warning, "5 copies of others");
    is(
        &of(Copies {
            slots: 15,
            ..others
        }),
        Level::Ok,
        "3 of 15",
    );
    is(
        &of(Copies { slots: 40, ..roomy }),
        Level::Warning,
        "allows 20 by default",
    );
    let full = Copies {
        taken: 20,
        queued: 7,
        ..roomy
    };
    is(&of(full), Level::Warning, "7 copies wait");
    let silent = Copies {
        of_others: None,
        ..roomy
    };
    is(&of(silent), Level::Ok, "is not known");
}

#[test]
fn a_source_region_needs_a_rule_that_forwards_rdss_snapshot_events() {
    let rule = |name: &str, enabled, catches_snapshots| Rule {
        name: name.to_owned(),
        enabled,
        catches_snapshots,
    };
    let of = |rules: &[Rule]| forwarding_rule(&region(SOURCE), &region(HOME), rules);
    let good = rule("forward", true, Some(true));
    is(
        &of(&[rule("other", true, Some(false)), good]),
        Level::Ok,
        "forward",
    );
    is(&of(&[]), Level::Failure, "no rule forwards");
    is(
        &of(&[rule("forward", false, Some(true))]),
        Level::Failure,
        "disabled: forward",
    );
    is(
        &of(&[rule("other", true, Some(false))]),
        Level::Failure,
        "not RDS's snapshot events",
    );
    is(
        &of(&[rule("odd", true, None)]),
        Level::Unknown,
        "pattern of odd",
    );
}

#[test]
fn a_command_that_waits_for_a_person_is_a_failure_and_an_event_a_warning() {
    let there = Letters::Forwarding(region(SOURCE));
    for letters in [&Letters::Commands, &Letters::Events, &there] {
        is(&dead_letters(letters, Some(0)), Level::Ok, "none");
    }
    let parked = dead_letters(&Letters::Commands, Some(3));
    is(&parked, Level::Failure, "3 wait for a person");
    // Without --yes a replay only shows.
    assert!(parked.remedy.unwrap().contains("replay commands --yes"));
    is(
        &dead_letters(&Letters::Events, Some(3)),
        Level::Warning,
        "3 could not",
    );
    let lost = dead_letters(&there, Some(1));
    assert!(
        lost.remedy
            .unwrap()
            .contains("events --source-region eu-west-1 --yes")
    );
    is(&dead_letters(&there, None), Level::Warning, "no queue");
    is(
        &dead_letters(&Letters::Commands, None),
        Level::Failure,
        "does not exist",
    );
}

fn decision(action: &str, allowed: bool, missing: &[&str]) -> Decision {
    Decision {
        action: action.to_owned(),
        resource: "arn:aws:rds:eu-west-1:111122223333:db:x".to_owned(),
        allowed,
        missing: missing.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_permission_that_is_missing_is_named_with_its_resource() {
    let good = Ok(vec![decision("rds:CopyDBSnapshot", true, &[])]);
    let bad = Ok(vec![decision("rds:CreateDBSnapshot", false, &[])]);
    is(
        &permissions(IamRole::Function(Role::Worker), std::slice::from_ref(&good)),
        Level::Ok,
        "all 1",
    );
    let found = permissions(IamRole::Function(Role::Worker), &[good.clone(), bad]);
    is(
        &found,
        Level::Failure,
        "may not rds:CreateDBSnapshot on arn:aws:rds:",
    );
    let unclear = Ok(vec![decision(
        "rds:CreateDBSnapshot",
        false,
        &["aws:SourceVpc"],
    )]);
    is(
        &permissions(IamRole::Function(Role::Worker), &[good, unclear]),
        Level::Unknown,
        "not known",
    );
}

/// AWS's reference names no resource for SendTask*, and AWS's own refusals name the state machine.
#[test]
fn the_simulators_denial_of_a_callback_is_unknown() {
    let good = Ok(vec![decision("rds:CopyDBSnapshot", true, &[])]);
    let callback = Ok(vec![decision("states:SendTaskSuccess", false, &[])]);
    let worker = IamRole::Function(Role::Worker);
    let found = permissions(worker, &[good, callback.clone()]);
    is(&found, Level::Unknown, "states:SendTaskSuccess");
    let bad = Ok(vec![decision("rds:CreateDBSnapshot", false, &[])]);
    is(
        &permissions(worker, &[callback, bad]),
        Level::Failure,
        "may not rds:CreateDBSnapshot",
    );
}

#[test]
fn what_may_not_be_simulated_is_unknown_and_a_role_that_is_gone_a_failure() {
    let error = |code: &str| Unanswered {
        action: "iam:SimulatePrincipalPolicy".to_owned(),
        code: Some(code.to_owned()),
        why: code.to_owned(),
    };
    let refused = permissions(
        IamRole::Function(Role::Worker),
        &[Err(error("AccessDenied"))],
    );
    is(&refused, Level::Unknown, "AccessDenied");
    let remedy = refused.remedy.unwrap();
    assert!(remedy.contains("iam:SimulatePrincipalPolicy"), "{remedy}");
    let gone = permissions(
        IamRole::Function(Role::Worker),
        &[Err(error("NoSuchEntity"))],
    );
    is(&gone, Level::Failure, "no such role");
    is(
        &not_named(IamRole::Function(Role::Worker)),
        Level::Unknown,
        "SNAPFERRY_WORKER_ROLE_ARN",
    );
}

#[test]
fn a_queues_arn_is_read_off_its_url() {
    let arn = |url: &str| queue_arn(url, "aws", &region(HOME));
    let expected = "arn:aws:sqs:eu-central-1:111122223333:commands";
    for host in [
        "https://sqs.eu-central-1.amazonaws.com",
        "http://localhost:4566",
    ] {
        assert_eq!(
            arn(&format!("{host}/111122223333/commands")).unwrap(),
            expected
        );
    }
    for url in [
        "",
        "commands",
        "https://sqs/commands",
        "https://sqs/12/commands",
    ] {
        arn(url).unwrap_err();
    }
}

#[test]
fn the_worst_is_told_first_and_what_is_unknown_has_not_failed() {
    let of = |level, check| Finding {
        check,
        level,
        ..Finding::ok(check, "x", "y")
    };
    let findings = vec![
        of(Level::Ok, Check::RecoveryKey),
        of(Level::Unknown, Check::RecoveryKey),
        of(Level::Warning, Check::Permissions),
    ];
    assert!(is_well(&findings));
    let mut findings = findings;
    findings.push(of(Level::Failure, Check::DeadLetters));
    assert!(!is_well(&findings));
    let levels: Vec<_> = in_order(findings).iter().map(|one| one.level).collect();
    let expected = [Level::Failure, Level::Warning, Level::Unknown, Level::Ok];
    assert_eq!(levels, expected);
}

#[test]
fn the_runbook_has_a_row_for_each_check() {
    const RUNBOOK: &str = include_str!("../../docs/RUNBOOK.md");
    for check in Check::ALL {
        assert!(RUNBOOK.contains(&format!("\n| `{check}` |")), "{check}");
    }
}

/// The actions in a command's rows of the runbook's table.
fn actions_in_runbook(command: &str, next: &str) -> BTreeSet<&'static str> {
    const RUNBOOK: &str = include_str!("../../docs/RUNBOOK.md");
    let rows = RUNBOOK.split(&format!("| `{command}` |")).nth(1).unwrap();
    let rows = rows.split(&format!("| `{next}` |")).next().unwrap();
    rows.split('`').filter(|word| is_action(word)).collect()
}

fn is_action(word: &str) -> bool {
    let name = word.split_once(':').map(|(_, name)| name);
    name.is_some_and(|name| name.starts_with(char::is_uppercase)) && !word.contains(' ')
}

fn all_of(actions: &[&[&'static str]]) -> BTreeSet<&'static str> {
    actions.iter().copied().flatten().copied().collect()
}

#[test]
fn the_runbook_names_each_action_that_the_doctor_asks_for() {
    let documented = actions_in_runbook("status`, `report", "doctor");
    assert_eq!(documented, all_of(status::ACTIONS));
    let documented = actions_in_runbook("doctor", "plan");
    assert_eq!(documented, all_of(doctor::ACTIONS));
    let documented = actions_in_runbook("plan", "waits");
    assert_eq!(documented, all_of(plan_preview::ACTIONS));
}
