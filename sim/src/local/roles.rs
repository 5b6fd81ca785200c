//! What IAM said to the functions' own roles, and to a caller of the RDS service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, ClientError};
use crate::rds_http::{Authority, Check, Decision};

/// What one function's role allows, and what it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct RoleUse {
    /// The role's name in the template, such as `WorkerRole`.
    pub role: String,
    /// The actions that its policies allow on something.
    pub granted: BTreeSet<String>,
    /// How often each action was evaluated.
    pub evaluated: BTreeMap<String, u64>,
    /// What was denied.
    pub denied: Vec<Denial>,
}

/// One action that a role was denied.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Denial {
    /// Such as `rds:CopyDBSnapshot`.
    pub action: String,
    /// IAM's sentence, which names the resource.
    pub sentence: String,
    /// How often.
    pub times: u64,
}

/// What the emulator says to a question; see `own_roles.py`.
#[derive(Debug, Default, Deserialize)]
struct Said {
    denied: Option<String>,
    unknown: Option<String>,
}

impl Client {
    /// What each function's role allows and was asked so far.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn roles(&self) -> Result<Vec<RoleUse>, ClientError> {
        self.own_path("/_snapferry/iam", &json!({})).await
    }

    async fn decision(&self, access_key: &str, checks: &[Check]) -> Decision {
        let question = json!({ "access_key": access_key, "checks": checks });
        match self.own_path("/_snapferry/iam/decide", &question).await {
            Ok(Said {
                denied: Some(sentence),
                ..
            }) => Decision::Denied(sentence),
            Ok(Said {
                unknown: Some(why), ..
            }) => Decision::UnknownCaller(why),
            Ok(Said { .. }) => Decision::Allowed,
            Err(error) => Decision::NoAnswer(error.to_string()),
        }
    }
}

/// The IAM of the local stack's account.
#[derive(Debug)]
pub struct LocalIam(Client);

impl LocalIam {
    /// The IAM that this client's emulator evaluates.
    #[must_use]
    pub fn of(client: &Client) -> Arc<Self> {
        Arc::new(Self(client.clone()))
    }
}

impl Authority for LocalIam {
    fn decide<'a>(&'a self, access_key: &'a str, checks: Vec<Check>) -> BoxFuture<'a, Decision> {
        async move {
            // The account's own key is the root's, which no policy limits.
            if access_key == self.0.account() {
                return Decision::Allowed;
            }
            self.0.decision(access_key, &checks).await
        }
        .boxed()
    }
}
