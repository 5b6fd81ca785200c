//! The templates that this program carries, and what they look like once the code is uploaded.

use thiserror::Error;

/// Where each function's code is in a checkout.
const CODE: &str = "CodeUri: target/function/bootstrap/";
/// Where the code of the functions of `restore.yaml` is in a checkout.
const DRILLS: &str = "CodeUri: target/function/drills/";
/// Where the state machine's definition is in a checkout.
const DEFINITION: &str = "DefinitionUri: statemachine/protect.asl.json";

/// What is deployed: the templates and the state machine's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    /// `template.yaml`, of the recovery region.
    pub recovery: String,
    /// `source-region.yaml`, of each source region.
    pub source: String,
    /// `statemachine/protect.asl.json`.
    pub definition: String,
    /// `restore.yaml`, of the recovery region, on request.
    pub restore: String,
}

impl Templates {
    /// Those of this version.
    #[must_use]
    pub fn carried() -> Self {
        Self {
            recovery: include_str!("../../../template.yaml").to_owned(),
            source: include_str!("../../../source-region.yaml").to_owned(),
            definition: include_str!("../../../statemachine/protect.asl.json").to_owned(),
            restore: include_str!("../../../restore.yaml").to_owned(),
        }
    }
}

/// A template that does not name code and definition as Snapferry's does.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the template has no line {needed:?}: it is not Snapferry's {template}")]
pub struct NotOurTemplate {
    needed: &'static str,
    template: &'static str,
}

/// The template of the recovery region with these addresses of its code and its definition: `s3://…`, or paths beside
/// the template.
///
/// # Errors
/// If the template does not name them as `template.yaml` does.
pub fn packaged(template: &str, code: &str, definition: &str) -> Result<String, NotOurTemplate> {
    for needed in [CODE, DEFINITION] {
        if !template.contains(needed) {
            let template = "template.yaml";
            return Err(NotOurTemplate { needed, template });
        }
    }
    let with_code = template.replace(CODE, &format!("CodeUri: {code}"));
    Ok(with_code.replace(DEFINITION, &format!("DefinitionUri: {definition}")))
}

/// The template of the second stack of the recovery region with this address of its code: `s3://…`, or a path beside it.
///
/// # Errors
/// If the template does not name it as `restore.yaml` does.
pub fn packaged_restore(template: &str, code: &str) -> Result<String, NotOurTemplate> {
    if !template.contains(DRILLS) {
        return Err(NotOurTemplate {
            needed: DRILLS,
            template: "restore.yaml",
        });
    }
    Ok(template.replace(DRILLS, &format!("CodeUri: {code}")))
}
