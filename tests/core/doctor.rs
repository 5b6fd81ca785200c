//! The doctor as a whole: what it asks, what it does not ask, and that no missing answer counts as good.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use snapferry::app::doctor::{DoctorScope, diagnose};
use snapferry::domain::doctor::alarms::Subscribers;
use snapferry::domain::doctor::databases::Candidate;
use snapferry::domain::doctor::key_policy::Statement;
use snapferry::domain::doctor::keys::{KeyFacts, KeyState};
use snapferry::domain::doctor::namesakes::Outputs;
use snapferry::domain::doctor::parts::PartFunction;
use snapferry::domain::doctor::region::Rule;
use snapferry::domain::doctor::{Check, Finding, Level, in_order, is_well};
use snapferry::domain::id::arn::{Family, KeyArn, Region};
use snapferry::domain::id::role::IamRole;
use snapferry::domain::policy::set::Applied;
use snapferry::domain::rds::option_group::OptionGroup;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::run::slot_limits::SlotGroup;
use snapferry::fake::{self, CallOutcome, Hook, Operator, Refusal, Shelf, Table, Through};
use snapferry::ports::{OpenPage, SnapshotQuota};
use snapferry::settings::{DoctorSettings, Variables};

use crate::doctor_checks::{candidate, group, usable};
use crate::world::{
    Action, Call, HOME, KEY, SOURCE, a_run, copy_arn, fake_world, ours, region, run, snapshot_arn,
    time,
};

pub(crate) const OTHER: &str = "eu-north-1";
pub(crate) const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:alarms";
pub(crate) const SOURCE_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/of-the-sources";

/// An account in which everything is fine until a test breaks a part of it.
pub(crate) struct Estate {
    pub(crate) databases: BTreeMap<Region, Vec<Candidate>>,
    pub(crate) clusters: BTreeMap<Region, Vec<Candidate>>,
    pub(crate) snapshots: BTreeMap<Region, Vec<Snapshot>>,
    pub(crate) cluster_snapshots: BTreeMap<Region, Vec<Snapshot>>,
    pub(crate) policies: Option<Applied>,
    pub(crate) open: OpenPage,
    pub(crate) option_groups: BTreeMap<Region, Vec<OptionGroup>>,
    pub(crate) keys: BTreeMap<String, KeyFacts>,
    pub(crate) rules: BTreeMap<Region, Vec<Rule>>,
    pub(crate) letters: BTreeMap<String, u64>,
    /// The outputs of the stacks that each region lists.
    pub(crate) listed_stacks: BTreeMap<Region, Vec<Outputs>>,
    pub(crate) subscribers: BTreeMap<String, Subscribers>,
    pub(crate) quota: SnapshotQuota,
    pub(crate) cluster_quota: SnapshotQuota,
    pub(crate) denied: BTreeSet<String>,
    pub(crate) stacks: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) functions: BTreeMap<String, PartFunction>,
    pub(crate) schedules: BTreeMap<String, Vec<Rule>>,
    /// Actions that the caller may not do.
    pub(crate) refused: BTreeSet<&'static str>,
    pub(crate) down: BTreeSet<Region>,
    pub(crate) calls: Rc<RefCell<Vec<Call>>>,
}

impl Estate {
    pub(crate) fn healthy() -> Self {
        let mut orders = candidate("orders", &["default:oracle-ee-19"]);
        orders.key = Some(KeyArn::parse(SOURCE_KEY).unwrap());
        let mut billing = candidate("billing", &["default:oracle-ee-19"]);
        billing.key.clone_from(&orders.key);
        let mut scratch = candidate("scratch", &["unheard-of"]);
        scratch.database.tags.clear();
        let rule = Rule {
            name: "forward".to_owned(),
            enabled: true,
            catches_snapshots: Some(true),
        };
        let url = |name: &str| format!("https://sqs.x.amazonaws.com/111122223333/{name}");
        let dead = "snapferry-to-eu-central-1-dead-letters";
        let letters = ["commands-dead", "events-dead", dead].map(|name| (url(name), 0));
        Self {
            databases: BTreeMap::from([(region(SOURCE), vec![orders, billing, scratch])]),
            clusters: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            cluster_snapshots: BTreeMap::new(),
            policies: None,
            open: OpenPage::default(),
            option_groups: BTreeMap::new(),
            keys: [KEY, SOURCE_KEY]
                .map(|key| (key.to_owned(), usable()))
                .into(),
            rules: [SOURCE, OTHER]
                .map(|name| (region(name), vec![rule.clone()]))
                .into(),
            letters: letters.into(),
            listed_stacks: BTreeMap::from([(
                region(HOME),
                vec![stack("prod", &url("commands-dead"))],
            )]),
            subscribers: BTreeMap::from([(
                TOPIC.to_owned(),
                Subscribers {
                    confirmed: 1,
                    pending: 0,
                },
            )]),
            quota: SnapshotQuota { used: 3, max: 100 },
            cluster_quota: SnapshotQuota { used: 3, max: 100 },
            denied: BTreeSet::new(),
            stacks: BTreeMap::new(),
            functions: BTreeMap::new(),
            schedules: BTreeMap::new(),
            refused: BTreeSet::new(),
            down: BTreeSet::new(),
            calls: Rc::default(),
        }
    }

    pub(crate) fn calls_of(&self, action: &str) -> usize {
        let calls = self.calls.borrow();
        let actions = calls.iter().map(|call| call.action().as_str());
        actions.filter(|name| *name == action).count()
    }

    /// The account behind the ports. This estate's log records all questions.
    pub(crate) fn world(&self) -> Through<fake::World<Shelf>, Account> {
        let fake = fake_world();
        let mut state = fake.state_mut();
        state.now = time("2026-11-23T00:00:00Z");
        state.rds.quotas = BTreeMap::from([
            (Family::Instance, self.quota),
            (Family::Cluster, self.cluster_quota),
        ]);
        self.fill(&mut state.table);
        state.operator = self.operator();
        drop(state);
        let account = Account {
            refused: self.refused.clone(),
            down: self.down.clone(),
            calls: Rc::clone(&self.calls),
        };
        Through::around(fake, account)
    }

    fn fill(&self, table: &mut Table) {
        let now = time("2026-11-23T00:00:00Z");
        if let Some(set) = &self.policies {
            table.store_policies(set);
        }
        for wait in &self.open.waits {
            table.put_wait(wait, now);
        }
        table.change_slots(now, |slots| {
            slots.groups.clone_from(&self.open.slots.groups);
            slots.holders = slots.groups.remove(&SlotGroup::All).unwrap_or_default();
        });
    }

    fn operator(&self) -> Operator {
        let mut candidates = self.databases.clone();
        for (region, clusters) in &self.clusters {
            let of = candidates.entry(region.clone()).or_default();
            of.extend(clusters.iter().cloned());
        }
        let snapshots = self
            .snapshots
            .values()
            .chain(self.cluster_snapshots.values());
        Operator {
            candidates,
            manual_snapshots: snapshots.flatten().cloned().collect(),
            option_groups: self.option_groups.clone(),
            keys: self.keys.clone(),
            key_policy: vec![Statement {
                principals: vec!["arn:aws:iam::111122223333:root".to_owned()],
                actions: vec!["kms:*".to_owned()],
                ..Statement::default()
            }],
            rules: self.rules.clone(),
            rules_target: "arn:aws:events:eu-central-1:111122223333:event-bus/default".to_owned(),
            messages: self.letters.clone(),
            listed_stacks: self.listed_stacks.clone(),
            subscribers: self.subscribers.clone(),
            denied: self.denied.clone(),
            stacks: self.stacks.clone(),
            functions: self.functions.clone(),
            schedules: self.schedules.clone(),
            ..Operator::default()
        }
    }
}

/// The outputs of a stack of this product.
fn stack(id: &str, queue: &str) -> Outputs {
    let outputs = [("StackIdentity", id), ("CommandsDeadLetterQueueUrl", queue)];
    outputs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// What the caller may not do, and which regions do not answer.
pub(crate) struct Account {
    refused: BTreeSet<&'static str>,
    down: BTreeSet<Region>,
    calls: Rc<RefCell<Vec<Call>>>,
}

/// The region that a call goes to.
fn region_of(call: &Call) -> &str {
    match call {
        Call::ListOptionGroups { region, .. }
        | Call::FindRules { region, .. }
        | Call::DescribeRule { region, .. }
        | Call::FindQueue { region, .. }
        | Call::ListQueues { region, .. }
        | Call::ListStacks { region, .. }
        | Call::CountMessages { region, .. }
        | Call::DescribeFunction { region, .. }
        | Call::CountSubscribers { region, .. } => region.as_str(),
        Call::DescribeKey { key } => key.region().unwrap_or(HOME),
        Call::ReadKeyPolicy { key } => key.region(),
        _ => match call.action() {
            Action::Rds(_, region) => region.as_str(),
            Action::Other(_) => HOME,
        },
    }
}

impl<W> Hook<W> for Account {
    async fn before(&self, _: &W, call: &Call) -> CallOutcome {
        self.calls.borrow_mut().push(call.clone());
        if self.refused.contains(call.action().as_str()) {
            return CallOutcome::Refused(Refusal::code("AccessDeniedException"));
        }
        if self
            .down
            .iter()
            .any(|down| down.as_str() == region_of(call))
        {
            return CallOutcome::Refused(Refusal::no_answer());
        }
        CallOutcome::Proceeds
    }
}

pub(crate) fn variables() -> Vec<(String, String)> {
    let url = |name: &str| format!("https://sqs.x.amazonaws.com/111122223333/{name}");
    let mut pairs = vec![
        ("AWS_REGION", HOME.to_owned()),
        ("SNAPFERRY_STACK_ID", "prod".to_owned()),
        ("SNAPFERRY_TABLE", "table".to_owned()),
        ("SNAPFERRY_SOURCE_REGIONS", format!("{SOURCE},{OTHER}")),
        (
            "SNAPFERRY_STATE_MACHINE_ARN",
            format!("arn:aws:states:{HOME}:111122223333:stateMachine:protect"),
        ),
        ("SNAPFERRY_KMS_KEY", KEY.to_owned()),
        ("SNAPFERRY_COMMANDS_QUEUE_URL", url("commands")),
        (
            "SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL",
            url("commands-dead"),
        ),
        ("SNAPFERRY_EVENTS_QUEUE_URL", url("events")),
        ("SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL", url("events-dead")),
        ("SNAPFERRY_ALARM_TOPIC_ARN", TOPIC.to_owned()),
        ("SNAPFERRY_FUNCTION_TIMEOUT_SECONDS", "60".to_owned()),
        ("SNAPFERRY_VISIBILITY_SECONDS", "360".to_owned()),
        ("SNAPFERRY_RDS_READ_SECONDS", "10".to_owned()),
        ("SNAPFERRY_RDS_CHANGE_SECONDS", "25".to_owned()),
    ];
    for role in IamRole::ALL {
        let arn = format!("arn:aws:iam::111122223333:role/{role}");
        pairs.push((role.variable(), arn));
    }
    let owned = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    owned.collect()
}

pub(crate) fn doctor_settings() -> DoctorSettings {
    DoctorSettings::from_variables(Variables::new(variables())).unwrap()
}

pub(crate) fn findings(estate: &Estate) -> Vec<Finding> {
    in_order(run(diagnose(
        &estate.world(),
        &doctor_settings(),
        &DoctorScope::default(),
    )))
}

pub(crate) fn level(findings: &[Finding], check: Check, subject: &str) -> Level {
    let mut found = findings
        .iter()
        .filter(|one| one.check == check && one.subject.contains(subject));
    match (found.next(), found.next()) {
        (Some(one), None) => one.level,
        other => panic!("{check} {subject}: {other:?} in {findings:?}"),
    }
}

/// Only the empty region gives a warning, and the built-in policy that keeps all.
#[test]
fn a_stack_in_good_health_is_told_so_check_by_check() {
    let findings = findings(&Estate::healthy());
    assert!(is_well(&findings), "{findings:?}");
    let not_ok: Vec<_> = findings
        .iter()
        .filter(|one| one.level != Level::Ok)
        .collect();
    assert_eq!(not_ok.len(), 2, "{not_ok:?}");
    let keeps_all = not_ok
        .iter()
        .filter(|one| one.what.contains("keeps every recovery point"));
    assert_eq!(keeps_all.count(), 1, "{not_ok:?}");
    assert_eq!(level(&findings, Check::Databases, OTHER), Level::Warning);
    for check in Check::ALL {
        // Only default option groups, no part, and no single sign-on: they give no finding.
        let nothing = [Check::OptionGroup, Check::Parts, Check::LogIn];
        let is_told = findings.iter().any(|one| one.check == check);
        assert_eq!(is_told, !nothing.contains(&check), "{check}");
    }
}

#[test]
fn each_thing_that_would_fail_is_found() {
    type Breakage = (Check, &'static str, fn(&mut Estate));
    let breakages: [Breakage; 9] = [
        (Check::RecoveryKey, KEY, |estate| {
            estate.keys.get_mut(KEY).unwrap().state = KeyState::Disabled;
        }),
        (Check::SourceKey, SOURCE_KEY, |estate| {
            estate.keys.remove(SOURCE_KEY);
        }),
        (Check::OptionGroup, "db:orders", |estate| {
            let orders = &mut estate.databases.get_mut(&region(SOURCE)).unwrap()[0];
            orders.option_groups = vec!["safe".to_owned()];
            // Found beyond the first page, too.
            let groups = ["a", "b", "c"].map(|name| group(name, "19", &[]));
            let mut groups = Vec::from(groups);
            groups.push(group("safe", "19", &["TDE"]));
            estate.option_groups.insert(region(SOURCE), groups);
        }),
        (Check::SnapshotQuota, SOURCE, |estate| {
            estate.quota.used = 99
        }),
        (Check::ForwardingRule, SOURCE, |estate| {
            estate.rules.remove(&region(SOURCE));
        }),
        (Check::DeadLetters, "commands", |estate| {
            for (url, count) in &mut estate.letters {
                *count = u64::from(url.ends_with("/commands-dead"));
            }
        }),
        (Check::Alarms, TOPIC, |estate| {
            let unread = Subscribers {
                confirmed: 0,
                pending: 1,
            };
            estate.subscribers.insert(TOPIC.to_owned(), unread);
        }),
        (Check::Alarms, TOPIC, |estate| estate.subscribers.clear()),
        (Check::Permissions, "WorkerRole", |estate| {
            estate.denied.insert("rds:CopyDBSnapshot".to_owned());
        }),
    ];
    for (check, subject, broken) in breakages {
        let mut estate = Estate::healthy();
        broken(&mut estate);
        let findings = findings(&estate);
        assert_eq!(level(&findings, check, subject), Level::Failure);
        assert!(!is_well(&findings));
    }
}

/// Their names and tags are the same, so nothing but the stacks themselves tells them apart.
#[test]
fn another_stack_with_this_stacks_id_is_found_where_it_can_be() {
    const THIRD: &str = "us-east-2";
    let other = |id: &str| stack(id, "https://sqs.x.amazonaws.com/111122223333/others-dead");
    let of_a_stranger = || Outputs::from([("StackIdentity".to_owned(), "prod".to_owned())]);
    let forwards = |estate: &mut Estate, from: &str, to: &str| {
        let queue =
            format!("https://sqs.{from}.amazonaws.com/111122223333/snapferry-to-{to}-dead-letters");
        estate.letters.insert(queue, 0);
    };
    // Beside it, beyond the first page.
    let mut estate = Estate::healthy();
    let here = estate.listed_stacks.get_mut(&region(HOME)).unwrap();
    here.extend([of_a_stranger(), other("dev"), other("prod")]);
    let found = findings(&estate);
    assert_eq!(level(&found, Check::StackId, "prod"), Level::Failure);
    // In a region to which the same source region forwards its events.
    let mut estate = Estate::healthy();
    estate
        .listed_stacks
        .insert(region(THIRD), vec![other("prod")]);
    let found = findings(&estate);
    assert_eq!(
        level(&found, Check::StackId, "prod"),
        Level::Ok,
        "nothing leads there"
    );
    forwards(&mut estate, SOURCE, HOME);
    forwards(&mut estate, OTHER, THIRD);
    let found = findings(&estate);
    assert_eq!(level(&found, Check::StackId, "prod"), Level::Failure);
    let says = found
        .iter()
        .find(|one| one.check == Check::StackId)
        .unwrap();
    assert!(
        says.what.contains(THIRD) && !says.what.contains(HOME),
        "{says:?}"
    );
    // The other one has an id of its own.
    estate
        .listed_stacks
        .insert(region(THIRD), vec![other("dev"), of_a_stranger()]);
    let found = findings(&estate);
    assert_eq!(level(&found, Check::StackId, "prod"), Level::Ok);
    // A region that does not answer is no good news.
    estate.down.insert(region(THIRD));
    let found = findings(&estate);
    assert_eq!(level(&found, Check::StackId, THIRD), Level::Unknown);
    assert_eq!(level(&found, Check::StackId, "prod"), Level::Ok);
}

#[test]
fn what_the_caller_may_not_ask_is_unknown_and_ends_no_other_check() {
    let refusals = [
        ("DescribeKey", Check::RecoveryKey),
        ("GetItem", Check::Policies),
        ("GetKeyPolicy", Check::KeyPolicy),
        ("DescribeDBInstances", Check::Databases),
        ("DescribeDBClusters", Check::Databases),
        ("DescribeDBSnapshots", Check::OtherStacks),
        ("DescribeDBClusterSnapshots", Check::OtherStacks),
        ("DescribeAccountAttributes", Check::SnapshotQuota),
        ("Query", Check::CopySlots),
        ("ListRuleNamesByTarget", Check::ForwardingRule),
        ("DescribeRule", Check::ForwardingRule),
        ("GetTopicAttributes", Check::Alarms),
        ("GetQueueUrl", Check::DeadLetters),
        ("GetQueueAttributes", Check::DeadLetters),
        ("ListQueues", Check::StackId),
        ("DescribeStacks", Check::StackId),
        ("SimulatePrincipalPolicy", Check::Permissions),
    ];
    for (action, check) in refusals {
        let mut estate = Estate::healthy();
        estate.refused.insert(action);
        let findings = findings(&estate);
        assert!(is_well(&findings), "{action}: {findings:?}");
        let unknown: BTreeSet<Check> = findings
            .iter()
            .filter(|one| one.level == Level::Unknown)
            .map(|one| one.check)
            .collect();
        assert!(unknown.contains(&check), "{action}: {findings:?}");
        for other in [
            Check::RecoveryKey,
            Check::ForwardingRule,
            Check::Permissions,
        ] {
            assert!(
                findings.iter().any(|one| one.check == other),
                "{action}: {other}"
            );
        }
    }
}

#[test]
fn a_region_that_does_not_answer_costs_its_own_rows_and_one_question() {
    let mut estate = Estate::healthy();
    estate.down.insert(region(OTHER));
    let findings = findings(&estate);
    let of_it: Vec<_> = findings
        .iter()
        .filter(|one| one.subject.contains(OTHER))
        .collect();
    assert_eq!(of_it.len(), 1, "{of_it:?}");
    assert_eq!(of_it[0].level, Level::Unknown);
    assert_eq!(level(&findings, Check::ForwardingRule, SOURCE), Level::Ok);
    assert_eq!(
        level(&findings, Check::Permissions, "WorkerRole"),
        Level::Ok
    );
    let calls = estate.calls.borrow();
    assert_eq!(
        calls.iter().filter(|call| region_of(call) == OTHER).count(),
        1
    );
}

#[test]
fn nothing_is_asked_for_each_database() {
    let few = Estate::healthy();
    findings(&few);
    assert_eq!(
        few.calls_of("DescribeKey"),
        2,
        "one for each key, not each database"
    );
    let mut many = Estate::healthy();
    let more = (0..40).map(|n| {
        let mut one = candidate(&format!("more-{n}"), &[]);
        one.key = Some(KeyArn::parse(SOURCE_KEY).unwrap());
        one
    });
    many.databases
        .get_mut(&region(SOURCE))
        .unwrap()
        .extend(more);
    findings(&many);
    let pages = many.calls_of("DescribeDBInstances") - few.calls_of("DescribeDBInstances");
    assert_eq!(pages, 20, "two rows a page");
    assert_eq!(many.calls.borrow().len(), few.calls.borrow().len() + pages);
}

#[test]
fn only_what_is_selected_and_asked_for_is_looked_at() {
    let estate = Estate::healthy();
    let order = DoctorScope {
        regions: vec![region(SOURCE)],
        databases: vec!["billing".to_owned()],
        log_in: None,
    };
    let findings = run(diagnose(&estate.world(), &doctor_settings(), &order));
    assert!(!findings.iter().any(|one| one.subject.contains(OTHER)));
    let key = findings
        .iter()
        .find(|one| one.check == Check::SourceKey)
        .unwrap();
    assert!(key.what.contains("of billing;"), "{key:?}");
}

/// An empty answer would be taken for health.
#[test]
fn a_database_that_nothing_has_is_a_finding() {
    let estate = Estate::healthy();
    let named = |name: &str| {
        let order = DoctorScope {
            databases: vec![name.to_owned()],
            ..DoctorScope::default()
        };
        let findings = run(diagnose(&estate.world(), &doctor_settings(), &order));
        let of_name = |one: &Finding| one.check == Check::Databases && one.subject.contains(name);
        findings.into_iter().find(of_name)
    };
    assert_eq!(named("billing"), None);
    // It has no policy, and is a database all the same.
    assert_eq!(named("scratch"), None);
    let unknown = named("biling").unwrap();
    assert_eq!(unknown.level, Level::Failure);
    assert!(unknown.what.contains("not found"), "{unknown:?}");
    assert!(
        unknown.subject.contains("did you mean billing?"),
        "{unknown:?}"
    );
}

#[test]
fn another_stack_is_found_by_its_copies_too_and_others_copies_take_places() {
    let mut estate = Estate::healthy();
    let run = a_run("orders");
    let mut copy = ours(&copy_arn(&run, 1), &run, SnapshotStatus::Copying);
    copy.tags
        .insert("snapferry:stack".to_owned(), "test".to_owned());
    estate.snapshots.insert(region(HOME), vec![copy]);
    let found = findings(&estate);
    assert_eq!(
        level(&found, Check::OtherStacks, "db:orders"),
        Level::Warning
    );
    assert_eq!(level(&found, Check::CopySlots, HOME), Level::Warning);
    // Our own copies do not count as other people's.
    let copy = ours(&copy_arn(&run, 1), &run, SnapshotStatus::Copying);
    let source = ours(&snapshot_arn(&run, 1), &run, SnapshotStatus::Available);
    estate.snapshots.insert(region(HOME), vec![copy]);
    estate.snapshots.insert(region(SOURCE), vec![source]);
    let found = findings(&estate);
    assert_eq!(level(&found, Check::OtherStacks, SOURCE), Level::Ok);
    assert_eq!(level(&found, Check::CopySlots, HOME), Level::Ok);
}

#[test]
fn the_doctor_finds_fault_where_the_planner_would_not_start() {
    let set = |name: &str, value: &str| {
        let mut pairs = variables();
        pairs.retain(|(known, _)| known != name);
        pairs.push((name.to_owned(), value.to_owned()));
        DoctorSettings::from_variables(Variables::new(pairs))
    };
    let elsewhere = set("SNAPFERRY_KMS_KEY", SOURCE_KEY).unwrap();
    let estate = Estate::healthy();
    let found = run(diagnose(
        &estate.world(),
        &elsewhere,
        &DoctorScope::default(),
    ));
    assert_eq!(
        level(&found, Check::RecoveryKey, SOURCE_KEY),
        Level::Failure
    );
    let unnamed = set("SNAPFERRY_WORKER_ROLE_ARN", "").unwrap();
    let found = run(diagnose(&estate.world(), &unnamed, &DoctorScope::default()));
    assert_eq!(
        level(&found, Check::Permissions, "WorkerRole"),
        Level::Unknown
    );
    assert_eq!(level(&found, Check::KeyPolicy, KEY), Level::Unknown);
    let broken = set("SNAPFERRY_WORKER_ROLE_ARN", "worker").unwrap_err();
    assert_eq!(broken.faults.len(), 1);
    assert!(broken.faults[0].contains("SNAPFERRY_WORKER_ROLE_ARN"));
    let circle = set("SNAPFERRY_SOURCE_REGIONS", HOME).unwrap_err();
    assert!(
        circle.faults[0].contains("recovery region itself"),
        "{circle}"
    );
    let none = DoctorSettings::from_variables(Variables::new([])).unwrap_err();
    assert!(none.faults.len() >= 7, "{none}");
}

#[test]
fn a_database_with_tde_and_without_a_mapped_option_group_is_one_that_the_planner_refuses() {
    let mut estate = Estate::healthy();
    let mut ledger = candidate("ledger", &["sealed"]);
    "oracle-ee".clone_into(&mut ledger.database.engine);
    let arn = ledger.database.arn.to_string();
    let of_region = estate.databases.get_mut(&region(SOURCE)).unwrap();
    of_region.push(ledger);
    let groups = vec![group("sealed", "19", &["TDE"])];
    estate.option_groups.insert(region(SOURCE), groups);
    let found = findings(&estate);
    assert_eq!(level(&found, Check::Databases, &arn), Level::Failure);
    let of_it = |one: &&Finding| one.subject == arn && one.check == Check::OptionGroup;
    assert_eq!(found.iter().filter(of_it).count(), 0, "it is said once");
}

#[test]
fn alarms_that_notify_nobody_are_a_failure() {
    let mut silent = variables();
    silent.retain(|(name, _)| name != "SNAPFERRY_ALARM_TOPIC_ARN");
    let settings = DoctorSettings::from_variables(Variables::new(silent)).unwrap();
    let estate = Estate::healthy();
    let findings = run(diagnose(
        &estate.world(),
        &settings,
        &DoctorScope::default(),
    ));
    assert_eq!(level(&findings, Check::Alarms, "the stack"), Level::Failure);
    assert_eq!(estate.calls_of("GetTopicAttributes"), 0);
}
