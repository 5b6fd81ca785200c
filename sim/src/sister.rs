//! Another stack, whose source region is the recovery region of the first: what it would protect there, and what the first
//! stack takes for a recovery point of its own.

use futures_util::FutureExt;
use jiff::Timestamp;
use snapferry::app::catalog::newest_points;
use snapferry::app::plan_preview::{Verdict, preview};
use snapferry::domain::id::arn::Region;
use snapferry::domain::id::tags::StackId;
use snapferry::fake::{Executions, World};
use snapferry::settings::{Planning, Variables};

use crate::rds::Rds;
use crate::simulation::models::ModelledRds;

/// Where its own recovery points go.
const THIRD: &str = "eu-west-3";

fn world(rds: &Rds) -> World<ModelledRds> {
    let model = ModelledRds::new(rds.clone());
    World::new(Timestamp::now(), model, Executions::default())
}

/// The databases of a region that another stack with the built-in policy would protect, by name.
///
/// # Panics
/// If the region is none of AWS's, or the model does not answer.
#[must_use]
pub fn selects(rds: &Rds, region: &str) -> Vec<String> {
    let machine = format!("arn:aws:states:{THIRD}:111122223333:stateMachine:protect");
    let key = format!("arn:aws:kms:{THIRD}:111122223333:key/11111111-2222-3333-4444-555555555555");
    let settings = [
        ("SNAPFERRY_STACK_ID", "sister"),
        ("AWS_REGION", THIRD),
        ("SNAPFERRY_TABLE", "table"),
        ("SNAPFERRY_SOURCE_REGIONS", region),
        ("SNAPFERRY_STATE_MACHINE_ARN", &machine),
        ("SNAPFERRY_KMS_KEY", &key),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let planning = Planning::from_variables(Variables::new(settings)).expect("settings");
    let world = world(rds);
    let shown = preview(&world, &planning, &planning.source_regions);
    let shown = shown.now_or_never().expect("nothing waits here");
    let rows = shown.expect("the model answers").rows;
    let selected = rows
        .iter()
        .filter(|row| matches!(row.verdict, Verdict::Selected { .. }));
    let mut names: Vec<String> = selected.map(|row| row.database.name().to_owned()).collect();
    names.sort();
    names
}

/// The snapshots of a region that a stack would restore from: the newest good recovery point of each database.
///
/// # Panics
/// If region or stack cannot be read, or the model does not answer.
#[must_use]
pub fn recovery_points(rds: &Rds, region: &str, stack: &str) -> Vec<String> {
    let home = Region::parse(region).expect("a region");
    let stack = StackId::parse(stack).expect("a stack's id");
    let world = world(rds);
    let points = newest_points(&world, &stack, &home, None);
    let points = points.now_or_never().expect("nothing waits here");
    let points = points.expect("the model answers");
    points
        .iter()
        .map(|point| point.snapshot.arn.to_string())
        .collect()
}
