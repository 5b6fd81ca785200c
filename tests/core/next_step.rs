//! What a restore does next.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::Tags;
use snapferry::domain::restore::compare::differences;
use snapferry::domain::restore::next_step::{
    Decided, NextStep, PATIENCE, RestoreFailure, TRIES_MAX, WaitsFor, next_step,
};
use snapferry::domain::restore::plan::{RestoreOptions, RestorePlan, StepKind};
use snapferry::domain::restore::record::{RestoreRecord, Sending};
use snapferry::domain::restore::refusal::RestoreRefusal;
use snapferry::domain::restore::restored::{Fitness, RestoredDatabase, Seen};
use snapferry::domain::restore::setting::Setting as S;
use snapferry::domain::restore::value::{Settings, Value};

use crate::restore_plan::{cluster_plan, usual_plan};
use crate::world::time;

fn now() -> Timestamp {
    time("2026-11-22T05:00:00Z")
}

fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

/// What RDS shows of a database whose settings are as planned.
fn as_planned(plan: &RestorePlan, member: Option<&str>, resource_id: &str) -> RestoredDatabase {
    let mut settings: Settings = plan
        .lines_of(member)
        .filter_map(|line| Some((line.setting, line.value.clone()?)))
        .collect();
    settings.insert(S::Endpoint, Value::text("back.abc"));
    if settings.contains_key(&S::MasterUserSecretArn) {
        settings.insert(S::MasterUserSecretArn, Value::text("arn:secret"));
    }
    let tags = match member {
        None => plan.tags.clone(),
        Some(name) => {
            let mut members = plan.members.iter();
            members.find(|(one, _)| one == name).unwrap().1.clone()
        }
    };
    RestoredDatabase {
        name: member.unwrap_or(&plan.name).to_owned(),
        resource_id: id(resource_id),
        member_of: member.map(|_| plan.name.clone()),
        status: "available".to_owned(),
        created_at: Some(now()),
        tags,
        settings,
        has_pending_changes: false,
        needs_restart: false,
        inactive_roles: BTreeSet::new(),
        loaded: None,
    }
}

/// Everything as planned.
fn whole(plan: &RestorePlan) -> Seen {
    let members = plan.members.iter();
    Seen {
        database: Some(as_planned(plan, None, "db-OWN")),
        members: members
            .map(|(name, _)| {
                (
                    name.clone(),
                    as_planned(plan, Some(name), &format!("db-{name}")),
                )
            })
            .collect(),
    }
}

fn record(plan: &RestorePlan, is_fast: bool) -> RestoreRecord {
    RestoreRecord::new(plan, is_fast, now() - SignedDuration::from_hours(1))
}

/// A record of a restore whose own calls made everything.
fn made(plan: &RestorePlan) -> RestoreRecord {
    let mut record = record(plan, false);
    record.made.insert(plan.name.clone(), id("db-OWN"));
    for (name, _) in &plan.members {
        record.made.insert(name.clone(), id(&format!("db-{name}")));
    }
    record
}

fn step_of(plan: &RestorePlan, kind: &StepKind) -> usize {
    let mut steps = plan.steps.iter();
    steps.position(|step| step.kind == *kind).expect("a step")
}

fn sent(
    record: &mut RestoreRecord,
    plan: &RestorePlan,
    kind: &StepKind,
    ago: SignedDuration,
    times: u32,
) {
    let key = plan.steps[step_of(plan, kind)].key();
    let last = now() - ago;
    record.sent.insert(key, Sending { last, times });
}

/// A record of a restore that was asked for some minutes ago, and of which no answer has come.
fn asked(plan: &RestorePlan, minutes: i64) -> RestoreRecord {
    let mut record = record(plan, false);
    let ago = SignedDuration::from_mins(minutes);
    sent(&mut record, plan, &StepKind::Restore, ago, 1);
    record
}

fn next(plan: &RestorePlan, record: &RestoreRecord, seen: &Seen) -> NextStep {
    next_step(plan, record, seen, now()).next
}

fn change(seen: &mut Seen, change: impl FnOnce(&mut RestoredDatabase)) {
    change(seen.database.as_mut().expect("a database"));
}

#[test]
fn a_free_name_is_restored_into_and_a_whole_database_is_done() {
    for plan in [usual_plan(), cluster_plan()] {
        assert_eq!(
            next(&plan, &record(&plan, false), &Seen::default()),
            NextStep::Send(0)
        );
        let decided = next_step(&plan, &made(&plan), &whole(&plan), now());
        assert_eq!(
            decided,
            Decided {
                next: NextStep::Done,
                is_running: true
            }
        );
        assert_eq!(differences(&plan, &whole(&plan)), []);
    }
}

#[test]
fn a_name_that_another_database_has_is_taken_however_it_is_tagged() {
    let plan = usual_plan();
    let taken = NextStep::Fail(RestoreFailure::NameTaken("orders".to_owned()));
    assert_eq!(next(&plan, &record(&plan, false), &whole(&plan)), taken);

    let asked = asked(&plan, 1);
    let mut unmarked = whole(&plan);
    change(&mut unmarked, |one| {
        one.tags.remove("snapferry:restored");
    });
    assert_eq!(next(&plan, &asked, &unmarked), taken, "without the mark");
    let mut of_another = whole(&plan);
    change(&mut of_another, |one| {
        let mark = one.tags.get_mut("snapferry:restored").expect("a mark");
        mark.push_str("-of-another");
    });
    assert_eq!(
        next(&plan, &asked, &of_another),
        taken,
        "with another stack's mark"
    );
    let mut older = whole(&plan);
    change(&mut older, |one| {
        one.created_at = Some(now() - SignedDuration::from_hours(3));
    });
    assert_eq!(next(&plan, &asked, &older), taken, "older than the call");
}

#[test]
fn what_a_call_made_whose_answer_was_lost_is_found_by_its_mark_and_age() {
    let plan = usual_plan();
    let asked = asked(&plan, 1);
    let note = NextStep::Note("orders".to_owned(), id("db-OWN"));
    assert_eq!(next(&plan, &asked, &whole(&plan)), note);
    let mut young = whole(&plan);
    change(&mut young, |one| one.created_at = None);
    assert_eq!(
        next(&plan, &asked, &young),
        note,
        "RDS does not say when it was made"
    );
}

#[test]
fn nothing_of_a_database_with_another_resource_id_is_changed() {
    let plan = usual_plan();
    for kind in [StepKind::Settings, StepKind::Backups, StepKind::Role] {
        let mut seen = whole(&plan);
        change(&mut seen, |one| {
            one.resource_id = id("db-OTHER");
            one.settings.clear();
        });
        let replaced = RestoreFailure::Replaced("orders".to_owned(), id("db-OWN"), id("db-OTHER"));
        let decided = next_step(&plan, &made(&plan), &seen, now());
        assert_eq!(decided.next, NextStep::Fail(replaced), "{kind:?}");
        assert!(!decided.is_running);
    }
}

#[test]
fn what_rds_accepted_is_waited_for_and_asked_for_again_after_a_while() {
    let plan = usual_plan();
    let mut asked = asked(&plan, 9);
    let waits = NextStep::Wait(WaitsFor::Shown("orders".to_owned()));
    assert_eq!(next(&plan, &asked, &Seen::default()), waits);
    sent(&mut asked, &plan, &StepKind::Restore, PATIENCE, 1);
    assert_eq!(next(&plan, &asked, &Seen::default()), NextStep::Send(0));
    let mut gone = made(&plan);
    sent(&mut gone, &plan, &StepKind::Restore, PATIENCE, 1);
    let vanished = NextStep::Fail(RestoreFailure::Vanished("orders".to_owned()));
    assert_eq!(next(&plan, &gone, &Seen::default()), vanished);
}

#[test]
fn a_status_lets_it_go_on_wait_or_fail() {
    let plan = usual_plan();
    let with = |status: &str| {
        let mut seen = whole(&plan);
        change(&mut seen, |one| {
            status.clone_into(&mut one.status);
            one.settings.remove(&S::MaxAllocatedStorage);
        });
        next_step(&plan, &made(&plan), &seen, now())
    };
    let settings = step_of(&plan, &StepKind::Settings);
    for status in ["available", "storage-optimization"] {
        assert_eq!(with(status).next, NextStep::Send(settings), "{status}");
    }
    for status in ["creating", "modifying", "backing-up", "a-new-word"] {
        let waits = WaitsFor::Status("orders".to_owned(), status.to_owned());
        assert_eq!(with(status).next, NextStep::Wait(waits), "{status}");
        assert!(!with(status).is_running, "{status}");
    }
    for status in [
        "failed",
        "incompatible-restore",
        "insufficient-capacity",
        "deleting",
    ] {
        let broken = RestoreFailure::Broken("orders".to_owned(), status.to_owned());
        assert_eq!(with(status).next, NextStep::Fail(broken), "{status}");
        assert_eq!(Fitness::of(status), Fitness::Broken);
    }
}

#[test]
fn a_change_is_seen_by_its_setting_and_not_by_the_status() {
    let plan = usual_plan();
    let kind = StepKind::Settings;
    let mut seen = whole(&plan);
    change(&mut seen, |one| {
        one.settings.insert(S::MonitoringInterval, Value::Number(0));
    });
    let mut record = made(&plan);
    assert_eq!(
        next(&plan, &record, &seen),
        NextStep::Send(step_of(&plan, &kind))
    );
    sent(&mut record, &plan, &kind, SignedDuration::from_secs(20), 1);
    let action = plan.steps[step_of(&plan, &kind)].action;
    let waits = NextStep::Wait(WaitsFor::Effect(action));
    assert_eq!(next(&plan, &record, &seen), waits);
    change(&mut seen, |one| one.has_pending_changes = true);
    let waits = NextStep::Wait(WaitsFor::Change("orders".to_owned()));
    assert_eq!(next(&plan, &record, &seen), waits);
}

#[test]
fn a_setting_that_rds_does_not_take_is_tried_some_times_and_then_reported() {
    let plan = usual_plan();
    let kind = StepKind::Settings;
    let mut seen = whole(&plan);
    change(&mut seen, |one| {
        one.settings.insert(S::MonitoringInterval, Value::Number(0));
    });
    let mut record = made(&plan);
    sent(&mut record, &plan, &kind, PATIENCE, TRIES_MAX - 1);
    assert_eq!(
        next(&plan, &record, &seen),
        NextStep::Send(step_of(&plan, &kind))
    );
    sent(&mut record, &plan, &kind, PATIENCE, TRIES_MAX);
    assert_eq!(next(&plan, &record, &seen), NextStep::Done);
    let differs = differences(&plan, &seen);
    assert_eq!(differs.len(), 1);
    assert_eq!(differs[0].what, "MonitoringInterval");
}

#[test]
fn a_missing_tag_is_reported() {
    let plan = usual_plan();
    let mut seen = whole(&plan);
    change(&mut seen, |one| {
        one.tags.remove("Team");
    });
    let differs = differences(&plan, &seen);
    assert_eq!(differs.len(), 1);
    assert_eq!(differs[0].what, "tag Team");
}

#[test]
fn it_runs_only_with_backups_however_often_rds_ignores_them_unless_a_person_wants_it_fast() {
    let plan = usual_plan();
    let kind = StepKind::Backups;
    let mut seen = whole(&plan);
    change(&mut seen, |one| {
        one.settings
            .insert(S::BackupRetentionPeriod, Value::Number(0));
    });
    let mut record = made(&plan);
    sent(&mut record, &plan, &kind, PATIENCE, 100);
    let decided = next_step(&plan, &record, &seen, now());
    assert_eq!(decided.next, NextStep::Send(step_of(&plan, &kind)));
    assert!(!decided.is_running);

    let fast = crate::restore_plan::usual_plan_with(&RestoreOptions {
        is_fast: true,
        ..RestoreOptions::default()
    });
    let mut record = made(&fast);
    record.is_fast = true;
    let decided = next_step(&fast, &record, &seen, now());
    assert_eq!(decided.next, NextStep::Send(step_of(&fast, &kind)));
    assert!(
        decided.is_running,
        "and its backups are turned on all the same"
    );
}

#[test]
fn it_runs_while_its_first_backup_is_made() {
    let plan = usual_plan();
    let mut seen = whole(&plan);
    change(&mut seen, |one| "backing-up".clone_into(&mut one.status));
    let decided = next_step(&plan, &made(&plan), &seen, now());
    assert_eq!(decided.next, NextStep::Done);
    assert!(decided.is_running);
}

#[test]
fn a_parameter_group_that_waits_for_a_restart_gets_one() {
    let plan = usual_plan();
    let mut seen = whole(&plan);
    change(&mut seen, |one| one.needs_restart = true);
    let reboot = step_of(&plan, &StepKind::Reboot);
    assert_eq!(next(&plan, &made(&plan), &seen), NextStep::Send(reboot));
}

#[test]
fn a_role_is_waited_for_until_it_is_active() {
    let plan = usual_plan();
    let mut seen = whole(&plan);
    change(&mut seen, |one| {
        one.inactive_roles.insert("arn:s3".to_owned());
    });
    let mut record = made(&plan);
    sent(
        &mut record,
        &plan,
        &StepKind::Role,
        SignedDuration::from_secs(5),
        1,
    );
    let action = plan.steps[step_of(&plan, &StepKind::Role)].action;
    let waits = NextStep::Wait(WaitsFor::Effect(action));
    assert_eq!(next(&plan, &record, &seen), waits);
}

#[test]
fn members_are_made_in_order_once_the_cluster_is_ready() {
    let plan = cluster_plan();
    let names: Vec<String> = plan.members.iter().map(|(name, _)| name.clone()).collect();
    let mut seen = whole(&plan);
    seen.members.clear();
    let mut record = made(&plan);
    record.made.retain(|name, _| *name == plan.name);
    change(&mut seen, |one| "creating".clone_into(&mut one.status));
    let waits = WaitsFor::Status(plan.name.clone(), "creating".to_owned());
    assert_eq!(next(&plan, &record, &seen), NextStep::Wait(waits));
    change(&mut seen, |one| "available".clone_into(&mut one.status));
    for name in &names {
        let step = step_of(&plan, &StepKind::Member(name.clone()));
        assert_eq!(next(&plan, &record, &seen), NextStep::Send(step));
        let id = format!("db-{name}");
        record.made.insert(name.clone(), self::id(&id));
        let mut member = as_planned(&plan, Some(name), &id);
        "creating".clone_into(&mut member.status);
        seen.members.insert(name.clone(), member);
    }
    let decided = next_step(&plan, &record, &seen, now());
    assert!(matches!(decided.next, NextStep::Wait(WaitsFor::Status(..))));
    assert!(
        !decided.is_running,
        "nobody answers while the members are made"
    );
}

#[test]
fn an_instance_of_a_members_name_that_is_no_member_is_not_touched() {
    let plan = cluster_plan();
    let name = plan.members[0].0.clone();
    let mut record = made(&plan);
    record.made.remove(&name);
    sent(
        &mut record,
        &plan,
        &StepKind::Member(name.clone()),
        SignedDuration::from_mins(1),
        1,
    );
    let mut seen = whole(&plan);
    seen.members.get_mut(&name).expect("a member").member_of = None;
    let taken = NextStep::Fail(RestoreFailure::NameTaken(name));
    assert_eq!(next(&plan, &record, &seen), taken);
}

#[test]
fn a_refusal_is_a_question_time_or_a_persons() {
    for (code, expected) in [
        (None, RestoreRefusal::Later),
        (
            Some("DBInstanceAlreadyExists"),
            RestoreRefusal::AlreadyThere,
        ),
        (
            Some("DBClusterAlreadyExistsFault"),
            RestoreRefusal::AlreadyThere,
        ),
        (
            Some("DBInstanceRoleAlreadyExists"),
            RestoreRefusal::AlreadyThere,
        ),
        (Some("InvalidDBInstanceState"), RestoreRefusal::Later),
        (
            Some("InsufficientDBInstanceCapacity"),
            RestoreRefusal::Later,
        ),
        (Some("ThrottlingException"), RestoreRefusal::Later),
        (Some("ServiceUnavailable"), RestoreRefusal::Later),
        (Some("AccessDenied"), RestoreRefusal::Person),
        (Some("DBSubnetGroupNotFoundFault"), RestoreRefusal::Person),
        (Some("InstanceQuotaExceeded"), RestoreRefusal::Person),
        (Some("KMSKeyNotAccessibleFault"), RestoreRefusal::Person),
        (Some("ANewCode"), RestoreRefusal::Person),
    ] {
        assert_eq!(RestoreRefusal::of(code), expected, "{code:?}");
    }
}

/// A slow and obvious second answer: it asks the questions of the design one after another, and decides only the kind.
mod reference {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    pub(super) enum Kind {
        Send(String),
        Note,
        Wait,
        Done,
        Fail,
    }

    pub(super) fn kind(plan: &RestorePlan, next: &NextStep) -> Kind {
        match next {
            NextStep::Send(at) => Kind::Send(plan.steps[*at].key()),
            NextStep::Note(..) => Kind::Note,
            NextStep::Wait(_) => Kind::Wait,
            NextStep::Done => Kind::Done,
            NextStep::Fail(_) => Kind::Fail,
        }
    }

    fn sent_ago(record: &RestoreRecord, key: &str) -> Option<(SignedDuration, u32)> {
        let sent = record.sent.get(key)?;
        Some((now().duration_since(sent.last), sent.times))
    }

    /// What is wrong with, or missing of, one database that a call makes.
    fn identity(
        plan: &RestorePlan,
        record: &RestoreRecord,
        found: Option<&RestoredDatabase>,
        name: &str,
        key: &str,
        cluster: Option<&RestoredDatabase>,
    ) -> Option<Kind> {
        let asked = sent_ago(record, key);
        let is_recent = asked.is_some_and(|(ago, _)| ago < SignedDuration::from_mins(10));
        match (found, record.made.get(name)) {
            (None, _) if is_recent => Some(Kind::Wait),
            (None, Some(_)) => Some(Kind::Fail),
            (None, None) => match cluster {
                Some(cluster)
                    if !["available", "storage-optimization"]
                        .contains(&cluster.status.as_str()) =>
                {
                    Some(Kind::Wait)
                }
                _ => Some(Kind::Send(key.to_owned())),
            },
            (Some(found), Some(made)) if found.resource_id != *made => Some(Kind::Fail),
            (Some(found), None) => {
                let mark = plan.tags.get("snapferry:restored");
                let is_marked = found.tags.get("snapferry:restored") == mark;
                let is_member_as_asked =
                    found.member_of.as_deref() == cluster.map(|cluster| cluster.name.as_str());
                let since = record.began_at - SignedDuration::from_mins(5);
                let is_young = found.created_at.is_none_or(|at| at >= since);
                match asked.is_some() && is_marked && is_member_as_asked && is_young {
                    true => Some(Kind::Note),
                    false => Some(Kind::Fail),
                }
            }
            (Some(found), Some(_)) => {
                let stays = [
                    "failed",
                    "incompatible-restore",
                    "restore-error",
                    "incompatible-network",
                    "incompatible-parameters",
                    "incompatible-option-group",
                    "insufficient-capacity",
                    "inaccessible-encryption-credentials",
                    "storage-full",
                    "migration-failed",
                    "deleting",
                ];
                stays.contains(&found.status.as_str()).then_some(Kind::Fail)
            }
        }
    }

    fn shows(found: &RestoredDatabase, setting: S, wanted: &Value) -> bool {
        let shown = found.settings.get(&setting);
        shown == Some(wanted)
            || setting == S::MasterUserSecretArn && shown.is_some()
            || wanted.to_string().contains("alias/") && shown.is_some()
            || shown.is_none() && (*wanted == Value::Flag(false) || *wanted == Value::Number(0))
    }

    pub(super) fn decide(plan: &RestorePlan, record: &RestoreRecord, seen: &Seen) -> Kind {
        let database = seen.database.as_ref();
        if let Some(kind) = identity(plan, record, database, &plan.name, "restore", None) {
            return kind;
        }
        let database = database.expect("it is there, or that was said");
        for (name, _) in &plan.members {
            let key = format!("member:{name}");
            let found = seen.members.get(name);
            if let Some(kind) = identity(plan, record, found, name, &key, Some(database)) {
                return kind;
            }
        }
        let all: Vec<&RestoredDatabase> = std::iter::once(database)
            .chain(plan.members.iter().map(|(name, _)| &seen.members[name]))
            .collect();
        let all_ready = all
            .iter()
            .all(|one| ["available", "storage-optimization"].contains(&one.status.as_str()));
        for step in &plan.steps {
            let of_step = plan
                .lines
                .iter()
                .filter(|line| line.member.is_none() && line.sent_by.as_ref() == Some(&step.kind));
            let is_done = match &step.kind {
                StepKind::Restore | StepKind::Member(_) => true,
                StepKind::Reboot => !database.needs_restart,
                StepKind::Role => {
                    let role = step.parameters["RoleArn"].value.as_text().unwrap();
                    let roles = database.settings.get(&S::AssociatedRoles);
                    let is_there = roles.is_some_and(|roles| roles.to_string().contains(role));
                    is_there && !database.inactive_roles.contains(role)
                }
                StepKind::DataApi => {
                    database.settings.get(&S::HttpEndpointEnabled) == Some(&Value::Flag(true))
                }
                StepKind::Settings | StepKind::Backups => {
                    let mut wanted =
                        of_step.filter_map(|line| Some((line.setting, line.value.as_ref()?)));
                    wanted.all(|(setting, value)| shows(database, setting, value))
                }
            };
            if is_done {
                continue;
            }
            if !all_ready || database.has_pending_changes {
                return Kind::Wait;
            }
            let has_backups = database
                .settings
                .get(&S::BackupRetentionPeriod)
                .and_then(Value::as_number)
                .is_some_and(|days| days > 0);
            match sent_ago(record, &step.key()) {
                Some((ago, _)) if ago < SignedDuration::from_mins(10) => return Kind::Wait,
                Some((_, 3..)) if step.kind != StepKind::Backups || has_backups => {}
                _ => return Kind::Send(step.key()),
            }
        }
        let is_reachable = |one: &&RestoredDatabase| {
            ["available", "storage-optimization", "backing-up"].contains(&one.status.as_str())
                && one.settings.contains_key(&S::Endpoint)
        };
        match all.iter().all(is_reachable) {
            true => Kind::Done,
            false => Kind::Wait,
        }
    }
}

fn any_status() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "available",
        "available",
        "available",
        "storage-optimization",
        "backing-up",
        "creating",
        "modifying",
        "a-new-word",
        "failed",
        "deleting",
    ])
    .prop_map(ToOwned::to_owned)
}

/// A database that differs from the plan in some of everything.
fn any_database(
    plan: &RestorePlan,
    member: Option<&str>,
    own: &str,
) -> BoxedStrategy<RestoredDatabase> {
    let planned = as_planned(plan, member, own);
    let missing = prop::collection::btree_set(prop::sample::select(S::ALL), 0..3);
    (
        prop::bool::weighted(0.1),
        any_status(),
        prop::option::weighted(0.8, prop::sample::select(vec![0_i64, 4])),
        prop::bool::weighted(0.9),
        missing,
        (any::<u8>(), prop::bool::weighted(0.9)),
    )
        .prop_map(
            move |(is_other, status, age, is_marked, missing, (bits, is_member))| {
                let mut found = planned.clone();
                if is_other {
                    found.resource_id = id("db-OTHER");
                }
                found.status = status;
                found.created_at = age.map(|hours| now() - SignedDuration::from_hours(hours));
                if !is_marked {
                    found.tags.remove("snapferry:restored");
                }
                for setting in missing {
                    found.settings.remove(&setting);
                }
                if bits & 7 == 0 {
                    found
                        .settings
                        .insert(S::BackupRetentionPeriod, Value::Number(0));
                }
                found.has_pending_changes = bits & 24 == 0;
                found.needs_restart = bits & 96 == 0;
                if bits & 160 == 0 {
                    found.inactive_roles.insert("arn:s3".to_owned());
                }
                if !is_member {
                    found.member_of = None;
                }
                found
            },
        )
        .boxed()
}

fn any_seen(plan: &RestorePlan) -> BoxedStrategy<Seen> {
    let database = prop::option::weighted(0.9, any_database(plan, None, "db-OWN"));
    let members: Vec<_> = plan
        .members
        .iter()
        .map(|(name, _)| {
            let of = any_database(plan, Some(name), &format!("db-{name}"));
            (Just(name.clone()), prop::option::weighted(0.8, of))
        })
        .collect();
    (database, members)
        .prop_map(|(database, members)| Seen {
            database,
            members: members
                .into_iter()
                .filter_map(|(name, found)| Some((name, found?)))
                .collect(),
        })
        .boxed()
}

fn any_record(plan: &RestorePlan) -> BoxedStrategy<RestoreRecord> {
    let whole = made(plan);
    let keys: Vec<String> = plan.steps.iter().map(|step| step.key()).collect();
    let sending = prop::option::of((0_i64..20, 1_u32..5));
    let forgotten = prop::collection::vec(prop::bool::weighted(0.1), whole.made.len());
    (prop::collection::vec(sending, keys.len()), forgotten)
        .prop_map(move |(sendings, forgotten)| {
            let mut record = whole.clone();
            let names: Vec<String> = record.made.keys().cloned().collect();
            for (name, is_forgotten) in names.into_iter().zip(forgotten) {
                if is_forgotten {
                    record.made.remove(&name);
                }
            }
            let sendings = keys.iter().zip(sendings);
            record.sent = sendings
                .filter_map(|(key, sending)| {
                    let (minutes, times) = sending?;
                    let last = now() - SignedDuration::from_mins(minutes);
                    Some((key.clone(), Sending { last, times }))
                })
                .collect::<BTreeMap<_, _>>();
            record
        })
        .boxed()
}

fn any_case() -> impl Strategy<Value = (RestorePlan, RestoreRecord, Seen)> {
    let fast = RestoreOptions {
        is_fast: true,
        ..RestoreOptions::default()
    };
    let plans = vec![
        usual_plan(),
        crate::restore_plan::usual_plan_with(&fast),
        cluster_plan(),
    ];
    prop::sample::select(plans).prop_flat_map(|plan| {
        let record = any_record(&plan);
        let seen = any_seen(&plan);
        (Just(plan), record, seen)
    })
}

/// What must hold of every decision. A planted bug breaks it.
fn holds(
    decide: impl Fn(&RestorePlan, &RestoreRecord, &Seen, Timestamp) -> Decided,
    plan: &RestorePlan,
    record: &RestoreRecord,
    seen: &Seen,
) -> Result<(), String> {
    let decided = decide(plan, record, seen, now());
    let database = seen.database.as_ref();
    let is_own =
        database.is_some_and(|found| record.made.get(&plan.name) == Some(&found.resource_id));
    if let NextStep::Send(at) = decided.next
        && plan.steps[at].kind != StepKind::Restore
        && !is_own
    {
        return Err(format!(
            "{:?} of a database that is not its own",
            plan.steps[at].kind
        ));
    }
    if let NextStep::Send(at) = decided.next
        && plan.steps[at].kind == StepKind::Restore
        && database.is_some()
    {
        return Err("a restore over a database that is there".to_owned());
    }
    let had_backups = plan.steps.iter().any(|step| step.kind == StepKind::Backups);
    let has_backups = database.is_some_and(RestoredDatabase::has_backups);
    if decided.is_running && had_backups && !has_backups && !record.is_fast {
        return Err("running without backups".to_owned());
    }
    if decided.is_running && !is_own {
        return Err("running, and not its own".to_owned());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_decides_as_the_obvious_answer_does((plan, record, seen) in any_case()) {
        let decided = next_step(&plan, &record, &seen, now());
        let expected = reference::decide(&plan, &record, &seen);
        prop_assert_eq!(reference::kind(&plan, &decided.next), expected);
        let held = holds(next_step, &plan, &record, &seen);
        prop_assert!(held.is_ok(), "{:?}", held);
    }
}

/// Whether a planted bug is found in some thousand cases.
fn is_found(
    decide: impl Fn(&RestorePlan, &RestoreRecord, &Seen, Timestamp) -> Decided + Copy,
) -> bool {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let cases = any_case();
    (0..4_000).any(|_| {
        let case = cases.new_tree(&mut runner).expect("a case").current();
        holds(decide, &case.0, &case.1, &case.2).is_err()
    })
}

#[test]
fn a_planted_bug_that_forgets_to_compare_resource_ids_is_found() {
    assert!(is_found(|plan, record, seen, now| {
        let mut blind = record.clone();
        let all = seen.database.iter().chain(seen.members.values());
        for found in all {
            blind
                .made
                .insert(found.name.clone(), found.resource_id.clone());
        }
        next_step(plan, &blind, seen, now)
    }));
}

#[test]
fn a_planted_bug_that_calls_it_running_without_backups_is_found() {
    assert!(is_found(|plan, record, seen, now| {
        let mut hasty = record.clone();
        hasty.is_fast = true;
        let runs_after = plan
            .steps
            .iter()
            .position(|step| step.kind == StepKind::Backups);
        let plan = RestorePlan {
            runs_after: runs_after.unwrap_or(plan.runs_after),
            ..plan.clone()
        };
        next_step(&plan, &hasty, seen, now)
    }));
    assert!(!is_found(next_step), "and the product has neither");
}

#[test]
fn a_planted_bug_that_leaves_a_tag_out_is_found() {
    for plan in [usual_plan(), cluster_plan()] {
        let without = |tags: &Tags| {
            let mut tags = tags.clone();
            tags.pop_last();
            tags
        };
        let mut seen = whole(&plan);
        change(&mut seen, |one| one.tags = without(&plan.tags));
        assert!(!differences(&plan, &seen).is_empty());
        for (name, tags) in &plan.members {
            let mut seen = whole(&plan);
            let member = seen.members.get_mut(name).expect("a member");
            member.tags = without(tags);
            assert!(!differences(&plan, &seen).is_empty(), "{name}");
        }
    }
}
