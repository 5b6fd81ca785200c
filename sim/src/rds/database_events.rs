//! The events that RDS sends of databases that are made and deleted.
//!
//! Ids, categories and wordings are those of the RDS User Guide ("DB instance events" and "DB cluster events"). There is
//! none for `available`. AWS confirmed in awsdocs/amazon-rds-user-guide#153 that 0043 comes twice.

use jiff::Timestamp;

use super::Rds;
use super::agenda::{DatabaseKey, Due};
use super::due_work::uuid;
use super::event::EmittedEvent;
use super::family::Family;
use super::names::Region;
use super::snapshot::Snapshot;
use super::tags::Tags;
use super::work::later;

/// What happened to a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DatabaseHappening {
    /// It is being restored from the snapshot of this name.
    Restored(String),
    Created,
    BackingUp,
    BackedUp,
    PasswordReset,
    Restarted,
    Deleted,
    /// It could not be made.
    NotMade,
}

impl DatabaseHappening {
    fn said(&self, family: Family) -> (&'static str, &'static str, String) {
        let (id, category, message) = match (self, family) {
            (Self::Restored(name), _) => {
                let message = format!("Restored from snapshot {name}");
                return ("RDS-EVENT-0043", "restoration", message);
            }
            (Self::Created, Family::Instance) => {
                ("RDS-EVENT-0005", "creation", "DB instance created")
            }
            (Self::Created, Family::Cluster) => {
                ("RDS-EVENT-0170", "creation", "DB cluster created")
            }
            (Self::BackingUp, _) => ("RDS-EVENT-0001", "backup", "Backing up DB instance"),
            (Self::BackedUp, _) => ("RDS-EVENT-0002", "backup", "Finished DB instance backup"),
            (Self::PasswordReset, _) => (
                "RDS-EVENT-0016",
                "configuration change",
                "Reset master credentials",
            ),
            (Self::Restarted, _) => ("RDS-EVENT-0006", "availability", "DB instance restarted"),
            (Self::Deleted, Family::Instance) => {
                ("RDS-EVENT-0003", "deletion", "DB instance deleted")
            }
            (Self::Deleted, Family::Cluster) => {
                ("RDS-EVENT-0171", "deletion", "DB cluster deleted")
            }
            (Self::NotMade, Family::Instance) => (
                "RDS-EVENT-0278",
                "failure",
                "The DB instance creation failed.",
            ),
            (Self::NotMade, Family::Cluster) => (
                "RDS-EVENT-0354",
                "failure",
                "You can't create the DB cluster because of incompatible resources.",
            ),
        };
        (id, category, message.to_owned())
    }
}

impl Rds {
    /// The tags of a database, if it is still that one.
    pub(super) fn tags_of_database(&mut self, key: &DatabaseKey) -> Option<Tags> {
        self.course(key).map(|it| it.tags.clone())
    }

    /// Keeps what happened to a database, and enters the event's arrival.
    pub(super) fn announce_database(
        &mut self,
        key: &DatabaseKey,
        what: &DatabaseHappening,
        now: Timestamp,
    ) {
        let (event_id, category, message) = what.said(key.family);
        let (detail_type, source_type) = match key.family {
            Family::Instance => ("RDS DB Instance Event", "DB_INSTANCE"),
            Family::Cluster => ("RDS DB Cluster Event", "CLUSTER"),
        };
        let tags = self.tags_of_database(key).unwrap_or_default();
        let event = EmittedEvent {
            id: String::new(),
            region: key.region.clone(),
            account: self.config.account.clone(),
            at: now,
            date: now,
            event_id,
            tells_its_id: true,
            detail_type,
            source_type,
            source_arn: self.arn_of(key),
            source_identifier: key.name.clone(),
            categories: vec![category],
            message,
            tags,
        };
        self.send_database_event(key, event, now);
    }

    /// The other event that says of a restore that it began, in the snapshot's name.
    pub(super) fn announce_restore_of_snapshot(
        &mut self,
        region: &Region,
        snapshot: &Snapshot,
        now: Timestamp,
    ) {
        let what = DatabaseHappening::Restored(snapshot.name.clone());
        let (event_id, category, message) = what.said(Family::Instance);
        let event = EmittedEvent {
            id: String::new(),
            region: region.clone(),
            account: self.config.account.clone(),
            at: now,
            date: now,
            event_id,
            tells_its_id: true,
            detail_type: "RDS DB Snapshot Event",
            source_type: "SNAPSHOT",
            source_arn: snapshot.arn.clone(),
            source_identifier: snapshot.name.clone(),
            categories: vec![category],
            message,
            tags: snapshot.tags.clone(),
        };
        // The database of this key does not exist, so that the event keeps the snapshot's tags.
        let key = DatabaseKey {
            family: Family::Instance,
            region: region.clone(),
            name: snapshot.name.clone(),
            resource_id: String::new(),
        };
        self.send_database_event(&key, event, now);
    }

    fn send_database_event(&mut self, key: &DatabaseKey, mut event: EmittedEvent, now: Timestamp) {
        let serial = self.next_serial();
        let mut rng = self.rng_of(serial);
        let arrives = later(now, self.config.timings.event_delay.draw(&mut rng));
        event.id = uuid(&mut rng);
        self.keep_event(&key.region, &event);
        let due = Due::DatabaseEventArrives(key.clone(), Box::new(event));
        self.agenda.enter(arrives, due);
    }
}
