//! The report: how every database stands, as JSON and as one self-contained page. The command line and the reporter's function
//! make the same.

mod cost_json;
mod durations_json;
mod json;
pub(crate) mod orphans_json;
mod page;
mod policy_view;
pub(crate) mod status_json;
mod stopped;
mod strips;
pub(crate) mod words;

pub(crate) use stopped::stopped_sentences;

use thiserror::Error;

use crate::app::status::Gathered;
use crate::domain::drill::state::DrillState;
use crate::domain::operator::status::Row;
use crate::json::versioned::Versioned;
use crate::settings::Planning;

use json::ReportJson;
use strips::{Strips, strips};

/// Why a report could not be written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The template.
    #[error("the page could not be written")]
    Page(#[source] askama::Error),
    /// The JSON.
    #[error("the JSON could not be written")]
    Json(#[source] serde_json::Error),
}

/// Everything that a report says.
#[derive(Debug)]
pub struct Report<'a> {
    planning: &'a Planning,
    gathered: &'a Gathered,
    rows: Vec<Row>,
    strips: Strips,
}

impl<'a> Report<'a> {
    /// The report of what was read.
    #[must_use]
    pub fn of(planning: &'a Planning, gathered: &'a Gathered) -> Self {
        let rows = gathered.rows();
        Self {
            strips: strips(gathered, &rows),
            planning,
            gathered,
            rows,
        }
    }

    /// How many databases it has, those that are left out included.
    #[must_use]
    pub fn databases(&self) -> usize {
        self.rows.len()
    }

    /// Whether something needs a person.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        let has_failed = |row: &Row| self.gathered.drill(row).is_some_and(DrillState::has_failed);
        let mut rows = self.rows.iter();
        rows.any(|row| row.state.needs_a_person() || has_failed(row))
            || !self.gathered.notices.is_empty()
    }

    /// The page: one HTML document that loads nothing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn page(&self) -> Result<String, ReportError> {
        page::page(self.planning, self.gathered, &self.rows, &self.strips)
            .map_err(ReportError::Page)
    }

    /// The JSON, with the key `schema`. docs/STATUS.md describes its keys.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn json(&self) -> Result<Vec<u8>, ReportError> {
        let answer = ReportJson::of(self.planning, self.gathered, &self.rows, &self.strips);
        let mut text =
            serde_json::to_vec_pretty(&Versioned::of(&answer)).map_err(ReportError::Json)?;
        text.push(b'\n');
        Ok(text)
    }
}
