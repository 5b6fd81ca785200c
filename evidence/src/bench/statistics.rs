//! Medians, percentiles and ratios of what was measured.

use std::time::Duration;

/// Measurements of one thing.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample(Vec<f64>);

impl Sample {
    /// Adds a measurement. One that is no number is left out: it would have no place in the order.
    pub(super) fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.0.push(value);
        }
    }

    /// Adds a duration, in milliseconds.
    pub(super) fn add_ms(&mut self, value: Duration) {
        self.add(value.as_secs_f64() * 1e3);
    }

    /// The value that at least `percent` of a hundred measurements do not exceed (nearest rank); `None` without
    /// measurements.
    #[must_use]
    pub(super) fn percentile(&self, percent: usize) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * percent.min(100)).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The median by nearest rank.
    #[must_use]
    pub(super) fn median(&self) -> Option<f64> {
        self.percentile(50)
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sample = Self::default();
        for value in values {
            sample.add(value);
        }
        sample
    }
}

/// `a ÷ b`, where that is a number.
#[must_use]
pub(super) fn ratio(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    let ratio = a? / b?;
    ratio.is_finite().then_some(ratio)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Sample, ratio};

    #[test]
    fn the_median_of_an_odd_number_is_the_middle_one_in_any_order() {
        let sample: Sample = [9.0, 1.0, 5.0].into_iter().collect();
        assert_eq!(sample.median(), Some(5.0));
    }

    #[test]
    fn the_99th_percentile_of_a_hundred_leaves_one_out() {
        let sample: Sample = (1..=100).map(f64::from).collect();
        assert_eq!(sample.percentile(99), Some(99.0));
        assert_eq!(sample.percentile(100), Some(100.0));
        assert_eq!(sample.percentile(1), Some(1.0));
        assert_eq!(sample.percentile(0), Some(1.0));
    }

    #[test]
    fn of_few_measurements_the_99th_percentile_is_the_largest() {
        let sample: Sample = [1.0, 2.0, 3.0].into_iter().collect();
        assert_eq!(sample.percentile(99), Some(3.0));
    }

    #[test]
    fn what_was_not_measured_has_no_figures() {
        assert_eq!(Sample::default().median(), None);
        let sample: Sample = [f64::NAN, f64::INFINITY].into_iter().collect();
        assert_eq!(sample.percentile(100), None);
    }

    #[test]
    fn durations_are_milliseconds() {
        let mut sample = Sample::default();
        sample.add_ms(Duration::from_micros(1500));
        assert_eq!(sample.median(), Some(1.5));
    }

    #[test]
    fn a_ratio_to_nothing_is_none() {
        assert_eq!(ratio(Some(6.0), Some(2.0)), Some(3.0));
        assert_eq!(ratio(Some(6.0), Some(0.0)), None);
        assert_eq!(ratio(None, Some(2.0)), None);
    }
}
