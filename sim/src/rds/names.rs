//! What RDS calls things: regions, identifiers, Amazon Resource Names.
//!
//! The product has types of the same kind. The model keeps its own on purpose: a judge that
//! parsed with the code it judges would share its mistakes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::RdsFault;

/// The longest identifier of an instance snapshot (RDS API reference, CreateDBSnapshot).
pub const SNAPSHOT_NAME_MAX: usize = 255;
/// The longest identifier of a cluster snapshot (RDS API reference, CreateDBClusterSnapshot).
pub const CLUSTER_SNAPSHOT_NAME_MAX: usize = 63;
/// The longest identifier of a DB instance or cluster (RDS API reference, CreateDBInstance).
pub(super) const DATABASE_NAME_MAX: usize = 63;

/// The partition of the regions in China.
pub(super) const CHINA: &str = "aws-cn";
/// The partition of AWS GovCloud (US).
pub(super) const GOVCLOUD: &str = "aws-us-gov";

/// An AWS region, such as `eu-west-1`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

/// The text is not shaped like an AWS region's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an AWS region: expected a name such as eu-west-1")]
pub struct BadRegion(String);

impl Region {
    /// The name as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that it belongs to, as ARNs spell it.
    pub fn partition(&self) -> &'static str {
        if self.0.starts_with("cn-") {
            CHINA
        } else if self.0.starts_with("us-gov-") {
            GOVCLOUD
        } else {
            "aws"
        }
    }
}

impl FromStr for Region {
    type Err = BadRegion;

    fn from_str(text: &str) -> Result<Self, BadRegion> {
        let parts: Vec<&str> = text.split('-').collect();
        let lower = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let well_formed = text.len() <= 32
            && parts.len() >= 3
            && parts[..parts.len() - 1].iter().all(lower)
            && parts.last().is_some_and(|number| {
                number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit())
            });
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(BadRegion(text.to_owned()))
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks an identifier that a caller wants to give to something, and returns it as RDS stores
/// it: in lower case. `parameter` is named in the message, as RDS does.
///
/// # Errors
/// `InvalidParameterValue` when it is empty, too long, does not begin with a letter, ends with
/// a hyphen, has two hyphens in a row, or holds anything but ASCII letters, digits and hyphens.
pub(super) fn new_identifier(
    parameter: &str,
    text: &str,
    longest: usize,
) -> Result<String, RdsFault> {
    let Some(first) = text.chars().next() else {
        return Err(RdsFault::InvalidParameterValue(format!(
            "The parameter {parameter} must be provided and must not be blank."
        )));
    };
    if !first.is_ascii_alphabetic() {
        return Err(RdsFault::InvalidParameterValue(format!(
            "Invalid snapshot identifier:  {text}"
        )));
    }
    let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !allowed || text.len() > longest || text.ends_with('-') || text.contains("--") {
        return Err(RdsFault::InvalidParameterValue(format!(
            "The parameter {parameter} is not a valid identifier. Identifiers must begin with a \
             letter; must contain only ASCII letters, digits, and hyphens; and must not end with \
             a hyphen or contain two consecutive hyphens."
        )));
    }
    Ok(text.to_ascii_lowercase())
}

/// The parts of an RDS resource's ARN: `arn:<partition>:rds:<region>:<account>:<kind>:<name>`.
/// The name may itself hold a colon (automated snapshots begin with `rds:`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RdsArn {
    /// The region the resource lives in.
    pub region: Region,
    /// The owning account's twelve digits.
    pub account: String,
    /// The kind of resource as ARNs spell it: `snapshot`, `db`, …
    pub kind: String,
    /// The resource's identifier, in lower case.
    pub name: String,
}

impl RdsArn {
    /// Reads an ARN; `None` when the text is not the ARN of an RDS resource.
    pub fn parse(text: &str) -> Option<Self> {
        let (partition, rest) = text.strip_prefix("arn:")?.split_once(":rds:")?;
        let mut parts = rest.splitn(4, ':');
        let region: Region = parts.next()?.parse().ok()?;
        let account = parts.next()?;
        let kind = parts.next()?;
        let name = parts.next()?;
        let complete = account.len() == 12 && !kind.is_empty() && !name.is_empty();
        let complete = complete && partition == region.partition();
        complete.then(|| Self {
            region,
            account: account.to_owned(),
            kind: kind.to_owned(),
            name: name.to_ascii_lowercase(),
        })
    }
}

impl fmt::Display for RdsArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            region,
            account,
            kind,
            name,
        } = self;
        let partition = region.partition();
        write!(f, "arn:{partition}:rds:{region}:{account}:{kind}:{name}")
    }
}
