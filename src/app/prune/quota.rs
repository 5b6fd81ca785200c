//! How long the recovery region's quota of manual snapshots lasts.

use jiff::Timestamp;
use tracing::warn;

use super::config::PrunerConfig;
use crate::app::prune_preview::{GroupPreview, PACE_DAYS, PrunePreview};
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::retention::capacity::{DAYS_MAX, days_at_growth, growth, made};
use crate::domain::retention::forget::{ForgetRules, Point};
use crate::error::chain;
use crate::ports::{DescribeQuota, ReadFreeze};

/// After how many days the quota of either family is full. `None` if RDS does not say how large a quota is that this
/// stack uses: no answer is no news. While removal is frozen, or if nobody can read whether it is, nothing is removed.
pub(super) async fn days_to_full<W: DescribeQuota + ReadFreeze>(
    world: &W,
    config: &PrunerConfig,
    preview: &PrunePreview,
    now: Timestamp,
) -> Option<i64> {
    let removes = config.removes && matches!(world.freeze().await, Ok(None));
    let mut days = DAYS_MAX;
    for family in Family::ALL {
        let of_family = |group: &&GroupPreview| group.database.family() == family;
        let groups: Vec<&GroupPreview> = preview.groups.iter().filter(of_family).collect();
        if groups.is_empty() {
            continue;
        }
        let quota = world.describe_snapshot_quota(&config.home, family).await;
        let quota = quota.inspect_err(|error| {
            warn!(error = chain(error), "the quota of snapshots is not known");
        });
        let quota = quota.ok().flatten()?;
        let grows: i64 = groups
            .iter()
            .map(|group| growth_of(removes, preview, group, now))
            .sum();
        days = days.min(days_at_growth(quota.used, quota.max, grows, PACE_DAYS));
    }
    Some(days)
}

/// Where nothing is removed, all that is made stays.
fn growth_of(removes: bool, preview: &PrunePreview, group: &GroupPreview, now: Timestamp) -> i64 {
    let points: Vec<Point<RdsArn>> = group
        .points
        .iter()
        .map(|(point, _)| point.clone())
        .collect();
    match preview.policies.ruling(&group.policy) {
        Some(policy) if removes && !group.shown_only => {
            let retention = &policy.options.retention;
            let by = ForgetRules {
                rules: &retention.rules(),
                min_keep: retention.min_keep(),
                zone: policy.schedule.time_zone(),
            };
            growth(by, &points, now, PACE_DAYS)
        }
        _ => made(&points, now, PACE_DAYS),
    }
}
