//! The names of stacks, buckets and topics.

use super::part::Part;
use crate::domain::id::arn::Region;
use crate::domain::id::text::text_newtype;

text_newtype!(
    /// The name of a CloudFormation stack.
    StackName,
    "the name of a stack: 1 to 120 letters, digits and hyphens, beginning with a letter",
    |text| {
        // CloudFormation allows 128. Other stacks have the same name with `-source` or the word of a part behind it.
        text.len() <= 120
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    }
);
text_newtype!(
    /// The name of an S3 bucket.
    Bucket,
    "the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens",
    |text| {
        (3..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
    }
);
text_newtype!(
    /// The ARN of an SNS topic.
    TopicArn,
    "the ARN of an SNS topic, such as arn:aws:sns:eu-central-1:111122223333:alarms",
    |text| {
        let parts: Vec<&str> = text.split(':').collect();
        parts.len() == 6 && parts[0] == "arn" && parts[2] == "sns" && Region::parse(parts[3]).is_ok() && !parts[5].is_empty()
    }
);
text_newtype!(
    /// An address for mail.
    Email,
    "an address such as you@example.com",
    |text| text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'))
        && !text.contains(char::is_whitespace)
);
text_newtype!(
    /// An AWS account: twelve digits.
    Account,
    "an account of twelve digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

impl StackName {
    /// The stack of each source region that belongs to this one.
    #[must_use]
    pub fn of_source(&self) -> Self {
        Self(format!("{self}-source"))
    }

    /// The stack of the recovery region that belongs to this one and is deployed on request.
    #[must_use]
    pub fn of_part(&self, part: Part) -> Self {
        Self(format!("{self}-{}", part.word()))
    }
}

impl Bucket {
    /// The bucket that a deployment makes where none is named. Its name holds account and region, because all accounts
    /// share the names of buckets.
    #[must_use]
    pub fn of_deployments(account: &Account, region: &Region) -> Self {
        Self(format!("snapferry-deployments-{account}-{region}"))
    }
}

impl TopicArn {
    /// The topic's region. An alarm can only notify a topic of its own region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

impl Account {
    /// The account of a caller's ARN.
    #[must_use]
    pub fn of_caller(arn: &str) -> Option<Self> {
        Self::parse(arn.split(':').nth(4)?).ok()
    }
}
