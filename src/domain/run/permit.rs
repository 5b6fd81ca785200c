//! The claim is the permission: whether an execution may make the worker act.
//!
//! Planner, `start`, redrive and take-over claim the database and policy first, with the execution's name and a hash of its
//! input. The worker acts only for an execution that holds the claim. Otherwise everybody who may start an execution could
//! have any database copied under any key.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::domain::id::names::ExecutionName;

/// The hash of an execution's input in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputHash(String);

impl InputHash {
    /// The hash of the canonical text.
    #[must_use]
    pub fn of(canonical: &str) -> Self {
        let digest = Sha256::digest(canonical.as_bytes());
        Self(data_encoding::HEXLOWER.encode(&digest))
    }

    /// As it is stored.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The claim of a database and policy, as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenClaim {
    /// The execution.
    pub by: ExecutionName,
    /// The hash of its input. Version 0.1.0 stored none.
    pub input: Option<InputHash>,
}

/// Whether an execution may make the worker act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// It holds the claim with its input.
    Given,
    /// It holds the claim, which version 0.1.0 made without a hash.
    ByNameAlone,
    /// It does not hold the claim.
    Refused(NotPermitted),
}

/// Why an execution may not make the worker act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPermitted {
    /// Nobody holds the claim.
    Unclaimed,
    /// This other execution holds the claim.
    ClaimedBy(ExecutionName),
    /// The claim was made for another input.
    OtherInput,
}

impl fmt::Display for NotPermitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclaimed => f.write_str(
                "no execution has claimed this database and policy: start runs with snapferry start",
            ),
            Self::ClaimedBy(other) => {
                write!(f, "{other} has claimed this database and policy")
            }
            Self::OtherInput => {
                f.write_str("the execution's input is not the one that was claimed")
            }
        }
    }
}

/// Decides by the claim that the table has.
#[must_use]
pub fn permit(claim: Option<&OpenClaim>, execution: &str, input: &InputHash) -> Permit {
    match claim {
        None => Permit::Refused(NotPermitted::Unclaimed),
        Some(claim) if claim.by.as_str() != execution => {
            Permit::Refused(NotPermitted::ClaimedBy(claim.by.clone()))
        }
        Some(OpenClaim { input: None, .. }) => Permit::ByNameAlone,
        Some(claim) if claim.input.as_ref() == Some(input) => Permit::Given,
        Some(_) => Permit::Refused(NotPermitted::OtherInput),
    }
}
