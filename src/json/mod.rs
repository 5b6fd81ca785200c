//! Texts in JSON: the state machine's input, its commands, manifests, stored policies, and RDS's events.
//!
//! Parsed here, once, into the domain's types; what is wrong is said with what was expected.

pub mod command;
pub mod event;
pub mod manifest;
pub mod policies;
pub mod run;

use thiserror::Error;

use crate::domain::id::text::ParseError;

/// The schema number of what we write ourselves.
pub const SCHEMA: u32 = 1;

/// Why a text could not be read.
#[derive(Debug, Error)]
pub enum JsonError {
    /// Not JSON, or JSON of another shape. Holds where it broke, never the text: it may hold a token.
    #[error("not {expected}: {at}")]
    Shape {
        /// What was expected.
        expected: &'static str,
        /// What the parser said, without the text.
        at: String,
    },
    /// A part of it is not what it should be.
    #[error("{part} of {of}: {source}")]
    Part {
        /// Which part.
        part: &'static str,
        /// Of what.
        of: &'static str,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Written by another version.
    #[error("{of} has schema {found}, and this version reads {SCHEMA}")]
    Schema {
        /// Of what.
        of: &'static str,
        /// The number found.
        found: u32,
    },
}

impl JsonError {
    /// A shape error that tells where the text broke and what kind of fault it was, but quotes nothing of it.
    pub(crate) fn shape(expected: &'static str, error: &serde_json::Error) -> Self {
        let kind = match error.classify() {
            serde_json::error::Category::Data => "a field is missing or has another type",
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                "it is not JSON"
            }
        };
        Self::Shape {
            expected,
            at: format!("{kind} (line {}, column {})", error.line(), error.column()),
        }
    }

    /// It is JSON, and none of its keys is of a shape that we know.
    fn no_shape(expected: &'static str) -> Self {
        let at = "it has none of these keys".to_owned();
        Self::Shape { expected, at }
    }

    fn schema(of: &'static str, found: u32) -> Result<(), Self> {
        if found == SCHEMA {
            Ok(())
        } else {
            Err(Self::Schema { of, found })
        }
    }
}

/// Reads a JSON object. A list of the right values in the right order, which serde would take for one, is refused.
pub(crate) fn object<'a, T: serde::Deserialize<'a>>(
    expected: &'static str,
    text: &'a str,
) -> Result<T, JsonError> {
    let read = serde_json::from_str(text).map_err(|error| JsonError::shape(expected, &error))?;
    if text.trim_start().starts_with('{') {
        Ok(read)
    } else {
        Err(JsonError::no_shape(expected))
    }
}

/// Names the part that did not parse, and quotes it.
fn part<T>(
    part: &'static str,
    of: &'static str,
    result: Result<T, ParseError>,
) -> Result<T, JsonError> {
    result.map_err(|source| JsonError::Part { part, of, source })
}

/// Names the part that did not parse, of something that holds a token: the token may be in any of its parts, so
/// what was found is not quoted. The message that holds it is still there to be looked at.
fn secret_part<T>(
    part: &'static str,
    of: &'static str,
    result: Result<T, ParseError>,
) -> Result<T, JsonError> {
    result.map_err(|error| JsonError::Part {
        part,
        of,
        source: ParseError::new("(not shown)", error.expected),
    })
}
