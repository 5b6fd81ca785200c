//! Whom snapshots are shared with.

use snapferry_sim::rds::{ClusterSpec, Family, ModifySnapshotAttribute, Rds};

use super::model::{KEY, at, code, create, here, with_snapshot};

fn change(add: &[&str], remove: &[&str]) -> ModifySnapshotAttribute {
    let owned = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
    ModifySnapshotAttribute {
        snapshot: "S".to_owned(),
        attribute: "restore".to_owned(),
        add: owned(add),
        remove: owned(remove),
    }
}

fn share(rds: &mut Rds, request: &ModifySnapshotAttribute) -> Result<Vec<String>, &'static str> {
    let answer = rds.modify_snapshot_attribute(Family::Instance, &here(), request, at(1000));
    let changed = answer.map_err(|fault| fault.code())?;
    let described = rds.describe_snapshot_attributes(Family::Instance, &here(), "s", at(1000));
    assert_eq!(described.unwrap(), changed);
    Ok(changed.restore)
}

const OTHER: &str = "444455556666";
const THIRD: &str = "777788889999";

#[test]
fn a_snapshot_is_shared_with_accounts_and_with_all_if_it_is_not_encrypted() {
    let mut rds = with_snapshot(|_| ());
    assert_eq!(share(&mut rds, &change(&[], &[])).unwrap(), [""; 0]);
    let added = share(&mut rds, &change(&[OTHER, THIRD, OTHER], &[]));
    assert_eq!(added.unwrap(), [OTHER, THIRD]);
    let removed = share(&mut rds, &change(&["all"], &[OTHER, "111111111111"]));
    assert_eq!(removed.unwrap(), [THIRD, "all"]);

    let mut encrypted = with_snapshot(|spec| spec.kms_key = Some(KEY.into()));
    assert_eq!(
        share(&mut encrypted, &change(&[OTHER], &[])).unwrap(),
        [OTHER]
    );
    let public = share(&mut encrypted, &change(&["all"], &[]));
    assert_eq!(public, Err("InvalidParameterValue"));
}

#[test]
fn what_cannot_be_shared_so_is_refused_and_changes_nothing() {
    let mut rds = with_snapshot(|_| ());
    let other_attribute = ModifySnapshotAttribute {
        attribute: "copy".to_owned(),
        ..change(&[OTHER], &[])
    };
    let no_account = change(&["nobody"], &[]);
    let many: Vec<String> = (0..21).map(|n| format!("{n:012}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (request, expected) in [
        (other_attribute, "InvalidParameterValue"),
        (no_account, "InvalidParameterValue"),
        (change(&many, &[]), "SharedSnapshotQuotaExceeded"),
    ] {
        assert_eq!(share(&mut rds, &request), Err(expected));
    }
    assert_eq!(
        share(&mut rds, &change(&many[..20], &[])).unwrap().len(),
        20
    );
    let none = ModifySnapshotAttribute {
        snapshot: "none".to_owned(),
        ..change(&[OTHER], &[])
    };
    assert_eq!(share(&mut rds, &none), Err("DBSnapshotNotFound"));
    rds.create_db_snapshot(&here(), &create("young", "orders"), at(2000))
        .unwrap();
    let young = ModifySnapshotAttribute {
        snapshot: "young".to_owned(),
        ..change(&[OTHER], &[])
    };
    assert_eq!(share(&mut rds, &young), Err("InvalidDBSnapshotState"));
    let automated = rds
        .take_automated_snapshot(Family::Instance, &here(), "orders", at(9000))
        .unwrap();
    rds.advance(at(9900));
    let automated = ModifySnapshotAttribute {
        snapshot: automated.name,
        ..change(&[OTHER], &[])
    };
    assert_eq!(share(&mut rds, &automated), Err("InvalidDBSnapshotState"));
}

#[test]
fn a_cluster_snapshot_is_shared_with_the_codes_of_clusters() {
    let mut rds = with_snapshot(|_| ());
    rds.add_cluster(&here(), ClusterSpec::aurora("shop"))
        .unwrap();
    rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(2000))
        .unwrap();
    let mut share = |seconds, request: &ModifySnapshotAttribute| {
        code(rds.modify_snapshot_attribute(Family::Cluster, &here(), request, at(seconds)))
    };
    let early = share(2000, &change(&[OTHER], &[]));
    assert_eq!(early, "InvalidDBClusterSnapshotStateFault");
    assert_eq!(share(9000, &change(&[OTHER], &[])), "success");
    let none = ModifySnapshotAttribute {
        snapshot: "none".to_owned(),
        ..change(&[OTHER], &[])
    };
    assert_eq!(share(9000, &none), "DBClusterSnapshotNotFoundFault");
    let shown = rds.describe_snapshot_attributes(Family::Cluster, &here(), "s", at(9000));
    assert_eq!(shown.unwrap().restore, [OTHER]);
    let of_instance = rds.describe_snapshot_attributes(Family::Instance, &here(), "s", at(9000));
    assert_eq!(of_instance.unwrap().restore, [""; 0]);
}
