//! List prices of what a copy costs, in one place and with a date.
//!
//! us-east-1, in US dollars, without free allowances and discounts. Read from stored copies of pages, not live.

/// When they were looked up.
pub const AS_KNOWN_AT: &str = "2026-11-23";
/// The region that they hold for.
pub const REGION: &str = "us-east-1";

/// A price of a gigabyte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// What it is paid for.
    pub what: &'static str,
    /// US dollars for each gigabyte.
    pub per_gb: f64,
    /// AWS's page, where to check it.
    pub page: &'static str,
    /// Where it was read: AWS's pages do not show their figures in a stored copy.
    pub quoted_by: &'static str,
}

/// A gigabyte that leaves a region for another.
pub const TRANSFER: Price = Price {
    what: "data transfer to another region, per GB",
    per_gb: 0.02,
    page: "https://aws.amazon.com/rds/aurora/pricing/",
    quoted_by: "a public course page on Aurora's prices; some pairs of regions cost less, others more",
};
/// A gigabyte of an Aurora snapshot, kept for a month.
pub const AURORA_BACKUP_MONTH: Price = Price {
    what: "Aurora backup storage, per GB-month",
    per_gb: 0.021,
    page: "https://aws.amazon.com/rds/aurora/pricing/",
    quoted_by: "three public pages on Aurora's prices, which agree",
};

/// All of them.
pub const ALL: [Price; 2] = [TRANSFER, AURORA_BACKUP_MONTH];

/// What Aurora's copies cost: RDS transfers a first copy in full and then only what has changed, and stores each in
/// full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FullCopies {
    /// The first copy's transfer, in US dollars. Every later copy transfers what has changed since.
    pub first_transfer: f64,
    /// What a month's transfer would cost at most, if everything changed between two copies, in US dollars.
    pub transfer: f64,
    /// To keep a month's copies for one month, in US dollars.
    pub storage: f64,
}

/// What so many copies of so many gigabytes each cost in a month.
#[must_use]
pub fn full_copies(gigabytes: u32, copies: u32) -> FullCopies {
    let moved = f64::from(gigabytes) * f64::from(copies);
    FullCopies {
        first_transfer: f64::from(gigabytes) * TRANSFER.per_gb,
        transfer: moved * TRANSFER.per_gb,
        storage: moved * AURORA_BACKUP_MONTH.per_gb,
    }
}
