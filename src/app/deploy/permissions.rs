//! Everything that a deployment may do.

use std::time::Duration;

use crate::ports::deploy::{
    ChangeSets, CheckRights, FindStack, KeepArtifacts, Pause, ReadStackEvents,
};
use crate::ports::{CallerIdentity, Clock, DescribeKey};

/// How long lies between two questions to CloudFormation, which tells nobody when it is done.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

permissions! {
    /// Everything that a deployment needs of this program's own calls. CloudFormation makes the resources with the
    /// caller's rights too.
    Permissions: CallerIdentity ChangeSets CheckRights Clock DescribeKey FindStack KeepArtifacts Pause ReadStackEvents
}
