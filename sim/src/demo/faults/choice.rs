//! Which faults there are, and which of them a run is asked to have.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal: $meaning:literal),+ $(,)?) => {
        /// Something that can go wrong in the demo's world.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $($(#[$doc])* #[doc = $meaning] $variant),+
        }

        impl Fault {
            /// Every fault there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name on the command line and in the JSON.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What happens, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

faults! {
    EventsLost = "events-lost": "RDS's event that a snapshot or copy is finished never comes.",
    EventsDoubled = "events-doubled": "An event comes twice.",
    EventsLate = "events-late": "An event comes seconds late.",
    EventsReordered = "events-reordered": "An event overtakes the one before it.",
    EventsEarly = "events-early": "An event is ahead of what RDS's describe calls show.",
    SnapshotFailed = "snapshot-failed": "A snapshot ends as failed, for which RDS has no event.",
    CopyFailed = "copy-failed": "A copy ends as failed, for which RDS has no event.",
    CopyVanished = "copy-vanished": "Somebody deletes a copy that is under way.",
    Throttling = "throttling": "For some seconds most calls of RDS, Step Functions and DynamoDB are throttled.",
    KeyDisabled = "key-disabled": "The recovery region's key is disabled until a person mends it.",
    AccessDenied = "access-denied": "RDS denies one operation until a person grants it.",
    CopiesRefused = "copies-refused": "Other people's copies take all of RDS's places for a while: the 21st is refused.",
    RegionDown = "region-down": "RDS of one region answers nothing for some seconds.",
    Rds500 = "rds-500": "For some seconds most calls of RDS are answered with an internal error.",
    Dynamodb500 = "dynamodb-500": "The same of DynamoDB.",
    Sqs500 = "sqs-500": "The same of SQS; brings forged hints along, since a function calls SQS only where a message must wait.",
    States500 = "states-500": "The same of Step Functions.",
    NoAnswer = "no-answer": "For some seconds many calls of all four services go unanswered, before or after they had their effect.",
    FunctionKilled = "function-killed": "A function's process is killed in the middle of a batch.",
    Garbage = "garbage": "Messages that nobody can read lie in both queues.",
    ForgedHint = "forged-hint": "An event of the right shape says that a snapshot or copy is finished which is not.",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What `--faults` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    asked: BTreeSet<Fault>,
    /// Few of each instead of many.
    is_mild: bool,
}

/// What can go wrong on a bad day and heals by itself.
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

    /// Whether this one is asked for.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.asked.contains(&fault)
    }

    /// Whether nothing is to go wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether there are to be few of each.
    #[must_use]
    pub fn is_mild(&self) -> bool {
        self.is_mild
    }

    /// Whether commands will come to rest in the dead-letter queue, for a person to replay.
    #[must_use]
    pub fn parks(&self) -> bool {
        self.has(Fault::KeyDisabled) || self.has(Fault::AccessDenied)
    }

    /// The help text of `--faults`.
    #[must_use]
    pub fn help() -> String {
        let names = MILD.map(Fault::name).join(", ");
        let mut text = format!(
            "What goes wrong: none, mild ({names}; few of each), harsh (all of them, many of each), or a \
             comma-separated list of:\n"
        );
        for fault in Fault::ALL {
            text.push_str(&format!("\n{:<17} {}", fault.name(), fault.meaning()));
        }
        text
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
                    asked: Fault::ALL.iter().copied().collect(),
                    is_mild: false,
                });
            }
            _ => {}
        }
        let one = |name: &str| {
            let known = Fault::ALL.iter().find(|fault| fault.name() == name.trim());
            known.copied().ok_or_else(|| {
                let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
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
        assert_eq!(harsh.iter().count(), Fault::ALL.len());
        let two: Choice = "events-lost, garbage".parse().unwrap();
        assert_eq!(
            two.iter().collect::<Vec<_>>(),
            [Fault::EventsLost, Fault::Garbage]
        );
        for wrong in ["", "harsh,none", "event-lost"] {
            let told = wrong.parse::<Choice>().unwrap_err();
            assert!(told.contains("region-down"), "{told}");
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
        for fault in Fault::ALL {
            assert_eq!(
                help.matches(&format!("\n{:<17} ", fault.name())).count(),
                1,
                "{fault}"
            );
        }
    }
}
