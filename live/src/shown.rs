//! Things as AWS shows them now, and their removal.

use std::collections::BTreeMap;

use aws_sdk_rds::primitives::DateTime;
use jiff::Timestamp;
use snapferry::domain::id::arn::Region;

use crate::account::Account;
use crate::error::{Answered, CheckError, of};
use crate::journal::{Kind, Made};

/// A thing as AWS shows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What it is.
    pub kind: Kind,
    /// Its region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// A database's resource id, a stack's id, a snapshot's ARN.
    pub id: String,
    /// Its status, in AWS's word.
    pub status: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When AWS began to make it, if AWS says so.
    pub created: Option<Timestamp>,
}

impl Shown {
    /// Whether AWS is removing it.
    #[must_use]
    pub fn is_going(&self) -> bool {
        matches!(
            self.status.as_str(),
            "deleting" | "deleted" | "DELETE_IN_PROGRESS"
        )
    }
}

/// A row of an RDS answer, before its tags are known.
struct Row {
    id: Option<String>,
    arn: Option<String>,
    status: Option<String>,
    created: Option<DateTime>,
    tags: Vec<aws_sdk_rds::types::Tag>,
}

/// Looks at a thing. None if it is not there.
///
/// # Errors
/// If AWS does not say.
pub async fn look(account: &Account, made: &Made) -> Answered<Option<Shown>> {
    let region = region(&made.region)?;
    let found = match made.kind {
        Kind::Stack => return stack(account, &region, made).await,
        Kind::Instance => instance(account, &region, &made.name).await,
        Kind::Cluster => cluster(account, &region, &made.name).await,
        Kind::Snapshot => snapshot(account, &region, &made.name).await,
        Kind::ClusterSnapshot => cluster_snapshot(account, &region, &made.name).await,
    };
    let row = match found {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(None),
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let id = row.id.or_else(|| row.arn.clone()).unwrap_or_default();
    // Whether an answer shows the tags is a question of its own, so they are always asked for.
    let mut tags = row.tags;
    if let Some(arn) = &row.arn {
        let asked = account
            .rds(&region)
            .list_tags_for_resource()
            .resource_name(arn);
        match asked.send().await.map_err(of("ListTagsForResource")) {
            Ok(answer) => tags = answer.tag_list.unwrap_or_default(),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Shown {
        kind: made.kind,
        region: made.region.clone(),
        name: made.name.clone(),
        id,
        status: row.status.unwrap_or_default(),
        tags: pairs(tags.into_iter().map(|tag| (tag.key, tag.value))),
        created: row.created.and_then(time),
    }))
}

async fn instance(account: &Account, region: &Region, name: &str) -> Answered<Option<Row>> {
    let asked = account
        .rds(region)
        .describe_db_instances()
        .db_instance_identifier(name);
    let answer = asked.send().await.map_err(of("DescribeDBInstances"))?;
    let found = answer.db_instances.unwrap_or_default().into_iter().next();
    Ok(found.map(|row| Row {
        id: row.dbi_resource_id,
        arn: row.db_instance_arn,
        status: row.db_instance_status,
        created: row.instance_create_time,
        tags: row.tag_list.unwrap_or_default(),
    }))
}

async fn cluster(account: &Account, region: &Region, name: &str) -> Answered<Option<Row>> {
    let asked = account
        .rds(region)
        .describe_db_clusters()
        .db_cluster_identifier(name);
    let answer = asked.send().await.map_err(of("DescribeDBClusters"))?;
    let found = answer.db_clusters.unwrap_or_default().into_iter().next();
    Ok(found.map(|row| Row {
        id: row.db_cluster_resource_id,
        arn: row.db_cluster_arn,
        status: row.status,
        created: row.cluster_create_time,
        tags: row.tag_list.unwrap_or_default(),
    }))
}

async fn snapshot(account: &Account, region: &Region, name: &str) -> Answered<Option<Row>> {
    let asked = account
        .rds(region)
        .describe_db_snapshots()
        .db_snapshot_identifier(name);
    let answer = asked.send().await.map_err(of("DescribeDBSnapshots"))?;
    let found = answer.db_snapshots.unwrap_or_default().into_iter().next();
    Ok(found.map(|row| Row {
        id: None,
        arn: row.db_snapshot_arn,
        status: row.status,
        created: row.snapshot_create_time,
        tags: row.tag_list.unwrap_or_default(),
    }))
}

async fn cluster_snapshot(account: &Account, region: &Region, name: &str) -> Answered<Option<Row>> {
    let asked = account.rds(region).describe_db_cluster_snapshots();
    let asked = asked.db_cluster_snapshot_identifier(name);
    let answer = asked
        .send()
        .await
        .map_err(of("DescribeDBClusterSnapshots"))?;
    let found = answer
        .db_cluster_snapshots
        .unwrap_or_default()
        .into_iter()
        .next();
    Ok(found.map(|row| Row {
        id: None,
        arn: row.db_cluster_snapshot_arn,
        status: row.status,
        created: row.snapshot_create_time,
        tags: row.tag_list.unwrap_or_default(),
    }))
}

/// A stack is asked for by its id where that is known, because another may have its name by now.
async fn stack(account: &Account, region: &Region, made: &Made) -> Answered<Option<Shown>> {
    let asked = account.cloudformation(region).describe_stacks();
    let asked = asked.stack_name(made.id.as_deref().unwrap_or(&made.name));
    let answer = match asked.send().await.map_err(of("DescribeStacks")) {
        Ok(answer) => answer,
        Err(error) if is_unknown_stack(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = answer.stacks.unwrap_or_default().into_iter().next();
    let found = found.map(|stack| Shown {
        kind: Kind::Stack,
        region: made.region.clone(),
        name: made.name.clone(),
        id: stack.stack_id.unwrap_or_default(),
        status: stack
            .stack_status
            .map_or_else(String::new, |it| it.as_str().to_owned()),
        tags: pairs(
            stack
                .tags
                .unwrap_or_default()
                .into_iter()
                .map(|tag| (tag.key, tag.value)),
        ),
        created: stack.creation_time.and_then(time),
    });
    Ok(found.filter(|stack| stack.status != "DELETE_COMPLETE"))
}

/// CloudFormation has no code of its own for it.
pub(crate) fn is_unknown_stack(error: &CheckError) -> bool {
    let says = |words: &str| words.contains("does not exist");
    matches!(error, CheckError::Refused { code, words, .. } if code == "ValidationError" && says(words))
}

/// Begins to remove a thing. Only [`crate::remove`] may call it, after both its rules.
///
/// # Errors
/// If AWS refuses it.
pub(crate) async fn delete(account: &Account, shown: &Shown) -> Answered<()> {
    let region = region(&shown.region)?;
    let rds = account.rds(&region);
    match shown.kind {
        Kind::Snapshot => {
            let asked = rds.delete_db_snapshot().db_snapshot_identifier(&shown.name);
            asked.send().await.map(drop).map_err(of("DeleteDBSnapshot"))
        }
        Kind::ClusterSnapshot => {
            let asked = rds.delete_db_cluster_snapshot();
            let asked = asked.db_cluster_snapshot_identifier(&shown.name);
            asked
                .send()
                .await
                .map(drop)
                .map_err(of("DeleteDBClusterSnapshot"))
        }
        Kind::Instance => {
            let asked = rds.delete_db_instance().db_instance_identifier(&shown.name);
            let asked = asked
                .skip_final_snapshot(true)
                .delete_automated_backups(true);
            asked.send().await.map(drop).map_err(of("DeleteDBInstance"))
        }
        Kind::Cluster => {
            let asked = rds.delete_db_cluster().db_cluster_identifier(&shown.name);
            let asked = asked.skip_final_snapshot(true);
            asked.send().await.map(drop).map_err(of("DeleteDBCluster"))
        }
        Kind::Stack => {
            let asked = account
                .cloudformation(&region)
                .delete_stack()
                .stack_name(&shown.id);
            asked.send().await.map(drop).map_err(of("DeleteStack"))
        }
    }
}

pub(crate) fn region(name: &str) -> Answered<Region> {
    Region::parse(name).map_err(|error| CheckError::Unfit(format!("{name} is no region: {error}")))
}

fn pairs(tags: impl Iterator<Item = (Option<String>, Option<String>)>) -> BTreeMap<String, String> {
    tags.filter_map(|(key, value)| Some((key?, value.unwrap_or_default())))
        .collect()
}

fn time(time: DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}
