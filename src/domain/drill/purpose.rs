//! What a drill has otherwise than its database on purpose: one table, with the reason for each row.
//!
//! A restored engine runs what it finds. So a drill gets no way out and no right, and nothing of it outlives it.

use super::options::DrillOptions;
use crate::domain::restore::setting::Setting;
use crate::domain::restore::taken::Part;
use crate::domain::restore::value::{Settings, Value};

/// What a drill has instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnPurpose {
    /// The value that is sent. Nothing if none is.
    pub value: Option<Value>,
    /// Why.
    pub why: &'static str,
}

const NETWORK: &str = "the drill's own network, as the policy names it";
const QUIET: &str = "the drill's own group, which starts no jobs, as the policy names it";

/// What a drill has instead of a database's setting. Nothing if it has the same.
#[must_use]
pub fn on_purpose(
    setting: Setting,
    part: Part,
    settings: &Settings,
    options: &DrillOptions,
) -> Option<OnPurpose> {
    setting.of(part)?;
    let instead = |value, why| Some(OnPurpose { value, why });
    match setting {
        Setting::DbSubnetGroupName => instead(Some(Value::text(&options.subnet_group)), NETWORK),
        Setting::VpcSecurityGroupIds => {
            let groups = Value::texts(options.security_groups.iter().cloned());
            instead(Some(groups), NETWORK)
        }
        Setting::DbParameterGroupName | Setting::DbClusterParameterGroupName => {
            let before = settings.get(&setting).and_then(Value::as_text)?;
            let group = options.parameter_group(before)?;
            instead(Some(Value::text(group)), QUIET)
        }
        Setting::PubliclyAccessible => instead(Some(Value::Flag(false)), "a drill is never public"),
        Setting::DeletionProtection => instead(Some(Value::Flag(false)), "a drill is deleted"),
        Setting::CopyTagsToSnapshot => instead(
            Some(Value::Flag(false)),
            "no snapshot may bear a drill's tags",
        ),
        Setting::BackupRetentionPeriod => match part {
            Part::Cluster => instead(
                Some(Value::Number(1)),
                "a drill needs no backups, and a cluster cannot have fewer",
            ),
            Part::Instance | Part::Member => {
                instead(Some(Value::Number(0)), "a drill needs no backups")
            }
        },
        Setting::PreferredBackupWindow => instead(None, "a drill needs no backups"),
        Setting::EnabledCloudwatchLogsExports => instead(None, "its logs would outlive the drill"),
        Setting::MonitoringInterval | Setting::MonitoringRoleArn => instead(
            None,
            "a drill gets no role, and its measurements would outlive it",
        ),
        Setting::AssociatedRoles => instead(
            None,
            "a drill gets no role, or its jobs could use the real one's rights",
        ),
        Setting::HttpEndpointEnabled => instead(None, "a drill has no second door to the data"),
        Setting::DomainMemberships => instead(None, "a drill joins no domain"),
        _ => None,
    }
}
