//! What a sweep stores for the next one.

use tracing::warn;

use crate::domain::run::look_times::LastSweep;
use crate::error::chain;
use crate::ports::{NoteSweep, ReadLastSweep};

/// What the last sweeps found. If it cannot be read, every wait is due.
pub(super) async fn last_sweep<W: ReadLastSweep>(world: &W) -> Option<LastSweep> {
    world.last_sweep().await.unwrap_or_else(|error| {
        warn!(error = chain(&error), "this sweep asks about all waits");
        None
    })
}

/// Stores what a sweep found. If it cannot be stored, the next sweep asks about more than is due.
pub(super) async fn remember<W: NoteSweep>(world: &W, sweep: &LastSweep) {
    if let Err(error) = world.note_sweep(sweep).await {
        warn!(error = chain(&error), "what the sweep found is not stored");
    }
}
