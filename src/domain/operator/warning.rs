//! Warnings: what a person should know about a database before it is protected.

use std::fmt;

use super::prices::{self, FullCopies};
use crate::domain::id::arn::{Family, KeyArn};
use crate::domain::limits::STATE_TIMEOUT;
use crate::domain::rds::copy_facts::StorageEncryption;
use crate::domain::rds::database::Database;
use crate::domain::run::manifest::Manifest;

/// What a warning depends on, apart from the database itself.
#[derive(Debug, Clone, Copy)]
pub struct WarningContext<'a> {
    /// The key of its next copies.
    pub key: &'a KeyArn,
    /// Whether its policy copies RDS's automated snapshots.
    pub automated: bool,
    /// How many copies its policy makes in 30 days.
    pub copies_a_month: u32,
    /// Its newest good recovery point, if there is one.
    pub newest: Option<&'a Manifest>,
}

/// A warning. The database is protected nevertheless.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// Its I/O pauses while a snapshot begins.
    IoStops {
        /// The engine. SQL Server's I/O pauses even with a standby.
        engine: String,
        /// Whether it has a standby.
        multi_az: bool,
    },
    /// RDS takes no snapshot of a database in this status.
    NotAvailable {
        /// The status, in RDS's word.
        status: String,
    },
    /// Its policy copies automated snapshots, and RDS takes none.
    AutomatedOff,
    /// RDS may remove an automated snapshot before its copy's turn.
    ShortRetention {
        /// How long RDS keeps it, in days.
        days: u32,
        /// How long a copy may wait for its turn or for a repair, in days.
        wait_days: u32,
    },
    /// AWS's pages contradict each other on its copies, or nobody has tried: Snapferry tries.
    Untried {
        /// What is special about it.
        what: &'static str,
    },
    /// Every copy of it is stored in full.
    FullEveryTime {
        /// How many are made in 30 days.
        copies_a_month: u32,
        /// The size of its newest recovery point in GiB, if RDS reports it. For Aurora, RDS often says 0 or 1.
        gigabytes: Option<u32>,
    },
    /// The next copy is full, because its key differs from the last one's.
    KeyChange {
        /// The key of the newest recovery point.
        from: KeyArn,
        /// The policy's key.
        to: KeyArn,
        /// How much is copied, in GiB.
        gigabytes: i32,
    },
}

impl Warning {
    /// Its name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::IoStops { .. } => "io-stops",
            Self::NotAvailable { .. } => "not-available",
            Self::AutomatedOff => "automated-off",
            Self::Untried { .. } => "untried",
            Self::ShortRetention { .. } => "short-retention",
            Self::FullEveryTime { .. } => "full-every-time",
            Self::KeyChange { .. } => "key-change",
        }
    }

    /// The cost of its full copies. `None` for other warnings.
    #[must_use]
    pub fn cost(&self) -> Option<Cost> {
        let Self::FullEveryTime {
            copies_a_month,
            gigabytes,
        } = self
        else {
            return None;
        };
        let of = |size| prices::full_copies(size, *copies_a_month);
        Some(match gigabytes {
            Some(size) => Cost::Of(*size, of(*size)),
            None => Cost::OfEach(EACH, of(EACH)),
        })
    }
}

/// The size, in GiB, for which the cost is shown if the database's size is unknown.
const EACH: u32 = 100;

/// The cost of full copies, and for how many GiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cost {
    /// The cost for the whole database.
    Of(u32, FullCopies),
    /// The cost for each this many GiB of the database.
    OfEach(u32, FullCopies),
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cost = match self {
            Self::Of(size, cost) => {
                write!(f, "{size} GiB: ")?;
                cost
            }
            Self::OfEach(size, cost) => {
                write!(f, "not known; each {size} GiB: ")?;
                cost
            }
        };
        write!(
            f,
            "${:.2} to transfer the first copy (and what has changed for each later one), and ${:.2} for each month \
             that a month's copies are kept",
            cost.first_transfer, cost.storage
        )
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IoStops { multi_az: true, .. } => f.write_str(
                "SQL Server: I/O pauses briefly during a snapshot even with Multi-AZ",
            ),
            Self::IoStops { .. } => f.write_str(
                "Single-AZ: I/O pauses for seconds to minutes during a snapshot",
            ),
            Self::NotAvailable { status } => {
                write!(f, "its status is {status}: RDS takes no snapshot of it now")
            }
            Self::AutomatedOff => f.write_str(
                "its policy copies automated snapshots, but its backup retention of 0 days turns them off",
            ),
            Self::Untried { what } => {
                write!(f, "{what}; it is tried, and RDS says whether it can be copied")
            }
            Self::ShortRetention { days, wait_days } => write!(
                f,
                "its automated snapshots are kept for {days} days, and a copy may wait for {wait_days}"
            ),
            Self::FullEveryTime { copies_a_month, .. } => {
                write!(f, "every copy of it is stored in full, {copies_a_month} in 30 days")?;
                match self.cost() {
                    Some(cost) => write!(f, "; its size: {cost}"),
                    None => Ok(()),
                }
            }
            Self::KeyChange {
                from,
                to,
                gigabytes,
            } => write!(
                f,
                "the key changes from {from} to {to}: the next copy is full, {gigabytes} GiB"
            ),
        }
    }
}

/// The statuses in which RDS takes a snapshot (CreateDBSnapshot).
const READY: [&str; 2] = ["available", "storage-optimization"];

/// All warnings about a protected database. A fact that RDS did not report gives no warning.
#[must_use]
pub fn warnings(database: &Database, of: &WarningContext<'_>) -> Vec<Warning> {
    let mut all = Vec::new();
    all.extend(io_stops(database).filter(|_| !of.automated));
    let status = database.status.as_str();
    if !status.is_empty() && !READY.contains(&status) {
        let status = status.to_owned();
        all.push(Warning::NotAvailable { status });
    }
    if of.automated {
        all.extend(database.backup_retention_days.and_then(retention));
    }
    all.extend(untried(database).map(|what| Warning::Untried { what }));
    all.extend(full_copy(database, of));
    all
}

/// What is special about a database, where it is not certain that RDS copies its snapshots.
fn untried(database: &Database) -> Option<&'static str> {
    let facts = &database.copy_facts;
    let engine = database.engine.as_str();
    if engine.starts_with("custom-sqlserver") {
        return Some("it is RDS Custom for SQL Server");
    }
    if database.arn.family() == Family::Instance {
        return None;
    }
    if facts.limitless {
        return Some("it is an Aurora cluster with shards (Limitless)");
    }
    if !engine.starts_with("aurora") {
        return Some("its engine is not Aurora");
    }
    match facts.encryption {
        StorageEncryption::Kms => None,
        StorageEncryption::None => Some(
            "it is a cluster that is not encrypted, and AWS's pages disagree on whether a copy can be encrypted",
        ),
        StorageEncryption::AwsOwned => Some(
            "it is encrypted under a key that AWS owns (sse-rds), and no page says whether RDS copies it",
        ),
    }
}

/// RDS user guide, *Creating a DB snapshot*: a Single-AZ instance's I/O is suspended; with a standby only SQL
/// Server's is. A cluster's storage takes its snapshots by itself.
fn io_stops(database: &Database) -> Option<Warning> {
    if database.arn.family() == Family::Cluster {
        return None;
    }
    let multi_az = database.multi_az?;
    let stops = !multi_az || database.engine.starts_with("sqlserver");
    stops.then(|| Warning::IoStops {
        engine: database.engine.clone(),
        multi_az,
    })
}

/// A copy may wait for a slot, or for a person, as long as its state sleeps.
fn retention(days: i32) -> Option<Warning> {
    let days = u32::try_from(days).unwrap_or_default();
    if days == 0 {
        return Some(Warning::AutomatedOff);
    }
    let wait_days = u32::try_from(STATE_TIMEOUT.as_hours() / 24).unwrap_or(u32::MAX);
    (days <= wait_days).then_some(Warning::ShortRetention { days, wait_days })
}

fn full_copy(database: &Database, of: &WarningContext<'_>) -> Option<Warning> {
    if database.arn.family() == Family::Cluster {
        // RDS reports 0 or 1 if it does not measure the size.
        let known = of.newest.map(|newest| newest.size_gib);
        let gigabytes = known
            .filter(|size| *size > 1)
            .and_then(|size| size.try_into().ok());
        return Some(Warning::FullEveryTime {
            copies_a_month: of.copies_a_month,
            gigabytes,
        });
    }
    let newest = of.newest?;
    let from = newest.key.as_ref().filter(|key| *key != of.key)?;
    Some(Warning::KeyChange {
        from: from.clone(),
        to: of.key.clone(),
        gigabytes: newest.size_gib,
    })
}
