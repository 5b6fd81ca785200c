//! KMS and STS, for the command line alone: no function links either.

use aws_sdk_kms::operation::describe_key::DescribeKeyError;
use aws_sdk_kms::types::{KeyMetadata, KeySpec, KeyState, KeyUsageType};

use super::clients::Aws;
use super::fault::{port_error, unusable};
use crate::domain::arn::{KeyAlias, KeyArn};
use crate::ports::{CallerIdentity, DescribeKey, KeyFacts, PortError};

impl<Also> DescribeKey for Aws<Also> {
    async fn describe_key(&self, alias: &KeyAlias) -> Result<Option<KeyFacts>, PortError> {
        const ACTION: &str = "DescribeKey";
        let request = aws_sdk_kms::Client::new(&self.sdk)
            .describe_key()
            .key_id(alias.as_str());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeKeyError::is_not_found_exception) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(port_error(ACTION, &error, &[])),
        };
        let key = answer
            .key_metadata()
            .ok_or_else(|| unusable(ACTION, "KMS left the key out"))?;
        let arn = KeyArn::parse(key.arn().unwrap_or_default());
        Ok(Some(KeyFacts {
            arn: arn.map_err(|error| unusable(ACTION, error))?,
            unusable: why_unusable(key),
        }))
    }
}

/// RDS encrypts under symmetric keys that are enabled (RDS user guide, *Encrypting Amazon RDS resources*).
fn why_unusable(key: &KeyMetadata) -> Option<String> {
    match key.key_state() {
        Some(KeyState::Enabled) => {}
        Some(state) => return Some(format!("its state is {}", state.as_str())),
        None => return Some("KMS does not say that it is enabled".to_owned()),
    }
    match (key.key_usage(), key.key_spec()) {
        (Some(KeyUsageType::EncryptDecrypt), Some(KeySpec::SymmetricDefault)) => None,
        _ => Some("it is not a symmetric key for encryption".to_owned()),
    }
}

impl<Also> CallerIdentity for Aws<Also> {
    async fn caller_identity(&self) -> Result<String, PortError> {
        const ACTION: &str = "GetCallerIdentity";
        let answer = aws_sdk_sts::Client::new(&self.sdk)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        answer
            .arn()
            .map(ToOwned::to_owned)
            .ok_or_else(|| unusable(ACTION, "AWS left the ARN out"))
    }
}
