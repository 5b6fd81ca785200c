//! The harness against a stand-in for a function: that it measures, counts and finds out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::hints::Hints;
use super::measure::{BATCHES, Bench, Measured};
use super::program::Program;
use super::services::Services;
use super::tls::Identity;

const STAND_IN: &str = include_str!("stand_in.py");

/// The hints and the services, and a folder with what a program needs.
async fn world(folder: &Path) -> (Arc<Hints>, Services) {
    let hints = Arc::new(Hints::new(100).unwrap());
    let identity = Identity::new(1).unwrap();
    let services = Services::start(&identity, hints.clone()).await.unwrap();
    std::fs::write(folder.join("roots.pem"), &identity.roots).unwrap();
    std::fs::write(folder.join("stand_in.py"), STAND_IN).unwrap();
    (hints, services)
}

fn stand_in(folder: &Path, services: &Services, arguments: &[&str]) -> Program {
    let roots = folder.join("roots.pem").display().to_string();
    let arguments = [&["stand_in.py"], arguments].concat();
    let path = ("PATH".to_owned(), std::env::var("PATH").unwrap());
    let bundle = ("AWS_CA_BUNDLE".to_owned(), roots);
    Program {
        name: "stand-in",
        executable: PathBuf::from("python3"),
        arguments: arguments.into_iter().map(ToOwned::to_owned).collect(),
        handler: "reactor",
        variables: services.variables().chain([path, bundle]).collect(),
        works: true,
    }
}

#[tokio::test]
async fn what_a_program_asks_and_takes_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let (hints, services) = world(folder.path()).await;
    let bench = Bench {
        folder: folder.path(),
        hints: &hints,
        services: &services,
    };
    let programs = [stand_in(folder.path(), &services, &[])];
    let mut measured = [Measured::default()];
    bench
        .cold(&programs, &mut measured, 2, &|| ())
        .await
        .unwrap();
    bench
        .warm(&programs, &mut measured, 1, &|| ())
        .await
        .unwrap();

    let [measured] = measured;
    let (init, first) = (
        measured.init.median().unwrap(),
        measured.first.median().unwrap(),
    );
    assert!(init > 0.0 && first > 0.0);
    assert!(measured.cold.percentile(100).unwrap() >= init);
    assert!(measured.memory > 1_000_000, "{}", measured.memory);
    assert_eq!(measured.cold_requests.values().sum::<u64>(), 4);
    for batch in BATCHES {
        let warm = &measured.warm[&batch];
        let callbacks = u64::try_from(batch).unwrap();
        let expected = [
            ("BatchGetItem", 1),
            ("DeleteItem", callbacks),
            ("DescribeDBSnapshots", 1),
            ("SendTaskSuccess", callbacks),
        ];
        let expected = expected.map(|(action, count)| (action.to_owned(), count));
        assert_eq!(warm.requests, expected.into());
        assert!(warm.cpu.median().unwrap() > 0.0 && warm.took.median().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn a_program_that_calls_nobody_back_is_not_measured() {
    let folder = tempfile::tempdir().unwrap();
    let (hints, services) = world(folder.path()).await;
    let bench = Bench {
        folder: folder.path(),
        hints: &hints,
        services: &services,
    };
    let programs = [stand_in(folder.path(), &services, &["lazy"])];
    let mut measured = [Measured::default()];
    let cold = bench.cold(&programs, &mut measured, 1, &|| ());
    let error = format!("{:#}", cold.await.unwrap_err());
    assert!(error.contains("stand-in did not do its work"), "{error}");
}

#[tokio::test]
async fn a_program_that_ends_is_told_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (_, services) = world(folder.path()).await;
    let mut program = stand_in(folder.path(), &services, &[]);
    program
        .variables
        .retain(|(name, _)| name != "AWS_CA_BUNDLE");
    let error = format!("{:#}", program.start(folder.path()).await.unwrap_err());
    assert!(error.contains("AWS_CA_BUNDLE"), "{error}");
}
