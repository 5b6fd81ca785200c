//! Databases that are made of nothing, and instances that are stopped.

use snapferry_sim::rds::{
    Answer, CreateDatabase, DeleteDatabase, Family, Instance, InstanceStatus, Rds, RdsConfig,
    RdsFault, Request, StorageEncryption, SubnetGroup,
};

use super::model::{at, code, create, here, run_out, tags, world};

fn new_world() -> Rds {
    let mut rds = world(RdsConfig::default());
    rds.add_subnet_group(&here(), SubnetGroup::of_default_vpc());
    rds
}

fn small(database: &str) -> CreateDatabase {
    CreateDatabase {
        database: database.to_owned(),
        engine: "postgres".to_owned(),
        class: Some("db.t4g.micro".to_owned()),
        storage: Some(20),
        tags: tags(&[("team", "shop")]),
        ..CreateDatabase::default()
    }
}

fn aurora(database: &str, encrypted: Option<bool>) -> CreateDatabase {
    CreateDatabase {
        database: database.to_owned(),
        engine: "aurora-postgresql".to_owned(),
        encrypted,
        ..CreateDatabase::default()
    }
}

fn made(rds: &mut Rds, family: Family, request: &CreateDatabase) -> Result<Answer, RdsFault> {
    rds.create_database(family, &here(), request, at(0))
}

fn instance(rds: &Rds) -> &Instance {
    rds.instance(&here(), "small").unwrap()
}

fn stop(rds: &mut Rds, seconds: i64) -> Result<Answer, RdsFault> {
    rds.handle(
        &here(),
        Request::StopDbInstance("small".to_owned()),
        at(seconds),
    )
}

#[test]
fn a_new_instance_is_creating_then_available_unencrypted_and_as_the_call_says() {
    let mut rds = new_world();
    made(&mut rds, Family::Instance, &small("small")).unwrap();
    assert_eq!(instance(&rds).status, InstanceStatus::Creating);
    run_out(&mut rds);
    let small = instance(&rds);
    assert_eq!(small.status, InstanceStatus::Available);
    assert_eq!(small.encryption(), StorageEncryption::None);
    assert_eq!(
        (small.spec.class.as_str(), small.spec.allocated_storage),
        ("db.t4g.micro", 20)
    );
    assert_eq!(
        small.spec.tags.iter().collect::<Vec<_>>(),
        [("team", "shop")]
    );
}

#[test]
fn an_instance_needs_a_class_storage_a_free_name_and_a_network() {
    let mut rds = new_world();
    let without_class = CreateDatabase {
        class: None,
        ..small("small")
    };
    let without_storage = CreateDatabase {
        storage: None,
        ..small("small")
    };
    for request in [without_class, without_storage] {
        assert_eq!(
            code(made(&mut rds, Family::Instance, &request)),
            "MissingParameter"
        );
    }
    made(&mut rds, Family::Instance, &small("small")).unwrap();
    let again = made(&mut rds, Family::Instance, &small("SMALL"));
    assert_eq!(code(again), "DBInstanceAlreadyExists");
    let mut rds = world(RdsConfig::default());
    assert_eq!(
        code(made(&mut rds, Family::Instance, &small("small"))),
        "InvalidSubnet"
    );
}

#[test]
fn a_cluster_without_members_is_under_rdss_own_key_unless_the_call_declines_and_can_be_snapshotted()
{
    let mut rds = new_world();
    made(&mut rds, Family::Cluster, &aurora("silent", None)).unwrap();
    made(&mut rds, Family::Cluster, &aurora("plain", Some(false))).unwrap();
    let again = made(&mut rds, Family::Cluster, &aurora("plain", None));
    assert_eq!(code(again), "DBClusterAlreadyExistsFault");
    run_out(&mut rds);
    for (name, encryption) in [
        ("silent", StorageEncryption::SseRds),
        ("plain", StorageEncryption::None),
    ] {
        let cluster = rds.cluster(&here(), name).unwrap();
        assert_eq!(cluster.status, InstanceStatus::Available);
        assert_eq!(cluster.encryption(), encryption);
        assert!(cluster.spec.members.is_empty());
    }
    let taken = rds.create_db_cluster_snapshot(&here(), &create("s", "silent"), at(10_000));
    taken.unwrap();
}

#[test]
fn a_stopped_instance_takes_no_snapshot_and_is_not_stopped_twice_but_can_be_deleted() {
    let mut rds = new_world();
    made(&mut rds, Family::Instance, &small("small")).unwrap();
    assert_eq!(
        code(stop(&mut rds, 1)),
        "InvalidDBInstanceState",
        "it is being made"
    );
    run_out(&mut rds);
    stop(&mut rds, 10_000).unwrap();
    assert_eq!(instance(&rds).status, InstanceStatus::Stopping);
    run_out(&mut rds);
    assert_eq!(instance(&rds).status, InstanceStatus::Stopped);
    let taken = rds.create_db_snapshot(&here(), &create("s", "small"), at(20_000));
    assert_eq!(code(taken), "InvalidDBInstanceState");
    assert_eq!(code(stop(&mut rds, 20_000)), "InvalidDBInstanceState");
    let deletion = DeleteDatabase {
        database: "small".to_owned(),
        skips_final_snapshot: true,
        final_snapshot: None,
    };
    let request = Request::DeleteDatabase(Family::Instance, deletion);
    rds.handle(&here(), request, at(20_001)).unwrap();
    run_out(&mut rds);
    assert!(rds.instance(&here(), "small").is_none());
}
