//! Runs the deployed state machine in moto: its commands, retries and timeouts.

use anyhow::Context;
use serde_json::Value;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::Reason;
use snapferry::json;

use super::definition::{
    BUSY_INTERVAL, COPY_FAILED_INTERVAL, COPY_HEARTBEAT, COPY_TIMEOUT, SNAPSHOT_FAILED_INTERVAL,
    SNAPSHOT_HEARTBEAT, SNAPSHOT_TIMEOUT, Shortened,
};
use super::moto::Moto;
use super::protect::{COPY, Protect, SNAPSHOT};

async fn start(name: &str, numbers: &[Shortened]) -> anyhow::Result<Protect> {
    Protect::start(Moto::shared()?, name, numbers).await
}

#[tokio::test]
async fn two_commands_that_succeed_end_the_execution_with_both_manifests() -> anyhow::Result<()> {
    let protect = start("both-succeed", &[]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    let taken = protect.succeed(&snapshot).await?;
    let copy = protect.expect(Step::Copy, 0).await?;
    assert!(copy.token != snapshot.token, "each state has its own token");
    let copied = protect.succeed(&copy).await?;

    let execution = protect.ended().await?;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    let output: Value = serde_json::from_str(execution["output"].as_str().context("no output")?)?;
    for (name, manifest) in [("snapshot", taken), ("copy", copied)] {
        assert_eq!(json::manifest::read(&output[name].to_string())?, manifest);
    }
    assert_eq!(json::run::read(&output.to_string())?, protect.run);
    assert_eq!(protect.sent().await?, [SNAPSHOT, COPY]);
    assert_eq!(protect.receive(0).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_nobody_answers_times_out_and_is_not_tried_again() -> anyhow::Result<()> {
    let protect = start(
        "snapshot-unanswered",
        &[SNAPSHOT_TIMEOUT, SNAPSHOT_HEARTBEAT],
    )
    .await?;
    protect.expect(Step::Snapshot, 0).await?;
    protect.has_failed_with("States.Timeout", &[SNAPSHOT]).await
}

#[tokio::test]
async fn a_copy_that_nobody_answers_times_out_and_is_not_tried_again() -> anyhow::Result<()> {
    let protect = start("copy-unanswered", &[COPY_TIMEOUT, COPY_HEARTBEAT]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    protect.succeed(&snapshot).await?;
    protect.expect(Step::Copy, 0).await?;
    protect
        .has_failed_with("States.Timeout", &[SNAPSHOT, COPY])
        .await
}

#[tokio::test]
async fn a_busy_database_brings_the_command_again() -> anyhow::Result<()> {
    let protect = start("busy", &[BUSY_INTERVAL]).await?;
    let first = protect.expect(Step::Snapshot, 0).await?;
    protect.fail(&first, Reason::DatabaseBusy).await?;
    let again = protect.expect(Step::Snapshot, 1).await?;
    protect.succeed(&again).await?;
    protect.expect(Step::Copy, 0).await?;
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_failed_is_tried_three_times_in_all() -> anyhow::Result<()> {
    let protect = start("snapshot-failed", &[SNAPSHOT_FAILED_INTERVAL]).await?;
    for retry in 0..3 {
        let command = protect.expect(Step::Snapshot, retry).await?;
        protect.fail(&command, Reason::SnapshotFailed).await?;
    }
    protect
        .has_failed_with("Snapferry.SnapshotFailed", &[SNAPSHOT; 3])
        .await
}

#[tokio::test]
async fn a_copy_that_vanished_brings_the_copy_again_and_not_the_snapshot() -> anyhow::Result<()> {
    let protect = start("copy-vanished", &[COPY_FAILED_INTERVAL]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    protect.succeed(&snapshot).await?;
    let copy = protect.expect(Step::Copy, 0).await?;
    protect.fail(&copy, Reason::SnapshotVanished).await?;
    let again = protect.expect(Step::Copy, 1).await?;
    protect.succeed(&again).await?;
    assert_eq!(protect.ended().await?["status"], "SUCCEEDED");
    Ok(())
}

#[tokio::test]
async fn a_permanent_failure_of_the_copy_fails_the_execution_at_once() -> anyhow::Result<()> {
    let protect = start("copy-mismatch", &[]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    protect.succeed(&snapshot).await?;
    let copy = protect.expect(Step::Copy, 0).await?;
    protect.fail(&copy, Reason::CopyMismatch).await?;
    protect
        .has_failed_with("Snapferry.CopyMismatch", &[SNAPSHOT, COPY])
        .await
}

/// A copy does not depend on a database that could be busy, so its state has no retry for this error.
#[tokio::test]
async fn what_only_a_snapshot_is_tried_again_for_fails_a_copy() -> anyhow::Result<()> {
    let protect = start("copy-busy", &[]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    protect.succeed(&snapshot).await?;
    let copy = protect.expect(Step::Copy, 0).await?;
    protect.fail(&copy, Reason::DatabaseBusy).await?;
    protect
        .has_failed_with("Snapferry.DatabaseBusy", &[SNAPSHOT, COPY])
        .await
}
