//! Questions to more than one region, and how the doctor shows a question without an answer.

use std::future::Future;

use futures_util::TryStreamExt;

use crate::app::doctor::scope::Permissions;
use crate::domain::doctor::capacity::snapshot_quota;
use crate::domain::doctor::region::{Letters, dead_letters};
use crate::domain::doctor::{Check, Finding, Unanswered};
use crate::domain::id::arn::{Family, Region};
use crate::domain::rds::option_group::OptionGroup;
use crate::domain::rds::snapshot::Snapshot;
use crate::error::chain;
use crate::ports::{
    DescribeQuota, Endless, ListOptionGroups, PAGES_MAX, Page, PortError, RdsError, pages,
};

/// A region's manual snapshots of both families, as far as RDS listed them.
pub(super) struct Snapshots {
    pub(super) found: Vec<Snapshot>,
    pub(super) missing: Vec<Unanswered>,
}

impl Snapshots {
    /// The findings about the lists that RDS did not answer.
    pub(super) fn unanswered(&self, region: &Region) -> impl Iterator<Item = Finding> {
        let missing = self.missing.iter();
        missing.map(move |error| Finding::unknown(Check::OtherStacks, region, error))
    }
}

pub(super) async fn manual_snapshots<W: Permissions>(world: &W, region: &Region) -> Snapshots {
    let mut snapshots = Snapshots {
        found: Vec::new(),
        missing: Vec::new(),
    };
    for family in Family::ALL {
        let listed = all(|marker| async {
            let page = world.list_manual_snapshots(region, family, marker).await;
            page.map_err(|error| rds(&error))
        })
        .await;
        match listed {
            Ok(found) => snapshots.found.extend(found),
            Err(error) => snapshots.missing.push(error),
        }
    }
    snapshots
}

pub(super) async fn option_groups<W: ListOptionGroups>(
    world: &W,
    region: &Region,
) -> Result<Vec<OptionGroup>, Unanswered> {
    all(|marker| async {
        let page = world.list_option_groups(region, marker).await;
        page.map_err(|error| port(&error))
    })
    .await
}

/// All rows of a list.
pub(super) async fn all<T, F>(ask: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, Unanswered>
where
    F: Future<Output = Result<Page<T>, Unanswered>>,
{
    whole(ask).await.map(|list| list.items)
}

/// The whole list as one page, with the rows that cannot be read.
pub(super) async fn whole<T, F>(ask: impl FnMut(Option<String>) -> F) -> Result<Page<T>, Unanswered>
where
    F: Future<Output = Result<Page<T>, Unanswered>>,
{
    let endless = |endless: Endless| Unanswered {
        action: "the list".to_owned(),
        code: Some("Endless".to_owned()),
        why: endless.to_string(),
    };
    let empty = Page::new(Vec::new(), None);
    pages(PAGES_MAX, endless, ask)
        .try_fold(empty, |mut all, page| async {
            all.items.extend(page.items);
            all.unreadable.extend(page.unreadable);
            Ok(all)
        })
        .await
}

pub(super) fn port(error: &PortError) -> Unanswered {
    Unanswered {
        action: error.action.to_owned(),
        code: error.code.clone(),
        why: chain(error),
    }
}

pub(super) fn rds(error: &RdsError) -> Unanswered {
    Unanswered {
        action: error.operation.to_string(),
        code: error.code.clone(),
        why: error.to_string(),
    }
}

/// Checks the quotas for the next round, for each family that has, or may have, a database in it.
pub(super) async fn quotas<W: DescribeQuota>(
    world: &W,
    region: &Region,
    selected: impl Fn(Family) -> Option<usize>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for family in Family::ALL {
        let databases = selected(family);
        if databases != Some(0) {
            findings.push(quota(world, region, family, databases).await);
        }
    }
    findings
}

async fn quota<W: DescribeQuota>(
    world: &W,
    region: &Region,
    family: Family,
    databases: Option<usize>,
) -> Finding {
    match world.describe_snapshot_quota(region, family).await {
        Ok(quota) => snapshot_quota(region, family, quota, databases),
        Err(error) => Finding::unknown(Check::SnapshotQuota, region, &rds(&error)),
    }
}

pub(super) async fn count<W: Permissions>(
    world: &W,
    region: &Region,
    letters: &Letters,
    url: &str,
) -> Finding {
    match world.count_messages(region, url).await {
        Ok(waiting) => dead_letters(letters, waiting),
        Err(error) => Finding::unknown(Check::DeadLetters, letters, &port(&error)),
    }
}
