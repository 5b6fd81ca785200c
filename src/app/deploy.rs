//! Deploys the stacks of all regions: looks, uploads, compares, and acts only then.

mod act;
mod error;
mod look;
mod step;

use std::time::Duration;

use crate::ports::deploy::{ChangeSets, FindStack, KeepArtifacts, Pause, ReadStackEvents};
use crate::ports::{CallerIdentity, Clock, DescribeKey};

pub use act::{abandon, act};
pub use error::{DeployError, Refused};
pub use look::{Code, Compared, Deployment, StackPlan, look};
pub use step::Step;

/// How long lies between two questions to CloudFormation, which tells nobody when it is done.
const INTERVAL: Duration = Duration::from_secs(2);

permissions! {
    /// Everything that a deployment needs of this program's own calls. CloudFormation makes the resources with the
    /// caller's rights too.
    Permissions: CallerIdentity ChangeSets Clock DescribeKey FindStack KeepArtifacts Pause ReadStackEvents
}
