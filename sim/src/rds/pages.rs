//! Pages of a listing: ordered by identifier, with a marker that names the last one listed.

use jiff::Timestamp;

use super::RdsFault;
use super::cluster::Cluster;
use super::instance::Instance;
use super::request::{Page, Paging};
use super::snapshot::{Snapshot, SnapshotDescription};

/// MaxRecords' bounds and default (RDS API reference, DescribeDBSnapshots).
const PAGE_SIZES: std::ops::RangeInclusive<i64> = 20..=100;
const PAGE_SIZE: usize = 100;

/// What can be listed.
pub(super) trait Listed {
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

impl Listed for Cluster {
    type Shown = Cluster;

    fn name(&self) -> &str {
        &self.spec.identifier
    }

    fn show(&self, now: Timestamp) -> Option<Cluster> {
        Some(Cluster {
            life: self.life.shown(now),
            ..self.clone()
        })
    }
}

impl Listed for Instance {
    type Shown = Instance;

    fn name(&self) -> &str {
        &self.spec.identifier
    }

    fn show(&self, now: Timestamp) -> Option<Instance> {
        Some(Instance {
            life: self.life.shown(now),
            ..self.clone()
        })
    }
}

pub(super) struct Pager {
    size: usize,
    after: Option<String>,
}

impl Pager {
    pub(super) fn new(paging: &Paging) -> Result<Self, RdsFault> {
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
    pub(super) fn page<'a, T: Listed + 'a>(
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
