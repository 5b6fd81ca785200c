//! Option groups, and copies that need one.

use snapferry_sim::rds::{
    CopyDbSnapshot, DbOption, DescribeOptionGroups, InstanceSpec, OptionGroup, Rds, Region,
};

use super::model::{at, code, copy, create, here, run_out, there, world};

fn group(name: &str, options: &[(&str, bool)]) -> OptionGroup {
    let option = |(name, is_persistent): &(&str, bool)| DbOption {
        name: (*name).to_owned(),
        is_persistent: *is_persistent,
    };
    OptionGroup {
        name: name.to_owned(),
        engine: "oracle-ee".to_owned(),
        major_version: "19".to_owned(),
        options: options.iter().map(option).collect(),
    }
}

/// A snapshot of an Oracle instance whose option group has these options.
fn with_options(options: &[(&str, bool)]) -> Rds {
    let mut rds = world(Default::default());
    rds.add_option_group(&here(), group("own", options));
    let mut spec = InstanceSpec::postgres("books");
    spec.engine = "oracle-ee".to_owned();
    spec.engine_version = "19.0.0.0.ru-2025-01".to_owned();
    spec.option_group = "own".to_owned();
    rds.add_instance(&here(), spec).unwrap();
    rds.create_db_snapshot(&here(), &create("s", "books"), at(0))
        .unwrap();
    run_out(&mut rds);
    rds
}

fn wanted(group: &str) -> CopyDbSnapshot {
    CopyDbSnapshot {
        option_group: Some(group.to_owned()),
        ..copy("s", "c")
    }
}

#[test]
fn a_copy_without_options_that_it_cannot_do_without_is_refused_with_their_names() {
    let mut rds = with_options(&[("TDE", true), ("Timezone", true), ("S3_INTEGRATION", false)]);
    let refused = rds.copy_db_snapshot(&there(), &copy("s", "c"), at(1000));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "The snapshot requires a target option group with the following options: [TDE, Timezone]"
    );
    let mut try_with = |name: &str| code(rds.copy_db_snapshot(&there(), &wanted(name), at(1000)));
    assert_eq!(try_with("at-home"), "OptionGroupNotFoundFault");
    rds.add_option_group(&there(), group("at-home", &[("TDE", true)]));
    let mut try_with = |name: &str| code(rds.copy_db_snapshot(&there(), &wanted(name), at(1000)));
    assert_eq!(try_with("at-home"), "InvalidParameterValue");
    rds.add_option_group(
        &there(),
        group("At-Home", &[("TDE", true), ("Timezone", true)]),
    );
    let copied = rds.copy_db_snapshot(&there(), &wanted("at-home"), at(1000));
    assert_eq!(copied.unwrap().instance.option_group, "at-home");
}

#[test]
fn a_copy_to_another_region_has_the_default_group_unless_it_names_one() {
    let mut rds = with_options(&[("S3_INTEGRATION", false)]);
    let mut group_of = |region: &Region, request: &CopyDbSnapshot| {
        let copied = rds.copy_db_snapshot(region, request, at(1000)).unwrap();
        copied.instance.option_group.clone()
    };
    assert_eq!(group_of(&there(), &copy("s", "c")), "default:oracle-ee-19");
    assert_eq!(group_of(&here(), &copy("s", "c")), "own");
}

#[test]
fn option_groups_are_listed_with_the_default_ones_that_a_database_has() {
    let mut rds = with_options(&[("TDE", true)]);
    rds.add_instance(&here(), InstanceSpec::postgres("orders"))
        .unwrap();
    let mut list = |request: DescribeOptionGroups| {
        let page = rds.describe_option_groups(&here(), &request, at(1000));
        page.map(|page| Vec::from_iter(page.items.into_iter().map(|group| group.name)))
    };
    let own = ["own".to_owned()];
    let by_name = |name: &str| DescribeOptionGroups {
        name: Some(name.to_owned()),
        ..DescribeOptionGroups::default()
    };
    let by_engine = |engine: Option<&str>, major: Option<&str>| DescribeOptionGroups {
        engine: engine.map(str::to_owned),
        major_version: major.map(str::to_owned),
        ..DescribeOptionGroups::default()
    };
    let all = list(DescribeOptionGroups::default()).unwrap();
    assert_eq!(all, ["default:postgres-17", "own"]);
    assert_eq!(list(by_name("OWN")).unwrap(), own);
    assert_eq!(list(by_engine(Some("oracle-ee"), Some("19"))).unwrap(), own);
    assert_eq!(
        list(by_engine(Some("oracle-ee"), Some("21"))).unwrap(),
        [""; 0]
    );
    assert_eq!(code(list(by_name("none"))), "OptionGroupNotFoundFault");
    let both = DescribeOptionGroups {
        engine: Some("oracle-ee".to_owned()),
        ..by_name("own")
    };
    for request in [both, by_engine(None, Some("19"))] {
        assert_eq!(code(list(request)), "InvalidParameterCombination");
    }
}
