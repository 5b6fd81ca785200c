//! What Snapferry logs, and what it never logs.

use thiserror::Error;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// The variable that sets how much is logged.
pub const VARIABLE: &str = "SNAPFERRY_LOG";

/// Why a text is not a logging filter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is neither a level (error, warn, info) nor a list such as warn,snapferry=info")]
pub struct LogLevelError(String);

/// How much is logged: a level, or a list of levels by target.
///
/// At detailed levels, the libraries log requests and answers, including tokens. So their messages only appear from `warn`
/// upwards, whatever the list says. The Lambda runtime's also appear at `info`, where it only logs the request's id. Detailed
/// levels are compiled out of what ships, and `debug` shows there what `info` shows: docs/decisions/0032.
#[derive(Debug, Clone)]
pub struct LogLevel(Targets);

impl Default for LogLevel {
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO))
    }
}

impl LogLevel {
    /// Only errors.
    #[must_use]
    pub fn errors() -> Self {
        Self(Targets::new().with_default(LevelFilter::ERROR))
    }

    /// Reads a level or a list.
    ///
    /// # Errors
    /// The text, if it is neither.
    pub fn parse(text: &str) -> Result<Self, LogLevelError> {
        let fail = || LogLevelError(text.chars().take(200).collect());
        // `Targets` accepts any word as a target at every level: "inof" would log too much, and "of" nothing.
        let is_known = |part: &str| {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
            !level.trim().is_empty() && level.trim().parse::<LevelFilter>().is_ok()
        };
        if !text.split(',').all(is_known) {
            return Err(fail());
        }
        text.parse().map(Self).map_err(|_| fail())
    }

    fn allows(&self, metadata: &Metadata<'_>) -> bool {
        let (target, level) = (metadata.target(), *metadata.level());
        let max = match target.split("::").next() {
            Some("snapferry") => Level::TRACE,
            Some("lambda_runtime") => Level::INFO,
            _ => Level::WARN,
        };
        level <= max && self.0.would_enable(target, &level)
    }

    fn into_filter(self) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
        filter_fn(move |metadata| self.allows(metadata))
    }
}

/// A subscriber that writes one JSON object in each line, as CloudWatch Logs reads it.
pub fn json<W>(level: LogLevel, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(lines.with_filter(level.into_filter()))
}

/// A subscriber that writes lines for a person.
pub fn plain<W>(level: LogLevel, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .without_time()
        .with_ansi(false)
        .with_target(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(lines.with_filter(level.into_filter()))
}
