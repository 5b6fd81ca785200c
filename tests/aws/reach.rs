//! The way to AWS: who is trusted, and what is opened before it is needed.

use std::collections::BTreeMap;

use snapferry::aws::{Aws, Reach, Service, Trust, for_functions};

use crate::wire::{Reply, TABLE, Wire, ok};
use crate::world::{HOME, region};

const ALL: [Service; 3] = [Service::DynamoDb, Service::Rds, Service::StepFunctions];

fn reach(pairs: &[(&str, &str)]) -> Result<Reach, String> {
    let pairs = pairs.iter();
    let pairs: BTreeMap<String, String> = pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Reach::read(&pairs).map_err(|error| error.to_string())
}

#[test]
fn amazon_alone_is_trusted_unless_the_function_is_told_otherwise() {
    assert_eq!(reach(&[]).unwrap().trust, Trust::Amazon);
    let word = |word| reach(&[("SNAPFERRY_TRUST", word)]);
    assert_eq!(word("").unwrap().trust, Trust::Amazon);
    assert_eq!(word("amazon").unwrap().trust, Trust::Amazon);
    assert_eq!(word("native").unwrap().trust, Trust::Native);
    // A bundle alone changes nothing.
    let bundle = reach(&[("SSL_CERT_FILE", "/tmp/roots.pem")]).unwrap();
    assert_eq!(bundle.trust, Trust::Amazon);
    for other in ["Native", "none", "all"] {
        let error = word(other).unwrap_err();
        assert!(
            error.contains("SNAPFERRY_TRUST") && error.contains("native"),
            "{error}"
        );
    }
}

#[test]
fn awss_own_switches_of_the_endpoints_are_heeded() {
    let off = reach(&[("AWS_USE_FIPS_ENDPOINT", "no")]).unwrap();
    assert!(!off.fips && !off.dual_stack);
    let on = [
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "TRUE"),
    ];
    let on = reach(&on).unwrap();
    assert!(on.fips && on.dual_stack);
    let sdk = for_functions("reactor", &region(HOME), &on);
    assert_eq!(
        (sdk.use_fips(), sdk.use_dual_stack()),
        (Some(true), Some(true))
    );
}

#[tokio::test]
async fn a_connection_is_warmed_by_what_is_no_action() {
    let wire = Wire::new([ok("healthy")]);
    wire.aws().warm(&region(HOME), &ALL).await;
    let asked = wire.asked();
    let mut hosts: Vec<&str> = asked.iter().map(|asked| asked.uri.as_str()).collect();
    hosts.sort_unstable();
    assert_eq!(
        hosts,
        [
            "https://dynamodb.eu-central-1.amazonaws.com/",
            "https://rds.eu-central-1.amazonaws.com/",
            "https://states.eu-central-1.amazonaws.com/",
        ]
    );
    for asked in asked {
        assert_eq!(asked.body, "", "nothing of an action is left");
        assert!(
            !asked.headers.contains_key("x-amz-target"),
            "{:?}",
            asked.headers
        );
    }
}

#[tokio::test]
async fn warming_is_tried_once_and_a_refusal_is_as_good() {
    for reply in [
        Reply::Http(404, "<UnknownOperationException/>".to_owned()),
        Reply::Http(503, String::new()),
        Reply::Broken,
    ] {
        let wire = Wire::new([reply]);
        wire.aws().warm(&region(HOME), &ALL).await;
        assert_eq!(wire.asked().len(), ALL.len());
    }
}

#[tokio::test]
async fn an_endpoint_without_tls_is_not_warmed() {
    let reach = reach(&[
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_RDS", "http://127.0.0.1:10"),
    ])
    .unwrap();
    let wire = Wire::new([ok("healthy")]);
    let sdk = for_functions("reactor", &region(HOME), &reach);
    let sdk = sdk.into_builder().http_client(wire.clone()).build();
    Aws::new(sdk, TABLE, ()).warm(&region(HOME), &ALL).await;
    assert_eq!(wire.asked().len(), 0);
}
