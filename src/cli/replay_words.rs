//! The words of dead letters and of what became of them.

use super::show::short;
use crate::app::replay::{Outcome, Replay, Row, TokenState};
use crate::domain::operator::dead_letter::{About, Reason};

/// Whether a later letter has the same command. The sweep sends a parked command again every few hours, so a step that
/// waits for a person leaves a letter each time, and only the newest counts.
pub(super) fn is_paper(row: &Row, replay: &Replay) -> bool {
    fn step_of(row: &Row) -> Option<(&str, &str)> {
        match &row.letter.about {
            About::Command {
                step, execution, ..
            } => Some((execution, step.as_str())),
            About::Event { .. } | About::Foreign | About::Unreadable => None,
        }
    }
    let Some(step) = step_of(row) else {
        return false;
    };
    let mut others = replay.rows.iter();
    others.any(|other| step_of(other) == Some(step) && other.letter.since > row.letter.since)
}

pub(super) fn word(token_state: TokenState) -> &'static str {
    match token_state {
        TokenState::Alive => "yes",
        TokenState::Dead => "no",
        TokenState::Invalid => "never",
        TokenState::Unknown => "unknown",
    }
}

/// The word for an outcome, and why it failed if it did.
pub(super) fn outcome(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Skipped => ("left", None),
        Outcome::Selected => ("would-replay", None),
        Outcome::Replayed => ("replayed", None),
        Outcome::NotSent(why) => ("not-sent", Some(why)),
        Outcome::SentAndKept(why) => ("sent-and-kept", Some(why)),
    }
}

pub(super) fn explanation(row: &Row) -> String {
    let reason = match (&row.letter.reason, &row.letter.about) {
        // Its remedy has a column of its own.
        (Some(Reason::LastError(trouble)), _) => trouble.why.clone(),
        (Some(reason), _) => reason.to_string(),
        (None, About::Command { .. }) => {
            "not noted: no wait has its token; see the worker's log".to_owned()
        }
        (None, _) => "not noted; see the reactor's log".to_owned(),
    };
    match outcome(&row.outcome).1 {
        Some(why) => short(&format!("{why}; was there because: {reason}")),
        None => short(&reason),
    }
}
