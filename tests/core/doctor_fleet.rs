//! The doctor with clusters and with applied policies, and what goes wrong with both.

use std::collections::BTreeMap;

use snapferry::app::doctor::{DoctorScope, diagnose};
use snapferry::domain::doctor::capacity::{PolicyCopies, policy_slots};
use snapferry::domain::doctor::databases::Candidate;
use snapferry::domain::doctor::keys::KeyState;
use snapferry::domain::doctor::{Check, Finding, Level, is_well};
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::names::{OptionGroup, ResourceId};
use snapferry::domain::id::role::{IamRole, Role};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::set::{Applied, PolicySet, Stamp, Version};
use snapferry::domain::policy::spec::{AppliedKey, PolicySpec};
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::slot_limits::SlotGroup;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};

use crate::doctor::{Estate, OTHER, SOURCE_KEY, doctor_settings, findings, level};
use crate::doctor_checks::{candidate, group, usable};
use crate::world::{
    HOME, KEY, SOURCE, a_cluster_run, a_run, cluster, command, copy_arn, ours, region, run,
    snapshot_arn, time,
};

const GOLD_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/gold";

fn shop() -> Candidate {
    let orders = candidate("orders", &[]);
    Candidate {
        database: Database {
            arn: cluster("shop"),
            resource_id: ResourceId::parse("cluster-SHOP").unwrap(),
            engine: "aurora-postgresql".to_owned(),
            ..orders.database
        },
        ..orders
    }
}

/// Two instances, and a cluster.
fn with_a_cluster() -> Estate {
    let mut estate = Estate::healthy();
    estate.clusters.insert(region(SOURCE), vec![shop()]);
    estate
}

fn gold() -> PolicySpec<AppliedKey> {
    PolicySpec {
        key: Some(AppliedKey {
            arn: KeyArn::parse(GOLD_KEY).unwrap(),
            alias: None,
        }),
        ..PolicySpec::new(Schedule::parse("0 3 * * *", "UTC").unwrap())
    }
}

/// A set with the single policy `gold`, which is also for databases without a tag.
fn applied(spec: PolicySpec<AppliedKey>) -> Option<Applied> {
    let name = PolicyName::parse("gold").unwrap();
    Some(Applied {
        stamp: Stamp {
            version: Version::FIRST,
            at: time("2026-11-20T00:00:00Z"),
            by: "arn:aws:iam::111122223333:user/someone".to_owned(),
            note: None,
        },
        text: String::new(),
        set: PolicySet {
            untagged: Some(name.clone()),
            copy_slots: None,
            cluster_copy_slots: None,
            policies: BTreeMap::from([(name, spec)]),
        },
    })
}

/// A fleet without tags, under the policy `gold`.
fn under(spec: PolicySpec<AppliedKey>) -> Estate {
    let mut estate = Estate::healthy();
    estate.policies = applied(spec);
    estate.keys.insert(GOLD_KEY.to_owned(), usable());
    for candidate in estate.databases.values_mut().flatten() {
        candidate.database.tags.clear();
        candidate.database.option_group = None;
        candidate.option_groups.clear();
    }
    estate
}

fn only(findings: &[Finding], check: Check, subject: &str) -> Finding {
    let mut found = findings
        .iter()
        .filter(|one| one.check == check && one.subject.contains(subject));
    let finding = found.next().unwrap().clone();
    assert_eq!(found.next(), None);
    finding
}

#[test]
fn clusters_are_looked_at_beside_instances() {
    let found = findings(&with_a_cluster());
    assert!(is_well(&found), "{found:?}");
    let databases = only(&found, Check::Databases, SOURCE);
    assert_eq!(databases.what, "protected: 2 instances, 1 clusters");
    let quotas: Vec<&str> = found
        .iter()
        .filter(|one| one.check == Check::SnapshotQuota && one.subject == HOME)
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(
        quotas,
        [
            "default keeps every recovery point; 3 of 100 manual snapshots are there, and it is full in about 48 days",
            "default keeps every recovery point; 3 of 100 manual cluster snapshots are there, and it is full in about 97 days",
            "3 of 100 manual snapshots; a round makes 2, there is room for 97",
            "3 of 100 manual cluster snapshots; a round makes 1, there is room for 97",
        ]
    );
}

#[test]
fn a_clusters_key_quota_and_other_stacks_are_found() {
    let mut estate = with_a_cluster();
    let key = "arn:aws:kms:eu-west-1:111122223333:key/of-the-shop";
    estate.clusters.get_mut(&region(SOURCE)).unwrap()[0].key = KeyArn::parse(key).ok();
    let source = only(&findings(&estate), Check::SourceKey, key);
    assert_eq!(source.level, Level::Failure);
    assert!(source.what.contains("the data of shop"), "{source:?}");

    let mut estate = with_a_cluster();
    estate.cluster_quota.used = 100;
    let found = findings(&estate);
    let full: Vec<&Finding> = found
        .iter()
        .filter(|one| one.level == Level::Failure)
        .collect();
    assert_eq!(full.len(), 2, "at the source and at home: {full:?}");
    for finding in full {
        assert_eq!(finding.check, Check::SnapshotQuota);
        let remedy = finding.remedy.as_ref().unwrap();
        assert!(remedy.contains("Manual DB cluster snapshots"), "{remedy}");
    }

    let mut estate = with_a_cluster();
    let run = a_cluster_run("shop");
    let mut theirs = ours(&snapshot_arn(&run, 1), &run, SnapshotStatus::Available);
    theirs
        .tags
        .insert("snapferry:stack".to_owned(), "test".to_owned());
    let theirs = vec![theirs];
    estate.cluster_snapshots.insert(region(SOURCE), theirs);
    let found = findings(&estate);
    assert_eq!(
        level(&found, Check::OtherStacks, "cluster:shop"),
        Level::Warning
    );
}

/// The members of a cluster are protected through it.
#[test]
fn a_clusters_members_are_no_databases_of_their_own() {
    let mut estate = with_a_cluster();
    let mut member = candidate("shop-1", &[]);
    member.database.member_of = Some("shop".to_owned());
    let instances = estate.databases.get_mut(&region(SOURCE)).unwrap();
    instances.push(member);
    let databases = only(&findings(&estate), Check::Databases, SOURCE);
    assert_eq!(databases.what, "protected: 2 instances, 1 clusters");
}

#[test]
fn what_the_planner_refuses_or_no_policy_takes_is_found() {
    let mut trio = shop();
    trio.database.arn = cluster("trio");
    trio.database.copy_facts.multi_az_cluster = true;
    let mut open = shop();
    open.database.arn = cluster("open");
    open.database.copy_facts.backup_target = Some("outposts".to_owned());
    let mut lost = shop();
    lost.database.arn = cluster("lost");
    lost.database
        .tags
        .insert("snapferry:policy".to_owned(), "silver".to_owned());
    let mut public = shop();
    let arn = "arn:aws-cn:rds:cn-north-1:111122223333:cluster:public";
    public.database.arn = RdsArn::parse(arn).unwrap();
    let mut excluded = trio.clone();
    excluded
        .database
        .tags
        .insert("snapferry:exclude".to_owned(), String::new());
    excluded.database.arn = cluster("excluded");
    let mut estate = Estate::healthy();
    let all = vec![trio, open, lost, public, excluded];
    estate.clusters.insert(region(SOURCE), all);
    let found = findings(&estate);
    for (subject, part) in [
        ("cluster:trio", "Multi-AZ DB cluster"),
        ("cluster:open", "kept in outposts"),
        ("cluster:lost", "unknown policy \"silver\""),
        ("cluster:public", "in a region in China"),
    ] {
        let finding = only(&found, Check::Databases, subject);
        assert_eq!(finding.level, Level::Failure);
        assert!(finding.what.contains(part), "{finding:?}");
        assert!(finding.remedy.is_some());
    }
    assert!(!found.iter().any(|one| one.subject.contains("excluded")));
}

#[test]
fn clusters_that_may_not_be_listed_cost_no_instance_its_row() {
    let mut estate = with_a_cluster();
    estate.refused.insert("DescribeDBClusters");
    let found = findings(&estate);
    let unknown = only(&found, Check::Databases, SOURCE);
    assert_eq!(unknown.level, Level::Unknown);
    let key = only(&found, Check::SourceKey, SOURCE_KEY);
    assert!(key.what.contains("orders, billing"), "{key:?}");
    let unsure = found.iter().any(|one| {
        one.check == Check::SnapshotQuota
            && one.what.contains("cluster snapshots")
            && one.level == Level::Unknown
    });
    assert!(unsure, "{found:?}");
}

#[test]
fn the_policies_that_were_applied_hold_instead_of_the_built_in_one() {
    let estate = under(gold());
    let found = findings(&estate);
    assert!(is_well(&found), "{found:?}");
    let policies = only(&found, Check::Policies, HOME);
    assert!(policies.what.contains("version 1"), "{policies:?}");
    // The third has no tag either.
    let databases = only(&found, Check::Databases, SOURCE);
    assert_eq!(databases.what, "protected: 3 instances, 0 clusters");
    let key = only(&found, Check::RecoveryKey, "");
    assert_eq!(key.subject, GOLD_KEY);
    assert!(key.what.contains("the key of the policies gold"), "{key:?}");
    // The policy's key, and the one of the databases.
    assert_eq!(estate.calls_of("GetKeyPolicy"), 2);

    let found = findings(&Estate::healthy());
    let built_in = only(&found, Check::Policies, HOME);
    assert!(built_in.what.contains("built-in"), "{built_in:?}");
    assert_eq!(only(&found, Check::RecoveryKey, "").subject, KEY);
}

#[test]
fn policies_that_cannot_be_read_are_a_finding_and_no_fallback() {
    let mut estate = Estate::healthy();
    estate.down.insert(region(HOME));
    let found = findings(&estate);
    let policies = only(&found, Check::Policies, HOME);
    assert_eq!(policies.level, Level::Failure);
    assert!(policies.what.contains("planner"), "{policies:?}");
    for name in [SOURCE, OTHER] {
        let databases = only(&found, Check::Databases, name);
        assert_eq!(databases.level, Level::Unknown);
        assert!(databases.what.contains("policies"), "{databases:?}");
    }
    assert!(!found.iter().any(|one| one.check == Check::SourceKey));
    // A caller who may not read them says nothing about the planner.
    let mut estate = Estate::healthy();
    estate.refused.insert("GetItem");
    let found = findings(&estate);
    let policies = only(&found, Check::Policies, HOME);
    assert_eq!(policies.level, Level::Unknown);
    assert!(policies.remedy.unwrap().contains("GetItem"));
}

#[test]
fn each_policys_key_must_be_usable_and_lent_by_the_worker() {
    let mut estate = under(gold());
    estate.keys.get_mut(GOLD_KEY).unwrap().state = KeyState::PendingDeletion(None);
    let key = only(&findings(&estate), Check::RecoveryKey, GOLD_KEY);
    assert_eq!(key.level, Level::Failure);
    assert!(key.what.contains("policies gold"), "{key:?}");

    let keys = [KEY, GOLD_KEY].map(|key| KeyArn::parse(key).unwrap());
    let needed = doctor_settings()
        .stack_facts
        .requirements(IamRole::Function(Role::Worker), &keys);
    for key in keys {
        let lends = needed
            .iter()
            .any(|one| one.actions == ["kms:CreateGrant"] && one.resources == [key.to_string()]);
        assert!(lends, "{key}");
    }
}

#[test]
fn a_copy_is_judged_by_the_option_group_that_its_policy_maps() {
    let name = |text: &str| OptionGroup::parse(text).unwrap();
    let mut spec = gold();
    spec.options.option_groups = BTreeMap::from([
        (name("safe"), name("dr")),
        (name("default:oracle-ee-19"), name("plain")),
    ]);
    let estate = |own: &str, there: &[_]| {
        let mut estate = under(spec.clone());
        let orders = &mut estate.databases.get_mut(&region(SOURCE)).unwrap()[0];
        orders.option_groups = vec![own.to_owned()];
        orders.database.option_group = Some(name(own));
        let here = vec![
            group("safe", "19", &["TDE"]),
            group("default:oracle-ee-19", "19", &[]),
        ];
        estate.option_groups.insert(region(SOURCE), here);
        estate.option_groups.insert(region(HOME), there.to_vec());
        only(&findings(&estate), Check::OptionGroup, "db:orders")
    };
    let fits = estate("safe", &[group("dr", "19", &["TDE"])]);
    assert_eq!(fits.level, Level::Ok);
    assert!(fits.what.contains("safe becomes dr"), "{fits:?}");
    let bare = estate("safe", &[group("dr", "19", &[])]);
    assert_eq!(bare.level, Level::Failure);
    let gone = estate("safe", &[]);
    assert_eq!(gone.level, Level::Failure);
    assert!(
        gone.what.contains("does not exist in the recovery region"),
        "{gone:?}"
    );
    // A default group is mapped like any other.
    let gone = estate("default:oracle-ee-19", &[]);
    assert!(gone.what.contains("option group plain"), "{gone:?}");
    assert_eq!(gone.level, Level::Failure);
}

#[test]
fn a_policys_own_copy_slots_are_told() {
    let gold_name = PolicyName::parse("gold").unwrap();
    let mut spec = gold();
    spec.options.copy_slots = Some(1);
    let mut estate = under(spec);
    assert_eq!(
        level(&findings(&estate), Check::CopySlots, "policy gold"),
        Level::Ok
    );
    let taken = copy_arn(&a_run("billing"), 1);
    let of_gold = SlotGroup::Policy(gold_name.clone());
    for group in [SlotGroup::All, of_gold] {
        let groups = &mut estate.open.slots.groups;
        groups.entry(group).or_default().insert(taken.clone());
    }
    let mut queued = Wait::new(
        copy_arn(&a_run("orders"), 1),
        command(Step::Copy, "sleeps", "orders"),
        Expectation::Snapshot,
        time("2026-11-22T03:00:00Z"),
    );
    queued.phase = Phase::Queued;
    queued.command.run.policy = gold_name.clone();
    estate.open.waits.push(queued);
    let found = findings(&estate);
    let slots = only(&found, Check::CopySlots, "policy gold");
    assert_eq!(slots.level, Level::Warning);
    assert!(slots.what.contains("1 of 1 taken, 1 of its"), "{slots:?}");
    assert_eq!(level(&found, Check::CopySlots, HOME), Level::Ok);

    let copies = PolicyCopies {
        slots: 30,
        of_all: 20,
        taken: 0,
        queued: 0,
    };
    let loose = policy_slots(&gold_name, copies);
    assert_eq!(loose.level, Level::Warning);
    assert!(loose.what.contains("has no effect"), "{loose:?}");
}

/// The set's own limit counts if it is lower than the stack's.
#[test]
fn the_slots_of_all_policies_are_the_lower_of_the_sets_and_the_stacks() {
    let mut estate = under(gold());
    estate.policies.as_mut().unwrap().set.copy_slots = Some(5);
    let found = run(diagnose(
        &estate.world(),
        &doctor_settings(),
        &DoctorScope::default(),
    ));
    let slots = only(&found, Check::CopySlots, HOME);
    assert!(slots.what.starts_with("0 of 5 taken"), "{slots:?}");
}
