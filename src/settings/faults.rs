//! Collects the faults of settings.

use std::fmt;

use thiserror::Error;

/// Every wrong variable, each with what was expected.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the settings are not usable: {}", .faults.join("; "))]
pub struct SettingsError {
    /// One sentence for each fault.
    pub faults: Vec<String>,
}

impl SettingsError {
    /// An error with one fault.
    #[must_use]
    pub fn one(fault: impl Into<String>) -> Self {
        Self {
            faults: vec![fault.into()],
        }
    }
}

/// Collects faults, so that reading goes on after the first one.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Adds a fault.
    pub fn add(&mut self, fault: impl Into<String>) {
        self.0.push(fault.into());
    }

    /// The value. If it could not be read, adds a fault under this name.
    pub fn take<T, E: fmt::Display>(&mut self, name: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.add(format!("{name}: {error}")))
            .ok()
    }

    /// The value, if it exists and there are no faults.
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
