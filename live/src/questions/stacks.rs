//! How a stack looks that is gone.

use futures_util::FutureExt as _;

use super::is;
use crate::bench::Bench;
use crate::error::{Answered, CheckError, of};
use crate::journal::Kind;
use crate::plan::Thing;
use crate::question::Question;
use crate::shown::is_unknown_stack;

const UNKNOWN: &[&str] = &["ValidationError, does not exist"];

pub(super) const STACK_REMOVAL: Question = Question {
    name: "stack-removal",
    does: "deletes the source region's stack and asks for it, and for a resource that the other stack never had",
    expects: "CloudFormation answers ValidationError with the words *does not exist*",
    facts: &[
        is("a stack that is gone, by its name", UNKNOWN),
        is("a resource that never was", UNKNOWN),
    ],
    needs: &[Thing::Stacks],
    ask: |bench| stack_removal(bench).boxed_local(),
};

/// The last question: what hears the source region's events goes with that stack.
async fn stack_removal(bench: &mut Bench) -> Answered<()> {
    bench.stacks().await?;
    let name = format!("sf-live-{}", bench.journal.run());
    let client = bench.account.cloudformation(&bench.account.recovery);
    let asked = client.describe_stack_resource().stack_name(&name);
    let asked = asked.logical_resource_id("NeverThere").send().await;
    saw_unknown(
        bench,
        "a resource that never was",
        asked.map(drop).map_err(of("DescribeStackResource")),
    )?;

    let source = bench.account.source.to_string();
    bench
        .remove(&|made| made.kind == Kind::Stack && made.region == source)
        .await?;
    let client = bench.account.cloudformation(&bench.account.source);
    let asked = client.describe_stacks().stack_name(&name).send().await;
    saw_unknown(
        bench,
        "a stack that is gone, by its name",
        asked.map(drop).map_err(of("DescribeStacks")),
    )
}

fn saw_unknown(bench: &mut Bench, fact: &'static str, asked: Answered<()>) -> Answered<()> {
    match asked {
        Err(error @ CheckError::Refused { .. }) if is_unknown_stack(&error) => {
            bench.words.push(error.to_string());
            bench.saw(fact, UNKNOWN[0]);
            Ok(())
        }
        answered => bench.saw_call(fact, answered).map(drop),
    }
}
