//! The note of a command's trouble in its wait: decides nothing, but its call can fail like any other, and what it
//! tells a person to do is judged.

use snapferry::domain::arn::RdsArn;
use snapferry::domain::failure::Remedy;
use snapferry::domain::token::TaskToken;
use snapferry::domain::trouble::Trouble;
use snapferry::domain::wait::Wait;
use snapferry::ports::{NoteTrouble, PortError, Written};

use super::port::{Port, number};

impl NoteTrouble for Port {
    async fn note_trouble(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        trouble: &Trouble,
    ) -> Result<Written, PortError> {
        if trouble.remedy == Some(Remedy::RaiseQuota) {
            let mut world = self.shared.world.borrow_mut();
            world.judge_quota(resource.region());
        }
        let (of, with, trouble) = (resource.clone(), token.clone(), trouble.clone());
        let detail = || format!("trouble {} {}", number(token), resource.name());
        self.aws("UpdateItem", detail, true, move |world| {
            let now = world.now;
            match world
                .table
                .get(&of)
                .filter(|_| world.table.has_attempt(&of, &with))
            {
                Some(stored) => {
                    let noted = Wait {
                        trouble: Some(trouble),
                        ..stored.clone()
                    };
                    world.table.put(&noted, now);
                    Written::Stored
                }
                None => Written::Conflict,
            }
        })
        .await
    }
}
