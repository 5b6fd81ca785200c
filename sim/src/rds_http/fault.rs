//! Errors of the protocol, before a call reaches RDS itself.

use crate::rds::RdsFault;

/// What a request is answered with that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireFault {
    /// RDS refuses the call.
    #[error(transparent)]
    Rds(#[from] RdsFault),
    /// The body or query is not form data.
    #[error("The query string is malformed: {0}")]
    MalformedQueryString(String),
    /// No `Action`.
    #[error("The request must contain the parameter Action.")]
    MissingAction,
    /// An operation this service does not have; carries its name and version.
    #[error("Could not find operation {0} for version {1}")]
    InvalidAction(String, String),
    /// No signature.
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,
    /// A signature of the wrong form; carries what was found.
    #[error("The credential must have the form KEY/DATE/REGION/rds/aws4_request; found {0}")]
    IncompleteSignature(String),
    /// A signature for another service; carries its name.
    #[error("Credential should be scoped to correct service: 'rds', not '{0}'.")]
    OtherService(String),
    /// IAM does not let the caller; carries IAM's sentence.
    #[error("{0}")]
    AccessDenied(String),
    /// A key that IAM does not know; carries IAM's sentence.
    #[error("{0}")]
    UnknownCaller(String),
    /// IAM gave no answer; carries the reason.
    #[error("IAM did not answer: {0}")]
    NoAnswerOfIam(String),
    /// Another method than GET and POST, or another path than `/`.
    #[error("The service takes GET and POST on /.")]
    UnknownPath,
    /// An error that was asked for.
    #[error("{message}")]
    Injected {
        /// The HTTP status.
        status: u16,
        /// The code.
        code: &'static str,
        /// The whole sentence.
        message: String,
    },
}

impl WireFault {
    /// The `Code` of the answer (RDS API reference, Common errors).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rds(fault) => fault.code(),
            Self::MalformedQueryString(_) => "MalformedQueryString",
            Self::MissingAction => "MissingAction",
            Self::InvalidAction(..) | Self::UnknownPath => "InvalidAction",
            Self::MissingAuthenticationToken => "MissingAuthenticationToken",
            Self::IncompleteSignature(_) => "IncompleteSignature",
            Self::OtherService(_) => "SignatureDoesNotMatch",
            Self::AccessDenied(_) => "AccessDenied",
            Self::UnknownCaller(_) => "InvalidClientTokenId",
            Self::NoAnswerOfIam(_) => "InternalFailure",
            Self::Injected { code, .. } => code,
        }
    }

    /// The HTTP status of the answer.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Rds(fault) => fault.http_status(),
            Self::Injected { status, .. } => *status,
            Self::MalformedQueryString(_) => 404,
            Self::MissingAuthenticationToken
            | Self::OtherService(_)
            | Self::AccessDenied(_)
            | Self::UnknownCaller(_) => 403,
            Self::NoAnswerOfIam(_) => 500,
            Self::MissingAction
            | Self::InvalidAction(..)
            | Self::IncompleteSignature(_)
            | Self::UnknownPath => 400,
        }
    }
}
