//! What a region has and offers: its groups, and the versions and classes that new databases may have.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::names::Region;
use super::pages::{Listed, Pager};
use super::request::{GroupKind, ListGroups, Offer, Page};
use super::{Rds, RdsFault};

impl GroupKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Subnets, Self::Parameters, Self::ClusterParameters];

    /// The operation that lists them.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Subnets => "DescribeDBSubnetGroups",
            Self::Parameters => "DescribeDBParameterGroups",
            Self::ClusterParameters => "DescribeDBClusterParameterGroups",
        }
    }

    /// The parameter that names one.
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Subnets => "DBSubnetGroupName",
            Self::Parameters => "DBParameterGroupName",
            Self::ClusterParameters => "DBClusterParameterGroupName",
        }
    }

    fn not_found(self, name: &str) -> RdsFault {
        let (code, what) = match self {
            Self::Subnets => ("DBSubnetGroupNotFoundFault", "DB subnet group"),
            Self::Parameters | Self::ClusterParameters => {
                ("DBParameterGroupNotFound", "DBParameterGroup")
            }
        };
        RdsFault::other(code, 404, format!("{what} not found: {name}"))
    }
}

impl Listed for String {
    type Shown = Self;

    fn name(&self) -> &str {
        self
    }

    fn show(&self, _now: Timestamp) -> Option<Self> {
        Some(self.clone())
    }
}

impl Rds {
    /// The names of groups of one kind. Parameter groups serve instances and clusters alike here.
    ///
    /// # Errors
    /// RDS's error for a named group that is not there; `InvalidParameterValue`.
    pub fn list_groups(
        &mut self,
        region: &Region,
        request: &ListGroups,
        now: Timestamp,
    ) -> Result<Page<String>, RdsFault> {
        let now = self.run_until(now);
        let pager = Pager::new(&request.paging)?;
        let state = self.region_mut(region);
        let names: BTreeSet<String> = match request.kind {
            GroupKind::Subnets => state.subnet_groups.keys().cloned().collect(),
            GroupKind::Parameters | GroupKind::ClusterParameters => state.parameter_groups.clone(),
        };
        let named = request.name.as_deref().map(str::to_ascii_lowercase);
        if let Some(name) = &named
            && !names.contains(name)
        {
            return Err(request.kind.not_found(name));
        }
        let fits = |name: &&String| named.as_ref().is_none_or(|named| named == *name);
        Ok(pager.page(&names, fits, now))
    }

    /// DescribeDBEngineVersions, for one version: what is asked for, if the region has it.
    pub fn offered_versions(&self, of: Offer) -> Vec<Offer> {
        let is_offered = self.offers_version(&of.engine, &of.version);
        is_offered.then_some(of).into_iter().collect()
    }

    /// DescribeOrderableDBInstanceOptions, for one class: what is asked for, if the region has it.
    pub fn offered_classes(&self, of: Offer) -> Vec<Offer> {
        let classes = self.config.classes.as_ref();
        let class = of.class.as_deref().unwrap_or_default();
        let is_offered = self.offers_version(&of.engine, &of.version)
            && classes.is_none_or(|classes| classes.contains(class));
        is_offered.then_some(of).into_iter().collect()
    }

    pub(super) fn offers_version(&self, engine: &str, version: &str) -> bool {
        let retired = &self.config.retired_versions;
        !retired.contains(&(engine.to_owned(), version.to_owned()))
    }
}
