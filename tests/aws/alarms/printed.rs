//! Lines that the binary which ships has printed, run as Lambda runs it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};
use snapferry::aws::write_wait;
use snapferry::domain::policy::selected::SelectedDatabase;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::wait::Phase;
use snapferry::json::{command as wire_command, manifest, selected};

use super::resolved::NAMESPACE;
use crate::functions::{TOKEN, batch, end, function, server};
use crate::server::{Answer, ok};
use crate::table::{copied, to_json};
use crate::wire::{Asked, TABLE};
use crate::world::{a_run, command, time};

/// What the function met when it printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Met {
    /// A fleet of one database that is well, and no open wait.
    Well,
    /// A database whose newest recovery point is years old.
    Overdue,
    /// A wait that was opened years ago.
    OldWait,
    /// A queued wait whose token Step Functions does not know.
    UnknownToken,
    /// A command whose token was called dead before.
    StaleCommand,
    /// The pruner, without a snapshot.
    Round,
}

/// Every line that was printed, by what the function met. The binary runs once for each.
pub(crate) fn all() -> &'static BTreeMap<Met, Vec<String>> {
    static PRINTED: OnceLock<BTreeMap<Met, Vec<String>>> = OnceLock::new();
    PRINTED.get_or_init(|| {
        let met = [
            Met::Well,
            Met::Overdue,
            Met::OldWait,
            Met::UnknownToken,
            Met::StaleCommand,
            Met::Round,
        ];
        met.map(|met| (met, printed(met))).into()
    })
}

fn printed(met: Met) -> Vec<String> {
    let (role, event) = match met {
        Met::StaleCommand => {
            let body = wire_command::write(&command(Step::Snapshot, TOKEN, "orders"));
            ("worker", batch(&[&body]))
        }
        Met::Round => ("pruner", json!({})),
        _ => ("sweeper", json!({})),
    };
    let server = server(&event, move |asked| answer(met, asked));
    let child = function(role, &server)
        .env("AWS_ENDPOINT_URL", server.endpoint("all"))
        .env("SNAPFERRY_METRICS_NAMESPACE", NAMESPACE)
        .env("SNAPFERRY_METRICS_PER_DATABASE", "yes")
        .env("SNAPFERRY_LOG", "warn")
        .spawn()
        .unwrap();
    server.wait_for(|asked| asked.uri.contains("/invocation/invocation-1/"));
    let output = end(child);
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().map(ToOwned::to_owned).collect()
}

fn answer(met: Met, asked: &Asked) -> Answer {
    match asked.action().as_str() {
        "Query" => open_waits(met),
        "GetItem" => selected_databases(asked),
        "BatchGetItem" => {
            let found = entries(met, asked);
            ok(json!({"Responses": {TABLE: found}}).to_string())
        }
        // Another occasion called the token dead before.
        "UpdateItem" => {
            ok(json!({"Attributes": {"occasion": {"S": "an earlier one"}}}).to_string())
        }
        "SendTaskHeartbeat" => {
            let code = match met {
                Met::UnknownToken => "InvalidToken",
                _ => "TaskTimedOut",
            };
            Answer::Http(400, json!({"__type": code, "message": "no"}).to_string())
        }
        "DescribeDBInstances" => ok(empty("DescribeDBInstances", "DBInstances")),
        "DescribeDBClusters" => ok(empty("DescribeDBClusters", "DBClusters")),
        "DescribeDBSnapshots" => ok(empty("DescribeDBSnapshots", "DBSnapshots")),
        "DescribeDBClusterSnapshots" => {
            ok(empty("DescribeDBClusterSnapshots", "DBClusterSnapshots"))
        }
        _ => ok("{}"),
    }
}

fn empty(action: &str, list: &str) -> String {
    format!("<{action}Response><{action}Result><{list}/></{action}Result></{action}Response>")
}

fn open_waits(met: Met) -> Answer {
    let mut wait = crate::items::a_wait(TOKEN);
    wait.opened_at = time("2020-01-01T00:00:00Z");
    match met {
        Met::OldWait => wait.phase = Phase::Seen,
        Met::UnknownToken => {
            wait.phase = Phase::Queued;
            wait.opened_at = time("2099-01-01T00:00:00Z");
        }
        _ => return ok(r#"{"Items":[],"Count":0}"#),
    }
    let items = [to_json(&write_wait(&wait))];
    ok(json!({"Items": items, "Count": 1}).to_string())
}

fn selected_databases(asked: &Asked) -> Answer {
    let key = asked.json()["Key"]["pk"]["S"].to_string();
    if !key.contains("selected#") {
        return ok("{}");
    }
    let databases = [SelectedDatabase {
        database: a_run("orders").database,
        since: time("2020-01-01T00:00:00Z"),
    }];
    let item = json!({
        "pk": {"S": "selected"},
        "parts": {"N": "1"},
        "databases": {"S": selected::write(&databases)},
    });
    ok(json!({ "Item": item }).to_string())
}

/// The catalog's entry of the database, or the waits that are asked for.
fn entries(met: Met, asked: &Asked) -> Value {
    if !asked.body.contains("database#") {
        let mut wait = crate::items::a_wait(TOKEN);
        wait.phase = Phase::Queued;
        return json!([to_json(&write_wait(&wait))]);
    }
    let taken_at = match met {
        Met::Overdue => "2020-01-01T00:00:00Z",
        _ => "2099-01-01T00:00:00Z",
    };
    let point = manifest::write(&copied(Some(taken_at)));
    json!([{
        "pk": {"S": "database#db-ORDERS#default"},
        "recovery_point": {"S": point},
    }])
}
