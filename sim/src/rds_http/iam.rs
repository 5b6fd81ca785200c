//! What IAM is asked before RDS answers: each action of a call, on every resource that it names.
//!
//! The resources and condition keys follow the service authorization reference of Amazon RDS. A copy is asked for its
//! source in the source's region, too. There the request carries no tags of the new snapshot, which is the stricter of
//! the two readings (docs/UNPROVEN.md).

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::rds::{
    CopyDbSnapshot, CreateDbSnapshot, DatabaseRequest, Family, GroupKind, Making, Rds, RdsArn,
    Region, Request, Tags,
};

/// Evaluates IAM for the callers of the RDS service.
pub trait Authority: Send + Sync + Debug {
    /// Whether the caller with this access key passes all of these checks.
    fn decide<'a>(&'a self, access_key: &'a str, checks: Vec<Check>) -> BoxFuture<'a, Decision>;
}

/// What IAM says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Every check passed.
    Allowed,
    /// One did not, with IAM's sentence.
    Denied(String),
    /// Nobody has this key, or its session has ended, with IAM's sentence.
    UnknownCaller(String),
    /// IAM gave no answer, with the reason.
    NoAnswer(String),
}

/// One question to IAM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Such as `rds:CopyDBSnapshot`.
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
    /// What `aws:RequestedRegion` is.
    pub region: String,
    /// The other condition keys that the call fills.
    pub keys: Map<String, Value>,
}

/// Everything that IAM is asked about a call.
pub(super) fn checks(region: &Region, request: &Request, rds: &Rds) -> Vec<Check> {
    let place = Place {
        rds,
        region,
        action: format!("rds:{}", request.operation()),
    };
    match request {
        Request::CreateDbSnapshot(r) => place.creation(Family::Instance, r),
        Request::CreateDbClusterSnapshot(r) => place.creation(Family::Cluster, r),
        Request::CopyDbSnapshot(r) => place.copy(Family::Instance, r),
        Request::CopyDbClusterSnapshot(r) => place.copy(Family::Cluster, r),
        Request::DescribeDbSnapshots(r) => place.snapshots(
            Family::Instance,
            r.snapshot.as_deref(),
            r.instance.as_deref(),
        ),
        Request::DescribeDbClusterSnapshots(r) => place.snapshots(
            Family::Cluster,
            r.snapshot.as_deref(),
            r.instance.as_deref(),
        ),
        Request::DescribeDbInstances(r) => {
            vec![place.check("db", r.instance.as_deref().unwrap_or("*"), &[])]
        }
        Request::DescribeDbClusters(r) => {
            vec![place.check("cluster", r.cluster.as_deref().unwrap_or("*"), &[])]
        }
        Request::DeleteDbSnapshot(name) => vec![place.check("snapshot", name, &[])],
        Request::DeleteDbClusterSnapshot(name) => vec![place.check("cluster-snapshot", name, &[])],
        Request::DescribeSnapshotAttributes(family, name) => {
            vec![place.check(family.snapshot_kind(), name, &[])]
        }
        Request::ModifySnapshotAttribute(family, r) => {
            vec![place.check(family.snapshot_kind(), &r.snapshot, &[])]
        }
        Request::ListTagsForResource(arn) => vec![place.check("", arn, &[])],
        Request::AddTagsToResource(arn, tags) => vec![place.check("", arn, tags)],
        Request::RemoveTagsFromResource(arn, tag_keys) => {
            let mut check = place.check("", arn, &[]);
            check
                .keys
                .insert(TAG_KEYS.to_owned(), tag_keys.clone().into());
            vec![check]
        }
        Request::DescribeOptionGroups(r) => {
            vec![place.check("og", r.name.as_deref().unwrap_or("*"), &[])]
        }
        Request::Make(making, r) => place.making(*making, r),
        Request::CreateDatabase(family, r) => {
            vec![place.check(family.database_kind(), &r.database, &r.tags)]
        }
        Request::StopDbInstance(name) => vec![place.check("db", name, &[])],
        Request::RebootDbInstance(name) => vec![place.check("db", name, &[])],
        Request::AddRole(family, r) => {
            let database = place.check(family.database_kind(), &r.database, &[]);
            vec![database, place.passed(&r.role, "rds.amazonaws.com")]
        }
        Request::EnableHttpEndpoint(arn) => vec![place.check("cluster", arn, &[])],
        Request::DeleteDatabase(family, r) => {
            vec![place.check(family.database_kind(), &r.database, &[])]
        }
        Request::ListGroups(r) => {
            let kind = match r.kind {
                GroupKind::Subnets => "subgrp",
                GroupKind::Parameters => "pg",
                GroupKind::ClusterParameters => "cluster-pg",
            };
            vec![place.check(kind, r.name.as_deref().unwrap_or("*"), &[])]
        }
        Request::DescribeEvents(_)
        | Request::DescribeAccountAttributes
        | Request::DescribeDbEngineVersions(_)
        | Request::DescribeOrderableDbInstanceOptions(_) => vec![Check {
            resource: "*".to_owned(),
            ..place.check("", "", &[])
        }],
    }
}

const TAG_KEYS: &str = "aws:TagKeys";

/// Where a call goes.
struct Place<'a> {
    rds: &'a Rds,
    region: &'a Region,
    action: String,
}

impl Place<'_> {
    fn creation(&self, family: Family, request: &CreateDbSnapshot) -> Vec<Check> {
        let mut checks = vec![self.check(family.database_kind(), &request.instance, &request.tags)];
        checks.extend(self.tagged(family, &request.snapshot, &request.tags));
        checks
    }

    fn copy(&self, family: Family, request: &CopyDbSnapshot) -> Vec<Check> {
        let mut checks = self.tagged(family, &request.target, &request.tags);
        let mut source = self.check(family.snapshot_kind(), &request.source, &[]);
        if let Some(arn) = RdsArn::parse(&request.source) {
            source.region = arn.region.to_string();
        }
        checks.push(source);
        checks
    }

    /// A new snapshot with these tags: they need a permission of their own.
    fn tagged(&self, family: Family, name: &str, tags: &[(String, String)]) -> Vec<Check> {
        let made = self.check(family.snapshot_kind(), name, tags);
        let tagging = (!tags.is_empty()).then(|| Check {
            action: "rds:AddTagsToResource".to_owned(),
            ..made.clone()
        });
        std::iter::once(made).chain(tagging).collect()
    }

    /// A database that is made or changed, with its snapshot or cluster and the groups that it is to have, whether named or
    /// not.
    fn making(&self, making: Making, request: &DatabaseRequest) -> Vec<Check> {
        let given = &request.parameters;
        let named = |kind, parameter, default| {
            let name = given.text(parameter).unwrap_or(default);
            self.check(kind, name, &[])
        };
        let (kind, mut others) = match making {
            Making::RestoreInstance => {
                let of = request.of.as_deref().unwrap_or_default();
                let others = vec![
                    self.check("snapshot", of, &[]),
                    named("og", "OptionGroupName", "default:any"),
                    named("pg", "DBParameterGroupName", "default.any"),
                    named("subgrp", "DBSubnetGroupName", "default"),
                ];
                ("db", others)
            }
            Making::RestoreCluster => {
                let of = request.of.as_deref().unwrap_or_default();
                let others = vec![
                    self.check("cluster-snapshot", of, &[]),
                    named("cluster-pg", "DBClusterParameterGroupName", "default.any"),
                    named("subgrp", "DBSubnetGroupName", "default"),
                ];
                ("cluster", others)
            }
            Making::CreateMember => {
                let of = request.of.as_deref().unwrap_or_default();
                let others = vec![
                    self.check("cluster", of, &[]),
                    named("pg", "DBParameterGroupName", "default.any"),
                ];
                ("db", others)
            }
            Making::ModifyInstance => ("db", Vec::new()),
            Making::ModifyCluster => ("cluster", Vec::new()),
        };
        let monitoring = given
            .text("MonitoringRoleArn")
            .filter(|role| !role.is_empty());
        others.extend(monitoring.map(|role| self.passed(role, "monitoring.rds.amazonaws.com")));
        let made = self.check(kind, &request.database, &request.tags);
        if !request.tags.is_empty() {
            others.push(Check {
                action: "rds:AddTagsToResource".to_owned(),
                ..made.clone()
            });
        }
        others.insert(0, made);
        others
    }

    /// A role that a service of AWS gets.
    fn passed(&self, role: &str, service: &str) -> Check {
        let mut check = Check {
            action: "iam:PassRole".to_owned(),
            ..self.check("", role, &[])
        };
        check
            .keys
            .insert("iam:PassedToService".to_owned(), service.into());
        check
    }

    /// A listing of snapshots is asked for on what it names, and otherwise on all snapshots and all databases.
    fn snapshots(
        &self,
        family: Family,
        snapshot: Option<&str>,
        database: Option<&str>,
    ) -> Vec<Check> {
        let (snapshots, databases) = (family.snapshot_kind(), family.database_kind());
        let named = [(snapshots, snapshot), (databases, database)];
        let named = named
            .into_iter()
            .filter_map(|(kind, name)| Some((kind, name?)));
        let mut all: Vec<_> = named.collect();
        if all.is_empty() {
            all = vec![(snapshots, "*"), (databases, "*")];
        }
        let check = |(kind, name)| self.check(kind, name, &[]);
        all.into_iter().map(check).collect()
    }

    /// The call's own action on one resource: a name of this kind, or an ARN.
    fn check(&self, kind: &str, name: &str, tags: &[(String, String)]) -> Check {
        let resource = if name.starts_with("arn:") {
            name.to_owned()
        } else {
            let (partition, region) = (self.region.partition(), self.region);
            let account = &self.rds.config().account;
            let name = name.to_ascii_lowercase();
            format!("arn:{partition}:rds:{region}:{account}:{kind}:{name}")
        };
        Check {
            action: self.action.clone(),
            region: self.region.to_string(),
            keys: self.keys(&resource, tags),
            resource,
        }
    }

    fn keys(&self, resource: &str, requested: &[(String, String)]) -> Map<String, Value> {
        let mut keys = Map::new();
        for (key, value) in requested {
            keys.insert(format!("aws:RequestTag/{key}"), value.as_str().into());
            keys.insert(format!("rds:req-tag/{key}"), value.as_str().into());
        }
        if !requested.is_empty() {
            let names: Vec<&str> = requested.iter().map(|(key, _)| key.as_str()).collect();
            keys.insert(TAG_KEYS.to_owned(), names.into());
        }
        let Some(arn) = RdsArn::parse(resource) else {
            return keys;
        };
        for (key, value) in tags_of(self.rds, &arn).into_iter().flat_map(Tags::iter) {
            keys.insert(format!("aws:ResourceTag/{key}"), value.into());
            keys.insert(format!("rds:{}-tag/{key}", arn.kind), value.into());
        }
        keys
    }
}

fn tags_of<'a>(rds: &'a Rds, arn: &RdsArn) -> Option<&'a Tags> {
    let RdsArn { region, name, .. } = arn;
    match arn.kind.as_str() {
        "snapshot" => rds.snapshot(region, name).map(|one| &one.tags),
        "cluster-snapshot" => rds.cluster_snapshot(region, name).map(|one| &one.tags),
        "db" => rds.instance(region, name).map(|one| &one.spec.tags),
        "cluster" => rds.cluster(region, name).map(|one| &one.spec.tags),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::{InstanceSpec, RdsConfig};

    const SOURCE: &str = "arn:aws:rds:eu-west-1:111122223333:snapshot:rds:orders-2026";

    fn rds() -> Rds {
        let mut rds = Rds::new(RdsConfig::default(), 1);
        let mut orders = InstanceSpec::postgres("orders");
        orders.tags = Tags::of_system([("team", "shop")]);
        rds.add_instance(&region("eu-west-1"), orders).unwrap();
        rds
    }

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    fn asked(region_name: &str, request: &Request) -> Vec<(String, String, String)> {
        let checks = checks(&region(region_name), request, &rds());
        let of = |one: Check| (one.action, one.resource, one.region);
        checks.into_iter().map(of).collect()
    }

    fn expected(rows: &[[&str; 3]]) -> Vec<(String, String, String)> {
        let of = |[action, resource, region]: &[&str; 3]| {
            (
                (*action).to_owned(),
                (*resource).to_owned(),
                (*region).to_owned(),
            )
        };
        rows.iter().map(of).collect()
    }

    fn tags() -> Vec<(String, String)> {
        vec![("snapferry:stack".to_owned(), "one".to_owned())]
    }

    #[test]
    fn a_copy_is_asked_for_target_tags_and_source_each_in_its_region() {
        let request = Request::CopyDbSnapshot(CopyDbSnapshot {
            source: SOURCE.to_owned(),
            target: "SF-1".to_owned(),
            tags: tags(),
            ..CopyDbSnapshot::default()
        });
        let target = "arn:aws:rds:eu-central-1:111122223333:snapshot:sf-1";
        let rows = [
            ["rds:CopyDBSnapshot", target, "eu-central-1"],
            ["rds:AddTagsToResource", target, "eu-central-1"],
            ["rds:CopyDBSnapshot", SOURCE, "eu-west-1"],
        ];
        assert_eq!(asked("eu-central-1", &request), expected(&rows));
        let checks = checks(&region("eu-central-1"), &request, &rds());
        assert_eq!(checks[0].keys["aws:RequestTag/snapferry:stack"], "one");
        assert_eq!(
            checks[0].keys[TAG_KEYS],
            serde_json::json!(["snapferry:stack"])
        );
        assert!(checks[2].keys.is_empty(), "{:?}", checks[2].keys);
    }

    #[test]
    fn a_new_snapshot_is_asked_for_with_its_database_and_the_databases_tags() {
        let request = Request::CreateDbSnapshot(CreateDbSnapshot {
            snapshot: "sf-1".to_owned(),
            instance: "orders".to_owned(),
            tags: tags(),
        });
        let checks = checks(&region("eu-west-1"), &request, &rds());
        assert_eq!(checks.len(), 3);
        assert!(checks[0].resource.ends_with(":db:orders"));
        assert_eq!(checks[0].keys["aws:ResourceTag/team"], "shop");
        assert_eq!(checks[0].keys["rds:db-tag/team"], "shop");
        assert_eq!(checks[0].keys["rds:req-tag/snapferry:stack"], "one");
        assert!(!checks[1].keys.contains_key("aws:ResourceTag/team"));
    }

    #[test]
    fn a_restore_is_asked_for_with_its_snapshot_and_every_group_named_or_not() {
        let mut parameters = crate::rds::Parameters::default();
        parameters.add("DBSubnetGroupName", "recovery");
        let request = Request::Make(
            Making::RestoreInstance,
            DatabaseRequest {
                database: "orders".to_owned(),
                of: Some("sf-1".to_owned()),
                tags: tags(),
                parameters,
                ..DatabaseRequest::default()
            },
        );
        let arn = |kind_and_name| format!("arn:aws:rds:eu-west-1:111122223333:{kind_and_name}");
        let resources = [
            ("rds:RestoreDBInstanceFromDBSnapshot", "db:orders"),
            ("rds:RestoreDBInstanceFromDBSnapshot", "snapshot:sf-1"),
            ("rds:RestoreDBInstanceFromDBSnapshot", "og:default:any"),
            ("rds:RestoreDBInstanceFromDBSnapshot", "pg:default.any"),
            ("rds:RestoreDBInstanceFromDBSnapshot", "subgrp:recovery"),
            ("rds:AddTagsToResource", "db:orders"),
        ];
        let rows =
            resources.map(|(action, of)| (action.to_owned(), arn(of), "eu-west-1".to_owned()));
        assert_eq!(asked("eu-west-1", &request), rows);
    }

    #[test]
    fn a_listing_is_asked_for_on_what_it_names_or_on_everything() {
        use crate::rds::DescribeDbSnapshots;
        let named = Request::DescribeDbClusterSnapshots(DescribeDbSnapshots {
            snapshot: Some("sf-1".to_owned()),
            ..DescribeDbSnapshots::default()
        });
        let action = "rds:DescribeDBClusterSnapshots";
        let one = "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:sf-1";
        assert_eq!(
            asked("eu-west-1", &named),
            expected(&[[action, one, "eu-west-1"]])
        );
        let all = Request::DescribeDbClusterSnapshots(DescribeDbSnapshots::default());
        let snapshots = "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:*";
        let clusters = "arn:aws:rds:eu-west-1:111122223333:cluster:*";
        let rows = [
            [action, snapshots, "eu-west-1"],
            [action, clusters, "eu-west-1"],
        ];
        assert_eq!(asked("eu-west-1", &all), expected(&rows));
        let quotas = asked("eu-west-1", &Request::DescribeAccountAttributes);
        let row = ["rds:DescribeAccountAttributes", "*", "eu-west-1"];
        assert_eq!(quotas, expected(&[row]));
    }
}
