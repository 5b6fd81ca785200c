//! Every fault that a simulated world can have, and which world injects it: the one list.
//!
//! A world counts a fault when it injects it, and its tests compare the counts with this list. `cargo demo --help`,
//! `cargo simulate --help` and `docs/FAULTS.md` are made from it. It does not list what a world does all the time: the
//! simulation's queues deliver messages in any order, and all calls take time.

use std::fmt;
use std::fmt::Write as _;

/// Who can inject a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum World {
    /// `cargo demo`, in real time, on request.
    Demo,
    /// `cargo simulate`, in virtual time, by chance.
    Simulation,
    /// `cargo burst`, in every run.
    Burst,
    /// `cargo compare`, in one run after another.
    Comparison,
    /// The RDS model and its HTTP service, if a world asks for it.
    RdsModel,
}

impl World {
    /// Every world.
    pub const ALL: [Self; 5] = [
        Self::Demo,
        Self::Simulation,
        Self::Burst,
        Self::Comparison,
        Self::RdsModel,
    ];

    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Simulation => "simulation",
            Self::Burst => "burst",
            Self::Comparison => "comparison",
            Self::RdsModel => "RDS model",
        }
    }
}

macro_rules! faults {
    ($($variant:ident = $name:literal by [$($world:ident),+]: $meaning:literal),+ $(,)?) => {
        /// Something that can go wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(#[doc = $meaning] $variant),+
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name on command lines, in JSON and in documents.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Its name among other things that a world counts.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => concat!("fault: ", $name)),+ }
            }

            /// What happens, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }

            /// The worlds that inject it.
            #[must_use]
            pub fn worlds(self) -> &'static [World] {
                match self { $(Self::$variant => &[$(World::$world),+]),+ }
            }
        }
    };
}

faults! {
    EventsLost = "events-lost" by [Demo, Simulation, Comparison, RdsModel]: "RDS's event that a snapshot or copy is finished never arrives.",
    EventsDoubled = "events-doubled" by [Demo, Simulation, Burst, RdsModel]: "An event arrives twice.",
    EventsLate = "events-late" by [Demo, Simulation, Comparison, RdsModel]: "An event arrives late.",
    EventsReordered = "events-reordered" by [Demo]: "An event overtakes the one before it.",
    EventsEarly = "events-early" by [Demo, Simulation, RdsModel]: "An event arrives before RDS's describe calls show what it says.",
    EventsUnrelated = "events-unrelated" by [Burst]: "Events arrive of snapshots that no wait is stored for.",
    SnapshotFailed = "snapshot-failed" by [Demo, Simulation, RdsModel]: "A snapshot ends as failed, for which RDS has no event.",
    CopyFailed = "copy-failed" by [Demo, Simulation, RdsModel]: "A copy ends as failed, for which RDS has no event.",
    CopyVanished = "copy-vanished" by [Demo, Simulation]: "A person deletes a copy; in the demo, while it is under way.",
    NeverEnds = "never-ends" by [Simulation, RdsModel]: "A snapshot or copy never ends.",
    CopyWrong = "copy-wrong" by [Simulation]: "A copy with our name and our tags has another source or another key.",
    NameTaken = "name-taken" by [Simulation]: "Another program's snapshot has the name that ours needs.",
    SourceDeleted = "source-deleted" by [Simulation]: "A person deletes the snapshot that is to be copied.",
    ListLags = "list-lags" by [Simulation]: "One describe call leaves out a snapshot that RDS has.",
    DeadByMistake = "dead-by-mistake" by [Simulation]: "Step Functions says once of a token that nobody sleeps on it, although somebody does.",
    UnknownStatus = "unknown-status" by [Simulation]: "RDS shows a status that is not documented.",
    DatabaseBusy = "database-busy" by [Simulation, RdsModel]: "A database is being modified, so RDS takes no snapshot of it.",
    QuotaFull = "quota-full" by [Simulation, RdsModel]: "The account has as many manual snapshots as it may.",
    Throttling = "throttling" by [Demo, Simulation, Comparison, RdsModel]: "Calls are throttled; in the demo, most calls of RDS, Step Functions and DynamoDB for some seconds.",
    KeyDisabled = "key-disabled" by [Demo, Simulation, RdsModel]: "The recovery region's key is disabled until a person enables it.",
    AccessDenied = "access-denied" by [Demo, Simulation, RdsModel]: "RDS denies one operation until a person grants it.",
    DeniedBriefly = "denied-briefly" by [Simulation]: "One call is denied, as happens for a moment when policies change.",
    CopiesRefused = "copies-refused" by [Demo, Simulation, RdsModel]: "Other people's copies take RDS's places, so it refuses one of ours.",
    RegionDown = "region-down" by [Demo, Simulation]: "RDS of one region answers no call.",
    InternalError = "internal-error" by [Simulation]: "One call of any service is answered with an internal error.",
    Rds500 = "rds-500" by [Demo, RdsModel]: "For some seconds most calls of RDS are answered with an internal error.",
    Dynamodb500 = "dynamodb-500" by [Demo]: "For some seconds most calls of DynamoDB are answered with an internal error.",
    Sqs500 = "sqs-500" by [Demo]: "For some seconds most calls of SQS are answered with an internal error; adds forged-hint, since a function calls SQS only where a message must wait.",
    States500 = "states-500" by [Demo]: "For some seconds most calls of Step Functions are answered with an internal error.",
    NoAnswer = "no-answer" by [Demo, Simulation, RdsModel]: "Calls get no answer; in the demo, many calls of all four services for some seconds, before or after they had their effect.",
    AnswerLost = "answer-lost" by [Simulation]: "A call has its effect, and its caller gets an error or no answer.",
    EffectLate = "effect-late" by [Simulation]: "A call gets no answer and has its effect later.",
    FunctionKilled = "function-killed" by [Demo, Simulation]: "A function's process is killed in the middle of a batch.",
    FunctionPanics = "function-panics" by [Simulation]: "A function's code panics in the middle of a call.",
    FunctionTimesOut = "function-times-out" by [Simulation]: "A function reaches its time limit.",
    ScheduleSkipped = "schedule-skipped" by [Simulation]: "A schedule does not start the sweeper.",
    MessageDoubled = "message-doubled" by [Simulation]: "A queue delivers a message twice.",
    MessageKept = "message-kept" by [Simulation]: "A queue keeps a message that was handled.",
    CommandNotSent = "command-not-sent" by [Simulation]: "A state fails to send its command, or fails although it was sent.",
    CommandRepeated = "command-repeated" by [Simulation]: "A command of long ago arrives again.",
    Garbage = "garbage" by [Demo, Simulation]: "A queue holds messages that no function can read.",
    ForgedHint = "forged-hint" by [Demo, Simulation, Burst]: "An event of the right shape says that a snapshot or copy is finished which is not.",
    ForgedBackupHint = "forged-backup-hint" by [Simulation]: "An event that RDS did not send announces an automated snapshot.",
    TokensForgotten = "tokens-forgotten" by [Simulation]: "Step Functions no longer knows the tokens of tasks that have ended.",
    ExecutionStopped = "execution-stopped" by [Simulation]: "A person stops an execution.",
    ExecutionRestarted = "execution-restarted" by [Simulation]: "A person stops an execution and redrives it at once.",
    ExecutionGivenUp = "execution-given-up" by [Simulation]: "A person stops an execution for good.",
    ExecutionForged = "execution-forged" by [Simulation]: "Somebody starts an execution past Snapferry, with an input of their own.",
    ExecutionDoubled = "execution-doubled" by [Simulation]: "A person starts a second execution for the same recovery point.",
}

impl Fault {
    /// The faults that a world injects, in the order of their declaration.
    pub fn of(world: World) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |fault| fault.is_injected_by(world))
    }

    /// Whether this world injects it.
    #[must_use]
    pub fn is_injected_by(self, world: World) -> bool {
        self.worlds().contains(&world)
    }

    /// A line for each fault that a world injects, for a help text.
    #[must_use]
    pub fn help(world: World) -> String {
        let width = Self::of(world).map(|fault| fault.name().len()).max();
        let width = width.unwrap_or_default();
        let lines = Self::of(world)
            .map(|fault| format!("{:<width$}  {}", fault.name(), fault.meaning()))
            .collect::<Vec<_>>();
        lines.join("\n")
    }

    /// The whole list as a Markdown table.
    #[must_use]
    pub fn table() -> String {
        let mut table = "| fault | what happens |".to_owned();
        for world in World::ALL {
            let _ = write!(table, " {} |", world.name());
        }
        table.push_str("\n| --- | --- |");
        table.push_str(&" :-: |".repeat(World::ALL.len()));
        for fault in Self::ALL {
            let _ = write!(table, "\n| `{fault}` | {} |", fault.meaning());
            for world in World::ALL {
                table.push_str(if fault.is_injected_by(world) {
                    " x |"
                } else {
                    " |"
                });
            }
        }
        table
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Fault, World};

    #[test]
    fn every_name_is_one_faults_alone() {
        let names: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
    }

    #[test]
    fn the_page_has_the_list_as_it_is() {
        let page = include_str!("../../docs/FAULTS.md");
        let table = Fault::table();
        assert!(
            page.contains(&table),
            "the table of docs/FAULTS.md must be:\n{table}"
        );
    }

    #[test]
    fn the_help_of_a_world_names_each_of_its_faults_once_and_no_other() {
        for world in World::ALL {
            let help = Fault::help(world);
            let named: Vec<&str> = help
                .lines()
                .filter_map(|line| line.split_whitespace().next())
                .collect();
            let all: Vec<&str> = Fault::of(world).map(Fault::name).collect();
            assert_eq!(named, all);
        }
    }
}
