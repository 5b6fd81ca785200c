//! What the doctor may do, what it is asked to check, and the facts that it compares all regions with.

use jiff::Timestamp;

use crate::domain::doctor::Unanswered;
use crate::domain::doctor::databases::Claims;
use crate::domain::id::arn::Region;
use crate::domain::policy::in_force::Policies;
use crate::domain::rds::option_group::OptionGroup;
use crate::ports::doctor::{
    CountMessages, CountSubscribers, DescribeFunction, DescribeRule, FindQueue, FindRules,
    InspectDatabases, ListManualSnapshots, ListQueues, ListStacks, ReadKeyPolicy,
    SimulatePermissions,
};
use crate::ports::{
    Clock, DescribeKey, DescribeQuota, DescribeStack, ListOpen, ListOptionGroups, ReadLearntLimit,
    ReadPolicies,
};

permissions! {
    /// Everything that the doctor may do: it only reads.
    Permissions:
        Clock CountMessages CountSubscribers DescribeKey DescribeQuota DescribeRule FindQueue FindRules InspectDatabases
        ListManualSnapshots ListOpen ListOptionGroups ListQueues ListStacks ReadKeyPolicy ReadLearntLimit ReadPolicies
        SimulatePermissions DescribeFunction DescribeStack
}

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct DoctorScope {
    /// Only these source regions. All of them if the list is empty.
    pub regions: Vec<Region>,
    /// Only these databases, by identifier, ARN or resource id. All selected databases if the list is empty.
    pub databases: Vec<String>,
    /// The region of the single sign-on that the caller logs in by, if they do.
    pub log_in: Option<Region>,
}

impl DoctorScope {
    /// Whether every region and database is to be checked.
    pub(super) fn is_whole(&self) -> bool {
        self.regions.is_empty() && self.databases.is_empty()
    }
}

/// The facts of the recovery region that the doctor compares all regions with.
pub(super) struct Home {
    /// `None` if they could not be read.
    pub(super) policies: Option<Policies>,
    pub(super) option_groups: Result<Vec<OptionGroup>, Unanswered>,
    pub(super) claims: Claims,
    pub(super) since: Timestamp,
    pub(super) now: Timestamp,
}
