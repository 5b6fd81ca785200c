//! Reads variables one by one.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::faults::{Faults, SettingsError};

/// The variables of a function or of the command line. Reading collects faults and does not stop at the first.
#[derive(Debug)]
pub struct Variables {
    values: BTreeMap<String, String>,
    faults: Faults,
}

impl Variables {
    /// Takes pairs of name and value, such as the process's environment.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            values: pairs
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
            faults: Faults::default(),
        }
    }

    /// The value of a variable, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value of a variable that must be set.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.values.contains_key(name) {
            self.fault(format!("{name} is not set"));
        }
        self.optional(name, parse)
    }

    /// The value of a variable that must be set, and that had another name before.
    pub(super) fn renamed<T, E: fmt::Display>(
        &mut self,
        name: &str,
        before: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let is_old = !self.values.contains_key(name) && self.values.contains_key(before);
        self.required(if is_old { before } else { name }, parse)
    }

    /// The value of an optional variable. Also `None` if the variable has a fault.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.values.get(name)?;
        self.faults.take(name, parse(value))
    }

    pub(super) fn number<T: FromStr + PartialOrd + fmt::Display + Copy>(
        &mut self,
        name: &str,
        default: T,
        range: RangeInclusive<T>,
    ) -> T {
        let Some(value) = self.values.get(name) else {
            return default;
        };
        match value.parse::<T>() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.faults.add(format!(
                    "{name}: {value:?} is not a number from {} to {}",
                    range.start(),
                    range.end()
                ));
                default
            }
        }
    }

    /// Whether a variable says yes. Any word but yes and no is a fault, and counts as no, as does a variable that is not there.
    pub(super) fn is_yes(&mut self, name: &str) -> bool {
        match self.get(name) {
            Some("yes") => true,
            None | Some("no") => false,
            Some(other) => {
                let fault = format!("{name}: {other:?} is neither yes nor no");
                self.fault(fault);
                false
            }
        }
    }

    pub(super) fn text(&self, name: &str, default: &str) -> String {
        self.values
            .get(name)
            .cloned()
            .unwrap_or_else(|| default.to_owned())
    }

    /// Adds a fault.
    pub fn fault(&mut self, fault: impl Into<String>) {
        self.faults.add(fault);
    }

    /// The value, if it exists and there are no faults.
    ///
    /// # Errors
    /// All faults at once.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, SettingsError> {
        self.faults.finish(value)
    }
}
