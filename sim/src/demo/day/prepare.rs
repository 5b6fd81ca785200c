//! What a fleet needs so that it can be drilled and restored: the groups of the recovery region, settings that a restore must
//! bring back, and an RDS that restores in minutes.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::super::fleet::{Database, RECOVERY, region};
use super::super::policies::{DRILL_GROUP, RESTORE_GROUP, SECURITY_GROUPS};
use crate::rds::{
    AssociatedRole, DurationRange, Family, Instance, ManagedSecret, PerformanceInsights,
    PlannedWork, Rds, RestoreOutcome, Scaling, SubnetGroup,
};

/// A drill that must fail, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::demo) enum Planted {
    /// RDS cannot restore the copy.
    BrokenCopy,
    /// The policy names a subnet group that is not there.
    MissingSubnetGroup,
    /// RDS never finishes the restore, so the drill's deadline passes.
    PastDeadline,
}

impl Planted {
    pub(in crate::demo) const ALL: [Self; 3] = [
        Self::BrokenCopy,
        Self::MissingSubnetGroup,
        Self::PastDeadline,
    ];

    /// Its name in the demo's JSON.
    #[must_use]
    pub(in crate::demo) fn name(self) -> &'static str {
        match self {
            Self::BrokenCopy => "broken-copy",
            Self::MissingSubnetGroup => "missing-subnet-group",
            Self::PastDeadline => "past-deadline",
        }
    }

    /// What the reason begins with, or contains, that `snapferry drill` must give.
    #[must_use]
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::BrokenCopy => "incompatible-restore",
            Self::MissingSubnetGroup => "DBSubnetGroupNotFoundFault",
            Self::PastDeadline => "deadline: ",
        }
    }

    /// The database whose drill it is, by its place in the fleet.
    fn place(self) -> usize {
        match self {
            Self::BrokenCopy => 5,
            Self::MissingSubnetGroup => 7,
            Self::PastDeadline => 9,
        }
    }

    /// Its database.
    #[must_use]
    pub(super) fn database(self, databases: &[Database]) -> &Database {
        &databases[self.place()]
    }

    /// What RDS makes of its restore.
    fn outcome(self) -> RestoreOutcome {
        match self {
            Self::BrokenCopy => RestoreOutcome {
                ends_as: Some(crate::rds::InstanceStatus::IncompatibleRestore),
                ..RestoreOutcome::default()
            },
            Self::MissingSubnetGroup => RestoreOutcome::default(),
            Self::PastDeadline => RestoreOutcome {
                never_ends: true,
                ..RestoreOutcome::default()
            },
        }
    }
}

/// How many databases the demo needs for its drills: with the parts of a dozen all kinds are there.
pub(in crate::demo) const DATABASES_MIN: u16 = 12;

/// The databases whose drills must pass: an instance, a cluster with a reader, and an instance with an option group.
#[must_use]
pub(super) fn to_pass(databases: &[Database]) -> [&Database; 3] {
    [&databases[0], &databases[1], &databases[3]]
}

/// What RDS makes of the restores of drills, by the resource ids of their databases.
#[must_use]
pub(super) fn outcomes(databases: &[Database]) -> BTreeMap<String, RestoreOutcome> {
    let outcome = |one: Planted| (one.database(databases).resource_id.clone(), one.outcome());
    Planted::ALL.into_iter().map(outcome).collect()
}

/// Furnishes the recovery region and gives some databases more than RDS's defaults.
pub(super) fn furnish(rds: &mut Rds, databases: &[Database]) {
    let home = region(RECOVERY);
    for (name, group) in [RESTORE_GROUP, DRILL_GROUP]
        .into_iter()
        .zip(SECURITY_GROUPS)
    {
        rds.add_subnet_group(
            &home,
            SubnetGroup {
                name: name.to_owned(),
                vpc_id: format!("vpc-{name}"),
                subnets: vec![format!("subnet-{name}-a"), format!("subnet-{name}-b")],
                security_groups: vec![group.to_owned()],
            },
        );
    }
    for group in ["quiet", "tuned-here", "tuned-cluster-here"] {
        rds.add_parameter_group(&home, group);
    }
    let [instance, cluster, _] = to_pass(databases);
    rds.change_instance(&region(instance.region), &instance.name, tune);
    rds.change_cluster(&region(cluster.region), &cluster.name, |one| {
        "tuned-cluster".clone_into(&mut one.spec.parameter_group);
        let settings = &mut one.spec.settings;
        settings.http_endpoint = true;
        settings.scaling = Some(Scaling {
            min: "0.5".to_owned(),
            max: "8".to_owned(),
            pause_after: None,
        });
        settings.roles = vec![role("load")];
        settings.maintenance_window = "mon:02:00-mon:02:30".to_owned();
    });
    let minutes = |from, to| DurationRange::seconds(from, to);
    let config = rds.config_mut();
    let timings = &mut config.timings;
    timings.restore = minutes(60, 180);
    timings.change = minutes(10, 60);
    timings.restart = minutes(10, 30);
    timings.first_backup = minutes(60, 180);
    timings.database_deletion = minutes(30, 90);
    // Its drill takes longest, so its recovery point comes first.
    let late = Planted::PastDeadline.database(databases);
    let minute = SignedDuration::from_secs(60);
    let planned = PlannedWork {
        snapshot: minute,
        copy: minute,
    };
    config.planned.insert(late.name.clone(), planned);
}

fn role(name: &str) -> AssociatedRole {
    AssociatedRole {
        arn: format!("arn:aws:iam::111122223333:role/{name}"),
        feature: "s3Import".to_owned(),
        is_active: true,
    }
}

fn tune(instance: &mut Instance) {
    let spec = &mut instance.spec;
    spec.multi_az = true;
    spec.parameter_group = "tuned".to_owned();
    spec.port = Some(6432);
    spec.copy_tags_to_snapshot = true;
    let settings = &mut spec.settings;
    settings.backup_window = "01:00-01:30".to_owned();
    settings.maintenance_window = "sun:02:00-sun:02:30".to_owned();
    settings.auto_minor_version_upgrade = false;
    settings.monitoring_interval = 60;
    settings.monitoring_role = Some("arn:aws:iam::111122223333:role/monitoring".to_owned());
    settings.performance_insights = Some(PerformanceInsights {
        key: Some("arn:aws:kms:eu-west-1:111122223333:key/9".to_owned()),
        retention: 31,
    });
    settings.secret = Some(ManagedSecret {
        arn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!orders".to_owned(),
        key: None,
    });
    settings.publicly_accessible = true;
    settings.max_allocated_storage = Some(spec.allocated_storage * 5);
    settings.roles = vec![role("s3")];
}

/// A database of the recovery region, by its family and name.
pub(super) fn is_at_home(rds: &Rds, family: Family, name: &str) -> bool {
    let home = region(RECOVERY);
    match family {
        Family::Instance => rds.instance(&home, name).is_some(),
        Family::Cluster => rds.cluster(&home, name).is_some(),
    }
}
