//! Why a deployment ends.

use thiserror::Error;

use crate::domain::deploy::names::StackName;
use crate::domain::deploy::package::NotOurTemplate;
use crate::domain::deploy::request::RequestFault;
use crate::domain::id::arn::Region;
use crate::error::chain;
use crate::ports::PortError;

/// Why nothing was deployed, or nothing more. What was uploaded or carried out before stays.
#[derive(Debug, Error)]
pub enum Refused {
    /// The request itself.
    #[error(transparent)]
    Request(#[from] RequestFault),
    /// A stack of that name must not be touched, or cannot be now.
    #[error("the stack {name} in {region}: {why}")]
    Stack {
        /// Its region.
        region: Region,
        /// Its name.
        name: StackName,
        /// Why, and what to do.
        why: String,
    },
    /// The key cannot encrypt the copies.
    #[error("the key {key}: {why}")]
    Key {
        /// The key.
        key: String,
        /// Why.
        why: String,
    },
    /// IAM's simulator says that the caller lacks rights.
    #[error(
        "you may not {}; let somebody give you that, or add --without-rights-check if IAM's simulator is wrong", .denied.join("; ")
    )]
    Rights {
        /// Each action, with an example of what on.
        denied: Vec<String>,
    },
    /// The databases of a source region would no longer be protected.
    #[error(
        "{region} would no longer be a source region, and its databases would no longer be protected; name it too, or add \
         --accept-loss"
    )]
    RegionDropped {
        /// The region.
        region: String,
    },
    /// Something whose content matters would be replaced or removed.
    #[error(
        "in {region} something would be replaced or removed whose content is lost with it (see above); if you mean that, \
         add --accept-loss"
    )]
    Loss {
        /// The region.
        region: Region,
    },
}

/// Why a deployment has ended before its end.
#[derive(Debug, Error)]
pub enum DeployError {
    /// It must not begin.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refused>),
    /// AWS reported a caller whose account cannot be read.
    #[error("AWS reports the caller {0}, which names no account")]
    Caller(String),
    /// The template is not one of Snapferry's.
    #[error(transparent)]
    Template(#[from] NotOurTemplate),
    /// CloudFormation refuses the template or its parameters.
    #[error("CloudFormation cannot change the stack {name} in {region}: {why}")]
    ChangeSet {
        /// The region.
        region: Region,
        /// The stack.
        name: StackName,
        /// CloudFormation's reason.
        why: String,
    },
    /// CloudFormation could not carry a change set out, and has taken back what it did in that region.
    #[error("the stack {name} in {region} ended as {status}: {}", .reasons.join("; "))]
    Failed {
        /// The region.
        region: Region,
        /// The stack.
        name: StackName,
        /// Its status.
        status: String,
        /// The first failures, each with its resource.
        reasons: Vec<String>,
    },
    /// A call did not succeed.
    #[error("{}", chain(.0))]
    Port(#[from] PortError),
}
