//! A set of policies as a file.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::id::tags::PolicyName;
use crate::domain::policy::set::PolicySet;
use crate::domain::policy::spec::{KeyName, PolicySpec};

#[derive(Serialize)]
struct FileToml<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    untagged: Option<&'a PolicyName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_slots: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_copy_slots: Option<usize>,
    policy: &'a BTreeMap<PolicyName, PolicySpec<KeyName>>,
}

/// Writes a set as a file.
///
/// # Errors
/// If a number of slots is greater than the greatest number of TOML.
pub fn write(set: &PolicySet<KeyName>) -> Result<String, toml::ser::Error> {
    let file = toml::Table::try_from(FileToml {
        untagged: set.untagged.as_ref(),
        copy_slots: set.copy_slots,
        cluster_copy_slots: set.cluster_copy_slots,
        policy: &set.policies,
    })?;
    Ok(file.to_string())
}
