//! Texts in JSON: the state machine's input, its commands, manifests, stored policies, and RDS's events.
//!
//! They are parsed here, once, into the domain's types. An error says what was expected.

pub mod command;
pub mod configuration;
pub mod drill;
pub mod event;
pub mod history;
pub mod kept;
pub mod manifest;
pub mod metrics;
pub mod own_event;
pub mod policies;
pub mod prune;
pub mod refusal;
pub mod restore_record;
pub mod run;
pub mod selected;
pub mod versioned;

use thiserror::Error;

use crate::domain::id::text::ParseError;

/// The schema number of the texts that Snapferry writes.
pub const SCHEMA: u32 = 1;

/// Why a text could not be read.
#[derive(Debug, Error)]
pub enum JsonError {
    /// It is not JSON, or JSON of another shape. The error holds the place and never the text, which may hold a token.
    #[error("not {expected}: {at}")]
    Shape {
        /// What was expected.
        expected: &'static str,
        /// The parser's error, without the text.
        at: String,
    },
    /// A part of the text is wrong.
    #[error("{part} of {of}: {source}")]
    Part {
        /// The part.
        part: &'static str,
        /// What the text should be.
        of: &'static str,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Another version wrote it.
    #[error("{of} has schema {found}, and this version reads {SCHEMA}")]
    Schema {
        /// What the text should be.
        of: &'static str,
        /// The schema number of the text.
        found: u32,
    },
}

impl JsonError {
    /// An error that says where the text is wrong and how, but quotes nothing from it.
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

    /// The error for JSON whose keys belong to no known shape.
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

/// Reads a JSON object. Refuses a list of the right values in the right order, which serde would accept.
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

/// Reads a JSON list.
fn list<T: serde::de::DeserializeOwned>(
    expected: &'static str,
    text: &str,
) -> Result<Vec<T>, JsonError> {
    serde_json::from_str(text).map_err(|error| JsonError::shape(expected, &error))
}

/// The error for a part that did not parse. It quotes the part.
fn part<T>(
    part: &'static str,
    of: &'static str,
    result: Result<T, ParseError>,
) -> Result<T, JsonError> {
    result.map_err(|source| JsonError::Part { part, of, source })
}

/// The error for a part that did not parse, in a text that holds a token. The token may be in any part, so the error
/// quotes nothing. The message itself is still there for a person to look at.
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
