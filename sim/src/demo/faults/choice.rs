//! Which faults were requested for a run.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::faults::{Fault, World};

/// What `--faults` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    asked: BTreeSet<Fault>,
    /// Whether to inject few of each instead of many.
    is_mild: bool,
}

/// Faults of a bad day that pass by themselves.
const MILD: [Fault; 11] = [
    Fault::EventsLost,
    Fault::EventsDoubled,
    Fault::EventsLate,
    Fault::EventsReordered,
    Fault::EventsEarly,
    Fault::SnapshotFailed,
    Fault::CopyFailed,
    Fault::Throttling,
    Fault::Rds500,
    Fault::Dynamodb500,
    Fault::States500,
];

impl Choice {
    /// The faults, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = Fault> {
        self.asked.iter().copied()
    }

    /// Whether this fault was requested.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.asked.contains(&fault)
    }

    /// Whether no fault was requested.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether to inject few of each.
    #[must_use]
    pub fn is_mild(&self) -> bool {
        self.is_mild
    }

    /// Whether commands will reach the dead-letter queue, for a person to replay.
    #[must_use]
    pub fn parks(&self) -> bool {
        self.has(Fault::KeyDisabled) || self.has(Fault::AccessDenied)
    }

    /// The help text of `--faults`.
    #[must_use]
    pub fn help() -> String {
        let names = MILD.map(Fault::name).join(", ");
        format!(
            "What goes wrong: none, mild ({names}; few of each), harsh (all of them, many of each), or a \
             comma-separated list of:\n\n{}",
            Fault::help(World::Demo)
        )
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => return Ok(Self::default()),
            "mild" => {
                return Ok(Self {
                    asked: MILD.into(),
                    is_mild: true,
                });
            }
            "harsh" => {
                return Ok(Self {
                    asked: Fault::of(World::Demo).collect(),
                    is_mild: false,
                });
            }
            _ => {}
        }
        let one = |name: &str| {
            let known = Fault::of(World::Demo).find(|fault| fault.name() == name.trim());
            known.ok_or_else(|| {
                let names: Vec<&str> = Fault::of(World::Demo).map(Fault::name).collect();
                format!(
                    "{name:?} is none, mild, harsh, or a list of {}",
                    names.join(", ")
                )
            })
        };
        let mut asked = text
            .split(',')
            .map(one)
            .collect::<Result<BTreeSet<_>, _>>()?;
        if asked.contains(&Fault::Sqs500) {
            asked.insert(Fault::ForgedHint);
        }
        Ok(Self {
            asked,
            is_mild: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_a_level_or_a_list_and_everything_else_is_a_sentence() {
        let none: Choice = "none".parse().unwrap();
        assert!(none.is_empty());
        let harsh: Choice = "harsh".parse().unwrap();
        assert!(harsh.iter().eq(Fault::of(World::Demo)));
        let two: Choice = "events-lost, garbage".parse().unwrap();
        assert_eq!(
            two.iter().collect::<Vec<_>>(),
            [Fault::EventsLost, Fault::Garbage]
        );
        for wrong in ["", "harsh,none", "event-lost", "quota-full"] {
            let announced = wrong.parse::<Choice>().unwrap_err();
            assert!(announced.contains("region-down"), "{announced}");
        }
    }

    #[test]
    fn mild_needs_no_person_and_harsh_does() {
        assert!(!"mild".parse::<Choice>().unwrap().parks());
        assert!("harsh".parse::<Choice>().unwrap().parks());
    }

    #[test]
    fn the_help_names_every_fault_once() {
        let help = Choice::help();
        for fault in Fault::of(World::Demo) {
            let lines = help
                .lines()
                .filter(|line| line.starts_with(&format!("{fault} ")));
            assert_eq!(lines.count(), 1, "{fault}");
        }
    }
}
