//! From an answer of RDS to XML, by the names of AWS's service model.

use quick_xml::se::SeError;
use serde::Serialize;

use super::attribute_shapes::{ClusterSnapshotAttributes, InstanceSnapshotAttributes};
use super::cluster_shapes;
use super::fault::WireFault;
use super::list_shapes;
use super::offer_shapes::{EngineVersions, Groups, OrderableOptions};
use super::shapes;
use crate::rds::{Answer, Family};

const NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(rename = "RequestId")]
    request_id: &'a str,
}

/// An answer without a result.
#[derive(Serialize)]
struct Done<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    #[serde(rename = "ResponseMetadata")]
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorResponse<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    error: ErrorBody<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody<'a> {
    r#type: &'a str,
    code: &'a str,
    message: String,
}

#[derive(Serialize)]
struct OneSnapshot {
    #[serde(rename = "DBSnapshot")]
    snapshot: shapes::DbSnapshot,
}

#[derive(Serialize)]
struct Snapshots {
    #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    #[serde(rename = "DBSnapshots")]
    snapshots: shapes::DbSnapshots,
}

#[derive(Serialize)]
struct Instances {
    #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    #[serde(rename = "DBInstances")]
    instances: shapes::DbInstances,
}

#[derive(Serialize)]
struct OneInstance {
    #[serde(rename = "DBInstance")]
    instance: shapes::DbInstance,
}

#[derive(Serialize)]
struct OneCluster {
    #[serde(rename = "DBCluster")]
    cluster: cluster_shapes::DbCluster,
}

#[derive(Serialize)]
struct HttpEndpoint {
    #[serde(rename = "ResourceArn")]
    arn: String,
    #[serde(rename = "HttpEndpointEnabled")]
    is_enabled: bool,
}

#[derive(Serialize)]
struct OneClusterSnapshot {
    #[serde(rename = "DBClusterSnapshot")]
    snapshot: cluster_shapes::DbClusterSnapshot,
}

#[derive(Serialize)]
struct ClusterSnapshots {
    #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    #[serde(rename = "DBClusterSnapshots")]
    snapshots: cluster_shapes::DbClusterSnapshots,
}

#[derive(Serialize)]
struct Clusters {
    #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    #[serde(rename = "DBClusters")]
    clusters: cluster_shapes::DbClusters,
}

#[derive(Serialize)]
struct Events {
    #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    #[serde(rename = "Events")]
    events: list_shapes::Events,
}

#[derive(Serialize)]
struct OptionGroups {
    #[serde(rename = "OptionGroupsList")]
    groups: list_shapes::OptionGroups,
    #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Serialize)]
struct ResourceTags {
    #[serde(rename = "TagList")]
    tags: shapes::TagList,
}

#[derive(Serialize)]
struct Quotas {
    #[serde(rename = "AccountQuotas")]
    quotas: shapes::AccountQuotas,
}

/// Writes the answer to `operation`.
pub(super) fn answer(operation: &str, answer: Answer, id: &str) -> Result<String, SeError> {
    let response = format!("{operation}Response");
    let metadata = Metadata { request_id: id };
    let result = match answer {
        Answer::Done => {
            let done = Done {
                namespace: NAMESPACE,
                metadata,
            };
            return quick_xml::se::to_string_with_root(&response, &done);
        }
        Answer::Snapshot(snapshot) => result(
            operation,
            &OneSnapshot {
                snapshot: (*snapshot).into(),
            },
        )?,
        Answer::Snapshots(page) => {
            let snapshots = page.items.into_iter().collect();
            result(
                operation,
                &Snapshots {
                    marker: page.marker,
                    snapshots,
                },
            )?
        }
        Answer::Instances(page) => {
            let instances = page.items.into_iter().collect();
            result(
                operation,
                &Instances {
                    marker: page.marker,
                    instances,
                },
            )?
        }
        Answer::ClusterSnapshot(snapshot) => result(
            operation,
            &OneClusterSnapshot {
                snapshot: (*snapshot).into(),
            },
        )?,
        Answer::ClusterSnapshots(page) => {
            let snapshots = page.items.into_iter().collect();
            result(
                operation,
                &ClusterSnapshots {
                    marker: page.marker,
                    snapshots,
                },
            )?
        }
        Answer::Clusters(page) => {
            let clusters = page.items.into_iter().collect();
            result(
                operation,
                &Clusters {
                    marker: page.marker,
                    clusters,
                },
            )?
        }
        Answer::Tags(tags) => result(
            operation,
            &ResourceTags {
                tags: (&tags).into(),
            },
        )?,
        Answer::Attributes(attributes) => match attributes.family {
            Family::Instance => result(operation, &InstanceSnapshotAttributes::from(attributes))?,
            Family::Cluster => result(operation, &ClusterSnapshotAttributes::from(attributes))?,
        },
        Answer::Events(page) => {
            let events = page.items.into_iter().collect();
            result(
                operation,
                &Events {
                    marker: page.marker,
                    events,
                },
            )?
        }
        Answer::OptionGroups(page) => {
            let groups = page.items.into_iter().collect();
            result(
                operation,
                &OptionGroups {
                    groups,
                    marker: page.marker,
                },
            )?
        }
        Answer::Instance(instance) => result(
            operation,
            &OneInstance {
                instance: (*instance).into(),
            },
        )?,
        Answer::Cluster(cluster) => result(
            operation,
            &OneCluster {
                cluster: (*cluster).into(),
            },
        )?,
        Answer::HttpEndpoint(arn) => result(
            operation,
            &HttpEndpoint {
                arn,
                is_enabled: true,
            },
        )?,
        Answer::Groups(kind, page) => result(operation, &Groups::of(kind, page))?,
        Answer::EngineVersions(offers) => result(operation, &EngineVersions::from(offers))?,
        Answer::OrderableOptions(offers) => result(operation, &OrderableOptions::from(offers))?,
        Answer::Quotas(quotas) => {
            let quotas = quotas.into_iter().collect();
            result(operation, &Quotas { quotas })?
        }
    };
    // The element around the result carries the operation's name, which no derived type can;
    // both halves are well-formed, and the operation's name is one of ours.
    let metadata = quick_xml::se::to_string_with_root("ResponseMetadata", &metadata)?;
    Ok(format!(
        "<{response} xmlns=\"{NAMESPACE}\">{result}{metadata}</{response}>"
    ))
}

fn result(operation: &str, result: &impl Serialize) -> Result<String, SeError> {
    quick_xml::se::to_string_with_root(&format!("{operation}Result"), result)
}

/// Writes an error.
pub(super) fn error(fault: &WireFault, id: &str) -> Result<String, SeError> {
    let response = ErrorResponse {
        namespace: NAMESPACE,
        error: ErrorBody {
            r#type: if fault.http_status() < 500 {
                "Sender"
            } else {
                "Receiver"
            },
            code: fault.code(),
            message: printable(&fault.to_string()),
        },
        request_id: id,
    };
    quick_xml::se::to_string_with_root("ErrorResponse", &response)
}

/// Messages quote what callers sent, and XML 1.0 has no way to write most control characters.
fn printable(text: &str) -> String {
    let fits = |c: char| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}');
    text.chars()
        .map(|c| if fits(c) { c } else { '\u{FFFD}' })
        .collect()
}
