//! The bodies of the commands queue.

use snapferry::app::worker::batch;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::wait::Phase;
use snapferry::json::command;

use crate::corpus::{fuzz, fuzz_batches};
use crate::judge::{can_be_carried_out, is_a_reason, is_printable, nothing_is_made_up};
use crate::world::{
    Fixture, Token, World, backoff, command as a_command, record, run as finish, snapshot_arn,
    worker_config,
};

#[test]
fn a_command_is_read_as_it_is_or_refused_with_a_reason() {
    fuzz("commands", |body| match command::read(body) {
        Ok(read) => {
            let written = command::write(&read);
            assert!(command::read(&written).unwrap() == read);
            nothing_is_made_up(body, &written, &["/retry"]);
            can_be_carried_out(&read.run);
            is_printable(read.execution.as_str());
        }
        Err(error) => is_a_reason(&error, &["a command", "an execution's input"]),
    });
}

/// The good command's token is alive and no other is, so every other command that can be read is stale: it is
/// dropped once its token was heard dead twice.
#[test]
fn a_good_command_is_done_among_any_others_and_only_unreadable_ones_stay() {
    fuzz_batches("commands", |bodies| {
        let good = a_command(Step::Snapshot, "alive", "good");
        let world = World::new().with_token("alive", Token::Alive);
        let at = bodies.len() / 2;
        let received = |time: u32| -> Vec<_> {
            (0..)
                .zip(&bodies)
                .map(|(number, body)| record(&format!("other-{number}"), body, number % 11 + time))
                .collect()
        };
        let bad: Vec<String> = received(1)
            .iter()
            .filter(|record| command::read(&record.body).is_err())
            .map(|record| record.message_id.clone())
            .collect();

        let mut records = received(1);
        records.insert(at, record("good", command::write(&good), 1));
        world.permit_all(&records);
        let first = finish(batch::work(&world, &worker_config(), &backoff(), records));
        assert!(!first.contains(&"good".to_owned()));
        assert!(bad.iter().all(|id| first.contains(id)), "{first:?}");
        let mut kept = finish(batch::work(
            &world,
            &worker_config(),
            &backoff(),
            received(2),
        ));
        kept.sort();
        assert_eq!(kept, bad);
        let asked_for = snapshot_arn(&good.run, 1);
        assert_eq!(world.phase(&asked_for), Some(Phase::Requested));
        assert_eq!(world.waits().len(), 1, "nothing else was begun");
        assert_eq!(world.delays().len(), first.len() + bad.len());
    });
}
