//! Whether IAM sees a resource's tags when somebody deletes it: each of the two keys that may name them is asked alone.

use aws_sdk_rds::config::Builder;
use futures_util::FutureExt as _;
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::tags::{HOLD, STACK};
use snapferry::ports::DeleteSnapshot;

use super::{is, word};
use crate::bench::Bench;
use crate::error::{Answered, CheckError, of};
use crate::plan::Thing;
use crate::question::Question;

/// One of the two is enough: the product's roles allow by either, and deny by either.
const BY_A_KEY: &[&str] = &[
    "by both keys",
    "by rds:…-tag alone",
    "by aws:ResourceTag alone",
];

pub(super) const SNAPSHOT_TAGS: Question = Question {
    name: "snapshot-tags",
    does: "deletes copies with roles whose policies name tags: one with the stack's tag, one with another's, a held one",
    expects: "IAM fills rds:snapshot-tag and rds:cluster-snapshot-tag, or aws:ResourceTag: the first is deleted, the \
              second and third are not",
    facts: &[
        is("instance: an own copy is deleted", BY_A_KEY),
        is("instance: another's is denied", &["by both keys"]),
        is("instance: a held one is denied", BY_A_KEY),
        is("cluster: an own copy is deleted", BY_A_KEY),
        is("cluster: another's is denied", &["by both keys"]),
        is("cluster: a held one is denied", BY_A_KEY),
    ],
    needs: &[
        Thing::Stacks,
        Thing::Instance,
        Thing::Clusters,
        Thing::CopiesToDelete,
    ],
    ask: |bench| snapshot_tags(bench).boxed_local(),
};

async fn snapshot_tags(bench: &mut Bench) -> Answered<()> {
    let snapshot = bench.snapshot().await?;
    let clusters = bench.clusters().await?;
    let sources = std::iter::once(&snapshot).chain(clusters.last().map(|it| &it.snapshot));
    for source in sources {
        let family = word(source.arn.family());
        let [own, own_too, other, held, held_too] = copies_to_delete(bench, &source.arn).await?;
        let by_rds = is_denied(bench, "DeletesByRdsTag", &other).await?;
        let by_resource = is_denied(bench, "DeletesByResourceTag", &other).await?;
        bench.saw(
            format!("{family}: another's is denied"),
            by(by_rds, by_resource),
        );
        let by_rds = is_denied(bench, "DeletesByRdsTag", &own).await?;
        let by_resource = is_denied(bench, "DeletesByResourceTag", &own_too).await?;
        bench.saw(
            format!("{family}: an own copy is deleted"),
            by(!by_rds, !by_resource),
        );
        let by_rds = is_denied(bench, "KeepsHeldByRdsTag", &held).await?;
        let by_resource = is_denied(bench, "KeepsHeldByResourceTag", &held_too).await?;
        bench.saw(
            format!("{family}: a held one is denied"),
            by(by_rds, by_resource),
        );
    }
    Ok(())
}

fn by(by_rds: bool, by_resource: bool) -> &'static str {
    match (by_rds, by_resource) {
        (true, true) => "by both keys",
        (true, false) => "by rds:…-tag alone",
        (false, true) => "by aws:ResourceTag alone",
        (false, false) => "by neither",
    }
}

/// Two copies of this run's stack, one of another's, and two that are held.
async fn copies_to_delete(bench: &mut Bench, source: &RdsArn) -> Answered<[RdsArn; 5]> {
    let own = bench.tags(Some(&bench.stack_id()));
    let mut other = own.clone();
    other.insert(STACK.to_owned(), "another".to_owned());
    let mut held = own.clone();
    held.insert(HOLD.to_owned(), "asked for".to_owned());
    let wanted = [
        ("own", own.clone()),
        ("own-too", own),
        ("other", other),
        ("held", held.clone()),
        ("held-too", held),
    ];
    let person = bench.account.person();
    let mut copies = Vec::new();
    for (of, tags) in wanted {
        let name = bench.name(&format!("{}-{of}", word(source.family())));
        copies.push(bench.copy_of(&person, source, &name, tags).await?);
    }
    for copy in &copies {
        bench.over(copy).await?;
    }
    copies
        .try_into()
        .map_err(|_| CheckError::Unfit("there are not five copies".to_owned()))
}

/// Has a role delete a copy of this run. Its policy reaches nothing else.
async fn is_denied(bench: &mut Bench, role: &'static str, copy: &RdsArn) -> Answered<bool> {
    let asked = bench.role(role).await?.delete_snapshot(copy).await;
    denied(asked.map_err(CheckError::from))
}

/// What RDS says of the resource's state, it says to a caller that may delete it.
fn denied(asked: Answered<()>) -> Answered<bool> {
    match asked {
        Ok(()) => Ok(false),
        Err(error) if error.is_denied() => Ok(true),
        Err(error) if error.is_busy() => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) const DATABASE_TAGS: Question = Question {
    name: "database-tags",
    does: "tries to delete the instance and a cluster with roles whose policies deny it by the run's tag",
    expects: "IAM fills rds:db-tag and rds:cluster-tag, or aws:ResourceTag, when a database is deleted",
    facts: &[
        is("instance: it is denied", BY_A_KEY),
        is("cluster: it is denied", BY_A_KEY),
    ],
    needs: &[Thing::Stacks, Thing::Instance, Thing::Clusters],
    ask: |bench| database_tags(bench).boxed_local(),
};

async fn database_tags(bench: &mut Bench) -> Answered<()> {
    bench.instance().await?;
    bench.clusters().await?;
    let [instance, cluster] = [bench.name("db"), bench.name("plain")];
    for (family, name) in [(Family::Instance, instance), (Family::Cluster, cluster)] {
        let by_rds = is_database_denied(bench, "KeepsHeldByRdsTag", family, &name).await?;
        let by_resource =
            is_database_denied(bench, "KeepsHeldByResourceTag", family, &name).await?;
        bench.saw(
            format!("{}: it is denied", word(family)),
            by(by_rds, by_resource),
        );
    }
    Ok(())
}

async fn is_database_denied(
    bench: &mut Bench,
    role: &'static str,
    family: Family,
    name: &str,
) -> Answered<bool> {
    let session = bench.session(role).await?;
    let region = aws_config::Region::new(bench.account.source.to_string());
    let rds = aws_sdk_rds::Client::from_conf(Builder::from(&session).region(region).build());
    denied(match family {
        Family::Instance => {
            let asked = rds.delete_db_instance().db_instance_identifier(name);
            let asked = asked
                .skip_final_snapshot(true)
                .delete_automated_backups(true);
            asked.send().await.map(drop).map_err(of("DeleteDBInstance"))
        }
        Family::Cluster => {
            let asked = rds.delete_db_cluster().db_cluster_identifier(name);
            asked
                .skip_final_snapshot(true)
                .send()
                .await
                .map(drop)
                .map_err(of("DeleteDBCluster"))
        }
    })
}
