//! People of the local stack's account: roles with managed policies, and sessions of them.

use http_body_util::Full;
use hyper::Method;

use super::client::{ANSWER_WITHIN, Client, ClientError};

/// How the names of people's roles begin. The emulator counts what IAM says to them beside what it says to the functions.
const PREFIX: &str = "person-";

/// Who calls, as the variables of a command.
#[derive(Debug, Clone)]
pub struct Session(Vec<(String, String)>);

impl Session {
    /// The variables with which `aws` and `snapferry` call as this person.
    pub fn variables(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter()
    }
}

impl Client {
    /// Makes a role with these managed policies, and a session of it.
    ///
    /// # Errors
    /// When the emulator does not answer, or answers with an error.
    pub async fn person(&self, name: &str, policies: &[&str]) -> Result<Session, ClientError> {
        let role = format!("{PREFIX}{name}");
        let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": format!("arn:aws:iam::{}:root", self.account())},
        }]});
        let trust = trust.to_string();
        let made = [
            ("RoleName", role.as_str()),
            ("AssumeRolePolicyDocument", &trust),
        ];
        let made = self.query("iam", "2010-05-08", "CreateRole", &made).await?;
        for policy in policies {
            let attached = [("RoleName", role.as_str()), ("PolicyArn", policy)];
            self.query("iam", "2010-05-08", "AttachRolePolicy", &attached)
                .await?;
        }
        let arn = element("CreateRole", &made, "Arn")?;
        let asked = [("RoleArn", arn.as_str()), ("RoleSessionName", name)];
        let session = self
            .query("sts", "2011-06-15", "AssumeRole", &asked)
            .await?;
        let variables = [
            ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
            ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
            ("AWS_SESSION_TOKEN", "SessionToken"),
        ];
        let variables = variables.into_iter().map(|(variable, name)| {
            let value = element("AssumeRole", &session, name)?;
            Ok((variable.to_owned(), value))
        });
        variables.collect::<Result<_, ClientError>>().map(Session)
    }

    /// Calls an operation of a service with the query protocol. The answer is XML.
    async fn query(
        &self,
        service: &str,
        version: &str,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, ClientError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Action", operation), ("Version", version)])
            .extend_pairs(parameters)
            .finish();
        let request = self
            .request(Method::POST, "/", service)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from(form));
        let (status, _, body) = self.send(operation, ANSWER_WITHIN, request).await?;
        let answer = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() {
            return Ok(answer);
        }
        Err(ClientError::Refused {
            operation: operation.to_owned(),
            status: status.as_u16(),
            code: element(operation, &answer, "Code").unwrap_or_default(),
            message: answer,
        })
    }
}

/// The text of an element that holds no other.
fn element(operation: &str, xml: &str, name: &str) -> Result<String, ClientError> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let text = xml
        .split_once(&open)
        .and_then(|(_, rest)| rest.split_once(&close));
    text.map(|(text, _)| text.to_owned())
        .ok_or_else(|| ClientError::NoAnswer {
            operation: operation.to_owned(),
            why: format!("the answer has no {name}"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_element_is_found_and_a_missing_one_is_named() {
        let xml = "<A><AccessKeyId>ASIA</AccessKeyId></A>";
        assert_eq!(element("X", xml, "AccessKeyId").unwrap(), "ASIA");
        let error = element("X", xml, "Arn").unwrap_err().to_string();
        assert!(error.contains("no Arn"), "{error}");
    }
}
