//! What RDS shows of what restores and drills make, by its names.

use std::collections::BTreeMap;

use crate::domain::id::arn::{Family, Region};
use crate::domain::restore::restored::{RestoredDatabase, Seen};
use crate::ports::{DescribeRestored, RdsError};

/// The names of one restore.
pub(crate) struct RestoredNames {
    /// The family of its database.
    pub(crate) family: Family,
    /// Its database.
    pub(crate) name: String,
    /// The members, if that is a cluster.
    pub(crate) members: Vec<String>,
}

/// What RDS shows under these names: one question for each family and as many names as it holds.
///
/// # Errors
/// If RDS does not say.
pub(crate) async fn look_at<W: DescribeRestored>(
    world: &W,
    (home, width): (&Region, usize),
    all: Vec<RestoredNames>,
) -> Result<Vec<Seen>, RdsError> {
    let mut shown: BTreeMap<(Family, String), RestoredDatabase> = BTreeMap::new();
    for family in Family::ALL {
        let mut names: Vec<String> = Vec::new();
        for one in &all {
            if one.family == family {
                names.push(one.name.clone());
            }
            if family == Family::Instance {
                names.extend(one.members.iter().cloned());
            }
        }
        for names in names.chunks(width) {
            for found in world.describe_restored(home, family, names).await? {
                shown.insert((family, found.name.clone()), found);
            }
        }
    }
    let seen = |one: RestoredNames| {
        let members = one.members.into_iter().filter_map(|name| {
            let found = shown.get(&(Family::Instance, name.clone()))?;
            Some((name, found.clone()))
        });
        Seen {
            members: members.collect(),
            database: shown.get(&(one.family, one.name)).cloned(),
        }
    };
    Ok(all.into_iter().map(seen).collect())
}
