//! The table of 0.1.0: waits, slots, the catalog, the planner's cursors, policies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use snapferry::domain::id::arn::{RdsArn, Region};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{ExecutionName, ResourceId, SnapshotId};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::set::{Applied, Version};
use snapferry::domain::policy::spec::Source;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::Remedy;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::naming;
use snapferry::domain::run::permit::Permit;
use snapferry::domain::run::slot_limits::SlotGroup;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::ports::{
    CheckClaim, Claim, ClaimRun, LookUpWaits, ReadEntries, ReadPlanCursor, ReadPolicies,
    ReadPolicyHistory,
};

use crate::world::a_run;

use super::{
    check_run, is_an_attempt_at, items_of, number, object, open, stack, table, text, time, token,
};

const WAITS: &str = "wait#";

/// Compares a wait with the item that 0.1.0 wrote for it.
#[track_caller]
fn check_wait(wait: &Wait, item: &Value) {
    assert_eq!(format!("wait#{}", wait.resource), text(item, "pk"));
    let phase = match text(item, "phase") {
        "queued" => Phase::Queued,
        "registered" => Phase::Registered,
        "requested" => Phase::Requested,
        "seen" => Phase::Seen,
        other => panic!("{other}"),
    };
    assert_eq!(wait.phase, phase);
    assert_eq!(wait.since, time(item, "since"));
    assert_eq!(wait.opened_at, time(item, "opened_at"));
    let expires = item
        .get("source_expires_at")
        .map(|_| time(item, "source_expires_at"));
    assert_eq!(wait.source_expires_at, expires);
    let command = &wait.command;
    assert_eq!(command.token, token(text(item, "token")));
    assert_eq!(command.execution.as_str(), text(item, "execution"));
    assert_eq!(i64::from(command.retry), number(item, "retry"));
    check_run(&command.run, &object(text(item, "run")));
    check_expectation(wait, &item["expected"]["M"], text(item, "step"));
    check_trouble(wait, &item["trouble"]["M"]);
}

#[track_caller]
fn check_expectation(wait: &Wait, expected: &Value, step: &str) {
    let (stack, run) = (stack(), &wait.command.run);
    let found = SnapshotId::of(&wait.resource);
    assert_eq!(text(expected, "kind"), step);
    let (step, copy) = match (step, &wait.expected) {
        ("snapshot", Expectation::Snapshot) => (Step::Snapshot, None),
        ("copy", Expectation::Copy(copy)) => (Step::Copy, Some(copy)),
        other => panic!("{other:?}"),
    };
    assert_eq!(wait.command.step, step);
    let Some(copy) = copy else {
        is_an_attempt_at(&found, |attempt| {
            naming::source_snapshot(&stack, run, attempt)
        });
        return;
    };
    assert_eq!(copy.source.to_string(), text(expected, "source"));
    assert_eq!(copy.key.as_str(), text(expected, "key"));
    assert_eq!(copy.engine, text(expected, "engine"));
    assert_eq!(i64::from(copy.size_gib), number(expected, "size_gib"));
    let taken_at = copy.taken_at.map(|at| at.to_string());
    assert_eq!(taken_at.as_deref(), expected["taken_at"]["S"].as_str());
    let source = SnapshotId::of(&copy.source);
    is_an_attempt_at(&found, |attempt| {
        naming::copy(&stack, run, &source, attempt)
    });
}

#[track_caller]
fn check_trouble(wait: &Wait, noted: &Value) {
    let Some(last_error) = &wait.last_error else {
        return assert!(noted.is_null(), "{noted} was not read");
    };
    let remedy = noted["remedy"]["S"].as_str().map(|word| match word {
        "grant-access" => Remedy::GrantAccess,
        "mend-key" => Remedy::FixKey,
        "raise-quota" => Remedy::RaiseQuota,
        other => panic!("{other}"),
    });
    assert_eq!(last_error.remedy, remedy);
    assert_eq!(last_error.why, text(noted, "why"));
    assert_eq!(last_error.at, time(noted, "at"));
}

/// Compares a manifest with its JSON in 0.1.0.
#[track_caller]
pub(super) fn check_manifest(read: &Manifest, json: &Value) {
    let said = |name: &str| {
        json.get(name)
            .map(|value| value.as_str().unwrap().to_owned())
    };
    assert_eq!(Some(read.step.as_str().to_owned()), said("step"));
    assert_eq!(Some(read.snapshot.to_string()), said("snapshot"));
    assert_eq!(read.source.as_ref().map(RdsArn::to_string), said("source"));
    assert_eq!(Some(read.database.to_string()), said("database"));
    assert_eq!(Some(read.resource_id.to_string()), said("resource_id"));
    assert_eq!(Some(read.engine.clone()), said("engine"));
    assert_eq!(Some(read.engine_version.clone()), said("engine_version"));
    assert_eq!(i64::from(read.size_gib), json["size_gib"].as_i64().unwrap());
    assert_eq!(read.key.as_ref().map(ToString::to_string), said("kms_key"));
    assert_eq!(read.taken_at.map(|at| at.to_string()), said("taken_at"));
}

#[tokio::test]
async fn upgrade_reads_every_wait_of_0_1_0_as_what_it_says() {
    let items = items_of(WAITS);
    let by_sweeper = open().await.waits;
    assert_eq!(by_sweeper.len(), items.len());
    for item in &items {
        let resource = RdsArn::parse(text(item, "pk").strip_prefix(WAITS).unwrap()).unwrap();
        let wait = by_sweeper.iter().find(|wait| wait.resource == resource);
        check_wait(wait.unwrap(), item);
        // The reactor finds it by the snapshot that an event names.
        let by_reactor = table().aws().look_up(&[resource]).await.unwrap();
        assert!(by_reactor.contains(wait.unwrap()), "{by_reactor:?}");
    }
}

#[tokio::test]
async fn upgrade_fixture_has_every_kind_of_wait() {
    let waits = open().await.waits;
    let has = |fits: &dyn Fn(&Wait) -> bool| waits.iter().any(fits);
    for phase in Phase::ALL {
        let of_phase =
            |fits: &dyn Fn(&Wait) -> bool| has(&|wait| wait.phase == phase && fits(wait));
        assert!(of_phase(&|wait| wait.last_error.is_none()), "{phase:?}");
        assert!(
            of_phase(&|wait| wait.last_error.is_some()),
            "{phase:?}, troubled"
        );
        for kind in ["snapshot", "cluster-snapshot"] {
            let is_of = |wait: &Wait| wait.resource.kind().as_str() == kind;
            let is_copy = |wait: &Wait| wait.command.step == Step::Copy;
            assert!(
                of_phase(&|wait| is_of(wait) && is_copy(wait)),
                "{phase:?} {kind}"
            );
            let is_possible = phase != Phase::Queued;
            assert_eq!(
                of_phase(&|wait| is_of(wait) && !is_copy(wait)),
                is_possible,
                "{phase:?} {kind}"
            );
        }
    }
    let remedies: BTreeSet<Option<Remedy>> = waits
        .iter()
        .filter_map(|wait| wait.last_error.as_ref())
        .map(|last_error| last_error.remedy)
        .collect();
    // The three that 0.1.0 knew, and none.
    assert_eq!(remedies.len(), 1 + 3);
    let is_again = |wait: &Wait| {
        ["-a2", "-a3"]
            .iter()
            .any(|end| wait.resource.name().ends_with(end))
    };
    assert!(has(&is_again));
    assert!(has(&|wait| wait.command.retry > 0));
    assert!(has(&|wait| wait.source_expires_at.is_some()));
    let is_bounded = |wait: &Wait| wait.command.run.options.policy_slots.is_some();
    assert!(has(&|wait| wait.phase == Phase::Queued && is_bounded(wait)));
}

#[tokio::test]
async fn upgrade_leaves_every_slot_of_0_1_0_to_its_copy_and_its_policy() {
    let page = open().await;
    let slots = &items_of("slots#copy")[0];
    let set = |attribute: &str| -> BTreeSet<RdsArn> {
        let names = slots[attribute]["SS"].as_array().unwrap().iter();
        names
            .map(|name| RdsArn::parse(name.as_str().unwrap()).unwrap())
            .collect()
    };
    assert!(!set("holders").is_empty());
    let gold = PolicyName::parse("gold").unwrap();
    let groups = [
        (SlotGroup::All, set("holders")),
        (SlotGroup::Policy(gold), set("holders_of:gold")),
    ];
    assert_eq!(page.slots.groups, groups.into());
}

#[tokio::test]
async fn upgrade_reads_the_catalog_of_0_1_0_and_whose_run_is_open() {
    let mut open = 0;
    let mut restorable = 0;
    for item in items_of("database#") {
        let mut key = text(&item, "pk").split('#').skip(1);
        let resource_id = ResourceId::parse(key.next().unwrap()).unwrap();
        let policy = PolicyName::parse(key.next().unwrap()).unwrap();
        let wire = table();
        let aws = wire.aws();
        let asked = [(resource_id.clone(), policy.clone())];
        let entries = aws.read_entries(&asked).await.unwrap();
        let [entry] = &*entries else {
            panic!("{entries:?}")
        };
        assert_eq!((&entry.database, &entry.policy), (&resource_id, &policy));
        match &entry.newest {
            None => assert!(item["recovery_point"].is_null()),
            Some(newest) => {
                restorable += 1;
                check_manifest(newest, &object(text(&item, "recovery_point")));
            }
        }
        let name = entry.open.as_ref().map(ExecutionName::as_str);
        assert_eq!(name, item["open_execution"]["S"].as_str());
        if name.is_none() {
            continue;
        }
        open += 1;
        // Another execution is told who holds the database, and since when.
        let database = DatabaseRef {
            arn: RdsArn::parse(text(&item, "database")).unwrap(),
            resource_id,
        };
        let other = ExecutionName::parse("another").unwrap();
        let at = time(&item, "claimed_at");
        let of = ProtectionRequest {
            database,
            policy: policy.clone(),
            ..a_run("orders")
        };
        let claim = aws.claim_run(&of, &other, at, None).await;
        let Claim::HeldBy(held) = claim.unwrap() else {
            panic!("{item} was given away")
        };
        assert_eq!(Some(&held.by), entry.open.as_ref());
        assert_eq!(held.since, Some(at));
        // A run that 0.1.0 began may go on, by its execution's name alone; no other may.
        let permit = aws.check_claim(&of, held.by.as_str()).await.unwrap();
        assert_eq!(permit, Permit::ByNameAlone);
        let permit = aws.check_claim(&of, "another").await.unwrap();
        assert!(matches!(permit, Permit::Refused(_)), "{permit:?}");
    }
    assert!(open > 0 && restorable > 0);
}

#[tokio::test]
async fn upgrade_goes_on_planning_where_0_1_0_stopped() {
    for item in items_of("planned#") {
        let mut key = text(&item, "pk").split('#').skip(1);
        let policy = PolicyName::parse(key.next().unwrap()).unwrap();
        let region = Region::parse(key.next().unwrap()).unwrap();
        let cursor = table().aws().plan_cursor(&policy, &region).await;
        let cursor = cursor.unwrap().unwrap();
        assert_eq!(
            (cursor.until, cursor.kept),
            (time(&item, "until"), Vec::new())
        );
    }
}

/// Compares a stored set with the item that 0.1.0 wrote for it.
#[track_caller]
fn check_set(applied: &Applied, item: &Value) {
    let stamp = &applied.stamp;
    assert_eq!(i64::from(stamp.version.number()), number(item, "version"));
    assert_eq!(stamp.at, time(item, "at"));
    assert_eq!(stamp.by, text(item, "by"));
    let note = stamp.note.as_ref().map(|note| note.as_str());
    assert_eq!(note, item["note"]["S"].as_str());
    assert_eq!(applied.text, text(item, "text"));
    let json = object(text(item, "set"));
    let set = &applied.set;
    let untagged = set.untagged.as_ref().map(PolicyName::as_str);
    assert_eq!(untagged, json["untagged"].as_str());
    let slots = |slots: Option<usize>| slots.map(|slots| slots as u64);
    assert_eq!(slots(set.copy_slots), json["copy_slots"].as_u64());
    assert_eq!(
        set.policies.len(),
        json["policies"].as_object().unwrap().len()
    );
    for (name, spec) in &set.policies {
        let json = &json["policies"][name.as_str()];
        assert_eq!(spec.schedule.pattern(), json["schedule"]);
        assert_eq!(spec.schedule.zone(), json["time_zone"]);
        let source = match json["source"].as_str().unwrap() {
            "snapshot" => Source::Snapshot,
            "automated" => Source::Automated,
            other => panic!("{other}"),
        };
        assert_eq!(spec.options.source, source);
        let span = |span: Option<_>| {
            span.map(|span: snapferry::domain::policy::span::Span| span.to_string())
        };
        assert_eq!(
            spec.options
                .retention
                .short
                .map(|span| span.to_string())
                .as_deref(),
            json["retention"].as_str()
        );
        assert_eq!(span(spec.options.rpo).as_deref(), json["rpo"].as_str());
        let key = spec.key.as_ref();
        let arn = key.map(|key| key.arn.to_string());
        assert_eq!(arn.as_deref(), json["kms_key"].as_str());
        let alias = key
            .and_then(|key| key.alias.as_ref())
            .map(ToString::to_string);
        assert_eq!(alias.as_deref(), json["kms_alias"].as_str());
        let tags: Vec<String> = spec
            .options
            .carry_tags
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(tags, list(&json["carry_tags"]));
        let groups: BTreeMap<String, String> = spec
            .options
            .option_groups
            .iter()
            .map(|(from, to)| (from.to_string(), to.to_string()))
            .collect();
        assert_eq!(
            groups,
            serde_json::from_value(or_empty(&json["option_groups"])).unwrap()
        );
        assert_eq!(slots(spec.options.copy_slots), json["copy_slots"].as_u64());
    }
}

fn list(json: &Value) -> Vec<String> {
    let texts = json.as_array().into_iter().flatten();
    texts
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

fn or_empty(json: &Value) -> Value {
    match json {
        Value::Null => serde_json::json!({}),
        other => other.clone(),
    }
}

#[tokio::test]
async fn upgrade_plans_by_the_policies_that_0_1_0_stored() {
    let wire = table();
    let aws = wire.aws();
    let items = items_of("policies#");
    let current = aws.current_policies().await.unwrap().unwrap();
    assert_eq!(current.stamp.version, Version::new(2).unwrap());
    for item in &items {
        let key = text(item, "pk").strip_prefix("policies#").unwrap();
        if key == "current" {
            check_set(&current, item);
            let stamp = aws.current_stamp().await.unwrap();
            assert_eq!(stamp.as_ref(), Some(&current.stamp));
            continue;
        }
        let version = Version::new(key.parse().unwrap()).unwrap();
        let stored = aws.policy_version(version).await.unwrap().unwrap();
        check_set(&stored, item);
        let stamps = aws.policy_stamps(&[version]).await.unwrap();
        assert_eq!(stamps, [stored.stamp]);
    }
    assert_eq!(items.len(), 3);
    // The second set says everything that a set can say.
    let gold = &current.set.policies[&PolicyName::parse("gold").unwrap()];
    assert!(
        gold.options.retention.short.is_some()
            // It was applied by a version that removed nothing, so it removes nothing now.
            && gold.options.retention.shown_only
            && gold.options.rpo.is_some()
            && gold.options.copy_slots.is_some()
    );
    assert!(gold.key.as_ref().is_some_and(|key| key.alias.is_some()));
    assert!(!gold.options.carry_tags.is_empty() && !gold.options.option_groups.is_empty());
    assert!(current.set.untagged.is_some() && current.set.copy_slots.is_some());
}
