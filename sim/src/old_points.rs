//! Recovery points that were made before the world began, as Snapferry would have made them.

use jiff::Timestamp;
use snapferry::domain::id::arn::{KeyArn, RdsArn, Region as HomeRegion};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{Attempt, ResourceId, SnapshotId};
use snapferry::domain::id::tags::{self, PolicyName, StackId};
use snapferry::domain::run::command::{Automated, ProtectionRequest, RunOptions};
use snapferry::domain::run::naming;

use crate::rds::{Family, PlantedSnapshot, SnapshotType, SourceInstance, Stage, Tags};

/// What an old recovery point is of.
#[derive(Clone, Debug)]
pub struct OldPoint<'a> {
    /// The stack that made it.
    pub stack: &'a str,
    /// The database's ARN.
    pub database: &'a str,
    /// The policy that asked for it.
    pub policy: &'a str,
    /// Its key.
    pub key: &'a str,
    /// The planned time of its run.
    pub planned_at: Timestamp,
    /// When its data was taken.
    pub taken_at: Timestamp,
    /// What it keeps of its database.
    pub instance: SourceInstance,
    /// The automated snapshot that it is a copy of, if the run took none itself.
    pub automated: Option<String>,
}

impl OldPoint<'_> {
    /// The snapshot in the recovery region, with the name and the tags that Snapferry gives. `None` if a part of it
    /// is not of the form that AWS gives it.
    #[must_use]
    pub fn copy(&self, home: &HomeRegion) -> Option<PlantedSnapshot> {
        let stack = StackId::parse(self.stack).ok()?;
        let database = RdsArn::parse(self.database).ok()?;
        let automated = self.automated.as_deref().map(RdsArn::parse).transpose();
        let automated = automated.ok()?.map(|snapshot| Automated {
            snapshot,
            expires_at: None,
        });
        let run = ProtectionRequest {
            database: DatabaseRef {
                arn: database.clone(),
                resource_id: ResourceId::parse(&self.instance.resource_id).ok()?,
            },
            policy: PolicyName::parse(self.policy).ok()?,
            planned_at: self.planned_at,
            key: KeyArn::parse(self.key).ok()?,
            options: RunOptions {
                automated,
                ..RunOptions::default()
            },
        };
        let source = match &run.options.automated {
            Some(of) => of.snapshot.clone(),
            None => {
                let id = naming::source_snapshot(&stack, &run, Attempt::FIRST);
                database.sibling_snapshot(database.region(), &id)
            }
        };
        let id = naming::copy(&stack, &run, &SnapshotId::of(&source), Attempt::FIRST);
        let copy = database.sibling_snapshot(home, &id);
        let execution = naming::execution(&stack, &run, Attempt::FIRST);
        let taken_at = self.taken_at.to_string();
        Some(PlantedSnapshot {
            family: match database.family() {
                snapferry::domain::id::arn::Family::Instance => Family::Instance,
                snapferry::domain::id::arn::Family::Cluster => Family::Cluster,
            },
            name: copy.name().to_owned(),
            kind: SnapshotType::Manual,
            instance: self.instance.clone(),
            kms_key: Some(self.key.to_owned()),
            aws_owned_key: false,
            tags: Tags::of_system([
                (tags::STACK, self.stack),
                (tags::DATABASE, self.database),
                (tags::RESOURCE_ID, &self.instance.resource_id),
                (tags::POLICY, self.policy),
                (tags::RUN, execution.as_str()),
                (tags::SOURCE, &source.to_string()),
                (tags::TAKEN_AT, &taken_at),
            ]),
            taken_at: self.taken_at,
            made_at: self.taken_at,
            copied_from: Some(source.to_string()),
            shared_with: Default::default(),
            stage: Stage::Available,
        })
    }
}
