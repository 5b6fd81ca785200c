//! Describe calls: what fits the conditions, page by page.
//!
//! Listings are ordered by identifier and a marker names the last one listed, so whatever
//! exists throughout is listed exactly once, even if others come and go between two pages.

use jiff::Timestamp;

use super::RdsFault;
use super::instance::Instance;
use super::names::{RdsArn, Region};
use super::region::RegionState;
use super::request::{DescribeDbInstances, DescribeDbSnapshots, Filter, Page, Paging};
use super::snapshot::{Snapshot, SnapshotDescription};

/// MaxRecords' bounds and default (RDS API reference, DescribeDBSnapshots).
const PAGE_SIZES: std::ops::RangeInclusive<i64> = 20..=100;
const PAGE_SIZE: usize = 100;

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
        request: &DescribeDbSnapshots,
        now: Timestamp,
    ) -> Result<Page<SnapshotDescription>, RdsFault> {
        let conditions = self.snapshot_conditions(request)?;
        let asked = request.snapshot.as_deref();
        let not_found = || RdsFault::DbSnapshotNotFound(asked.unwrap_or_default().to_owned());
        let named = match asked {
            Some(name) => Some(self.name_of("snapshot", name).ok_or_else(not_found)?),
            None => None,
        };
        let fits = |snapshot: &&Snapshot| {
            named.as_ref().is_none_or(|name| *name == snapshot.name)
                && conditions
                    .iter()
                    .all(|condition| condition.fits_snapshot(snapshot))
        };
        let pager = Pager::new(&request.paging)?;
        let page = match &named {
            Some(name) => pager.page(self.state.snapshots.get(name), fits, now),
            None => match by_name(&conditions) {
                // A sweep asks for some of very many: look those up instead of reading all.
                Some(names) => {
                    let found = names
                        .iter()
                        .filter_map(|name| self.state.snapshots.get(name));
                    pager.page(found, fits, now)
                }
                None => pager.page(self.state.snapshots.values(), fits, now),
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
    ) -> Result<Page<Instance>, RdsFault> {
        let conditions = self.conditions(&request.filters, &INSTANCE_FILTERS)?;
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
        let page = pager.page(self.state.instances.values(), fits, Timestamp::MAX);
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
        request: &DescribeDbSnapshots,
    ) -> Result<Vec<Condition>, RdsFault> {
        let mut conditions = self.conditions(&request.filters, &SNAPSHOT_FILTERS)?;
        let parameters = [
            (FilterName::InstanceId, &request.instance),
            (FilterName::ResourceId, &request.resource_id),
            (FilterName::SnapshotType, &request.snapshot_type),
        ];
        for (name, value) in parameters {
            if let Some(value) = value {
                conditions.push(self.condition(name, std::slice::from_ref(value)));
            }
        }
        Ok(conditions)
    }

    fn conditions(
        &self,
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
            Ok(self.condition(*name, &filter.values))
        };
        filters.iter().map(read).collect()
    }

    fn condition(&self, name: FilterName, values: &[String]) -> Condition {
        let normal = |value: &String| match name {
            FilterName::SnapshotId => value.to_ascii_lowercase(),
            // This one takes ARNs as well; one of elsewhere fits nothing here.
            FilterName::InstanceId => self
                .name_of("db", value)
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
    InstanceId,
    ResourceId,
    SnapshotType,
    Engine,
    ClusterId,
}

const SNAPSHOT_FILTERS: [(&str, FilterName); 5] = [
    ("db-snapshot-id", FilterName::SnapshotId),
    ("db-instance-id", FilterName::InstanceId),
    ("dbi-resource-id", FilterName::ResourceId),
    ("snapshot-type", FilterName::SnapshotType),
    ("engine", FilterName::Engine),
];

const INSTANCE_FILTERS: [(&str, FilterName); 4] = [
    ("db-instance-id", FilterName::InstanceId),
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
            FilterName::InstanceId => &snapshot.instance.identifier,
            FilterName::ResourceId => &snapshot.instance.resource_id,
            FilterName::SnapshotType => snapshot.kind.as_str(),
            FilterName::Engine => &snapshot.instance.engine,
            FilterName::ClusterId => return false,
        };
        self.values.iter().any(|wanted| wanted == value)
    }

    fn fits_instance(&self, instance: &Instance) -> bool {
        let value = match self.name {
            FilterName::InstanceId => &instance.spec.identifier,
            FilterName::ResourceId => &instance.resource_id,
            FilterName::Engine => &instance.spec.engine,
            FilterName::ClusterId => instance.spec.cluster.as_deref().unwrap_or_default(),
            FilterName::SnapshotId | FilterName::SnapshotType => return false,
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

/// What can be listed.
trait Listed {
    type Shown;
    fn name(&self) -> &str;
    fn show(&self, now: Timestamp) -> Option<Self::Shown>;
}

impl Listed for Snapshot {
    type Shown = SnapshotDescription;

    fn name(&self) -> &str {
        &self.name
    }

    fn show(&self, now: Timestamp) -> Option<SnapshotDescription> {
        self.seen_at(now)
    }
}

impl Listed for Instance {
    type Shown = Instance;

    fn name(&self) -> &str {
        &self.spec.identifier
    }

    fn show(&self, _now: Timestamp) -> Option<Instance> {
        Some(self.clone())
    }
}

struct Pager {
    size: usize,
    after: Option<String>,
}

impl Pager {
    fn new(paging: &Paging) -> Result<Self, RdsFault> {
        let size = match paging.max_records {
            None => PAGE_SIZE,
            Some(size) if PAGE_SIZES.contains(&size) => usize::try_from(size).unwrap_or(PAGE_SIZE),
            Some(size) => {
                let (least, most) = (PAGE_SIZES.start(), PAGE_SIZES.end());
                return Err(invalid(format!(
                    "Invalid value {size} for MaxRecords. Must be between {least} and {most}"
                )));
            }
        };
        let after = match &paging.marker {
            Some(marker) => Some(marker::read(marker).ok_or_else(|| {
                invalid(format!(
                    "The marker {marker} is not one that was handed out."
                ))
            })?),
            None => None,
        };
        Ok(Self { size, after })
    }

    /// The page of what fits and shows, out of items in the order of their names.
    fn page<'a, T: Listed + 'a>(
        &self,
        items: impl IntoIterator<Item = &'a T>,
        fits: impl Fn(&&'a T) -> bool,
        now: Timestamp,
    ) -> Page<T::Shown> {
        let mut page = Page {
            items: Vec::new(),
            marker: None,
        };
        let mut last = None;
        for item in items {
            if self
                .after
                .as_deref()
                .is_some_and(|after| item.name() <= after)
                || !fits(&item)
            {
                continue;
            }
            let Some(shown) = item.show(now) else {
                continue;
            };
            if page.items.len() == self.size {
                page.marker = last.map(marker::write);
                break;
            }
            page.items.push(shown);
            last = Some(item.name());
        }
        page
    }
}

/// Markers are opaque: hexadecimal, so that nobody is tempted to read or make one.
mod marker {
    pub(super) fn write(name: &str) -> String {
        name.bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn read(marker: &str) -> Option<String> {
        let digits = marker.as_bytes();
        let hex = digits.iter().all(u8::is_ascii_hexdigit);
        if digits.is_empty() || !digits.len().is_multiple_of(2) || !hex {
            return None;
        }
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        String::from_utf8(bytes?).ok()
    }
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
