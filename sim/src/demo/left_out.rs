//! The databases that Snapferry must leave alone: one of each kind, with the reason that `snapferry plan` has to give.

use serde::Serialize;
use serde_json::Value;

use super::fleet::{ACCOUNT, Database, SOURCE_KEYS, SOURCES, region, tags};
use super::policies::STANDARD;
use crate::rds::{
    ClusterSpec, Family, InstanceSpec, InstanceStatus, OptionGroup, Rds, RdsFault, Tags,
};

/// Why a database gets no recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A tag, or a missing one, leaves it out, or it is protected elsewhere.
    Excluded,
    /// RDS can never make the promised copy.
    Refused,
    /// RDS takes no snapshot of it in its current status.
    NotNow,
    /// RDS has refused its copy permanently. Snapferry has tried once, and remembers.
    #[serde(rename = "tried")]
    TriedOnce,
}

impl Kind {
    /// The word for it in `snapferry plan --json`.
    fn word(self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::Refused => "refused",
            Self::NotNow => "not_now",
            Self::TriedOnce => "tried",
        }
    }
}

/// A database that must get no recovery point.
#[derive(Debug, Clone)]
pub(super) struct LeftAlone {
    /// Its ARN.
    pub(super) arn: String,
    /// Why, in one word.
    pub(super) kind: Kind,
    /// The name of the reason in `snapferry plan --json`.
    code: &'static str,
    /// What it is, for people.
    pub(super) what: &'static str,
}

/// One of them in the demo's JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOutFigure {
    /// Its ARN.
    pub database: String,
    /// Why, in one word.
    pub kind: Kind,
    /// Why, in a sentence.
    pub reason: String,
}

impl From<&LeftAlone> for LeftOutFigure {
    /// The reason is what the database is, until `snapferry plan` is asked.
    fn from(one: &LeftAlone) -> Self {
        Self {
            database: one.arn.clone(),
            kind: one.kind,
            reason: one.what.to_owned(),
        }
    }
}

/// Adds one of each kind.
///
/// # Errors
/// When the model refuses one, which is a fault of the demo.
pub(super) fn add(rds: &mut Rds) -> Result<Vec<LeftAlone>, RdsFault> {
    let mut all = Vec::new();
    for place in SOURCES {
        rds.add_option_group(&region(place), OptionGroup::with_tde(WITH_TDE));
    }
    for one in instances() {
        let status = one.status;
        let name = one.spec.identifier.clone();
        let place = region(SOURCES[one.place]);
        rds.add_instance(&place, one.spec)?;
        rds.change_instance(&place, &name, |instance| instance.status = status);
        all.push(left_out(one.place, Family::Instance, &name, one.why));
    }
    for (place, spec, why) in clusters() {
        let name = spec.identifier.clone();
        rds.add_cluster(&region(SOURCES[place]), spec)?;
        all.push(left_out(place, Family::Cluster, &name, why));
    }
    all.extend(add_members(rds));
    Ok(all)
}

/// The kind, the reason's name, and what it is.
type Why = (Kind, &'static str, &'static str);

fn left_out(place: usize, family: Family, name: &str, (kind, code, what): Why) -> LeftAlone {
    let word = family.database_kind();
    LeftAlone {
        arn: format!("arn:aws:rds:{}:{ACCOUNT}:{word}:{name}", SOURCES[place]),
        kind,
        code,
        what,
    }
}

struct Instance {
    place: usize,
    spec: InstanceSpec,
    status: InstanceStatus,
    why: Why,
}

impl Instance {
    /// An instance that the standard policy selects.
    fn selected(place: usize, name: &str, why: Why) -> Self {
        Self {
            place,
            spec: InstanceSpec {
                kms_key: Some(SOURCE_KEYS[place].to_owned()),
                tags: tags(&STANDARD),
                ..InstanceSpec::postgres(name)
            },
            status: InstanceStatus::Available,
            why,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut InstanceSpec)) -> Self {
        change(&mut self.spec);
        self
    }

    fn not_now(place: usize, name: &str, status: InstanceStatus, what: &'static str) -> Self {
        Self {
            status,
            ..Self::selected(place, name, (Kind::NotNow, "not-now", what))
        }
    }
}

fn instances() -> Vec<Instance> {
    use InstanceStatus as Status;
    use Kind::{Excluded, Refused};
    vec![
        Instance::selected(
            0,
            "sandbox",
            (
                Excluded,
                "excluded-by-tag",
                "an instance tagged snapferry:exclude",
            ),
        )
        .change(|spec| {
            spec.tags = Tags::of_system([
                ("snapferry:policy", STANDARD.name),
                ("snapferry:exclude", "true"),
            ]);
        }),
        Instance::selected(
            0,
            SCRATCH,
            (Excluded, "not-tagged", "an instance without a policy's tag"),
        )
        .change(|spec| {
            spec.tags = Tags::default();
            // Other people copy its snapshot without naming a key.
            spec.kms_key = None;
        }),
        Instance::selected(
            1,
            "typo",
            (
                Excluded,
                "unknown-policy",
                "an instance whose tag names no policy",
            ),
        )
        .change(|spec| spec.tags = Tags::of_system([("snapferry:policy", "defualt")])),
        Instance::selected(
            0,
            "support-replica",
            (
                Excluded,
                "replica",
                "a read replica without a tag of its own",
            ),
        )
        .change(|spec| {
            spec.tags = Tags::default();
            spec.replica_of = Some("support".to_owned());
        }),
        Instance::selected(
            0,
            "billing-replica",
            (Refused, "sqlserver-replica", "a read replica of SQL Server"),
        )
        .change(|spec| {
            "sqlserver-ee".clone_into(&mut spec.engine);
            "16.00.4215.2.v1".clone_into(&mut spec.engine_version);
            "default:sqlserver-ee-16-00".clone_into(&mut spec.option_group);
            spec.replica_of = Some("billing".to_owned());
        }),
        Instance::selected(
            1,
            "vault",
            (
                Refused,
                "tde-unmapped",
                "an instance with TDE, whose policy maps its option group to none",
            ),
        )
        .change(|spec| {
            "sqlserver-ee".clone_into(&mut spec.engine);
            "16.00.4215.2.v1".clone_into(&mut spec.engine_version);
            WITH_TDE.clone_into(&mut spec.option_group);
        }),
        Instance::selected(
            1,
            "legacy",
            (
                Refused,
                "custom-oracle",
                "an instance of RDS Custom for Oracle",
            ),
        )
        .change(|spec| {
            "custom-oracle-ee".clone_into(&mut spec.engine);
            "19.custom".clone_into(&mut spec.engine_version);
            "default:custom-oracle-ee-19".clone_into(&mut spec.option_group);
        }),
        Instance::selected(
            1,
            "factory",
            (
                Refused,
                "backup-target",
                "an instance whose backups stay on an outpost",
            ),
        )
        .change(|spec| "outposts".clone_into(&mut spec.backup_target)),
        Instance::not_now(0, "archive", Status::Stopped, "a stopped instance"),
        Instance::not_now(
            1,
            "newborn",
            Status::Creating,
            "an instance that is being made",
        ),
        Instance::not_now(1, "broken", Status::Failed, "an instance that failed"),
        Instance::not_now(
            0,
            "misfit",
            Status::IncompatibleParameters,
            "an instance whose parameters do not fit",
        ),
        Instance::not_now(
            1,
            "locked",
            Status::InaccessibleEncryptionCredentialsRecoverable,
            "an instance whose key cannot be reached",
        ),
    ]
}

/// The option group that the policies do not map.
const WITH_TDE: &str = "sqlserver-tde";

/// An instance without a tag. The fleet has a snapshot that a person took of it.
pub(super) const SCRATCH: &str = "scratch";
/// A cluster that carries no tag, though one of its members does.
const WEB: &str = "web";

fn clusters() -> Vec<(usize, ClusterSpec, Why)> {
    use Kind::{Excluded, Refused};
    let key = Some(SOURCE_KEYS[0].to_owned());
    let multi_az = ClusterSpec {
        kms_key: key.clone(),
        tags: tags(&STANDARD),
        ..ClusterSpec::multi_az("reporting")
    };
    let secondary = ClusterSpec {
        kms_key: key,
        global_cluster: Some("planet".to_owned()),
        replication_source: Some(format!("arn:aws:rds:us-east-1:{ACCOUNT}:cluster:world")),
        ..ClusterSpec::aurora("world")
    };
    vec![
        (
            0,
            multi_az,
            (Refused, "multi-az-cluster", "a Multi-AZ DB cluster"),
        ),
        (
            0,
            secondary,
            (
                Excluded,
                "global-secondary",
                "a secondary cluster of a global database",
            ),
        ),
        (
            1,
            ClusterSpec::docdb("papers"),
            (Excluded, "other-engine", "a cluster of Amazon DocumentDB"),
        ),
        (
            0,
            ClusterSpec::neptune("graph"),
            (Excluded, "other-engine", "a cluster of Amazon Neptune"),
        ),
        (
            1,
            ClusterSpec::aurora(WEB),
            (Excluded, "not-tagged", "an Aurora cluster without a tag"),
        ),
    ]
}

/// The members of the clusters above. One carries the tag that only its cluster's own counts for. The members of
/// protected clusters are protected through them.
fn add_members(rds: &mut Rds) -> Vec<LeftAlone> {
    let mut all = Vec::new();
    for (place, spec, _) in clusters() {
        for (n, member) in spec.members.iter().enumerate() {
            let is_tagged = spec.identifier == WEB && n == 0;
            let why = if is_tagged {
                let tags = tags(&STANDARD);
                rds.change_instance(&region(SOURCES[place]), member, |one| one.spec.tags = tags);
                (
                    Kind::Excluded,
                    "tagged-member",
                    "a tagged member of a cluster without a tag",
                )
            } else {
                (Kind::Excluded, "cluster-member", "a member of a cluster")
            };
            all.push(left_out(place, Family::Instance, member, why));
        }
    }
    all
}

/// What `snapferry plan --json` says of them: each with the reason that it gives, and every contradiction in a sentence.
#[must_use]
pub(super) fn judge(
    plan: &Value,
    left_out: &[LeftAlone],
    protected: &[Database],
) -> (Vec<LeftOutFigure>, Vec<String>) {
    let rows = plan.get("databases").and_then(Value::as_array);
    let rows: Vec<&Value> = rows.into_iter().flatten().collect();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let row_of = |arn: &str| rows.iter().find(|row| row["database"] == arn).copied();
    let (mut figures, mut wrong) = (Vec::new(), Vec::new());
    for one in left_out {
        let mut figure = LeftOutFigure::from(one);
        let row = row_of(&one.arn).unwrap_or(&Value::Null);
        let said = (
            text(row, "plan"),
            text(row, "reason_code"),
            text(row, "reason"),
        );
        if said.0 != one.kind.word() || said.1 != one.code || said.2.is_empty() {
            let (word, code) = (one.kind.word(), one.code);
            wrong.push(format!(
                "snapferry plan says {said:?} of {}, which is {word} because it is {} ({code})",
                one.arn, one.what
            ));
        }
        figure.reason = said.2;
        figures.push(figure);
    }
    for one in protected {
        let said = row_of(&one.arn()).map(|row| text(row, "plan"));
        if said.as_deref() != Some("selected") {
            let label = one.label();
            wrong.push(format!(
                "snapferry plan says {said:?} of {label}, which is selected"
            ));
        }
    }
    for row in rows {
        let arn = text(row, "database");
        let is_known = left_out.iter().any(|one| one.arn == arn)
            || protected.iter().any(|one| one.arn() == arn)
            || row["reason_code"] == "cluster-member";
        if !is_known {
            wrong.push(format!(
                "snapferry plan names {arn}, which the fleet does not know"
            ));
        }
    }
    (figures, wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fleet::{Fleet, draw};
    use super::*;

    fn fleet() -> Fleet {
        let now = "2026-01-02T03:00:00Z".parse().unwrap();
        draw(12, 1, now).unwrap()
    }

    /// The plan that contradicts nothing.
    fn plan(fleet: &Fleet) -> Value {
        let left_out = fleet.left_out.iter().map(|one| {
            json!({
                "database": one.arn, "plan": one.kind.word(), "reason_code": one.code,
                "reason": format!("because it is {}", one.what),
            })
        });
        let selected = fleet.databases.iter();
        let selected = selected.map(|one| json!({ "database": one.arn(), "plan": "selected" }));
        json!({ "databases": left_out.chain(selected).collect::<Vec<_>>() })
    }

    #[test]
    fn the_fleet_has_one_of_each_reason_that_a_plan_can_give_in_one_partition() {
        let fleet = fleet();
        let codes: std::collections::BTreeSet<&str> =
            fleet.left_out.iter().map(|one| one.code).collect();
        let all = [
            "backup-target",
            "cluster-member",
            "custom-oracle",
            "excluded-by-tag",
            "global-secondary",
            "multi-az-cluster",
            "not-now",
            "not-tagged",
            "other-engine",
            "replica",
            "sqlserver-replica",
            "tagged-member",
            "tde-unmapped",
            "unknown-policy",
        ];
        assert_eq!(Vec::from_iter(codes), all);
    }

    #[test]
    fn a_plan_that_agrees_gives_the_reasons_and_each_contradiction_is_named() {
        let fleet = fleet();
        let right = plan(&fleet);
        let (figures, wrong) = judge(&right, &fleet.left_out, &fleet.databases);
        assert_eq!(wrong, [""; 0]);
        assert_eq!(figures.len(), fleet.left_out.len());
        assert!(
            figures
                .iter()
                .all(|one| one.reason.starts_with("because it is "))
        );
        type Change = fn(&mut Value);
        let changes: [(Change, &str); 5] = [
            (|row| row["plan"] = "selected".into(), "which is excluded"),
            (
                |row| row["reason_code"] = "not-tagged".into(),
                "(excluded-by-tag)",
            ),
            (|row| row["reason"] = Value::Null, "which is excluded"),
            (
                |row| row["database"] = "arn:other".into(),
                "the fleet does not know",
            ),
            (|row| *row = Value::Null, "which is excluded"),
        ];
        for (change, named) in changes {
            let mut plan = right.clone();
            change(&mut plan["databases"][0]);
            let (_, wrong) = judge(&plan, &fleet.left_out, &fleet.databases);
            assert!(
                wrong.iter().any(|one| one.contains(named)),
                "{named}: {wrong:?}"
            );
        }
        let mut plan = right;
        let rows = plan["databases"].as_array_mut().unwrap();
        rows.pop();
        let (_, wrong) = judge(&plan, &fleet.left_out, &fleet.databases);
        assert!(
            wrong.len() == 1 && wrong[0].ends_with("which is selected"),
            "{wrong:?}"
        );
    }
}
