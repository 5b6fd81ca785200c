//! Drills: what a policy says of them, which databases are due, and the plan of one.

use jiff::Timestamp;
use proptest::prelude::*;
use snapferry::domain::drill::choose::{DrillCandidate, DrillReason, NotDrilled, choose_drills};
use snapferry::domain::drill::name::{DrillId, DrillTags, drill_name, drill_tags, member_name};
use snapferry::domain::drill::options::{DrillOptions, Level, Sample};
use snapferry::domain::drill::plan::{DrillPlan, DrillStop, ToDrill, plan_drill};
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::{EXCLUDE, PolicyName, STACK, StackId, Tags};
use snapferry::domain::policy::file::read;
use snapferry::domain::policy::span::Span;
use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash};
use snapferry::domain::restore::gap::GapKind;
use snapferry::domain::restore::mapping::RestoreMapping;
use snapferry::domain::restore::plan::{StepKind, ToRestore};
use snapferry::domain::restore::recovery_point::RecoveryPoint;
use snapferry::domain::restore::setting::Setting as S;
use snapferry::domain::restore::value::Value;

use crate::catalog::any_settings;
use crate::restore_plan::{
    any_mapping, cluster_point, configuration, instance_point, instance_settings, kinds, mapping,
    names, sent, shop,
};
use crate::world::{a_run, rules, time};

pub(crate) fn drill_options() -> DrillOptions {
    DrillOptions {
        every: Span::parse("30d").unwrap(),
        sample: Sample::All,
        level: Level::Runs,
        check: None,
        subnet_group: "drills".to_owned(),
        security_groups: vec!["sg-drill".to_owned()],
        deadline: Span::parse("6h").unwrap(),
        cost_ceiling: None,
        rto: None,
        allow_jobs: false,
        parameter_groups: names([("*", "quiet")]),
    }
}

fn database(name: &str) -> DatabaseRef {
    a_run(name).database
}

fn began() -> Timestamp {
    time("2026-11-22T05:00:00Z")
}

pub(crate) fn drilled(
    point: &RecoveryPoint,
    configuration: Option<&Configuration>,
    mapping: &RestoreMapping,
    options: &DrillOptions,
) -> DrillPlan {
    let hash = ConfigurationHash::of("a");
    let stack = rules().stack;
    plan_drill(ToDrill {
        restore: ToRestore {
            stack: &stack,
            point,
            configuration: configuration.map(|configuration| (&hash, configuration)),
            mapping,
        },
        policy: &PolicyName::parse("default").unwrap(),
        options,
        id: &DrillId::at(began()),
        deadline: began() + options.deadline.duration(),
    })
}

/// The drill of an instance of which everything is known.
pub(crate) fn usual_drill() -> DrillPlan {
    let point = instance_point();
    let configuration = configuration(&point, instance_settings());
    drilled(&point, Some(&configuration), &mapping(), &drill_options())
}

pub(crate) fn cluster_drill() -> DrillPlan {
    let point = cluster_point();
    drilled(&point, Some(&shop(&point)), &mapping(), &drill_options())
}

#[test]
fn a_drill_is_restored_as_it_was_but_for_what_differs_on_purpose() {
    let plan = usual_drill();
    assert_eq!(plan.stops, []);
    assert_eq!(
        kinds(&plan.restore),
        [StepKind::Restore, StepKind::Settings, StepKind::Reboot]
    );
    let restore = &plan.restore.steps[0];
    for (parameter, value) in [
        ("DBSubnetGroupName", Value::text("drills")),
        ("VpcSecurityGroupIds", Value::texts(["sg-drill".to_owned()])),
        ("DBParameterGroupName", Value::text("quiet")),
        ("PubliclyAccessible", Value::Flag(false)),
        ("DeletionProtection", Value::Flag(false)),
        ("CopyTagsToSnapshot", Value::Flag(false)),
        ("BackupRetentionPeriod", Value::Number(0)),
        ("DBInstanceClass", Value::text("db.r6g.large")),
        ("MultiAZ", Value::Flag(true)),
        ("Port", Value::Number(5432)),
    ] {
        assert_eq!(sent(restore, parameter), Some(&value), "{parameter}");
    }
    let settings = &plan.restore.steps[1];
    assert_eq!(
        sent(settings, "MaxAllocatedStorage"),
        Some(&Value::Number(200))
    );
    for (step, parameter) in [
        (restore, "EnableCloudwatchLogsExports"),
        (restore, "PreferredBackupWindow"),
        (settings, "MonitoringInterval"),
        (settings, "MonitoringRoleArn"),
    ] {
        assert_eq!(sent(step, parameter), None, "{parameter}");
    }
    // Two zones of db.r6g.large and their storage, for six hours.
    assert_eq!(plan.cents, Some(345));
    assert_eq!(plan.deadline, time("2026-11-22T11:00:00Z"));
}

#[test]
fn a_cluster_is_drilled_with_all_its_members_under_names_of_the_drill() {
    let plan = cluster_drill();
    assert_eq!(plan.stops, []);
    let name = &plan.restore.name;
    let members: Vec<&str> = plan
        .restore
        .members
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(members.len(), 3);
    for (at, member) in members.iter().enumerate() {
        assert_eq!(*member, member_name(name, at + 1));
        let step = &plan.restore.steps[at + 1];
        assert_eq!(step.kind, StepKind::Member((*member).to_owned()));
        assert_eq!(
            sent(step, "DBInstanceIdentifier"),
            Some(&Value::text(member))
        );
        assert_eq!(sent(step, "DBClusterIdentifier"), Some(&Value::text(name)));
        assert_eq!(sent(step, "PubliclyAccessible"), Some(&Value::Flag(false)));
    }
    let restore = &plan.restore.steps[0];
    assert_eq!(
        sent(restore, "BackupRetentionPeriod"),
        Some(&Value::Number(1))
    );
}

#[test]
fn a_group_that_starts_jobs_stops_a_drill_until_the_policy_allows_jobs() {
    let point = instance_point();
    let configuration = configuration(&point, instance_settings());
    let mut options = drill_options();
    options.parameter_groups = names([("other", "quiet")]);
    let plan = drilled(&point, Some(&configuration), &mapping(), &options);
    assert_eq!(plan.stops, [DrillStop::Jobs("tuned".to_owned())]);
    options.allow_jobs = true;
    let plan = drilled(&point, Some(&configuration), &mapping(), &options);
    assert_eq!(plan.stops, []);
    let group = sent(&plan.restore.steps[0], "DBParameterGroupName");
    assert_eq!(group, Some(&Value::text("tuned-here")));
}

#[test]
fn a_members_own_group_that_starts_jobs_stops_a_drill_too() {
    let point = cluster_point();
    let mut shop = shop(&point);
    let group = |name: &str| Value::text(name);
    let of_cluster = S::DbClusterParameterGroupName;
    shop.settings.insert(of_cluster, group("busy-cluster"));
    for member in shop.members.values_mut() {
        member
            .settings
            .insert(S::DbParameterGroupName, group("busy"));
    }
    let mut options = drill_options();
    options.parameter_groups = names([("busy-cluster", "quiet")]);
    let stops = |options: &DrillOptions| drilled(&point, Some(&shop), &mapping(), options).stops;
    assert!(stops(&options).contains(&DrillStop::Jobs("busy".to_owned())));
    options.parameter_groups = names([("busy-cluster", "quiet"), ("busy", "quiet")]);
    assert_eq!(stops(&options), []);
}

#[test]
fn a_drill_accepts_no_gap() {
    let point = instance_point();
    let plan = drilled(&point, None, &mapping(), &drill_options());
    let gaps: Vec<GapKind> = plan
        .stops
        .iter()
        .filter_map(|stop| match stop {
            DrillStop::Gap(gap) => Some(gap.kind),
            DrillStop::Jobs(_) | DrillStop::NoMember => None,
        })
        .collect();
    assert_eq!(gaps, [GapKind::Configuration]);
    let mut of_another_region = mapping();
    of_another_region.keys.clear();
    let configuration = configuration(&point, instance_settings());
    let plan = drilled(
        &point,
        Some(&configuration),
        &of_another_region,
        &drill_options(),
    );
    assert!(matches!(&plan.stops[..], [DrillStop::Gap(gap)] if gap.kind == GapKind::Key));
}

proptest! {
    #[test]
    fn no_drill_has_a_way_out_or_outlives_itself(
        settings in any_settings(),
        members in prop::collection::vec(any_settings(), 0..4),
        mapping in any_mapping(),
        is_cluster in any::<bool>(),
        allow_jobs in any::<bool>(),
    ) {
        let point = if is_cluster { cluster_point() } else { instance_point() };
        let mut configuration = configuration(&point, settings);
        if is_cluster {
            let shop = shop(&point);
            let member = shop.members.values().next().unwrap();
            for (at, settings) in members.into_iter().enumerate() {
                let mut member = member.clone();
                member.settings.extend(settings);
                configuration.members.insert(format!("shop-with-a-long-name-of-its-own-and-even-more-of-it-{at}"), member);
            }
        }
        let options = DrillOptions { allow_jobs, ..drill_options() };
        let plan = drilled(&point, Some(&configuration), &mapping, &options);
        let name = &plan.restore.name;
        for step in &plan.restore.steps {
            prop_assert!(!matches!(step.kind, StepKind::Role | StepKind::DataApi | StepKind::Backups));
            let id = sent(step, "DBInstanceIdentifier").or(sent(step, "DBClusterIdentifier"));
            let id = id.and_then(Value::as_text).unwrap_or_default();
            prop_assert!(id.starts_with(name.as_str()) && id.len() <= 63, "{} {id}", step.action);
            for never in ["EnableCloudwatchLogsExports", "MonitoringRoleArn", "MonitoringInterval", "RoleArn"] {
                prop_assert_eq!(sent(step, never), None);
            }
            for closed in ["PubliclyAccessible", "DeletionProtection", "CopyTagsToSnapshot"] {
                prop_assert!(matches!(sent(step, closed), None | Some(Value::Flag(false))), "{}", closed);
            }
            let makes = matches!(step.kind, StepKind::Restore | StepKind::Member(_));
            if makes {
                let Some(Value::Records(tags)) = sent(step, "Tags") else { panic!("no tags") };
                let tags: Tags = tags.iter().map(|tag| (tag["Key"].clone(), tag["Value"].clone())).collect();
                let read = DrillTags::read(&rules().stack, &tags).expect("the tags of a drill");
                let of_member = matches!(step.kind, StepKind::Member(_)).then_some(name.as_str());
                prop_assert!(read.give_the_name(&rules().stack, point.origin.database.arn.family(), id, of_member));
                prop_assert!(tags.contains_key(EXCLUDE) && !tags.contains_key(STACK) && tags.len() <= 50);
                prop_assert_eq!(read.deadline, plan.deadline);
            }
            if step.kind == StepKind::Restore {
                prop_assert_eq!(sent(step, "DBSubnetGroupName"), Some(&Value::text("drills")));
                let groups = Value::texts(["sg-drill".to_owned()]);
                prop_assert_eq!(sent(step, "VpcSecurityGroupIds"), Some(&groups));
                prop_assert!(sent(step, "DeletionProtection").is_some());
                let days = if is_cluster { 1 } else { 0 };
                prop_assert_eq!(sent(step, "BackupRetentionPeriod"), Some(&Value::Number(days)));
            }
        }
        for line in &plan.restore.lines {
            prop_assert!(line.sent_by != Some(StepKind::Backups) && line.sent_by != Some(StepKind::Role));
        }
    }
}

#[test]
fn the_tags_of_a_drill_and_its_name_prove_each_other() {
    let stack = StackId::parse("main").unwrap();
    let other_stack = StackId::parse("other").unwrap();
    let of = database("orders");
    let id = DrillId::at(began());
    let name = drill_name(&stack, &of, &id);
    assert!(
        name.starts_with("sfd-orders-") && name.len() <= 45,
        "{name}"
    );
    let tags = drill_tags(&stack, &of.resource_id, &id, began(), &Tags::new());
    let read = DrillTags::read(&stack, &tags).unwrap();
    let gives = |name: &str, of| read.give_the_name(&stack, Family::Instance, name, of);
    assert!(gives(&name, None));
    assert!(!read.give_the_name(&stack, Family::Cluster, &name, None));
    assert!(!gives("orders", None));
    assert!(!gives(&format!("{name}-1"), None));
    assert!(!gives(&name.replace("sfd-", "abc-"), None));
    assert_eq!(DrillTags::read(&other_stack, &tags), None);
    for key in tags.keys().filter(|key| *key != EXCLUDE) {
        let mut without = tags.clone();
        without.remove(key);
        assert_eq!(DrillTags::read(&stack, &without), None, "{key}");
    }
    let changed = [
        (&ResourceId::parse("db-OTHER").unwrap(), &id),
        (&of.resource_id, &DrillId::at(time("2026-11-22T05:00:01Z"))),
    ];
    for (of, id) in changed {
        let tags = drill_tags(&stack, of, id, began(), &Tags::new());
        let read = DrillTags::read(&stack, &tags).unwrap();
        assert!(!read.give_the_name(&stack, Family::Instance, &name, None));
    }
}

#[test]
fn a_member_of_a_drill_belongs_to_its_cluster_and_bears_its_number() {
    let stack = StackId::parse("main").unwrap();
    let of = cluster_point().origin.database;
    let id = DrillId::at(began());
    let cluster = drill_name(&stack, &of, &id);
    let tags = drill_tags(&stack, &of.resource_id, &id, began(), &Tags::new());
    let read = DrillTags::read(&stack, &tags).unwrap();
    let gives = |name: &str, of: &str| read.give_the_name(&stack, Family::Instance, name, Some(of));
    assert!(gives(&member_name(&cluster, 2), &cluster));
    assert!(!gives(&cluster, &cluster));
    assert!(!gives(&format!("{cluster}-02"), &cluster));
    assert!(!gives(&format!("{cluster}-mine"), &cluster));
    assert!(!gives("shop-1", "shop"));
}

fn candidate(name: &str, last: Option<&str>) -> DrillCandidate {
    DrillCandidate {
        database: database(name),
        policy: PolicyName::parse("default").unwrap(),
        options: Some(drill_options()),
        has_point: true,
        last: last.map(time),
        is_open: false,
        stops: Vec::new(),
        cents: Some(300),
    }
}

fn decisions(
    all: &[DrillCandidate],
    is_asked: bool,
) -> Vec<(&str, Result<DrillReason, NotDrilled>)> {
    let decided = choose_drills(all, is_asked, time("2026-11-22T05:00:00Z"));
    let named = decided.into_iter();
    named
        .map(|(at, decision)| (all[at].database.arn.name(), decision))
        .collect()
}

#[test]
fn the_databases_that_were_not_drilled_for_longest_come_first_and_each_other_has_its_reason() {
    let mut all = [
        candidate("young", Some("2026-11-01T05:00:00Z")),
        candidate("old", Some("2026-09-01T05:00:00Z")),
        candidate("older", Some("2026-08-01T05:00:00Z")),
        candidate("never", None),
        candidate("pointless", None),
        candidate("silent", None),
        candidate("open", Some("2026-11-21T05:00:00Z")),
        candidate("stopped", None),
    ];
    for one in &mut all {
        one.options.as_mut().unwrap().sample = Sample::Oldest(3);
    }
    all[4].has_point = false;
    all[5].options = None;
    all[6].is_open = true;
    all[7].stops = vec![DrillStop::NoMember];
    assert_eq!(
        decisions(&all, false),
        [
            ("open", Ok(DrillReason::GoesOn)),
            ("never", Ok(DrillReason::Never)),
            ("pointless", Err(NotDrilled::NoPoint)),
            ("silent", Err(NotDrilled::NoOptions)),
            (
                "stopped",
                Err(NotDrilled::Stopped(vec![DrillStop::NoMember]))
            ),
            ("older", Ok(DrillReason::Due(time("2026-08-01T05:00:00Z")))),
            ("old", Err(NotDrilled::Sample(3))),
            (
                "young",
                Err(NotDrilled::NotDue(time("2026-12-01T05:00:00Z")))
            ),
        ]
    );
}

#[test]
fn a_ceiling_stops_what_would_pass_it_and_what_nobody_can_estimate() {
    let mut all = [
        candidate("a", None),
        candidate("b", None),
        candidate("c", None),
    ];
    for one in &mut all {
        one.options.as_mut().unwrap().cost_ceiling = Some(6);
    }
    all[0].cents = None;
    all.iter_mut()
        .for_each(|one| one.options.as_mut().unwrap().sample = Sample::All);
    assert_eq!(
        decisions(&all, false),
        [
            ("a", Err(NotDrilled::UnknownCost(6))),
            ("b", Ok(DrillReason::Never)),
            ("c", Ok(DrillReason::Never)),
        ]
    );
    all[2].cents = Some(301);
    assert_eq!(
        decisions(&all, false)[2],
        ("c", Err(NotDrilled::Ceiling(6)))
    );
}

#[test]
fn what_a_person_names_is_drilled_before_it_is_due_and_beyond_the_sample() {
    let mut all = [
        candidate("young", Some("2026-11-21T05:00:00Z")),
        candidate("never", None),
    ];
    for one in &mut all {
        one.options.as_mut().unwrap().sample = Sample::Oldest(1);
    }
    let asked = [
        ("never", Ok(DrillReason::Asked)),
        ("young", Ok(DrillReason::Asked)),
    ];
    assert_eq!(decisions(&all, true), asked);
}

const DRILL: &str = r#"
[policy.gold]
schedule = "0 3 * * *"
[policy.gold.drill]
every = "30d"
sample = 2
level = "L3"
check = "orders-check"
subnet_group = "drills"
security_groups = ["sg-0a1b"]
deadline = "6h"
cost_ceiling = 20
"#;

#[test]
fn a_policy_says_how_its_databases_are_drilled() {
    let file = read(DRILL, None).unwrap();
    let options = &file.set.policies[&PolicyName::parse("gold").unwrap()].options;
    let drill = options.drill.as_ref().unwrap();
    assert_eq!(drill.sample, Sample::Oldest(2));
    assert_eq!(drill.level, Level::Checked);
    assert_eq!((drill.cost_ceiling, drill.allow_jobs), (Some(20), false));
}

#[test]
fn faults_in_what_a_policy_says_of_drills_are_reported_with_their_places() {
    for (line, wrong, at, says) in [
        ("every = \"30d\"\n", "", "4:1", "every is missing"),
        (
            "subnet_group = \"drills\"\n",
            "",
            "4:1",
            "subnet_group is missing",
        ),
        (
            "security_groups = [\"sg-0a1b\"]\n",
            "",
            "4:1",
            "security_groups is missing",
        ),
        ("[\"sg-0a1b\"]", "[]", "10:19", "name at least one"),
        (
            "\"sg-0a1b\"",
            "\"default\"",
            "10:20",
            "the id of a security group",
        ),
        ("\"6h\"", "\"25h\"", "11:12", "at most 24h"),
        ("sample = 2", "sample = 0", "6:10", "a whole number from 1"),
        (
            "sample = 2",
            "sample = \"some\"",
            "6:10",
            "\"all\" or a whole number",
        ),
        (
            "\"L3\"",
            "\"L2\"",
            "7:9",
            "the Data API, which it does not call",
        ),
        ("\"L3\"", "\"L9\"", "7:9", "a level of proof"),
        ("check = \"orders-check\"\n", "", "7:9", "check names none"),
        (
            "cost_ceiling = 20",
            "cost_ceiling = 0",
            "12:16",
            "a whole number from 1",
        ),
        ("deadline", "dedline", "11:1", "did you mean deadline"),
    ] {
        let text = DRILL.replace(line, wrong);
        assert_ne!(text, DRILL, "{line}");
        let faults = read(&text, None).unwrap_err();
        let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let is_it = |one: &&String| one.starts_with(&format!("{at}: ")) && one.contains(says);
        assert!(found.iter().any(|one| is_it(&one)), "{wrong}: {found:?}");
    }
}

#[test]
fn the_public_switch_of_a_restore_opens_no_drill() {
    let point = instance_point();
    let configuration = configuration(&point, instance_settings());
    let mut open = mapping();
    open.publicly_accessible = true;
    let plan = drilled(&point, Some(&configuration), &open, &drill_options());
    let public = plan
        .restore
        .lines
        .iter()
        .find(|line| line.setting == S::PubliclyAccessible);
    assert_eq!(public.unwrap().value, Some(Value::Flag(false)));
}
