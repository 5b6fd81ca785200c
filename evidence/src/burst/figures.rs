//! The figures of a run.

use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use serde_json::Value;

/// All figures of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Of this layout.
    pub schema: u32,
    /// The full sweep.
    pub sweep: SweepFigures,
    /// The burst of hints.
    pub burst: BurstFigures,
    /// What was promised and not kept, each in a sentence.
    pub broken: Vec<String>,
}

/// One sweep of everything that is open.
#[derive(Debug, Clone, Serialize)]
pub struct SweepFigures {
    /// Waits that were open.
    pub open: usize,
    /// Waits whose token took its answer.
    pub settled: usize,
    /// Answers that came after a token was settled.
    pub late: usize,
    /// Describe calls.
    pub describes: u64,
    /// Seconds from its invocation to its answer.
    pub seconds: f64,
    /// What its process held at its worst, in bytes.
    pub peak_bytes: Option<u64>,
    /// Describe calls of a second sweep, for what the first left open.
    pub describes_of_the_next: u64,
}

/// One burst of hints.
#[derive(Debug, Clone, Serialize)]
pub struct BurstFigures {
    /// Hints that were sent.
    pub hints: usize,
    /// Waits that were open and hinted at: every one must be settled.
    pub waits: usize,
    /// Those among them whose executions slept in the emulator.
    pub live: usize,
    /// Hints of the same again.
    pub duplicates: usize,
    /// Hints of snapshots that nobody waits for.
    pub third_parties: usize,
    /// Hints of snapshots that RDS has not finished.
    pub premature: usize,
    /// Waits whose token took its answer.
    pub settled: usize,
    /// Answers that came after a token was settled.
    pub late: usize,
    /// Live executions whose state went on.
    pub went_on: usize,
    /// Describe calls.
    pub describes: u64,
    /// Seconds that sending took.
    pub seconds_to_send: f64,
    /// Seconds from the first hint sent to the last wait settled and the queue empty, premature hints aside.
    pub seconds: f64,
    /// Hints a second.
    pub hints_a_second: f64,
    /// What the largest process held at its worst, in bytes.
    pub peak_bytes: Option<u64>,
}

/// JSON for programs.
#[must_use]
pub fn json(figures: &Figures) -> Value {
    serde_json::json!(figures)
}

/// Text for people.
#[must_use]
pub fn table(figures: &Figures) -> String {
    let (sweep, burst) = (&figures.sweep, &figures.burst);
    let rows = [
        ("sweep: open waits", sweep.open.to_string()),
        ("settled", sweep.settled.to_string()),
        ("answers that came late", sweep.late.to_string()),
        ("describe calls", sweep.describes.to_string()),
        ("seconds", format!("{:.1}", sweep.seconds)),
        ("peak memory of the sweeper", megabytes(sweep.peak_bytes)),
        (
            "describe calls of the next sweep",
            sweep.describes_of_the_next.to_string(),
        ),
        ("burst: hints", burst.hints.to_string()),
        ("waits hinted at", burst.waits.to_string()),
        ("of these with executions asleep", burst.live.to_string()),
        ("duplicates", burst.duplicates.to_string()),
        (
            "hints that nobody waits for",
            burst.third_parties.to_string(),
        ),
        ("hints that come too early", burst.premature.to_string()),
        ("settled", burst.settled.to_string()),
        ("answers that came late", burst.late.to_string()),
        ("executions that went on", burst.went_on.to_string()),
        ("describe calls", burst.describes.to_string()),
        ("seconds to send", format!("{:.1}", burst.seconds_to_send)),
        ("seconds until drained", format!("{:.1}", burst.seconds)),
        ("hints a second", format!("{:.0}", burst.hints_a_second)),
        ("peak memory of a reactor", megabytes(burst.peak_bytes)),
    ];
    let mut table = Table::new();
    table.set_header(["", "figure"]);
    for (what, figure) in rows {
        table.add_row([what.to_owned(), figure]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "not seen".to_owned(),
        |bytes| format!("{:.1} MB", bytes as f64 / 1e6),
    )
}
