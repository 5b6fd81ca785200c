//! Parameters that a stack keeps from an earlier version, and whether they still fit.

use std::collections::BTreeMap;
use std::fs;

use snapferry::domain::deploy::defaults::parameter_defaults;
use snapferry::domain::deploy::outgrown::{misfits, raised};
use snapferry::domain::deploy::package::Templates;
use snapferry::domain::deploy::request::DeployRequest;
use snapferry::domain::deploy::stack::StackFacts;
use snapferry::domain::deploy::timing::Timing;
use snapferry::domain::doctor::Level;
use snapferry::domain::doctor::timing::timing;
use snapferry::fake::Deployments;

use crate::deploy::{deployed, home, looked, request, stack, world};
use crate::world::pairs;

/// The outputs that version 0.1.0's template has, by name.
fn outputs_of_0_1_0() -> BTreeMap<String, String> {
    let template = fs::read_to_string("tests/fixtures/upgrade/0.1.0/template.yaml").unwrap();
    let template: serde_norway::Value = serde_norway::from_str(&template).unwrap();
    let outputs = template["Outputs"].as_mapping().unwrap();
    outputs
        .keys()
        .map(|name| (name.as_str().unwrap().to_owned(), "a value".to_owned()))
        .collect()
}

/// A stack of version 0.1.0: every default of its template, and what a person had to say.
fn of_0_1_0(changed: &[(&str, &str)]) -> Deployments {
    let world = world();
    let template = fs::read_to_string("tests/fixtures/upgrade/0.1.0/template.yaml").unwrap();
    let mut parameters: BTreeMap<String, String> = parameter_defaults(&template)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    parameters.extend(pairs(&[("SourceRegions", "eu-west-1,eu-north-1")]));
    parameters.extend(pairs(changed));
    let facts = StackFacts {
        id: "arn:of:the:stack".to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
        parameters,
        outputs: outputs_of_0_1_0(),
    };
    world.put_stack(&home(), &stack(), facts);
    world
}

#[test]
fn an_upgrade_from_0_1_0_is_taken_for_ours_and_raises_the_old_defaults_that_no_longer_fit_and_says_so()
 {
    let world = of_0_1_0(&[]);
    let deployment = looked(&world, request()).unwrap();
    let said: Vec<(&str, &str, &str)> = deployment
        .raised
        .iter()
        .map(|one| (one.parameter, one.from, one.to.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("FunctionTimeout", "30", "60"),
            ("VisibilitySeconds", "180", "360")
        ]
    );
    assert_eq!(deployment.misfits, Vec::<String>::new());
    deployed(&world, request());
    let now = world.stack(&home(), &stack()).unwrap();
    assert_eq!(now.parameters["FunctionTimeout"], "60");
    assert_eq!(now.parameters["VisibilitySeconds"], "360");
    let again = looked(&world, request()).unwrap();
    assert!(!again.changes_anything());
    assert_eq!(again.raised, []);
}

#[test]
fn a_value_of_a_persons_own_is_kept_and_named_where_it_does_not_fit() {
    let world = of_0_1_0(&[("FunctionTimeout", "40"), ("VisibilitySeconds", "400")]);
    let deployment = looked(&world, request()).unwrap();
    assert_eq!(deployment.raised, []);
    assert_eq!(deployment.misfits.len(), 1, "{:?}", deployment.misfits);
    assert!(deployment.misfits[0].contains("--parameter FunctionTimeout=60 or more"));
    let named = DeployRequest {
        parameters: pairs(&[("FunctionTimeout", "30")]),
        ..request()
    };
    let deployment = looked(&world, named).unwrap();
    assert_eq!(deployment.raised, []);
    assert!(
        deployment.misfits[0].starts_with("FunctionTimeout is 30 s"),
        "{:?}",
        deployment.misfits
    );
}

#[test]
fn a_new_stack_has_no_old_values_and_the_templates_own_defaults_fit() {
    let deployment = looked(&world(), request()).unwrap();
    assert_eq!(deployment.raised, []);
    assert_eq!(deployment.misfits, Vec::<String>::new());
}

/// A default that changes is either raised by the next deployment or fits as it was.
#[test]
fn every_default_that_has_changed_since_0_1_0_is_known() {
    let old = fs::read_to_string("tests/fixtures/upgrade/0.1.0/template.yaml").unwrap();
    let new = Templates::carried().recovery;
    let (old, now) = (parameter_defaults(&old), parameter_defaults(&new));
    let changed = old.iter().filter(|(name, value)| {
        let after = now.get(*name);
        after.is_some_and(|after| after != *value)
    });
    let held: BTreeMap<String, String> = changed
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let none = BTreeMap::new();
    let all = raised(&new, &held, &none);
    let names: Vec<&str> = all.iter().map(|one| one.parameter).collect();
    let expected: Vec<&str> = held.keys().map(String::as_str).collect();
    assert_eq!(names, expected);
    assert_eq!(misfits(&new, &none, &none), Vec::<String>::new());
}

#[test]
fn the_doctor_warns_of_limits_that_do_not_fit_and_does_not_guess_those_of_an_earlier_version() {
    let kept = Timing {
        function: 30,
        visibility: 150,
        read: 10,
        change: 25,
    };
    let findings = timing(Some(kept));
    let said: Vec<(Level, &str)> = findings
        .iter()
        .map(|one| (one.level, one.remedy.as_deref().unwrap()))
        .collect();
    assert_eq!(
        said,
        [
            (Level::Warning, "deploy with FunctionTimeout=60 or more"),
            (Level::Warning, "deploy with VisibilitySeconds=180 or more"),
        ]
    );
    let fits = Timing {
        function: 60,
        visibility: 360,
        ..kept
    };
    assert_eq!(timing(Some(fits))[0].level, Level::Ok);
    assert_eq!(timing(None)[0].level, Level::Unknown);
}
