//! Texts of a fixed form. They are checked once, when they are read.

use thiserror::Error;

/// Why a string is not the ARN, region or identifier that it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{value:?} is not {expected}")]
pub struct ParseError {
    /// What was found.
    pub value: String,
    /// What was expected, with its form.
    pub expected: &'static str,
}

impl ParseError {
    pub(crate) fn new(value: &str, expected: &'static str) -> Self {
        Self {
            value: value.chars().take(200).collect(),
            expected,
        }
    }
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes a text that has the right form.
            ///
            /// # Errors
            /// The text and the form that was expected.
            pub fn parse(text: &str) -> Result<Self, $crate::domain::id::text::ParseError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err($crate::domain::id::text::ParseError::new(text, $expected)) }
            }

            /// The text as AWS writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text_newtype;

/// Implements serde's two traits, as a text, for a type that has `parse` and `Display`.
macro_rules! text_serde {
    ($($name:ident)+) => {$(
        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as ::serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(::serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use text_serde;
