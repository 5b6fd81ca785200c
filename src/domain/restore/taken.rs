//! How a restore takes a setting.

use crate::domain::id::arn::Family;
use crate::domain::run::failure::Operation;

/// What a setting belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// An instance of its own.
    Instance,
    /// A cluster.
    Cluster,
    /// A member of a cluster.
    Member,
}

impl From<Family> for Part {
    fn from(family: Family) -> Self {
        match family {
            Family::Instance => Self::Instance,
            Family::Cluster => Self::Cluster,
        }
    }
}

/// Things whose names hold in one region only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// A subnet group.
    SubnetGroup,
    /// A security group.
    SecurityGroup,
    /// A parameter group, of an instance or of a cluster.
    ParameterGroup,
    /// An option group.
    OptionGroup,
    /// A key.
    Key,
    /// A class: the name is the same everywhere, but not every region has it.
    Class,
}

/// How a restore takes a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As this parameter of the call that makes the database: `Restore…`, or `CreateDBInstance` for a member.
    Make(&'static str),
    /// As this parameter of a `ModifyDB…` call afterwards.
    Modify(&'static str),
    /// As this parameter of the call that turns backups on, which is the last change.
    Backups(&'static str),
    /// By this call of its own.
    Own(Operation),
    /// It is inside the snapshot, and no call changes it.
    Fixed,
    /// It is stored to be looked at, and never carried over.
    Shown,
}

/// What RDS does if a call leaves a setting out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omitted {
    /// It takes the snapshot's value.
    Snapshot,
    /// It does this.
    Default(&'static str),
}

/// One setting of one kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// How a restore takes it.
    pub how: How,
    /// What its value names, if that holds in one region only.
    pub names: Option<NameKind>,
    /// What RDS does if it is left out.
    pub omitted: Omitted,
    /// Its property of the CloudFormation resource.
    pub cloudformation: Option<&'static str>,
    /// Its argument of the Terraform resource.
    pub terraform: Option<&'static str>,
}

const fn name(text: &'static str) -> Option<&'static str> {
    if text.is_empty() { None } else { Some(text) }
}

const fn taken(
    how: How,
    omitted: Omitted,
    cloudformation: &'static str,
    terraform: &'static str,
) -> Option<Taken> {
    Some(Taken {
        how,
        names: None,
        omitted,
        cloudformation: name(cloudformation),
        terraform: name(terraform),
    })
}

pub(super) const NO: Option<Taken> = None;

pub(super) const fn make(
    parameter: &'static str,
    omitted: Omitted,
    cloudformation: &'static str,
    terraform: &'static str,
) -> Option<Taken> {
    taken(How::Make(parameter), omitted, cloudformation, terraform)
}

pub(super) const fn modify(
    parameter: &'static str,
    omitted: &'static str,
    cloudformation: &'static str,
    terraform: &'static str,
) -> Option<Taken> {
    let omitted = Omitted::Default(omitted);
    taken(How::Modify(parameter), omitted, cloudformation, terraform)
}

pub(super) const fn backups(
    parameter: &'static str,
    omitted: Omitted,
    cloudformation: &'static str,
    terraform: &'static str,
) -> Option<Taken> {
    taken(How::Backups(parameter), omitted, cloudformation, terraform)
}

pub(super) const fn own(
    action: Operation,
    omitted: &'static str,
    cloudformation: &'static str,
    terraform: &'static str,
) -> Option<Taken> {
    let omitted = Omitted::Default(omitted);
    taken(How::Own(action), omitted, cloudformation, terraform)
}

pub(super) const fn fixed(cloudformation: &'static str, terraform: &'static str) -> Option<Taken> {
    taken(How::Fixed, Omitted::Snapshot, cloudformation, terraform)
}

pub(super) const fn shown(omitted: &'static str) -> Option<Taken> {
    taken(How::Shown, Omitted::Default(omitted), "", "")
}

/// The same setting, whose value names something of one region.
pub(super) const fn mapped(names: NameKind, of: Option<Taken>) -> Option<Taken> {
    match of {
        Some(taken) => Some(Taken {
            names: Some(names),
            ..taken
        }),
        None => None,
    }
}
