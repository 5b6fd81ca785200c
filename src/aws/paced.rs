//! A function's calls to RDS at the pace that it has learnt. The command line's calls have none.

use std::sync::PoisonError;

use aws_smithy_async::rt::sleep::AsyncSleep;
use jiff::Timestamp;

use super::clients::Aws;
use super::rds_errors::Call;
use super::time_source::time_source;
use crate::domain::run::pace::{Pace, Turn};
use crate::ports::RdsError;

impl<Extra> Aws<Extra> {
    /// Makes one call when its turn has come, and learns from RDS's answer.
    pub(super) async fn paced<T>(
        &self,
        call: Call<'_>,
        make: impl Future<Output = Result<T, RdsError>>,
    ) -> Result<T, RdsError> {
        let turn = self.turn(call).await?;
        let answer = make.await;
        if let Some(turn) = turn {
            let is_throttled = answer.as_ref().is_err_and(RdsError::is_throttled);
            self.with_pace(call, |pace, now| pace.learn(turn, is_throttled, now));
        }
        answer
    }

    /// Sleeps until the call's turn has come.
    async fn turn(&self, call: Call<'_>) -> Result<Option<Turn>, RdsError> {
        let (true, Some(sleep)) = (self.keeps_a_pace(), self.sdk.sleep_impl()) else {
            return Ok(None);
        };
        let asked_at = self.with_pace(call, |_, now| now);
        loop {
            let turn = self.with_pace(call, |pace, now| pace.turn(asked_at, now));
            let turn = turn.ok_or_else(|| call.held_back())?;
            sleep.sleep(turn.wait.unsigned_abs()).await;
            if self.with_pace(call, |pace, _| pace.still_has(turn)) {
                return Ok(Some(turn));
            }
        }
    }

    fn with_pace<T>(&self, call: Call<'_>, act: impl FnOnce(&mut Pace, Timestamp) -> T) -> T {
        let now = Timestamp::try_from(time_source(&self.sdk).now()).unwrap_or(Timestamp::MIN);
        // A panic cannot leave a pace half changed, so a poisoned lock is safe to use.
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        act(paces.of(call.region, call.operation), now)
    }
}
