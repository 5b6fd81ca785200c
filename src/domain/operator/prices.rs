//! List prices for the cost of a copy, in one place and with a date.
//!
//! They are for us-east-1, in US dollars, without free allowances and discounts. They come from stored copies of AWS's
//! pages, not from the live pages.

/// When they were looked up.
pub const AS_KNOWN_AT: &str = "2026-11-23";
/// The region of these prices.
pub const REGION: &str = "us-east-1";

/// A price for a gigabyte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// What the price is for.
    pub what: &'static str,
    /// US dollars for each gigabyte.
    pub per_gb: f64,
    /// AWS's page with this price.
    pub page: &'static str,
    /// Where the price was read: stored copies of AWS's pages do not show their figures.
    pub quoted_by: &'static str,
}

/// A gigabyte that is transferred to another region.
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

/// A gigabyte of a snapshot of an instance, kept for a month.
pub const SNAPSHOT_MONTH: Price = Price {
    what: "RDS backup storage, per GB-month",
    per_gb: 0.095,
    page: "https://aws.amazon.com/rds/pricing/",
    quoted_by: "public guides to RDS's prices; other regions cost up to twice as much, and storage up to the size of a \
                region's databases is free",
};

/// The prices of copies of clusters, which plans show.
pub const ALL: [Price; 2] = [TRANSFER, AURORA_BACKUP_MONTH];

/// The prices by which reports say what recovery points and their copies cost.
pub const OF_RECOVERY_POINTS: [Price; 3] = [SNAPSHOT_MONTH, AURORA_BACKUP_MONTH, TRANSFER];

/// The cost of full copies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FullCopies {
    /// The first copy's transfer, in US dollars. Every later copy transfers what has changed since.
    pub first_transfer: f64,
    /// What a month's transfer would cost at most, if everything changed between two copies, in US dollars.
    pub transfer: f64,
    /// Of keeping a month's copies for one month, in US dollars.
    pub storage: f64,
}

/// The monthly cost of this many copies of this many gigabytes each.
#[must_use]
pub fn full_copies(gigabytes: u32, copies: u32) -> FullCopies {
    let moved = f64::from(gigabytes) * f64::from(copies);
    FullCopies {
        first_transfer: f64::from(gigabytes) * TRANSFER.per_gb,
        transfer: moved * TRANSFER.per_gb,
        storage: moved * AURORA_BACKUP_MONTH.per_gb,
    }
}
