//! List prices, in one place and with a date.
//!
//! us-east-1, on demand, without free tiers and discounts, in US dollars. Data transfer is left out. The
//! comparison uses [`ALL`]; what is paid for by the month whether or not anything happens, [`STANDING`], is the
//! same for every design there, and counts in [`crate::idle_cost`].

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
    /// What this many cost.
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

const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const KMS: &str = "https://aws.amazon.com/kms/pricing/";
const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";

/// An alarm on one metric, at a period of a minute or longer, for a month.
pub const ALARM_MONTH: Price = Price {
    what: "CloudWatch alarms, standard resolution, months",
    per_million: 100_000.0,
    source: Source::Quoted {
        page: CLOUDWATCH,
        by: "AWS's blog on the CloudWatch agent and several public price lists, 2022 to 2026",
    },
};
/// A custom metric, also one of a metric filter, for a month in which it got data.
pub const METRIC_MONTH: Price = Price {
    what: "CloudWatch custom metrics, months",
    per_million: 300_000.0,
    source: Source::Quoted {
        page: CLOUDWATCH,
        by: "signoz.io, February 2026",
    },
};
/// A gigabyte of logs taken in.
pub const LOG_GIGABYTE: Price = Price {
    what: "CloudWatch Logs, GB taken in",
    per_million: 500_000.0,
    source: Source::Quoted {
        page: CLOUDWATCH,
        by: "factualminds.com, June 2026",
    },
};
/// A gigabyte of logs kept for a month.
pub const LOG_GIGABYTE_MONTH: Price = Price {
    what: "CloudWatch Logs, GB-months kept",
    per_million: 30_000.0,
    source: Source::Quoted {
        page: CLOUDWATCH,
        by: "Infracost's price list, as its public output shows it",
    },
};
/// A gigabyte of a table of the standard class, for a month.
pub const TABLE_GIGABYTE_MONTH: Price = Price {
    what: "DynamoDB storage, GB-months",
    per_million: 250_000.0,
    source: Source::Page("https://aws.amazon.com/dynamodb/pricing/"),
};
/// A gigabyte of a table that can be put back to any second, for a month.
pub const RECOVERY_GIGABYTE_MONTH: Price = Price {
    what: "DynamoDB point-in-time recovery, GB-months",
    per_million: 200_000.0,
    source: Source::Quoted {
        page: DYNAMODB,
        by: "several public price lists, 2024 to 2026",
    },
};
/// A key of one's own, for a month, before its first rotation.
pub const KEY_MONTH: Price = Price {
    what: "KMS customer managed keys, months",
    per_million: 1_000_000.0,
    source: Source::Page(KMS),
};
/// A request to a symmetric key; also to one that AWS keeps for the account, by a service on its behalf.
pub const KEY_REQUEST: Price = Price {
    what: "KMS requests",
    per_million: 3.0,
    source: Source::Quoted {
        page: KMS,
        by: "wring.co, 2026; cloudburn.io, March 2026",
    },
};

/// What a stack may pay for by the month while nothing happens.
pub const STANDING: [Price; 8] = [
    ALARM_MONTH,
    METRIC_MONTH,
    LOG_GIGABYTE,
    LOG_GIGABYTE_MONTH,
    TABLE_GIGABYTE_MONTH,
    RECOVERY_GIGABYTE_MONTH,
    KEY_MONTH,
    KEY_REQUEST,
];
