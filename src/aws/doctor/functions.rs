//! Lambda for the doctor.

use aws_sdk_lambda::error::ProvideErrorMetadata;

use super::super::fault::{port_error, unusable};
use super::{Doctor, client};
use crate::domain::doctor::parts::PartFunction;
use crate::domain::id::arn::Region;
use crate::ports::PortError;
use crate::ports::doctor::DescribeFunction;

/// The variable with the id of the stack that a function works for.
const STACK_ID: &str = "SNAPFERRY_STACK_ID";

impl DescribeFunction for Doctor {
    async fn describe_function(
        &self,
        region: &Region,
        name: &str,
    ) -> Result<Option<PartFunction>, PortError> {
        const ACTION: &str = "lambda:GetFunctionConfiguration";
        let answer = client!(aws_sdk_lambda, self, region.as_str())
            .get_function_configuration()
            .function_name(name)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(None),
            Err(error) => return Err(port_error(ACTION, &error, &[])),
        };
        let variables = answer.environment.and_then(|it| it.variables);
        let arn = answer
            .function_arn
            .ok_or_else(|| unusable(ACTION, "Lambda left the function's ARN out"))?;
        Ok(Some(PartFunction {
            arn,
            stack: variables.and_then(|mut all| all.remove(STACK_ID)),
        }))
    }
}
