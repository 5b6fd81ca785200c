//! Tables, ages and JSON.

use std::collections::BTreeSet;
use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::outcome::CliError;
use super::terminal;
use crate::domain::run::failure::Remedy;
use crate::json::versioned::Versioned;

pub(super) use crate::report::words::{age, database};

/// A table without lines, which a terminal and `awk` both read. On a terminal its cells fold to fit the width; in a
/// pipe, and with `-o wide`, each row stays one line.
pub(super) fn table<const N: usize>(header: [&str; N]) -> Table {
    table_within(header, terminal::width())
}

/// The same for lines of this width.
pub(super) fn table_within<const N: usize>(header: [&str; N], width: Option<u16>) -> Table {
    let mut table = plain(width);
    table.set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Writes a text whose lines fold to this width.
pub(super) fn paragraph(out: &mut impl Write, text: &str, width: Option<u16>) -> io::Result<()> {
    let mut table = plain(width);
    table.add_row([text]);
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    write_table(out, &table)
}

fn plain(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    table
}

/// Rows without a header, whose cells fold to fit the width.
pub(super) fn columns<const N: usize>(
    rows: impl Iterator<Item = [String; N]>,
    width: u16,
) -> String {
    let mut table = plain(Some(width));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Writes a table without the blanks at the ends of its lines.
pub(super) fn write_table(out: &mut impl Write, table: &Table) -> io::Result<()> {
    let text = terminal::table(&table.trim_fmt(), table.header().is_some());
    writeln!(out, "{text}")
}

/// Says below a table what each remedy in it means: once, and never cut off.
pub(super) fn write_remedies(
    out: &mut impl Write,
    remedies: impl Iterator<Item = Remedy>,
) -> io::Result<()> {
    let remedies: BTreeSet<Remedy> = remedies.collect();
    if !remedies.is_empty() {
        writeln!(out)?;
    }
    for remedy in remedies {
        writeln!(out, "{}: {}", remedy.as_str(), remedy.sentence())?;
    }
    Ok(())
}

/// Writes an answer as one JSON object, with the key `schema`. The answer must be a structure or a map.
pub(super) fn write_json(out: &mut impl Write, answer: &impl Serialize) -> Result<(), CliError> {
    serde_json::to_writer_pretty(&mut *out, &Versioned::of(answer)).map_err(|error| {
        // The error of a closed pipe comes wrapped, so look at its kind.
        match error.io_error_kind() {
            Some(kind) => CliError::Write(kind.into()),
            None => CliError::Json(error),
        }
    })?;
    writeln!(out)?;
    Ok(())
}

/// A text from elsewhere as one line, cut to the width of a column. `-o wide` and JSON have all of it.
pub(super) fn short(words: &str) -> String {
    const MOST: usize = 240;
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) if !terminal::is_wide() => format!("{}…", &line[..end]),
        _ => line,
    }
}
