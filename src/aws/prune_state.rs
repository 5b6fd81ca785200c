//! What the pruner remembers: its notes, its rounds, its lease, and when regions were listed. The freeze is here too.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use jiff::{SignedDuration, Timestamp};

use super::clients::Aws;
use super::fault::{port_error, unusable};
use super::items::{Item, ItemError, PK, TTL, get_text, get_time, number, parsed, text, time};
use super::waits::is_conflict;
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::retention::bounds::DatabaseId;
use crate::domain::retention::gone::{Listing, Missing};
use crate::domain::retention::round::{Freeze, Round};
use crate::domain::retention::sightings::Notes;
use crate::ports::{
    KeepNotes, PortError, PruneRounds, ReadFreeze, ReadListings, ReadRound, SetFreeze,
    StoreListings,
};

const GET: &str = "dynamodb:GetItem";
const BATCH_GET: &str = "dynamodb:BatchGetItem";

const NOTED_PREFIX: &str = "noted#";
const LISTED_PREFIX: &str = "listed#";
const ROUND: &str = "prune#round";
const LEASE: &str = "prune#lease";
const FREEZE: &str = "freeze";
const AND_DRILLS: &str = "and_drills";

const RULES: &str = "rules";
const NOTED: &str = "noted";
const COMPLETE_AT: &str = "complete_at";
const REMOVING: &str = "removing";
const APPROVED: &str = "approved";
const HOLDER: &str = "holder";
const UNTIL: &str = "until";
const WHY: &str = "why";
const BY: &str = "by";
const AT: &str = "at";
const MISSING: &str = "missing";

/// Notes lapse without rounds within hours. Their item is of no use long before this.
const NOTES_TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// No region and no resource id has a `#`.
fn notes_key((region, database): &DatabaseId) -> AttributeValue {
    text(format!("{NOTED_PREFIX}{region}#{database}"))
}

fn read_database(item: &Item) -> Result<DatabaseId, ItemError> {
    let fault = || ItemError::new(PK, "the key of a database's notes");
    let key = get_text(item, PK)?.strip_prefix(NOTED_PREFIX);
    let (region, database) = key.and_then(|key| key.split_once('#')).ok_or_else(fault)?;
    Ok((
        parsed(PK, Region::parse(region))?,
        parsed(PK, ResourceId::parse(database))?,
    ))
}

/// Times by snapshot: a map of ARNs.
fn write_times(times: &BTreeMap<RdsArn, Timestamp>) -> AttributeValue {
    let entries = times.iter();
    AttributeValue::M(
        entries
            .map(|(snapshot, at)| (snapshot.to_string(), time(*at)))
            .collect(),
    )
}

fn read_times(
    item: &Item,
    attribute: &'static str,
) -> Result<BTreeMap<RdsArn, Timestamp>, ItemError> {
    let fault = || ItemError::new(attribute, "a map of times by snapshot");
    let Some(AttributeValue::M(map)) = item.get(attribute) else {
        return Err(fault());
    };
    map.iter()
        .map(|(snapshot, at)| {
            let AttributeValue::N(at) = at else {
                return Err(fault());
            };
            let at = at.parse().map_err(|_| fault())?;
            let at = Timestamp::from_millisecond(at).map_err(|_| fault())?;
            Ok((parsed(attribute, RdsArn::parse(snapshot))?, at))
        })
        .collect()
}

impl<Extra> Aws<Extra> {
    async fn get<T>(
        &self,
        key: AttributeValue,
        read: impl FnOnce(&Item) -> Result<T, ItemError>,
    ) -> Result<Option<T>, PortError> {
        let item = self.item(key).await?;
        let read = item.as_ref().map(read).transpose();
        read.map_err(|error| unusable(GET, error))
    }

    pub(super) async fn put(&self, item: Item) -> Result<(), PortError> {
        self.dynamodb()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error("dynamodb:PutItem", &error, &[]))
    }
}

impl<Extra> KeepNotes for Aws<Extra> {
    async fn read_notes(
        &self,
        of: &[DatabaseId],
    ) -> Result<BTreeMap<DatabaseId, Notes>, PortError> {
        if of.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys = of
            .iter()
            .map(|database| HashMap::from([(PK.to_owned(), notes_key(database))]));
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .consistent_read(true)
            .build()
            .map_err(|error| unusable(BATCH_GET, error))?;
        let read = |item: &Item| {
            let notes = Notes {
                rules: get_text(item, RULES)?.to_owned(),
                since: read_times(item, NOTED)?,
            };
            Ok((read_database(item)?, notes))
        };
        // Notes that cannot be read count as empty: the grace period begins again.
        let found = self.batch_get(asked).await?;
        let readable = found
            .iter()
            .filter_map(|item| read(item).map_err(|_: ItemError| ()).ok());
        Ok(readable.collect())
    }

    async fn store_notes(
        &self,
        of: &DatabaseId,
        notes: &Notes,
        at: Timestamp,
    ) -> Result<(), PortError> {
        let expires = at + NOTES_TIME_TO_LIVE;
        self.put(Item::from([
            (PK.to_owned(), notes_key(of)),
            (RULES.to_owned(), text(&notes.rules)),
            (NOTED.to_owned(), write_times(&notes.since)),
            (TTL.to_owned(), number(expires.as_second())),
        ]))
        .await
    }
}

impl<Extra> ReadRound for Aws<Extra> {
    async fn last_round(&self) -> Result<Round, PortError> {
        let read = |item: &Item| {
            Ok(Round {
                complete_at: item
                    .contains_key(COMPLETE_AT)
                    .then(|| get_time(item, COMPLETE_AT))
                    .transpose()?,
                removing: read_times(item, REMOVING)?,
                approved: get_text(item, APPROVED).ok().map(ToOwned::to_owned),
            })
        };
        Ok(self.get(text(ROUND), read).await?.unwrap_or_default())
    }
}

impl<Extra> PruneRounds for Aws<Extra> {
    async fn store_round(&self, round: &Round) -> Result<(), PortError> {
        let mut item = Item::from([
            (PK.to_owned(), text(ROUND)),
            (REMOVING.to_owned(), write_times(&round.removing)),
        ]);
        if let Some(at) = round.complete_at {
            item.insert(COMPLETE_AT.to_owned(), time(at));
        }
        if let Some(rules) = &round.approved {
            item.insert(APPROVED.to_owned(), text(rules));
        }
        self.put(item).await
    }

    async fn take_lease(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, PortError> {
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, text(LEASE))
            .update_expression("SET #holder = :holder, #until = :until")
            .condition_expression(
                "attribute_not_exists(#pk) OR #holder = :holder OR #until <= :now",
            )
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":until", time(until));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => Ok(false),
            Err(error) => Err(port_error("dynamodb:UpdateItem", &error, &[])),
        }
    }

    async fn release_lease(&self, holder: &str) -> Result<(), PortError> {
        let request = self
            .dynamodb()
            .delete_item()
            .table_name(&self.table)
            .key(PK, text(LEASE))
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":holder", text(holder));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(error.as_service_error().map(DeleteItemError::meta)) => {
                Ok(())
            }
            Err(error) => Err(port_error("dynamodb:DeleteItem", &error, &[])),
        }
    }
}

impl<Extra> ReadFreeze for Aws<Extra> {
    async fn freeze(&self) -> Result<Option<Freeze>, PortError> {
        let read = |item: &Item| {
            Ok(Freeze {
                why: get_text(item, WHY)?.to_owned(),
                by: get_text(item, BY)?.to_owned(),
                at: get_time(item, AT)?,
                and_drills: item.contains_key(AND_DRILLS),
            })
        };
        self.get(text(FREEZE), read).await
    }
}

impl<Extra> SetFreeze for Aws<Extra> {
    async fn set_freeze(&self, freeze: &Freeze) -> Result<(), PortError> {
        let mut item = Item::from([
            (PK.to_owned(), text(FREEZE)),
            (WHY.to_owned(), text(&freeze.why)),
            (BY.to_owned(), text(&freeze.by)),
            (AT.to_owned(), time(freeze.at)),
        ]);
        if freeze.and_drills {
            item.insert(AND_DRILLS.to_owned(), AttributeValue::Bool(true));
        }
        self.put(item).await
    }

    async fn thaw(&self) -> Result<(), PortError> {
        self.dynamodb()
            .delete_item()
            .table_name(&self.table)
            .key(PK, text(FREEZE))
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error("dynamodb:DeleteItem", &error, &[]))
    }
}

impl<Extra> ReadListings for Aws<Extra> {
    async fn listing(&self, region: &Region) -> Result<Option<Listing>, PortError> {
        let key = text(format!("{LISTED_PREFIX}{region}"));
        let read = |item: &Item| {
            Ok(Listing {
                at: get_time(item, AT)?,
                missing: read_missing(item)?,
            })
        };
        self.get(key, read).await
    }
}

impl<Extra> StoreListings for Aws<Extra> {
    async fn store_listing(&self, region: &Region, listing: &Listing) -> Result<(), PortError> {
        self.put(Item::from([
            (PK.to_owned(), text(format!("{LISTED_PREFIX}{region}"))),
            (AT.to_owned(), time(listing.at)),
            (MISSING.to_owned(), write_missing(&listing.missing)),
        ]))
        .await
    }
}

/// A list of three numbers for each database.
fn write_missing(missing: &BTreeMap<ResourceId, Missing>) -> AttributeValue {
    let entry = |(database, one): (&ResourceId, &Missing)| {
        let parts = vec![
            time(one.since),
            time(one.counted_at),
            number(one.listings.into()),
        ];
        (database.to_string(), AttributeValue::L(parts))
    };
    AttributeValue::M(missing.iter().map(entry).collect())
}

/// An item of an earlier version says nothing of missing databases.
fn read_missing(item: &Item) -> Result<BTreeMap<ResourceId, Missing>, ItemError> {
    let fault = || ItemError::new(MISSING, "a map of three numbers by database");
    let map = match item.get(MISSING) {
        None => return Ok(BTreeMap::new()),
        Some(AttributeValue::M(map)) => map,
        Some(_) => return Err(fault()),
    };
    let integer = |value: &AttributeValue| -> Option<i64> { value.as_n().ok()?.parse().ok() };
    let entry = |(database, parts): (&String, &AttributeValue)| {
        let parts = parts.as_l().map_err(|_| fault())?;
        let parts: Option<Vec<i64>> = parts.iter().map(integer).collect();
        let [since, counted_at, listings] = parts.ok_or_else(fault)?[..] else {
            return Err(fault());
        };
        let at = |millisecond| Timestamp::from_millisecond(millisecond).map_err(|_| fault());
        let missing = Missing {
            since: at(since)?,
            counted_at: at(counted_at)?,
            listings: u32::try_from(listings).map_err(|_| fault())?,
        };
        Ok((parsed(MISSING, ResourceId::parse(database))?, missing))
    };
    map.iter().map(entry).collect()
}
