//! Restores between the product's types and the simulated RDS: it asks the model what the product's adapter asks RDS, and
//! reads the model's rows as the adapter does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use snapferry::domain::drill::judge::FailureEvent;
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::restore::restored::RestoredDatabase;
use snapferry::domain::restore::setting::Setting as S;
use snapferry::domain::restore::taken::Part;
use snapferry::domain::restore::value::{Settings, Thousandths, Value};
use snapferry::domain::run::failure::Operation;
use snapferry::ports::{DatabaseCall, Page};

use crate::rds::{
    AddRole, Answer, AssociatedRole, Cluster, DatabaseRequest, DeleteDatabase, DescribeDbClusters,
    DescribeDbInstances, DescribeEvents, EmittedEvent, Family as ModelFamily, Filter, Instance,
    Life, Making, Paging, Parameters, Rds, RdsFault, Region, Request, Settings as ModelSettings,
};
use crate::rds_to_domain::tags;

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::text(text))
}

fn optional(value: Option<&String>) -> Option<Value> {
    value.and_then(|value| text(value))
}

fn number(number: impl Into<i64>) -> Option<Value> {
    Some(Value::Number(number.into()))
}

fn flag(flag: bool) -> Option<Value> {
    Some(Value::Flag(flag))
}

fn texts(texts: &[String]) -> Option<Value> {
    (!texts.is_empty()).then(|| Value::texts(texts.iter().cloned()))
}

fn decimal(text: &str) -> Option<Value> {
    let number: f64 = text.parse().ok()?;
    Some(Value::Decimal(Thousandths::of(number)))
}

fn roles(roles: &[AssociatedRole]) -> Option<Value> {
    let record = |role: &AssociatedRole| {
        let mut record = BTreeMap::from([("RoleArn".to_owned(), role.arn.clone())]);
        if !role.feature.is_empty() {
            record.insert("FeatureName".to_owned(), role.feature.clone());
        }
        record
    };
    (!roles.is_empty()).then(|| Value::records(roles.iter().map(record)))
}

fn of_part(part: Part, all: impl IntoIterator<Item = (S, Option<Value>)>) -> Settings {
    let known = all
        .into_iter()
        .filter(|(setting, _)| setting.of(part).is_some())
        .filter_map(|(setting, value)| Some((setting, value?)));
    known.collect()
}

fn shared(settings: &ModelSettings) -> Vec<(S, Option<Value>)> {
    let insights = settings.performance_insights.as_ref();
    let secret = settings.secret.as_ref();
    vec![
        (
            S::EnabledCloudwatchLogsExports,
            texts(&settings.log_exports),
        ),
        (S::PreferredBackupWindow, text(&settings.backup_window)),
        (
            S::PreferredMaintenanceWindow,
            text(&settings.maintenance_window),
        ),
        (
            S::AutoMinorVersionUpgrade,
            flag(settings.auto_minor_version_upgrade),
        ),
        (S::EngineLifecycleSupport, text(&settings.lifecycle_support)),
        (S::NetworkType, text(&settings.network_type)),
        (S::MonitoringInterval, number(settings.monitoring_interval)),
        (
            S::MonitoringRoleArn,
            optional(settings.monitoring_role.as_ref()),
        ),
        (S::PerformanceInsightsEnabled, flag(insights.is_some())),
        (
            S::PerformanceInsightsKmsKeyId,
            optional(insights.and_then(|it| it.key.as_ref())),
        ),
        (
            S::PerformanceInsightsRetentionPeriod,
            insights.and_then(|it| number(it.retention)),
        ),
        (S::DatabaseInsightsMode, text(&settings.database_insights)),
        (
            S::MasterUserSecretArn,
            secret.and_then(|secret| text(&secret.arn)),
        ),
        (
            S::MasterUserSecretKmsKeyId,
            optional(secret.and_then(|secret| secret.key.as_ref())),
        ),
        (S::AssociatedRoles, roles(&settings.roles)),
        (S::CaCertificateIdentifier, text(&settings.certificate)),
    ]
}

/// The settings of an instance, or of a member of a cluster.
#[must_use]
pub fn instance_settings(instance: &Instance) -> Settings {
    let spec = &instance.spec;
    let settings = &spec.settings;
    let part = match spec.cluster {
        Some(_) => Part::Member,
        None => Part::Instance,
    };
    let endpoint = (!instance.life.has_no_endpoint).then(|| instance.address());
    let mut all = shared(settings);
    all.extend([
        (S::Engine, text(&spec.engine)),
        (S::EngineVersion, text(&spec.engine_version)),
        (S::DbInstanceClass, text(&spec.class)),
        (S::PromotionTier, settings.promotion_tier.and_then(number)),
        (S::LicenseModel, text(&spec.license_model)),
        (
            S::Port,
            endpoint.as_ref().and_then(|_| number(instance.port())),
        ),
        (S::DbSubnetGroupName, text(&spec.subnet_group)),
        (S::VpcSecurityGroupIds, texts(&spec.security_groups)),
        (S::DbParameterGroupName, text(&spec.parameter_group)),
        (S::OptionGroupName, text(&spec.option_group)),
        (S::MultiAz, flag(spec.multi_az)),
        (S::AvailabilityZone, text(&instance.availability_zone())),
        (S::PubliclyAccessible, flag(settings.publicly_accessible)),
        (S::AllocatedStorage, number(spec.allocated_storage)),
        (
            S::MaxAllocatedStorage,
            settings.max_allocated_storage.and_then(number),
        ),
        (S::StorageType, text(&spec.storage_type)),
        (S::Iops, settings.iops.and_then(number)),
        (
            S::StorageThroughput,
            settings.storage_throughput.and_then(number),
        ),
        (S::DedicatedLogVolume, flag(settings.dedicated_log_volume)),
        (S::KmsKeyId, optional(spec.kms_key.as_ref())),
        (S::StorageEncrypted, flag(spec.kms_key.is_some())),
        (S::MasterUsername, text(&spec.master_username)),
        (S::Timezone, optional(spec.timezone.as_ref())),
        (
            S::IamDatabaseAuthenticationEnabled,
            flag(spec.iam_authentication),
        ),
        (S::BackupRetentionPeriod, number(spec.backup_retention_days)),
        (S::DeletionProtection, flag(spec.deletion_protection)),
        (S::CopyTagsToSnapshot, flag(spec.copy_tags_to_snapshot)),
        (S::ReadReplicas, texts(&instance.replicas)),
        (S::Endpoint, endpoint.as_deref().and_then(text)),
    ]);
    of_part(part, all)
}

/// The settings of a cluster.
#[must_use]
pub fn cluster_settings(cluster: &Cluster) -> Settings {
    let spec = &cluster.spec;
    let settings = &spec.settings;
    let scaling = settings.scaling.as_ref();
    let mut all = shared(settings);
    all.extend([
        (S::Engine, text(&spec.engine)),
        (S::EngineVersion, text(&spec.engine_version)),
        (S::EngineMode, text("provisioned")),
        (S::Port, number(cluster.port())),
        (S::DbSubnetGroupName, text(&spec.subnet_group)),
        (S::VpcSecurityGroupIds, texts(&spec.security_groups)),
        (S::DbClusterParameterGroupName, text(&spec.parameter_group)),
        (S::StorageType, text(&spec.storage_type)),
        (S::KmsKeyId, optional(spec.kms_key.as_ref())),
        (S::StorageEncrypted, flag(spec.kms_key.is_some())),
        (
            S::ServerlessMinCapacity,
            scaling.and_then(|it| decimal(&it.min)),
        ),
        (
            S::ServerlessMaxCapacity,
            scaling.and_then(|it| decimal(&it.max)),
        ),
        (
            S::ServerlessSecondsUntilAutoPause,
            scaling.and_then(|it| it.pause_after).and_then(number),
        ),
        (S::BacktrackWindow, number(settings.backtrack_window)),
        (S::MasterUsername, text(&spec.master_username)),
        (
            S::IamDatabaseAuthenticationEnabled,
            flag(spec.iam_authentication),
        ),
        (S::BackupRetentionPeriod, number(spec.backup_retention_days)),
        (S::DeletionProtection, flag(spec.deletion_protection)),
        (S::CopyTagsToSnapshot, flag(spec.copy_tags_to_snapshot)),
        (S::HttpEndpointEnabled, flag(settings.http_endpoint)),
        (
            S::GlobalClusterIdentifier,
            optional(spec.global_cluster.as_ref()),
        ),
        (S::Endpoint, text(&cluster.address())),
        (S::ReaderEndpoint, text(&cluster.reader_address())),
    ]);
    of_part(Part::Cluster, all)
}

/// `PendingModifiedValues` names only some of the settings that a change brings.
fn shows_pending(life: &Life, named: &[&str]) -> bool {
    let pending = life.pending.as_ref();
    pending.is_some_and(|it| named.iter().any(|name| it.text(name).is_some()))
}

fn inactive(roles: &[AssociatedRole]) -> impl Iterator<Item = String> + '_ {
    let inactive = roles.iter().filter(|role| !role.is_active);
    inactive.map(|role| role.arn.clone())
}

fn instance(row: &Instance) -> Option<RestoredDatabase> {
    Some(RestoredDatabase {
        name: row.spec.identifier.clone(),
        resource_id: ResourceId::parse(&row.resource_id).ok()?,
        member_of: row.spec.cluster.clone(),
        status: row.status.as_str().to_owned(),
        created_at: Some(row.spec.created),
        tags: tags(&row.spec.tags),
        settings: instance_settings(row),
        has_pending_changes: shows_pending(
            &row.life,
            &["DBInstanceClass", "BackupRetentionPeriod", "MultiAZ"],
        ),
        needs_restart: row.life.needs_reboot,
        inactive_roles: inactive(&row.spec.settings.roles).collect(),
        loaded: row.life.loaded,
    })
}

fn cluster(row: &Cluster) -> Option<RestoredDatabase> {
    Some(RestoredDatabase {
        name: row.spec.identifier.clone(),
        resource_id: ResourceId::parse(&row.resource_id).ok()?,
        member_of: None,
        status: row.status.as_str().to_owned(),
        created_at: Some(row.created),
        tags: tags(&row.spec.tags),
        settings: cluster_settings(row),
        has_pending_changes: shows_pending(&row.life, &["BackupRetentionPeriod"]),
        needs_restart: false,
        inactive_roles: inactive(&row.spec.settings.roles).collect(),
        loaded: None,
    })
}

/// The databases of these names.
///
/// # Errors
/// As RDS.
pub fn described(
    rds: &mut Rds,
    at: &Region,
    family: Family,
    names: &[String],
    now: Timestamp,
) -> Result<Vec<RestoredDatabase>, RdsFault> {
    let filter = |name: &str| {
        vec![Filter {
            name: name.to_owned(),
            values: names.to_vec(),
        }]
    };
    Ok(match family {
        Family::Instance => {
            let request = DescribeDbInstances {
                filters: filter("db-instance-id"),
                ..DescribeDbInstances::default()
            };
            let page = rds.describe_db_instances(at, &request, now)?;
            page.items.iter().filter_map(instance).collect()
        }
        Family::Cluster => {
            let request = DescribeDbClusters {
                filters: filter("db-cluster-id"),
                ..DescribeDbClusters::default()
            };
            let page = rds.describe_db_clusters(at, &request, now)?;
            page.items.iter().filter_map(cluster).collect()
        }
    })
}

/// One page of a region's databases.
///
/// # Errors
/// As RDS.
pub fn listed(
    rds: &mut Rds,
    at: &Region,
    family: Family,
    paging: Paging,
    now: Timestamp,
) -> Result<Page<RestoredDatabase>, RdsFault> {
    Ok(match family {
        Family::Instance => {
            let request = DescribeDbInstances {
                paging,
                ..DescribeDbInstances::default()
            };
            let page = rds.describe_db_instances(at, &request, now)?;
            let rows = page.items.iter().filter_map(instance).collect();
            Page::new(rows, page.marker)
        }
        Family::Cluster => {
            let request = DescribeDbClusters {
                paging,
                ..DescribeDbClusters::default()
            };
            let page = rds.describe_db_clusters(at, &request, now)?;
            let rows = page.items.iter().filter_map(cluster).collect();
            Page::new(rows, page.marker)
        }
    })
}

/// Deletes a database as the adapter does: without a last snapshot.
///
/// # Errors
/// As RDS.
pub fn delete(
    rds: &mut Rds,
    at: &Region,
    family: Family,
    name: &str,
    now: Timestamp,
) -> Result<(), RdsFault> {
    let family = match family {
        Family::Instance => ModelFamily::Instance,
        Family::Cluster => ModelFamily::Cluster,
    };
    let deletion = DeleteDatabase {
        database: name.to_owned(),
        skips_final_snapshot: true,
        final_snapshot: None,
    };
    let request = Request::DeleteDatabase(family, deletion);
    rds.handle(at, request, now).map(drop)
}

/// The events of the category `failure` of a database since then.
///
/// # Errors
/// As RDS.
pub fn failures(
    rds: &mut Rds,
    at: &Region,
    (family, name): (Family, &str),
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<FailureEvent>, RdsFault> {
    let kind = match family {
        Family::Instance => "db-instance",
        Family::Cluster => "db-cluster",
    };
    let request = DescribeEvents {
        source: Some(name.to_owned()),
        source_type: Some(kind.to_owned()),
        start: Some(since),
        categories: vec!["failure".to_owned()],
        ..DescribeEvents::default()
    };
    let page = rds.describe_events(at, &request, now)?;
    let event = |event: &EmittedEvent| FailureEvent {
        at: event.date,
        message: event.message.clone(),
    };
    Ok(page.items.iter().map(event).collect())
}

/// What the adapter sends for a call.
fn request(call: &DatabaseCall) -> Option<Request> {
    let mut makings = Making::ALL.into_iter();
    let Some(making) = makings.find(|it| it.action() == call.operation.as_str()) else {
        return other_request(call);
    };
    let (database, of) = (making.family().database_parameter(), making.of_parameter());
    let mut asked = DatabaseRequest::default();
    let mut parameters = Parameters::default();
    for (name, value) in &call.parameters {
        match (name.as_str(), value) {
            (name, Value::Text(text)) if name == database => asked.database = text.clone(),
            (name, Value::Text(text)) if of == Some(name) => asked.of = Some(text.clone()),
            ("ApplyImmediately", Value::Flag(flag)) => asked.at_once = *flag,
            ("Tags", Value::Records(records)) => {
                let part = |record: &BTreeMap<String, String>, part: &str| {
                    record.get(part).cloned().unwrap_or_default()
                };
                let tags = records.iter();
                asked.tags = tags
                    .map(|tag| (part(tag, "Key"), part(tag, "Value")))
                    .collect();
            }
            (name, Value::Texts(texts)) => {
                for text in texts {
                    parameters.add(name, text);
                }
            }
            (name, value) => parameters.add(name, value.to_string()),
        }
    }
    asked.parameters = parameters;
    Some(Request::Make(making, asked))
}

fn other_request(call: &DatabaseCall) -> Option<Request> {
    let text = |name: &str| {
        let value = call.parameters.get(name);
        value.and_then(Value::as_text).map(ToOwned::to_owned)
    };
    let role = |family: ModelFamily| {
        let role = AddRole {
            database: text(family.database_parameter())?,
            role: text("RoleArn")?,
            feature: text("FeatureName").unwrap_or_default(),
        };
        Some(Request::AddRole(family, role))
    };
    match call.operation {
        Operation::RebootDbInstance => text("DBInstanceIdentifier").map(Request::RebootDbInstance),
        Operation::AddRoleToDbInstance => role(ModelFamily::Instance),
        Operation::AddRoleToDbCluster => role(ModelFamily::Cluster),
        Operation::EnableHttpEndpoint => text("ResourceArn").map(Request::EnableHttpEndpoint),
        _ => None,
    }
}

/// Makes or changes a database.
///
/// # Errors
/// As RDS; `InvalidParameterValue` for a call that the adapter would not make.
pub fn change(
    rds: &mut Rds,
    at: &Region,
    call: &DatabaseCall,
    now: Timestamp,
) -> Result<Option<ResourceId>, RdsFault> {
    let Some(request) = request(call) else {
        let message = format!("{} cannot be made of its parameters", call.operation);
        return Err(RdsFault::InvalidParameterValue(message));
    };
    let makes = matches!(&request, Request::Make(making, _) if making.of_parameter().is_some());
    let id = match rds.handle(at, request, now)? {
        Answer::Instance(row) if makes => row.resource_id,
        Answer::Cluster(row) if makes => row.resource_id,
        _ => return Ok(None),
    };
    Ok(ResourceId::parse(&id).ok())
}
