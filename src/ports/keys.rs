//! Keys, and who is asking: for the command line alone.

use super::error::PortError;
use crate::domain::doctor::keys::KeyFacts;
use crate::domain::policy::spec::KeyName;

/// Looks at keys.
pub trait DescribeKey {
    /// `DescribeKey`, in the key's region; an alias is looked up in the recovery region. Nothing if KMS knows no such key.
    async fn describe_key(&self, key: &KeyName) -> Result<Option<KeyFacts>, PortError>;
}

/// Asks who is asking.
pub trait CallerIdentity {
    /// `GetCallerIdentity`: the ARN that AWS knows the caller by.
    async fn caller_identity(&self) -> Result<String, PortError>;
}

// Everybody may ask who they are.
actions! {
    DescribeKey: "kms:DescribeKey";
    CallerIdentity: ;
}
