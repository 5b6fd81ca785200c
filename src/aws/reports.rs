//! The bucket that the report goes to, for the reporter of report.yaml only.

use aws_sdk_s3::primitives::ByteStream;

use super::clients::{Aws, Machine};
use super::fault::port_error;
use crate::domain::id::arn::StateMachineArn;
use crate::ports::PortError;
use crate::ports::reports::{PutReport, ReportObject};

/// For the reporter: its bucket, and the state machine whose executions the report looks at.
#[derive(Debug, Clone)]
pub struct ReportBucket {
    /// The bucket, in the recovery region.
    pub bucket: String,
    /// The state machine.
    pub machine: StateMachineArn,
}

impl Machine for ReportBucket {
    fn machine(&self) -> &StateMachineArn {
        &self.machine
    }
}

impl PutReport for Aws<ReportBucket> {
    async fn put_report(&self, object: &ReportObject) -> Result<(), PortError> {
        // Four objects a day: nothing is gained by keeping the client.
        aws_sdk_s3::Client::new(&self.sdk)
            .put_object()
            .bucket(&self.extra.bucket)
            .key(&object.key)
            .content_type(object.media_type.as_str())
            .body(ByteStream::from(object.content.clone()))
            .send()
            .await
            .map_err(|error| port_error("s3:PutObject", &error, &[]))?;
        Ok(())
    }
}
