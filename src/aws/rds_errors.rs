//! RDS's refusals, and answers of RDS that cannot be used.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use thiserror::Error;

use super::fault::Fault;
use crate::domain::id::arn::Region;
use crate::domain::id::text::ParseError;
use crate::domain::run::failure::Operation;
use crate::ports::RdsError;

/// One call: its action and its region.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    pub(super) region: &'a Region,
}

impl Call<'_> {
    /// The error if RDS refused, or if no answer came. Without an answer there is no code, and the failure is transient.
    pub(super) fn refused<E>(self, error: &SdkError<E, HttpResponse>) -> RdsError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.refused_with(error, &[])
    }

    /// The same of a call that held secrets, which no message may show.
    pub(super) fn refused_with<E>(
        self,
        error: &SdkError<E, HttpResponse>,
        secrets: &[&str],
    ) -> RdsError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let fault = Fault::of(error, secrets);
        RdsError {
            operation: self.operation,
            region: self.region.clone(),
            code: fault.code.clone(),
            message: fault.message.clone(),
            source: Some(Box::new(fault)),
        }
    }

    /// The error if the call was not made because its turn would come too late. It counts as throttled: others wait before it.
    pub(super) fn held_back(self) -> RdsError {
        RdsError {
            operation: self.operation,
            region: self.region.clone(),
            code: Some("Throttling".to_owned()),
            message: "RDS was not asked: other calls wait for their turn".to_owned(),
            source: None,
        }
    }

    /// The error if the call could not be made. Another try may succeed.
    pub(super) fn not_made(self, why: Box<dyn std::error::Error + Send + Sync>) -> RdsError {
        RdsError {
            operation: self.operation,
            region: self.region.clone(),
            code: None,
            message: "its presigned URL could not be made".to_owned(),
            source: Some(why),
        }
    }

    /// The error if RDS's answer cannot be used.
    pub(super) fn unusable(self, answer: Unusable) -> RdsError {
        RdsError {
            operation: self.operation,
            region: self.region.clone(),
            code: None,
            message: answer.to_string(),
            source: Some(Box::new(answer)),
        }
    }
}

/// Why an answer of RDS cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Unusable {
    /// A field is missing that this kind of answer always has.
    #[error("RDS left {field} out of its answer on {of}")]
    Missing { field: &'static str, of: String },
    /// A field has another form than AWS documents.
    #[error("{field} in RDS's answer on {of}: {why}")]
    Malformed {
        field: &'static str,
        of: String,
        why: String,
    },
}

/// A part of an answer, with the name of its resource. An error about a field names both.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) of: &'a str,
}

impl Answer<'_> {
    pub(super) fn required<T>(self, field: &'static str, value: Option<T>) -> Result<T, Unusable> {
        value.ok_or_else(|| Unusable::Missing {
            field,
            of: self.of.to_owned(),
        })
    }

    pub(super) fn parsed<T>(
        self,
        field: &'static str,
        result: Result<T, ParseError>,
    ) -> Result<T, Unusable> {
        result.map_err(|error| self.malformed(field, &error))
    }

    pub(super) fn time(
        self,
        field: &'static str,
        time: Option<&DateTime>,
    ) -> Result<Option<Timestamp>, Unusable> {
        time.map(|time| {
            let nanoseconds = i32::try_from(time.subsec_nanos()).unwrap_or_default();
            Timestamp::new(time.secs(), nanoseconds).map_err(|error| self.malformed(field, &error))
        })
        .transpose()
    }

    fn malformed(self, field: &'static str, why: &dyn std::error::Error) -> Unusable {
        Unusable::Malformed {
            field,
            of: self.of.to_owned(),
            why: why.to_string(),
        }
    }
}
