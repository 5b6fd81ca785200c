//! KMS and STS, for the command line only. No function links either of them.

use aws_sdk_kms::operation::describe_key::DescribeKeyError;
use aws_sdk_kms::types::{KeyManagerType, KeyMetadata, KeySpec, KeyState as State, KeyUsageType};
use jiff::Timestamp;

use super::clients::Aws;
use super::fault::{port_error, unusable};
use crate::domain::doctor::keys::{KeyFacts, KeyState, Manager};
use crate::domain::id::arn::KeyArn;
use crate::domain::policy::spec::KeyName;
use crate::ports::{CallerIdentity, DescribeKey, PortError};

const DESCRIBE_KEY: &str = "kms:DescribeKey";

impl<Extra> DescribeKey for Aws<Extra> {
    async fn describe_key(&self, key: &KeyName) -> Result<Option<KeyFacts>, PortError> {
        let mut config = aws_sdk_kms::config::Builder::from(&self.sdk);
        let id = match key {
            KeyName::Arn(arn) => {
                let region = arn.region().to_owned();
                config = config.region(aws_config::Region::new(region));
                arn.as_str()
            }
            KeyName::Alias(alias) => alias.as_str(),
        };
        let request = aws_sdk_kms::Client::from_conf(config.build())
            .describe_key()
            .key_id(id);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeKeyError::is_not_found_exception) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(port_error(DESCRIBE_KEY, &error, &[])),
        };
        let metadata = answer
            .key_metadata()
            .ok_or_else(|| unusable(DESCRIBE_KEY, "KMS left the key's metadata out"))?;
        facts(metadata).map(Some)
    }
}

fn facts(metadata: &KeyMetadata) -> Result<KeyFacts, PortError> {
    let arn = KeyArn::parse(metadata.arn().unwrap_or_default());
    let state = metadata
        .key_state()
        .ok_or_else(|| unusable(DESCRIBE_KEY, "KMS left the key's state out"))?;
    let state = match state {
        State::Enabled => KeyState::Enabled,
        State::Disabled => KeyState::Disabled,
        State::PendingDeletion => {
            let at = metadata.deletion_date();
            KeyState::PendingDeletion(at.and_then(|at| Timestamp::from_second(at.secs()).ok()))
        }
        other => KeyState::Other(other.as_str().to_owned()),
    };
    Ok(KeyFacts {
        arn: arn.map_err(|error| unusable(DESCRIBE_KEY, error))?,
        state,
        manager: match metadata.key_manager() {
            Some(KeyManagerType::Aws) => Manager::Aws,
            _ => Manager::Customer,
        },
        symmetric: metadata.key_usage() == Some(&KeyUsageType::EncryptDecrypt)
            && metadata.key_spec() == Some(&KeySpec::SymmetricDefault),
    })
}

impl<Extra> CallerIdentity for Aws<Extra> {
    async fn caller_identity(&self) -> Result<String, PortError> {
        const ACTION: &str = "sts:GetCallerIdentity";
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
