//! From a form to a call of RDS.

use super::fault::WireFault;
use super::form::Form;
use super::making;
use crate::rds::{
    CopyDbSnapshot, CreateDbSnapshot, DescribeDbClusters, DescribeDbInstances, DescribeDbSnapshots,
    DescribeEvents, DescribeOptionGroups, Family, Filter, GroupKind, ListGroups,
    ModifySnapshotAttribute, Offer, Paging, RdsFault, Request,
};

/// The API's only version.
const VERSION: &str = "2014-10-31";

/// Reads the call that a form spells out.
///
/// # Errors
/// `MissingAction`, `InvalidAction`, `MissingParameter`, `InvalidParameterValue`.
pub(super) fn request(form: &Form) -> Result<Request, WireFault> {
    let action = form.get("Action").ok_or(WireFault::MissingAction)?;
    let version = form.required("Version")?;
    if version != VERSION {
        return Err(WireFault::InvalidAction(action.to_owned(), version));
    }
    let request = match action {
        "CreateDBSnapshot" => Request::CreateDbSnapshot(CreateDbSnapshot {
            snapshot: form.required("DBSnapshotIdentifier")?,
            instance: form.required("DBInstanceIdentifier")?,
            tags: tags(form)?,
        }),
        "CopyDBSnapshot" => Request::CopyDbSnapshot(CopyDbSnapshot {
            source: form.required("SourceDBSnapshotIdentifier")?,
            target: form.required("TargetDBSnapshotIdentifier")?,
            kms_key: form.optional("KmsKeyId"),
            copy_tags: form.boolean("CopyTags")?,
            tags: tags(form)?,
            option_group: form.optional("OptionGroupName"),
            pre_signed_url: form.optional("PreSignedUrl"),
        }),
        "DescribeDBSnapshots" => Request::DescribeDbSnapshots(DescribeDbSnapshots {
            snapshot: form.optional("DBSnapshotIdentifier"),
            instance: form.optional("DBInstanceIdentifier"),
            resource_id: form.optional("DbiResourceId"),
            snapshot_type: form.optional("SnapshotType"),
            filters: filters(form)?,
            paging: paging(form)?,
        }),
        "DescribeDBInstances" => Request::DescribeDbInstances(DescribeDbInstances {
            instance: form.optional("DBInstanceIdentifier"),
            filters: filters(form)?,
            paging: paging(form)?,
        }),
        "DeleteDBSnapshot" => Request::DeleteDbSnapshot(form.required("DBSnapshotIdentifier")?),
        "ListTagsForResource" => Request::ListTagsForResource(form.required("ResourceName")?),
        "AddTagsToResource" => {
            Request::AddTagsToResource(form.required("ResourceName")?, tags(form)?)
        }
        "RemoveTagsFromResource" => Request::RemoveTagsFromResource(
            form.required("ResourceName")?,
            values(form, "TagKeys", "member")?,
        ),
        "DescribeDBSnapshotAttributes" => Request::DescribeSnapshotAttributes(
            Family::Instance,
            form.required("DBSnapshotIdentifier")?,
        ),
        "DescribeDBClusterSnapshotAttributes" => Request::DescribeSnapshotAttributes(
            Family::Cluster,
            form.required("DBClusterSnapshotIdentifier")?,
        ),
        "ModifyDBSnapshotAttribute" => Request::ModifySnapshotAttribute(
            Family::Instance,
            attribute(form, "DBSnapshotIdentifier")?,
        ),
        "ModifyDBClusterSnapshotAttribute" => Request::ModifySnapshotAttribute(
            Family::Cluster,
            attribute(form, "DBClusterSnapshotIdentifier")?,
        ),
        "DescribeEvents" => Request::DescribeEvents(DescribeEvents {
            source: form.optional("SourceIdentifier"),
            source_type: form.optional("SourceType"),
            start: form.time("StartTime")?,
            end: form.time("EndTime")?,
            minutes: form.integer("Duration")?,
            categories: values(form, "EventCategories", "EventCategory")?,
            paging: paging(form)?,
        }),
        "DescribeOptionGroups" => Request::DescribeOptionGroups(DescribeOptionGroups {
            name: form.optional("OptionGroupName"),
            engine: form.optional("EngineName"),
            major_version: form.optional("MajorEngineVersion"),
            paging: paging(form)?,
        }),
        "CreateDBClusterSnapshot" => Request::CreateDbClusterSnapshot(CreateDbSnapshot {
            snapshot: form.required("DBClusterSnapshotIdentifier")?,
            instance: form.required("DBClusterIdentifier")?,
            tags: tags(form)?,
        }),
        "CopyDBClusterSnapshot" => Request::CopyDbClusterSnapshot(CopyDbSnapshot {
            source: form.required("SourceDBClusterSnapshotIdentifier")?,
            target: form.required("TargetDBClusterSnapshotIdentifier")?,
            kms_key: form.optional("KmsKeyId"),
            copy_tags: form.boolean("CopyTags")?,
            tags: tags(form)?,
            option_group: None,
            pre_signed_url: form.optional("PreSignedUrl"),
        }),
        "DescribeDBClusterSnapshots" => Request::DescribeDbClusterSnapshots(DescribeDbSnapshots {
            snapshot: form.optional("DBClusterSnapshotIdentifier"),
            instance: form.optional("DBClusterIdentifier"),
            resource_id: form.optional("DbClusterResourceId"),
            snapshot_type: form.optional("SnapshotType"),
            filters: filters(form)?,
            paging: paging(form)?,
        }),
        "DescribeDBClusters" => Request::DescribeDbClusters(DescribeDbClusters {
            cluster: form.optional("DBClusterIdentifier"),
            filters: filters(form)?,
            paging: paging(form)?,
        }),
        "DeleteDBClusterSnapshot" => {
            Request::DeleteDbClusterSnapshot(form.required("DBClusterSnapshotIdentifier")?)
        }
        "DescribeAccountAttributes" => Request::DescribeAccountAttributes,
        "DescribeDBEngineVersions" => Request::DescribeDbEngineVersions(offer(form)?),
        "DescribeOrderableDBInstanceOptions" => {
            Request::DescribeOrderableDbInstanceOptions(Offer {
                class: Some(form.required("DBInstanceClass")?),
                ..offer(form)?
            })
        }
        "DescribeDBSubnetGroups"
        | "DescribeDBParameterGroups"
        | "DescribeDBClusterParameterGroups" => Request::ListGroups(groups(action, form)?),
        _ => match making::request(action, form, tags(form)?) {
            Some(request) => request?,
            None => return Err(WireFault::InvalidAction(action.to_owned(), version)),
        },
    };
    Ok(request)
}

/// The model answers about one version at a time.
fn offer(form: &Form) -> Result<Offer, RdsFault> {
    Ok(Offer {
        engine: form.required("Engine")?,
        version: form.required("EngineVersion")?,
        class: None,
    })
}

fn groups(action: &str, form: &Form) -> Result<ListGroups, RdsFault> {
    let mut kinds = GroupKind::ALL.into_iter();
    let kind = kinds.find(|kind| kind.operation() == action);
    let kind = kind.unwrap_or(GroupKind::Subnets);
    Ok(ListGroups {
        kind,
        name: form.optional(kind.parameter()),
        paging: paging(form)?,
    })
}

fn tags(form: &Form) -> Result<Vec<(String, String)>, RdsFault> {
    let read = |tag: &super::form::Member<'_>| {
        let key = tag.field("Key").unwrap_or_default();
        (
            key.to_owned(),
            tag.field("Value").unwrap_or_default().to_owned(),
        )
    };
    Ok(form.list("Tags", "Tag")?.iter().map(read).collect())
}

fn attribute(form: &Form, identifier: &str) -> Result<ModifySnapshotAttribute, RdsFault> {
    Ok(ModifySnapshotAttribute {
        snapshot: form.required(identifier)?,
        attribute: form.required("AttributeName")?,
        add: values(form, "ValuesToAdd", "AttributeValue")?,
        remove: values(form, "ValuesToRemove", "AttributeValue")?,
    })
}

/// A list of plain values.
fn values(form: &Form, list: &str, member: &str) -> Result<Vec<String>, RdsFault> {
    let members = form.list(list, member)?;
    let values = members.iter().filter_map(|value| value.field(""));
    Ok(values.map(str::to_owned).collect())
}

fn filters(form: &Form) -> Result<Vec<Filter>, RdsFault> {
    let read = |filter: &super::form::Member<'_>| {
        let name = filter.field("Name");
        let name = name.ok_or_else(|| RdsFault::MissingParameter("Filters.Name".to_owned()))?;
        Ok(Filter {
            name: name.to_owned(),
            values: filter.values("Values", "Value")?,
        })
    };
    form.list("Filters", "Filter")?.iter().map(read).collect()
}

fn paging(form: &Form) -> Result<Paging, RdsFault> {
    Ok(Paging {
        max_records: form.integer("MaxRecords")?,
        marker: form.optional("Marker"),
    })
}
