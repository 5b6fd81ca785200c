//! Why the check could not go on.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use snapferry::ports::RdsError;
use thiserror::Error;

/// What kept a question from being asked, or a thing from being removed.
#[derive(Debug, Error)]
pub enum CheckError {
    /// AWS refused a call.
    #[error("{what}: AWS refused it with {code}: {words}")]
    Refused {
        /// The call.
        what: &'static str,
        /// AWS's error code.
        code: String,
        /// AWS's message.
        words: String,
    },
    /// No usable answer came.
    #[error("{what}: no usable answer came: {why}")]
    NoAnswer {
        /// The call.
        what: &'static str,
        /// What happened instead.
        why: String,
    },
    /// Something did not come to its end in time.
    #[error("{0} was not over in time")]
    TooLong(String),
    /// The account is not in a state in which this can be asked.
    #[error("{0}")]
    Unfit(String),
    /// The record of what was made cannot be kept.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
}

/// The result of a call that AWS answered, with or without an error.
pub type Answered<T> = Result<T, CheckError>;

impl CheckError {
    /// AWS's error code, if AWS refused a call.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether IAM denied the call.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.code()
            .is_some_and(|code| code.starts_with("AccessDenied"))
    }

    /// Whether AWS knows no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code().is_some_and(|code| code.contains("NotFound"))
    }

    /// Whether the thing is at work, so that a later try may succeed.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let busy = |code: &str| code.starts_with("Invalid") && code.contains("State");
        self.code().is_some_and(busy)
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    pub(crate) fn unusable(what: &'static str, why: impl Display) -> Self {
        Self::NoAnswer {
            what,
            why: why.to_string(),
        }
    }
}

/// Names the call that an error of the SDK is of.
pub(crate) fn of<E>(what: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> CheckError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    move |error| match error.code() {
        Some(code) => CheckError::Refused {
            what,
            code: code.to_owned(),
            words: error.message().unwrap_or_default().to_owned(),
        },
        None => CheckError::unusable(what, DisplayErrorContext(&error)),
    }
}

impl From<RdsError> for CheckError {
    fn from(error: RdsError) -> Self {
        let what = error.operation.as_str();
        match error.code {
            Some(code) => Self::Refused {
                what,
                code,
                words: error.message,
            },
            None => Self::unusable(what, error.message),
        }
    }
}
