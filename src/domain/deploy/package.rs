//! The templates that this program carries, and what they look like once the code is uploaded.

use thiserror::Error;

/// Where each function's code is in a checkout.
const CODE: &str = "CodeUri: target/function/bootstrap/";
/// Where the state machine's definition is in a checkout.
const DEFINITION: &str = "DefinitionUri: statemachine/protect.asl.json";

/// What is deployed: the two templates and the state machine's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    /// `template.yaml`, of the recovery region.
    pub recovery: String,
    /// `source-region.yaml`, of each source region.
    pub source: String,
    /// `statemachine/protect.asl.json`.
    pub definition: String,
}

impl Templates {
    /// Those of this version.
    #[must_use]
    pub fn carried() -> Self {
        Self {
            recovery: include_str!("../../../template.yaml").to_owned(),
            source: include_str!("../../../source-region.yaml").to_owned(),
            definition: include_str!("../../../statemachine/protect.asl.json").to_owned(),
        }
    }
}

/// A template that does not name code and definition as `template.yaml` does.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the template has no line {0:?}: it is not Snapferry's template.yaml")]
pub struct NotOurTemplate(&'static str);

/// The template of the recovery region with these addresses of its code and its definition: `s3://…`, or paths beside
/// the template.
///
/// # Errors
/// If the template does not name them as `template.yaml` does.
pub fn packaged(template: &str, code: &str, definition: &str) -> Result<String, NotOurTemplate> {
    for needed in [CODE, DEFINITION] {
        if !template.contains(needed) {
            return Err(NotOurTemplate(needed));
        }
    }
    let with_code = template.replace(CODE, &format!("CodeUri: {code}"));
    Ok(with_code.replace(DEFINITION, &format!("DefinitionUri: {definition}")))
}
