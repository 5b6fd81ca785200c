//! The removal of what the check made: by the person's own rights, and by two rules that share nothing.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::account::Account;
use crate::error::{Answered, CheckError};
use crate::journal::{Journal, Kind, Made};
use crate::shown::{Shown, delete, look};

/// The tag of everything that the check makes. Its value is the run's id.
pub const TAG: &str = "snapferry:live-check";

/// How far AWS's clock may be behind this machine's.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Something that is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is, where, and its name.
    pub what: String,
    /// Why it was not removed.
    pub why: String,
}

/// The first rule: AWS shows the run's tag on it now.
#[must_use]
pub fn bears_the_tag(shown: &Shown, run: &str) -> bool {
    shown.tags.get(TAG).is_some_and(|value| value == run)
}

/// The second rule: it is what the journal says that the run made, by the id that AWS gave it then. Where the answer was
/// lost, it is the one of that name that AWS made after the run asked for it.
#[must_use]
pub fn is_recorded(shown: &Shown, made: &Made) -> bool {
    let is_named =
        (shown.kind, &shown.region, &shown.name) == (made.kind, &made.region, &made.name);
    let is_the_one = match &made.id {
        Some(id) => *id == shown.id,
        None => shown
            .created
            .is_some_and(|created| created >= earliest(made)),
    };
    is_named && is_the_one
}

fn earliest(made: &Made) -> Timestamp {
    made.asked_at.checked_sub(SKEW).unwrap_or(Timestamp::MIN)
}

/// Why a thing must stay. None if both rules let it be removed.
#[must_use]
pub fn why_it_stays(shown: &Shown, made: &Made, run: &str) -> Option<&'static str> {
    match (bears_the_tag(shown, run), is_recorded(shown, made)) {
        (true, true) => None,
        (false, _) => Some("it does not bear the tag of the run that made it"),
        (true, false) => Some("it is not the one that the run made: its id or its time is another"),
    }
}

/// Removes what the journal names, as far as it is asked for, and waits until AWS shows none of it any more. What cannot be
/// removed is returned, and stays in the journal.
///
/// # Errors
/// If the journal cannot be written.
pub async fn remove(
    account: &Account,
    journal: &mut Journal,
    which: &dyn Fn(&Made) -> bool,
    say: &dyn Fn(&str),
) -> Answered<Vec<Leftover>> {
    let until = Instant::now() + account.pace.work;
    let mut kept = Vec::new();
    loop {
        let mut open = remaining(journal, which, &kept);
        // A stack holds the key that the copies are under, and roles that are not needed any more; so it goes last.
        if open.iter().any(|made| made.kind != Kind::Stack) {
            open.retain(|made| made.kind != Kind::Stack);
        }
        if open.is_empty() {
            return Ok(kept);
        }
        for made in open {
            match step(account, journal, &made).await {
                Ok(Step::Wait) => {}
                Ok(Step::Gone) => {
                    say(&format!("gone: {}", words(&made)));
                    journal.is_gone(&made)?;
                }
                Ok(Step::Keep(why)) => kept.push(left(&made, why)),
                Err(error @ CheckError::File { .. }) => return Err(error),
                Err(error) if Instant::now() > until => kept.push(left(&made, error)),
                Err(error) => say(&format!("{}: {error}; the check tries again", words(&made))),
            }
        }
        if Instant::now() > until {
            let late = remaining(journal, which, &kept);
            kept.extend(
                late.iter()
                    .map(|made| left(made, "AWS was not done in time")),
            );
            return Ok(kept);
        }
        tokio::time::sleep(account.pace.look).await;
    }
}

enum Step {
    Gone,
    Wait,
    Keep(&'static str),
}

/// One look at a thing, and what follows from it.
async fn step(account: &Account, journal: &Journal, made: &Made) -> Answered<Step> {
    let Some(shown) = look(account, made).await? else {
        // What was asked for without an answer may still appear.
        let late = SignedDuration::try_from(account.pace.late).unwrap_or(SignedDuration::MAX);
        let is_settled =
            made.id.is_some() || (account.clock)().duration_since(made.asked_at) > late;
        return Ok(if is_settled { Step::Gone } else { Step::Wait });
    };
    if made.id.is_none() && shown.created.is_none() {
        // RDS shows a copy before it says when the copying began.
        return Ok(Step::Wait);
    }
    if let Some(why) = why_it_stays(&shown, made, journal.run()) {
        return Ok(Step::Keep(why));
    }
    if shown.is_going() {
        return Ok(Step::Wait);
    }
    match delete(account, &shown).await {
        // It is gone when a later look does not show it.
        Ok(()) => Ok(Step::Wait),
        Err(error) if error.is_busy() || error.is_not_found() => Ok(Step::Wait),
        Err(error) => Err(error),
    }
}

fn remaining(journal: &Journal, which: &dyn Fn(&Made) -> bool, kept: &[Leftover]) -> Vec<Made> {
    let mut things = journal.things().to_vec();
    things.retain(|made| which(made) && kept.iter().all(|left| left.what != words(made)));
    things.sort_by_key(|made| made.kind);
    things
}

fn left(made: &Made, why: impl ToString) -> Leftover {
    Leftover {
        what: words(made),
        why: why.to_string(),
    }
}

/// What a thing is, where, and its name.
#[must_use]
pub fn words(made: &Made) -> String {
    let kind = match made.kind {
        Kind::ClusterSnapshot => "cluster snapshot",
        Kind::Snapshot => "snapshot",
        Kind::Instance => "instance",
        Kind::Cluster => "cluster",
        Kind::Stack => "stack",
    };
    format!("{kind} {} in {}", made.name, made.region)
}
