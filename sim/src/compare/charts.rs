//! The comparison as charts.

use std::path::{Path, PathBuf};

use plotters::prelude::*;
use thiserror::Error;

use super::study::{Design, Figures, Study};

/// Why a chart could not be drawn.
#[derive(Debug, Error)]
pub enum ChartError {
    /// The directory cannot be made.
    #[error("{path} cannot be made")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A chart cannot be written.
    #[error("{path} cannot be drawn: {fault}")]
    Drawing {
        /// The file.
        path: PathBuf,
        /// What the library said.
        fault: String,
    },
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// One line of each design over the fleets.
struct Chart {
    file: &'static str,
    title: &'static str,
    unit: &'static str,
    of: fn(&Figures) -> Option<f64>,
}

const CHARTS: [Chart; 4] = [
    Chart {
        file: "lag.svg",
        title: "Ready to noticed, median, events at once",
        unit: "seconds",
        of: |f| f.lag_p50_seconds,
    },
    Chart {
        file: "rds-calls.svg",
        title: "RDS calls for each recovery point made",
        unit: "calls",
        of: |f| f.rds_calls_per_made,
    },
    Chart {
        file: "made.svg",
        title: "Recovery points made, of 100",
        unit: "made",
        of: |f| Some(100.0 * f.made as f64 / f.databases as f64),
    },
    Chart {
        file: "dollars.svg",
        title: "List price of 1,000 recovery points made",
        unit: "US dollars",
        of: |f| f.dollars_per_1000,
    },
];

const SIZE: (u32, u32) = (760, 420);
/// Colours that a colour-blind reader can tell apart (Okabe and Ito), Snapferry's first.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

/// Draws every chart into a directory; the files that were written.
///
/// # Errors
/// When the directory or a file cannot be written.
pub fn draw(study: &Study, directory: &Path) -> Result<Vec<PathBuf>, ChartError> {
    std::fs::create_dir_all(directory).map_err(|source| ChartError::Directory {
        path: directory.to_owned(),
        source,
    })?;
    let mut written = Vec::new();
    for chart in &CHARTS {
        let path = directory.join(chart.file);
        one(study, chart, &path).map_err(|error| ChartError::Drawing {
            path: path.clone(),
            fault: error.to_string(),
        })?;
        written.push(path);
    }
    Ok(written)
}

fn points(study: &Study, chart: &Chart, design: Design) -> Vec<(f64, f64)> {
    let of = |databases: usize| {
        let figures = study.of(design, databases, 0, 0.0)?;
        let value = (chart.of)(figures).filter(|value| *value > 0.0)?;
        Some((databases as f64, value))
    };
    study.fleets().into_iter().filter_map(of).collect()
}

/// The decades that hold all values.
fn decades(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (mut least, mut most) = (f64::MAX, f64::MIN_POSITIVE);
    for value in values {
        (least, most) = (least.min(value), most.max(value));
    }
    let least = 10_f64.powf(least.min(most).log10().floor());
    least..10_f64.powf(most.log10().ceil()).max(least * 10.0)
}

fn one(study: &Study, chart: &Chart, path: &Path) -> Drawn {
    let lines: Vec<_> = Design::ALL
        .into_iter()
        .map(|d| (d, points(study, chart, d)))
        .collect();
    let all = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let (xs, ys) = (
        decades(all().map(|(x, _)| x)),
        decades(all().map(|(_, y)| y)),
    );
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut plot = ChartBuilder::on(&root)
        .caption(chart.title, ("sans-serif", 20))
        .margin(12)
        .margin_right(28)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(xs.log_scale(), ys.log_scale())?;
    plot.configure_mesh()
        .x_desc("databases")
        .y_desc(chart.unit)
        .max_light_lines(0)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| axis(*y))
        .draw()?;
    for ((design, points), colour) in lines.iter().zip(COLOURS) {
        let width = if *design == Design::Snapferry { 3 } else { 2 };
        let style = colour.stroke_width(width);
        plot.draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(design.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        plot.draw_series(
            points
                .iter()
                .map(|point| Circle::new(*point, 3, colour.filled())),
        )?;
    }
    plot.configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()?;
    Ok(())
}

fn axis(value: f64) -> String {
    if value >= 1.0 {
        format!("{value:.0}")
    } else {
        format!("{value}")
    }
}
