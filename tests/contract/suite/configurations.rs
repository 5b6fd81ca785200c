//! Configurations: each in an item of its own, named by its content, and a list of versions beside them.

use std::collections::BTreeMap;

use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash, Member};
use snapferry::domain::restore::roster::Roster;
use snapferry::domain::restore::setting::Setting;
use snapferry::domain::restore::value::{Thousandths, Value};
use snapferry::domain::restore::versions::Versions;
use snapferry::json;
use snapferry::ports::{
    ReadConfigurations, ReadRosters, RemoveConfigurations, StoreConfigurations, StoreRosters,
    Written,
};

use super::samples::{database, region, resource_id, time};

table! { ReadConfigurations ReadRosters RemoveConfigurations StoreConfigurations StoreRosters }

fn configuration(name: &str, class: &str) -> Configuration {
    let of = database(name);
    let record = BTreeMap::from([("RoleArn".to_owned(), "arn:aws:iam::1:role/r".to_owned())]);
    let member = Member {
        is_writer: true,
        settings: [(Setting::PromotionTier, Value::Number(1))].into(),
        tags: [("of".to_owned(), "a member".to_owned())].into(),
    };
    Configuration {
        database: of.arn,
        resource_id: of.resource_id,
        settings: [
            (Setting::DbInstanceClass, Value::text(class)),
            (Setting::MultiAz, Value::Flag(true)),
            (Setting::AllocatedStorage, Value::Number(100)),
            (
                Setting::ServerlessMaxCapacity,
                Value::Decimal(Thousandths::of(16.0)),
            ),
            (
                Setting::VpcSecurityGroupIds,
                Value::texts(["sg-2".to_owned(), "sg-1".to_owned()]),
            ),
            (Setting::AssociatedRoles, Value::records([record])),
        ]
        .into(),
        members: [("one".to_owned(), member)].into(),
        tags: [("Team".to_owned(), "blue".to_owned())].into(),
    }
}

const STORED: &str = "2026-11-22T03:00:00.123Z";

fn hash(text: &str) -> ConfigurationHash {
    ConfigurationHash::of(text)
}

pub(crate) async fn a_configuration_is_read_as_it_was_stored(table: &impl Table) {
    let stored = configuration("orders", "db.r6g.large");
    let hash = json::configuration::hash(&stored);
    let of = resource_id("orders");
    assert_eq!(table.configuration(&of, &hash).await.unwrap(), None);
    table
        .store_configuration(&stored, &hash, time(STORED))
        .await
        .unwrap();
    let read = table.configuration(&of, &hash).await.unwrap();
    assert_eq!(read, Some(stored));
    let other = resource_id("billing");
    assert_eq!(table.configuration(&other, &hash).await.unwrap(), None);
}

pub(crate) async fn a_stored_configuration_never_changes(table: &impl Table) {
    let stored = configuration("orders", "db.r6g.large");
    let of = resource_id("orders");
    let name = hash("the same name");
    table
        .store_configuration(&stored, &name, time(STORED))
        .await
        .unwrap();
    let other = configuration("orders", "db.r6g.xlarge");
    table
        .store_configuration(&other, &name, time(STORED))
        .await
        .unwrap();
    let read = table.configuration(&of, &name).await.unwrap();
    assert_eq!(read, Some(stored));
}

pub(crate) async fn a_configuration_goes_only_if_nobody_has_stored_it_since(table: &impl Table) {
    let stored = configuration("orders", "db.r6g.large");
    let hash = json::configuration::hash(&stored);
    let of = resource_id("orders");
    let (early, late) = (time(STORED), time("2026-12-22T03:00:00Z"));
    table
        .store_configuration(&stored, &hash, early)
        .await
        .unwrap();
    // A run has come back to it.
    table
        .store_configuration(&stored, &hash, late)
        .await
        .unwrap();
    for before in [early, late] {
        let removed = table.remove_configuration(&of, &hash, before).await;
        assert_eq!(removed.unwrap(), Written::Conflict);
    }
    let read = table.configuration(&of, &hash).await.unwrap();
    assert_eq!(read.as_ref(), Some(&stored));
    let after = time("2026-12-22T03:00:00.001Z");
    // The second time there is nothing to remove.
    for _ in 0..2 {
        let removed = table.remove_configuration(&of, &hash, after).await;
        assert_eq!(removed.unwrap(), Written::Stored);
        assert_eq!(table.configuration(&of, &hash).await.unwrap(), None);
    }
    table
        .store_configuration(&stored, &hash, after)
        .await
        .unwrap();
    let read = table.configuration(&of, &hash).await.unwrap();
    assert_eq!(read, Some(stored));
}

pub(crate) async fn the_pruners_notes_are_kept_with_the_versions(table: &impl Table) {
    let of = resource_id("orders");
    let at = time(STORED);
    let mut versions = Versions::default().with(hash("a"), at).with(hash("b"), at);
    versions.all[0].unnamed_since = Some(time("2026-11-23T03:00:00Z"));
    versions.all[0].is_removed = true;
    let written = table.set_configuration_versions(&of, &versions, None).await;
    assert_eq!(written.unwrap(), Written::Stored);
    let read = table
        .configuration_versions(std::slice::from_ref(&of))
        .await;
    assert_eq!(read.unwrap(), BTreeMap::from([(of, versions)]));
}

pub(crate) async fn the_versions_of_each_database_are_apart(table: &impl Table) {
    let [orders, billing, shop] = ["orders", "billing", "shop"].map(resource_id);
    let versions = Versions::default()
        .with(hash("a"), time("2026-11-22T03:00:00.123456Z"))
        .with(hash("b"), time("2026-11-23T03:00:00Z"));
    for of in [&orders, &billing] {
        let written = table.set_configuration_versions(of, &versions, None).await;
        assert_eq!(written.unwrap(), Written::Stored);
    }
    let asked = [orders.clone(), shop];
    let read = table.configuration_versions(&asked).await.unwrap();
    assert_eq!(read, BTreeMap::from([(orders, versions)]));
    assert_eq!(
        table.configuration_versions(&[]).await.unwrap(),
        BTreeMap::new()
    );
}

pub(crate) async fn a_version_is_entered_only_over_the_newest_that_was_known(table: &impl Table) {
    let of = resource_id("orders");
    let at = time("2026-11-22T03:00:00Z");
    let first = Versions::default().with(hash("a"), at);
    let second = first.with(hash("b"), at);
    let set = async |versions: &Versions, known: Option<&ConfigurationHash>| {
        let written = table.set_configuration_versions(&of, versions, known).await;
        written.unwrap()
    };
    assert_eq!(set(&second, Some(&hash("a"))).await, Written::Conflict);
    assert_eq!(set(&first, None).await, Written::Stored);
    assert_eq!(set(&second, None).await, Written::Conflict);
    assert_eq!(set(&second, Some(&hash("b"))).await, Written::Conflict);
    let asked = [of.clone()];
    let read = table.configuration_versions(&asked).await.unwrap();
    assert_eq!(read[&of], first);
    assert_eq!(set(&second, Some(&hash("a"))).await, Written::Stored);
    let read = table.configuration_versions(&asked).await.unwrap();
    assert_eq!(read[&of], second);
}

pub(crate) async fn an_empty_list_of_versions_is_not_stored(table: &impl Table) {
    let of = resource_id("orders");
    let none = Versions::default();
    let written = table.set_configuration_versions(&of, &none, None).await;
    assert_eq!(written.unwrap(), Written::Conflict);
    assert_eq!(
        table.configuration_versions(&[of]).await.unwrap(),
        BTreeMap::new()
    );
}

pub(crate) async fn the_last_listing_of_each_region_is_kept(table: &impl Table) {
    let [here, other] = ["eu-west-1", "eu-west-2"].map(region);
    assert_eq!(table.roster(&here).await.unwrap(), None);
    let roster = |ids: &[&str]| {
        let ids = ids.iter().map(|name| resource_id(name));
        Roster::of(time("2026-11-22T03:00:00Z"), ids.collect())
    };
    for roster in [roster(&["orders", "billing"]), roster(&["orders"])] {
        table.set_roster(&here, &roster).await.unwrap();
        assert_eq!(table.roster(&here).await.unwrap(), Some(roster));
    }
    let too_many = Roster {
        databases: None,
        ..roster(&[])
    };
    table.set_roster(&here, &too_many).await.unwrap();
    assert_eq!(table.roster(&here).await.unwrap(), Some(too_many));
    assert_eq!(table.roster(&other).await.unwrap(), None);
}

/// DynamoDB keeps an empty text, and no region without databases loses its listing.
pub(crate) async fn a_region_without_databases_has_a_listing(table: &impl Table) {
    let here = region("eu-west-1");
    let none = Roster::of(time("2026-11-22T03:00:00Z"), [].into());
    table.set_roster(&here, &none).await.unwrap();
    assert_eq!(table.roster(&here).await.unwrap(), Some(none));
}
