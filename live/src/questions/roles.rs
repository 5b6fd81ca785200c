//! What the worker's policy lets its role do, and what not.

use futures_util::FutureExt as _;

use super::is;
use super::tokens::{TaskKind, heartbeat, sleeping_token};
use crate::bench::Bench;
use crate::error::Answered;
use crate::plan::Thing;
use crate::question::Question;

pub(super) const WORKER_ROLE: Question = Question {
    name: "worker-role",
    does: "takes snapshots with the worker's role: as the worker does, without the stack's tag, and under a name that is \
           not sf-…; and probes a token",
    expects: "the first is allowed, the others are denied, and SendTask… is allowed on the state machine's ARN",
    facts: &[
        is("a snapshot with the stack's tag", &["accepted"]),
        is("one without it", &["denied"]),
        is("one under another name", &["denied"]),
        is("a probe under the machine's ARN", &["accepted"]),
    ],
    needs: &[Thing::Stacks, Thing::Instance],
    ask: |bench| worker_role(bench).boxed_local(),
};

async fn worker_role(bench: &mut Bench) -> Answered<()> {
    let taken = bench.snapshot().await;
    if bench
        .saw_call("a snapshot with the stack's tag", taken)?
        .is_none()
    {
        return Ok(());
    }
    let database = bench.instance().await?;
    let worker = bench.role("Worker").await?;
    let tagged = bench.tags(Some(&bench.stack_id()));
    let tries = [
        ("one without it", bench.name("untagged"), bench.tags(None)),
        (
            "one under another name",
            format!("live-{}-other", bench.journal.run()),
            tagged,
        ),
    ];
    for (fact, name, tags) in tries {
        let asked = bench.snapshot_of(&worker, &database, &name, tags).await;
        bench.saw_call(fact, asked)?;
    }
    let token = sleeping_token(bench, TaskKind::Sleep).await?;
    let probe = heartbeat(&worker, &token.token).await?;
    bench.saw("a probe under the machine's ARN", probe);
    Ok(())
}
