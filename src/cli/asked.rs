//! Where a command asks: in an error, the table, the region and the profile tell whether it asked in the right place.

use std::fmt;

use crate::aws::{ProfileError, find_profile};
use crate::settings::Variables;

/// The variable that names a profile, for all of AWS's tools.
const PROFILE: &str = "AWS_PROFILE";

/// Where a command asks, as far as its flags and its environment say it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    table: Option<String>,
    region: Option<String>,
    profile: Option<String>,
}

impl Place {
    pub(super) fn of(said: &Variables, profile: Option<&str>) -> Self {
        let of = |name: &str| said.get(name).map(ToOwned::to_owned);
        Self {
            table: of("SNAPFERRY_TABLE"),
            region: of("AWS_REGION").or_else(|| of("AWS_DEFAULT_REGION")),
            profile: profile.map(ToOwned::to_owned).or_else(|| of(PROFILE)),
        }
    }

    /// Refuses a profile that does not exist: without this, the environment's credentials would silently take its place.
    pub(super) async fn check_profile(&self) -> Result<(), ProfileError> {
        match &self.profile {
            Some(name) => find_profile(name).await,
            None => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("table", &self.table),
            ("recovery region", &self.region),
            ("profile", &self.profile),
        ];
        let parts = parts
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)));
        for (nth, (name, value)) in parts.enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {value}")?;
        }
        Ok(())
    }
}
