//! The structures of AWS's service model for a snapshot's attributes.

use serde::Serialize;

use crate::rds::SnapshotAttributes;

#[derive(Serialize)]
pub(super) struct InstanceSnapshotAttributes {
    #[serde(rename = "DBSnapshotAttributesResult")]
    result: InstanceResult,
}

#[derive(Serialize)]
struct InstanceResult {
    #[serde(rename = "DBSnapshotIdentifier")]
    snapshot: String,
    #[serde(rename = "DBSnapshotAttributes")]
    attributes: InstanceAttributes,
}

#[derive(Serialize)]
struct InstanceAttributes {
    #[serde(rename = "DBSnapshotAttribute")]
    members: [Attribute; 1],
}

#[derive(Serialize)]
pub(super) struct ClusterSnapshotAttributes {
    #[serde(rename = "DBClusterSnapshotAttributesResult")]
    result: ClusterResult,
}

#[derive(Serialize)]
struct ClusterResult {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    snapshot: String,
    #[serde(rename = "DBClusterSnapshotAttributes")]
    attributes: ClusterAttributes,
}

#[derive(Serialize)]
struct ClusterAttributes {
    #[serde(rename = "DBClusterSnapshotAttribute")]
    members: [Attribute; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    attribute_name: &'static str,
    attribute_values: Values,
}

#[derive(Serialize)]
struct Values {
    #[serde(rename = "AttributeValue")]
    members: Vec<String>,
}

fn restore(values: Vec<String>) -> [Attribute; 1] {
    [Attribute {
        attribute_name: "restore",
        attribute_values: Values { members: values },
    }]
}

impl From<SnapshotAttributes> for InstanceSnapshotAttributes {
    fn from(shared: SnapshotAttributes) -> Self {
        Self {
            result: InstanceResult {
                snapshot: shared.snapshot,
                attributes: InstanceAttributes {
                    members: restore(shared.restore),
                },
            },
        }
    }
}

impl From<SnapshotAttributes> for ClusterSnapshotAttributes {
    fn from(shared: SnapshotAttributes) -> Self {
        Self {
            result: ClusterResult {
                snapshot: shared.snapshot,
                attributes: ClusterAttributes {
                    members: restore(shared.restore),
                },
            },
        }
    }
}
