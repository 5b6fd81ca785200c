//! KMS: keys looked at, and their policies read.

use aws_sdk_kms::types::{KeyManagerType, KeyMetadata, KeySpec, KeyState as State, KeyUsageType};
use jiff::Timestamp;

use super::super::fault::{port_error, unusable};
use super::{Doctor, client, key_policy};
use crate::domain::arn::KeyArn;
use crate::domain::doctor::key_policy::Statement;
use crate::domain::doctor::keys::{KeyFacts, KeyState, Manager};
use crate::ports::PortError;
use crate::ports::doctor::{DescribeKey, ReadKeyPolicy};

/// The one name that a key's policy has.
const POLICY: &str = "default";

impl DescribeKey for Doctor {
    async fn describe_key(&self, key: &KeyArn) -> Result<Option<KeyFacts>, PortError> {
        const ACTION: &str = "kms:DescribeKey";
        let answer = client!(aws_sdk_kms, self, key.region())
            .describe_key()
            .key_id(key.as_str())
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_not_found_exception()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(port_error(ACTION, &error, &[])),
        };
        let metadata = answer
            .key_metadata()
            .ok_or_else(|| unusable(ACTION, "KMS left the key's metadata out"))?;
        facts(metadata)
            .map(Some)
            .ok_or_else(|| unusable(ACTION, "KMS left the key's state out"))
    }
}

fn facts(metadata: &KeyMetadata) -> Option<KeyFacts> {
    let state = match metadata.key_state()? {
        State::Enabled => KeyState::Enabled,
        State::Disabled => KeyState::Disabled,
        State::PendingDeletion => {
            let at = metadata.deletion_date();
            KeyState::PendingDeletion(at.and_then(|at| Timestamp::from_second(at.secs()).ok()))
        }
        other => KeyState::Other(other.as_str().to_owned()),
    };
    Some(KeyFacts {
        state,
        manager: match metadata.key_manager() {
            Some(KeyManagerType::Aws) => Manager::Aws,
            _ => Manager::Customer,
        },
        symmetric: metadata.key_usage() == Some(&KeyUsageType::EncryptDecrypt)
            && metadata.key_spec() == Some(&KeySpec::SymmetricDefault),
    })
}

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
