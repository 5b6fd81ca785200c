//! The structures of AWS's service model for settings that instances and clusters share.

use serde::Serialize;

use crate::rds::{AssociatedRole, Life, ManagedSecret, Scaling, Settings};

#[derive(Serialize)]
pub(super) struct Texts {
    member: Vec<String>,
}

impl From<Vec<String>> for Texts {
    fn from(member: Vec<String>) -> Self {
        Self { member }
    }
}

#[derive(Serialize)]
pub(super) struct InstanceRoles {
    #[serde(rename = "DBInstanceRole")]
    members: Vec<Role>,
}

#[derive(Serialize)]
pub(super) struct ClusterRoles {
    #[serde(rename = "DBClusterRole")]
    members: Vec<Role>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Role {
    role_arn: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    feature_name: String,
    status: &'static str,
}

impl From<AssociatedRole> for Role {
    fn from(role: AssociatedRole) -> Self {
        Self {
            role_arn: role.arn,
            feature_name: role.feature,
            status: if role.is_active { "ACTIVE" } else { "PENDING" },
        }
    }
}

impl From<Vec<AssociatedRole>> for InstanceRoles {
    fn from(roles: Vec<AssociatedRole>) -> Self {
        Self {
            members: roles.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Vec<AssociatedRole>> for ClusterRoles {
    fn from(roles: Vec<AssociatedRole>) -> Self {
        Self {
            members: roles.into_iter().map(Into::into).collect(),
        }
    }
}

/// MasterUserSecret.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret {
    secret_arn: String,
    secret_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
}

impl From<ManagedSecret> for Secret {
    fn from(secret: ManagedSecret) -> Self {
        Self {
            secret_arn: secret.arn,
            secret_status: "active",
            kms_key_id: secret.key,
        }
    }
}

/// ServerlessV2ScalingConfiguration.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Capacity {
    min_capacity: String,
    max_capacity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_until_auto_pause: Option<u32>,
}

impl From<Scaling> for Capacity {
    fn from(scaling: Scaling) -> Self {
        Self {
            min_capacity: scaling.min,
            max_capacity: scaling.max,
            seconds_until_auto_pause: scaling.pause_after,
        }
    }
}

/// PendingModifiedValues, which names only some of the settings that a change may bring.
#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Pending {
    #[serde(rename = "DBInstanceClass", skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_retention_period: Option<String>,
    #[serde(rename = "MultiAZ", skip_serializing_if = "Option::is_none")]
    multi_az: Option<String>,
}

impl From<&Life> for Pending {
    fn from(life: &Life) -> Self {
        let pending = life.pending.as_ref();
        let text = |name| pending.and_then(|it| it.text(name)).map(ToOwned::to_owned);
        Self {
            class: text("DBInstanceClass"),
            backup_retention_period: text("BackupRetentionPeriod"),
            multi_az: text("MultiAZ"),
        }
    }
}

/// ClusterPendingModifiedValues.
#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClusterPending {
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_retention_period: Option<String>,
}

impl From<&Life> for ClusterPending {
    fn from(life: &Life) -> Self {
        let pending = life.pending.as_ref();
        let retention = pending.and_then(|it| it.text("BackupRetentionPeriod"));
        Self {
            backup_retention_period: retention.map(ToOwned::to_owned),
        }
    }
}

/// The retention and the key of Performance Insights, which only a database that has them shows.
pub(super) fn insights(settings: &Settings) -> (bool, Option<String>, Option<u32>) {
    match &settings.performance_insights {
        Some(insights) => (true, insights.key.clone(), Some(insights.retention)),
        None => (false, None, None),
    }
}
