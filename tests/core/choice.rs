//! Who is protected: one decision, from what RDS says of a database and from its tags.

use proptest::prelude::*;
use snapferry::app::plan_preview::{Verdict, preview};
use snapferry::app::planner::{Outcome, When, plan};
use snapferry::app::policies::apply;
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::choice::{Choice, ExclusionReason, NotNow, Refusal, choose};
use snapferry::domain::policy::in_force::{Policies, Policy};
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::spec::Source;
use snapferry::domain::rds::copy_facts::{CopyFacts, StorageEncryption};
use snapferry::domain::rds::database::Database;

use crate::planner::{listed, planning};
use crate::world::{Fixture, HOME, KEY, SOURCE, World, a_cluster_run, region, run};

const TAGGED: &[(&str, &str)] = &[("snapferry:policy", "default")];

fn default() -> PolicyName {
    PolicyName::parse("default").unwrap()
}

fn policies(source: Source, untagged: bool) -> Policies {
    let schedule = Schedule::parse("0 3 * * *", "UTC").unwrap();
    let mut policy = Policy::new(default(), schedule, KeyArn::parse(KEY).unwrap());
    policy.options.source = source;
    Policies {
        all: vec![policy],
        untagged: untagged.then(default),
        copy_slots: None,
        cluster_copy_slots: None,
    }
}

fn decide(database: &Database) -> Choice {
    choose(database, &policies(Source::Snapshot, true))
}

fn cluster(name: &str, tags: &[(&str, &str)]) -> Database {
    let database = a_cluster_run(name).database;
    Database {
        arn: database.arn,
        resource_id: database.resource_id,
        engine: "aurora-postgresql".to_owned(),
        copy_facts: CopyFacts::encrypted(),
        ..listed(name, tags)
    }
}

fn of_engine(database: Database, engine: &str) -> Database {
    Database {
        engine: engine.to_owned(),
        ..database
    }
}

fn of_facts(database: Database, copy_facts: CopyFacts) -> Database {
    Database {
        copy_facts,
        ..database
    }
}

#[test]
fn aurora_under_every_encryption_is_selected_because_only_rds_knows_whether_it_copies_it() {
    for encryption in [
        StorageEncryption::None,
        StorageEncryption::Kms,
        StorageEncryption::AwsOwned,
    ] {
        let facts = CopyFacts {
            encryption,
            ..CopyFacts::default()
        };
        let choice = decide(&of_facts(cluster("shop", TAGGED), facts));
        assert_eq!(choice, Choice::Protect(default()), "{encryption:?}");
    }
}

#[test]
fn rdss_word_for_the_encryption_wins_over_storage_encrypted() {
    let of = StorageEncryption::of;
    assert_eq!(of(Some("sse-rds"), false), StorageEncryption::AwsOwned);
    assert_eq!(of(Some("sse-kms"), true), StorageEncryption::Kms);
    assert_eq!(of(Some("none"), false), StorageEncryption::None);
    assert_eq!(of(None, true), StorageEncryption::Kms);
    assert_eq!(of(None, false), StorageEncryption::None);
}

#[test]
fn replicas_secondaries_and_other_services_are_left_out_unless_they_carry_the_tag_themselves() {
    let replica = CopyFacts {
        replica_of: Some("orders".to_owned()),
        ..CopyFacts::encrypted()
    };
    let secondary = CopyFacts {
        global_secondary: true,
        ..CopyFacts::encrypted()
    };
    type Make = Box<dyn Fn(&[(&str, &str)]) -> Database>;
    let cases: [(Make, ExclusionReason); 4] = [
        (
            Box::new(move |tags| of_facts(listed("a", tags), replica.clone())),
            ExclusionReason::Replica("orders".to_owned()),
        ),
        (
            Box::new(move |tags| of_facts(cluster("a", tags), secondary.clone())),
            ExclusionReason::GlobalSecondary,
        ),
        (
            Box::new(|tags| of_engine(cluster("a", tags), "docdb")),
            ExclusionReason::OtherEngine("docdb".to_owned()),
        ),
        (
            Box::new(|tags| of_engine(cluster("a", tags), "neptune")),
            ExclusionReason::OtherEngine("neptune".to_owned()),
        ),
    ];
    for (make, why) in cases {
        assert_eq!(decide(&make(&[])), Choice::LeaveOut(why));
        assert_eq!(decide(&make(TAGGED)), Choice::Protect(default()));
    }
}

#[test]
fn what_rds_never_copies_is_refused_before_anything_is_begun() {
    let china = |name: &str| {
        let arn = format!("arn:aws-cn:rds:cn-north-1:111122223333:cluster:{name}");
        Database {
            arn: RdsArn::parse(&arn).unwrap(),
            ..cluster(name, TAGGED)
        }
    };
    let with = |facts| of_facts(listed("a", TAGGED), facts);
    let refused = |database: &Database| match decide(database) {
        Choice::Refuse(_, why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&china("a")), Refusal::China);
    let neptune = of_engine(china("a"), "neptune");
    assert_eq!(decide(&neptune), Choice::Protect(default()));

    let custom = of_engine(listed("a", TAGGED), "custom-oracle-se2-cdb");
    assert_eq!(refused(&custom), Refusal::CustomOracle);
    let custom = of_engine(listed("a", TAGGED), "custom-sqlserver-se");
    assert_eq!(decide(&custom), Choice::Protect(default()));

    let replica = with(CopyFacts {
        replica_of: Some("b".to_owned()),
        ..CopyFacts::encrypted()
    });
    assert_eq!(
        refused(&of_engine(replica, "sqlserver-ee")),
        Refusal::SqlServerReplica
    );

    for target in ["outposts", "local"] {
        let elsewhere = with(CopyFacts {
            backup_target: Some(target.to_owned()),
            ..CopyFacts::encrypted()
        });
        assert_eq!(
            refused(&elsewhere),
            Refusal::BackupTarget(target.to_owned())
        );
    }
    let here = with(CopyFacts {
        backup_target: Some("region".to_owned()),
        ..CopyFacts::encrypted()
    });
    assert_eq!(decide(&here), Choice::Protect(default()));
}

const PUT_OFF: [&str; 8] = [
    "stopped",
    "stopping",
    "creating",
    "deleting",
    "failed",
    "incompatible-parameters",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
];

fn in_status(status: &str) -> Database {
    Database {
        status: status.to_owned(),
        ..listed("a", TAGGED)
    }
}

#[test]
fn a_database_of_which_rds_takes_no_snapshot_now_is_put_off_and_one_that_is_busy_is_not() {
    for status in PUT_OFF {
        let why = NotNow {
            status: status.to_owned(),
        };
        let database = in_status(status);
        assert_eq!(decide(&database), Choice::NotNow(default(), why));
        // An automated snapshot is there already, and its copy asks nothing of the database.
        let automated = choose(&database, &policies(Source::Automated, false));
        assert_eq!(automated, Choice::Protect(default()));
    }
    for status in ["available", "backing-up", "modifying", "rebooting", ""] {
        assert_eq!(decide(&in_status(status)), Choice::Protect(default()));
    }
}

#[test]
fn a_stopped_database_starts_no_execution_and_is_taken_once_it_is_available() {
    let world = World::new();
    world.rds().databases.push(in_status("stopped"));
    let planned = run(plan(&world, &planning(&[]), When::Due)).unwrap();
    let outcome = &planned[0].rows[0].outcome;
    assert!(matches!(outcome, Outcome::NotNow(_)), "{outcome}");
    assert_eq!(planned[0].left_out(), "not-now 1");
    assert!(planned[0].is_complete(), "it is no failure of the planner");
    assert!(world.executions().is_empty());

    world.rds().databases[0].status = "available".to_owned();
    let planned = run(plan(&world, &planning(&[]), When::Due)).unwrap();
    assert_eq!(planned[0].started(), 1);
}

#[test]
fn the_planner_counts_each_reason() {
    let world = World::new();
    let custom = of_engine(listed("c", TAGGED), "custom-oracle-ee");
    let databases = [
        listed("a", &[]),
        listed("b", &[]),
        custom,
        in_status("stopped"),
    ];
    world.rds().databases.extend(databases);
    let planned = run(plan(&world, &planning(&[]), When::Due)).unwrap();
    assert_eq!(
        planned[0].left_out(),
        "custom-oracle 1, not-now 1, not-tagged 2"
    );
}

fn member(tags: &[(&str, &str)]) -> Database {
    Database {
        member_of: Some("web".to_owned()),
        ..listed("web-1", tags)
    }
}

#[test]
fn a_tag_on_a_member_is_a_mistake_only_where_its_cluster_has_none() {
    for (tags, is_mistake) in [
        (&[][..], true),
        (TAGGED, false),
        (&[("snapferry:exclude", "true")][..], false),
    ] {
        let world = World::new();
        let databases = [member(TAGGED), cluster("web", tags)];
        world.rds().databases.extend(databases);
        let shown = run(preview(&world, &planning(&[]), &[region(SOURCE)])).unwrap();
        let Verdict::Excluded(why) = &shown.rows[0].verdict else {
            panic!("{:?}", shown.rows[0]);
        };
        assert_eq!(why.is_mistake(), is_mistake, "{why}");
        let planned = run(plan(&world, &planning(&[]), When::Due)).unwrap();
        let outcome = Outcome::Excluded(why.clone());
        assert_eq!(planned[0].rows[0].outcome, outcome);
    }
    let why = ExclusionReason::TaggedMember("web".to_owned()).to_string();
    assert!(why.contains("does nothing") && why.ends_with("tag the cluster web"));
}

#[test]
fn what_a_drill_made_is_never_selected_whatever_else_its_tags_say() {
    let tags = [
        ("snapferry:policy", "default"),
        ("snapferry:exclude", "false"),
        ("snapferry:drill", "main"),
    ];
    let left_out = Choice::LeaveOut(ExclusionReason::Drill);
    assert_eq!(decide(&listed("a", &tags)), left_out);
    assert_eq!(decide(&cluster("a", &tags)), left_out);
}

#[test]
fn reasons_for_a_choice_have_names_of_their_own() {
    let mut names = vec![
        ExclusionReason::Excluded.name(),
        ExclusionReason::Drill.name(),
        ExclusionReason::NotTagged.name(),
        ExclusionReason::ClusterMember(String::new()).name(),
        ExclusionReason::TaggedMember(String::new()).name(),
        ExclusionReason::UnknownPolicy(String::new()).name(),
        ExclusionReason::Replica(String::new()).name(),
        ExclusionReason::GlobalSecondary.name(),
        ExclusionReason::OtherEngine(String::new()).name(),
        Refusal::MultiAzCluster.name(),
        Refusal::China.name(),
        Refusal::SqlServerReplica.name(),
        Refusal::CustomOracle.name(),
        Refusal::BackupTarget(String::new()).name(),
    ];
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

fn any_database() -> impl Strategy<Value = Database> {
    let engine = prop::sample::select(vec![
        "postgres",
        "aurora-mysql",
        "docdb",
        "neptune",
        "sqlserver-se",
        "custom-oracle-ee",
        "custom-sqlserver-ee",
        "an-engine-to-come",
        "",
    ]);
    let status = prop::sample::select(vec!["available", "stopped", "failed", "a-status", ""]);
    let place = prop::sample::select(vec![
        "aws:rds:eu-west-1",
        "aws-cn:rds:cn-north-1",
        "aws-us-gov:rds:us-gov-west-1",
    ]);
    let policy = prop::sample::select(vec![None, Some("default"), Some("gold"), Some("")]);
    let target = prop::sample::select(vec![None, Some("region"), Some("outposts"), Some("")]);
    let flags = prop::array::uniform6(any::<bool>());
    (engine, status, place, policy, target, flags).prop_map(
        |(engine, status, place, policy, target, flags)| {
            let [
                is_cluster,
                is_member,
                is_replica,
                is_secondary,
                is_multi_az,
                is_excluded,
            ] = flags;
            let kind = if is_cluster { "cluster" } else { "db" };
            let mut database = if is_cluster {
                cluster("a", &[])
            } else {
                listed("a", &[])
            };
            let arn = format!("arn:{place}:111122223333:{kind}:a");
            database.arn = RdsArn::parse(&arn).unwrap();
            engine.clone_into(&mut database.engine);
            status.clone_into(&mut database.status);
            database.member_of = (is_member && !is_cluster).then(|| "web".to_owned());
            let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
            let policy = policy.map(|name| tag("snapferry:policy", name));
            let exclude = is_excluded.then(|| tag("snapferry:exclude", "true"));
            database.tags.extend(policy.into_iter().chain(exclude));
            database.copy_facts = CopyFacts {
                multi_az_cluster: is_multi_az && is_cluster,
                replica_of: is_replica.then(|| "b".to_owned()),
                global_secondary: is_secondary && is_cluster,
                backup_target: target.map(ToOwned::to_owned),
                ..CopyFacts::default()
            };
            database
        },
    )
}

proptest! {
    #[test]
    fn every_database_has_one_choice_that_follows_from_its_facts(
        database in any_database(),
        untagged in any::<bool>(),
    ) {
        let tag = database.tags.get("snapferry:policy").map(String::as_str);
        let is_excluded = database.tags.contains_key("snapferry:exclude");
        match choose(&database, &policies(Source::Snapshot, untagged)) {
            Choice::Protect(name) => {
                prop_assert_eq!(name, default());
                prop_assert!(!is_excluded && database.member_of.is_none());
                prop_assert!(tag == Some("default") || (tag.is_none() && untagged));
                prop_assert!(!PUT_OFF.contains(&database.status.as_str()));
            }
            Choice::NotNow(_, why) => prop_assert_eq!(why.status, database.status),
            Choice::Refuse(_, why) => prop_assert!(!is_excluded && !why.to_string().is_empty()),
            Choice::LeaveOut(why) => {
                let has_reason = is_excluded
                    || database.member_of.is_some()
                    || tag.is_some_and(|name| name != "default")
                    || tag.is_none();
                prop_assert!(has_reason, "{}", why);
            }
        }
    }
}

fn with_a_paused_policy() -> World {
    let world = World::new();
    world.rds().databases.push(listed("a", TAGGED));
    let text = "[policy.default]\nschedule = \"0 3 * * *\"\npaused = true\n";
    run(apply(&world, &region(HOME), text, None)).unwrap();
    world
}

#[test]
fn nothing_of_a_paused_policy_is_started_and_the_plan_says_so() {
    let world = with_a_paused_policy();
    for when in [When::Due, When::Again] {
        let planned = run(plan(&world, &planning(&[]), when)).unwrap();
        assert!(planned[0].is_paused && planned[0].rows.is_empty());
        assert!(planned[0].is_complete());
    }
    assert!(world.executions().is_empty());
    let shown = run(preview(&world, &planning(&[]), &[region(SOURCE)])).unwrap();
    assert!(shown.policies[&default()].paused);
    let Verdict::Selected { due, .. } = &shown.rows[0].verdict else {
        panic!("{:?}", shown.rows[0]);
    };
    assert_eq!(*due, None);
}

#[test]
fn a_policy_that_goes_on_after_a_pause_begins_with_its_last_due_time() {
    let world = with_a_paused_policy();
    run(plan(&world, &planning(&[]), When::Due)).unwrap();
    let text = "[policy.default]\nschedule = \"0 3 * * *\"\n";
    run(apply(&world, &region(HOME), text, None)).unwrap();
    let planned = run(plan(&world, &planning(&[]), When::Due)).unwrap();
    assert_eq!(planned[0].started(), 1);
}
