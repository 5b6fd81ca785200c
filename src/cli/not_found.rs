//! Names on the command line that nothing has.

use super::outcome::CliError;
use crate::domain::policy::file::hint;

/// The error for a name that nothing has, with the name that was probably meant.
pub(super) fn not_found<'k>(
    argument: &'static str,
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> CliError {
    CliError::Argument {
        name: argument,
        what: format!("{name}: not found: it is no {what}{}", hint(name, known)),
    }
}
