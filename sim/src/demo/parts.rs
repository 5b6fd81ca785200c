//! The parts of the fleet, as a table. Each line is one database in every dozen.

use super::policies::{DemoPolicy, GOLD, NIGHTLY, STANDARD};
use crate::rds::Family;

/// One database of the fleet, before it has a number.
pub(super) struct Part {
    /// The prefix of its identifier.
    pub(super) subject: &'static str,
    /// Which of the source regions.
    pub(super) place: usize,
    /// Whether it is an instance or a cluster.
    pub(super) family: Family,
    /// What its policy asks for.
    pub(super) policy: &'static DemoPolicy,
    /// SQL Server, with an option group that is not the default one.
    pub(super) option_group: Option<&'static str>,
}

impl Part {
    const fn instance(subject: &'static str, place: usize) -> Self {
        Self {
            subject,
            place,
            family: Family::Instance,
            policy: &STANDARD,
            option_group: None,
        }
    }

    const fn cluster(subject: &'static str, place: usize) -> Self {
        Self {
            family: Family::Cluster,
            ..Self::instance(subject, place)
        }
    }

    const fn gold(self) -> Self {
        Self {
            policy: &GOLD,
            ..self
        }
    }

    const fn automated(self) -> Self {
        Self {
            policy: &NIGHTLY,
            ..self
        }
    }

    const fn with_options(self, group: &'static str) -> Self {
        Self {
            option_group: Some(group),
            ..self
        }
    }
}

/// The parts of the fleet. A larger fleet repeats them with the next number. The first three have the same name: an
/// instance, a cluster of the same region, and an instance of the other region.
pub(super) static PARTS: [Part; 12] = [
    Part::instance("orders", 0),
    Part::cluster("orders", 0),
    Part::instance("orders", 1),
    Part::instance("billing", 0)
        .gold()
        .with_options("sqlserver-audit"),
    Part::cluster("catalog", 1),
    Part::instance("customers", 0),
    Part::instance("inventory", 1),
    Part::instance("ledger", 0).gold(),
    Part::cluster("sessions", 0).gold(),
    Part::instance("search", 1).automated(),
    Part::instance("shipping", 0).automated(),
    Part::instance("support", 0),
];

/// Engine, version, license and default option group; the first one is SQL Server.
pub(super) const ENGINES: [(&str, &str, &str, &str); 4] = [
    (
        "sqlserver-se",
        "16.00.4215.2.v1",
        "license-included",
        "default:sqlserver-se-16-00",
    ),
    (
        "postgres",
        "17.6",
        "postgresql-license",
        "default:postgres-17",
    ),
    (
        "mysql",
        "8.4.6",
        "general-public-license",
        "default:mysql-8-4",
    ),
    (
        "mariadb",
        "11.8.3",
        "general-public-license",
        "default:mariadb-11-8",
    ),
];
