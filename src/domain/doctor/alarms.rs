//! Whether the alarms notify anybody.

use super::{Check, Finding, Level};

/// Who gets what a topic is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subscribers {
    /// Subscriptions that are confirmed.
    pub confirmed: u64,
    /// Subscriptions whose reader has not confirmed yet.
    pub pending: u64,
}

/// Judges a stack whose alarms have no topic.
#[must_use]
pub fn no_topic() -> Finding {
    Finding::bad(
        Check::Alarms,
        "the stack",
        Level::Failure,
        "the alarms notify nobody",
        "deploy the template with AlarmEmail=ADDRESS, or with AlarmTopicArn=ARN",
    )
}

/// Judges the alarms' topic. Without subscribers' counts it does not exist.
#[must_use]
pub fn alarms(topic: &str, subscribers: Option<Subscribers>) -> Finding {
    let bad = |what: String, remedy: &str| {
        Finding::bad(Check::Alarms, topic, Level::Failure, what, remedy)
    };
    match subscribers {
        None => bad(
            "the topic of the alarms does not exist, so they notify nobody".to_owned(),
            "create it, or deploy the template with AlarmEmail=ADDRESS",
        ),
        Some(Subscribers {
            confirmed: 0,
            pending: 0,
        }) => bad(
            "nobody subscribes to the topic of the alarms".to_owned(),
            "subscribe to it, or deploy the template with AlarmEmail=ADDRESS",
        ),
        Some(Subscribers {
            confirmed: 0,
            pending,
        }) => bad(
            format!(
                "nobody has confirmed a subscription to the topic of the alarms; {pending} pending"
            ),
            "confirm it by the link in SNS's message",
        ),
        Some(Subscribers { confirmed, .. }) => Finding::ok(
            Check::Alarms,
            topic,
            format!("the alarms have a topic with {confirmed} confirmed subscriptions"),
        ),
    }
}
