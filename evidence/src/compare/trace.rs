//! How long the snapshot and the copy of each database take: drawn, or read from a file.

use std::fmt::Write as _;
use std::path::Path;

use fastrand::Rng;
use jiff::SignedDuration;
use thiserror::Error;

/// A logarithmic normal distribution, cut at both ends.
struct LogNormal {
    median_seconds: f64,
    sigma: f64,
    shortest_seconds: f64,
    longest_seconds: f64,
}

/// Snapshots: five minutes in the middle, one in a hundred above twenty-five.
const SNAPSHOT: LogNormal = LogNormal {
    median_seconds: 300.0,
    sigma: 0.7,
    shortest_seconds: 60.0,
    longest_seconds: 7_200.0,
};
/// Copies: five minutes in the middle, as for the incremental copies of every day, one in a hundred above an
/// hour, a few of ten thousand above three. On average nine minutes: ten thousand of them just pass through
/// twenty places within the four days that a recovery point may take.
const COPY: LogNormal = LogNormal {
    median_seconds: 300.0,
    sigma: 1.1,
    shortest_seconds: 60.0,
    longest_seconds: 21_600.0,
};

impl LogNormal {
    /// One duration, to the millisecond (Box and Muller's transform).
    fn draw(&self, rng: &mut Rng) -> SignedDuration {
        // From 0 exclusive, for the logarithm.
        let (one, two) = (1.0 - rng.f64(), rng.f64());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos();
        let seconds = self.median_seconds * (self.sigma * normal).exp();
        let seconds = seconds.clamp(self.shortest_seconds, self.longest_seconds);
        SignedDuration::from_millis((seconds * 1_000.0) as i64)
    }
}

/// The durations of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// From CreateDBSnapshot to the snapshot's `available`.
    pub snapshot: SignedDuration,
    /// From CopyDBSnapshot's acceptance to the copy's `available`.
    pub copy: SignedDuration,
}

/// The durations of a fleet, one row for each database: the same for every design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The rows.
    pub rows: Vec<Durations>,
}

/// A line of a trace that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: String,
}

/// Why a file cannot be used as a trace.
#[derive(Debug, Error)]
pub enum TraceError {
    /// It cannot be read.
    #[error("the trace {path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Lines of it cannot be used: all of them.
    #[error("the trace is not usable:\n{}", lines(.0))]
    BadLines(Vec<BadLine>),
    /// It has no rows.
    #[error("the trace has a header but no rows")]
    Empty,
}

fn lines(bad: &[BadLine]) -> String {
    let mut text = String::new();
    for BadLine { line, fault } in bad {
        let _ = writeln!(text, "  line {line}: {fault}");
    }
    text
}

/// The header of a trace file.
pub const COLUMNS: [&str; 2] = ["snapshot_seconds", "copy_seconds"];
/// The longest duration that a row may have: longer than any state waits.
const LONGEST_SECONDS: f64 = 30.0 * 86_400.0;

impl Trace {
    /// Draws the rows of a fleet. A larger fleet of the same seed begins with the rows of a smaller one.
    #[must_use]
    pub fn drawn(seed: u64, databases: usize) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x7AACE);
        let rows = (0..databases).map(|_| Durations {
            snapshot: SNAPSHOT.draw(&mut rng),
            copy: COPY.draw(&mut rng),
        });
        Self {
            rows: rows.collect(),
        }
    }

    /// Reads a CSV file: a header `snapshot_seconds,copy_seconds`, then one row for each database.
    ///
    /// # Errors
    /// When it cannot be read, and every bad line with its number, all at once.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let text = std::fs::read_to_string(path).map_err(|source| TraceError::Unreadable {
            path: path.display().to_string(),
            source,
        })?;
        Self::read(&text)
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// Every bad line with its number, all at once.
    pub fn read(text: &str) -> Result<Self, TraceError> {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let (mut rows, mut bad, mut seen_header) = (Vec::new(), Vec::new(), false);
        for record in reader.records() {
            let (line, parsed) = match &record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    let fields: Vec<&str> = record.iter().collect();
                    if !seen_header {
                        seen_header = true;
                        (line, header(&fields).map(|()| None))
                    } else {
                        (line, row(&fields).map(Some))
                    }
                }
                Err(error) => (
                    error.position().map_or(0, csv::Position::line),
                    Err(error.to_string()),
                ),
            };
            match parsed {
                Ok(row) => rows.extend(row),
                Err(fault) => bad.push(BadLine { line, fault }),
            }
        }
        match (bad.is_empty(), rows.is_empty()) {
            (false, _) => Err(TraceError::BadLines(bad)),
            (true, true) => Err(TraceError::Empty),
            (true, false) => Ok(Self { rows }),
        }
    }

    /// The text of a file that reads back as this trace.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = format!("{}\n", COLUMNS.join(","));
        for row in &self.rows {
            let (snapshot, copy) = (row.snapshot.as_secs_f64(), row.copy.as_secs_f64());
            let _ = writeln!(text, "{snapshot},{copy}");
        }
        text
    }

    /// The rows for a fleet of this size. A shorter trace repeats.
    #[must_use]
    pub fn of_fleet(&self, databases: usize) -> Self {
        Self {
            rows: self.rows.iter().copied().cycle().take(databases).collect(),
        }
    }
}

fn header(fields: &[&str]) -> Result<(), String> {
    if fields == COLUMNS {
        Ok(())
    } else {
        Err(format!("the header must be {}", COLUMNS.join(",")))
    }
}

fn row(fields: &[&str]) -> Result<Durations, String> {
    let [snapshot, copy] = fields else {
        return Err(format!("{} fields instead of two", fields.len()));
    };
    let faults: Vec<String> = [(COLUMNS[0], seconds(snapshot)), (COLUMNS[1], seconds(copy))]
        .into_iter()
        .filter_map(|(column, read)| read.err().map(|fault| format!("{column}: {fault}")))
        .collect();
    match (seconds(snapshot), seconds(copy)) {
        (Ok(snapshot), Ok(copy)) => Ok(Durations { snapshot, copy }),
        _ => Err(faults.join("; ")),
    }
}

fn seconds(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST_SECONDS => Ok(
            SignedDuration::from_millis((seconds * 1_000.0).round() as i64),
        ),
        _ => Err(format!(
            "{text:?} is not a number of seconds above 0 and up to 30 days"
        )),
    }
}
