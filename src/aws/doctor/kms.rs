//! KMS: the policies of keys.

use super::super::fault::{port_error, unusable};
use super::{Doctor, client, key_policy};
use crate::domain::doctor::key_policy::Statement;
use crate::domain::id::arn::KeyArn;
use crate::ports::PortError;
use crate::ports::doctor::ReadKeyPolicy;

/// The only name that a key's policy can have.
const POLICY: &str = "default";

impl ReadKeyPolicy for Doctor {
    async fn get_key_policy(&self, key: &KeyArn) -> Result<Vec<Statement>, PortError> {
        const ACTION: &str = "kms:GetKeyPolicy";
        let answer = client!(aws_sdk_kms, self, key.region())
            .get_key_policy()
            .key_id(key.as_str())
            .policy_name(POLICY)
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        key_policy::read(answer.policy().unwrap_or_default())
            .map_err(|error| unusable(ACTION, error))
    }
}
