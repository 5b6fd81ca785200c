//! The kinds of databases that real accounts have, beside the plain ones: what RDS cannot copy, what it takes no snapshot
//! of now, what other services list, and what RDS's own documents disagree about.

use fastrand::Rng;
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::run::command::ProtectionRequest;

use super::backups::NIGHTLY;
use super::fleet::protects;
use super::never_copied::NEVER_COPIED;
use super::world::{World, rds_region};
use crate::rds::{
    Cluster, ClusterSpec, Instance, InstanceSpec, InstanceStatus, KeylessClusterCopies,
    OptionGroup, Rds, Region as RdsRegion, Tags,
};

/// Which reading of AWS's documents a world follows.
pub(super) fn draw_reading(rng: &Rng) -> KeylessClusterCopies {
    let mut rng = of_their_own(rng);
    if rng.bool() {
        KeylessClusterCopies::Accepted
    } else {
        KeylessClusterCopies::Refused
    }
}

/// Kinds are drawn from a generator of their own, so that every world keeps the databases that it had before there were
/// kinds.
fn of_their_own(rng: &Rng) -> Rng {
    const APART: u64 = 0x6B69_6E64_735F_5F5F;
    Rng::with_seed(rng.clone().u64(..) ^ APART)
}

/// Adds some kinds to a region.
pub(super) fn put(rds: &mut Rds, at: &RdsRegion, rng: &Rng) {
    let mut rng = of_their_own(rng);
    let selected = || Tags::of_system([("snapferry:policy", "default")]);
    let mut is_drawn = || rng.u8(..4) == 0;
    let plain = |name: &str| InstanceSpec {
        tags: selected(),
        ..InstanceSpec::postgres(name)
    };
    let instances = [
        InstanceSpec {
            engine: "custom-oracle-ee".to_owned(),
            ..plain("kind-custom")
        },
        InstanceSpec {
            engine: "sqlserver-ee".to_owned(),
            replica_of: Some("db-0".to_owned()),
            ..plain("kind-sqlserver-replica")
        },
        InstanceSpec {
            backup_target: "outposts".to_owned(),
            ..plain("kind-outposts")
        },
        InstanceSpec {
            replica_of: Some("db-0".to_owned()),
            ..plain("kind-tagged-replica")
        },
        InstanceSpec {
            replica_of: Some("db-0".to_owned()),
            tags: Tags::default(),
            ..plain("kind-replica")
        },
    ];
    for spec in instances.into_iter().filter(|_| is_drawn()) {
        let _ = rds.add_instance(at, spec);
    }
    let statuses = [
        ("kind-stopped", InstanceStatus::Stopped),
        ("kind-failed", InstanceStatus::Failed),
        ("kind-misfit", InstanceStatus::IncompatibleParameters),
        (
            "kind-locked",
            InstanceStatus::InaccessibleEncryptionCredentials,
        ),
    ];
    for (name, status) in statuses.into_iter().filter(|_| is_drawn()) {
        let _ = rds.add_instance(at, plain(name));
        rds.change_instance(at, name, |instance| instance.status = status);
    }
    let clusters = [
        // Not under a key of KMS: RDS's documents disagree about the copy.
        ClusterSpec {
            tags: selected(),
            ..ClusterSpec::aurora("kind-unencrypted")
        },
        ClusterSpec {
            aws_owned_key: true,
            tags: selected(),
            ..ClusterSpec::aurora("kind-owned-key")
        },
        ClusterSpec::docdb("kind-docdb"),
        ClusterSpec {
            global_cluster: Some("planet".to_owned()),
            replication_source: Some("arn:aws:rds:us-east-1:111122223333:cluster:world".to_owned()),
            ..ClusterSpec::aurora("kind-secondary")
        },
    ];
    for spec in clusters.into_iter().filter(|_| is_drawn()) {
        let _ = rds.add_cluster(at, spec);
    }
    if is_drawn() {
        rds.add_option_group(at, OptionGroup::with_tde(WITH_TDE));
        let spec = InstanceSpec {
            engine: "sqlserver-ee".to_owned(),
            option_group: WITH_TDE.to_owned(),
            ..plain("kind-tde")
        };
        let _ = rds.add_instance(at, spec);
    }
}

/// An option group that no policy maps.
const WITH_TDE: &str = "sealed";

/// Whether RDS could ever make the copy of an instance's snapshot, as far as its plan can know.
fn can_be_copied(instance: &Instance) -> bool {
    let spec = &instance.spec;
    let is_sqlserver_replica = spec.engine.starts_with("sqlserver") && spec.replica_of.is_some();
    !spec.engine.starts_with("custom-oracle")
        && !is_sqlserver_replica
        && spec.backup_target == "region"
        && spec.option_group != WITH_TDE
}

/// Whether a status lasts, so that no snapshot should be tried.
fn lasts(status: InstanceStatus) -> bool {
    matches!(
        status,
        InstanceStatus::Stopped
            | InstanceStatus::Failed
            | InstanceStatus::IncompatibleParameters
            | InstanceStatus::InaccessibleEncryptionCredentials
    )
}

/// Whether this policy should protect the instance.
pub(super) fn protects_instance(instance: &Instance, policy: &str) -> bool {
    let can_be_taken = policy == NIGHTLY || !lasts(instance.status);
    instance.spec.cluster.is_none()
        && protects(&instance.spec.tags, policy)
        && can_be_copied(instance)
        && can_be_taken
}

/// Whether this policy should protect the cluster.
pub(super) fn protects_cluster(cluster: &Cluster, policy: &str) -> bool {
    protects(&cluster.spec.tags, policy) && !cluster.is_multi_az_cluster()
}

impl World {
    /// Whether the planner may call this database one that RDS can never protect.
    pub(super) fn is_refused(&self, family: Family, at: &RdsRegion, name: &str) -> bool {
        match family {
            Family::Instance => {
                let found = self.rds.instance(at, name);
                found.is_some_and(|one| !can_be_copied(one))
            }
            Family::Cluster => {
                let found = self.rds.cluster(at, name);
                found.is_some_and(Cluster::is_multi_az_cluster)
            }
        }
    }

    /// Whether RDS refuses the copy of this run for ever, which only trying shows.
    pub(super) fn rds_refuses_the_copy(&self, run: &ProtectionRequest) -> bool {
        self.rds_refuses_copies_of(&run.database.arn)
    }

    /// Whether RDS refuses the copies of this database for ever.
    pub(super) fn rds_refuses_copies_of(&self, database: &RdsArn) -> bool {
        let at = rds_region(database.region());
        if database.name() == NEVER_COPIED {
            return true;
        }
        database.family() == Family::Cluster
            && self.rds.config().keyless_cluster_copies == KeylessClusterCopies::Refused
            && self
                .rds
                .cluster(&at, database.name())
                .is_some_and(|cluster| cluster.spec.kms_key.is_none())
    }
}
