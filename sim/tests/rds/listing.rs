//! Describe calls: filters and pages.

use std::collections::BTreeSet;

use proptest::prelude::*;
use snapferry_sim::rds::{
    DescribeDbInstances, DescribeDbSnapshots, Filter, InstanceSpec, Paging, Rds, RdsConfig,
    RdsFault,
};

use super::model::{arn, at, code, create, here, with_snapshot};

#[test]
fn a_filter_without_match_is_an_empty_list_and_an_identifier_without_match_an_error() {
    let mut rds = with_snapshot(|_| ());
    let resource_id = rds.instance(&here(), "orders").unwrap().resource_id.clone();
    assert!(resource_id.len() == 29 && resource_id.starts_with("db-"));
    let names = |rds: &mut Rds, filters: &[(&str, &[&str])]| {
        let filters = filters.iter().map(|(name, values)| Filter {
            name: (*name).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        });
        let request = DescribeDbSnapshots {
            filters: filters.collect(),
            ..Default::default()
        };
        let page = rds.describe_db_snapshots(&here(), &request, at(1000))?;
        Ok::<_, RdsFault>(
            page.items
                .into_iter()
                .map(|item| item.name)
                .collect::<Vec<_>>(),
        )
    };
    let instance_arn = "arn:aws:rds:eu-west-1:111122223333:db:orders";
    let fits: [(&str, &[&str]); 6] = [
        ("db-snapshot-id", &["none", "S", "s"]),
        ("db-instance-id", &["Orders"]),
        ("db-instance-id", &[instance_arn]),
        ("dbi-resource-id", &[&resource_id]),
        ("snapshot-type", &["automated", "manual"]),
        ("engine", &["postgres"]),
    ];
    for filter in fits {
        assert_eq!(names(&mut rds, &[filter]).unwrap(), ["s"], "{filter:?}");
        let both = names(&mut rds, &[filter, ("engine", &["mysql"])]).unwrap();
        assert!(both.is_empty(), "all filters must fit");
    }
    for filter in [
        ("db-snapshot-id", &["none"][..]),
        ("snapshot-type", &["automated"]),
    ] {
        assert!(names(&mut rds, &[filter]).unwrap().is_empty());
    }
    for filter in [
        ("tag:team", &["x"][..]),
        ("engine", &[]),
        ("db-cluster-id", &["x"]),
    ] {
        assert_eq!(code(names(&mut rds, &[filter])), "InvalidParameterValue");
    }
    let mut ask = |name: &str| {
        let request = DescribeDbSnapshots {
            snapshot: Some(name.into()),
            ..Default::default()
        };
        code(rds.describe_db_snapshots(&here(), &request, at(1000)))
    };
    assert_eq!([ask("S"), ask(&arn("s"))], ["success"; 2]);
    let far = "arn:aws:rds:eu-central-1:111122223333:snapshot:s";
    assert_eq!([ask("none"), ask(far)], ["DBSnapshotNotFound"; 2]);
    let request = DescribeDbInstances {
        instance: Some("none".into()),
        ..Default::default()
    };
    assert_eq!(
        code(rds.describe_db_instances(&here(), &request, at(1000))),
        "DBInstanceNotFound"
    );
}

#[test]
fn page_sizes_and_markers_beyond_the_rules_are_refused() {
    let mut rds = with_snapshot(|_| ());
    let mut ask = |max_records, marker: Option<&str>| {
        let paging = Paging {
            max_records,
            marker: marker.map(str::to_owned),
        };
        let request = DescribeDbSnapshots {
            paging,
            ..Default::default()
        };
        code(rds.describe_db_snapshots(&here(), &request, at(1000)))
    };
    assert_eq!([ask(Some(20), None), ask(Some(100), None)], ["success"; 2]);
    for (max_records, marker) in [
        (Some(19), None),
        (Some(101), None),
        (Some(-1), None),
        (None, Some("s")),
        (None, Some("zz")),
        (None, Some("é")),
        (None, Some("+1")),
    ] {
        assert_eq!(
            ask(max_records, marker),
            "InvalidParameterValue",
            "{max_records:?} {marker:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_snapshot_is_listed_once_whatever_the_page_size(
        numbers in prop::collection::btree_set(0u32..100_000, 0..130),
        size in 20i64..=100,
        by_filter: bool,
    ) {
        let mut rds = Rds::new(RdsConfig { manual_snapshot_quota: 500, ..Default::default() }, 1);
        let mut expected = BTreeSet::new();
        for number in numbers {
            let (name, instance) = (format!("s-{number}"), format!("db-{number}"));
            rds.add_instance(&here(), InstanceSpec::postgres(&instance)).unwrap();
            rds.create_db_snapshot(&here(), &create(&name, &instance), at(0)).unwrap();
            expected.insert(name);
        }
        rds.config_mut().max_filter_values = 500;
        let values: Vec<_> = expected.iter().rev().cloned().collect();
        let filter = Filter { name: "db-snapshot-id".into(), values };
        let filters = if by_filter && !expected.is_empty() { vec![filter] } else { vec![] };
        let mut listed = Vec::new();
        let mut marker = None;
        loop {
            let paging = Paging { max_records: Some(size), marker };
            let request =
                DescribeDbSnapshots { filters: filters.clone(), paging, ..Default::default() };
            let page = rds.describe_db_snapshots(&here(), &request, at(1)).unwrap();
            prop_assert!(page.items.len() as i64 <= size);
            listed.extend(page.items.into_iter().map(|item| item.name));
            marker = page.marker;
            if marker.is_none() {
                break;
            }
        }
        prop_assert_eq!(listed, expected.into_iter().collect::<Vec<_>>());
    }
}
