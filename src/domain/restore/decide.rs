//! What a restore does about one setting.

use super::gap::GapKind;
use super::mapping::RestoreMapping;
use super::setting::Setting;
use super::taken::{How, NameKind, Omitted, Part, Taken};
use super::value::{Settings, Value};
use crate::domain::rds::snapshot::Snapshot;

/// Where a setting of the restored database comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The snapshot has it.
    Snapshot,
    /// The catalog knows it.
    Catalog,
    /// The policy's mapping names it in place of this.
    Mapping(String),
    /// Snapferry's own rule, with its reason.
    Rule(&'static str),
    /// RDS does this, because nothing is sent.
    RdsDefault(&'static str),
}

/// What is done about a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is sent.
    Send {
        how: How,
        value: Value,
        origin: Origin,
    },
    /// It is not sent, and the restored database has this.
    Leave {
        value: Option<Value>,
        origin: Origin,
    },
    /// Nothing can be sent, and this is missing. RDS does what it does by default.
    Gap {
        kind: GapKind,
        what: String,
        default: &'static str,
    },
    /// There is nothing to do or to say.
    Nothing,
}

/// What decides about the settings of one part.
pub(super) struct Known<'a> {
    pub(super) part: Part,
    pub(super) settings: &'a Settings,
    pub(super) snapshot: &'a Snapshot,
    pub(super) mapping: &'a RestoreMapping,
}

/// Engines whose end of standard support RDS bridges for money.
const WITH_EXTENDED_SUPPORT: [&str; 4] = ["mysql", "postgres", "aurora-mysql", "aurora-postgresql"];

/// For how many days backups are kept where it is not known for how many they were: RDS's own choice in its console.
const UNKNOWN_RETENTION: i64 = 7;

/// Storage whose speed is part of its order.
const PROVISIONED: [&str; 2] = ["io1", "io2"];
/// What gp3 has without an order. A smaller gp3 volume refuses these numbers.
const GP3_IOPS: [i64; 2] = [3_000, 12_000];
const GP3_THROUGHPUT: [i64; 2] = [125, 500];

impl Known<'_> {
    fn value(&self, setting: Setting) -> Option<&Value> {
        self.settings.get(&setting)
    }

    fn is_on(&self, setting: Setting) -> bool {
        self.value(setting) == Some(&Value::Flag(true))
    }

    /// What is done about a setting. Nothing if the part has no such setting.
    pub(super) fn decide(&self, setting: Setting) -> Decision {
        let Some(taken) = setting.of(self.part) else {
            return Decision::Nothing;
        };
        match (setting, self.value(setting)) {
            (Setting::Engine, _) => self.of_snapshot(taken, Value::text(&self.snapshot.engine)),
            (Setting::EngineVersion, _) => {
                self.of_snapshot(taken, Value::text(&self.snapshot.engine_version))
            }
            (Setting::AllocatedStorage, _) => {
                self.of_snapshot(taken, Value::Number(self.snapshot.size_gib.into()))
            }
            (Setting::KmsKeyId, _) => match &self.snapshot.key {
                Some(key) => self.of_snapshot(taken, Value::text(key.as_str())),
                None => Decision::Nothing,
            },
            (Setting::StorageEncrypted, _) => {
                self.of_snapshot(taken, Value::Flag(self.snapshot.encrypted))
            }
            (Setting::PubliclyAccessible, value) => self.public(taken, value),
            (Setting::StorageType, None) => self.unknown_storage(taken),
            (Setting::EngineLifecycleSupport, None) => self.unknown_support(),
            (Setting::BackupRetentionPeriod, None) if self.part == Part::Instance => {
                Decision::Send {
                    how: taken.how,
                    value: Value::Number(UNKNOWN_RETENTION),
                    origin: Origin::Rule(
                        "its own is not known, and without backups it must not run",
                    ),
                }
            }
            (_, None) => Decision::Nothing,
            (Setting::Iops, Some(value)) => self.speed(taken, value, GP3_IOPS),
            (Setting::StorageThroughput, Some(value)) => self.speed(taken, value, GP3_THROUGHPUT),
            (Setting::MasterUserSecretArn, Some(_)) => Decision::Send {
                how: taken.how,
                value: Value::Flag(true),
                origin: Origin::Rule("RDS makes a new secret in this region"),
            },
            (setting, Some(value)) => match self.is_the_default(setting, value) {
                true => Decision::Leave {
                    value: Some(value.clone()),
                    origin: default_of(taken),
                },
                false => self.carried_over(setting, taken, value),
            },
        }
    }

    fn of_snapshot(&self, taken: Taken, value: Value) -> Decision {
        match taken.how {
            How::Fixed => Decision::Leave {
                value: Some(value),
                origin: Origin::Snapshot,
            },
            how => Decision::Send {
                how,
                value,
                origin: Origin::Snapshot,
            },
        }
    }

    /// Public access is closed, unless the policy opens it to those that had it.
    fn public(&self, taken: Taken, value: Option<&Value>) -> Decision {
        let was_public = value == Some(&Value::Flag(true));
        let (value, origin) = match was_public && self.mapping.publicly_accessible {
            true => (true, Origin::Catalog),
            false => (
                false,
                Origin::Rule("closed unless the policy says publicly_accessible"),
            ),
        };
        Decision::Send {
            how: taken.how,
            value: Value::Flag(value),
            origin,
        }
    }

    fn unknown_storage(&self, taken: Taken) -> Decision {
        match self.part {
            Part::Cluster => Decision::Send {
                how: taken.how,
                value: Value::text("aurora"),
                origin: Origin::Rule("RDS names no type for Aurora's standard storage"),
            },
            Part::Instance | Part::Member => Decision::Gap {
                kind: GapKind::StorageType,
                what: "its type of storage is not known".to_owned(),
                default: "gp3",
            },
        }
    }

    fn unknown_support(&self) -> Decision {
        match WITH_EXTENDED_SUPPORT.contains(&self.snapshot.engine.as_str()) {
            true => Decision::Gap {
                kind: GapKind::LifecycleSupport,
                what: "it is not known whether it may use extended support".to_owned(),
                default: "paid extended support, if its version needs it",
            },
            false => Decision::Nothing,
        }
    }

    /// RDS refuses numbers for a gp3 volume that is too small to have them ordered.
    fn speed(&self, taken: Taken, value: &Value, usual: [i64; 2]) -> Decision {
        let storage = self.value(Setting::StorageType).and_then(Value::as_text);
        let number = value.as_number().unwrap_or_default();
        let is_ordered = match storage {
            Some("gp3") => !usual.contains(&number),
            Some(storage) => PROVISIONED.contains(&storage),
            None => false,
        };
        match is_ordered {
            true => Decision::Send {
                how: taken.how,
                value: value.clone(),
                origin: Origin::Catalog,
            },
            false => Decision::Leave {
                value: Some(value.clone()),
                origin: Origin::Snapshot,
            },
        }
    }

    /// Whether a value is what RDS does anyway, so that no call has to say it. Backups are decided on elsewhere.
    fn is_the_default(&self, setting: Setting, value: &Value) -> bool {
        let is_watched = || {
            let interval = self.value(Setting::MonitoringInterval);
            interval
                .and_then(Value::as_number)
                .is_some_and(|seconds| seconds > 0)
        };
        match setting {
            Setting::MonitoringInterval => *value == Value::Number(0),
            Setting::MonitoringRoleArn => !is_watched(),
            Setting::PerformanceInsightsEnabled | Setting::HttpEndpointEnabled => {
                *value == Value::Flag(false)
            }
            Setting::PerformanceInsightsKmsKeyId | Setting::PerformanceInsightsRetentionPeriod => {
                !self.is_on(Setting::PerformanceInsightsEnabled)
            }
            Setting::DatabaseInsightsMode => *value == Value::text("standard"),
            // The names of these groups are RDS's own.
            Setting::DbParameterGroupName | Setting::DbClusterParameterGroupName => value
                .as_text()
                .is_some_and(|name| name.starts_with("default.")),
            Setting::OptionGroupName => value
                .as_text()
                .is_some_and(|name| name.starts_with("default:")),
            _ => false,
        }
    }

    fn carried_over(&self, setting: Setting, taken: Taken, value: &Value) -> Decision {
        if let Some(kind) = taken.names {
            return self.mapped(kind, taken, value);
        }
        match taken.how {
            How::Fixed => Decision::Leave {
                value: Some(value.clone()),
                origin: Origin::Snapshot,
            },
            How::Shown => shown(setting, taken, value),
            how => Decision::Send {
                how,
                value: value.clone(),
                origin: Origin::Catalog,
            },
        }
    }

    /// The name that stands for the source's. A class has the same name everywhere.
    fn stands_for<'n>(&'n self, kind: NameKind, name: &'n str) -> Option<&'n str> {
        let here = self.mapping.stands_for(kind, name);
        match kind {
            NameKind::Class => here.or(Some(name)),
            _ => here,
        }
    }

    /// The names that stand for the source's. One without such a name is a gap, and none of the others is sent instead.
    fn mapped(&self, kind: NameKind, taken: Taken, value: &Value) -> Decision {
        let names = value.names();
        let missing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| self.stands_for(kind, name).is_none())
            .collect();
        if let (true, Some(gap)) = (
            !missing.is_empty() || names.is_empty(),
            GapKind::of_names(kind),
        ) {
            return Decision::Gap {
                kind: gap,
                what: match names.is_empty() {
                    true => format!("{value} is no name"),
                    false => format!("nothing stands for {}", missing.join(", ")),
                },
                default: match taken.omitted {
                    Omitted::Default(default) => default,
                    Omitted::Snapshot => "the snapshot's",
                },
            };
        }
        let here: Vec<String> = names
            .iter()
            .filter_map(|name| self.stands_for(kind, name))
            .map(ToOwned::to_owned)
            .collect();
        let mapped = match value {
            Value::Texts(_) => Value::texts(here),
            _ => Value::Text(here.concat()),
        };
        let origin = match mapped == *value {
            true => Origin::Catalog,
            false => Origin::Mapping(value.to_string()),
        };
        Decision::Send {
            how: taken.how,
            value: mapped,
            origin,
        }
    }
}

fn default_of(taken: Taken) -> Origin {
    match taken.omitted {
        Omitted::Snapshot => Origin::Snapshot,
        Omitted::Default(default) => Origin::RdsDefault(default),
    }
}

/// What is only shown. Some of it is worth a word of its own.
fn shown(setting: Setting, taken: Taken, value: &Value) -> Decision {
    let gap = match setting {
        Setting::DomainMemberships => GapKind::Domain,
        Setting::ReadReplicas => GapKind::Replicas,
        Setting::GlobalClusterIdentifier => GapKind::GlobalCluster,
        Setting::CustomEndpoints => GapKind::CustomEndpoints,
        Setting::TdeCredentialArn => GapKind::Tde,
        _ => {
            return Decision::Leave {
                value: None,
                origin: default_of(taken),
            };
        }
    };
    Decision::Gap {
        kind: gap,
        what: format!("it had {value}, which a restore does not bring back"),
        default: match taken.omitted {
            Omitted::Default(default) => default,
            Omitted::Snapshot => "the snapshot's",
        },
    }
}
