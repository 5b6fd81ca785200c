//! The outputs that `snapferry --stack NAME` reads.

use std::collections::BTreeSet;

use snapferry::domain::operator::stack_outputs::{SETTINGS, is_snapferry};
use snapferry::settings::STACK_NAME;

use crate::document::template;

#[test]
fn each_setting_of_the_command_line_is_an_output_of_the_stack() {
    let template = template();
    for (output, _) in SETTINGS {
        assert!(
            template["Outputs"][output]["Value"] != serde_json::Value::Null,
            "{output}"
        );
    }
    let outputs = SETTINGS
        .iter()
        .map(|(output, _)| ((*output).to_owned(), String::new()));
    assert!(is_snapferry(&outputs.collect()));
}

#[test]
fn the_outputs_and_the_shell_s_variables_say_the_same_settings() {
    let template = template();
    let exports = template["Outputs"]["CliEnvironment"]["Value"].to_string();
    let exported: BTreeSet<&str> = exports
        .split("export ")
        .skip(1)
        .filter_map(|part| part.split('=').next())
        .collect();
    let read: BTreeSet<&str> = SETTINGS
        .iter()
        .map(|(_, variable)| *variable)
        // For version 1 of AWS's command line, which does not know AWS_REGION.
        .chain(["AWS_DEFAULT_REGION"])
        // `--stack` is the name itself.
        .chain([STACK_NAME])
        .collect();
    assert_eq!(exported, read);
}
