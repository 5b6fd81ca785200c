//! CloudFormation updates functions in any order, so a reader of this version meets what the next version writes. What
//! that adds must change nothing for it.

use serde_json::{Value, json};

use super::{answer, items, object, rows};
use crate::wire::Wire;
use snapferry::ports::{ListOpen, OpenPage};

const ADDED: &str = "of_the_next_version";

/// The JSON of this version with a field more in it.
fn with_more(text: &str) -> String {
    let mut json = object(text);
    json[ADDED] = json!({ "a": ["b"] });
    json.to_string()
}

async fn open_in(items: Vec<Value>) -> OpenPage {
    let table = Wire::script(move |asked| answer(asked, &items));
    table.aws().list_open(None).await.unwrap()
}

#[tokio::test]
async fn upgrade_reads_an_item_of_the_table_to_which_the_next_version_adds_something() {
    let mut more = items();
    for item in &mut more {
        item[ADDED] = json!({ "S": "more" });
        for nested in ["/expected/M", "/trouble/M"] {
            if let Some(members) = item.pointer_mut(nested) {
                members[ADDED] = json!({ "S": "more" });
            }
        }
        if let Some(run) = item.pointer_mut("/run/S") {
            *run = json!(with_more(run.as_str().unwrap()));
        }
    }
    let (before, after) = (open_in(items()).await, open_in(more).await);
    assert!(!before.waits.is_empty() && !before.slots.groups.is_empty());
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
}

#[test]
fn upgrade_reads_a_command_to_which_the_next_version_adds_something() {
    use snapferry::json::command::read;
    for message in rows("commands.json") {
        let body = message["Body"].as_str().unwrap();
        let mut more = object(&with_more(body));
        more["input"][ADDED] = json!(true);
        let (before, after) = (read(body).unwrap(), read(&more.to_string()).unwrap());
        assert_eq!(before, after);
    }
}

#[test]
fn upgrade_reads_an_executions_input_and_output_to_which_the_next_version_adds_something() {
    use snapferry::json::{manifest, run};
    for execution in rows("executions.json") {
        let input = execution["input"].as_str().unwrap();
        assert_eq!(
            run::read(input).unwrap(),
            run::read(&with_more(input)).unwrap()
        );
        let output = execution["output"].as_str().map_or(Value::Null, object);
        for step in ["snapshot", "copy"] {
            if output[step].is_object() {
                let text = output[step].to_string();
                let (before, after) = (manifest::read(&text), manifest::read(&with_more(&text)));
                assert_eq!(before.unwrap(), after.unwrap());
            }
        }
    }
}
