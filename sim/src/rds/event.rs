//! The events RDS sends, as they arrive on the default event bus.
//!
//! Ids, categories and wordings are those of the RDS User Guide ("DB snapshot events" and "DB
//! cluster snapshot events"). There is no event for a snapshot or copy that failed, and none for
//! the copy of a cluster snapshot.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Value, json};

use super::family::Family;
use super::names::Region;
use super::snapshot::{CopySource, SnapshotType};
use super::tags::Tags;

/// What happened to a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Creating,
    Created,
    Deleted,
    CopyBegun(CopySource),
    CopyDone(CopySource, i64),
    CopyCanceled(CopySource),
}

impl Happening {
    /// For cluster snapshots, neither copies nor deletions have an event (RDS User Guide, DB
    /// cluster snapshot events).
    pub(super) fn is_announced(&self, family: Family) -> bool {
        family == Family::Instance || matches!(self, Self::Creating | Self::Created)
    }

    fn id(&self, family: Family, kind: SnapshotType) -> &'static str {
        let automated = kind == SnapshotType::Automated;
        match self {
            Self::Creating if family == Family::Cluster && automated => "RDS-EVENT-0168",
            Self::Created if family == Family::Cluster && automated => "RDS-EVENT-0169",
            Self::Creating if automated => "RDS-EVENT-0090",
            Self::Created if automated => "RDS-EVENT-0091",
            Self::Creating if family == Family::Cluster => "RDS-EVENT-0074",
            Self::Created if family == Family::Cluster => "RDS-EVENT-0075",
            Self::Creating => "RDS-EVENT-0040",
            Self::Deleted => "RDS-EVENT-0041",
            Self::Created => "RDS-EVENT-0042",
            Self::CopyBegun(from) if from.across_regions => "RDS-EVENT-0059",
            Self::CopyDone(from, _) if from.across_regions => "RDS-EVENT-0060",
            Self::CopyCanceled(from) if from.across_regions => "RDS-EVENT-0061",
            Self::CopyCanceled(_) => "RDS-EVENT-0190",
            Self::CopyBegun(_) => "RDS-EVENT-0196",
            Self::CopyDone(..) => "RDS-EVENT-0197",
        }
    }

    fn category(&self, family: Family) -> &'static str {
        match self {
            Self::Creating | Self::Created if family == Family::Cluster => "backup",
            Self::Creating | Self::Created => "creation",
            Self::Deleted => "deletion",
            Self::CopyBegun(_) | Self::CopyDone(..) | Self::CopyCanceled(_) => "notification",
        }
    }

    fn message(&self, family: Family, kind: SnapshotType) -> String {
        let kind = kind.as_str();
        let of_kind = format!("{}{}", kind[..1].to_uppercase(), &kind[1..]);
        let of = |from: &CopySource| {
            let word = if from.across_regions { "from" } else { "in" };
            format!("{} {word} region {}", from.name, from.region)
        };
        match self {
            Self::Creating if family == Family::Cluster => {
                format!("Creating {kind} cluster snapshot")
            }
            Self::Created if family == Family::Cluster => {
                format!("{of_kind} cluster snapshot created")
            }
            Self::Creating => format!("Creating {kind} snapshot"),
            Self::Created => format!("{of_kind} snapshot created"),
            Self::Deleted => format!("Deleted {kind} snapshot"),
            Self::CopyBegun(from) => format!("Started copy of snapshot {}", of(from)),
            Self::CopyDone(from, minutes) if from.across_regions => {
                format!(
                    "Finished copy of snapshot {} in {minutes} minutes",
                    of(from)
                )
            }
            Self::CopyDone(from, _) => format!("Finished copy of snapshot {}", of(from)),
            Self::CopyCanceled(from) => {
                format!("Canceled snapshot copy request of {}", of(from))
            }
        }
    }
}

/// One event of RDS, on its way to one region's default event bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmittedEvent {
    /// The envelope's id; a doubled event has the same.
    pub id: String,
    /// The region whose bus it arrives on.
    pub region: Region,
    /// The account.
    pub account: String,
    /// When it arrives.
    pub at: Timestamp,
    /// When it happened.
    pub date: Timestamp,
    /// `RDS-EVENT-nnnn`.
    pub event_id: &'static str,
    /// Whether the event says so: those of cluster snapshots may leave it out.
    pub tells_its_id: bool,
    /// The envelope's detail-type.
    pub detail_type: &'static str,
    /// SourceType.
    pub source_type: &'static str,
    /// SourceArn, and the envelope's only resource.
    pub source_arn: String,
    /// SourceIdentifier.
    pub source_identifier: String,
    /// EventCategories.
    pub categories: Vec<&'static str>,
    /// Message.
    pub message: String,
    /// The resource's tags when the event was sent.
    pub tags: Tags,
}

/// The resource an event is about.
pub(super) struct About<'a> {
    pub(super) region: &'a Region,
    pub(super) account: &'a str,
    pub(super) family: Family,
    pub(super) kind: SnapshotType,
    pub(super) arn: &'a str,
    pub(super) name: &'a str,
    pub(super) tags: &'a Tags,
}

impl EmittedEvent {
    pub(super) fn new(id: String, about: About<'_>, what: &Happening, date: Timestamp) -> Self {
        let (family, kind) = (about.family, about.kind);
        Self {
            id,
            region: about.region.clone(),
            account: about.account.to_owned(),
            at: date,
            date,
            event_id: what.id(family, kind),
            tells_its_id: true,
            detail_type: match family {
                Family::Instance => "RDS DB Snapshot Event",
                Family::Cluster => "RDS DB Cluster Snapshot Event",
            },
            source_type: match family {
                Family::Instance => "SNAPSHOT",
                Family::Cluster => "CLUSTER_SNAPSHOT",
            },
            source_arn: about.arn.to_owned(),
            source_identifier: about.name.to_owned(),
            categories: vec![what.category(family)],
            message: what.message(family, kind),
            tags: about.tags.clone(),
        }
    }

    /// The `detail` of the EventBridge envelope.
    pub fn detail(&self) -> Value {
        let tags: serde_json::Map<String, Value> = self
            .tags
            .iter()
            .map(|(k, v)| (k.to_owned(), Value::from(v)))
            .collect();
        let mut detail = json!({
            "EventCategories": self.categories,
            "SourceType": self.source_type,
            "SourceArn": self.source_arn,
            "Date": with_milliseconds(self.date),
            "SourceIdentifier": self.source_identifier,
            "Message": self.message,
            "Tags": tags,
        });
        if self.tells_its_id {
            detail["EventID"] = Value::from(self.event_id);
        }
        detail
    }

    /// The whole event as EventBridge hands it to a target.
    pub fn envelope(&self) -> Value {
        json!({
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": "aws.rds",
            "account": self.account,
            // Second precision here, milliseconds in `detail.Date`, as AWS does.
            "time": DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&self.date),
            "region": self.region.as_str(),
            "resources": [self.source_arn],
            "detail": self.detail(),
        })
    }
}

/// A time as RDS writes it: UTC, three digits of a second.
pub fn with_milliseconds(time: Timestamp) -> String {
    DateTimePrinter::new()
        .precision(Some(3))
        .timestamp_to_string(&time)
}
