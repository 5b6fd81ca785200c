//! The ARNs of roles.

use crate::domain::id::text::text_newtype;

text_newtype!(
    /// The ARN of an IAM role.
    RoleArn,
    "the ARN of a role (arn:aws:iam::ACCOUNT:role/NAME)",
    |text| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts[..] else {
            return false;
        };
        arn == "arn"
            && partition.starts_with("aws")
            && service == "iam"
            && region.is_empty()
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && resource.len() > "role/".len()
            && resource.starts_with("role/")
            && resource.bytes().all(|b| b.is_ascii_graphic())
    }
);

impl RoleArn {
    /// The partition, such as `aws` or `aws-us-gov`.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.as_str().split(':').nth(1).unwrap_or_default()
    }

    /// The account, twelve digits.
    #[must_use]
    pub fn account(&self) -> &str {
        self.as_str().split(':').nth(4).unwrap_or_default()
    }
}
