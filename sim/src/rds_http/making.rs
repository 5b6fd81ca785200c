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

/// The parameter that names the database.
fn identifier(family: Family) -> &'static str {
    match family {
        Family::Instance => "DBInstanceIdentifier",
        Family::Cluster => "DBClusterIdentifier",
    }
}

fn made(making: Making, form: &Form, tags: Vec<(String, String)>) -> Result<Request, RdsFault> {
    let (family, of) = match making {
        Making::RestoreInstance => (Family::Instance, "DBSnapshotIdentifier"),
        Making::RestoreCluster => (Family::Cluster, "SnapshotIdentifier"),
        Making::CreateMember => (Family::Instance, "DBClusterIdentifier"),
        Making::ModifyInstance => (Family::Instance, ""),
        Making::ModifyCluster => (Family::Cluster, ""),
    };
    let apart = [
        "Action",
        "Version",
        "ApplyImmediately",
        identifier(family),
        of,
    ];
    let mut parameters = Parameters::default();
    for (key, value) in form.iter() {
        if apart.contains(&key) || key.starts_with("Tags.") {
            continue;
        }
        let is_whole = making.parameters().any(|name| name == key);
        let list = key.split('.').next().unwrap_or_default();
        parameters.add(if is_whole { key } else { list }, value);
    }
    let request = DatabaseRequest {
        database: form.required(identifier(family))?,
        of: form.optional(of),
        at_once: form.boolean("ApplyImmediately")?,
        tags,
        parameters,
    };
    Ok(Request::Make(making, request))
}

fn role(family: Family, form: &Form) -> Result<Request, RdsFault> {
    let role = AddRole {
        database: form.required(identifier(family))?,
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
        database: form.required(identifier(family))?,
        skips_final_snapshot: form.boolean("SkipFinalSnapshot")?,
        final_snapshot: form.optional("FinalDBSnapshotIdentifier"),
    };
    Ok(Request::DeleteDatabase(family, deletion))
}
