//! What the binary knows of the terminal that the answer goes to: how wide it is, and whether it takes colour. It says so
//! once; without it nothing is folded and nothing is coloured.

use std::sync::OnceLock;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

static TERMINAL: OnceLock<Terminal> = OnceLock::new();

/// When an answer is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set; CLICOLOR_FORCE colours everywhere.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl Color {
    /// From now on every stream of this process follows this choice.
    pub(super) fn choose(self) {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Terminal {
    width: Option<u16>,
    is_wide: bool,
    has_color: bool,
}

/// From now on answers are written for the terminal of the standard output. With `is_wide` no row is folded and no text cut.
pub(super) fn write_for_terminal(is_wide: bool) {
    let terminal = Terminal {
        width: width_of_output().filter(|_| !is_wide),
        is_wide,
        has_color: AutoStream::choice(&std::io::stdout()) != ColorChoice::Never,
    };
    // Only the first call counts, and the binary makes one.
    let _ = TERMINAL.set(terminal);
}

/// How wide the terminal of the standard output is. `None` if that is no terminal.
pub(super) fn width_of_output() -> Option<u16> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(width.0)
}

fn terminal() -> Terminal {
    TERMINAL.get().copied().unwrap_or_default()
}

/// How wide a line may be. `None` if nothing is folded.
pub(super) fn width() -> Option<u16> {
    terminal().width
}

/// Whether nothing is cut.
pub(super) fn is_wide() -> bool {
    terminal().is_wide
}

/// The words of outcomes and states that a person should see first, those to look at, and those that are well.
const BAD: [&str; 9] = [
    "failed",
    "failure",
    "not-sent",
    "overdue",
    "parked",
    "refused",
    "sent-and-kept",
    "timed-out",
    "unprotected",
];
const DOUBTFUL: [&str; 6] = [
    "needs-new",
    "new",
    "orphaned",
    "unknown",
    "unreadable",
    "warning",
];
const GOOD: [&str; 6] = [
    "ok",
    "protected",
    "redriven",
    "replayed",
    "restarted",
    "stopped",
];

fn style_of(word: &str) -> Option<Style> {
    let color = if BAD.contains(&word) {
        AnsiColor::Red
    } else if DOUBTFUL.contains(&word) {
        AnsiColor::Yellow
    } else if GOOD.contains(&word) {
        AnsiColor::Green
    } else {
        return None;
    };
    Some(color.on_default())
}

fn painted(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// A word that says how something stands, in its colour.
pub(super) fn word(word: &str) -> String {
    match style_of(word) {
        Some(style) if terminal().has_color => painted(word, style),
        _ => word.to_owned(),
    }
}

/// A sentence that a person should see first.
pub(super) fn alarming(sentence: &str) -> String {
    let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
    match terminal().has_color {
        true => painted(sentence, red),
        false => sentence.to_owned(),
    }
}

/// A table as it is printed: its header bold, the words that say how something stands in their colours.
pub(super) fn table(text: &str, has_header: bool) -> String {
    match terminal().has_color {
        true => color_table(text, has_header),
        false => text.to_owned(),
    }
}

/// Two blanks at least lie between two columns, so a cell with one word is a word between such gaps.
fn color_table(text: &str, has_header: bool) -> String {
    let mut lines = text.split('\n');
    let mut all = Vec::new();
    if has_header && let Some(header) = lines.next() {
        all.push(painted(header, Style::new().bold()));
    }
    let cell = |cell: &str| {
        let word = cell.trim();
        style_of(word).map_or_else(
            || cell.to_owned(),
            |style| cell.replacen(word, &painted(word, style), 1),
        )
    };
    all.extend(lines.map(|line| {
        let cells: Vec<String> = line.split("  ").map(cell).collect();
        cells.join("  ")
    }));
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_changes_no_letter_and_no_column() {
        let table =
            "DATABASE  STATE      WHY\norders    overdue    it is overdue\nbilling   protected";
        let colored = color_table(table, true);
        assert_ne!(colored, table);
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), table);
        // Only a cell that is one of the words has its colour.
        assert_eq!(colored.matches("\x1b[31m").count(), 1, "{colored:?}");
    }
}
