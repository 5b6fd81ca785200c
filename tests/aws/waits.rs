//! `snapferry waits`: what was learnt of RDS's own limit.

use serde_json::{Value, json};
use snapferry::cli::list_waits;
use snapferry::domain::id::arn::Family;
use snapferry::domain::run::learnt_limit::LearntLimit;
use snapferry::ports::LearnLimits;

use crate::world::{COPY_SLOTS, Fixture, World, run, time};

fn listed(world: &World, json: bool) -> String {
    let mut out = Vec::new();
    run(list_waits(world, COPY_SLOTS, json, &mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn waits_shows_how_many_copies_rds_has_allowed() {
    let world = World::new();
    assert!(!listed(&world, false).contains("RDS has allowed"));
    let known = LearntLimit {
        in_flight: 5,
        since: time("2026-11-22T03:00:00Z"),
        step: 2,
    };
    run(world.learn_limit(Family::Cluster, None, &known)).unwrap();
    let text = listed(&world, false);
    let sentence = "RDS has allowed 5 copies of clusters at once; it is asked for one more after 2026-11-22T03:04:00Z\n";
    assert!(text.ends_with(sentence), "{text}");
    let list: Value = serde_json::from_str(&listed(&world, true)).unwrap();
    let expected = json!([{
        "family": "clusters", "in_flight": 5,
        "since": "2026-11-22T03:00:00Z", "retry_at": "2026-11-22T03:04:00Z",
    }]);
    assert_eq!(list["copy_slots"]["learnt"], expected);
}
