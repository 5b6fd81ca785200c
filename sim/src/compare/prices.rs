//! List prices, in one place and with a date.
//!
//! us-east-1, on demand, without free tiers and discounts, in US dollars. CloudWatch, KMS, storage and data
//! transfer are left out: they are the same for every design, or cents.

/// When these prices were looked up. They were read from stored copies of the pages, not live.
pub const AS_KNOWN_AT: &str = "2026-11-23";

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Read on a stored copy of AWS's own pricing page.
    Page(&'static str),
    /// AWS's page could not be read here; a dated third party quotes it, the page to check is named.
    Quoted {
        /// AWS's page.
        page: &'static str,
        /// Who quotes it.
        by: &'static str,
    },
}

/// One price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// What it is paid for.
    pub what: &'static str,
    /// US dollars for a million of them.
    pub per_million: f64,
    /// Where it comes from.
    pub source: Source,
}

impl Price {
    /// What so many cost.
    #[must_use]
    pub fn of(&self, how_many: f64) -> f64 {
        how_many * self.per_million / 1e6
    }
}

const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";

/// A state transition of a standard workflow, retries included.
pub const TRANSITION: Price = Price {
    what: "Step Functions, standard workflow, state transitions",
    per_million: 25.0,
    source: Source::Page("https://aws.amazon.com/step-functions/pricing/"),
};
/// A Lambda invocation.
pub const INVOCATION: Price = Price {
    what: "Lambda requests",
    per_million: 0.20,
    source: Source::Quoted {
        page: LAMBDA,
        by: "cloudchipr.com, 2024",
    },
};
/// A gigabyte-second on arm64.
pub const GB_SECOND_ARM64: Price = Price {
    what: "Lambda GB-seconds, arm64",
    per_million: 13.3334,
    source: Source::Quoted {
        page: LAMBDA,
        by: "cloudchipr.com, 2024",
    },
};
/// A gigabyte-second on x86_64.
pub const GB_SECOND_X86_64: Price = Price {
    what: "Lambda GB-seconds, x86_64",
    per_million: 16.6667,
    source: Source::Quoted {
        page: LAMBDA,
        by: "cloudchipr.com, 2024",
    },
};
/// A request to a standard queue, empty receives included.
pub const QUEUE_REQUEST: Price = Price {
    what: "SQS requests, standard queue",
    per_million: 0.40,
    source: Source::Quoted {
        page: "https://aws.amazon.com/sqs/pricing/",
        by: "cloudburn.io, March 2026",
    },
};
/// An event that a rule sends to another region's bus. AWS's own events on the default bus cost nothing.
pub const FORWARDED_EVENT: Price = Price {
    what: "EventBridge events to another region",
    per_million: 1.0,
    source: Source::Quoted {
        page: "https://aws.amazon.com/eventbridge/pricing/",
        by: "cloudburn.io, March 2026, for another account's bus; taken for another region's too",
    },
};
/// A notification of an RDS event subscription.
pub const NOTIFICATION: Price = Price {
    what: "SNS publishes",
    per_million: 0.50,
    source: Source::Quoted {
        page: "https://aws.amazon.com/sns/pricing/",
        by: "background knowledge, not confirmed",
    },
};
/// A read request unit: 4 KB consistent, 8 KB eventually consistent.
pub const READ_UNIT: Price = Price {
    what: "DynamoDB read request units, on demand",
    per_million: 0.125,
    source: Source::Quoted {
        page: "https://aws.amazon.com/dynamodb/pricing/on-demand/",
        by: "airbyte.com, July 2025, after the cut of November 2024",
    },
};
/// A write request unit: 1 KB.
pub const WRITE_UNIT: Price = Price {
    what: "DynamoDB write request units, on demand",
    per_million: 0.625,
    source: Source::Quoted {
        page: "https://aws.amazon.com/dynamodb/pricing/on-demand/",
        by: "airbyte.com, July 2025, after the cut of November 2024",
    },
};

/// All of them.
pub const ALL: [Price; 9] = [
    TRANSITION,
    INVOCATION,
    GB_SECOND_ARM64,
    GB_SECOND_X86_64,
    QUEUE_REQUEST,
    FORWARDED_EVENT,
    NOTIFICATION,
    READ_UNIT,
    WRITE_UNIT,
];
