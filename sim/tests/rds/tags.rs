//! Tags.

use snapferry_sim::rds::{CopyDbSnapshot, CreateDbSnapshot, Rds, Region, Tags};

use super::model::{arn, at, code, copy, create, here, tags, there, with_instances, with_snapshot};

#[test]
fn explicit_tags_win_over_copied_ones_and_reserved_ones_are_not_inherited() {
    let mut rds = with_snapshot(|spec| {
        spec.copy_tags_to_snapshot = true;
        spec.tags = Tags::of_system([("team", "a"), ("aws:cloudformation:stack-name", "x")]);
    });
    let of = |rds: &Rds, region: &Region, name: &str| {
        let tags = rds.snapshot(region, name).unwrap().tags.clone();
        tags.iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&rds, &here(), "s"), ["team=a"]);
    let request = CopyDbSnapshot {
        copy_tags: true,
        ..copy("s", "c1")
    };
    rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    assert_eq!(of(&rds, &there(), "c1"), ["team=a"]);
    let request = CopyDbSnapshot {
        copy_tags: true,
        tags: tags(&[("own", "1")]),
        ..copy("s", "c2")
    };
    rds.copy_db_snapshot(&there(), &request, at(1000)).unwrap();
    assert_eq!(of(&rds, &there(), "c2"), ["own=1"]);
    rds.copy_db_snapshot(&there(), &copy("s", "c3"), at(1000))
        .unwrap();
    assert!(
        of(&rds, &there(), "c3").is_empty(),
        "tags are not copied unless asked"
    );
    let own = CreateDbSnapshot {
        tags: tags(&[("own", "1")]),
        ..create("s2", "orders")
    };
    rds.create_db_snapshot(&here(), &own, at(1000)).unwrap();
    assert_eq!(
        of(&rds, &here(), "s2"),
        ["own=1"],
        "own tags stop the inheritance"
    );
}

#[test]
fn tags_are_removed_by_their_keys_and_one_that_is_not_there_is_no_error() {
    let mut rds = with_snapshot(|_| ());
    let (far, keys) = (arn("s"), ["a".to_owned(), "none".to_owned()]);
    rds.add_tags_to_resource(&here(), &far, &tags(&[("a", "1"), ("b", "2")]), at(1000))
        .unwrap();
    rds.remove_tags_from_resource(&here(), &far, &keys, at(1001))
        .unwrap();
    let left = rds.list_tags_for_resource(&here(), &far, at(1001)).unwrap();
    assert_eq!(left, Tags::of_system([("b", "2")]));
    for (of, keys, expected) in [
        (far, &[][..], "MissingParameter"),
        (arn("none"), &keys[..], "DBSnapshotNotFound"),
    ] {
        let answer = rds.remove_tags_from_resource(&here(), &of, keys, at(1002));
        assert_eq!(code(answer), expected);
    }
}

#[test]
fn tags_beyond_the_rules_are_refused() {
    let mut rds = with_instances(&["orders"]);
    let long = "k".repeat(129);
    let wide = "v".repeat(257);
    let bad = [
        ("aws:x", "1"),
        ("AWS:x", "1"),
        ("", "1"),
        (long.as_str(), "1"),
        ("k", &wide),
        ("k", "a*b"),
    ];
    for pair in bad {
        let request = CreateDbSnapshot {
            tags: tags(&[pair]),
            ..create("s", "orders")
        };
        let answer = rds.create_db_snapshot(&here(), &request, at(0));
        assert_eq!(code(answer), "InvalidParameterValue", "{pair:?}");
    }
    let many = |count: usize| {
        (0..count)
            .map(|n| (format!("k{n}"), "v".to_owned()))
            .collect()
    };
    let request = CreateDbSnapshot {
        tags: many(51),
        ..create("s", "orders")
    };
    assert_eq!(
        code(rds.create_db_snapshot(&here(), &request, at(0))),
        "InvalidParameterValue"
    );
    let request = CreateDbSnapshot {
        tags: many(50),
        ..create("s", "orders")
    };
    assert_eq!(
        code(rds.create_db_snapshot(&here(), &request, at(0))),
        "success"
    );
    let one_more = rds.add_tags_to_resource(&here(), &arn("s"), &tags(&[("x", "y")]), at(1));
    assert_eq!(code(one_more), "InvalidParameterValue");
    let another_value = rds.add_tags_to_resource(&here(), &arn("s"), &tags(&[("k0", "y")]), at(1));
    assert_eq!(code(another_value), "success");
    assert_eq!(
        rds.list_tags_for_resource(&here(), &arn("s"), at(1))
            .unwrap()
            .get("k0"),
        Some("y")
    );
    let foreign = rds.list_tags_for_resource(&there(), &arn("s"), at(1));
    assert_eq!(code(foreign), "InvalidParameterValue");
    assert_eq!(
        code(rds.list_tags_for_resource(&here(), &arn("no"), at(1))),
        "DBSnapshotNotFound"
    );
}
