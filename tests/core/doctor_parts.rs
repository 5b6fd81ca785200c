//! What the doctor says of the parts, which are deployed on request, and of the caller's log-in.

use snapferry::app::doctor::{DoctorScope, diagnose};
use snapferry::domain::deploy::names::StackName;
use snapferry::domain::doctor::parts::PartFunction;
use snapferry::domain::doctor::region::Rule;
use snapferry::domain::doctor::{Check, Level, is_well};
use snapferry::domain::policy::set::Applied;
use snapferry::settings::DoctorSettings;

use crate::doctor::{Estate, doctor_settings, findings, level};
use crate::policies::applied;
use crate::world::{Fixture, SOURCE, World, region, run};

/// A policy file whose one policy has drills.
pub(crate) const WITH_DRILLS: &str = r#"
[policy.default]
schedule = "0 3 * * *"
[policy.default.drill]
every = "30d"
subnet_group = "drills"
security_groups = ["sg-drill"]
"#;

fn drilled() -> Applied {
    applied(&World::new(), WITH_DRILLS)
}

const REMOVER: &str = "arn:aws:lambda:eu-central-1:111122223333:function:prod-restore-Remover";

/// The stack `prod-restore`, whose function works for this stack and is run by this rule.
fn with_remover(estate: &mut Estate, works_for: &str, enabled: bool) {
    let outputs = [("RemoverName", "prod-restore-Remover")];
    let outputs = outputs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    estate
        .stacks
        .insert("prod-restore".to_owned(), outputs.into());
    let function = PartFunction {
        arn: REMOVER.to_owned(),
        stack: Some(works_for.to_owned()),
    };
    let name = "prod-restore-Remover".to_owned();
    estate.functions.insert(name, function);
    let rule = Rule {
        name: "hourly".to_owned(),
        enabled,
        catches_snapshots: Some(false),
    };
    estate.schedules.insert(REMOVER.to_owned(), vec![rule]);
}

fn of_parts(estate: &Estate) -> Vec<(Level, String)> {
    let settings = DoctorSettings {
        stack_name: StackName::parse("prod").ok(),
        ..doctor_settings()
    };
    let found = run(diagnose(
        &estate.world(),
        &settings,
        &DoctorScope::default(),
    ));
    let found = found.into_iter().filter(|one| one.check == Check::Parts);
    found.map(|one| (one.level, one.what)).collect()
}

#[test]
fn a_remover_that_is_there_is_this_stacks_and_is_run_is_well() {
    let mut estate = Estate::healthy();
    with_remover(&mut estate, "prod", true);
    let found = of_parts(&estate);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Level::Ok);
}

#[test]
fn a_remover_that_nothing_runs_or_that_works_for_another_stack_is_a_failure() {
    type Broken = (&'static str, fn(&mut Estate));
    let cases: [Broken; 5] = [
        ("schedule of the remover is disabled: hourly", |estate| {
            with_remover(estate, "prod", false);
        }),
        ("works for another and not for prod", |estate| {
            with_remover(estate, "another", true);
        }),
        ("no schedule runs the remover", |estate| {
            with_remover(estate, "prod", true);
            estate.schedules.clear();
        }),
        ("does not exist", |estate| {
            with_remover(estate, "prod", true);
            estate.functions.clear();
        }),
        (
            "is not deployed, and these policies have drills: default",
            |estate| {
                estate.policies = Some(drilled());
            },
        ),
    ];
    for (what, breaks) in cases {
        let mut estate = Estate::healthy();
        breaks(&mut estate);
        let found = of_parts(&estate);
        assert!(
            matches!(&found[..], [(Level::Failure, said)] if said.contains(what)),
            "{what}: {found:?}"
        );
    }
}

#[test]
fn where_no_policy_has_drills_or_the_stacks_name_is_unknown_no_part_is_missed() {
    let mut estate = Estate::healthy();
    assert_eq!(of_parts(&estate), []);
    estate.policies = Some(drilled());
    let found = run(diagnose(
        &estate.world(),
        &doctor_settings(),
        &DoctorScope::default(),
    ));
    assert!(found.iter().all(|one| one.check != Check::Parts));
}

#[test]
fn what_the_caller_may_not_ask_of_a_part_is_unknown() {
    for action in ["DescribeStacks", "GetFunctionConfiguration"] {
        let mut estate = Estate::healthy();
        with_remover(&mut estate, "prod", true);
        estate.refused.insert(action);
        let found = of_parts(&estate);
        assert!(
            !found.is_empty() && found.iter().all(|(level, _)| *level == Level::Unknown),
            "{action}: {found:?}"
        );
    }
}

#[test]
fn a_log_in_that_lives_in_a_source_region_is_a_warning() {
    let estate = Estate::healthy();
    let level_in = |name: &str| {
        let scope = DoctorScope {
            log_in: Some(region(name)),
            ..DoctorScope::default()
        };
        let found = run(diagnose(&estate.world(), &doctor_settings(), &scope));
        level(&found, Check::LogIn, name)
    };
    assert_eq!(level_in(SOURCE), Level::Warning);
    assert_eq!(level_in("us-west-2"), Level::Ok);
    assert!(is_well(&findings(&estate)));
}
