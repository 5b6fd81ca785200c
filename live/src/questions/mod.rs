//! The questions, in the order of what a wrong guess costs. Each says what it does and what it expects, and is asked by the
//! function below it.

mod copies;
mod deletions;
mod events;
mod limits;
mod roles;
mod stacks;
mod tokens;

use snapferry::domain::id::arn::Family;

use crate::question::{Expected, Question};

/// All questions, in order.
pub const QUESTIONS: &[Question] = &[
    copies::COPY,
    roles::WORKER_ROLE,
    copies::SSE_RDS_CLUSTER,
    copies::UNENCRYPTED_CLUSTER,
    copies::TAGS,
    tokens::TOKENS,
    tokens::HEARTBEAT_END,
    events::EVENTS,
    limits::COPY_LIMIT,
    limits::STOPPED_DATABASE,
    deletions::SNAPSHOT_TAGS,
    deletions::DATABASE_TAGS,
    limits::FILTER_WIDTH,
    limits::QUOTA,
    stacks::STACK_REMOVAL,
];

const fn is(fact: &'static str, one_of: &'static [&'static str]) -> Expected {
    Expected { fact, one_of }
}

fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// The family in the name of a fact or of a copy.
fn word(family: Family) -> &'static str {
    match family {
        Family::Instance => "instance",
        Family::Cluster => "cluster",
    }
}
