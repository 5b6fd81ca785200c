//! Faults of a file, with their places.

use std::fmt;
use std::ops::Range;

/// A place in a text, counted as editors do: from 1, with columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where the fault is.
    pub at: Place,
    /// What is wrong and what is expected, in a sentence.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// Faults as they are found.
pub(super) struct Faults<'t> {
    text: &'t str,
    /// The lines with broken syntax. No other fault is reported for them, because what was read of them is a guess.
    broken: Vec<Fault>,
    found: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            broken: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        place(self.text, span.start)
    }

    pub(super) fn syntax(&mut self, span: Option<Range<usize>>, what: impl Into<String>) {
        let at = place(self.text, span.map_or(0, |span| span.start));
        self.broken.push(Fault {
            at,
            what: what.into(),
        });
    }

    pub(super) fn add(&mut self, span: &Range<usize>, what: impl Into<String>) {
        self.found.push(Fault {
            at: self.place(span),
            what: what.into(),
        });
    }

    /// Reports something missing. This is certain only if everything could be read.
    pub(super) fn missing(&mut self, span: &Range<usize>, what: impl Into<String>) {
        if self.broken.is_empty() {
            self.add(span, what);
        }
    }

    /// All of them in the order of the text.
    pub(super) fn finish(self) -> Vec<Fault> {
        let Self { broken, found, .. } = self;
        let is_broken = |line| broken.iter().any(|fault: &Fault| fault.at.line == line);
        let mut all: Vec<Fault> = found
            .into_iter()
            .filter(|fault| !is_broken(fault.at.line))
            .collect();
        all.extend(broken);
        all.sort();
        all.dedup();
        all
    }
}

/// The place of a byte. The end of a text that ends its last line is in that line.
fn place(text: &str, byte: usize) -> Place {
    let byte = byte.min(text.len());
    let before = text.get(..byte).unwrap_or(text);
    let before = match before.strip_suffix('\n') {
        Some(line) if byte == text.len() => line,
        _ => before,
    };
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_as_editors_count() {
        let text = "a = 1\nä = 2\n";
        let cases = [
            (0, "1:1"),
            (4, "1:5"),
            (6, "2:1"),
            (8, "2:2"),
            (text.len(), "2:6"),
            (999, "2:6"),
        ];
        for (byte, shown) in cases {
            assert_eq!(place(text, byte).to_string(), shown, "{byte}");
        }
        assert_eq!(place("", 0).to_string(), "1:1");
    }
}
