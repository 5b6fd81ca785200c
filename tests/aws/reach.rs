//! The way to AWS: who is trusted, and what is opened before it is needed.

use std::collections::BTreeMap;

use snapferry::aws::{Aws, Reach, Service, Trust, for_functions};

use crate::wire::{Reply, TABLE, Wire, ok};
use crate::world::{HOME, region};

const ALL: [(Service, &str); 2] = [
    (Service::Rds, "https://rds.eu-central-1.amazonaws.com/"),
    (
        Service::StepFunctions,
        "https://states.eu-central-1.amazonaws.com/",
    ),
];

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
    for (service, host) in ALL {
        let wire = Wire::new([ok("healthy")]);
        wire.aws().warm(&region(HOME), service).await;
        let [asked] = &*wire.asked() else {
            panic!("{service:?} is asked once");
        };
        assert_eq!(asked.uri, host);
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
        for (tried, (service, _)) in ALL.iter().enumerate() {
            wire.aws().warm(&region(HOME), *service).await;
            assert_eq!(wire.asked().len(), tried + 1);
        }
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
    let aws = Aws::new(sdk, TABLE, ());
    for (service, _) in ALL {
        aws.warm(&region(HOME), service).await;
    }
    assert_eq!(wire.asked().len(), 0);
}
