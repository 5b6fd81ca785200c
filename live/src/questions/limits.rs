//! Where RDS says no: too many copies, a stopped database, a wide filter.

use futures_util::FutureExt as _;
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::names::SnapshotId;
use snapferry::ports::{DescribeQuota, DescribeSnapshots};

use super::{is, word};
use crate::bench::{Bench, described};
use crate::error::{Answered, CheckError, of};
use crate::plan::Thing;
use crate::question::Question;

/// More copies than RDS should let be in flight, of instances and of clusters.
const TRIES: [(Family, usize); 2] = [(Family::Cluster, 7), (Family::Instance, 22)];

pub(super) const COPY_LIMIT: Question = Question {
    name: "copy-limit",
    does: "asks for copies until RDS refuses one, of a cluster's snapshot and then of the instance's, and cancels them",
    expects: "RDS refuses the sixth of a cluster and the 21st of an instance with SnapshotQuotaExceeded, and says *Cannot \
              copy more than N snapshots across regions*",
    facts: &[
        is("cluster: in flight before the refusal", &["5"]),
        is("cluster: the refusal", &["SnapshotQuotaExceeded"]),
        is("cluster: its words", &["as assumed"]),
        is("instance: in flight before the refusal", &["20"]),
        is("instance: the refusal", &["SnapshotQuotaExceeded"]),
        is("instance: its words", &["as assumed"]),
    ],
    needs: &[
        Thing::Stacks,
        Thing::Instance,
        Thing::Clusters,
        Thing::CopiesToTheLimit,
    ],
    ask: |bench| copy_limit(bench).boxed_local(),
};

async fn copy_limit(bench: &mut Bench) -> Answered<()> {
    let snapshot = bench.snapshot().await?;
    let clusters = bench.clusters().await?;
    for (family, tries) in TRIES {
        others_copy_nothing(bench, family).await?;
        let source = match (family, clusters.last()) {
            (Family::Instance, _) => &snapshot.arn,
            (Family::Cluster, Some(cluster)) => &cluster.snapshot.arn,
            (Family::Cluster, None) => continue,
        };
        let copies = copies_to_the_limit(bench, source, tries).await?;
        // So that others can copy again.
        bench
            .remove(&|made| copies.iter().any(|copy| copy.name() == made.name))
            .await?;
    }
    Ok(())
}

/// Copies until RDS refuses one, and counts what is in flight then.
async fn copies_to_the_limit(
    bench: &mut Bench,
    source: &RdsArn,
    tries: usize,
) -> Answered<Vec<RdsArn>> {
    let person = bench.account.person();
    let family = word(source.family());
    let mut copies = Vec::new();
    for number in 1..=tries {
        let (name, tags) = (
            bench.name(&format!("{family}-limit-{number}")),
            bench.tags(None),
        );
        let refused = match bench.copy_of(&person, source, &name, tags).await {
            Ok(copy) => {
                copies.push(copy);
                continue;
            }
            Err(error) => error,
        };
        let CheckError::Refused { code, words, .. } = &refused else {
            return Err(refused);
        };
        let is_known =
            words.contains("Cannot copy more than") && words.contains("snapshots across regions");
        let mut in_flight = 0;
        for copy in &copies {
            let shown = described(&person, copy).await?;
            in_flight += usize::from(shown.is_some_and(|shown| !shown.status.is_over()));
        }
        let (code, in_flight) = (code.clone(), in_flight.to_string());
        bench.words.push(refused.to_string());
        bench.saw(format!("{family}: in flight before the refusal"), in_flight);
        bench.saw(format!("{family}: the refusal"), code);
        bench.saw(
            format!("{family}: its words"),
            if is_known { "as assumed" } else { "others" },
        );
        return Ok(copies);
    }
    bench.saw(
        format!("{family}: the refusal"),
        format!("none for {tries} copies"),
    );
    Ok(copies)
}

/// Copies that others have in flight count too, and the figures would be wrong.
async fn others_copy_nothing(bench: &Bench, family: Family) -> Answered<()> {
    let rds = bench.account.rds(&bench.account.recovery);
    let statuses: Vec<Option<String>> = match family {
        Family::Instance => {
            let asked = rds
                .describe_db_snapshots()
                .snapshot_type("manual")
                .into_paginator();
            let rows = asked.items().send().collect::<Result<Vec<_>, _>>().await;
            rows.map_err(of("DescribeDBSnapshots"))?
                .into_iter()
                .map(|row| row.status)
                .collect()
        }
        Family::Cluster => {
            let asked = rds
                .describe_db_cluster_snapshots()
                .snapshot_type("manual")
                .into_paginator();
            let rows = asked.items().send().collect::<Result<Vec<_>, _>>().await;
            rows.map_err(of("DescribeDBClusterSnapshots"))?
                .into_iter()
                .map(|row| row.status)
                .collect()
        }
    };
    let at_work = |status: &Option<String>| {
        let status = status.as_deref().unwrap_or_default();
        matches!(status, "creating" | "pending" | "copying")
    };
    match statuses.iter().any(at_work) {
        true => Err(CheckError::Unfit(
            "snapshots are being made or copied in the recovery region: ask again when that is over".to_owned(),
        )),
        false => Ok(()),
    }
}

pub(super) const STOPPED_DATABASE: Question = Question {
    name: "stopped-database",
    does: "stops the instance and asks for a snapshot of it",
    expects: "RDS takes no snapshot of a stopped instance and answers InvalidDBInstanceState",
    facts: &[is(
        "a snapshot of a stopped instance",
        &["InvalidDBInstanceState"],
    )],
    needs: &[Thing::Stacks, Thing::Instance],
    ask: |bench| stopped_database(bench).boxed_local(),
};

async fn stopped_database(bench: &mut Bench) -> Answered<()> {
    let instance = bench.instance().await?;
    let rds = bench.account.rds(&bench.account.source);
    let stop = rds
        .stop_db_instance()
        .db_instance_identifier(instance.name());
    stop.send().await.map_err(of("StopDBInstance"))?;
    bench.instance_in(instance.name(), "stopped").await?;
    let person = bench.account.person();
    let (name, tags) = (bench.name("stopped"), bench.tags(None));
    let asked = bench.snapshot_of(&person, &instance, &name, tags).await;
    bench.saw_call("a snapshot of a stopped instance", asked)?;
    Ok(())
}

pub(super) const FILTER_WIDTH: Question = Question {
    name: "filter-width",
    does: "describes snapshots, instances and clusters with 20 names in one filter that nothing bears",
    expects: "RDS takes 20 values, and a value without a match is no error",
    facts: &[
        is("20 snapshots", &["accepted"]),
        is("20 instances", &["accepted"]),
        is("20 clusters", &["accepted"]),
    ],
    needs: &[],
    ask: |bench| filter_width(bench).boxed_local(),
};

async fn filter_width(bench: &mut Bench) -> Answered<()> {
    use aws_sdk_rds::types::Filter;
    let names: Vec<String> = (1..=20)
        .map(|number| bench.name(&format!("none-{number}")))
        .collect();
    let ids = names
        .iter()
        .map(|name| SnapshotId::parse(name))
        .collect::<Result<Vec<_>, _>>();
    let ids = ids.map_err(|error| CheckError::Unfit(error.to_string()))?;
    let region = bench.account.source.clone();
    let person = bench.account.person();
    let asked = person
        .describe_snapshots(&region, Family::Instance, &ids)
        .await;
    bench.saw_call("20 snapshots", asked.map_err(CheckError::from))?;
    let filter = |name: &str| {
        Filter::builder()
            .name(name)
            .set_values(Some(names.clone()))
            .build()
    };
    let rds = bench.account.rds(&region);
    let asked = rds
        .describe_db_instances()
        .filters(filter("db-instance-id"))
        .send()
        .await;
    bench.saw_call("20 instances", asked.map_err(of("DescribeDBInstances")))?;
    let asked = rds
        .describe_db_clusters()
        .filters(filter("db-cluster-id"))
        .send()
        .await;
    bench.saw_call("20 clusters", asked.map_err(of("DescribeDBClusters")))?;
    Ok(())
}

pub(super) const QUOTA: Question = Question {
    name: "quota",
    does: "asks for the account's quotas in the recovery region",
    expects: "DescribeAccountAttributes reports ManualSnapshots and ManualClusterSnapshots",
    facts: &[
        is("ManualSnapshots", &["reported"]),
        is("ManualClusterSnapshots", &["reported"]),
    ],
    needs: &[],
    ask: |bench| quota(bench).boxed_local(),
};

async fn quota(bench: &mut Bench) -> Answered<()> {
    let person = bench.account.person();
    let region = bench.account.recovery.clone();
    let both = [
        ("ManualSnapshots", Family::Instance),
        ("ManualClusterSnapshots", Family::Cluster),
    ];
    for (fact, family) in both {
        let quota = person.describe_snapshot_quota(&region, family).await?;
        bench.saw(
            fact,
            if quota.is_some() {
                "reported"
            } else {
                "missing"
            },
        );
    }
    Ok(())
}
