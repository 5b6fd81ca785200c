//! The metrics that the functions publish.

use jiff::SignedDuration;

/// How often the sweeper measures.
pub const PERIOD: SignedDuration = SignedDuration::from_mins(5);

/// CloudWatch's word for what a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A length of time.
    Seconds,
    /// A ratio, or a number of days.
    None,
}

impl Unit {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::None => "None",
        }
    }
}

/// A metric of a line that a function prints.
pub trait Published: Copy {
    /// Its name in CloudWatch.
    fn name(self) -> &'static str;

    /// What its values count.
    fn counts(self) -> Unit;
}

macro_rules! metrics {
    ($(#[$of:meta])* $metric:ident: $($(#[$doc:meta])* $name:ident: $unit:ident;)+) => {
        $(#[$of])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $metric {
            $($(#[$doc])* $name,)+
        }

        impl $metric {
            /// Every metric.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in CloudWatch.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What its values count.
            #[must_use]
            pub fn unit(self) -> Unit {
                match self {
                    $(Self::$name => Unit::$unit,)+
                }
            }
        }

        impl Published for $metric {
            fn name(self) -> &'static str {
                self.as_str()
            }

            fn counts(self) -> Unit {
                self.unit()
            }
        }
    };
}

metrics! {
    /// A metric of the functions of template.yaml.
    Metric:
    /// How many selected databases are overdue.
    DatabasesOverdue: Count;
    /// How many selected databases have a recovery point within their RPO.
    DatabasesWithinRpo: Count;
    /// The greatest age of a newest recovery point as a share of its database's RPO.
    WorstAgeOfRpo: None;
    /// How many waits are open.
    OpenWaits: Count;
    /// How old the oldest open wait is.
    OldestWait: Seconds;
    /// After how many days the recovery region's quota of manual snapshots is full.
    DaysToFullQuota: None;
    /// How old one database's newest recovery point is, as a share of its RPO. Only where each database has a series.
    AgeOfRpo: None;
}

/// The metrics that CloudWatch makes of words in the logs, by the template's filters.
pub const OF_THE_LOGS: [&str; 2] = ["InvalidTokens", "StaleCommands"];

metrics! {
    /// A metric of the functions of restore.yaml, which has a namespace of its own.
    DrillMetric:
    /// How many databases of drills are past their deadline and are not being deleted.
    DrillsLeftBehind: Count;
}
