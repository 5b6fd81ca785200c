//! What RDS shows of drills, by the names that their records hold.

use crate::app::look::{RestoredNames, look_at};
use crate::domain::drill::record::DrillRecord;
use crate::domain::id::arn::Region;
use crate::domain::restore::restored::Seen;
use crate::ports::{DescribeRestored, RdsError};

/// What RDS shows of some drills.
///
/// # Errors
/// If RDS does not say.
pub async fn look_at_drills<W: DescribeRestored>(
    world: &W,
    where_and_width: (&Region, usize),
    records: &[&DrillRecord],
) -> Result<Vec<Seen>, RdsError> {
    let names = |record: &&DrillRecord| RestoredNames {
        family: record.family(),
        name: record.restore.name.clone(),
        members: record.members().into_iter().collect(),
    };
    look_at(world, where_and_width, records.iter().map(names).collect()).await
}
