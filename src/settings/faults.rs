//! What is wrong with settings, collected.

use std::fmt;

use thiserror::Error;

/// Every variable that is wrong, each with what was expected of it.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the settings are not usable: {}", .faults.join("; "))]
pub struct SettingsError {
    /// One sentence a fault.
    pub faults: Vec<String>,
}

impl SettingsError {
    /// One fault alone.
    #[must_use]
    pub fn one(fault: impl Into<String>) -> Self {
        Self {
            faults: vec![fault.into()],
        }
    }
}

/// Collects faults, so that reading goes on after one.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, fault: impl Into<String>) {
        self.0.push(fault.into());
    }

    /// The value that was read; a fault under this name is added where it could not be.
    pub fn take<T, E: fmt::Display>(&mut self, name: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.add(format!("{name}: {error}")))
            .ok()
    }

    /// The value, if it is there and nothing is wrong.
    ///
    /// # Errors
    /// All faults at once.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, SettingsError> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(SettingsError { faults: self.0 }),
        }
    }
}
