//! Other stacks of the account that have this stack's id.
//!
//! Two stacks of one id give their source snapshots the same names and tags, and so take each other's for their own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Finding, Level};
use crate::domain::id::arn::Region;
use crate::domain::id::tags::StackId;

/// How the name of every source region's dead-letter queue begins. The recovery region's name follows.
pub const FORWARDING_QUEUES: &str = "snapferry-to-";

/// The outputs of a stack that a region lists.
pub type Outputs = BTreeMap<String, String>;

/// The recovery regions that a source region forwards its events to, by the names of its dead-letter queues. Other names
/// are passed over.
#[must_use]
pub fn recovery_regions(queues: &[String]) -> BTreeSet<Region> {
    let names = queues.iter().filter_map(|name| {
        let region = name.strip_prefix(FORWARDING_QUEUES)?;
        Region::parse(region.strip_suffix("-dead-letters")?).ok()
    });
    names.collect()
}

/// Whether a stack among those that the regions list has the id `ours`. This stack itself is told apart by the URL of its
/// commands' dead-letter queue.
#[must_use]
pub fn namesakes(ours: &StackId, own_queue: &str, listed: &[(Region, Vec<Outputs>)]) -> Finding {
    let is_another = |outputs: &&Outputs| {
        let says = |key: &str| outputs.get(key).map(String::as_str);
        let queue = says("CommandsDeadLetterQueueUrl");
        says("StackIdentity") == Some(ours.as_str())
            && queue.is_some_and(|queue| queue != own_queue)
    };
    let regions = || listed.iter().map(|(region, _)| region.as_str());
    let others: Vec<&str> = listed
        .iter()
        .filter(|(_, stacks)| stacks.iter().any(|outputs| is_another(&outputs)))
        .map(|(region, _)| region.as_str())
        .collect();
    if others.is_empty() {
        let asked: Vec<&str> = regions().collect();
        let what = format!("no other stack has it in {}", asked.join(", "));
        return Finding::ok(Check::StackId, ours, what);
    }
    Finding::bad(
        Check::StackId,
        ours,
        Level::Failure,
        format!(
            "another stack has it too, in {}: each takes the other's source snapshots for its own",
            others.join(", ")
        ),
        "give the younger one an id of its own (parameter StackId); what it has made keeps the old id, and is pruned by no stack",
    )
}
