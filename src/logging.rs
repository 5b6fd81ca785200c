//! What is logged, and what never is.

use thiserror::Error;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// The variable that says how much is logged.
pub const VARIABLE: &str = "SNAPFERRY_LOG";

/// Why a text says nothing about logging.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is neither a level (error, warn, info, debug, trace) nor a list such as info,snapferry=debug"
)]
pub struct LogLevelError(String);

/// How much is logged: a level, or a list of levels by target.
///
/// The libraries below us log requests and answers when they are asked to be talkative, tokens and all. So they
/// are heard from `warn` upwards only, whatever the list says; the Lambda runtime also at `info`, which is the
/// request's id and no more.
#[derive(Debug, Clone)]
pub struct LogLevel(Targets);

impl Default for LogLevel {
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO))
    }
}

impl LogLevel {
    /// Errors alone.
    #[must_use]
    pub fn errors() -> Self {
        Self(Targets::new().with_default(LevelFilter::ERROR))
    }

    /// Reads a level or a list.
    ///
    /// # Errors
    /// What was found instead.
    pub fn parse(text: &str) -> Result<Self, LogLevelError> {
        let fail = || LogLevelError(text.chars().take(200).collect());
        // `Targets` takes any word for a target with everything on: "inof" would log too much and "of" nothing.
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

/// A subscriber that writes one JSON object a line, as CloudWatch Logs reads it.
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
