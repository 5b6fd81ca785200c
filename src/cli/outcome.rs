//! How a command ends.

use std::io;

use thiserror::Error;

use crate::error::chain;
use crate::ports::PortError;
use crate::settings::SettingsError;

/// Why a command could not be carried out.
#[derive(Debug, Error)]
pub enum CliError {
    /// The settings are not usable.
    #[error(
        "{0}\n\nName the stack (--stack NAME), or set them in the environment (the stack's output CliEnvironment prints them) or by \
         flags; see --help."
    )]
    Settings(#[from] SettingsError),
    /// A file that was named cannot be read.
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
    /// The page of the report cannot be put together.
    #[error("the page cannot be put together: {0}")]
    Page(askama::Error),
    /// A call to AWS that all else depends on did not succeed.
    #[error("{}", chain(.0))]
    Port(#[from] PortError),
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Write(#[from] io::Error),
    /// The answer cannot be put into JSON.
    #[error("the answer cannot be put into JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The built-in policy cannot be put into a policy file.
    #[error("the policy cannot be put into a file: {0}")]
    Toml(#[from] toml::ser::Error),
}

/// Whether all that a command was told to do succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All of it.
    Well,
    /// Not all of it; the answer says what.
    Badly,
    /// What could be read is well, and something could not be read.
    Unread,
    /// A person interrupted it.
    Interrupted,
}
