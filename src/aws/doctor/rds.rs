//! RDS for the doctor: reads whole lists, one page at a time.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance};

use super::super::rds::{self, RowReaders};
use super::super::rds_errors::Unusable;
use super::super::rds_rows;
use super::Doctor;
use crate::aws::patient::CONNECT;
use crate::domain::doctor::databases::Candidate;
use crate::domain::id::arn::{Family, KeyArn, Region};
use crate::ports::doctor::InspectDatabases;
use crate::ports::{Page, RdsError};

/// How long a region may take for its first answer, including retries. The doctor asks nothing else of a region that gives
/// no answer.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// The same client with a shorter limit, for the first page of a region's databases: it shows whether the region answers.
fn impatient(client: &Client) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(FIRST_WORD)
        .operation_attempt_timeout(FIRST_WORD)
        .connect_timeout(CONNECT);
    let config = client
        .config()
        .to_builder()
        .timeout_config(timeouts.build());
    Client::from_conf(config.build())
}

const CANDIDATES: RowReaders<Candidate> = RowReaders { instance, cluster };

impl InspectDatabases for Doctor {
    async fn inspect_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Candidate>, RdsError> {
        let mut client = self.rds(region);
        if marker.is_none() {
            client = impatient(&client);
        }
        rds::databases(&client, region, family, &CANDIDATES, None, marker).await
    }
}

fn instance(row: &DbInstance) -> Result<Candidate, Unusable> {
    let groups = row.option_group_memberships().iter();
    Ok(Candidate {
        database: rds_rows::instance(row)?,
        key: key(row.kms_key_id()),
        option_groups: groups
            // A group that RDS is removing does not matter any more.
            .filter(|group| {
                !group
                    .status()
                    .is_some_and(|status| status.contains("remov"))
            })
            .filter_map(|group| group.option_group_name())
            .map(ToOwned::to_owned)
            .collect(),
    })
}

/// Reads a cluster, which has no option group.
fn cluster(row: &DbCluster) -> Result<Candidate, Unusable> {
    Ok(Candidate {
        database: rds_rows::cluster(row)?,
        key: key(row.kms_key_id()),
        option_groups: Vec::new(),
    })
}

/// The key of a database. `None` without encryption, or if the key is not an ARN, because KMS could not be asked about it.
fn key(id: Option<&str>) -> Option<KeyArn> {
    id.and_then(|key| KeyArn::parse(key).ok())
}
