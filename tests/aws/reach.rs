//! The way to AWS: who is trusted.

use std::collections::BTreeMap;

use snapferry::aws::{Reach, Trust, for_functions};

use crate::world::{HOME, region};

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
