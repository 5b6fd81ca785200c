//! SNS for the doctor.

use aws_sdk_sns::error::ProvideErrorMetadata;

use super::super::fault::{port_error, unusable};
use super::{Doctor, client};
use crate::domain::doctor::alarms::Subscribers;
use crate::domain::id::arn::Region;
use crate::ports::PortError;
use crate::ports::doctor::CountSubscribers;

impl CountSubscribers for Doctor {
    async fn count_subscribers(
        &self,
        region: &Region,
        topic: &str,
    ) -> Result<Option<Subscribers>, PortError> {
        const ACTION: &str = "sns:GetTopicAttributes";
        let answer = client!(aws_sdk_sns, self, region.as_str())
            .get_topic_attributes()
            .topic_arn(topic)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("NotFound") => return Ok(None),
            Err(error) => return Err(port_error(ACTION, &error, &[])),
        };
        let count = |name: &str| {
            answer
                .attributes()
                .and_then(|all| all.get(name))
                .and_then(|count| count.parse::<u64>().ok())
                .ok_or_else(|| unusable(ACTION, "SNS left a count of subscriptions out"))
        };
        Ok(Some(Subscribers {
            confirmed: count("SubscriptionsConfirmed")?,
            pending: count("SubscriptionsPending")?,
        }))
    }
}
