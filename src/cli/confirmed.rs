//! Asks a person on the terminal before a command acts.

use std::io::{self, Write};

/// Whether the person agrees.
///
/// # Errors
/// When the terminal cannot be written or read.
pub(super) fn confirmed(question: &str) -> io::Result<bool> {
    let mut to = io::stderr();
    write!(to, "\n{question} [y/N] ")?;
    to.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
