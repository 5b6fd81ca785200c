//! What RDS asks of a presigned URL: the same copy, signed for the region of its source.
//!
//! The model has no secret keys, so it checks everything of the signature but its value.

use std::collections::BTreeMap;

use super::RdsFault;
use super::family::Family;
use super::names::Region;
use super::request::CopyDbSnapshot;
use super::snapshot::CopySource;

/// The longest time that a signature may hold (SigV4).
const LONGEST: u32 = 604_800;

/// Checks the URL of a copy, if it has one. A copy within its region may have none.
pub(super) fn check(
    family: Family,
    to: &Region,
    from: &CopySource,
    request: &CopyDbSnapshot,
) -> Result<(), RdsFault> {
    let Some(url) = &request.pre_signed_url else {
        return Ok(());
    };
    let wrong = if from.across_regions {
        fault(family, to, from, request, url)
    } else {
        Some("a copy within its Region has none".to_owned())
    };
    match wrong {
        Some(why) => Err(RdsFault::InvalidParameterValue(format!(
            "The PreSignedUrl is not valid: {why}."
        ))),
        None => Ok(()),
    }
}

/// What is wrong with it.
fn fault(
    family: Family,
    to: &Region,
    from: &CopySource,
    request: &CopyDbSnapshot,
    url: &str,
) -> Option<String> {
    let Some((host, parameters)) = read(url) else {
        return Some("it is no URL with a query".to_owned());
    };
    let source = from.region.to_string();
    // Clients that are sent to another endpoint sign that one's name.
    if host.contains("amazonaws") && !host.contains(&format!(".{source}.")) {
        return Some(format!("its host is not of {source}"));
    }
    let get = |name: &str| parameters.get(name).map_or("", String::as_str);
    let name = family.name_parameter();
    let expected = [
        (
            "Action",
            format!("Copy{}", name.trim_end_matches("Identifier")),
        ),
        ("Version", "2014-10-31".to_owned()),
        ("DestinationRegion", to.to_string()),
        ("KmsKeyId", request.kms_key.clone().unwrap_or_default()),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
    ];
    let source_parameter = format!("Source{name}");
    let expected = expected.iter().map(|(name, value)| (*name, value.as_str()));
    let expected = expected.chain([(source_parameter.as_str(), request.source.as_str())]);
    for (name, value) in expected {
        if get(name) != value {
            return Some(format!("{name} is {:?} and not {value:?}", get(name)));
        }
    }
    signature_fault(&source, get)
}

fn signature_fault<'a>(source: &str, get: impl Fn(&str) -> &'a str) -> Option<String> {
    let (credential, date) = (get("X-Amz-Credential"), get("X-Amz-Date"));
    let scope: Vec<&str> = credential.split('/').collect();
    let is_of_source = matches!(
        scope[..],
        [access, day, region, "rds", "aws4_request"]
            if !access.is_empty() && region == source && date.starts_with(&format!("{day}T"))
    );
    if !is_of_source {
        return Some(format!(
            "it is not signed for rds in {source}: {credential:?} at {date:?}"
        ));
    }
    let holds: Option<u32> = get("X-Amz-Expires").parse().ok();
    if !holds.is_some_and(|seconds| (1..=LONGEST).contains(&seconds)) {
        return Some("X-Amz-Expires is no time".to_owned());
    }
    let mut headers = get("X-Amz-SignedHeaders").split(';');
    if !headers.any(|header| header == "host") {
        return Some("its host is not signed".to_owned());
    }
    let signature = get("X-Amz-Signature");
    let is_hex = signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    (signature.len() != 64 || !is_hex).then(|| "X-Amz-Signature is no signature".to_owned())
}

fn read(url: &str) -> Option<(String, BTreeMap<String, String>)> {
    let rest = url
        .strip_prefix("https://")
        .or(url.strip_prefix("http://"))?;
    let (host, query) = rest.split_once("/?")?;
    let parameters = form_urlencoded::parse(query.as_bytes()).into_owned();
    Some((host.to_owned(), parameters.collect()))
}
