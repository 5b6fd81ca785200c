//! What the RDS model knows: which recovery points are good, and what happened to things that are not ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::rds::{Origin, Rds, Snapshot, SnapshotType, Stage};

use super::costs::first_attempt;
use super::fleet::{
    Database, RECOVERY, REGIONS, SOMEBODYS_SNAPSHOT, SOURCES, THIRD_PARTIES, region, snapshots,
};
use super::old_snapshots::OldSnapshots;

/// The databases without a good new recovery point, each in a sentence that says what is wrong.
#[must_use]
pub(super) fn unprotected(rds: &Rds, databases: &[Database], old: &OldSnapshots) -> Vec<String> {
    let mut copies: BTreeMap<&str, Vec<&Snapshot>> = BTreeMap::new();
    for copy in snapshots(rds, RECOVERY).filter(|one| !old.contains_key(&one.arn)) {
        let of = copies.entry(&copy.instance.resource_id).or_default();
        of.push(copy);
    }
    let mut all = Vec::new();
    for database in databases {
        let of = copies.get(database.resource_id.as_str());
        let mut faults = Vec::new();
        for copy in of.into_iter().flatten() {
            faults.push(fault(rds, copy, database));
        }
        if !faults.contains(&None) {
            let last = faults.pop().flatten();
            let why = last.unwrap_or_else(|| "it has no copy".to_owned());
            all.push(format!("{}: {why}", database.label()));
        }
    }
    all
}

/// How a copy differs from what the database's policy asks for. `None` if it does not.
fn fault(rds: &Rds, copy: &Snapshot, database: &Database) -> Option<String> {
    let Origin::Copied(from) = &copy.origin else {
        return Some("it is no copy".to_owned());
    };
    let source = match copy.family {
        crate::rds::Family::Instance => rds.snapshot(&from.region, &from.name),
        crate::rds::Family::Cluster => rds.cluster_snapshot(&from.region, &from.name),
    };
    let Some(source) = source else {
        return Some(format!("its source {} is gone", from.name));
    };
    let policy = database.policy;
    let options = policy.option_group(&source.instance.option_group);
    let options = options.unwrap_or(&source.instance.option_group);
    let is = |copy: &str, asked: &str| (copy != asked).then(|| format!("{copy} and not {asked}"));
    let key = copy.kms_key.as_deref().unwrap_or("no key");
    [
        (
            "stage",
            is(copy.stage().as_str(), Stage::Available.as_str()),
        ),
        (
            "source's stage",
            is(source.stage().as_str(), Stage::Available.as_str()),
        ),
        ("source", is(&source.arn, &from.arn)),
        (
            "source's region",
            is(source_region(source), database.region),
        ),
        (
            "kind",
            is(copy.family.snapshot_kind(), database.family.snapshot_kind()),
        ),
        (
            "database",
            is(&source.instance.resource_id, &database.resource_id),
        ),
        ("key", is(key, policy.key)),
        ("engine", is(&copy.instance.engine, &source.instance.engine)),
        ("option group", is(&copy.instance.option_group, options)),
        ("tags", is(&peoples_tags(copy), &carried(policy.carries))),
        (
            "size",
            (copy.size != source.size).then(|| "another".to_owned()),
        ),
    ]
    .into_iter()
    .find_map(|(what, wrong)| Some(format!("the {what} of {} is {}", copy.name, wrong?)))
}

fn source_region(snapshot: &Snapshot) -> &str {
    snapshot.arn.split(':').nth(3).unwrap_or_default()
}

/// The tags of a recovery point that are not our own.
fn peoples_tags(copy: &Snapshot) -> String {
    let mut peoples = BTreeSet::new();
    for (key, value) in copy.tags.iter() {
        if !key.starts_with("snapferry:") {
            peoples.insert(format!("{key}={value}"));
        }
    }
    Vec::from_iter(peoples).join(",")
}

/// These tags as the fleet's databases have them.
fn carried(names: &[&str]) -> String {
    let value = |name: &&str| match *name {
        "team" => "team=shop".to_owned(),
        "cost-center" => "cost-center=4711".to_owned(),
        other => format!("{other}="),
    };
    let all: BTreeSet<String> = names.iter().map(value).collect();
    Vec::from_iter(all).join(",")
}

/// The database's label for each snapshot and copy, by the name of its first attempt, and for each resource id.
#[must_use]
pub(super) fn owners<'a>(
    rds: &Rds,
    databases: impl IntoIterator<Item = &'a Database>,
) -> BTreeMap<String, String> {
    let label = |one: &Database| (one.resource_id.clone(), one.label());
    let labels: BTreeMap<String, String> = databases.into_iter().map(label).collect();
    let mut owners = labels.clone();
    for snapshot in REGIONS.iter().flat_map(|place| snapshots(rds, place)) {
        if let Some(label) = labels.get(&snapshot.instance.resource_id) {
            // An automated snapshot's name is used without RDS's prefix.
            let name = snapshot.name.trim_start_matches("rds:");
            owners.insert(first_attempt(name).to_owned(), label.clone());
        }
    }
    owners
}

/// What happened to databases and snapshots that are not ours, each in a sentence.
#[must_use]
pub(super) fn touched(rds: &Rds, databases: &[Database], tried: &Database) -> Vec<String> {
    let ours: BTreeSet<&str> = databases
        .iter()
        .map(|one| one.resource_id.as_str())
        .collect();
    let mut touched = Vec::new();
    for snapshot in REGIONS.iter().flat_map(|place| snapshots(rds, place)) {
        let by_a_person =
            snapshot.name == SOMEBODYS_SNAPSHOT || snapshot.name.starts_with(THIRD_PARTIES);
        let is_tried = snapshot.instance.resource_id == tried.resource_id
            && matches!(snapshot.origin, Origin::Taken);
        if !ours.contains(snapshot.instance.resource_id.as_str()) && !by_a_person && !is_tried {
            touched.push(format!(
                "{} was made, of {}, which is not to be protected",
                snapshot.name, snapshot.instance.identifier
            ));
        }
    }
    let automated = REGIONS.iter().flat_map(|place| snapshots(rds, place));
    let automated = automated.filter(|one| one.kind == SnapshotType::Automated);
    for one in automated.filter(|one| one.tags.iter().next().is_some()) {
        touched.push(format!("{}, which is RDS's, was tagged", one.name));
    }
    let theirs = rds.snapshot(&region(SOURCES[0]), SOMEBODYS_SNAPSHOT);
    let unchanged = theirs.is_some_and(|theirs| {
        theirs.stage() == Stage::Available && theirs.tags.iter().eq([("owner", "somebody")])
    });
    if !unchanged {
        touched.push(format!(
            "{SOMEBODYS_SNAPSHOT}, which a person took, is gone or changed"
        ));
    }
    touched
}

/// The places in snapshots' tags that contain one of these secrets.
#[must_use]
pub(super) fn tags_that_hold(rds: &Rds, secrets: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for snapshot in REGIONS.iter().flat_map(|place| snapshots(rds, place)) {
        let holds = |text: &str| secrets.iter().any(|secret| text.contains(secret));
        if snapshot
            .tags
            .iter()
            .any(|(key, value)| holds(key) || holds(value))
        {
            found.push(format!("a task token stands in a tag of {}", snapshot.name));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::fleet::{ACCOUNT, Fleet, draw};
    use super::super::policies::STANDARD;
    use super::*;
    use crate::rds::{CopyDbSnapshot, CreateDbSnapshot, Family};

    /// Lets everything end that is under way.
    fn rest(rds: &mut Rds) -> Timestamp {
        while let Some(due) = rds.next_due() {
            rds.advance(due);
        }
        rds.now()
    }

    fn take(rds: &mut Rds, database: &Database) -> CopyDbSnapshot {
        let name = format!("s{}", database.resource_id.to_lowercase());
        let (place, now) = (region(database.region), rds.now());
        let request = CreateDbSnapshot {
            snapshot: name.clone(),
            instance: database.name.clone(),
            tags: Vec::new(),
        };
        let taken = match database.family {
            Family::Instance => rds.create_db_snapshot(&place, &request, now),
            Family::Cluster => rds.create_db_cluster_snapshot(&place, &request, now),
        };
        taken.unwrap();
        rest(rds);
        let carried = database.policy.carries.iter().map(|key| {
            let value = if *key == "team" { "shop" } else { "4711" };
            ((*key).to_owned(), value.to_owned())
        });
        let ours = ("snapferry:stack".to_owned(), "snapferry".to_owned());
        let kind = database.family.snapshot_kind();
        let instance = rds.instance(&place, &database.name);
        let group = instance.and_then(|one| database.policy.option_group(&one.spec.option_group));
        CopyDbSnapshot {
            source: format!("arn:aws:rds:{}:{ACCOUNT}:{kind}:{name}", database.region),
            target: name,
            kms_key: Some(database.policy.key.to_owned()),
            tags: carried.chain([ours]).collect(),
            option_group: group
                .filter(|_| database.family == Family::Instance)
                .map(ToOwned::to_owned),
            ..CopyDbSnapshot::default()
        }
    }

    fn copy(rds: &mut Rds, family: Family, request: &CopyDbSnapshot) {
        let (place, now) = (region(RECOVERY), rds.now());
        let copied = match family {
            Family::Instance => rds.copy_db_snapshot(&place, request, now),
            Family::Cluster => rds.copy_db_cluster_snapshot(&place, request, now),
        };
        copied.unwrap();
        rest(rds);
    }

    fn fleet() -> Fleet {
        let now = "2026-01-02T03:00:00Z".parse().unwrap();
        let mut fleet = draw(12, 1, now).unwrap();
        rest(&mut fleet.rds);
        fleet
    }

    #[test]
    fn what_each_policy_asks_for_is_good_and_each_difference_is_named() {
        type Change = fn(&mut CopyDbSnapshot);
        let changes: [(Change, &str); 4] = [
            (|_| (), ""),
            (
                |copy| copy.kms_key = Some(STANDARD.key.to_owned()),
                "the key",
            ),
            (|copy| copy.tags.clear(), "the tags"),
            (|copy| copy.option_group = None, "the option group"),
        ];
        for (change, named) in changes {
            let Fleet {
                mut rds,
                databases,
                tried,
                old,
                ..
            } = fleet();
            for database in &databases {
                let mut request = take(&mut rds, database);
                // The one that has all of it: a key of its policy's, tags, an option group.
                if database.name == "billing" {
                    change(&mut request);
                }
                copy(&mut rds, database.family, &request);
            }
            let found = unprotected(&rds, &databases, &old);
            assert_eq!(touched(&rds, &databases, &tried), [""; 0]);
            if named.is_empty() {
                assert_eq!(found, [""; 0]);
                continue;
            }
            let is_named = found.len() == 1 && found[0].contains(named);
            assert!(
                is_named && found[0].starts_with("eu-west-1 db billing: "),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_copy_of_one_database_is_none_of_another_that_has_its_name() {
        let Fleet {
            mut rds,
            databases,
            old,
            ..
        } = fleet();
        // An instance, a cluster of the same region, and an instance of the other region are all called orders.
        let orders: Vec<&Database> = databases
            .iter()
            .filter(|one| one.name == "orders")
            .collect();
        assert_eq!(orders.len(), 3);
        let request = take(&mut rds, orders[0]);
        copy(&mut rds, orders[0].family, &request);
        let found = unprotected(&rds, &databases, &old);
        assert_eq!(found.len(), databases.len() - 1);
        assert!(
            found.iter().all(|one| one.ends_with("it has no copy")),
            "{found:?}"
        );
    }

    #[test]
    fn a_snapshot_of_what_is_to_be_refused_or_left_out_is_named() {
        for (family, name) in [
            (Family::Cluster, "reporting"),
            (Family::Instance, "sandbox"),
        ] {
            let Fleet {
                mut rds,
                databases,
                tried,
                ..
            } = fleet();
            let other = Database {
                family,
                name: name.to_owned(),
                ..databases[0].clone()
            };
            take(&mut rds, &other);
            let found = touched(&rds, &databases, &tried);
            assert!(found.len() == 1 && found[0].contains(name), "{found:?}");
        }
    }

    #[test]
    fn the_one_that_is_tried_may_have_a_snapshot_and_no_copy() {
        let Fleet {
            mut rds,
            databases,
            tried,
            ..
        } = fleet();
        let request = take(&mut rds, &tried);
        assert_eq!(touched(&rds, &databases, &tried), [""; 0]);
        rds.config_mut().keyless_cluster_copies = crate::rds::KeylessClusterCopies::Accepted;
        copy(&mut rds, tried.family, &request);
        let found = touched(&rds, &databases, &tried);
        assert!(found.len() == 1 && found[0].contains("visits"), "{found:?}");
    }
}
