//! Which databases are gone: complete listings of their region no longer show them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::id::names::ResourceId;
use crate::domain::policy::retention::Retention;
use crate::domain::policy::rules::Rules;

/// How many listings must miss a database.
const LISTINGS: u32 = 3;

/// How far apart they must be.
const APART: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How old the last complete listing of a region may be. An older one says nothing of what is there now.
pub const LISTED_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How many bytes the missing databases of a region may take in their item: DynamoDB allows 400 KB for all of it.
const MISSING_BYTES_MAX: usize = 300_000;

/// What one takes beside its id: three numbers in a list.
const MISSING_BYTES: usize = 40;

/// A database that listings no longer show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// When a listing missed it first.
    pub since: Timestamp,
    /// When a listing counted last.
    pub counted_at: Timestamp,
    /// How many have counted, a week apart.
    pub listings: u32,
}

/// The last complete listing of a source region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// When it was made.
    pub at: Timestamp,
    /// The databases with recovery points that it did not show.
    pub missing: BTreeMap<ResourceId, Missing>,
}

impl Listing {
    /// A new one after the one before. `known` are the databases with recovery points, and `there` those that it shows.
    #[must_use]
    pub fn after<'a>(
        before: Option<&Self>,
        known: impl IntoIterator<Item = &'a ResourceId>,
        there: &BTreeSet<ResourceId>,
        at: Timestamp,
    ) -> Self {
        let absent = known.into_iter().filter(|id| !there.contains(*id));
        let missing = absent.map(|id| {
            let first = Missing {
                since: at,
                counted_at: at,
                listings: 1,
            };
            let missing = match before.and_then(|before| before.missing.get(id)) {
                Some(one) if at.duration_since(one.counted_at) >= APART => Missing {
                    counted_at: at,
                    listings: one.listings.saturating_add(1),
                    ..*one
                },
                Some(one) => *one,
                None => first,
            };
            (id.clone(), missing)
        });
        Self {
            at,
            missing: within_bound(missing.collect()),
        }
    }

    /// Since when a database is gone, if enough listings have missed it and the last one is not too old: nobody looks in
    /// a region that no setting names.
    #[must_use]
    pub fn gone_since(&self, database: &ResourceId, now: Timestamp) -> Option<Timestamp> {
        if now.duration_since(self.at) > LISTED_MAX {
            return None;
        }
        let missing = self.missing.get(database)?;
        (missing.listings >= LISTINGS).then_some(missing.since)
    }
}

/// As many of the missing databases as fit into their item, those that are missing longest first. One that does not fit
/// counts as if nobody had looked for it, so it is not gone: its turn comes when the recovery points of others have aged.
fn within_bound(all: BTreeMap<ResourceId, Missing>) -> BTreeMap<ResourceId, Missing> {
    let bytes = |id: &ResourceId| id.as_str().len() + MISSING_BYTES;
    if all.keys().map(bytes).sum::<usize>() <= MISSING_BYTES_MAX {
        return all;
    }
    let mut all: Vec<(ResourceId, Missing)> = all.into_iter().collect();
    all.sort_by(|(a, one), (b, other)| (one.since, a).cmp(&(other.since, b)));
    let mut taken = 0;
    let fits = all.into_iter().take_while(|(id, _)| {
        taken += bytes(id);
        taken <= MISSING_BYTES_MAX
    });
    fits.collect()
}

/// The rules for a database that is gone since then, once it has been gone for as long as its policy says.
#[must_use]
pub fn rules_when_gone<'a>(
    retention: &'a Retention,
    zone: &TimeZone,
    gone_since: Option<Timestamp>,
    now: Timestamp,
) -> Option<&'a Rules> {
    let (when_gone, since) = (retention.when_gone.as_ref()?, gone_since?);
    let latest = when_gone.after.before(&now.to_zoned(zone.clone()));
    (since <= latest).then_some(&when_gone.keep)
}
