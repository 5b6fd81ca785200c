//! Whether dead letters wait for a person.

use crate::domain::doctor::Level;
use crate::domain::doctor::region::{Letters, dead_letters};
use crate::domain::id::arn::Region;
use crate::domain::operator::fleet::Notice;
use crate::error::chain;
use crate::ports::doctor::CountMessages;

/// A notice for each of these queues in which letters wait. What SQS does not say is no finding.
pub async fn waiting_letters<W: CountMessages>(
    world: &W,
    home: &Region,
    queues: &[(Letters, String)],
) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (letters, url) in queues {
        match world.count_messages(home, url).await {
            Ok(waiting) => {
                let finding = dead_letters(letters, waiting);
                let remedy = finding.remedy.unwrap_or_default();
                notices.extend((finding.level != Level::Ok).then(|| Notice {
                    subject: "dead-letters",
                    message: format!("dead letters, {letters}: {}: {remedy}", finding.what),
                }));
            }
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(error, %letters, "how many dead letters wait is not known");
            }
        }
    }
    notices
}
