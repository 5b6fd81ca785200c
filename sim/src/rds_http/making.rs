//! From a form to a call that makes, changes or deletes a database.

use super::form::Form;
use crate::rds::{
    AddRole, CreateDatabase, DatabaseRequest, DeleteDatabase, Family, Making, Parameters, RdsFault,
    Request,
};

/// Reads such a call. `None` if the action is another one.
pub(super) fn request(
    action: &str,
    form: &Form,
    tags: Vec<(String, String)>,
) -> Option<Result<Request, RdsFault>> {
    let of_a_cluster = form.get("DBClusterIdentifier").is_some();
    match action {
        "CreateDBInstance" if !of_a_cluster => return Some(created(Family::Instance, form, tags)),
        "CreateDBCluster" => return Some(created(Family::Cluster, form, tags)),
        "StopDBInstance" => {
            let name = form.required("DBInstanceIdentifier");
            return Some(name.map(Request::StopDbInstance));
        }
        _ => {}
    }
    if let Some(making) = Making::ALL.into_iter().find(|it| it.action() == action) {
        return Some(made(making, form, tags));
    }
    Some(match action {
        "RebootDBInstance" => form
            .required("DBInstanceIdentifier")
            .map(Request::RebootDbInstance),
        "AddRoleToDBInstance" => role(Family::Instance, form),
        "AddRoleToDBCluster" => role(Family::Cluster, form),
        "EnableHttpEndpoint" => form
            .required("ResourceArn")
            .map(Request::EnableHttpEndpoint),
        "DeleteDBInstance" => deletion(Family::Instance, form),
        "DeleteDBCluster" => deletion(Family::Cluster, form),
        _ => return None,
    })
}

fn made(making: Making, form: &Form, tags: Vec<(String, String)>) -> Result<Request, RdsFault> {
    let (database, of) = (making.family().database_parameter(), making.of_parameter());
    let apart = ["Action", "Version", "ApplyImmediately", database];
    let mut parameters = Parameters::default();
    for (key, value) in form.iter() {
        if apart.contains(&key) || of == Some(key) || key.starts_with("Tags.") {
            continue;
        }
        let is_whole = making.parameters().any(|name| name == key);
        let list = key.split('.').next().unwrap_or_default();
        parameters.add(if is_whole { key } else { list }, value);
    }
    let request = DatabaseRequest {
        database: form.required(database)?,
        of: of.and_then(|of| form.optional(of)),
        at_once: form.boolean("ApplyImmediately")?,
        tags,
        parameters,
    };
    Ok(Request::Make(making, request))
}

/// What the model takes of a database that is made of nothing. It has no users, so their names are read and forgotten.
const NEW_DATABASE: [&str; 14] = [
    "Action",
    "Version",
    "Engine",
    "DBInstanceClass",
    "AllocatedStorage",
    "StorageType",
    "StorageEncrypted",
    "DBSubnetGroupName",
    "BackupRetentionPeriod",
    "PubliclyAccessible",
    "DeletionProtection",
    "MasterUsername",
    "MasterUserPassword",
    "AutoMinorVersionUpgrade",
];

fn created(family: Family, form: &Form, tags: Vec<(String, String)>) -> Result<Request, RdsFault> {
    let name = family.database_parameter();
    let unknown =
        |key: &&str| *key != name && !key.starts_with("Tags.") && !NEW_DATABASE.contains(key);
    if let Some(key) = form.iter().map(|(key, _)| key).find(unknown) {
        let message = format!("The model makes no database with the parameter {key}.");
        return Err(RdsFault::InvalidParameterValue(message));
    }
    let number = |key: &str| {
        let number = form.integer(key)?.map(TryInto::try_into).transpose();
        number.map_err(|_| RdsFault::InvalidParameterValue(format!("{key} is out of range.")))
    };
    let storage: Option<u32> = number("AllocatedStorage")?;
    let retention: Option<u32> = number("BackupRetentionPeriod")?;
    let database = CreateDatabase {
        database: form.required(name)?,
        engine: form.required("Engine")?,
        class: form.optional("DBInstanceClass"),
        storage,
        encrypted: match form.get("StorageEncrypted") {
            Some(_) => Some(form.boolean("StorageEncrypted")?),
            None => None,
        },
        subnet_group: form.optional("DBSubnetGroupName"),
        backup_retention_days: retention.and_then(|days| days.try_into().ok()),
        tags,
    };
    Ok(Request::CreateDatabase(family, database))
}

fn role(family: Family, form: &Form) -> Result<Request, RdsFault> {
    let role = AddRole {
        database: form.required(family.database_parameter())?,
        role: form.required("RoleArn")?,
        feature: match family {
            Family::Instance => form.required("FeatureName")?,
            Family::Cluster => form.optional("FeatureName").unwrap_or_default(),
        },
    };
    Ok(Request::AddRole(family, role))
}

fn deletion(family: Family, form: &Form) -> Result<Request, RdsFault> {
    let deletion = DeleteDatabase {
        database: form.required(family.database_parameter())?,
        skips_final_snapshot: form.boolean("SkipFinalSnapshot")?,
        final_snapshot: form.optional("FinalDBSnapshotIdentifier"),
    };
    Ok(Request::DeleteDatabase(family, deletion))
}
