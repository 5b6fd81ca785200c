//! The version that every JSON answer for people's programs carries.

use serde::Serialize;

/// The version of the JSON answers. It grows when a key goes away or changes its meaning; keys that are added leave it.
const SCHEMA: u32 = 1;

/// An answer with its version, as the key `schema`. The answer must be a structure or a map.
#[derive(Debug, Serialize)]
pub struct Versioned<'a, T> {
    schema: u32,
    #[serde(flatten)]
    answer: &'a T,
}

impl<'a, T: Serialize> Versioned<'a, T> {
    /// This answer.
    pub fn of(answer: &'a T) -> Self {
        Self {
            schema: SCHEMA,
            answer,
        }
    }
}
