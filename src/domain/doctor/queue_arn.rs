//! The ARN of a queue.

use crate::domain::id::arn::Region;
use crate::domain::id::text::ParseError;

/// The ARN of a queue, from its URL. The URL's last two parts are the account and the name.
///
/// # Errors
/// The URL, if it does not end like this.
pub fn queue_arn(url: &str, partition: &str, region: &Region) -> Result<String, ParseError> {
    let fail = || ParseError::new(url, "the URL of a queue (https://…/ACCOUNT/NAME)");
    let mut parts = url.rsplitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(account), Some(host))
            if !name.is_empty()
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && host.contains("://") =>
        {
            Ok(format!("arn:{partition}:sqs:{region}:{account}:{name}"))
        }
        _ => Err(fail()),
    }
}
