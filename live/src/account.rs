//! The account that is asked, and who asks.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;
use snapferry::aws::Aws;
use snapferry::domain::id::arn::Region;

use crate::error::{Answered, CheckError, of};

/// How long the check waits for AWS. It is a person's program and may look again and again; no function does.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks.
    pub look: Duration,
    /// For a database, a snapshot, a copy or a stack to come to its end.
    pub work: Duration,
    /// For an event or a token.
    pub message: Duration,
    /// For a new role's rights to be known everywhere in AWS.
    pub rights: Duration,
    /// How long after a lost answer the thing that was asked for may still appear.
    pub late: Duration,
    /// `TimeoutSeconds` and `HeartbeatSeconds` of the states that shall time out.
    pub short_seconds: u32,
}

impl Pace {
    /// For AWS.
    pub const AWS: Self = Self {
        look: Duration::from_secs(10),
        work: Duration::from_hours(1),
        message: Duration::from_mins(5),
        rights: Duration::from_secs(20),
        late: Duration::from_mins(2),
        short_seconds: 20,
    };
}

/// An account in two regions, with the rights of the person who asks.
#[derive(Debug)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// Where the copies go.
    pub recovery: Region,
    /// Where the databases are.
    pub source: Region,
    /// The person's configuration, in the recovery region.
    pub sdk: SdkConfig,
    /// How long to wait.
    pub pace: Pace,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// Who calls, as AWS says.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account.
    pub account: String,
    /// `aws:userid` of IAM's policies.
    pub user_id: String,
}

macro_rules! clients {
    ($($name:ident: $module:ident),*) => {
        impl Account {
            $(
                /// A client with the person's rights.
                #[must_use]
                pub fn $name(&self, region: &Region) -> $module::Client {
                    let region = aws_config::Region::new(region.as_str().to_owned());
                    let config = $module::config::Builder::from(&self.sdk).region(region);
                    $module::Client::from_conf(config.build())
                }
            )*
        }
    };
}

clients! { rds: aws_sdk_rds, sqs: aws_sdk_sqs, cloudformation: aws_sdk_cloudformation, sts: aws_sdk_sts, sfn: aws_sdk_sfn }

impl Account {
    /// GetCallerIdentity.
    ///
    /// # Errors
    /// If AWS does not say.
    pub async fn caller(&self) -> Answered<Caller> {
        const WHAT: &str = "GetCallerIdentity";
        let sts = self.sts(&self.recovery);
        let said = sts.get_caller_identity().send().await.map_err(of(WHAT))?;
        match (said.account, said.user_id) {
            (Some(account), Some(user_id)) => Ok(Caller { account, user_id }),
            _ => Err(CheckError::unusable(WHAT, "it names no account")),
        }
    }

    /// The shipped adapters, with the person's rights.
    #[must_use]
    pub fn person(&self) -> Aws {
        Aws::new(self.sdk.clone(), "none", ())
    }

    /// The configuration of a session of a role. A new role can be assumed some seconds after it was made.
    ///
    /// # Errors
    /// If AWS does not let the person assume it.
    pub async fn assume(&self, role: &str) -> Answered<SdkConfig> {
        const WHAT: &str = "AssumeRole";
        let sts = self.sts(&self.recovery);
        let asked = self
            .once_allowed(async || {
                let asked = sts.assume_role().role_arn(role);
                let asked = asked.role_session_name("live-check");
                asked.send().await.map_err(of(WHAT))
            })
            .await?;
        let Some(session) = asked.credentials else {
            return Err(CheckError::unusable(WHAT, "it has no credentials"));
        };
        let credentials = Credentials::from_keys(
            session.access_key_id,
            session.secret_access_key,
            Some(session.session_token),
        );
        let credentials = SharedCredentialsProvider::new(credentials);
        let sdk = self.sdk.clone().into_builder();
        Ok(sdk.credentials_provider(credentials).build())
    }

    /// Makes a call that should be allowed. A denial counts after some time only: AWS learns slowly of new rights.
    pub(crate) async fn once_allowed<T>(&self, call: impl AsyncFn() -> Answered<T>) -> Answered<T> {
        for _ in 0..3 {
            match call().await {
                Err(error) if error.is_denied() => tokio::time::sleep(self.pace.rights).await,
                answered => return answered,
            }
        }
        call().await
    }
}
