//! The task token: a bearer secret.

use std::fmt;

use super::text::ParseError;
use crate::domain::limits::TASK_TOKEN_MAX;

/// The token that a Step Functions state sleeps on.
///
/// Anybody who has it (and the permission) can finish the execution. So it has no `Display`, its `Debug` shows nothing,
/// and only adapters call [`TaskToken::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct TaskToken(String);

impl TaskToken {
    /// Takes a token as Step Functions gave it: 1 to 2,048 characters.
    ///
    /// # Errors
    /// The error never holds the text.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() || text.len() > TASK_TOKEN_MAX {
            return Err(ParseError::new(
                "(not shown)",
                "a task token of 1 to 2,048 characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself: for the wire, never for a log, a tag, an event or an error.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskToken(…)")
    }
}
