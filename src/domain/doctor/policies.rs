//! The policies in force, and the databases that somebody meant to protect and that are not.

use super::{Check, Finding, Level, Unanswered};
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::tags;
use crate::domain::policy::choice::{ExclusionReason, NotNow, Refusal};
use crate::domain::policy::in_force::Policies;
use crate::domain::policy::set::Stamp;
use crate::domain::rds::database::UnreadableRow;

/// Which policies are in force, and since when. Without a stamp, the built-in policy is.
#[must_use]
pub fn policies(home: &Region, stamp: Option<&Stamp>, policies: &Policies) -> Finding {
    let named = policies.all.iter().map(|one| {
        let paused = if one.options.paused { " (paused)" } else { "" };
        format!("{}{paused}", one.name)
    });
    let names: Vec<String> = named.collect();
    let names = names.join(", ");
    let what = stamp.map_or_else(
        || format!("no set was ever applied: the built-in policy is in force ({names})"),
        |stamp| format!("version {} of {} holds: {names}", stamp.version, stamp.at),
    );
    Finding::ok(Check::Policies, home, what)
}

/// The policies could not be read. The planner then does not use the built-in policy instead, and neither does the doctor.
/// If only the caller lacks the permission to read them, this says nothing about the planner.
#[must_use]
pub fn unreadable(home: &Region, why: &Unanswered) -> Finding {
    const CHECK: Check = Check::Policies;
    if why.is_refusal() {
        return Finding::unknown(CHECK, home, why);
    }
    Finding::bad(
        CHECK,
        home,
        Level::Failure,
        format!(
            "the policies in force cannot be read; if the planner cannot read them either, it starts nothing: {}",
            why.why
        ),
        "run the doctor again; if this stays, see with snapferry policy history who applied them, and use that person's version of Snapferry, or apply your file again with this one",
    )
}

/// The finding about a region's databases if the policies are unknown.
#[must_use]
pub fn unjudged(region: &Region) -> Finding {
    Finding::bad(
        Check::Databases,
        region,
        Level::Unknown,
        "not known: the policies say which databases are protected, and they could not be read",
        "see the check policies",
    )
}

/// The finding about a selected database that the planner refuses.
#[must_use]
pub fn refused(database: &RdsArn, why: &Refusal) -> Finding {
    Finding::bad(
        Check::Databases,
        database,
        Level::Failure,
        format!("the planner refuses it: {why}"),
        why.remedy()
            .unwrap_or("protect it by other means, and tag it snapferry:exclude so that nobody relies on Snapferry for it"),
    )
}

/// A database that the planner puts off.
#[must_use]
pub fn not_now(database: &RdsArn, why: &NotNow) -> Finding {
    Finding::bad(
        Check::Databases,
        database,
        Level::Warning,
        format!("the planner starts nothing for it: {why}"),
        format!(
            "start it or repair it, or tag it {} if it is to stay so",
            tags::EXCLUDE
        ),
    )
}

/// A database whose row RDS gives in a form that cannot be read.
#[must_use]
pub fn unreadable_row(region: &Region, row: &UnreadableRow) -> Finding {
    Finding::bad(
        Check::Databases,
        region,
        Level::Failure,
        format!(
            "the planner leaves the database {} out, because its row cannot be read: {}",
            row.name, row.why
        ),
        "look at it in the RDS console; if nothing is wrong there, Snapferry needs a newer version",
    )
}

/// A database that is left out though somebody meant it to be protected: its tag is in the wrong place, or names no
/// policy.
#[must_use]
pub fn misnamed(database: &RdsArn, why: &ExclusionReason) -> Option<Finding> {
    if let ExclusionReason::TaggedMember(cluster) = why {
        return Some(Finding::bad(
            Check::Databases,
            database,
            Level::Warning,
            format!("nothing protects it: {why}"),
            format!("tag the cluster {cluster} {}", tags::POLICY),
        ));
    }
    matches!(why, ExclusionReason::UnknownPolicy(_)).then(|| {
        Finding::bad(
            Check::Databases,
            database,
            Level::Failure,
            format!("it is not protected: {why}"),
            format!(
                "tag it with a policy that exists ({}), or apply a set with that policy",
                tags::POLICY
            ),
        )
    })
}

/// Adds to a finding about a key which policies use it.
#[must_use]
pub fn for_policies(finding: Finding, policies: &[&str]) -> Finding {
    if policies.is_empty() {
        return finding;
    }
    let what = format!(
        "{}; the key of the policies {}",
        finding.what,
        policies.join(", ")
    );
    Finding { what, ..finding }
}
