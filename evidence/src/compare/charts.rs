//! The comparison as charts.

use std::path::{Path, PathBuf};

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
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
    scale: Scale,
    of: fn(&Figures) -> Option<f64>,
}

enum Scale {
    Decades,
    OfHundred,
}

const CHARTS: [Chart; 4] = [
    Chart {
        file: "lag.svg",
        title: "Ready to noticed, median, events at once",
        unit: "seconds",
        scale: Scale::Decades,
        of: |f| f.lag_p50_seconds,
    },
    Chart {
        file: "rds-calls.svg",
        title: "RDS calls for each recovery point made",
        unit: "calls",
        scale: Scale::Decades,
        of: |f| f.rds_calls_per_made,
    },
    Chart {
        file: "made.svg",
        title: "Recovery points made, of 100",
        unit: "made",
        scale: Scale::OfHundred,
        of: |f| Some(100.0 * f.made as f64 / f.databases as f64),
    },
    Chart {
        file: "dollars.svg",
        title: "List price of 1,000 recovery points made",
        unit: "US dollars",
        scale: Scale::Decades,
        of: |f| f.dollars_per_1000,
    },
];

const SIZE: (u32, u32) = (820, 420);
const LEGEND_WIDTH: u32 = 170;
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

type Lines = Vec<(Design, Vec<(f64, f64)>)>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn one(study: &Study, chart: &Chart, path: &Path) -> Drawn {
    let lines: Lines = Design::ALL
        .into_iter()
        .map(|design| (design, points(study, chart, design)))
        .collect();
    let all = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let xs = decades(all().map(|(x, _)| x));
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(SIZE.0 - LEGEND_WIDTH);
    match chart.scale {
        Scale::Decades => plot(
            &left,
            chart,
            xs,
            decades(all().map(|(_, y)| y)).log_scale(),
            &lines,
        )?,
        Scale::OfHundred => plot(&left, chart, xs, 0.0..100.0, &lines)?,
    }
    legend(&right)?;
    root.present()?;
    Ok(())
}

fn plot<Y>(area: &Area<'_>, chart: &Chart, xs: std::ops::Range<f64>, ys: Y, lines: &Lines) -> Drawn
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut plot = ChartBuilder::on(area)
        .caption(chart.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(xs.log_scale(), ys)?;
    plot.configure_mesh()
        .x_desc("databases")
        .y_desc(chart.unit)
        .max_light_lines(0)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| axis(*y))
        .draw()?;
    // The first design last, so that no other covers it.
    for ((design, points), colour) in lines.iter().zip(COLOURS).rev() {
        plot.draw_series(LineSeries::new(
            points.iter().copied(),
            stroke(*design, colour),
        ))?;
        let circles = points
            .iter()
            .map(|point| Circle::new(*point, 3, colour.filled()));
        plot.draw_series(circles)?;
    }
    Ok(())
}

/// Beside the lines, where it covers none.
fn legend(area: &Area<'_>) -> Drawn {
    for (n, (design, colour)) in (0_i32..).zip(Design::ALL.into_iter().zip(COLOURS)) {
        let y = 70 + 24 * n;
        let sample = vec![(6, y), (26, y)];
        area.draw(&PathElement::new(sample, stroke(design, colour)))?;
        area.draw(&Text::new(design.name(), (32, y - 6), ("sans-serif", 13)))?;
    }
    Ok(())
}

fn stroke(design: Design, colour: RGBColor) -> ShapeStyle {
    colour.stroke_width(if design == Design::Snapferry { 3 } else { 2 })
}

fn axis(value: f64) -> String {
    if value >= 1.0 {
        format!("{value:.0}")
    } else {
        format!("{value}")
    }
}
