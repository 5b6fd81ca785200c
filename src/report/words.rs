//! How people are told of databases, ages and the fleet, in texts and on the page.

use jiff::{SignedDuration, Timestamp};

use crate::app::status::Gathered;
use crate::domain::drill::state::DrillState;
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::operator::fleet::Counts;
use crate::domain::operator::status::Row;

/// The fleet in one sentence.
pub(crate) fn sentence(counts: &Counts) -> String {
    if counts.selected == 0 {
        return "No database is selected by a policy.".to_owned();
    }
    let mut all = format!(
        "{} of {} databases have a recovery point within their RPO.",
        counts.within_rpo, counts.selected
    );
    let others = [
        (counts.overdue, "overdue"),
        (counts.unprotected, "cannot be protected"),
        (counts.new, "without a recovery point yet"),
    ];
    for (number, what) in others.into_iter().filter(|(number, _)| *number > 0) {
        all.push_str(&format!(" {number} {what}."));
    }
    all
}

/// How the drills of these rows stand: how many passed, and a line for each that did not or is due, or with `all` for each.
pub(crate) fn drill_lines(gathered: &Gathered, rows: &[&Row], all: bool) -> Vec<String> {
    let drills: Vec<(&Row, &DrillState)> = rows
        .iter()
        .filter_map(|row| Some((*row, gathered.drill(row)?)))
        .collect();
    if drills.is_empty() {
        return Vec::new();
    }
    let is_well = |state: &DrillState| {
        matches!(
            state,
            DrillState::Last {
                failed: None,
                is_due: false,
                ..
            }
        )
    };
    let well = drills.iter().filter(|(_, state)| is_well(state)).count();
    let sentence = format!(
        "{well} of {} databases passed a drill and are not due for another.",
        drills.len()
    );
    let lines = drills
        .into_iter()
        .filter(|(_, state)| all || !is_well(state));
    let lines =
        lines.map(|(row, state)| format!("  drill of {}: {state}", database(&row.database)));
    std::iter::once(sentence).chain(lines).collect()
}

/// A database's name; a cluster may have the name that an instance has.
pub(crate) fn id(arn: &RdsArn) -> String {
    match arn.family() {
        Family::Instance => arn.name().to_owned(),
        Family::Cluster => format!("cluster:{}", arn.name()),
    }
}

/// A database's name. A cluster is marked as such, because an instance may have the same name.
pub(crate) fn database(arn: &RdsArn) -> String {
    match arn.family() {
        Family::Instance => arn.name().to_owned(),
        Family::Cluster => format!("{} (cluster)", arn.name()),
    }
}

/// A sentence with its first letter in upper case.
pub(crate) fn sentence_case(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// How long ago a time was, in the two largest units: `3d 4h`, `5m 10s`. A time in the future, which clocks that differ
/// can produce, is `0s`.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now
        .duration_since(since)
        .max(SignedDuration::ZERO)
        .as_secs();
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest}s"),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// A length of time in its two largest units.
pub(crate) fn span(span: SignedDuration) -> String {
    age(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_two_largest_units() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m 0s"),
            (3_599, "59m 59s"),
            (3_600, "1h 0m"),
            (86_399, "23h 59m"),
            (90_061, "1d 1h"),
            (-5, "0s"),
        ];
        for (seconds, text) in cases {
            let since = now - SignedDuration::from_secs(seconds);
            assert_eq!(age(since, now), text);
        }
    }
}
