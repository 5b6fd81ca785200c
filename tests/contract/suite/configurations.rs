//! Configurations: each in an item of its own, named by its content, and a list of versions beside them.

use std::collections::BTreeMap;

use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash, Member};
use snapferry::domain::restore::setting::Setting;
use snapferry::domain::restore::value::{Thousandths, Value};
use snapferry::domain::restore::versions::Versions;
use snapferry::json;
use snapferry::ports::{ReadConfigurations, StoreConfigurations, Written};

use super::samples::{database, resource_id, time};

/// The ports of this file's cases.
pub(crate) trait Table: ReadConfigurations + StoreConfigurations {}

impl<T: ReadConfigurations + StoreConfigurations> Table for T {}

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

fn hash(text: &str) -> ConfigurationHash {
    ConfigurationHash::of(text)
}

pub(crate) async fn a_configuration_is_read_as_it_was_stored(table: &impl Table) {
    let stored = configuration("orders", "db.r6g.large");
    let hash = json::configuration::hash(&stored);
    let of = resource_id("orders");
    assert_eq!(table.configuration(&of, &hash).await.unwrap(), None);
    table.store_configuration(&stored, &hash).await.unwrap();
    let read = table.configuration(&of, &hash).await.unwrap();
    assert_eq!(read, Some(stored));
    let other = resource_id("billing");
    assert_eq!(table.configuration(&other, &hash).await.unwrap(), None);
}

pub(crate) async fn a_stored_configuration_never_changes(table: &impl Table) {
    let stored = configuration("orders", "db.r6g.large");
    let of = resource_id("orders");
    let name = hash("the same name");
    table.store_configuration(&stored, &name).await.unwrap();
    let other = configuration("orders", "db.r6g.xlarge");
    table.store_configuration(&other, &name).await.unwrap();
    let read = table.configuration(&of, &name).await.unwrap();
    assert_eq!(read, Some(stored));
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
