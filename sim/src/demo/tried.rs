//! The database whose copies RDS refuses permanently: Snapferry tries once, remembers, and takes no further snapshot of it.
//!
//! It is not one of the databases that must be protected, and what it costs is counted apart from what those cost.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::figures::{Callbacks, Calls, Executions};
use super::fleet::{Database, REGIONS, SOURCES, add_cluster, region, snapshots, tags};
use super::left_out::{Kind, LeftOutFigure};
use super::policies::STANDARD;
use super::snapferry::Snapferry;
use crate::proxy::{Outcome, Settlement};
use crate::rds::{ClusterSpec, Family, Rds, RdsFault};
use crate::rds_http::Asked;

/// Its identifier.
const NAME: &str = "visits";
/// What it is, for people.
pub(super) const WHAT: &str = "an Aurora cluster under a key that AWS owns";
/// The error with which its execution ends.
const UNSUPPORTED: &str = "Snapferry.Unsupported";
/// The word of `snapferry plan --json` and of `snapferry start --json` for a database that is remembered as refused.
const TRIED: &str = "tried";

/// Adds it. AWS's documents contradict each other about such a cluster; in the demo's world RDS refuses the copy.
///
/// # Errors
/// When the model refuses it, which is a fault of the demo.
pub(super) fn add(rds: &mut Rds) -> Result<Database, RdsFault> {
    let place = SOURCES[1];
    let spec = ClusterSpec {
        aws_owned_key: true,
        tags: tags(&STANDARD),
        ..ClusterSpec::aurora(NAME)
    };
    Ok(Database {
        resource_id: add_cluster(rds, &region(place), spec)?,
        region: place,
        family: Family::Cluster,
        name: NAME.to_owned(),
        policy: &STANDARD,
    })
}

/// What the try has cost. The figures of the databases that must be protected do not contain it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TriedFigures {
    /// Its executions. The one that there should be has failed.
    pub executions: Executions,
    /// The callbacks that Step Functions accepted.
    pub callbacks: Callbacks,
    /// States entered, and one more for each execution's end.
    pub state_transitions: u64,
    /// Calls to RDS about nothing else, without those of the sweep, of the pruner and of the command line.
    pub rds: Calls,
    /// How its executions ended, in words.
    #[serde(skip)]
    pub(super) ends: Vec<String>,
}

impl TriedFigures {
    /// How often RDS was asked for a snapshot, and how often for a copy.
    #[must_use]
    pub(super) fn asked_for(&self) -> (u64, u64) {
        let count = |beginning: &str| {
            let of_it = self
                .rds
                .iter()
                .filter(|(call, _)| call.starts_with(beginning));
            of_it.map(|(_, count)| count).sum()
        };
        (count("Create"), count("Copy"))
    }

    /// Every promise about it that was broken, each in a sentence.
    #[must_use]
    pub(super) fn broken(&self, without_retries: bool) -> Vec<String> {
        let mut broken = Vec::new();
        let Executions { succeeded, failed } = self.executions;
        let is_unsupported = |end: &String| end.contains(UNSUPPORTED);
        if (succeeded, failed) != (0, 1) || !self.ends.iter().all(is_unsupported) {
            broken.push(format!(
                "{NAME}, whose copies RDS refuses, has {succeeded} executions that succeeded and {failed} that did not, \
                 and one that fails as {UNSUPPORTED} is promised: {}",
                self.ends.join("; ")
            ));
        }
        let (snapshots, copies) = self.asked_for();
        if without_retries && (snapshots, copies) != (1, 1) {
            broken.push(format!(
                "RDS was asked for {snapshots} snapshots and {copies} copies of {NAME}, whose copies it refuses, and \
                 one of each is promised"
            ));
        }
        broken
    }
}

/// The names by which calls and callbacks about it are known.
pub(super) struct TriedTraces {
    resource_id: String,
    arns: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl TriedTraces {
    /// Its snapshots in the model.
    #[must_use]
    pub(super) fn of(rds: &Rds, database: &Database) -> Self {
        let all = REGIONS.iter().flat_map(|place| snapshots(rds, place));
        let of_it: Vec<_> = all
            .filter(|one| one.instance.resource_id == database.resource_id)
            .collect();
        Self {
            resource_id: database.resource_id.clone(),
            arns: of_it.iter().map(|one| one.arn.clone()).collect(),
            names: of_it.iter().map(|one| one.name.clone()).collect(),
        }
    }

    /// Whether a callback is about it. No other execution of the demo may fail with its error.
    #[must_use]
    pub(super) fn has_callback(&self, settlement: &Settlement) -> bool {
        let is_named = self.arns.iter().any(|arn| settlement.mentions(arn));
        let is_unsupported = matches!(
            &settlement.outcome,
            Outcome::Failure { error, .. } if error == UNSUPPORTED
        );
        is_named || is_unsupported
    }

    /// The calls that were made for nothing else. `owners` maps the names of snapshots and the resource ids of all
    /// databases to labels.
    #[must_use]
    pub(super) fn calls(
        &self,
        asked: &[Asked],
        owners: &BTreeMap<String, String>,
        is_shared: impl Fn(&Asked) -> bool,
    ) -> Calls {
        let mut calls = Calls::new();
        for call in asked.iter().filter(|call| !is_shared(call)) {
            let named = || call.snapshots.iter().chain(&call.resource_ids);
            let is_its = |name: &String| self.names.contains(name) || *name == self.resource_id;
            let is_of_another = |name: &String| owners.contains_key(name) && !is_its(name);
            if named().any(is_its) && !named().any(is_of_another) {
                *calls.entry(call.operation.clone()).or_default() += 1;
            }
        }
        calls
    }
}

/// The row of the demo's JSON before the product is asked.
#[must_use]
pub(super) fn figure(database: &Database) -> LeftOutFigure {
    LeftOutFigure {
        database: database.arn(),
        kind: Kind::TriedOnce,
        reason: WHAT.to_owned(),
    }
}

/// What `snapferry plan` says of it after the try, and whether `snapferry start --again` leaves it alone: the figure, and
/// every contradiction in a sentence.
///
/// # Errors
/// When the command cannot be run, or prints no JSON.
pub(super) async fn ask(
    snapferry: &Snapferry,
    database: &Database,
) -> anyhow::Result<(LeftOutFigure, Vec<String>)> {
    // It starts failed executions again under their next name, but not what is remembered as refused.
    let started = snapferry.start_again(&database.arn()).await?;
    let plan = snapferry.plan().await?;
    Ok(judge(&plan, &started, database))
}

fn judge(plan: &Value, started: &Value, database: &Database) -> (LeftOutFigure, Vec<String>) {
    let (arn, mut wrong) = (database.arn(), Vec::new());
    let of_it = |row: &&Value| row["database"] == *arn;
    let row = plan["databases"].as_array();
    let row = row.and_then(|rows| rows.iter().find(of_it));
    let mut figure = figure(database);
    match row.map(|row| (row["plan"].as_str(), row["reason"].as_str())) {
        Some((Some(TRIED), Some(reason))) => reason.clone_into(&mut figure.reason),
        said => wrong.push(format!(
            "snapferry plan says {said:?} of {NAME}, which RDS has refused for good"
        )),
    }
    let regions = started["regions"].as_array().into_iter().flatten();
    let rows = regions.filter_map(|region| region["databases"].as_array());
    let outcomes = rows.flatten().filter(of_it).map(|row| &row["outcome"]);
    let outcomes: Vec<&Value> = outcomes.collect();
    if outcomes != [TRIED] {
        wrong.push(format!(
            "snapferry start --again says {outcomes:?} of {NAME}, which RDS has refused for good"
        ));
    }
    (figure, wrong)
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::super::fleet::{Fleet, RECOVERY, draw};
    use super::*;
    use crate::rds::{CopyDbSnapshot, CreateDbSnapshot};

    fn fleet() -> Fleet {
        let now: Timestamp = "2026-01-02T03:00:00Z".parse().unwrap();
        draw(1, 1, now).unwrap()
    }

    /// What a run must show that keeps every promise about it.
    pub(in crate::demo) fn kept() -> TriedFigures {
        let calls = ["CreateDBClusterSnapshot", "CopyDBClusterSnapshot"];
        TriedFigures {
            executions: Executions {
                succeeded: 0,
                failed: 1,
            },
            rds: calls.map(|call| (call.to_owned(), 1)).into(),
            ends: vec!["r1 FAILED Snapferry.Unsupported: no".to_owned()],
            ..TriedFigures::default()
        }
    }

    #[test]
    fn rds_takes_its_snapshot_and_refuses_each_copy() {
        let Fleet { mut rds, tried, .. } = fleet();
        let (place, now) = (region(tried.region), rds.now());
        let request = CreateDbSnapshot {
            snapshot: "sf-visits".to_owned(),
            instance: tried.name.clone(),
            tags: Vec::new(),
        };
        let taken = rds.create_db_cluster_snapshot(&place, &request, now);
        let source = taken.unwrap().arn;
        while let Some(due) = rds.next_due() {
            rds.advance(due);
        }
        let copy = CopyDbSnapshot {
            source,
            target: "sf-visits".to_owned(),
            kms_key: Some(STANDARD.key.to_owned()),
            ..CopyDbSnapshot::default()
        };
        let now = rds.now();
        let refused = rds.copy_db_cluster_snapshot(&region(RECOVERY), &copy, now);
        let said = refused.unwrap_err().to_string();
        assert!(
            said.contains("is not encrypted, so its copy cannot be"),
            "{said}"
        );
    }

    #[test]
    fn one_try_that_fails_is_promised_and_each_difference_is_named() {
        assert_eq!(kept().broken(true), [""; 0]);
        type Change = fn(&mut TriedFigures);
        let changes: [(Change, &str); 4] = [
            (|it| it.executions.failed = 2, "and 2 that did not"),
            (
                |it| it.executions.succeeded = 1,
                "1 executions that succeeded",
            ),
            (
                |it| it.ends[0] = "r1 FAILED Snapferry.NameTaken".to_owned(),
                "NameTaken",
            ),
            (
                |it| {
                    it.rds.insert("CopyDBClusterSnapshot".to_owned(), 2);
                },
                "1 snapshots and 2 copies",
            ),
        ];
        for (change, named) in changes {
            let mut figures = kept();
            change(&mut figures);
            let broken = figures.broken(true);
            assert!(broken.len() == 1 && broken[0].contains(named), "{broken:?}");
        }
        let mut repeated = kept();
        repeated.rds.insert("CopyDBClusterSnapshot".to_owned(), 2);
        assert_eq!(repeated.broken(false), [""; 0]);
    }

    #[test]
    fn the_product_must_say_that_it_remembers() {
        let tried = fleet().tried;
        let row = |key: &str, word: &str| json!({ "database": tried.arn(), key: word, "reason": "RDS refused it" });
        let plan = |word: &str| json!({ "databases": [row("plan", word)] });
        let started = |word: &str| json!({ "regions": [{ "databases": [row("outcome", word)] }, { "databases": [] }] });
        let (figure, wrong) = judge(&plan("tried"), &started("tried"), &tried);
        assert_eq!(
            (figure.reason.as_str(), wrong),
            ("RDS refused it", Vec::new())
        );
        let (figure, wrong) = judge(&plan("selected"), &started("tried"), &tried);
        assert_eq!(figure.reason, WHAT);
        assert!(
            wrong.len() == 1 && wrong[0].contains("snapferry plan says"),
            "{wrong:?}"
        );
        let (_, wrong) = judge(&plan("tried"), &started("started"), &tried);
        assert!(
            wrong.len() == 1 && wrong[0].contains("start --again"),
            "{wrong:?}"
        );
    }

    #[test]
    fn a_call_about_it_alone_counts_for_it_and_a_shared_one_does_not() {
        let traces = TriedTraces {
            resource_id: "cluster-V".to_owned(),
            arns: BTreeSet::new(),
            names: ["v".to_owned()].into(),
        };
        let owners = [("v", "visits"), ("cluster-V", "visits"), ("o", "orders")];
        let owners = owners.map(|(name, label)| (name.to_owned(), label.to_owned()));
        let call = |operation: &str, app: &str, snapshots: &[&str]| Asked {
            operation: operation.to_owned(),
            app: app.to_owned(),
            snapshots: snapshots.iter().map(|&name| name.to_owned()).collect(),
            ..Asked::default()
        };
        let asked = [
            call("CreateDBClusterSnapshot", "worker", &["v"]),
            call("DescribeDBClusterSnapshots", "reactor", &["v", "o"]),
            call("DescribeDBClusterSnapshots", "reactor", &["v"]),
            call("DescribeDBClusterSnapshots", "sweeper", &["v"]),
            call("CreateDBSnapshot", "worker", &["o"]),
        ];
        let calls = traces.calls(&asked, &owners.into(), |call| call.app == "sweeper");
        let expected = [
            ("CreateDBClusterSnapshot", 1),
            ("DescribeDBClusterSnapshots", 1),
        ];
        assert_eq!(calls, expected.map(|(call, n)| (call.to_owned(), n)).into());
    }
}
