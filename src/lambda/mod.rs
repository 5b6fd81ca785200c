//! The functions: they read settings, decode events, call use cases, and answer.

mod announce;
mod edge;
mod measure;
mod prune;
mod records;
#[cfg(feature = "drills")]
mod remover;
#[cfg(feature = "report")]
mod reporter;
mod settings;
mod warming;

use std::io::Write;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing::warn;

#[cfg(feature = "drills")]
use crate::app::drill::remover::RemoverConfig;
use crate::app::prune::PrunerConfig;
use crate::app::react::ReactorConfig;
use crate::app::sweep::SweeperConfig;
use crate::app::worker::WorkerConfig;
use crate::aws::{Aws, Reach, Service, StateMachine, TargetQueue, for_functions};
#[cfg(feature = "report")]
use crate::aws::{ReportBucket, patient};
use warming::Warming;

pub use edge::{EdgeError, PlanReport, RegionReport, SweepAnswer, batch, plan, react, work};
pub use measure::{LastMeasured, sweep};
pub use prune::{PruneFault, prune};
pub use records::{NamelessRecord, answer, records};
#[cfg(feature = "drills")]
pub use remover::{RemoveFault, RemoverAnswer, RemoverSettings, remove};
#[cfg(feature = "report")]
pub use reporter::{ReportFault, ReporterAnswer, ReporterSettings, report};
pub use settings::Settings;

/// An event as Lambda's runtime hands it over. The runtime would read a type field by field with a record of the path to each,
/// compiled for each type: that is 1 % of the zip, and `serde_json` says the line and column.
type Payload = Box<RawValue>;

/// Serves events until Lambda ends the process.
///
/// # Errors
/// If Lambda's runtime API does not answer as documented.
pub async fn serve(settings: Settings, reach: &Reach) -> Result<(), lambda_runtime::Error> {
    let role = settings.role();
    let sdk = for_functions(role.as_str(), &settings.stack().home, reach);
    let (table, home) = (
        settings.stack().table.clone(),
        settings.stack().home.clone(),
    );
    match settings {
        Settings::Planner(planning) => {
            let aws = Aws::new(sdk, table, StateMachine(planning.state_machine.clone()))
                .with_rds_deadlines(reach.rds_deadlines);
            let (aws, planning) = (&aws, &planning);
            lambda_runtime::run(service_fn(|_: LambdaEvent<Payload>| plan(aws, planning))).await
        }
        Settings::Worker { stack, receives } => {
            let aws = Aws::new(sdk, table, receives).with_rds_deadlines(reach.rds_deadlines);
            let (aws, worker_config, backoff) = (&aws, &WorkerConfig::from(&stack), &stack.backoff);
            let warming = &Warming::new(aws, home, Service::Rds);
            lambda_runtime::run(service_fn(|event: LambdaEvent<Payload>| {
                warming.beside(async move {
                    work(aws, worker_config, backoff, batch(event.payload.get())?).await
                })
            }))
            .await
        }
        Settings::Reactor {
            stack,
            receives,
            key,
        } => {
            let aws = Aws::new(sdk, table, receives).with_rds_deadlines(reach.rds_deadlines);
            let (aws, reactor_config, backoff) =
                (&aws, &ReactorConfig::new(&stack, key), &stack.backoff);
            let warming = &Warming::new(aws, home, Service::StepFunctions);
            let announces = stack.own_events;
            lambda_runtime::run(service_fn(|event: LambdaEvent<Payload>| {
                warming.beside(async move {
                    let batch = batch(event.payload.get())?;
                    react(aws, reactor_config, backoff, announces, batch).await
                })
            }))
            .await
        }
        Settings::Pruner(pruning) => {
            let aws = Aws::new(sdk, table, ()).with_rds_deadlines(reach.rds_deadlines);
            let (aws, pruner_config) = (&aws, &PrunerConfig::from(&pruning));
            let (metrics, announces) = (&pruning.metrics, pruning.stack.own_events);
            lambda_runtime::run(service_fn(|event: LambdaEvent<Payload>| async move {
                let holder = event.context.request_id;
                let request = event.payload.get();
                prune(
                    aws,
                    pruner_config,
                    metrics,
                    announces,
                    request,
                    &holder,
                    print,
                )
                .await
            }))
            .await
        }
        Settings::Sweeper {
            stack,
            queue,
            measuring,
        } => {
            let aws = Aws::new(sdk, table, TargetQueue(queue))
                .with_rds_deadlines(reach.rds_deadlines)
                .for_sweeps();
            let (aws, sweeper_config) = (&aws, &SweeperConfig::from(&stack));
            let (measuring, last) = (&measuring, &LastMeasured::default());
            let announces = stack.own_events;
            lambda_runtime::run(service_fn(|_: LambdaEvent<Payload>| {
                sweep(aws, sweeper_config, measuring, last, announces, print)
            }))
            .await
        }
    }
}

/// Serves the remover of restore.yaml until Lambda ends the process.
///
/// # Errors
/// If Lambda's runtime API does not answer as documented.
#[cfg(feature = "drills")]
pub async fn serve_remover(
    settings: RemoverSettings,
    reach: &Reach,
) -> Result<(), lambda_runtime::Error> {
    let RemoverSettings { stack, metrics } = settings;
    let sdk = for_functions(remover::REMOVER, &stack.home, reach);
    let aws = Aws::new(sdk, stack.table.clone(), ()).with_rds_deadlines(reach.rds_deadlines);
    let (aws, config, metrics) = (&aws, &RemoverConfig::from(&stack), &metrics);
    lambda_runtime::run(service_fn(|_: LambdaEvent<Payload>| {
        remove(aws, config, metrics, print)
    }))
    .await
}

/// Serves the reporter of report.yaml until Lambda ends the process. It reads as `snapferry report` does, with the patience of a
/// person.
///
/// # Errors
/// If Lambda's runtime API does not answer as documented.
#[cfg(feature = "report")]
pub async fn serve_reporter(
    settings: ReporterSettings,
    reach: &Reach,
) -> Result<(), lambda_runtime::Error> {
    let ReporterSettings {
        planning,
        bucket,
        prefix,
    } = settings;
    let stack = &planning.stack;
    let sdk = patient(for_functions(reporter::REPORTER, &stack.home, reach));
    let machine = planning.state_machine.clone();
    let aws = Aws::new(sdk, stack.table.clone(), ReportBucket { bucket, machine });
    let (aws, planning, prefix) = (&aws, &planning, &prefix);
    lambda_runtime::run(service_fn(|_: LambdaEvent<Payload>| {
        report(aws, planning, prefix)
    }))
    .await
}

/// Prints a line of metrics past the log's filter: CloudWatch makes metrics of it, whatever is logged.
fn print(line: &str) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
        warn!(%error, "a line of metrics could not be printed");
    }
}
