//! From a form to a call that makes, changes or deletes a database.

use super::form::Form;
use crate::rds::{
    AddRole, DatabaseRequest, DeleteDatabase, Family, Making, Parameters, RdsFault, Request,
};

/// Reads such a call. `None` if the action is another one.
pub(super) fn request(
    action: &str,
    form: &Form,
    tags: Vec<(String, String)>,
) -> Option<Result<Request, RdsFault>> {
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
