//! The URLs of queues.

use thiserror::Error;

/// The URL of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrl(String);

/// Why a text is not the URL of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not the URL of a queue (https://…/ACCOUNT/NAME)")]
pub struct QueueUrlError(String);

impl QueueUrl {
    /// Reads a queue's URL. Plain HTTP is allowed for a local SQS.
    ///
    /// # Errors
    /// The text, if it is not a URL with an account and a name.
    pub fn parse(text: &str) -> Result<Self, QueueUrlError> {
        let path = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .and_then(|rest| rest.split_once('/'));
        match path {
            Some((host, path)) if !host.is_empty() && path.contains('/') => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(QueueUrlError(text.chars().take(200).collect())),
        }
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
