//! The bucket that the report goes to.

use super::error::PortError;

/// An object of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportObject {
    /// Its key.
    pub key: String,
    /// What it is.
    pub media_type: MediaType,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// What an object of the report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// The page.
    Html,
    /// The same for programs.
    Json,
}

impl MediaType {
    /// As HTTP names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    /// What the name of a file of it ends with.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Json => "json",
        }
    }
}

/// Puts an object into the report's bucket.
pub trait PutReport {
    /// `PutObject`, encrypted by the bucket's default. An object of the same key is replaced.
    async fn put_report(&self, object: &ReportObject) -> Result<(), PortError>;
}

actions! {
    PutReport: "s3:PutObject";
}
