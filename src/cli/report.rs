//! `snapferry report`: the same as status, for readers without access: JSON, or one self-contained page.

use std::io::Write;

use super::arguments::StackArguments;
use super::outcome::{CliError, Ended};
use super::status::{after_pages, on_page, reach};
use super::status_arguments::ReportArguments;
use crate::app::status::{self, gather};
use crate::report::Report;
use crate::settings::Planning;

pub(super) async fn execute(
    stack: &StackArguments,
    options: &ReportArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let (planning, aws) = reach(stack, &options.planning, environment).await?;
    make_report(&aws, &planning, options.html.as_deref(), out).await
}

/// Reads everything and writes the report.
///
/// # Errors
/// When the table cannot be read, or the report cannot be written.
pub async fn make_report<W: status::Permissions>(
    world: &W,
    planning: &Planning,
    html: Option<&std::path::Path>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let gathered = gather(world, planning, &on_page).await?;
    after_pages();
    let report = Report::of(planning, &gathered);
    match html {
        Some(path) => {
            std::fs::write(path, report.page()?).map_err(|source| CliError::FileWrite {
                path: path.to_owned(),
                source,
            })?;
        }
        None => out.write_all(&report.json()?)?,
    }
    Ok(if report.needs_a_person() {
        Ended::Badly
    } else if gathered.unreachable.is_empty() {
        Ended::Well
    } else {
        Ended::Unread
    })
}
