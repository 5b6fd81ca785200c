//! The answers to the commands of one execution, one after the other.

use snapferry::domain::run::failure::Reason;

use super::definition::{
    COPY_HEARTBEAT, COPY_TIMEOUT, SNAPSHOT_HEARTBEAT, SNAPSHOT_TIMEOUT, Shortened,
};

/// The answer to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `SendTaskSuccess` with a manifest of the command's step.
    Success,
    /// `SendTaskFailure` with this error.
    Failure(&'static str),
    /// Nothing, so that the state times out.
    Nothing,
}

/// The answers to the commands of one execution. More of them than it has commands do no harm.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// The name of its queue and its state machine.
    pub(crate) name: String,
    /// Which timeouts are shortened, for it sits them out.
    pub(crate) timeouts: &'static [Shortened],
    pub(crate) answers: Vec<Answer>,
    /// Whether the input names an automated snapshot as its source.
    pub(crate) names_source: bool,
}

use Answer::{Nothing, Success};

const fn fails(reason: Reason) -> Answer {
    Answer::Failure(reason.error_name())
}

const BUSY: Answer = fails(Reason::DatabaseBusy);
const FAILED: Answer = fails(Reason::SnapshotFailed);
const VANISHED: Answer = fails(Reason::SnapshotVanished);
const EXPIRED: Answer = fails(Reason::SourceExpired);
const MISSING: Answer = fails(Reason::SourceMissing);
/// An error that is final in both states.
const UNSUPPORTED: Answer = fails(Reason::Unsupported);
/// What Step Functions itself says when it cannot send a command.
const QUEUE_UNREACHABLE: Answer = Answer::Failure("SQS.SdkClientException");
const QUEUE_REFUSES: Answer = Answer::Failure("SQS.AmazonSQSException");
/// An error that the definition does not name.
const UNHEARD_OF: Answer = Answer::Failure("Somebody.Else");

/// Every course that an execution can take, as far as its definition tells them apart.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all: Vec<Scenario> = by_hand().into();
    for &reason in Reason::ALL {
        // If the state retries after the first error, the second ends it. This shows for each reason whether it is retried.
        let then = [fails(reason), UNSUPPORTED];
        all.push(scenario(&format!("snapshot-{reason:?}"), &[], &then));
        let then = [&[Success], &then[..]].concat();
        all.push(scenario(&format!("copy-{reason:?}"), &[], &then));
    }
    for (name, answers) in [
        ("source-named", &[Success][..]),
        ("source-named-vanished-once", &[VANISHED, Success]),
        ("source-named-expired", &[EXPIRED]),
        ("source-named-failed-then-expired", &[FAILED, EXPIRED]),
    ] {
        all.push(Scenario {
            names_source: true,
            ..scenario(name, &[], answers)
        });
    }
    all
}

fn by_hand() -> [Scenario; 16] {
    [
        scenario("both-succeed", &[], &[Success; 2]),
        scenario("busy-once", &[], &[BUSY, Success, Success]),
        scenario("busy-for-good", &[], &[BUSY; 20]),
        scenario("snapshot-fails-for-good", &[], &[FAILED; 4]),
        // Two errors share one entry, and its count.
        scenario("vanished-and-failed", &[], &[VANISHED, FAILED, VANISHED]),
        // Entries count for themselves; the number in the command counts them all.
        scenario(
            "busy-and-failed",
            &[],
            &[BUSY, FAILED, BUSY, FAILED, FAILED],
        ),
        scenario("copy-vanished-once", &[], &[Success, VANISHED, Success]),
        scenario(
            "copy-fails-for-good",
            &[],
            &[Success, FAILED, VANISHED, FAILED],
        ),
        // What the snapshot has used up is the copy's again.
        scenario(
            "both-fail-and-succeed",
            &[],
            &[FAILED, FAILED, Success, FAILED, FAILED, Success],
        ),
        scenario("source-missing", &[], &[Success, MISSING]),
        scenario(
            "queue-unreachable",
            &[],
            &[QUEUE_UNREACHABLE, Success, QUEUE_REFUSES, UNSUPPORTED],
        ),
        scenario("queue-refuses-for-good", &[], &[QUEUE_REFUSES; 10]),
        scenario("unheard-of", &[], &[UNHEARD_OF]),
        scenario(
            "snapshot-unanswered",
            &[SNAPSHOT_TIMEOUT, SNAPSHOT_HEARTBEAT],
            &[Nothing],
        ),
        scenario(
            "copy-unanswered",
            &[COPY_TIMEOUT, COPY_HEARTBEAT],
            &[Success, Nothing],
        ),
        scenario(
            "retry-unanswered",
            &[SLOW_TIMEOUT, SLOW_HEARTBEAT],
            &[BUSY, Nothing],
        ),
    ]
}

/// Long enough for an answer to come in time on a busy machine.
const SLOW_TIMEOUT: Shortened = Shortened {
    seconds: 10,
    ..SNAPSHOT_TIMEOUT
};
const SLOW_HEARTBEAT: Shortened = Shortened {
    seconds: 9,
    ..SNAPSHOT_HEARTBEAT
};

fn scenario(name: &str, timeouts: &'static [Shortened], answers: &[Answer]) -> Scenario {
    Scenario {
        name: format!("compared-{name}"),
        timeouts,
        answers: answers.to_vec(),
        names_source: false,
    }
}
