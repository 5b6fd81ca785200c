//! What preflight finds about each restore, given what the recovery region said.

use std::collections::BTreeSet;

use super::preflight::{
    Answers, EngineVersion, GroupKind, Making, Makings, QuotaKind, Quotas, key_here,
};
use crate::domain::id::arn::{Family, Region};

/// What preflight has checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Whether the name is free.
    Name,
    /// Whether a quota has room.
    Quota(QuotaKind),
    /// Whether the engine's version is on offer, for an instance or for a cluster.
    Version(Family),
    /// Whether the class is on offer.
    Class,
    /// Whether a group is there.
    Group(GroupKind),
    /// Whether a key can be used.
    Key,
}

impl Check {
    /// Its name in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Quota(QuotaKind::Instances) => "instance-quota",
            Self::Quota(QuotaKind::Clusters) => "cluster-quota",
            Self::Quota(QuotaKind::Storage) => "storage-quota",
            Self::Version(_) => "engine-version",
            Self::Class => "class",
            Self::Group(GroupKind::Subnets) => "subnet-group",
            Self::Group(GroupKind::Parameters) => "parameter-group",
            Self::Group(GroupKind::ClusterParameters) => "cluster-parameter-group",
            Self::Group(GroupKind::Options) => "option-group",
            Self::Key => "key",
        }
    }

    /// What a person does about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Name => "choose another name with --as, or delete the database that has it",
            Self::Quota(_) => {
                "have the quota raised (Service Quotas, Amazon RDS), or delete what is not needed"
            }
            Self::Version(Family::Instance) => {
                "upgrade the copy (modify-db-snapshot --engine-version), or restore with newer data"
            }
            Self::Version(Family::Cluster) => {
                "if RDS refuses it, restore the copy by hand with a version that the region offers \
                 (restore-db-cluster-from-snapshot --engine-version), or restore with newer data"
            }
            Self::Class => "name a class that the region has in [policy.NAME.restore.classes]",
            Self::Group(GroupKind::Subnets) => {
                "make it, or name another in [policy.NAME.restore.subnet_groups]"
            }
            Self::Group(GroupKind::Parameters | GroupKind::ClusterParameters) => {
                "make it, or name another in [policy.NAME.restore.parameter_groups]"
            }
            Self::Group(GroupKind::Options) => {
                "make it, or name another in [policy.NAME.restore.option_groups]"
            }
            Self::Key => {
                "make the key usable in KMS, or name another in [policy.NAME.restore.keys]"
            }
        }
    }
}

/// What preflight found about one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// Whether RDS would certainly refuse the restore. Otherwise it may.
    pub stops: bool,
    /// What was found.
    pub what: String,
}

fn stop(check: Check, what: String) -> Finding {
    Finding {
        check,
        stops: true,
        what,
    }
}

/// What is wrong with each of these, in their order: the first ones use a quota first. Those that are stopped take none of
/// it.
#[must_use]
pub fn findings(home: &Region, all: &[Makings], answers: &Answers) -> Vec<Vec<Finding>> {
    let mut quotas = answers.quotas.clone();
    let mut names = BTreeSet::new();
    let each = all.iter().map(|makings| {
        let mut found = names_taken(makings);
        found.extend(namesakes(makings, &names));
        for making in &makings.all {
            let offered = offered(making, answers).into_iter();
            let others = groups_missing(making, answers).into_iter();
            let others = others.chain(keys_unusable(home, making, answers));
            for one in offered.chain(others) {
                // Members share much of what they need.
                if !found.contains(&one) {
                    found.push(one);
                }
            }
        }
        if !makings.is_stopped && !found.iter().any(|one| one.stops) {
            let lacking = use_quotas(home, makings, &mut quotas);
            if lacking.is_empty() {
                names.extend(makings.all.iter().map(|making| making.key.clone()));
            }
            found.extend(lacking);
        }
        found
    });
    each.collect()
}

fn names_taken(makings: &Makings) -> Vec<Finding> {
    let taken = makings.taken.iter();
    let found = taken.map(|name| {
        let what = format!("{name} is the name of another database");
        stop(Check::Name, what)
    });
    found.collect()
}

/// Names that a database of the same command gets, which comes first.
fn namesakes(makings: &Makings, before: &BTreeSet<(Family, String)>) -> Vec<Finding> {
    let same = makings.all.iter();
    let same = same.filter(|making| before.contains(&making.key));
    let found = same.map(|making| {
        let name = &making.key.1;
        let what = format!("{name} is the name of another database, which is restored first");
        stop(Check::Name, what)
    });
    found.collect()
}

fn offered(making: &Making, answers: &Answers) -> Option<Finding> {
    let version = making.version.as_ref()?;
    let EngineVersion {
        engine,
        version: number,
    } = version;
    if answers.versions.get(version) == Some(&false) {
        // RDS lists what new databases may have. It may take a copy of an older version all the same, or upgrade it.
        let family = match making.is_of_cluster {
            true => Family::Cluster,
            false => Family::Instance,
        };
        return Some(Finding {
            check: Check::Version(family),
            stops: false,
            what: format!("the region does not offer {engine} {number}"),
        });
    }
    let offer = making.offer()?;
    let is_missing = answers.classes.get(&offer) == Some(&false);
    is_missing.then(|| {
        let what = format!(
            "the region does not offer {} for {engine} {number}",
            offer.class
        );
        stop(Check::Class, what)
    })
}

fn groups_missing(making: &Making, answers: &Answers) -> Vec<Finding> {
    let missing = making.groups.iter().filter(|(kind, name)| {
        let known = answers.groups.get(kind);
        // RDS keeps the names in lower case.
        let is_there = |known: &BTreeSet<String>| known.contains(&name.to_ascii_lowercase());
        !kind.is_made_by_rds(name) && known.is_some_and(|known| !is_there(known))
    });
    let found = missing.map(|(kind, name)| {
        let what = format!("the region has no {} {name}", kind.word());
        stop(Check::Group(*kind), what)
    });
    found.collect()
}

fn keys_unusable(home: &Region, making: &Making, answers: &Answers) -> Vec<Finding> {
    let needed = making.keys.iter().map(|key| (key, true));
    // RDS makes the database without them, and refuses the change afterwards.
    let later = making.later_keys.iter().map(|key| (key, false));
    let found = needed.chain(later).filter_map(|(key, stops)| {
        let what = match key_here(home, key) {
            Err(why) => why,
            Ok(name) => {
                let why = answers.keys.get(&name)?.as_ref()?;
                format!("the key {name} cannot be used: {why}")
            }
        };
        Some(Finding {
            check: Check::Key,
            stops,
            what,
        })
    });
    found.collect()
}

/// Takes the room that a restore needs, or says what has none.
fn use_quotas(home: &Region, makings: &Makings, quotas: &mut Quotas) -> Vec<Finding> {
    let of_family = |family| {
        let all = makings.all.iter();
        let count = all.filter(|making| making.key.0 == family).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    };
    let storage = makings.all.iter().map(|making| making.storage).sum();
    let needed = [
        (QuotaKind::Instances, of_family(Family::Instance)),
        (QuotaKind::Clusters, of_family(Family::Cluster)),
        (QuotaKind::Storage, storage),
    ];
    let lacking = |(kind, needed): &(QuotaKind, i64)| {
        let quota = quotas.get(kind).filter(|_| *needed > 0)?;
        let free = quota.max.saturating_sub(quota.used).max(0);
        (*needed > free).then(|| {
            let unit = match kind {
                QuotaKind::Instances => "instances",
                QuotaKind::Clusters => "clusters",
                QuotaKind::Storage => "GiB for instances",
            };
            let what = format!(
                "{home} allows {} {unit} ({}): {free} are left for it, and it needs {needed}",
                quota.max,
                kind.as_str()
            );
            stop(Check::Quota(*kind), what)
        })
    };
    let found: Vec<Finding> = needed.iter().filter_map(lacking).collect();
    if found.is_empty() {
        for (kind, needed) in needed {
            if let Some(quota) = quotas.get_mut(&kind) {
                quota.used = quota.used.saturating_add(needed);
            }
        }
    }
    found
}
