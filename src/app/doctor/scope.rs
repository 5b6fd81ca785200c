//! What the doctor may do, what it is asked to look at, and what it judges all regions against.

use jiff::Timestamp;

use crate::domain::doctor::Unanswered;
use crate::domain::doctor::databases::{Claims, OptionGroup};
use crate::domain::id::arn::Region;
use crate::domain::policy::in_force::Policies;
use crate::ports::doctor::{
    CountMessages, DescribeRule, FindQueue, FindRules, InspectDatabases, ListManualSnapshots,
    ListOptionGroups, ReadKeyPolicy, SimulatePermissions,
};
use crate::ports::{Clock, DescribeKey, DescribeQuota, ListOpen, ReadPolicies};

permissions! {
    /// Everything that the doctor may do: it only reads.
    Permissions:
        Clock CountMessages DescribeKey DescribeQuota DescribeRule FindQueue FindRules InspectDatabases
        ListManualSnapshots ListOpen ListOptionGroups ReadKeyPolicy ReadPolicies SimulatePermissions
}

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct DoctorScope {
    /// Only these source regions; all if there are none.
    pub regions: Vec<Region>,
    /// Only these databases: identifiers, ARNs or resource ids; all that are selected if there are none.
    pub databases: Vec<String>,
}

/// What all regions are judged against.
pub(super) struct Home {
    /// Nothing where they could not be read.
    pub(super) policies: Option<Policies>,
    pub(super) option_groups: Result<Vec<OptionGroup>, Unanswered>,
    pub(super) claims: Claims,
    pub(super) since: Timestamp,
    pub(super) now: Timestamp,
}
