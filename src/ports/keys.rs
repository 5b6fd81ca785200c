//! Keys, and the caller's identity. Only the command line uses these ports.

use super::error::PortError;
use crate::domain::doctor::keys::KeyFacts;
use crate::domain::policy::spec::KeyName;

/// Looks at keys.
pub trait DescribeKey {
    /// `DescribeKey`, in the key's region, or in the recovery region for an alias. `None` if KMS knows no such key.
    async fn describe_key(&self, key: &KeyName) -> Result<Option<KeyFacts>, PortError>;
}

/// Asks for the caller's identity.
pub trait CallerIdentity {
    /// `GetCallerIdentity`: the caller's ARN, as AWS reports it.
    async fn caller_identity(&self) -> Result<String, PortError>;
}

// Every caller may ask for its own identity.
actions! {
    DescribeKey: "kms:DescribeKey";
    CallerIdentity: ;
}
