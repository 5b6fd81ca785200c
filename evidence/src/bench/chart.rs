//! The figures as a picture.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::contenders::{BOTO3, EMPTY, SNAPFERRY};
use super::figures::Figures;
use super::measure::BATCHES;

const SIZE: (u32, u32) = (960, 380);
const FONT: &str = "sans-serif";
const GREY: RGBColor = RGBColor(150, 150, 150);
const RUST: RGBColor = RGBColor(183, 65, 14);
const BLUE: RGBColor = RGBColor(55, 118, 171);

/// A bar: whose, its label, its height.
struct Bar {
    colour: RGBColor,
    label: String,
    height: Option<f64>,
}

/// Draws them as an SVG: the cold start and the processor time of an event, both on a logarithmic scale.
///
/// # Errors
/// When the drawing library fails.
pub(super) fn svg(figures: &Figures) -> anyhow::Result<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (left, right) = area.split_horizontally(420);
        bars(
            &left,
            "init and first event, ms (logarithmic)",
            1.0..1000.0,
            &cold(figures),
        )?;
        bars(
            &right,
            "processor time an event, µs, by batch (logarithmic)",
            10.0..10_000.0,
            &warm(figures),
        )?;
        area.present()?;
    }
    Ok(text)
}

fn cold(figures: &Figures) -> Vec<Bar> {
    let bar = |label: &str, colour, sample: &super::statistics::Sample| Bar {
        colour,
        label: label.to_owned(),
        height: sample.median(),
    };
    vec![
        bar(EMPTY, GREY, &figures.empty.cold),
        bar(SNAPFERRY, RUST, &figures.snapferry.cold),
        bar(BOTO3, BLUE, &figures.boto3.cold),
    ]
}

fn warm(figures: &Figures) -> Vec<Bar> {
    let pair = |batch: usize| {
        let bar = |name: &str, colour, height| Bar {
            colour,
            label: format!("{name}, {batch}"),
            height,
        };
        [
            bar(SNAPFERRY, RUST, figures.snapferry.cpu(batch)),
            bar(BOTO3, BLUE, figures.boto3.cpu(batch)),
        ]
    };
    BATCHES.into_iter().flat_map(pair).collect()
}

fn bars(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    scale: std::ops::Range<f64>,
    bars: &[Bar],
) -> anyhow::Result<()> {
    let floor = scale.start;
    let count = u32::try_from(bars.len())?;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..f64::from(count), scale.log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .light_line_style(TRANSPARENT)
        .y_label_formatter(&|value| format!("{value}"))
        .label_style((FONT, 12))
        .draw()?;
    let centred = Pos::new(HPos::Center, VPos::Bottom);
    let under = Pos::new(HPos::Center, VPos::Top);
    for (left, bar) in (0..count).map(f64::from).zip(bars) {
        let height = bar.height.unwrap_or(floor).max(floor);
        let corners = [(left + 0.15, floor), (left + 0.85, height)];
        chart.draw_series([Rectangle::new(corners, bar.colour.filled())])?;
        let value = bar
            .height
            .map_or_else(String::new, |height| format!("{height:.1}"));
        let style = (FONT, 13).into_text_style(area);
        chart.draw_series([Text::new(value, (left + 0.5, height), style.pos(centred))])?;
        // Below the axis there is no coordinate: the labels are set by pixels.
        let (x, y) = chart.backend_coord(&(left + 0.5, floor));
        let (base_x, base_y) = area.get_base_pixel();
        let style = (FONT, 12).into_text_style(area).pos(under);
        area.draw_text(&bar.label, &style, (x - base_x, y - base_y + 6))?;
    }
    Ok(())
}
