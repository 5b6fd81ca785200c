//! What drills ask of RDS beside what restores ask. Only the command line and the functions of restore.yaml have it.

use aws_sdk_rds::types::SourceType;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::clients::Aws;
use super::rds::PAGE;
use super::rds_errors::{Answer, Call};
use crate::domain::drill::judge::FailureEvent;
use crate::domain::id::arn::{Family, Region};
use crate::domain::run::failure::Operation;
use crate::ports::{DeleteDrilled, PAGES_MAX, Page, RdsError, ReadFailures, all_rows};

impl<Extra> DeleteDrilled for Aws<Extra> {
    async fn delete_drilled(
        &self,
        region: &Region,
        family: Family,
        name: &str,
    ) -> Result<(), RdsError> {
        let client = self.rds_for_changes(region);
        let call = Call {
            operation: Operation::delete_database(family),
            region,
        };
        match family {
            Family::Instance => client
                .delete_db_instance()
                .db_instance_identifier(name)
                .skip_final_snapshot(true)
                .delete_automated_backups(true)
                .send()
                .await
                .map(drop)
                .map_err(|error| call.refused(&error)),
            Family::Cluster => client
                .delete_db_cluster()
                .db_cluster_identifier(name)
                .skip_final_snapshot(true)
                .delete_automated_backups(true)
                .send()
                .await
                .map(drop)
                .map_err(|error| call.refused(&error)),
        }
    }
}

impl<Extra> ReadFailures for Aws<Extra> {
    async fn failure_events(
        &self,
        region: &Region,
        family: Family,
        name: &str,
        since: Timestamp,
    ) -> Result<Vec<FailureEvent>, RdsError> {
        let client = self.rds(region);
        let call = Call {
            operation: Operation::DescribeEvents,
            region,
        };
        let endless = |endless| RdsError::endless(Operation::DescribeEvents, region, endless);
        let kind = match family {
            Family::Instance => SourceType::DbInstance,
            Family::Cluster => SourceType::DbCluster,
        };
        all_rows(PAGES_MAX, endless, |marker| async {
            let page = client
                .describe_events()
                .source_identifier(name)
                .source_type(kind.clone())
                .event_categories("failure")
                .start_time(DateTime::from_secs(since.as_second()))
                .max_records(PAGE)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| call.refused(&error))?;
            let answer = Answer { of: name };
            let event = |event: &aws_sdk_rds::types::Event| {
                let at = answer.time("Date", event.date());
                FailureEvent {
                    // An event without a readable time is one all the same.
                    at: at.ok().flatten().unwrap_or(since),
                    message: event.message().unwrap_or_default().to_owned(),
                }
            };
            let events = page.events().iter().map(event).collect();
            Ok(Page::new(events, page.marker))
        })
        .await
    }
}
