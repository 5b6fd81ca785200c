//! The KMS keys RDS may use, as far as RDS looks at them.

use std::collections::BTreeMap;

use super::RdsFault;
use super::names::Region;

/// One customer-managed key of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsKey {
    /// `arn:<partition>:kms:<region>:<account>:key/<id>`.
    pub arn: String,
    /// Alias names with their prefix, such as `alias/backups`.
    pub aliases: Vec<String>,
    /// Whether it can be used.
    pub enabled: bool,
}

/// The keys of one region, by ARN.
#[derive(Clone, Debug, Default)]
pub(super) struct Keyring(BTreeMap<String, KmsKey>);

impl Keyring {
    pub(super) fn add(&mut self, key: KmsKey) {
        self.0.insert(key.arn.clone(), key);
    }

    /// False when there is no such key.
    pub(super) fn set_enabled(&mut self, arn: &str, enabled: bool) -> bool {
        self.0
            .get_mut(arn)
            .map(|key| key.enabled = enabled)
            .is_some()
    }

    pub(super) fn is_usable(&self, arn: &str) -> bool {
        self.0.get(arn).is_some_and(|key| key.enabled)
    }

    /// The ARN of the key that a caller names by key ARN, key id, alias name or alias ARN.
    pub(super) fn resolve(
        &self,
        region: &Region,
        account: &str,
        named: &str,
    ) -> Result<String, RdsFault> {
        let here = format!("arn:{}:kms:{region}:{account}:", region.partition());
        let local = match named.strip_prefix(&here) {
            Some(resource) => resource,
            // The ARN of another region or account can never be meant for this one.
            None if named.starts_with("arn:") => return Err(not_accessible(named)),
            None => named,
        };
        let found = if local.starts_with("alias/") {
            self.0
                .values()
                .find(|key| key.aliases.iter().any(|alias| alias == local))
        } else {
            let id = local.strip_prefix("key/").unwrap_or(local);
            self.0.get(&format!("{here}key/{id}"))
        };
        match found {
            Some(key) if key.enabled => Ok(key.arn.clone()),
            _ => Err(not_accessible(named)),
        }
    }
}

fn not_accessible(named: &str) -> RdsFault {
    RdsFault::KmsKeyNotAccessible(format!(
        "The target KMS key [{named}] does not exist, is not enabled or you do not have \
         permissions to access it."
    ))
}
