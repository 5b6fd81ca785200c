//! What a deployment would change.

use std::collections::BTreeMap;

use crate::domain::deploy::changes::ResourceChange;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::names::{Account, Bucket, StackName};
use crate::domain::deploy::outgrown::Raised;
use crate::domain::deploy::package::Templates;
use crate::domain::deploy::part::Part;
use crate::domain::deploy::request::{Architecture, DeployRequest};
use crate::domain::deploy::stack::StackFacts;
use crate::domain::id::arn::Region;

/// What CloudFormation says of a stack and its template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// The change set of this ARN makes the stack.
    Makes(String, Vec<ResourceChange>),
    /// The change set of this ARN changes it.
    Changes(String, Vec<ResourceChange>),
    /// Nothing would change.
    Same,
}

impl Compared {
    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[ResourceChange] {
        match self {
            Self::Makes(_, changes) | Self::Changes(_, changes) => changes,
            Self::Same => &[],
        }
    }
}

/// One stack of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackPlan {
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: StackName,
    /// What would happen.
    pub compared: Compared,
}

/// A part's stack, and what it is compared with.
#[derive(Debug, Clone)]
pub(super) struct PartStack {
    pub(super) part: Part,
    /// The template, which names its code.
    pub(super) template: String,
    /// The parameters that are set, as far as they are known.
    pub(super) parameters: BTreeMap<String, String>,
    /// The processor of its function.
    pub(super) architecture: Architecture,
}

impl PartStack {
    /// That of this template, beside the recovery region's own stack.
    pub(super) fn of(
        part: Part,
        template: String,
        request: &DeployRequest,
        home: Option<&StackFacts>,
        architecture: Architecture,
    ) -> Self {
        let names = parameter_names(&template);
        let parameters = request.part_parameters(&names, home, architecture);
        Self {
            part,
            template,
            parameters,
            architecture,
        }
    }
}

/// A deployment that was looked at, and can be carried out.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The account.
    pub account: Account,
    /// Who asks for it: the caller's ARN.
    pub caller: String,
    /// The bucket with code and template, in the recovery region.
    pub bucket: Bucket,
    /// The stacks, the recovery region's first, and the parts last.
    pub stacks: Vec<StackPlan>,
    /// The regions that are no source regions any more, and whose stacks stay.
    pub left_behind: Vec<String>,
    /// The parameters that are raised because an earlier version's defaults no longer fit.
    pub raised: Vec<Raised>,
    /// What does not fit of the values that the stack will have, each with what to do.
    pub misfits: Vec<String>,
    /// Why the caller's rights could not be checked, if they could not.
    pub rights_unknown: Option<String>,
    /// Whether the alarms notify anybody.
    pub alarms_notify: bool,
    /// The parts whose stacks stand and are not deployed with the others.
    pub left_out: Vec<Part>,
    pub(super) request: DeployRequest,
    pub(super) templates: Templates,
    pub(super) events_queue: String,
    pub(super) parts: Vec<PartStack>,
}

impl Deployment {
    /// What was asked for.
    #[must_use]
    pub fn request(&self) -> &DeployRequest {
        &self.request
    }

    /// Whether anything would change.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        self.stacks
            .iter()
            .any(|stack| stack.compared != Compared::Same)
    }
}
