//! How long a command that follows RDS waits.

use std::time::Duration;

use crate::app::carry_out_all::Pause;

/// How many seconds lie between two looks at RDS, unless a person asks for another number.
pub(super) const LOOK_EVERY: u64 = 10;

/// Waits until the next call, or until the next look.
pub(super) async fn wait(pause: Pause, look_every: Duration) {
    let wait = match pause {
        Pause::BetweenLooks => look_every,
        Pause::BetweenCalls => pause.duration(),
    };
    tokio::time::sleep(wait).await;
}
