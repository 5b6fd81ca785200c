//! What runs made whose journals are not on this machine: named, and left to the person.

use jiff::Timestamp;
use snapferry::domain::id::arn::Region;

use crate::account::Account;
use crate::error::{Answered, of};
use crate::journal::{Kind, Made};
use crate::remove::{Leftover, TAG, words};
use crate::shown::look;

/// Everything in both regions that bears the check's tag and is of none of these runs.
///
/// # Errors
/// If AWS does not list it.
pub(crate) async fn strays(account: &Account, known: &[String]) -> Answered<Vec<Leftover>> {
    let mut found = Vec::new();
    for region in [&account.recovery, &account.source] {
        for (kind, name) in candidates(account, region).await? {
            let made = Made {
                kind,
                region: region.to_string(),
                name,
                id: None,
                asked_at: Timestamp::MIN,
            };
            let Some(shown) = look(account, &made).await? else {
                continue;
            };
            let run = shown.tags.get(TAG).filter(|run| !known.contains(run));
            found.extend(run.map(|run| Leftover {
                what: words(&made),
                why: format!(
                    "the run {run} made it, and its journal is not here: remove it by hand"
                ),
            }));
        }
    }
    Ok(found)
}

/// What has a name of this check.
async fn candidates(account: &Account, region: &Region) -> Answered<Vec<(Kind, String)>> {
    let rds = account.rds(region);
    let mut all: Vec<(Kind, Option<String>)> = Vec::new();
    let rows = rds.describe_db_instances().into_paginator().items().send();
    let rows = rows
        .collect::<Result<Vec<_>, _>>()
        .await
        .map_err(of("DescribeDBInstances"))?;
    all.extend(
        rows.into_iter()
            .map(|row| (Kind::Instance, row.db_instance_identifier)),
    );
    let rows = rds.describe_db_clusters().into_paginator().items().send();
    let rows = rows
        .collect::<Result<Vec<_>, _>>()
        .await
        .map_err(of("DescribeDBClusters"))?;
    all.extend(
        rows.into_iter()
            .map(|row| (Kind::Cluster, row.db_cluster_identifier)),
    );
    let asked = rds.describe_db_snapshots().snapshot_type("manual");
    let rows = asked
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await;
    let rows = rows.map_err(of("DescribeDBSnapshots"))?;
    all.extend(
        rows.into_iter()
            .map(|row| (Kind::Snapshot, row.db_snapshot_identifier)),
    );
    let asked = rds.describe_db_cluster_snapshots().snapshot_type("manual");
    let rows = asked
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await;
    let rows = rows.map_err(of("DescribeDBClusterSnapshots"))?;
    let name = |row: aws_sdk_rds::types::DbClusterSnapshot| row.db_cluster_snapshot_identifier;
    all.extend(
        rows.into_iter()
            .map(|row| (Kind::ClusterSnapshot, name(row))),
    );
    let asked = account
        .cloudformation(region)
        .describe_stacks()
        .into_paginator();
    let rows = asked.items().send().collect::<Result<Vec<_>, _>>().await;
    let rows = rows.map_err(of("DescribeStacks"))?;
    all.extend(rows.into_iter().map(|row| (Kind::Stack, row.stack_name)));
    let is_named = |name: &String| name.starts_with("sf-live-") || name.starts_with("live-");
    let named = all
        .into_iter()
        .filter_map(|(kind, name)| Some((kind, name.filter(is_named)?)));
    Ok(named.collect())
}
