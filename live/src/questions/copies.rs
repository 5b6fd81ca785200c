//! Copies between regions, and what RDS shows of them.

use futures_util::FutureExt as _;
use snapferry::domain::id::arn::KeyArn;
use snapferry::domain::id::tags::Tags;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};

use super::{is, yes_or_no};
use crate::bench::{Bench, ClusterCopied, described};
use crate::error::Answered;
use crate::plan::Thing;
use crate::question::Question;

pub(super) const COPY: Question = Question {
    name: "copy",
    does: "copies an unencrypted instance's snapshot with the worker's role, a presigned URL and a key",
    expects: "RDS takes the URL, the worker's rights on the key are enough, and the copy is encrypted under the key and \
              shows its source and the time of its data",
    facts: &[
        is("the copy", &["accepted"]),
        is("it ended as", &["available"]),
        is("it is encrypted", &["yes"]),
        is("its key", &["the one asked for"]),
        is("its source", &["shown"]),
        is("the time of its data", &["the source's"]),
    ],
    needs: &[Thing::Stacks, Thing::Instance, Thing::Copy],
    ask: |bench| copy(bench).boxed_local(),
};

async fn copy(bench: &mut Bench) -> Answered<()> {
    let source = bench.snapshot().await?;
    let key = bench.key().await?;
    let asked = bench.copy().await;
    if let Some(copy) = bench.saw_call("the copy", asked)? {
        saw_copy(bench, &copy, &source, &key);
        let time = match (copy.taken_at, source.taken_at) {
            (None, _) => "not shown",
            (copy, source) if copy == source => "the source's",
            _ => "another",
        };
        bench.saw("the time of its data", time);
    }
    Ok(())
}

fn saw_copy(bench: &mut Bench, copy: &Snapshot, source: &Snapshot, key: &KeyArn) {
    let ended = match &copy.status {
        SnapshotStatus::Available => "available",
        SnapshotStatus::Failed => "failed",
        _ => "something else",
    };
    bench.saw("it ended as", ended);
    bench.saw("it is encrypted", yes_or_no(copy.encrypted));
    let shown = match &copy.key {
        Some(shown) if shown == key => "the one asked for",
        Some(_) => "another",
        None => "not shown",
    };
    bench.saw("its key", shown);
    let shown = match &copy.source {
        Some(shown) if *shown == source.arn => "shown",
        Some(_) => "another",
        None => "not shown",
    };
    bench.saw("its source", shown);
}

pub(super) const SSE_RDS_CLUSTER: Question = Question {
    name: "sse-rds-cluster",
    does: "copies the snapshot of a cluster that is under a key of AWS's own (sse-rds) under the run's key",
    expects: "such a cluster's StorageEncrypted is false, and RDS copies its snapshot under the key",
    facts: &[
        is("StorageEncrypted", &["no"]),
        is("the copy", &["accepted"]),
        is("it ended as", &["available"]),
        is("it is encrypted", &["yes"]),
        is("its key", &["the one asked for"]),
    ],
    needs: &[Thing::Stacks, Thing::Clusters],
    ask: |bench| cluster(bench, "sse-rds").boxed_local(),
};

pub(super) const UNENCRYPTED_CLUSTER: Question = Question {
    name: "unencrypted-cluster",
    does: "copies the snapshot of an unencrypted cluster under the run's key, if AWS still makes such a cluster",
    expects: "RDS copies its snapshot under the key",
    facts: &[
        is("the copy", &["accepted"]),
        is("it ended as", &["available"]),
        is("it is encrypted", &["yes"]),
        is("its key", &["the one asked for"]),
    ],
    needs: &[Thing::Stacks, Thing::Clusters],
    ask: |bench| cluster(bench, "none").boxed_local(),
};

/// Asks about the first of the clusters whose storage is encrypted so. What AWS does not make shows nothing.
async fn cluster(bench: &mut Bench, encryption: &'static str) -> Answered<()> {
    let clusters = bench.clusters().await?;
    let found = clusters
        .into_iter()
        .find(|cluster| cluster.encryption == encryption);
    let Some(ClusterCopied {
        is_said_to_be_encrypted,
        snapshot,
        ..
    }) = found
    else {
        return Ok(());
    };
    bench.saw("StorageEncrypted", yes_or_no(is_said_to_be_encrypted));
    let key = bench.key().await?;
    let worker = bench.role("Worker").await?;
    let (name, tags) = (
        bench.name(&format!("{encryption}-copy")),
        bench.tags(Some(&bench.stack_id())),
    );
    let asked = bench.copy_of(&worker, &snapshot.arn, &name, tags).await;
    if let Some(copy) = bench.saw_call("the copy", asked)? {
        let copy = bench.over(&copy).await?;
        saw_copy(bench, &copy, &snapshot, &key);
    }
    Ok(())
}

pub(super) const TAGS: Question = Question {
    name: "tags",
    does: "describes snapshot and copy with the worker's role, which may list their tags",
    expects: "the answers show the tags that Snapferry gave, at the latest when the snapshot is available",
    facts: &[
        is("tags of the available snapshot", &["as given"]),
        is("tags of the available copy", &["as given"]),
    ],
    needs: &[Thing::Stacks, Thing::Instance, Thing::Copy],
    ask: |bench| tags(bench).boxed_local(),
};

async fn tags(bench: &mut Bench) -> Answered<()> {
    let (snapshot, copy) = (bench.snapshot().await?, bench.copy().await?);
    let given = bench.tags(Some(&bench.stack_id()));
    let worker = bench.role("Worker").await?;
    let both = [
        ("tags of the available snapshot", snapshot),
        ("tags of the available copy", copy),
    ];
    for (fact, of) in both {
        if let Some(shown) = described(&worker, &of.arn).await? {
            bench.saw(fact, compared(&given, &shown.tags));
        }
    }
    Ok(())
}

/// How the tags that AWS shows compare with those that were given.
pub(super) fn compared(given: &Tags, shown: &Tags) -> &'static str {
    if given == shown {
        "as given"
    } else if shown.is_empty() {
        "none"
    } else {
        "others"
    }
}
