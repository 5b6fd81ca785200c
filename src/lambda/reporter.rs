//! The reporter's function, of report.yaml.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lambda_runtime::Diagnostic;
use serde::Serialize;
use thiserror::Error;
use tracing::{info, warn};

use crate::app::status::{self, gather};
use crate::domain::id::text::ParseError;
use crate::error::chain;
use crate::logging::{self, LogLevel};
use crate::ports::PortError;
use crate::ports::reports::{MediaType, PutReport, ReportObject};
use crate::report::{Report, ReportError};
use crate::settings::{Planning, SettingsError, Variables};

/// The handler, which is the function's name too.
pub(super) const REPORTER: &str = "reporter";
/// The name of the newest report, whose ending is that of its kind.
const LATEST: &str = "latest";

/// The reporter's settings.
#[derive(Debug, Clone)]
pub struct ReporterSettings {
    /// What the report is of.
    pub planning: Planning,
    /// The bucket that it goes to.
    pub bucket: String,
    /// What the keys of its objects begin with.
    pub prefix: String,
}

impl ReporterSettings {
    /// Reads them from the process's variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, LogLevel), SettingsError> {
        let mut vars = Variables::new(pairs);
        let handler = vars.required("_HANDLER", |text| match text {
            REPORTER => Ok(()),
            _ => Err(ParseError::new(text, REPORTER)),
        });
        let text = |text: &str| Ok::<_, SettingsError>(text.to_owned());
        let planning = Planning::read(&mut vars);
        let bucket = vars.required("SNAPFERRY_REPORT_BUCKET", text);
        let prefix = vars.optional("SNAPFERRY_REPORT_PREFIX", text);
        let level = vars.optional(logging::VARIABLE, LogLevel::parse);
        let settings = handler.and(planning).zip(bucket);
        let settings = settings.map(|(planning, bucket)| Self {
            planning,
            bucket,
            prefix: prefix.unwrap_or_default(),
        });
        vars.finish(settings.map(|settings| (settings, level.unwrap_or_default())))
    }
}

/// Why a report failed. The function's error metric counts these, and its alarm watches the metric.
#[derive(Debug, Error)]
pub enum ReportFault {
    /// The table or Step Functions did not answer.
    #[error("no report was made, because the stack could not be read")]
    Unread(#[source] PortError),
    /// The report could not be written.
    #[error(transparent)]
    Unwritten(#[from] ReportError),
    /// The bucket did not take it.
    #[error("{key} could not be put into the bucket")]
    NotStored {
        /// The object's key.
        key: String,
        /// Why.
        #[source]
        error: PortError,
    },
}

impl ReportFault {
    /// The error's name, as Lambda reports it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unread(_) => "Snapferry.ReportUnread",
            Self::Unwritten(_) => "Snapferry.ReportUnwritten",
            Self::NotStored { .. } => "Snapferry.ReportNotStored",
        }
    }
}

impl From<ReportFault> for Diagnostic {
    fn from(error: ReportFault) -> Self {
        Self {
            error_type: error.name().to_owned(),
            error_message: chain(&error),
        }
    }
}

/// The function's answer.
#[derive(Debug, Serialize)]
pub struct ReporterAnswer {
    /// The keys of the objects, in the order in which they were put.
    pub keys: Vec<String>,
    /// How many databases the report has.
    pub databases: usize,
    /// Whether something needs a person, by the report.
    pub needs_a_person: bool,
    /// The regions that could not be read, each with the error. The report says so too.
    pub unreachable: Vec<(String, String)>,
}

/// The reporter: reads everything, and puts the day's page and JSON into the bucket, and the same as the newest. It does not
/// read the event. A later report of the same day (in UTC) replaces the earlier one.
///
/// # Errors
/// If the stack could not be read, or the bucket did not take an object. Those before it are there.
pub async fn report<W: status::Permissions + PutReport>(
    world: &W,
    planning: &Planning,
    prefix: &str,
) -> Result<ReporterAnswer, ReportFault> {
    let gathered = gather(world, planning, &|_| {}).await;
    let gathered = gathered.map_err(ReportFault::Unread)?;
    let report = Report::of(planning, &gathered);
    // Both are made before anything is put.
    let (page, json) = (report.page()?.into_bytes(), report.json()?);
    let day = day(gathered.at);
    let mut keys = Vec::new();
    for name in [day.as_str(), LATEST] {
        for (media_type, content) in [(MediaType::Html, &page), (MediaType::Json, &json)] {
            let object = ReportObject {
                key: format!("{prefix}{name}.{}", media_type.ending()),
                media_type,
                content: content.clone(),
            };
            if let Err(error) = world.put_report(&object).await {
                let key = object.key;
                return Err(ReportFault::NotStored { key, error });
            }
            keys.push(object.key);
        }
    }
    let unreachable = gathered.unreachable.iter();
    let unreachable = unreachable.map(|one| (one.region.to_string(), one.error.clone()));
    let answer = ReporterAnswer {
        keys,
        databases: report.databases(),
        needs_a_person: report.needs_a_person(),
        unreachable: unreachable.collect(),
    };
    for (region, why) in &answer.unreachable {
        warn!(%region, %why, "the report lacks what could not be read");
    }
    info!(databases = answer.databases, "the report is in the bucket");
    Ok(answer)
}

fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}
