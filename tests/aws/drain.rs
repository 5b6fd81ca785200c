//! `snapferry drain`: what it shows, and how it ends.

use serde_json::Value;
use snapferry::app::drain::Depth;
use snapferry::cli::{Ended, run_drain};
use snapferry::domain::id::names::ExecutionName;
use snapferry::fake::step_functions::Execution;
use snapferry::ports::ExecutionState;

use crate::prune::planning;
use crate::world::{Fixture, World, a_run, run};

fn drained(world: &World, depth: Depth, json: bool) -> (Ended, String) {
    let mut out = Vec::new();
    let ended = run(run_drain(world, &planning(), depth, json, &mut out)).unwrap();
    (ended, String::from_utf8(out).unwrap())
}

#[test]
fn a_drain_ends_well_when_the_stacks_can_be_deleted_and_says_what_stays() {
    let world = World::new();
    let name = ExecutionName::parse("run-of-orders").unwrap();
    let open = Execution::new(ExecutionState::Running, Some(a_run("orders")));
    world.step_functions().all.insert(name, open);

    let (ended, said) = drained(&world, Depth::Show, false);
    assert_eq!(ended, Ended::Well);
    assert!(
        said.contains("Nothing was changed") && said.contains("run-of-orders"),
        "{said}"
    );
    for what_stays in ["snapferry:stack=", "the table ", "the key arn:aws:kms:"] {
        assert!(said.contains(what_stays), "{what_stays}: {said}");
    }

    let (ended, said) = drained(&world, Depth::Pause, false);
    assert_eq!(ended, Ended::Badly, "a run is open");
    assert!(said.contains("paused now, by version 1"), "{said}");

    let (ended, said) = drained(&world, Depth::Stop, true);
    assert_eq!(ended, Ended::Well);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["drained"], &said["paused"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
    assert_eq!(said["runs"][0]["outcome"], "stopped");
}
