//! The presigned URL that every copy between regions has.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::TimeSource;
use snapferry::aws::Aws;
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::names::{OptionGroup, SnapshotId};
use snapferry::domain::id::tags::Tags;
use snapferry::error::chain;
use snapferry::ports::{CopySnapshot, CopySnapshotRequest};

use crate::wire::{Reply, TABLE, Wire, ok};
use crate::world::region;

/// What botocore 1.43.106 sends as `PreSignedUrl` for the same calls, credentials and time.
const INSTANCE: &str = "https://rds.eu-west-1.amazonaws.com/?Action=CopyDBSnapshot&Version=2014-10-31&SourceDBSnapshotIdentifier=arn%3Aaws%3Ards%3Aeu-west-1%3A111122223333%3Asnapshot%3Asf-orders&TargetDBSnapshotIdentifier=sf-orders-copy&KmsKeyId=arn%3Aaws%3Akms%3Aeu-central-1%3A111122223333%3Akey%2F11111111-2222-3333-4444-555555555555&OptionGroupName=recovery-tde&CopyTags=false&Tags.Tag.1.Key=snapferry%3Astack&Tags.Tag.1.Value=prod&Tags.Tag.2.Key=team&Tags.Tag.2.Value=a%20b%2Bc%2F%C3%BC&DestinationRegion=eu-central-1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Feu-west-1%2Frds%2Faws4_request&X-Amz-Date=20261122T030500Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=to%2Bken%2F%3D&X-Amz-Signature=65cd9757dcf8e8d280ad2c05ff0e919cbd44286cee24f2ee3e1212f5e3ca9b83";
const CLUSTER: &str = "https://rds.us-gov-west-1.amazonaws.com/?Action=CopyDBClusterSnapshot&Version=2014-10-31&SourceDBClusterSnapshotIdentifier=arn%3Aaws-us-gov%3Ards%3Aus-gov-west-1%3A111122223333%3Acluster-snapshot%3Asf-web&TargetDBClusterSnapshotIdentifier=sf-web-copy&KmsKeyId=arn%3Aaws-us-gov%3Akms%3Aus-gov-east-1%3A111122223333%3Akey%2F11111111-2222-3333-4444-555555555555&CopyTags=false&DestinationRegion=us-gov-east-1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-gov-west-1%2Frds%2Faws4_request&X-Amz-Date=20261122T030500Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=a64e0512b328aca97e394b0886ad8afff402817b8ce8043265495917b04803f8";

const TOKEN: &str = "to+ken/=";

/// It is always 2026-11-22T03:05:00Z.
#[derive(Debug)]
struct FivePastThree;

impl TimeSource for FivePastThree {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_316_700)
    }
}

/// The worker's adapter at that time, with these credentials.
fn signing(wire: &Wire, token: Option<&str>) -> Aws {
    let token = token.map(ToOwned::to_owned);
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", token, None, "tests");
    let sdk = wire
        .sdk()
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .time_source(FivePastThree);
    Aws::new(sdk.build(), TABLE, ())
}

fn of_instance() -> CopySnapshotRequest {
    let arn = "arn:aws:rds:eu-west-1:111122223333:snapshot:sf-orders";
    let key = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
    CopySnapshotRequest {
        region: region("eu-central-1"),
        source: RdsArn::parse(arn).unwrap(),
        id: SnapshotId::parse("sf-orders-copy").unwrap(),
        key: KeyArn::parse(key).unwrap(),
        option_group: OptionGroup::parse("recovery-tde").ok(),
        tags: Tags::from([
            ("snapferry:stack".to_owned(), "prod".to_owned()),
            ("team".to_owned(), "a b+c/ü".to_owned()),
        ]),
    }
}

fn of_cluster() -> CopySnapshotRequest {
    let arn = "arn:aws-us-gov:rds:us-gov-west-1:111122223333:cluster-snapshot:sf-web";
    let key =
        "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/11111111-2222-3333-4444-555555555555";
    CopySnapshotRequest {
        region: region("us-gov-east-1"),
        source: RdsArn::parse(arn).unwrap(),
        id: SnapshotId::parse("sf-web-copy").unwrap(),
        key: KeyArn::parse(key).unwrap(),
        option_group: None,
        tags: Tags::new(),
    }
}

fn answered(action: &str) -> Reply {
    ok(format!(
        "<{action}Response><{action}Result/></{action}Response>"
    ))
}

/// The URL in parts: AWS signs the parameters in their order, and reads them in any.
fn parts(url: &str) -> (String, BTreeMap<String, String>) {
    let (endpoint, query) = url.split_once('?').unwrap();
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    (endpoint.to_owned(), pairs.collect())
}

#[tokio::test]
async fn the_presigned_url_is_the_one_that_botocore_makes() {
    for (request, action, token, expected) in [
        (of_instance(), "CopyDBSnapshot", Some(TOKEN), INSTANCE),
        (of_cluster(), "CopyDBClusterSnapshot", None, CLUSTER),
    ] {
        let wire = Wire::new([answered(action)]);
        signing(&wire, token).copy_snapshot(&request).await.unwrap();
        let form = wire.only().form();
        assert_eq!(parts(&form["PreSignedUrl"]), parts(expected));
    }
}

/// The URL's host is signed, so it is AWS's own, with the variant that the function uses.
#[tokio::test]
async fn the_presigned_url_is_of_the_endpoint_that_the_source_region_has() {
    for (from, to, fips, host) in [
        (
            "us-gov-west-1",
            "us-gov-east-1",
            true,
            "rds.us-gov-west-1.amazonaws.com",
        ),
        (
            "us-east-1",
            "us-east-2",
            true,
            "rds-fips.us-east-1.amazonaws.com",
        ),
        (
            "us-east-1",
            "us-east-2",
            false,
            "rds.us-east-1.amazonaws.com",
        ),
    ] {
        let request = CopySnapshotRequest {
            region: region(to),
            source: RdsArn::parse(&format!("arn:aws:rds:{from}:111122223333:snapshot:s")).unwrap(),
            ..of_instance()
        };
        let wire = Wire::new([answered("CopyDBSnapshot")]);
        let sdk = wire.sdk().into_builder().use_fips(fips).build();
        let aws: Aws = Aws::new(sdk, TABLE, ());
        aws.copy_snapshot(&request).await.unwrap();
        let form = wire.only().form();
        assert_eq!(parts(&form["PreSignedUrl"]).0, format!("https://{host}/"));
    }
}

#[tokio::test]
async fn a_copy_within_its_region_has_no_presigned_url() {
    let request = CopySnapshotRequest {
        region: region("eu-west-1"),
        ..of_instance()
    };
    let wire = Wire::new([answered("CopyDBSnapshot")]);
    signing(&wire, None).copy_snapshot(&request).await.unwrap();
    assert!(!wire.only().form().contains_key("PreSignedUrl"));
}

#[tokio::test]
async fn a_refusal_that_quotes_the_presigned_url_is_shown_without_it() {
    let signature = "65cd9757dcf8e8d280ad2c05ff0e919cbd44286cee24f2ee3e1212f5e3ca9b83";
    let url = INSTANCE.replace('&', "&amp;");
    let body = format!(
        "<ErrorResponse><Error><Code>InvalidParameterValue</Code><Message>The PreSignedUrl {url} with {signature} and \
         {TOKEN} is wrong</Message></Error></ErrorResponse>"
    );
    let wire = Wire::new([Reply::Http(400, body)]);
    let aws = signing(&wire, Some(TOKEN));
    let error = aws.copy_snapshot(&of_instance()).await.unwrap_err();
    let text = format!("{} {error:?}", chain(&error));
    assert!(text.contains("The PreSignedUrl"), "{text}");
    for secret in [signature, TOKEN] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(
        error.owner(),
        snapferry::domain::run::failure::Owner::Transient
    );
}
