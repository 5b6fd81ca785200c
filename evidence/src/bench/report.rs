//! The figures as tables.

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::contenders::{BOTO3, EMPTY, SNAPFERRY};
use super::figures::Figures;
use super::measure::{BATCHES, Measured};

/// The figures for a person.
#[must_use]
pub(super) fn tables(figures: &Figures) -> String {
    let (measured, promises) = (measured(figures), promises(figures));
    format!("{measured}\n\n{promises}")
}

fn measured(figures: &Figures) -> Table {
    let mut table = table(&["", EMPTY, SNAPFERRY, BOTO3]);
    let all = [&figures.empty, &figures.snapferry, &figures.boto3];
    let mut row = |name: &str, value: &dyn Fn(&Measured) -> String| {
        let values = all.iter().map(|measured| right(value(measured)));
        table.add_row(std::iter::once(Cell::new(name)).chain(values));
    };
    row("init, ms (p50)", &|m| number(m.init.median()));
    row("first event, ms (p50)", &|m| number(m.first.median()));
    row("init and first event, ms (p50)", &|m| {
        number(m.cold.median())
    });
    row("init and first event, ms (p99)", &|m| {
        number(m.cold.percentile(99))
    });
    for batch in BATCHES {
        row(&format!("batch of {batch}: ms (p50)"), &|m| {
            number(m.warm.get(&batch).and_then(|warm| warm.took.median()))
        });
        row(&format!("batch of {batch}: ms (p99)"), &|m| {
            number(m.warm.get(&batch).and_then(|warm| warm.took.percentile(99)))
        });
        row(
            &format!("batch of {batch}: processor time an event, µs"),
            &|m| number(m.cpu(batch)),
        );
        row(&format!("batch of {batch}: requests to AWS"), &|m| {
            let requests = m.warm.get(&batch).map(|warm| &warm.requests);
            let requests: u64 = requests.into_iter().flat_map(|all| all.values()).sum();
            requests.to_string()
        });
    }
    row("resident memory, kB (the most)", &|m| {
        (m.memory / 1000).to_string()
    });
    for (batch, slow) in &figures.slow {
        let of = format!("batch of {batch}, answers of 10 ms: ms (p50)");
        let took = right(number(slow.took.median()));
        table.add_row([
            Cell::new(of),
            right(String::new()),
            took,
            right(String::new()),
        ]);
    }
    let zip = right((figures.zip / 1000).to_string());
    table.add_row([
        Cell::new("zip, kB"),
        right(String::new()),
        zip,
        right(String::new()),
    ]);
    table
}

fn promises(figures: &Figures) -> Table {
    let mut table = table(&["promise", "allowed", "measured", ""]);
    for promise in figures.promises() {
        let kept = if promise.is_kept() { "kept" } else { "MISSED" };
        table.add_row([
            Cell::new(promise.name),
            right(promise.allowed()),
            right(promise.found()),
            Cell::new(kept),
        ]);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(header);
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Three digits that count are enough.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn figures_have_three_digits_that_count() {
        let values = [Some(312.34), Some(31.234), Some(3.1234), None];
        assert_eq!(values.map(number), ["312", "31.2", "3.12", "-"]);
    }
}
