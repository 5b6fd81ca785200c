//! How a command ends.

use std::io;

use thiserror::Error;

use super::asked::Place;
use crate::app::deploy::DeployError;
use crate::app::destroy::DestroyError;
use crate::aws::ProfileError;
use crate::error::chain;
use crate::ports::{PortError, RdsError};
use crate::report::ReportError;
use crate::settings::SettingsError;

/// Why a command could not be carried out.
#[derive(Debug, Error)]
pub enum CliError {
    /// The settings cannot be used.
    #[error(
        "{0}\n\nName the stack (--stack NAME), or set them in the environment (the stack's output CliEnvironment prints them) or by \
         flags; see --help."
    )]
    Settings(#[from] SettingsError),
    /// A file that the command line names cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that was named cannot be written.
    #[error("{} cannot be written: {source}", .path.display())]
    FileWrite {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The report cannot be put together.
    #[error("{}", chain(.0))]
    Report(#[from] ReportError),
    /// A deployment has ended before its end.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A stack could not be deleted.
    #[error(transparent)]
    Destroy(DestroyError),
    /// An argument says something that cannot be acted on.
    #[error("{name}: {what}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A call to AWS that all else depends on did not succeed.
    #[error("{}", chain(.0))]
    Port(#[from] PortError),
    /// RDS did not answer what all else depends on.
    #[error("{}", chain(.0))]
    Rds(RdsError),
    /// Such a call, with the place where it was made.
    #[error("{error} ({place})")]
    Asked {
        /// What went wrong.
        error: Box<CliError>,
        /// Where the command asked.
        place: Place,
    },
    /// The named profile cannot be used.
    #[error("{}", chain(.0))]
    Profile(#[from] ProfileError),
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Write(#[from] io::Error),
    /// The answer cannot be written as JSON.
    #[error("the answer cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The built-in policy cannot be written as a policy file.
    #[error("the policy cannot be written as a file: {0}")]
    Toml(#[from] toml::ser::Error),
}

impl CliError {
    /// The error with the place where the command asked, if it comes from AWS.
    pub(super) fn at(self, place: Place) -> Self {
        match self {
            Self::Port(_) | Self::Rds(_) if place != Place::default() => Self::Asked {
                error: Box::new(self),
                place,
            },
            other => other,
        }
    }
}

/// Whether everything that the command should do succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything.
    Well,
    /// Not everything. The answer says what failed.
    Badly,
    /// What could be read is well, and something could not be read.
    Unread,
    /// A person interrupted it.
    Interrupted,
}
