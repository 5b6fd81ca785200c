//! The certificate authorities that the functions embed.

use sha2::{Digest, Sha256};
use x509_parser::pem::Pem;

const FILE: &str = include_str!("../../src/aws/authorities.pem");

/// The fingerprints that Amazon Trust Services publishes: <https://www.amazontrust.com/repository/>.
const PUBLISHED: [&str; 5] = [
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
];

fn fingerprint(certificate: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(certificate))
}

#[test]
fn the_embedded_authorities_are_the_five_that_amazon_publishes() {
    let found: Vec<String> = Pem::iter_from_buffer(FILE.as_bytes())
        .map(|pem| fingerprint(&pem.unwrap().contents))
        .collect();
    assert_eq!(found, PUBLISHED);
}

/// The build warns by the end in the line above a certificate.
#[test]
fn each_line_above_a_certificate_says_what_is_in_it() {
    let lines = FILE.lines().filter(|line| line.contains("; until "));
    let expected: Vec<String> = Pem::iter_from_buffer(FILE.as_bytes())
        .map(|pem| {
            let pem = pem.unwrap();
            let certificate = pem.parse_x509().unwrap();
            let name = certificate.subject().iter_common_name().next().unwrap();
            let end = certificate.validity().not_after.timestamp();
            let end = jiff::Timestamp::from_second(end).unwrap();
            format!(
                "# {}; until {}; SHA-256 {}",
                name.as_str().unwrap(),
                end.strftime("%Y-%m-%d"),
                fingerprint(&pem.contents),
            )
        })
        .collect();
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}

/// How long before an authority's end this test begins to fail. A release stays deployed for years.
const YEARS_AHEAD: i64 = 2;

/// The build has warned for a year by then. AWS publishes a successor long before an authority ends.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whether an authority ends soon, today says"
)]
fn no_embedded_authority_ends_within_two_years() {
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(YEARS_AHEAD * 366 * 24);
    for pem in Pem::iter_from_buffer(FILE.as_bytes()) {
        let pem = pem.unwrap();
        let certificate = pem.parse_x509().unwrap();
        let end = certificate.validity().not_after.timestamp();
        let name = certificate.subject();
        assert!(
            end > soon.as_second(),
            "{name} ends within {YEARS_AHEAD} years: replace it in src/aws/authorities.pem (https://www.amazontrust.com/repository/)"
        );
    }
}
