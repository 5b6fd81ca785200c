//! Describe calls: what fits the conditions, page by page.
//!
//! Listings are ordered by identifier and a marker names the last one listed, so whatever
//! exists throughout is listed exactly once, even if others come and go between two pages.

use jiff::Timestamp;

use super::RdsFault;
use super::cluster::Cluster;
use super::family::Family;
use super::instance::Instance;
use super::names::{RdsArn, Region};
use super::pages::Pager;
use super::region::RegionState;
use super::request::{DescribeDbClusters, DescribeDbInstances, DescribeDbSnapshots, Filter, Page};
use super::snapshot::{Snapshot, SnapshotDescription, SnapshotType};

/// Where a describe call looks.
pub(super) struct Place<'a> {
    pub(super) region: &'a Region,
    pub(super) account: &'a str,
    pub(super) state: &'a RegionState,
    pub(super) max_filter_values: usize,
}

impl Place<'_> {
    pub(super) fn snapshots(
        &self,
        family: Family,
        request: &DescribeDbSnapshots,
        now: Timestamp,
    ) -> Result<Page<SnapshotDescription>, RdsFault> {
        // The API reference of DescribeDBClusterSnapshots says so of both parameters.
        if family == Family::Cluster && request.snapshot.is_some() && request.instance.is_some() {
            return Err(RdsFault::InvalidParameterCombination(
                "DBClusterSnapshotIdentifier and DBClusterIdentifier cannot be given together."
                    .to_owned(),
            ));
        }
        let conditions = self.snapshot_conditions(family, request)?;
        let asked = request.snapshot.as_deref();
        let not_found = || family.snapshot_not_found(asked.unwrap_or_default());
        let named = match asked {
            Some(name) => {
                let name = self.name_of(family.snapshot_kind(), name);
                Some(name.ok_or_else(not_found)?)
            }
            None => None,
        };
        let is_told_the_type = conditions
            .iter()
            .any(|condition| condition.name == FilterName::SnapshotType);
        let is_by_name = named.is_some() || by_name(&conditions).is_some();
        let fits = |snapshot: &&Snapshot| {
            let is_hidden =
                is_by_name && !is_told_the_type && snapshot.kind == SnapshotType::Automated;
            !is_hidden
                && named.as_ref().is_none_or(|name| *name == snapshot.name)
                && conditions
                    .iter()
                    .all(|condition| condition.fits_snapshot(snapshot))
        };
        let pager = Pager::new(&request.paging)?;
        let shelf = self.state.shelf(family);
        let page = match &named {
            Some(name) => pager.page(shelf.get(name), fits, now),
            None => match by_name(&conditions) {
                // A sweep asks for some of very many: look those up instead of reading all.
                Some(names) => {
                    let found = names.iter().filter_map(|name| shelf.get(name));
                    pager.page(found, fits, now)
                }
                None => pager.page(shelf.values(), fits, now),
            },
        };
        // An identifier must exist; filters need not fit anything.
        if asked.is_some() && page.items.is_empty() && request.paging.marker.is_none() {
            return Err(not_found());
        }
        Ok(page)
    }

    pub(super) fn instances(
        &self,
        request: &DescribeDbInstances,
        now: Timestamp,
    ) -> Result<Page<Instance>, RdsFault> {
        let conditions = self.conditions(Family::Instance, &request.filters, &INSTANCE_FILTERS)?;
        let asked = request.instance.as_deref();
        let not_found = || RdsFault::DbInstanceNotFound(asked.unwrap_or_default().to_owned());
        let named = match asked {
            Some(name) => Some(self.name_of("db", name).ok_or_else(not_found)?),
            None => None,
        };
        let fits = |instance: &&Instance| {
            named
                .as_ref()
                .is_none_or(|name| *name == instance.spec.identifier)
                && conditions
                    .iter()
                    .all(|condition| condition.fits_instance(instance))
        };
        let pager = Pager::new(&request.paging)?;
        let page = pager.page(self.state.instances.values(), fits, now);
        if asked.is_some() && page.items.is_empty() && request.paging.marker.is_none() {
            return Err(not_found());
        }
        Ok(page)
    }

    pub(super) fn clusters(
        &self,
        request: &DescribeDbClusters,
        now: Timestamp,
    ) -> Result<Page<Cluster>, RdsFault> {
        let conditions = self.conditions(Family::Cluster, &request.filters, &CLUSTER_FILTERS)?;
        let asked = request.cluster.as_deref();
        let not_found = || RdsFault::DbClusterNotFound(asked.unwrap_or_default().to_owned());
        let named = match asked {
            Some(name) => Some(self.name_of("cluster", name).ok_or_else(not_found)?),
            None => None,
        };
        let fits = |cluster: &&Cluster| {
            named
                .as_ref()
                .is_none_or(|name| *name == cluster.spec.identifier)
                && conditions
                    .iter()
                    .all(|condition| condition.fits_cluster(cluster))
        };
        let pager = Pager::new(&request.paging)?;
        let page = pager.page(self.state.clusters.values(), fits, now);
        if asked.is_some() && page.items.is_empty() && request.paging.marker.is_none() {
            return Err(not_found());
        }
        Ok(page)
    }

    /// The identifier that a name or an ARN of this region stands for.
    fn name_of(&self, kind: &str, text: &str) -> Option<String> {
        if !text.starts_with("arn:") {
            return Some(text.to_ascii_lowercase());
        }
        let arn = RdsArn::parse(text)?;
        let here = arn.region == *self.region && arn.account == self.account && arn.kind == kind;
        here.then_some(arn.name)
    }

    fn snapshot_conditions(
        &self,
        family: Family,
        request: &DescribeDbSnapshots,
    ) -> Result<Vec<Condition>, RdsFault> {
        let supported: &[_] = match family {
            Family::Instance => &SNAPSHOT_FILTERS,
            Family::Cluster => &CLUSTER_SNAPSHOT_FILTERS,
        };
        let mut conditions = self.conditions(family, &request.filters, supported)?;
        let parameters = [
            (FilterName::DatabaseId, &request.instance),
            (FilterName::ResourceId, &request.resource_id),
            (FilterName::SnapshotType, &request.snapshot_type),
        ];
        for (name, value) in parameters {
            if let Some(value) = value {
                conditions.push(self.condition(family, name, std::slice::from_ref(value)));
            }
        }
        Ok(conditions)
    }

    fn conditions(
        &self,
        family: Family,
        filters: &[Filter],
        supported: &[(&str, FilterName)],
    ) -> Result<Vec<Condition>, RdsFault> {
        let read = |filter: &Filter| {
            let Some((_, name)) = supported.iter().find(|(name, _)| *name == filter.name) else {
                return Err(invalid(format!(
                    "Unrecognized filter name: {}",
                    filter.name
                )));
            };
            if filter.values.is_empty() {
                return Err(invalid(format!(
                    "The filter {} has no values.",
                    filter.name
                )));
            }
            if filter.values.len() > self.max_filter_values {
                let most = self.max_filter_values;
                return Err(invalid(format!(
                    "The filter {} has more than {most} values.",
                    filter.name
                )));
            }
            Ok(self.condition(family, *name, &filter.values))
        };
        filters.iter().map(read).collect()
    }

    fn condition(&self, family: Family, name: FilterName, values: &[String]) -> Condition {
        let normal = |value: &String| match name {
            FilterName::SnapshotId => value.to_ascii_lowercase(),
            // This one takes ARNs as well; one of elsewhere fits nothing here.
            FilterName::DatabaseId => self
                .name_of(family.database_kind(), value)
                .unwrap_or_else(|| value.to_ascii_lowercase()),
            _ => value.clone(),
        };
        Condition {
            name,
            values: values.iter().map(normal).collect(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FilterName {
    SnapshotId,
    DatabaseId,
    ResourceId,
    SnapshotType,
    Engine,
    ClusterId,
    Domain,
    CloneGroup,
}

const SNAPSHOT_FILTERS: [(&str, FilterName); 5] = [
    ("db-snapshot-id", FilterName::SnapshotId),
    ("db-instance-id", FilterName::DatabaseId),
    ("dbi-resource-id", FilterName::ResourceId),
    ("snapshot-type", FilterName::SnapshotType),
    ("engine", FilterName::Engine),
];

const CLUSTER_SNAPSHOT_FILTERS: [(&str, FilterName); 4] = [
    ("db-cluster-snapshot-id", FilterName::SnapshotId),
    ("db-cluster-id", FilterName::DatabaseId),
    ("snapshot-type", FilterName::SnapshotType),
    ("engine", FilterName::Engine),
];

const CLUSTER_FILTERS: [(&str, FilterName); 5] = [
    ("clone-group-id", FilterName::CloneGroup),
    ("domain", FilterName::Domain),
    ("db-cluster-id", FilterName::DatabaseId),
    ("db-cluster-resource-id", FilterName::ResourceId),
    ("engine", FilterName::Engine),
];

const INSTANCE_FILTERS: [(&str, FilterName); 5] = [
    ("domain", FilterName::Domain),
    ("db-instance-id", FilterName::DatabaseId),
    ("dbi-resource-id", FilterName::ResourceId),
    ("engine", FilterName::Engine),
    ("db-cluster-id", FilterName::ClusterId),
];

struct Condition {
    name: FilterName,
    values: Vec<String>,
}

impl Condition {
    fn fits_snapshot(&self, snapshot: &Snapshot) -> bool {
        let value = match self.name {
            FilterName::SnapshotId => &snapshot.name,
            FilterName::DatabaseId => &snapshot.instance.identifier,
            FilterName::ResourceId => &snapshot.instance.resource_id,
            FilterName::SnapshotType => snapshot.kind.as_str(),
            FilterName::Engine => &snapshot.instance.engine,
            FilterName::ClusterId | FilterName::Domain | FilterName::CloneGroup => return false,
        };
        self.values.iter().any(|wanted| wanted == value)
    }

    fn fits_cluster(&self, cluster: &Cluster) -> bool {
        let value = match self.name {
            FilterName::DatabaseId => &cluster.spec.identifier,
            FilterName::ResourceId => &cluster.resource_id,
            FilterName::Engine => &cluster.spec.engine,
            FilterName::Domain => cluster.spec.domain.as_deref().unwrap_or_default(),
            FilterName::CloneGroup => cluster.spec.clone_group.as_deref().unwrap_or_default(),
            FilterName::SnapshotId | FilterName::SnapshotType | FilterName::ClusterId => {
                return false;
            }
        };
        self.values.iter().any(|wanted| wanted == value)
    }

    fn fits_instance(&self, instance: &Instance) -> bool {
        let value = match self.name {
            FilterName::DatabaseId => &instance.spec.identifier,
            FilterName::ResourceId => &instance.resource_id,
            FilterName::Engine => &instance.spec.engine,
            FilterName::ClusterId => instance.spec.cluster.as_deref().unwrap_or_default(),
            FilterName::Domain => instance.spec.domain.as_deref().unwrap_or_default(),
            FilterName::SnapshotId | FilterName::SnapshotType | FilterName::CloneGroup => {
                return false;
            }
        };
        self.values.iter().any(|wanted| wanted == value)
    }
}

/// The names to look up, in listing order, if the conditions name snapshots.
fn by_name(conditions: &[Condition]) -> Option<Vec<String>> {
    let condition = conditions
        .iter()
        .find(|c| c.name == FilterName::SnapshotId)?;
    let mut names = condition.values.clone();
    names.sort_unstable();
    names.dedup();
    Some(names)
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
