//! Whether what was restored is as it was: the model's row of a database against the row that it was restored from.
//!
//! What RDS gives to every database by itself is left out, and so is what must be otherwise in another region.

use snapferry::domain::restore::setting::Setting as S;
use snapferry::domain::restore::value::{Settings, Value};

/// What stands for what in the recovery region.
#[derive(Debug, Clone, Copy)]
pub struct Counterparts<'a> {
    /// The subnet group of everything that is restored.
    pub subnet_group: &'a str,
    /// Its one security group.
    pub security_group: &'a str,
    /// The parameter and option groups that have another name there.
    pub groups: &'a [(&'a str, &'a str)],
    /// The key of the recovery points.
    pub key: &'a str,
    /// The key of Performance Insights, as a restore names it.
    pub insights_key: &'a str,
}

/// What is not brought back: a restore makes no replica, and says so.
const NOT_RESTORED: [S; 1] = [S::ReadReplicas];

/// Settings that RDS gives to each database by itself.
const GIVEN: [S; 4] = [
    S::Endpoint,
    S::ReaderEndpoint,
    S::AvailabilityZone,
    S::MasterUserSecretArn,
];

impl Counterparts<'_> {
    /// What these settings must be in the recovery region.
    #[must_use]
    pub fn of(&self, source: &Settings) -> Settings {
        let mut wanted = source.clone();
        for setting in NOT_RESTORED {
            wanted.remove(&setting);
        }
        let mut set = |setting: S, value: Value| {
            if wanted.contains_key(&setting) {
                wanted.insert(setting, value);
            }
        };
        set(S::DbSubnetGroupName, Value::text(self.subnet_group));
        let group = self.security_group.to_owned();
        set(S::VpcSecurityGroupIds, Value::texts([group]));
        set(
            S::PerformanceInsightsKmsKeyId,
            Value::text(self.insights_key),
        );
        // Nothing is public in the recovery region unless a policy says so, and every copy is encrypted.
        set(S::PubliclyAccessible, Value::Flag(false));
        set(S::StorageEncrypted, Value::Flag(true));
        if wanted.contains_key(&S::StorageEncrypted) {
            wanted.insert(S::KmsKeyId, Value::text(self.key));
        }
        for setting in [
            S::DbParameterGroupName,
            S::DbClusterParameterGroupName,
            S::OptionGroupName,
        ] {
            let named = wanted.get(&setting).and_then(Value::as_text);
            let here = self.groups.iter().find(|(there, _)| named == Some(*there));
            if let Some((_, here)) = here {
                wanted.insert(setting, Value::text(here));
            }
        }
        wanted
    }

    /// The settings that a restored database has otherwise than it should, each with what it is and what it should be.
    #[must_use]
    pub fn differences(&self, source: &Settings, found: &Settings) -> Vec<String> {
        let wanted = self.of(source);
        let all = wanted.keys().chain(found.keys());
        let mut all: Vec<S> = all.copied().collect();
        all.sort_unstable();
        all.dedup();
        let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), ToString::to_string);
        let differs = |setting: &S| {
            let (wanted, found) = (wanted.get(setting), found.get(setting));
            match GIVEN.contains(setting) {
                true => wanted.is_some() != found.is_some(),
                false => wanted != found,
            }
        };
        let differing = all.into_iter().filter(differs);
        differing
            .map(|setting| {
                let (wanted, found) = (wanted.get(&setting), found.get(&setting));
                format!(
                    "{} is {} and should be {}",
                    setting.field(),
                    shown(found),
                    shown(wanted)
                )
            })
            .collect()
    }
}
