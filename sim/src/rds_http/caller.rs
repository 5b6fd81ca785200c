//! Who is calling, from where, as far as the request's headers tell.
//!
//! Signatures are not verified: the service is a stand-in on loopback. Their form is, because
//! it carries the region.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, USER_AGENT};

use super::fault::WireFault;
use super::form::Form;
use crate::rds::Region;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The region a request was signed for, out of the credential scope
/// `<key>/<date>/<region>/rds/aws4_request` of its header or, if presigned, of its query.
///
/// # Errors
/// `MissingAuthenticationToken` without a signature, `IncompleteSignature` for one that is not
/// in this form, `SignatureDoesNotMatch` for one that is meant for another service.
pub(super) fn signed_region(headers: &HeaderMap, form: &Form) -> Result<Region, WireFault> {
    signer(headers, form).map(|signer| signer.region)
}

/// Who signed a request, as far as its signature names it.
pub(super) struct Signer {
    pub(super) access_key: String,
    pub(super) region: Region,
}

/// As [`signed_region`], with the access key.
pub(super) fn signer(headers: &HeaderMap, form: &Form) -> Result<Signer, WireFault> {
    let credential = match headers.get(AUTHORIZATION) {
        Some(value) => credential_of(value.to_str().unwrap_or_default())?,
        None => form
            .get("X-Amz-Credential")
            .ok_or(WireFault::MissingAuthenticationToken)?,
    };
    let parts: Vec<&str> = credential.split('/').collect();
    let [key, date, region, service, "aws4_request"] = parts[..] else {
        return Err(incomplete(credential));
    };
    if key.is_empty() || date.len() != 8 {
        return Err(incomplete(credential));
    }
    if service != "rds" {
        return Err(WireFault::OtherService(service.to_owned()));
    }
    Ok(Signer {
        access_key: key.to_owned(),
        region: region.parse().map_err(|_| incomplete(credential))?,
    })
}

fn credential_of(authorization: &str) -> Result<&str, WireFault> {
    let fields = authorization.strip_prefix(ALGORITHM);
    let fields = fields.ok_or_else(|| incomplete(authorization))?;
    let mut fields = fields.split([',', ' ']);
    let credential = fields.find_map(|field| field.strip_prefix("Credential="));
    credential.ok_or_else(|| incomplete("no Credential"))
}

fn incomplete(found: &str) -> WireFault {
    WireFault::IncompleteSignature(found.to_owned())
}

/// The application id that AWS SDKs put into their user agent as `app/<name>`.
pub(super) fn app_id(headers: &HeaderMap) -> String {
    let agents = ["x-amz-user-agent", USER_AGENT.as_str()];
    let texts = agents
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok());
    let mut words = texts.flat_map(str::split_whitespace);
    let app = words.find_map(|word| word.strip_prefix("app/"));
    app.filter(|name| !name.is_empty())
        .unwrap_or("unknown")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            value.parse().unwrap(),
        )])
    }

    fn region_of(authorization: &str) -> Result<Region, WireFault> {
        let form = Form::read(b"").unwrap();
        signed_region(&headers("authorization", authorization), &form)
    }

    #[test]
    fn the_region_is_that_of_the_credential_scope() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu-west-1/rds/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=00";
        assert_eq!(region_of(signed).unwrap().as_str(), "eu-west-1");
    }

    #[test]
    fn a_signature_for_another_service_or_of_another_form_is_refused() {
        let scope = |scope: &str| format!("AWS4-HMAC-SHA256 Credential=AKIA/{scope}, Signature=0");
        let other = region_of(&scope("20260102/eu-west-1/sqs/aws4_request"));
        assert_eq!(other, Err(WireFault::OtherService("sqs".to_owned())));
        for bad in [
            "20260102/eu-west-1/rds",
            "20260102/nowhere/rds/aws4_request",
            "",
        ] {
            let code = region_of(&scope(bad)).unwrap_err().code();
            assert_eq!(code, "IncompleteSignature", "{bad}");
        }
        assert_eq!(
            region_of("Bearer x").unwrap_err().code(),
            "IncompleteSignature"
        );
    }

    #[test]
    fn a_presigned_query_names_the_region_too() {
        let form = Form::read(b"X-Amz-Credential=A%2F20260102%2Fus-east-1%2Frds%2Faws4_request");
        let region = signed_region(&HeaderMap::new(), &form.unwrap()).unwrap();
        assert_eq!(region.as_str(), "us-east-1");
    }

    #[test]
    fn the_app_id_is_found_in_either_user_agent_header() {
        let agent = "aws-sdk-rust/1.3 os/linux lang/rust/1.95 app/snapferry-sweeper";
        assert_eq!(app_id(&headers("user-agent", agent)), "snapferry-sweeper");
        assert_eq!(
            app_id(&headers("x-amz-user-agent", agent)),
            "snapferry-sweeper"
        );
        assert_eq!(app_id(&headers("user-agent", "curl/8.0 app/")), "unknown");
        assert_eq!(app_id(&HeaderMap::new()), "unknown");
    }
}
