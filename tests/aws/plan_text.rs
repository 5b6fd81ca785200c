//! The text of `snapferry plan` over a fleet with one database of each kind.

use snapferry::cli::{Only, show_plan};
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::policy::timing::FirstRun;
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::domain::run::fingerprint::Fingerprint;
use snapferry::domain::run::refusal::RefusedForGood;
use snapferry::settings::Planning;

use crate::prune::planning;
use crate::status::database;
use crate::world::{Fixture, World, a_cluster_run, a_run, run, time};

fn tagged(name: &str, policy: &str) -> Database {
    let tags = [("snapferry:policy".to_owned(), policy.to_owned())];
    Database {
        tags: tags.into(),
        ..database(name)
    }
}

fn cluster(name: &str) -> Database {
    let of = a_cluster_run(name).database;
    Database {
        arn: of.arn,
        resource_id: of.resource_id,
        engine: "aurora-postgresql".to_owned(),
        copy_facts: CopyFacts::encrypted(),
        multi_az: None,
        ..tagged(name, "default")
    }
}

/// The plan of a stack that starts databases without a recovery point at once.
fn starting_now() -> Planning {
    Planning {
        first_run: FirstRun::Now,
        stack_name: None,
        ..planning()
    }
}

/// What RDS's answer depends on, as the planner finds it.
fn fingerprint(of: &Database) -> Fingerprint {
    let policies = planning().policies;
    let policy = policies.get("default").unwrap();
    policies.options(policy, of).fingerprint.unwrap()
}

/// One that is selected, runs, is warned of, excluded in each way, refused, put off, or tried and refused.
fn fleet() -> World {
    let world = World::new();
    let untagged = |name: &str| Database {
        tags: Default::default(),
        ..database(name)
    };
    let replica_of = |of: &str| CopyFacts {
        replica_of: Some(of.to_owned()),
        ..CopyFacts::default()
    };
    let multi_az = CopyFacts {
        multi_az_cluster: true,
        ..CopyFacts::encrypted()
    };
    let fleet = [
        tagged("orders", "default"),
        tagged("billing", "default"),
        Database {
            multi_az: Some(false),
            ..tagged("crm", "default")
        },
        cluster("web"),
        untagged("scratch"),
        Database {
            tags: [("snapferry:exclude".to_owned(), "true".to_owned())].into(),
            ..database("test")
        },
        tagged("lost", "silver"),
        Database {
            member_of: Some("web".to_owned()),
            ..untagged("web-1")
        },
        Database {
            member_of: Some("shop".to_owned()),
            ..tagged("shop-1", "default")
        },
        Database {
            copy_facts: replica_of("orders"),
            ..untagged("orders-reader")
        },
        Database {
            copy_facts: multi_az,
            ..cluster("trio")
        },
        Database {
            engine: "custom-oracle-ee".to_owned(),
            ..tagged("erp", "default")
        },
        Database {
            status: "stopped".to_owned(),
            ..tagged("asleep", "default")
        },
        tagged("legacy", "default"),
    ];
    world.rds().databases.extend(fleet);
    let running = ExecutionName::parse("sf-billing-20261122t0300z-abcdefghij").unwrap();
    world.enter(&a_run("billing").database.resource_id, |entry| {
        entry.open = Some(running);
    });
    let refused = RefusedForGood {
        at: time("2026-11-20T03:20:00Z"),
        words: "CopyDBSnapshot in eu-central-1: InvalidParameterValue: the engine version 9.6.1 is not supported in this region".to_owned(),
        fingerprint: fingerprint(&tagged("legacy", "default")),
        planned_at: time("2026-11-20T03:00:00Z"),
        source: None,
    };
    world.enter(&a_run("legacy").database.resource_id, |entry| {
        entry.refused = Some(refused);
    });
    world
}

fn shown(width: Option<u16>) -> String {
    let mut out = Vec::new();
    let only = Only {
        width,
        ..Only::default()
    };
    run(show_plan(&fleet(), &starting_now(), &only, false, &mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_plan_of_each_kind_fits_80_columns_and_cuts_nothing_off() {
    let text = shown(Some(80));
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}\n\n{text}");
    }
    assert!(!text.contains('…'), "{text}");
    // Folded, every word is there.
    let words = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(ToOwned::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(words(&text), words(&shown(None)), "{text}");
}

#[test]
fn a_plan_says_each_meaning_and_each_remedy_once() {
    let text = shown(None);
    for once in [
        "it is a Multi-AZ DB cluster",
        "it is RDS Custom for Oracle",
        "its status is stopped",
        "the engine version 9.6.1 is not supported in this region",
        "it has the tag snapferry:exclude",
        "it has no tag snapferry:policy",
        "names the unknown policy \"silver\"",
        "it is a member of the cluster web",
        "tag the cluster shop",
        "it is a read replica of orders",
        "its latest execution: sf-billing-20261122t0300z-abcdefghij",
        "warning: Single-AZ: I/O pauses",
        "warning: every copy of it is stored in full",
        "tag it snapferry:exclude, and protect it by other means",
        "correct the tag snapferry:policy, or apply a policy of that name",
        "move the tag from the member to its cluster",
        RefusedForGood::REMEDY,
    ] {
        assert_eq!(text.matches(once).count(), 1, "{once}\n\n{text}");
    }
    let row = |name: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    for (name, plan, why) in [
        ("orders ", "selected", ""),
        ("billing", "selected", "execution"),
        ("crm", "selected", "io-stops"),
        ("web (cluster)", "selected", "full-every-time"),
        ("scratch", "excluded", "not-tagged"),
        ("lost", "excluded", "unknown-policy"),
        ("shop-1", "excluded", "tagged-member"),
        ("trio (cluster)", "refused", "multi-az-cluster"),
        ("erp", "refused", "custom-oracle"),
        ("asleep", "not_now", "not-now"),
        ("legacy", "tried", "tried-and-refused"),
    ] {
        let row = row(name);
        assert!(row.contains(plan) && row.ends_with(why), "{row}");
    }
}
