//! Who called what, how often, and how it ended.

use std::collections::BTreeMap;

/// One kind of call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKey {
    /// The operation, such as `CopyDBSnapshot`; as the caller spelt it, if there is no such one.
    pub operation: String,
    /// The region it was signed for; empty where the signature named none.
    pub region: String,
    /// The SDK's application id of who called; `unknown` without one.
    pub app: String,
    /// The error code it was answered with; `None` for success.
    pub error: Option<String>,
}

/// How often each kind of call was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts(BTreeMap<CallKey, u64>);

impl CallCounts {
    pub(super) fn count(&mut self, call: CallKey) {
        *self.0.entry(call).or_default() += 1;
    }

    /// Every kind of call that was made, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (&CallKey, u64)> {
        self.0.iter().map(|(call, times)| (call, *times))
    }

    /// How many calls were made of the kinds that `chosen` picks.
    pub fn sum(&self, chosen: impl Fn(&CallKey) -> bool) -> u64 {
        self.iter()
            .filter(|(call, _)| chosen(call))
            .map(|(_, times)| times)
            .sum()
    }

    /// How many calls of one operation were made, by whomever and however they ended.
    pub fn of(&self, operation: &str) -> u64 {
        self.sum(|call| call.operation == operation)
    }
}
