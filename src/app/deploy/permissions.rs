//! Everything that a deployment may do.

use crate::ports::deploy::{
    ChangeSets, CheckRights, FindStack, KeepArtifacts, Pause, ReadStackEvents,
};
use crate::ports::{CallerIdentity, Clock, DescribeKey};

permissions! {
    /// Everything that a deployment needs of this program's own calls. CloudFormation makes the resources with the
    /// caller's rights too.
    Permissions: CallerIdentity ChangeSets CheckRights Clock DescribeKey FindStack KeepArtifacts Pause ReadStackEvents
}
