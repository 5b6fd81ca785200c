//! Cold starts, warm batches and batches behind a slow network, all interleaved.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::body::Bytes;
use serde_json::Value;

use super::hints::Hints;
use super::program::{Program, Running};
use super::services::{Services, Tally};
use super::statistics::Sample;

/// The batches that are measured.
pub(super) const BATCHES: [usize; 3] = [1, 10, 100];
/// How long each of AWS's answers takes where the network is to count.
pub(super) const ANSWER: Duration = Duration::from_millis(10);

/// Blocks of batches: between two blocks of one program, the others have their turn.
const BLOCKS: usize = 10;
/// How often each batch is run before it is measured: connections are opened, Python's caches are filled.
const WARM_UP: usize = 3;
/// How many batches are measured behind a slow network.
const SLOW: usize = 7;

/// One program's warm batches of one size.
#[derive(Debug, Default)]
pub(super) struct Warm {
    /// From event to answer, in milliseconds.
    pub(super) took: Sample,
    /// Processor time for each event, in microseconds, of each block.
    pub(super) cpu: Sample,
    /// Requests of one batch to AWS.
    pub(super) requests: BTreeMap<String, u64>,
}

/// The measurements of one program.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// From the start to the first request for an event, in milliseconds.
    pub(super) init: Sample,
    /// The first event, in milliseconds.
    pub(super) first: Sample,
    /// Both, in milliseconds.
    pub(super) cold: Sample,
    /// What the first event, and what is done before it, asks of AWS.
    pub(super) cold_requests: BTreeMap<String, u64>,
    /// By the size of the batch.
    pub(super) warm: BTreeMap<usize, Warm>,
    /// The most that was resident, in bytes.
    pub(super) memory: u64,
}

/// Batches with every answer of AWS's held back.
#[derive(Debug, Default)]
pub(super) struct Slow {
    /// From event to answer, in milliseconds.
    pub(super) took: Sample,
    /// What its requests would take one after another, in milliseconds.
    pub(super) sequential: f64,
}

/// The setting of the measurements.
pub(super) struct Bench<'a> {
    /// Where the programs run.
    pub(super) folder: &'a Path,
    /// What they are given.
    pub(super) hints: &'a Hints,
    /// What they call.
    pub(super) services: &'a Services,
}

impl Bench<'_> {
    /// Starts each program anew, `rounds` times over, in turn, and gives it one event.
    ///
    /// # Errors
    /// When a program fails, or does not do its work.
    pub(super) async fn cold(
        &self,
        programs: &[Program],
        measured: &mut [Measured],
        rounds: u16,
        tick: &dyn Fn(),
    ) -> anyhow::Result<()> {
        for _ in 0..rounds {
            for (program, measured) in programs.iter().zip(&mut *measured) {
                let mut running = program.start(self.folder).await?;
                let (took, tally) = self.invoke(program, &mut running, 1).await?;
                measured.init.add_ms(running.init());
                measured.first.add_ms(took);
                measured.cold.add_ms(running.init() + took);
                measured.memory = measured.memory.max(running.peak_memory()?);
                measured.cold_requests = tally.requests;
                running.end().await?;
                // What a warmed connection may still have asked for is not the next one's.
                let _ = self.services.take();
                tick();
            }
        }
        Ok(())
    }

    /// Gives each program batches of each size: `batches` of the largest, more of the smaller.
    ///
    /// # Errors
    /// When a program fails, or does not do its work.
    pub(super) async fn warm(
        &self,
        programs: &[Program],
        measured: &mut [Measured],
        batches: u16,
        tick: &dyn Fn(),
    ) -> anyhow::Result<()> {
        let mut all = Vec::new();
        for program in programs {
            let mut running = program.start(self.folder).await?;
            for batch in BATCHES {
                for _ in 0..WARM_UP {
                    self.invoke(program, &mut running, batch).await?;
                }
            }
            all.push(running);
        }
        for _ in 0..BLOCKS {
            for batch in BATCHES {
                let times = in_block(batch, batches);
                for ((program, running), measured) in
                    programs.iter().zip(&mut all).zip(&mut *measured)
                {
                    let warm = measured.warm.entry(batch).or_default();
                    self.block(program, running, batch, times, warm).await?;
                    tick();
                }
            }
        }
        for (running, measured) in all.into_iter().zip(measured) {
            measured.memory = measured.memory.max(running.peak_memory()?);
            running.end().await?;
        }
        Ok(())
    }

    async fn block(
        &self,
        program: &Program,
        running: &mut Running,
        batch: usize,
        times: usize,
        warm: &mut Warm,
    ) -> anyhow::Result<()> {
        running.ready().await?;
        let before = running.cpu()?;
        for _ in 0..times {
            let (took, tally) = self.invoke(program, running, batch).await?;
            warm.took.add_ms(took);
            warm.requests = tally.requests;
        }
        running.ready().await?;
        let spent = running.cpu()?.saturating_sub(before);
        let events = u32::try_from(times * batch).context("a block of too many events")?;
        warm.cpu.add((spent / events).as_secs_f64() * 1e6);
        Ok(())
    }

    /// Gives a program batches of 10 and 100 while each of AWS's answers takes [`ANSWER`].
    ///
    /// # Errors
    /// When the program fails, or does not do its work.
    pub(super) async fn slow(&self, program: &Program) -> anyhow::Result<BTreeMap<usize, Slow>> {
        let mut running = program.start(self.folder).await?;
        let mut all = BTreeMap::new();
        self.services.delay(ANSWER);
        for batch in [10, 100] {
            let mut slow = Slow::default();
            for time in 0..WARM_UP + SLOW {
                let (took, tally) = self.invoke(program, &mut running, batch).await?;
                if time >= WARM_UP {
                    slow.took.add_ms(took);
                }
                let requests = u32::try_from(tally.total()).context("too many requests")?;
                slow.sequential = f64::from(requests) * ANSWER.as_secs_f64() * 1e3;
            }
            all.insert(batch, slow);
        }
        self.services.delay(Duration::ZERO);
        running.end().await?;
        Ok(all)
    }

    /// One batch; that the program did its work is checked at the services, not taken from its answer.
    async fn invoke(
        &self,
        program: &Program,
        running: &mut Running,
        batch: usize,
    ) -> anyhow::Result<(Duration, Tally)> {
        let event = Bytes::from(self.hints.event(batch));
        let answer = running.invoke(event).await?;
        let tally = self.services.take();
        check(program.works, batch, &answer.body, &tally)
            .with_context(|| format!("{} did not do its work", program.name))?;
        Ok((answer.took, tally))
    }
}

/// How many batches of this size one block has: the smaller, the more.
fn in_block(batch: usize, largest: u16) -> usize {
    let more = match batch {
        1 => 8,
        10 => 4,
        _ => 1,
    };
    (usize::from(largest) * more).div_ceil(BLOCKS)
}

fn check(works: bool, batch: usize, answer: &[u8], tally: &Tally) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(answer).context("its answer is no JSON")?;
    let failures = answer.get("batchItemFailures").and_then(Value::as_array);
    ensure!(failures.is_some_and(Vec::is_empty), "it answers {answer}");
    let expected = if works { batch } else { 0 };
    ensure!(
        tally.accepted.len() == expected && tally.deleted.len() == expected,
        "of {expected} waits, {} were called back and {} deleted; it asked {:?}",
        tally.accepted.len(),
        tally.deleted.len(),
        tally.requests
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Tally, check, in_block};

    #[test]
    fn smaller_batches_are_run_more_often() {
        assert_eq!([1, 10, 100].map(|batch| in_block(batch, 50)), [40, 20, 5]);
        assert_eq!(in_block(100, 1), 1, "at least once a block");
    }

    #[test]
    fn a_program_that_leaves_work_undone_is_found_out() {
        let good = br#"{"batchItemFailures":[]}"#;
        let tally = |accepted: &[usize], deleted: &[usize]| Tally {
            accepted: accepted.iter().copied().collect(),
            deleted: deleted.iter().copied().collect(),
            ..Tally::default()
        };
        check(true, 2, good, &tally(&[0, 1], &[0, 1])).unwrap();
        check(false, 2, good, &tally(&[], &[])).unwrap();
        check(true, 2, good, &tally(&[0], &[0, 1])).unwrap_err();
        check(true, 2, good, &tally(&[0, 1], &[0])).unwrap_err();
        let failed = br#"{"batchItemFailures":[{"itemIdentifier":"x"}]}"#;
        check(true, 2, failed, &tally(&[0, 1], &[0, 1])).unwrap_err();
        check(true, 2, b"null", &tally(&[0, 1], &[0, 1])).unwrap_err();
    }
}
