//! Parking and replay: receive, send, delete, in this order, so that an interruption never loses anything.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use futures_util::FutureExt;
use jiff::SignedDuration;
use snapferry::app::policies;
use snapferry::app::replay::{DeadLetterQueue, Outcome, Replay, ReplayRequest, TokenState, replay};
use snapferry::app::worker::batch;
use snapferry::domain::id::arn::KeyArn;
use snapferry::domain::id::names::OptionGroup;
use snapferry::domain::operator::dead_letter::{About, Selection, Undelivered};
use snapferry::domain::operator::outdated::Outdated;
use snapferry::domain::run::command::{Command, Step};
use snapferry::domain::run::failure::{Operation, Remedy};
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::fake::queue::Message;
use snapferry::fake::{self, Call, CallOutcome, Hook, Refusal, Shelf, Through};
use snapferry::json;

use crate::world::{
    Fixture, HOME, KEY, Name, OTHER_KEY, Script, Token, World, a_run, backoff, command, fake_world,
    ours, record, region, run, snapshot_arn, time, worker_config,
};

/// The world, whose operator may die in the middle of a call to SQS.
type Post = Through<fake::World<Shelf>, Interrupts>;

#[derive(Default)]
struct Interrupts {
    script: Script,
    /// The process dies at this call to SQS, before or after the call takes effect.
    dies: Cell<Option<(usize, bool)>>,
    calls: Cell<usize>,
    /// Calls that fail every time.
    broken: RefCell<Vec<Name>>,
}

impl Hook<fake::World<Shelf>> for Interrupts {
    async fn before(&self, world: &fake::World<Shelf>, call: &Call) -> CallOutcome {
        if !matches!(
            call.name(),
            Name::ReceiveDeadLetters
                | Name::SendAgain
                | Name::RemoveDeadLetter
                | Name::DelayMessage
        ) {
            return self.script.before(world, call).await;
        }
        let number = self.calls.replace(self.calls.get() + 1);
        match self.dies.get() {
            Some((at, after_effect)) if at == number => CallOutcome::NeverAnswered { after_effect },
            _ if self.broken.borrow().contains(&call.name()) => {
                CallOutcome::Refused(Refusal::code("ServiceUnavailable"))
            }
            _ => CallOutcome::Proceeds,
        }
    }
}

impl Fixture for Post {
    fn new() -> Self {
        Self::around(fake_world(), Interrupts::default())
    }

    fn parts(&self) -> (&fake::World<Shelf>, &Script) {
        (self.world(), &self.hook().script)
    }
}

/// A letter that has been received nine times and was sent at one minute past three.
fn letter(id: &str, body: impl Into<String>) -> Message {
    Message {
        id: id.to_owned(),
        body: body.into().into(),
        sent_at: time("2026-11-22T03:01:00Z"),
        visible_at: time("2026-11-22T03:01:00Z"),
        receives: 9,
        undelivered: None,
        note: (),
    }
}

fn put(post: &Post, letter: Message) {
    post.world().state_mut().dead_letters.put(letter);
}

fn put_command(post: &Post, id: &str, command: &Command) {
    put(post, letter(id, json::command::write(command)));
}

/// The dead letters in the queue, by their ids.
fn letters(post: &Post) -> BTreeMap<String, Message> {
    let state = post.world().state();
    let messages = state.dead_letters.messages();
    messages
        .map(|(_, message)| (message.id.clone(), message.clone()))
        .collect()
}

fn lying(post: &Post) -> Vec<String> {
    letters(post).into_keys().collect()
}

fn hidden(post: &Post) -> usize {
    let now = post.clock();
    let letters = letters(post);
    letters
        .values()
        .filter(|letter| letter.visible_at > now)
        .count()
}

/// What was sent again.
fn home(post: &Post) -> Vec<String> {
    let state = post.world().state();
    let messages = state.commands.messages();
    messages
        .map(|(_, message)| message.body.to_string())
        .collect()
}

fn all(queue: DeadLetterQueue) -> ReplayRequest {
    ReplayRequest {
        queue,
        selection: Selection::default(),
        dry_run: false,
        max: 1_000,
        stack_key: None,
    }
}

fn commands(selection: Selection) -> ReplayRequest {
    ReplayRequest {
        selection,
        ..all(DeadLetterQueue::Commands)
    }
}

fn do_replay(post: &Post, order: &ReplayRequest) -> Replay {
    run(replay(post, order)).unwrap()
}

/// Each letter's id and outcome.
fn outcomes(replay: &Replay) -> BTreeMap<&str, &Outcome> {
    let rows = replay.rows.iter();
    rows.map(|row| (row.letter.message_id.as_str(), &row.outcome))
        .collect()
}

fn reason(replay: &Replay, id: &str) -> String {
    let mut rows = replay.rows.iter();
    let row = rows.find(|row| row.letter.message_id == id).unwrap();
    row.letter.reason.as_ref().unwrap().to_string()
}

fn event(name: &str) -> String {
    serde_json::json!({
        "detail-type": "RDS DB Snapshot Event",
        "source": "aws.rds",
        "detail": {
            "EventID": "RDS-EVENT-0042",
            "SourceArn": format!("arn:aws:rds:eu-west-1:111122223333:snapshot:{name}"),
            "Message": "Manual snapshot created",
        },
    })
    .to_string()
}

#[test]
fn what_is_replayed_is_sent_as_it_was_and_lies_there_no_longer() {
    let post = Post::new();
    let sent = command(Step::Snapshot, "token-1", "orders");
    put_command(&post, "1", &sent);
    let replay = do_replay(&post, &all(DeadLetterQueue::Commands));
    assert_eq!(outcomes(&replay), [("1", &Outcome::Replayed)].into());
    assert!(replay.is_complete() && !replay.more);
    assert_eq!(home(&post), [json::command::write(&sent)]);
    assert!(lying(&post).is_empty());
}

/// Twelve letters, of which some are selected: more than one receive, and both kinds of ending.
fn a_full_post() -> (Post, ReplayRequest) {
    let post = Post::new();
    for n in 0..12 {
        let name = if n % 3 == 0 { "billing" } else { "orders" };
        let command = command(Step::Snapshot, &format!("token-{n}"), name);
        put_command(&post, &format!("{n:02}"), &command);
    }
    let selection = Selection {
        databases: vec!["orders".to_owned()],
        ..Selection::default()
    };
    (post, commands(selection))
}

#[test]
fn interrupted_at_any_point_nothing_is_lost_and_nothing_is_there_more_than_twice() {
    let (whole, order) = a_full_post();
    do_replay(&whole, &order);
    let calls = whole.hook().calls.get();
    assert!(calls > 20, "there is something to interrupt");
    for number in 0..calls {
        for after in [false, true] {
            let (post, order) = a_full_post();
            let bodies: Vec<String> = {
                let lying = letters(&post);
                lying.values().map(|one| one.body.to_string()).collect()
            };
            post.hook().dies.set(Some((number, after)));
            assert!(
                replay(&post, &order).now_or_never().is_none(),
                "it dies at call {number}"
            );
            post.pass(SignedDuration::from_hours(12));
            let count = |body: &String| {
                let lying = letters(&post);
                let lying = lying.values().filter(|one| *one.body == **body).count();
                lying + home(&post).iter().filter(|b| *b == body).count()
            };
            for body in &bodies {
                let there = count(body);
                assert!(
                    (1..=2).contains(&there),
                    "{there} times, after a death at call {number}"
                );
            }
            // The next replay does the rest, and leaves what is not selected.
            post.hook().dies.set(None);
            assert!(do_replay(&post, &order).is_complete());
            assert_eq!(lying(&post), ["00", "03", "06", "09"]);
            let selected = bodies.iter().filter(|body| body.contains(":db:orders"));
            assert!(selected.into_iter().all(|body| count(body) >= 1));
        }
    }
}

#[test]
fn a_message_that_could_not_be_sent_stays_and_is_visible_at_once() {
    let (post, order) = a_full_post();
    post.hook().broken.borrow_mut().push(Name::SendAgain);
    let replay = do_replay(&post, &order);
    assert!(!replay.is_complete());
    assert!(
        matches!(outcomes(&replay)["01"], Outcome::NotSent(why) if why.contains("SendMessage"))
    );
    assert_eq!((lying(&post).len(), hidden(&post)), (12, 0));
    assert!(home(&post).is_empty());
}

#[test]
fn a_message_that_could_not_be_removed_is_there_twice_and_is_not_sent_again() {
    let post = Post::new();
    put_command(&post, "1", &command(Step::Copy, "token-1", "orders"));
    post.hook().broken.borrow_mut().push(Name::RemoveDeadLetter);
    let replay = do_replay(&post, &all(DeadLetterQueue::Commands));
    assert!(matches!(outcomes(&replay)["1"], Outcome::SentAndKept(_)));
    assert!(!replay.is_complete());
    assert_eq!((home(&post).len(), lying(&post).len()), (1, 1));
}

#[test]
fn what_is_not_selected_comes_back_at_once() {
    let (post, order) = a_full_post();
    let replay = do_replay(&post, &order);
    assert_eq!(outcomes(&replay)["00"], &Outcome::Skipped);
    assert_eq!(lying(&post), ["00", "03", "06", "09"]);
    assert_eq!(hidden(&post), 0);
    assert_eq!(home(&post).len(), 8);
}

#[test]
fn a_dry_run_sends_nothing_removes_nothing_and_hides_nothing() {
    let (post, order) = a_full_post();
    post.set_token("token-1", Token::Alive);
    post.set_token("token-4", Token::Unknown);
    let order = ReplayRequest {
        dry_run: true,
        ..order
    };
    let replay = do_replay(&post, &order);
    assert_eq!(outcomes(&replay)["01"], &Outcome::Selected);
    assert_eq!(outcomes(&replay)["00"], &Outcome::Skipped);
    assert_eq!((lying(&post).len(), hidden(&post)), (12, 0));
    assert!(home(&post).is_empty());
    let token_state = |id: &str| {
        let mut rows = replay.rows.iter();
        rows.find(|row| row.letter.message_id == id)
            .unwrap()
            .token_state
    };
    assert_eq!(token_state("01"), Some(TokenState::Alive));
    assert_eq!(token_state("02"), Some(TokenState::Dead));
    assert_eq!(token_state("04"), Some(TokenState::Unknown));
}

#[test]
fn replaying_asks_for_no_token_because_the_worker_does() {
    let (post, order) = a_full_post();
    do_replay(&post, &order);
    assert_eq!(post.calls_of("SendTaskHeartbeat"), 0);
}

#[test]
fn no_more_are_looked_at_than_was_said_and_it_is_told_that_there_may_be_more() {
    let (post, order) = a_full_post();
    let replay = do_replay(&post, &ReplayRequest { max: 5, ..order });
    assert_eq!(replay.rows.len(), 5);
    assert!(replay.more);
    assert_eq!(hidden(&post), 0);
    assert_eq!(lying(&post).len() + home(&post).len(), 12);
}

#[test]
fn a_queue_that_cannot_be_read_to_its_end_is_told_and_hides_nothing() {
    let (post, order) = a_full_post();
    post.hook()
        .broken
        .borrow_mut()
        .push(Name::ReceiveDeadLetters);
    let replay = do_replay(&post, &order);
    assert!(!replay.is_complete() && replay.more);
    assert!(replay.error.unwrap().contains("ServiceUnavailable"));
    assert_eq!(hidden(&post), 0);
}

#[test]
fn an_empty_queue_is_asked_twice_and_no_more() {
    let post = Post::new();
    let replay = do_replay(&post, &all(DeadLetterQueue::Events));
    assert_eq!(replay, Replay::default());
    assert_eq!(post.hook().calls.get(), 2);
}

/// A command that parked because a permission was missing, with the wait that it left behind.
fn parked(post: &Post) -> Command {
    let command = command(Step::Snapshot, "token-1", "orders");
    post.set_token("token-1", Token::Alive);
    let denied = "is not authorized to perform: rds:CreateDBSnapshot";
    let (operation, code) = (Operation::CreateDbSnapshot, "AccessDenied");
    post.script(operation, Some(code), denied);
    let body = json::command::write(&command);
    let records = vec![record("1", body.clone(), 10)];
    post.permit_all(&records);
    let kept = run(batch::work(post, &worker_config(), &backoff(), records));
    assert_eq!(
        kept,
        ["1"],
        "its tenth receive sends it to the dead letters"
    );
    put(post, letter("1", body));
    command
}

#[test]
fn a_parked_command_says_why_and_how_to_fix_it() {
    let post = Post::new();
    let command = parked(&post);
    let order = ReplayRequest {
        dry_run: true,
        ..all(DeadLetterQueue::Commands)
    };
    let replay = do_replay(&post, &order);
    let reason = reason(&replay, "1");
    for part in ["AccessDenied", "rds:CreateDBSnapshot", "grant-access"] {
        assert!(reason.contains(part), "{part} in {reason}");
    }
    let letter = &replay.rows[0].letter;
    assert_eq!(letter.since, Some(time("2026-11-22T03:01:00Z")));
    assert_eq!(letter.receives, 10);
    let about = About::Command {
        step: Step::Snapshot,
        run: command.run.clone(),
        execution: "run-of-orders".to_owned(),
    };
    assert_eq!(letter.about, about);
    let text = format!("{replay:?}");
    assert!(!text.contains("token-1"), "{text}");
}

#[test]
fn a_parked_command_goes_on_when_the_cause_is_fixed_and_it_is_replayed() {
    let post = Post::new();
    parked(&post);
    let resource = snapshot_arn(&a_run("orders"), 1);
    assert_eq!(post.phase(&resource), Some(Phase::Registered));
    do_replay(&post, &all(DeadLetterQueue::Commands));
    let records = vec![record("2", home(&post)[0].clone(), 1)];
    post.permit_all(&records);
    let kept = run(batch::work(&post, &worker_config(), &backoff(), records));
    assert!(kept.is_empty());
    let wait = post.wait(&resource).unwrap();
    assert_eq!(wait.phase, Phase::Requested);
    assert_eq!(wait.current_error(), None, "the trouble is over");
    assert!(post.rds().snapshots.contains_key(&resource));
}

#[test]
fn the_reason_is_noted_at_the_wait_that_has_the_commands_own_token() {
    let post = Post::new();
    parked(&post);
    // The newer command of a retried state is a dead letter too. Its token is not the wait's.
    put_command(&post, "2", &command(Step::Snapshot, "token-2", "orders"));
    let replay = do_replay(&post, &all(DeadLetterQueue::Commands));
    assert!(reason(&replay, "1").contains("AccessDenied"));
    assert_eq!(replay.rows[1].letter.reason, None);
}

#[test]
fn a_dead_command_is_dropped_by_the_worker_and_nothing_is_done_for_it() {
    let post = Post::new();
    post.set_token("token-1", Token::Dead);
    put_command(&post, "1", &command(Step::Snapshot, "token-1", "orders"));
    do_replay(&post, &all(DeadLetterQueue::Commands));
    for (receives, stays) in [(1, 1), (2, 0)] {
        let records = vec![record("2", home(&post)[0].clone(), receives)];
        post.permit_all(&records);
        let kept = run(batch::work(&post, &worker_config(), &backoff(), records));
        assert_eq!(kept.len(), stays, "received {receives} times");
    }
    assert!(post.rds().snapshots.is_empty());
    assert!(post.waits().is_empty());
}

#[test]
fn of_several_commands_for_one_database_only_the_one_whose_token_lives_does_anything() {
    let post = Post::new();
    for n in 0..4 {
        let token = format!("token-{n}");
        let state = if n == 2 { Token::Alive } else { Token::Dead };
        post.set_token(&token, state);
        put_command(
            &post,
            &n.to_string(),
            &command(Step::Snapshot, &token, "orders"),
        );
    }
    do_replay(&post, &all(DeadLetterQueue::Commands));
    assert_eq!(home(&post).len(), 4);
    let bodies = home(&post);
    for (receives, stay) in [(1, 3), (2, 0)] {
        let records: Vec<_> = bodies
            .iter()
            .map(|body| record("m", body.clone(), receives))
            .collect();
        post.permit_all(&records);
        let kept = run(batch::work(&post, &worker_config(), &backoff(), records));
        assert_eq!(kept.len(), stay, "received {receives} times");
    }
    assert_eq!(post.calls_of("CreateDBSnapshot"), 1);
    let waits = post.waits();
    let tokens: Vec<_> = waits.values().map(|w| w.command.token.reveal()).collect();
    assert_eq!(tokens, ["token-2"]);
    assert!(post.answers().is_empty(), "no execution is failed by it");
}

#[test]
fn a_selection_is_by_database_by_time_and_by_reason_and_all_of_it_must_hold() {
    let post = Post::new();
    parked(&post);
    let billing = command(Step::Copy, "token-9", "billing");
    put(
        &post,
        Message {
            sent_at: time("2026-11-22T09:00:00Z"),
            ..letter("2", json::command::write(&billing))
        },
    );
    let taken = |selection: Selection| {
        let order = ReplayRequest {
            dry_run: true,
            ..commands(selection)
        };
        let replay = do_replay(&post, &order);
        let rows = replay.rows.into_iter();
        rows.filter(|row| row.outcome == Outcome::Selected)
            .map(|row| row.letter.message_id)
            .collect::<Vec<_>>()
    };
    let none = Selection::default;
    let of = |name: &str| Selection {
        databases: vec![name.to_owned()],
        ..none()
    };
    assert_eq!(taken(none()), ["1", "2"]);
    let ways = [
        "orders",
        "arn:aws:rds:eu-west-1:111122223333:db:orders",
        "db-ORDERS",
    ];
    for name in ways {
        assert_eq!(taken(of(name)), ["1"], "{name}");
    }
    assert_eq!(
        taken(of("order")),
        [""; 0],
        "a part of a name names nothing"
    );
    let since = |text: &str| Selection {
        since: Some(time(text)),
        ..none()
    };
    assert_eq!(taken(since("2026-11-22T03:01:00Z")), ["1", "2"]);
    assert_eq!(taken(since("2026-11-22T03:01:01Z")), ["2"]);
    let because = |text: &str| Selection {
        reason: Some(text.to_owned()),
        ..none()
    };
    assert_eq!(taken(because("accessdenied")), ["1"]);
    assert_eq!(taken(because("grant-access")), ["1"]);
    assert_eq!(taken(because("fix-key")), [""; 0]);
    let both = Selection {
        since: Some(time("2026-11-22T08:00:00Z")),
        ..of("orders")
    };
    assert_eq!(taken(both), [""; 0]);
}

#[test]
fn what_cannot_be_read_is_told_and_left_unless_it_is_asked_for() {
    let post = Post::new();
    let secret = "AAAAKgAAAAIAAAAAsecret";
    put(
        &post,
        letter("1", format!("{{\"schema\": 1, \"token\": \"{secret}\"")),
    );
    let replay = do_replay(&post, &all(DeadLetterQueue::Commands));
    assert_eq!(outcomes(&replay), [("1", &Outcome::Skipped)].into());
    assert!(reason(&replay, "1").contains("it cannot be read"));
    assert!(!format!("{replay:?}").contains(secret));
    let selection = Selection {
        unreadable: true,
        ..Selection::default()
    };
    do_replay(&post, &commands(selection));
    assert_eq!(home(&post).len(), 1);
    assert!(lying(&post).is_empty());
}

#[test]
fn an_event_is_replayed_as_a_hint_and_says_whose_it_is_if_somebody_waits() {
    let post = Post::new();
    let the_run = a_run("orders");
    let resource = snapshot_arn(&the_run, 1);
    let waiting = command(Step::Snapshot, "token-1", "orders");
    let now = post.clock();
    post.store(Wait::new(
        resource.clone(),
        waiting,
        Expectation::Snapshot,
        now,
    ));
    put(&post, letter("1", event(resource.name())));
    put(&post, letter("2", event("of-somebody-else")));
    let order = ReplayRequest {
        dry_run: true,
        ..all(DeadLetterQueue::Events)
    };
    let replay = do_replay(&post, &order);
    let databases: Vec<_> = replay
        .rows
        .iter()
        .map(|r| r.letter.about.database())
        .collect();
    assert_eq!(databases, [Some(&the_run.database), None]);
    do_replay(&post, &all(DeadLetterQueue::Events));
    assert_eq!(home(&post).len(), 2);
    assert!(lying(&post).is_empty());
}

#[test]
fn what_eventbridge_put_there_is_told_by_its_own_words_and_replayed_the_same_way() {
    let post = Post::new();
    let undelivered = Undelivered {
        code: Some("NO_PERMISSIONS".to_owned()),
        message: Some("not authorized to perform sqs:SendMessage".to_owned()),
        exhausted: Some("MaximumRetryAttempts".to_owned()),
        rule: Some("arn:aws:events:eu-central-1:111122223333:rule/x".to_owned()),
        target: Some("arn:aws:sqs:eu-central-1:111122223333:events".to_owned()),
    };
    put(
        &post,
        Message {
            undelivered: Some(undelivered),
            ..letter("1", event("sf-orders"))
        },
    );
    let by_reason = ReplayRequest {
        selection: Selection {
            reason: Some("no_permissions".to_owned()),
            ..Selection::default()
        },
        ..all(DeadLetterQueue::Events)
    };
    let replay = do_replay(&post, &by_reason);
    assert_eq!(outcomes(&replay), [("1", &Outcome::Replayed)].into());
    let reason = reason(&replay, "1");
    for part in [
        "EventBridge",
        "NO_PERMISSIONS",
        "MaximumRetryAttempts",
        ":events",
    ] {
        assert!(reason.contains(part), "{part} in {reason}");
    }
    assert_eq!(home(&post), [event("sf-orders")]);
}

#[test]
fn a_trouble_that_cannot_be_noted_changes_nothing() {
    let world = World::new().with_token("token-1", Token::Alive);
    world.script(Operation::CreateDbSnapshot, Some("AccessDenied"), "no");
    world.break_once(Name::NoteError);
    let body = json::command::write(&command(Step::Snapshot, "token-1", "orders"));
    world.permit(&command(Step::Snapshot, "token-1", "orders"));
    let kept = run(batch::work(
        &world,
        &worker_config(),
        &backoff(),
        vec![record("1", body, 1)],
    ));
    assert_eq!(kept, ["1"]);
    let wait = world.wait(&snapshot_arn(&a_run("orders"), 1)).unwrap();
    assert_eq!((wait.phase, wait.last_error), (Phase::Registered, None));
}

#[test]
fn the_last_trouble_is_noted_and_is_over_when_rds_accepts() {
    let world = World::new().with_token("token-1", Token::Alive);
    let body = json::command::write(&command(Step::Snapshot, "token-1", "orders"));
    let once = |receives| {
        let records = vec![record("1", body.clone(), receives)];
        world.permit_all(&records);
        run(batch::work(&world, &worker_config(), &backoff(), records))
    };
    let resource = snapshot_arn(&a_run("orders"), 1);
    let create = Operation::CreateDbSnapshot;
    world.script(create, Some("KMSKeyNotAccessibleFault"), "disabled");
    assert_eq!(once(1), ["1"]);
    world.pass(SignedDuration::from_mins(1));
    world.script(create, Some("Throttling"), "Rate exceeded");
    assert!(once(2).is_empty(), "it is sent anew");
    let wait = world.wait(&resource).unwrap();
    let last_error = wait.current_error().unwrap();
    assert_eq!((last_error.remedy, last_error.at), (None, world.clock()));
    assert!(
        last_error.why.contains("Rate exceeded"),
        "{}",
        last_error.why
    );
    world.script(create, Some("KMSKeyNotAccessibleFault"), "disabled");
    assert_eq!(once(3), ["1"]);
    let wait = world.wait(&resource).unwrap();
    let last_error = wait.current_error().unwrap();
    assert_eq!(last_error.remedy, Some(Remedy::FixSourceKey));
    assert!(once(4).is_empty());
    assert_eq!(world.wait(&resource).unwrap().current_error(), None);
}

#[test]
fn a_trouble_is_not_noted_in_a_wait_that_another_token_has() {
    let world = World::new().with_token("token-1", Token::Alive);
    world.set_token("token-2", Token::Alive);
    let other = command(Step::Snapshot, "token-2", "orders");
    let resource = snapshot_arn(&a_run("orders"), 1);
    let now = world.clock();
    let wait = Wait::new(resource.clone(), other, Expectation::Snapshot, now);
    world.store(wait.clone());
    world.put_snapshot(ours(
        &resource,
        &a_run("orders"),
        snapferry::domain::rds::snapshot::SnapshotStatus::Creating,
    ));
    let body = json::command::write(&command(Step::Snapshot, "token-1", "orders"));
    world.permit(&command(Step::Snapshot, "token-1", "orders"));
    run(batch::work(
        &world,
        &worker_config(),
        &backoff(),
        vec![record("1", body, 1)],
    ));
    assert_eq!(world.wait(&resource), Some(wait));
}

// ---- A run keeps its key

fn outdated_of(post: &Post, order: &ReplayRequest) -> Option<Outdated> {
    let replayed = do_replay(
        post,
        &ReplayRequest {
            dry_run: true,
            ..order.clone()
        },
    );
    assert_eq!(replayed.rows.len(), 1);
    replayed.rows[0].outdated.clone()
}

fn key_now(of_policy: &str) -> Outdated {
    Outdated::Key {
        of_run: a_run("orders").key,
        of_policy: KeyArn::parse(of_policy).unwrap(),
    }
}

#[test]
fn a_command_whose_policy_has_another_key_by_now_is_said_to_park_again() {
    let post = Post::new();
    put_command(&post, "1", &command(Step::Copy, "token-1", "orders"));
    let order = commands(Selection::default());
    let apply = |text: &str| {
        run(policies::apply(&post, &region(HOME), text, None)).unwrap();
    };
    let policy = |key: &str| format!("[policy.default]\nschedule = \"0 3 * * *\"\n{key}\n");
    assert_eq!(
        outdated_of(&post, &order),
        None,
        "nobody knows the policy's key"
    );
    apply(&policy(&format!("kms_key = \"{KEY}\"")));
    assert_eq!(outdated_of(&post, &order), None);
    apply(&policy(&format!("kms_key = \"{OTHER_KEY}\"")));
    assert_eq!(outdated_of(&post, &order), Some(key_now(OTHER_KEY)));
    // A policy that names no key uses the stack's.
    apply(&policy(""));
    assert_eq!(outdated_of(&post, &order), None);
    let known = |key| ReplayRequest {
        stack_key: Some(KeyArn::parse(key).unwrap()),
        ..order.clone()
    };
    assert_eq!(outdated_of(&post, &known(KEY)), None);
    assert_eq!(
        outdated_of(&post, &known(OTHER_KEY)),
        Some(key_now(OTHER_KEY))
    );
    // A policy that is gone says nothing.
    apply("[policy.other]\nschedule = \"0 3 * * *\"\n");
    assert_eq!(outdated_of(&post, &known(OTHER_KEY)), None);
}

#[test]
fn the_built_in_policy_has_the_stacks_key() {
    let post = Post::new();
    put_command(&post, "1", &command(Step::Copy, "token-1", "orders"));
    let known = ReplayRequest {
        stack_key: Some(KeyArn::parse(OTHER_KEY).unwrap()),
        ..commands(Selection::default())
    };
    assert_eq!(outdated_of(&post, &known), Some(key_now(OTHER_KEY)));
}

#[test]
fn a_command_whose_policy_no_longer_names_its_option_group_is_said_to_park_again() {
    let post = Post::new();
    let mut parked = command(Step::Copy, "token-1", "orders");
    let group = OptionGroup::parse("audit-old").unwrap();
    parked.run.options.option_group = Some(group.clone());
    put_command(&post, "1", &parked);
    let order = commands(Selection::default());
    for (to, expected) in [
        ("audit-old", None),
        ("audit-new", Some(Outdated::OptionGroup(group))),
    ] {
        let text = format!(
            "[policy.default]\nschedule = \"0 3 * * *\"\nkms_key = \"{KEY}\"\n\
             [policy.default.option_groups]\naudit = \"{to}\"\n"
        );
        run(policies::apply(&post, &region(HOME), &text, None)).unwrap();
        assert_eq!(outdated_of(&post, &order), expected);
    }
}

#[test]
fn policies_that_cannot_be_read_keep_nothing_from_being_replayed() {
    let post = Post::new();
    put_command(&post, "1", &command(Step::Copy, "token-1", "orders"));
    post.break_once(Name::CurrentPolicies);
    let replayed = do_replay(&post, &commands(Selection::default()));
    assert_eq!(replayed.rows[0].outcome, Outcome::Replayed);
    assert_eq!(replayed.rows[0].outdated, None);
}
