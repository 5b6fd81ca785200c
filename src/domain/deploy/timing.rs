//! Whether the time limits of a stack fit each other: a function must outlive its slowest calls to RDS, and a message must
//! stay hidden for longer than a function may work on it.

use std::collections::BTreeMap;

/// The parameters of `template.yaml` that say the limits, in this order: [`Timing`]'s.
pub const PARAMETERS: [&str; 4] = [
    "FunctionTimeout",
    "VisibilitySeconds",
    "RdsReadSeconds",
    "RdsChangeSeconds",
];
/// What a second try of a read, a change that is tried again, the table's answers in between, and the waits of both calls
/// for their turns ([`crate::domain::run::pace`]) may cost.
const AROUND: u64 = 15;
/// How many times the timeout of its function a message stays hidden: AWS's advice for queues that functions work on.
const TIMES: u64 = 6;

/// The time limits of a stack, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a function that handles messages may run (`FunctionTimeout`).
    pub function: u64,
    /// How long a message stays hidden (`VisibilitySeconds`).
    pub visibility: u64,
    /// How long a function waits for one try of a read (`RdsReadSeconds`).
    pub read: u64,
    /// How long a function waits until RDS accepts a change (`RdsChangeSeconds`).
    pub change: u64,
}

/// A limit that is too short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooShort {
    /// The parameter that says it.
    pub parameter: &'static str,
    /// The least that fits.
    pub least: u64,
    /// What is wrong, as a sentence without its full stop.
    pub what: String,
}

impl Timing {
    /// Reads the limits of a stack's parameters. `None` if one is missing or is no number: CloudFormation itself refuses
    /// such a value.
    #[must_use]
    pub fn of_parameters(values: &BTreeMap<&str, &str>) -> Option<Self> {
        let [function, visibility, read, change] =
            PARAMETERS.map(|name| values.get(name)?.parse().ok());
        Some(Self {
            function: function?,
            visibility: visibility?,
            read: read?,
            change: change?,
        })
    }

    /// Every limit that is too short.
    #[must_use]
    pub fn too_short(self) -> Vec<TooShort> {
        let slowest = self.read.saturating_mul(2).saturating_add(self.change);
        let slowest = slowest.saturating_add(AROUND);
        let hidden = self.function.saturating_mul(TIMES);
        let mut found = Vec::new();
        if self.function < slowest {
            found.push(TooShort {
                parameter: PARAMETERS[0],
                least: slowest,
                what: format!(
                    "FunctionTimeout is {} s, and a slow answer of RDS may take {slowest} s: Lambda would end the function in \
                     the middle",
                    self.function
                ),
            });
        }
        if self.visibility < hidden {
            found.push(TooShort {
                parameter: PARAMETERS[1],
                least: hidden,
                what: format!(
                    "VisibilitySeconds is {} s, and {TIMES} times FunctionTimeout are {hidden} s: a message may come back \
                     while a function still works on it",
                    self.visibility
                ),
            });
        }
        found
    }
}
