//! What RDS shows of drills, by the names that their records hold.

use std::collections::BTreeMap;

use crate::domain::drill::record::DrillRecord;
use crate::domain::id::arn::{Family, Region};
use crate::domain::restore::restored::{RestoredDatabase, Seen};
use crate::ports::{DescribeRestored, RdsError};

/// What RDS shows of some drills: one question for each family and as many names as it holds.
///
/// # Errors
/// If RDS does not say.
pub async fn look_at_drills<W: DescribeRestored>(
    world: &W,
    (home, width): (&Region, usize),
    records: &[&DrillRecord],
) -> Result<Vec<Seen>, RdsError> {
    let mut shown: BTreeMap<(Family, String), RestoredDatabase> = BTreeMap::new();
    for family in Family::ALL {
        let mut names: Vec<String> = Vec::new();
        for record in records {
            if record.family() == family {
                names.push(record.restore.name.clone());
            }
            if family == Family::Instance {
                names.extend(record.members());
            }
        }
        for names in names.chunks(width) {
            for found in world.describe_restored(home, family, names).await? {
                shown.insert((family, found.name.clone()), found);
            }
        }
    }
    let seen = |record: &&DrillRecord| {
        let one = |family, name: &String| shown.get(&(family, name.clone())).cloned();
        let members = record.members();
        let members = members.iter().filter_map(|name| {
            let found = one(Family::Instance, name)?;
            Some((name.clone(), found))
        });
        Seen {
            database: one(record.family(), &record.restore.name),
            members: members.collect(),
        }
    };
    Ok(records.iter().map(seen).collect())
}
