//! Option groups as RDS describes them.

/// The names of transparent data encryption: Oracle's, Oracle's with a hardware module, and SQL Server's.
const TDE: [&str; 3] = ["TDE", "TDE_HSM", "TRANSPARENT_DATA_ENCRYPTION"];

/// Whether an option of this name is transparent data encryption.
#[must_use]
pub fn is_tde(option: &str) -> bool {
    TDE.iter().any(|name| name.eq_ignore_ascii_case(option))
}

/// An option group as RDS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionGroup {
    /// Its name, unique in its region.
    pub name: String,
    /// The engine it is for.
    pub engine: String,
    /// The engine's major version it is for.
    pub major_version: String,
    /// The options that a database cannot lose once it has them. RDS calls them permanent (Oracle's TDE) and persistent
    /// (SQL Server's TDE).
    pub binding: Vec<String>,
    /// Whether it has transparent data encryption, whatever RDS says of that option.
    pub has_tde: bool,
}

impl OptionGroup {
    /// Whether it is for the same engine and major version.
    #[must_use]
    pub fn serves_like(&self, other: &Self) -> bool {
        self.engine == other.engine && self.major_version == other.major_version
    }

    /// Whether it has every option that a database with the other group cannot lose.
    #[must_use]
    pub fn binds_all_of(&self, other: &Self) -> bool {
        other.binding.iter().all(|name| self.binding.contains(name))
    }
}

/// RDS's own option groups. They exist in each region, and a copy needs no name for them.
#[must_use]
pub fn is_default(name: &str) -> bool {
    name.starts_with("default:")
}
