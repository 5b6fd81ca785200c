//! The structures of AWS's service model for groups and for what a region offers, as far as this RDS fills them.

use serde::Serialize;

use crate::rds::{GroupKind, Offer, Page};

macro_rules! groups {
    ($($answer:ident $list:literal $member:literal $name:literal;)+) => {$(
        #[derive(Serialize)]
        pub(super) struct $answer {
            #[serde(rename = "Marker", skip_serializing_if = "Option::is_none")]
            marker: Option<String>,
            #[serde(rename = $list)]
            groups: list::$answer,
        }

        impl From<Page<String>> for $answer {
            fn from(page: Page<String>) -> Self {
                let members = page.items.into_iter().map(|name| one::$answer { name });
                Self {
                    marker: page.marker,
                    groups: list::$answer { members: members.collect() },
                }
            }
        }
    )+
        mod list {
            use serde::Serialize;
            $(
                #[derive(Serialize)]
                pub(in super::super) struct $answer {
                    #[serde(rename = $member)]
                    pub(super) members: Vec<super::one::$answer>,
                }
            )+
        }

        mod one {
            use serde::Serialize;
            $(
                #[derive(Serialize)]
                pub(in super::super) struct $answer {
                    #[serde(rename = $name)]
                    pub(super) name: String,
                }
            )+
        }
    };
}

groups! {
    SubnetGroups "DBSubnetGroups" "DBSubnetGroup" "DBSubnetGroupName";
    ParameterGroups "DBParameterGroups" "DBParameterGroup" "DBParameterGroupName";
    ClusterParameterGroups "DBClusterParameterGroups" "DBClusterParameterGroup" "DBClusterParameterGroupName";
}

/// A page of groups of one kind.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Groups {
    Subnets(SubnetGroups),
    Parameters(ParameterGroups),
    ClusterParameters(ClusterParameterGroups),
}

impl Groups {
    pub(super) fn of(kind: GroupKind, page: Page<String>) -> Self {
        match kind {
            GroupKind::Subnets => Self::Subnets(page.into()),
            GroupKind::Parameters => Self::Parameters(page.into()),
            GroupKind::ClusterParameters => Self::ClusterParameters(page.into()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    engine: String,
    engine_version: String,
    #[serde(rename = "DBInstanceClass", skip_serializing_if = "Option::is_none")]
    class: Option<String>,
}

#[derive(Serialize)]
pub(super) struct EngineVersions {
    #[serde(rename = "DBEngineVersions")]
    versions: Versions,
}

#[derive(Serialize)]
struct Versions {
    #[serde(rename = "DBEngineVersion")]
    members: Vec<Row>,
}

#[derive(Serialize)]
pub(super) struct OrderableOptions {
    #[serde(rename = "OrderableDBInstanceOptions")]
    options: Options,
}

#[derive(Serialize)]
struct Options {
    #[serde(rename = "OrderableDBInstanceOption")]
    members: Vec<Row>,
}

fn rows(offers: Vec<Offer>) -> Vec<Row> {
    let row = |offer: Offer| Row {
        engine: offer.engine,
        engine_version: offer.version,
        class: offer.class,
    };
    offers.into_iter().map(row).collect()
}

impl From<Vec<Offer>> for EngineVersions {
    fn from(offers: Vec<Offer>) -> Self {
        let members = rows(offers);
        Self {
            versions: Versions { members },
        }
    }
}

impl From<Vec<Offer>> for OrderableOptions {
    fn from(offers: Vec<Offer>) -> Self {
        let members = rows(offers);
        Self {
            options: Options { members },
        }
    }
}
