//! All that a run measured, and whether it keeps the promises.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::measure::{BATCHES, Measured, Slow};
use super::statistics::{Sample, ratio};

/// What was measured.
#[derive(Debug)]
pub(super) struct Figures {
    /// The function that does nothing.
    pub(super) empty: Measured,
    /// The product.
    pub(super) snapferry: Measured,
    /// The same over boto3.
    pub(super) boto3: Measured,
    /// The product behind a slow network, by the size of the batch.
    pub(super) slow: BTreeMap<usize, Slow>,
    /// The product's zip, in bytes.
    pub(super) zip: usize,
}

/// What a promise allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    /// This much, or less.
    AtMost(f64),
    /// This much, or more.
    AtLeast(f64),
    /// Less than this.
    Below(f64),
}

/// A promise, and what was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Promise {
    /// What is promised.
    pub(super) name: &'static str,
    /// The unit, with its space, or nothing.
    pub(super) unit: &'static str,
    /// What it allows.
    pub(super) bound: Bound,
    /// What was measured; `None` if it could not be.
    pub(super) measured: Option<f64>,
}

impl Promise {
    /// Whether it is kept. What was not measured is not kept.
    #[must_use]
    pub(super) fn is_kept(&self) -> bool {
        self.measured.is_some_and(|measured| match self.bound {
            Bound::AtMost(bound) => measured <= bound,
            Bound::AtLeast(bound) => measured >= bound,
            Bound::Below(bound) => measured < bound,
        })
    }

    /// The bound in words.
    #[must_use]
    pub(super) fn allowed(&self) -> String {
        let unit = self.unit;
        match self.bound {
            Bound::AtMost(bound) => format!("at most {bound}{unit}"),
            Bound::AtLeast(bound) => format!("at least {bound}{unit}"),
            Bound::Below(bound) => format!("under {bound}{unit}"),
        }
    }

    /// What was measured, in words.
    #[must_use]
    pub(super) fn found(&self) -> String {
        match self.measured {
            Some(measured) => format!("{measured:.2}{}", self.unit),
            None => "not measured".to_owned(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "promise": self.name,
            "allowed": self.allowed(),
            "measured": self.measured,
            "kept": self.is_kept(),
        })
    }
}

impl Figures {
    /// The promises, and which of them were kept.
    #[must_use]
    pub(super) fn promises(&self) -> Vec<Promise> {
        let (ours, boto3) = (&self.snapferry, &self.boto3);
        let cpu = |batch| ratio(boto3.cpu(batch), ours.cpu(batch));
        let slow = |batch| {
            let slow = self.slow.get(&batch)?;
            ratio(slow.took.median(), Some(slow.sequential))
        };
        let megabytes = |bytes: f64| bytes / 1e6;
        vec![
            Promise {
                name: "init, beside an empty Rust function's",
                unit: "×",
                bound: Bound::AtMost(2.0),
                measured: ratio(ours.init.median(), self.empty.init.median()),
            },
            Promise {
                name: "init and first event, how much faster than boto3's",
                unit: "×",
                bound: Bound::AtLeast(50.0),
                measured: ratio(boto3.cold.median(), ours.cold.median()),
            },
            Promise {
                name: "processor time an event at batches of 100, how much less than boto3's",
                unit: "×",
                bound: Bound::AtLeast(7.0),
                measured: cpu(100),
            },
            Promise {
                name: "processor time an event at batches of 10, how much less than boto3's",
                unit: "×",
                bound: Bound::AtLeast(4.0),
                measured: cpu(10),
            },
            Promise {
                name: "resident memory, the most ever",
                unit: " MB",
                bound: Bound::AtMost(16.0),
                measured: Some(megabytes(approximate(ours.memory))),
            },
            Promise {
                name: "zip",
                unit: " MB",
                bound: Bound::Below(4.0),
                measured: u64::try_from(self.zip).ok().map(approximate).map(megabytes),
            },
            Promise {
                name: "a batch of 10 with answers of 10 ms, of its calls one after another",
                unit: "×",
                bound: Bound::Below(0.33),
                measured: slow(10),
            },
            Promise {
                name: "a batch of 100 with answers of 10 ms, of its calls one after another",
                unit: "×",
                bound: Bound::Below(0.1),
                measured: slow(100),
            },
        ]
    }

    /// All of it for a machine.
    #[must_use]
    pub(super) fn json(&self) -> Value {
        let promises = self.promises();
        let slow: serde_json::Map<String, Value> = self
            .slow
            .iter()
            .map(|(batch, slow)| {
                let figures = json!({
                    "p50_ms": rounded(slow.took.median()),
                    "sequential_ms": slow.sequential,
                });
                (batch.to_string(), figures)
            })
            .collect();
        json!({
            "empty": self.empty.json(),
            "snapferry": self.snapferry.json(),
            "boto3": self.boto3.json(),
            "answers_of_10_ms": slow,
            "zip_bytes": self.zip,
            "promises": promises.iter().map(Promise::json).collect::<Vec<_>>(),
            "kept": promises.iter().all(Promise::is_kept),
        })
    }
}

impl Measured {
    /// The processor time of an event in batches of this size: the median of the blocks, in microseconds.
    #[must_use]
    pub(super) fn cpu(&self, batch: usize) -> Option<f64> {
        self.warm.get(&batch)?.cpu.median()
    }

    fn json(&self) -> Value {
        let warm: serde_json::Map<String, Value> = BATCHES
            .iter()
            .filter_map(|batch| {
                let warm = self.warm.get(batch)?;
                let requests: u64 = warm.requests.values().sum();
                let figures = json!({
                    "p50_ms": rounded(warm.took.median()),
                    "p99_ms": rounded(warm.took.percentile(99)),
                    "cpu_us_per_event": rounded(warm.cpu.median()),
                    "requests": warm.requests,
                    "requests_per_event": approximate(requests) / f64::from(u32::try_from(*batch).ok()?),
                });
                Some((batch.to_string(), figures))
            })
            .collect();
        let times = |sample: &Sample| {
            json!({
                "p50_ms": rounded(sample.median()),
                "p99_ms": rounded(sample.percentile(99)),
            })
        };
        json!({
            "init": times(&self.init),
            "first_event": times(&self.first),
            "init_and_first_event": times(&self.cold),
            "cold_requests": self.cold_requests,
            "batches": warm,
            "resident_bytes": self.memory,
        })
    }
}

/// A microsecond more or less says nothing.
fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|value| (value * 1e3).round() / 1e3)
}

/// Exact up to 2^53, which no size here comes near.
#[expect(clippy::cast_precision_loss, reason = "sizes and counts are small")]
fn approximate(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Bound, Figures, Promise};
    use crate::bench::measure::{Measured, Slow, Warm};
    use crate::bench::statistics::Sample;

    fn one(value: f64) -> Sample {
        [value].into_iter().collect()
    }

    fn measured(init: f64, cold: f64, cpu: f64, memory: u64) -> Measured {
        let warm = |cpu| Warm {
            took: one(1.0),
            cpu: one(cpu),
            requests: BTreeMap::new(),
        };
        Measured {
            init: one(init),
            first: one(cold - init),
            cold: one(cold),
            warm: [(1, warm(cpu)), (10, warm(cpu)), (100, warm(cpu))].into(),
            memory,
            ..Measured::default()
        }
    }

    fn figures() -> Figures {
        let slow = |took, sequential| Slow {
            took: one(took),
            sequential,
        };
        Figures {
            empty: measured(1.0, 1.2, 10.0, 3_000_000),
            snapferry: measured(2.0, 4.0, 100.0, 10_000_000),
            boto3: measured(250.0, 300.0, 900.0, 60_000_000),
            slow: [(10, slow(50.0, 220.0)), (100, slow(150.0, 2060.0))].into(),
            zip: 3_500_000,
        }
    }

    fn missed(figures: &Figures) -> Vec<&'static str> {
        let promises = figures.promises();
        let missed = promises.iter().filter(|promise| !promise.is_kept());
        missed.map(|promise| promise.name).collect()
    }

    #[test]
    fn good_figures_keep_every_promise() {
        assert_eq!(missed(&figures()), [""; 0]);
        assert_eq!(figures().json()["kept"], true);
    }

    #[test]
    fn each_promise_can_be_missed() {
        let spoil: [fn(&mut Figures); 8] = [
            |f| f.snapferry.init = one(2.1),
            |f| f.snapferry.cold = one(6.1),
            |f| f.boto3.warm.get_mut(&100).unwrap().cpu = one(690.0),
            |f| f.boto3.warm.get_mut(&10).unwrap().cpu = one(390.0),
            |f| f.snapferry.memory = 16_000_001,
            |f| f.zip = 4_000_000,
            |f| f.slow.get_mut(&10).unwrap().took = one(80.0),
            |f| f.slow.get_mut(&100).unwrap().took = one(210.0),
        ];
        for (number, spoil) in spoil.iter().enumerate() {
            let mut figures = figures();
            spoil(&mut figures);
            assert_eq!(missed(&figures), [figures.promises()[number].name]);
            assert_eq!(figures.json()["kept"], false);
        }
    }

    #[test]
    fn what_was_not_measured_is_not_kept() {
        let promise = Promise {
            name: "x",
            unit: " MB",
            bound: Bound::Below(4.0),
            measured: None,
        };
        assert!(!promise.is_kept());
        assert_eq!(promise.found(), "not measured");
        assert_eq!(promise.allowed(), "under 4 MB");
    }
}
