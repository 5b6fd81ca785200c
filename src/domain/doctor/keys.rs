//! Keys: those of the copies, and those of the sources.

use jiff::Timestamp;

use super::{Check, Finding, Level};
use crate::domain::id::arn::{KeyArn, Region};

/// Who made a key and says who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// AWS (`aws/rds`). Nobody can change its policy, and only its own account can use it.
    Aws,
    /// The owner of the account.
    Customer,
}

/// A key's state, as KMS names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// It is usable.
    Enabled,
    /// It is disabled.
    Disabled,
    /// It will be deleted, and is not usable until then.
    PendingDeletion(Option<Timestamp>),
    /// Another state, such as key material that is not imported, or a key store that is not connected.
    Other(String),
}

/// A key as KMS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// The key.
    pub arn: KeyArn,
    /// Its state.
    pub state: KeyState,
    /// Who manages it.
    pub manager: Manager,
    /// Whether it is a symmetric encryption key. RDS accepts no other.
    pub symmetric: bool,
}

impl KeyFacts {
    /// Whether a person could change the key's policy. Nobody can change that of an AWS-managed key, and a key that is
    /// pending deletion has a finding already.
    #[must_use]
    pub fn has_own_policy(&self) -> bool {
        self.manager == Manager::Customer && !matches!(self.state, KeyState::PendingDeletion(_))
    }

    /// Why RDS cannot encrypt under it. `None` if it can. RDS accepts symmetric keys that are enabled (RDS user guide,
    /// *Encrypting Amazon RDS resources*).
    #[must_use]
    pub fn unusable(&self) -> Option<String> {
        let state = match &self.state {
            KeyState::Enabled if self.symmetric => return None,
            KeyState::Enabled => {
                return Some("it is not a symmetric encryption key".to_owned());
            }
            KeyState::Disabled => "Disabled",
            KeyState::PendingDeletion(_) => "PendingDeletion",
            KeyState::Other(state) => state,
        };
        Some(format!("its state is {state}"))
    }
}

/// Why a key cannot be used, and how to fix that. `None` if it can be used.
fn broken(found: Option<&KeyFacts>) -> Option<(String, &'static str)> {
    let Some(key) = found else {
        return Some((
            "KMS knows no such key".to_owned(),
            "give the ARN of a key that exists",
        ));
    };
    let (what, remedy) = match &key.state {
        KeyState::Enabled if key.symmetric => return None,
        KeyState::Enabled => (
            "it is not a symmetric encryption key, and RDS accepts no other".to_owned(),
            "use a symmetric encryption key",
        ),
        KeyState::Disabled => ("it is disabled".to_owned(), "enable it in KMS"),
        KeyState::PendingDeletion(at) => {
            let at = at.map_or_else(String::new, |at| format!(" and will be deleted at {at}"));
            (
                format!("it is pending deletion{at}"),
                "cancel its deletion in KMS and enable it: all data that is encrypted under it is lost with it",
            )
        }
        KeyState::Other(state) => (
            format!("its state is {state}, and it cannot be used"),
            "bring it into the state Enabled: import its material, or connect its key store",
        ),
    };
    Some((what, remedy))
}

/// Checks the key of the copies. A copy's key must be of the copy's region (CopyDBSnapshot, `KmsKeyId`).
#[must_use]
pub fn recovery_key(key: &KeyArn, home: &Region, found: Option<&KeyFacts>) -> Finding {
    const CHECK: Check = Check::RecoveryKey;
    if let Some(elsewhere) = in_another_region(key, home) {
        return elsewhere;
    }
    match (broken(found), found) {
        (Some((what, remedy)), _) => Finding::bad(CHECK, key, Level::Failure, what, remedy),
        (None, Some(facts)) if facts.manager == Manager::Aws => Finding::ok(
            CHECK,
            key,
            "usable; AWS manages it, so the copies can never be shared with another account",
        ),
        (None, _) => Finding::ok(CHECK, key, "usable"),
    }
}

/// A key of another region fails in any case, so the doctor does not ask KMS about it.
#[must_use]
pub fn in_another_region(key: &KeyArn, home: &Region) -> Option<Finding> {
    (key.region() != home.as_str()).then(|| {
        Finding::bad(
            Check::RecoveryKey,
            key,
            Level::Failure,
            format!(
                "it lives in {}, and the copies are made in {home}",
                key.region()
            ),
            format!("deploy the stack with a key of {home}; for a multi-region key, use its replica there"),
        )
    })
}

/// Checks the key of a region's sources. RDS reads their data with it while it copies.
///
/// AWS's own key works across regions. It never works across accounts, because nobody can let another account use it.
#[must_use]
pub fn source_key(
    key: &KeyArn,
    found: Option<&KeyFacts>,
    databases: &[&str],
    account_of_the_copies: &str,
) -> Finding {
    const CHECK: Check = Check::SourceKey;
    let of = format!("of {}", databases.join(", "));
    if let Some((what, remedy)) = broken(found) {
        let what = format!("{what}: RDS cannot read the data {of}");
        return Finding::bad(CHECK, key, Level::Failure, what, remedy);
    }
    let managed = found.is_some_and(|facts| facts.manager == Manager::Aws);
    if managed && key.account() != account_of_the_copies {
        return Finding::bad(
            CHECK,
            key,
            Level::Failure,
            format!(
                "AWS manages the key {of}, and it cannot be used from account {account_of_the_copies}, where the copies are made"
            ),
            "move the database to a customer-managed key: copy a snapshot of it under one and restore that",
        );
    }
    let what = if managed {
        format!("the key {of}; AWS manages it, which works across regions and not across accounts")
    } else {
        format!("the key {of}; usable")
    };
    Finding::ok(CHECK, key, what)
}
