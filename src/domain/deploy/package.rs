//! The templates that this program carries, and what they look like once the code is uploaded.

use std::collections::BTreeMap;

use thiserror::Error;

use super::part::Part;

/// Where each function's code is in a checkout.
const CODE: &str = "CodeUri: target/function/bootstrap/";
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
    /// Those of the recovery region that are deployed on request.
    pub parts: BTreeMap<Part, String>,
}

impl Templates {
    /// Those of this version.
    #[must_use]
    pub fn carried() -> Self {
        Self {
            recovery: include_str!("../../../template.yaml").to_owned(),
            source: include_str!("../../../source-region.yaml").to_owned(),
            definition: include_str!("../../../statemachine/protect.asl.json").to_owned(),
            parts: Part::ALL
                .map(|part| (part, part.template().to_owned()))
                .into(),
        }
    }

    /// That of a part: another than this version's, if there is one.
    #[must_use]
    pub fn part(&self, part: Part) -> &str {
        self.parts
            .get(&part)
            .map_or(part.template(), String::as_str)
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

/// The template of a part with this address of its code: `s3://…`, or a path beside it.
///
/// # Errors
/// If the template does not name it as the part's does.
pub fn packaged_part(part: Part, template: &str, code: &str) -> Result<String, NotOurTemplate> {
    let needed = part.code();
    if !template.contains(needed) {
        let template = part.file();
        return Err(NotOurTemplate { needed, template });
    }
    Ok(template.replace(needed, &format!("CodeUri: {code}")))
}
