//! The restore plan: which calls bring a database back, in which order, and where each of their parameters comes from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::configuration::{Configuration, ConfigurationHash};
use super::decide::{Decision, Known, Origin};
use super::gap::{Gap, GapKind};
use super::mapping::RestoreMapping;
use super::recovery_point::RecoveryPoint;
use super::restored_tags::restored_tags;
use super::setting::Setting;
pub use super::step::{Sent, Step, StepKind};
use super::taken::{How, Part};
use super::value::{Settings, Value};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::tags::{StackId, Tags};
use crate::domain::run::failure::Operation;

/// What is to be restored.
#[derive(Debug, Clone, Copy)]
pub struct ToRestore<'a> {
    /// The stack.
    pub stack: &'a StackId,
    /// The recovery point.
    pub point: &'a RecoveryPoint,
    /// The configuration that it names, if the catalog has it.
    pub configuration: Option<(&'a ConfigurationHash, &'a Configuration)>,
    /// Which names of the recovery region stand for which.
    pub mapping: &'a RestoreMapping,
}

/// How it is to be restored.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Its identifier in the recovery region. Without one it is called as before.
    pub name: Option<String>,
    /// Gaps that a person accepts.
    pub accepted: BTreeSet<GapKind>,
    /// Whether it may run before its backups are on.
    pub is_fast: bool,
    /// Whether the recovery region is not asked beforehand whether it can go.
    pub skips_preflight: bool,
}

/// A setting of the restored database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The member that it belongs to, if it is one.
    pub member: Option<String>,
    /// The setting.
    pub setting: Setting,
    /// Its value. Nothing if RDS chooses one.
    pub value: Option<Value>,
    /// Where it comes from.
    pub origin: Origin,
    /// The step that sends it, if one does.
    pub sent_by: Option<StepKind>,
}

/// The plan for one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePlan {
    /// The database, as it was.
    pub database: RdsArn,
    /// The recovery point.
    pub point: RdsArn,
    /// When its data was taken.
    pub taken_at: Option<Timestamp>,
    /// The configuration, if the catalog has it.
    pub configuration: Option<ConfigurationHash>,
    /// Its identifier in the recovery region.
    pub name: String,
    /// The name that clients connected to.
    pub old_endpoint: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// The members that are made, in order, each with its tags.
    pub members: Vec<(String, Tags)>,
    /// The calls, in order.
    pub steps: Vec<Step>,
    /// Every setting with where it comes from.
    pub lines: Vec<Line>,
    /// What cannot be brought back as it was.
    pub gaps: Vec<Gap>,
    /// At which step it counts as running. Those after it are made while it is in use.
    pub runs_after: usize,
}

impl RestorePlan {
    /// Whether a gap stops it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.gaps.iter().any(Gap::stops)
    }

    /// The settings of one part: of the database itself, or of a member.
    pub fn lines_of(&self, member: Option<&str>) -> impl Iterator<Item = &Line> {
        let is_of = move |line: &&Line| line.member.as_deref() == member;
        self.lines.iter().filter(is_of)
    }
}

/// Plans a restore.
#[must_use]
pub fn plan(of: ToRestore<'_>, options: &RestoreOptions) -> RestorePlan {
    let origin = &of.point.origin;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => origin.database.arn.name().to_owned(),
    };
    let mut planner = Planner {
        of,
        options,
        name: name.clone(),
        members: Vec::new(),
        lines: Vec::new(),
        gaps: Vec::new(),
    };
    let own_tags = match of.configuration {
        Some((_, configuration)) => &configuration.tags,
        None => &of.point.snapshot.tags,
    };
    let tags = restored_tags(of.stack, own_tags);
    let (steps, runs_after) = planner.steps(&tags);
    RestorePlan {
        database: origin.database.arn.clone(),
        point: of.point.snapshot.arn.clone(),
        taken_at: of.point.taken_at,
        configuration: of.configuration.map(|(hash, _)| hash.clone()),
        name,
        old_endpoint: of.configuration.and_then(|(_, configuration)| {
            let endpoint = configuration.settings.get(&Setting::Endpoint)?;
            endpoint.as_text().map(ToOwned::to_owned)
        }),
        tags,
        members: planner.members,
        steps,
        lines: planner.lines,
        gaps: planner.gaps,
        runs_after,
    }
}

/// The parameters of the calls that a part's settings need.
#[derive(Default)]
struct Parameters {
    make: BTreeMap<String, Sent>,
    modify: BTreeMap<String, Sent>,
    backups: BTreeMap<String, Sent>,
    own: Vec<(Operation, Value)>,
}

struct Planner<'a> {
    of: ToRestore<'a>,
    options: &'a RestoreOptions,
    name: String,
    members: Vec<(String, Tags)>,
    lines: Vec<Line>,
    gaps: Vec<Gap>,
}

fn by_rule(value: Value, why: &'static str) -> Sent {
    Sent {
        value,
        origin: Origin::Rule(why),
    }
}

const RUNS: &str = "until it is available";
const CHANGED: &str = "until it is available and no change is pending";

impl Planner<'_> {
    fn gap(&mut self, kind: GapKind, member: Option<&str>, what: String) {
        self.gaps.push(Gap {
            kind,
            member: member.map(ToOwned::to_owned),
            what,
            is_accepted: self.options.accepted.contains(&kind),
        });
    }

    fn steps(&mut self, tags: &Tags) -> (Vec<Step>, usize) {
        let none = Settings::new();
        if self.of.configuration.is_none() {
            let what = "the catalog has no configuration for this recovery point: everything that the snapshot does not \
                        carry would be RDS's default"
                .to_owned();
            self.gap(GapKind::Configuration, None, what);
        }
        let settings = match self.of.configuration {
            Some((_, configuration)) => &configuration.settings,
            None => &none,
        };
        let part = Part::from(self.of.point.origin.database.arn.family());
        let mut parameters = self.parameters(part, None, settings);
        let mut steps = vec![self.restore(part, tags, &mut parameters)];
        steps.extend(self.members(tags));
        let is_changed = !parameters.modify.is_empty();
        if is_changed {
            steps.push(self.change(part, StepKind::Settings, parameters.modify));
        }
        if part == Part::Instance && self.has_own_parameters() {
            let name = Value::text(&self.name);
            let named = by_rule(name, "only if a parameter group waits for a restart");
            steps.push(Step {
                kind: StepKind::Reboot,
                action: Operation::RebootDbInstance,
                parameters: [("DBInstanceIdentifier".to_owned(), named)].into(),
                then: RUNS,
            });
        }
        let backups = match parameters.backups.is_empty() {
            true => None,
            false => Some(self.change(part, StepKind::Backups, parameters.backups)),
        };
        let own = parameters.own.iter();
        let own: Vec<Step> = own
            .flat_map(|(action, value)| self.own_calls(part, *action, value))
            .collect();
        // Backups come last: once they are on, RDS makes a full one for hours and refuses every other change.
        steps.extend(own);
        let runs_early = steps.len();
        steps.extend(backups);
        let runs_after = match self.options.is_fast {
            true => runs_early,
            false => steps.len(),
        };
        (steps, runs_after)
    }

    fn has_own_parameters(&self) -> bool {
        self.lines
            .iter()
            .any(|line| line.setting == Setting::DbParameterGroupName && line.sent_by.is_some())
    }

    /// Decides about every setting of a part.
    fn parameters(&mut self, part: Part, member: Option<&str>, settings: &Settings) -> Parameters {
        let known = Known {
            part,
            settings,
            snapshot: &self.of.point.snapshot,
            mapping: self.of.mapping,
        };
        let makes = member.map_or(StepKind::Restore, |name| StepKind::Member(name.to_owned()));
        let mut parameters = Parameters::default();
        for setting in Setting::ALL.iter().copied() {
            let (value, origin, sent_by) = match known.decide(setting) {
                Decision::Nothing => continue,
                Decision::Leave { value, origin } => (value, origin, None),
                Decision::Gap {
                    kind,
                    what,
                    default,
                } => {
                    self.gap(kind, member, what);
                    (None, Origin::RdsDefault(default), None)
                }
                Decision::Send { how, value, origin } => {
                    let sent = Sent {
                        value: value.clone(),
                        origin: origin.clone(),
                    };
                    let sent_by = match how {
                        How::Make(parameter) => {
                            parameters.make.insert(parameter.to_owned(), sent);
                            Some(makes.clone())
                        }
                        How::Modify(parameter) => {
                            parameters.modify.insert(parameter.to_owned(), sent);
                            Some(StepKind::Settings)
                        }
                        How::Backups(parameter) => {
                            parameters.backups.insert(parameter.to_owned(), sent);
                            Some(StepKind::Backups)
                        }
                        How::Own(action) => {
                            parameters.own.push((action, value.clone()));
                            Some(match setting {
                                Setting::HttpEndpointEnabled => StepKind::DataApi,
                                _ => StepKind::Role,
                            })
                        }
                        How::Fixed | How::Shown => None,
                    };
                    (Some(value), origin, sent_by)
                }
            };
            self.lines.push(Line {
                member: member.map(ToOwned::to_owned),
                setting,
                value,
                origin,
                sent_by,
            });
        }
        parameters
    }

    fn restore(&self, part: Part, tags: &Tags, parameters: &mut Parameters) -> Step {
        let mut sent = std::mem::take(&mut parameters.make);
        let snapshot = Value::text(self.of.point.snapshot.arn.name());
        let snapshot = Sent {
            value: snapshot,
            origin: Origin::Snapshot,
        };
        let (action, id, of) = match part {
            Part::Instance | Part::Member => (
                Operation::RestoreDbInstanceFromDbSnapshot,
                "DBInstanceIdentifier",
                "DBSnapshotIdentifier",
            ),
            Part::Cluster => (
                Operation::RestoreDbClusterFromSnapshot,
                "DBClusterIdentifier",
                "SnapshotIdentifier",
            ),
        };
        sent.insert(of.to_owned(), snapshot);
        sent.insert(id.to_owned(), by_rule(Value::text(&self.name), "its name"));
        if part == Part::Instance {
            let off = by_rule(
                Value::Number(0),
                "off for now: with backups RDS first makes a full one, which takes hours",
            );
            sent.insert("BackupRetentionPeriod".to_owned(), off);
            // A retention of 0 is what it has by now.
            let retention = parameters.backups.get("BackupRetentionPeriod");
            if retention.is_none_or(|sent| sent.value == Value::Number(0)) {
                parameters.backups.clear();
            }
        }
        sent.insert("Tags".to_owned(), tags_sent(tags));
        Step {
            kind: StepKind::Restore,
            action,
            parameters: sent,
            then: RUNS,
        }
    }

    fn members(&mut self, tags: &Tags) -> Vec<Step> {
        let Some((_, configuration)) = self.of.configuration else {
            return Vec::new();
        };
        let cluster = configuration.database.name();
        let mut steps = Vec::new();
        for (number, (name, member)) in configuration.members_in_order().into_iter().enumerate() {
            if !member.is_known() {
                let what = format!("the class of member {name} is not known");
                self.gap(GapKind::Members, Some(name), what);
                continue;
            }
            let here = self.member_name(cluster, name, number);
            let mut parameters = self
                .parameters(Part::Member, Some(&here), &member.settings)
                .make;
            let own = restored_tags(self.of.stack, &member.tags);
            let own = if member.tags.is_empty() { tags } else { &own };
            let of = by_rule(Value::text(&self.name), "its cluster");
            parameters.insert("DBClusterIdentifier".to_owned(), of);
            let id = by_rule(Value::text(&here), "its name");
            parameters.insert("DBInstanceIdentifier".to_owned(), id);
            parameters.insert("Tags".to_owned(), tags_sent(own));
            self.members.push((here.clone(), own.clone()));
            steps.push(Step {
                kind: StepKind::Member(here),
                action: Operation::CreateDbInstance,
                parameters,
                then: RUNS,
            });
        }
        steps
    }

    /// What a member is called: as before, or after the cluster's new name.
    fn member_name(&self, cluster: &str, member: &str, number: usize) -> String {
        if self.name == cluster {
            return member.to_owned();
        }
        match member.strip_prefix(cluster) {
            Some(rest) if !rest.is_empty() => format!("{}{rest}", self.name),
            _ => format!("{}-{}", self.name, number + 1),
        }
    }

    fn change(&self, part: Part, kind: StepKind, mut parameters: BTreeMap<String, Sent>) -> Step {
        let (action, id) = match part {
            Part::Instance | Part::Member => (Operation::ModifyDbInstance, "DBInstanceIdentifier"),
            Part::Cluster => (Operation::ModifyDbCluster, "DBClusterIdentifier"),
        };
        parameters.insert(id.to_owned(), by_rule(Value::text(&self.name), "its name"));
        let at_once = by_rule(Value::Flag(true), "not in the next maintenance window");
        parameters.insert("ApplyImmediately".to_owned(), at_once);
        Step {
            kind,
            action,
            parameters,
            then: CHANGED,
        }
    }

    fn own_calls(&self, part: Part, action: Operation, value: &Value) -> Vec<Step> {
        let named = || by_rule(Value::text(&self.name), "its name");
        let id = match part {
            Part::Instance | Part::Member => "DBInstanceIdentifier",
            Part::Cluster => "DBClusterIdentifier",
        };
        let Value::Records(roles) = value else {
            let point = &self.of.point.snapshot.arn;
            let (partition, region, account) = (point.partition(), point.region(), point.account());
            // RDS takes no name here.
            let arn = format!(
                "arn:{partition}:rds:{region}:{account}:cluster:{}",
                self.name
            );
            return vec![Step {
                kind: StepKind::DataApi,
                action,
                parameters: [(
                    "ResourceArn".to_owned(),
                    by_rule(Value::text(&arn), "its ARN"),
                )]
                .into(),
                then: RUNS,
            }];
        };
        let role = |role: &BTreeMap<String, String>| {
            let parts = role.iter().map(|(name, value)| {
                let sent = Sent {
                    value: Value::text(value),
                    origin: Origin::Catalog,
                };
                (name.clone(), sent)
            });
            Step {
                kind: StepKind::Role,
                action,
                parameters: parts.chain([(id.to_owned(), named())]).collect(),
                then: "until the role is active",
            }
        };
        roles.iter().map(role).collect()
    }
}

fn tags_sent(tags: &Tags) -> Sent {
    let tag = |(key, value): (&String, &String)| {
        BTreeMap::from([
            ("Key".to_owned(), key.clone()),
            ("Value".to_owned(), value.clone()),
        ])
    };
    by_rule(
        Value::records(tags.iter().map(tag)),
        "always sent, or RDS gives it the copy's own",
    )
}
