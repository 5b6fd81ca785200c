//! Parking and replay: receive, send, delete, so that nothing is lost wherever it is interrupted.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::SignedDuration;
use snapferry::app::replay::{Mail, Order, Outcome, Replay, Sleeper, replay};
use snapferry::app::work::batch;
use snapferry::domain::command::{Command, Step};
use snapferry::domain::failure::{Operation, Remedy};
use snapferry::domain::letter::{About, Selection, Undelivered};
use snapferry::domain::token::TaskToken;
use snapferry::domain::wait::{Expectation, Phase, Wait};
use snapferry::json;
use snapferry::ports::{
    DeadLetter, DelayMessage, ListOpen, OpenMarker, OpenPage, PortError, Probe, ProbeToken,
    ReceiptHandle, ReceiveDeadLetters, RemoveDeadLetter, SendAgain,
};

use crate::world::{
    Token, World, a_run, backoff, command, desk, ours, record, run, snapshot_arn, time,
};

#[derive(Debug, Clone)]
struct Message {
    letter: DeadLetter,
    hidden: bool,
    handle: u32,
}

/// A dead-letter queue and the queue that its messages go to.
struct Post {
    world: World,
    dead: RefCell<BTreeMap<String, Message>>,
    home: RefCell<Vec<String>>,
    /// The process dies at this call to SQS: before the call has its effect, or after.
    dies: Cell<Option<(usize, bool)>>,
    calls: Cell<usize>,
    /// Actions that do not come through, each time.
    broken: RefCell<Vec<&'static str>>,
}

impl Post {
    fn new() -> Self {
        Self {
            world: World::new(),
            dead: RefCell::default(),
            home: RefCell::default(),
            dies: Cell::new(None),
            calls: Cell::new(0),
            broken: RefCell::default(),
        }
    }

    fn put(&self, id: &str, body: impl Into<String>) {
        let letter = DeadLetter {
            message_id: id.to_owned(),
            body: body.into(),
            receipt: ReceiptHandle(String::new()),
            sent_at: Some(time("2026-11-22T03:01:00Z")),
            receives: 10,
            undelivered: None,
        };
        self.put_letter(letter);
    }

    fn put_letter(&self, letter: DeadLetter) {
        let message = Message {
            hidden: false,
            handle: 0,
            letter,
        };
        let id = message.letter.message_id.clone();
        self.dead.borrow_mut().insert(id, message);
    }

    fn put_command(&self, id: &str, command: &Command) {
        self.put(id, json::command::write(command));
    }

    fn lying(&self) -> Vec<String> {
        self.dead.borrow().keys().cloned().collect()
    }

    fn hidden(&self) -> usize {
        let dead = self.dead.borrow();
        dead.values().filter(|message| message.hidden).count()
    }

    /// What SQS does by itself a minute later.
    fn let_time_pass(&self) {
        for message in self.dead.borrow_mut().values_mut() {
            message.hidden = false;
        }
    }

    /// One call to SQS; where the process dies, nobody ever hears of it again.
    async fn call<T>(
        &self,
        action: &'static str,
        effect: impl FnOnce() -> T,
    ) -> Result<T, PortError> {
        let number = self.calls.replace(self.calls.get() + 1);
        if self.dies.get() == Some((number, false)) {
            return std::future::pending().await;
        }
        if self.broken.borrow().contains(&action) {
            return Err(PortError {
                action,
                code: Some("ServiceUnavailable".to_owned()),
                source: None,
            });
        }
        let value = effect();
        if self.dies.get() == Some((number, true)) {
            return std::future::pending().await;
        }
        Ok(value)
    }

    fn with_handle(&self, receipt: &ReceiptHandle, then: impl FnOnce(&mut Message)) {
        let mut dead = self.dead.borrow_mut();
        let found = dead.values_mut().find(|message| {
            receipt.0 == format!("{}/{}", message.letter.message_id, message.handle)
        });
        then(found.expect("a handle of the last receive"));
    }
}

impl ReceiveDeadLetters for Post {
    async fn receive_dead_letters(
        &self,
        most: usize,
        hidden_for: Duration,
    ) -> Result<Vec<DeadLetter>, PortError> {
        assert!((1..=10).contains(&most), "SQS gives one to ten messages");
        assert!(hidden_for > Duration::ZERO);
        self.call("ReceiveMessage", || {
            let mut dead = self.dead.borrow_mut();
            let visible = dead.values_mut().filter(|message| !message.hidden);
            visible
                .take(most)
                .map(|message| {
                    message.hidden = true;
                    message.handle += 1;
                    let id = &message.letter.message_id;
                    message.letter.receipt = ReceiptHandle(format!("{id}/{}", message.handle));
                    message.letter.clone()
                })
                .collect()
        })
        .await
    }
}

impl SendAgain for Post {
    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.call("SendMessage", || {
            self.home.borrow_mut().push(body.to_owned());
        })
        .await
    }
}

impl RemoveDeadLetter for Post {
    async fn remove_dead_letter(&self, receipt: &ReceiptHandle) -> Result<(), PortError> {
        self.call("DeleteMessage", || {
            let mut id = String::new();
            self.with_handle(receipt, |message| id.clone_from(&message.letter.message_id));
            self.dead.borrow_mut().remove(&id);
        })
        .await
    }
}

impl DelayMessage for Post {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError> {
        self.call("ChangeMessageVisibility", || {
            self.with_handle(receipt, |message| message.hidden = delay > Duration::ZERO);
        })
        .await
    }
}

impl ListOpen for Post {
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        self.world.list_open(from).await
    }
}

impl ProbeToken for Post {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        self.world.send_task_heartbeat(token).await
    }
}

fn all(mail: Mail) -> Order {
    Order {
        mail,
        selection: Selection::default(),
        dry_run: false,
        most: 1_000,
    }
}

fn commands(selection: Selection) -> Order {
    Order {
        selection,
        ..all(Mail::Commands)
    }
}

fn do_replay(post: &Post, order: &Order) -> Replay {
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
    post.put_command("1", &sent);
    let replay = do_replay(&post, &all(Mail::Commands));
    assert_eq!(outcomes(&replay), [("1", &Outcome::Replayed)].into());
    assert!(replay.is_complete() && !replay.more);
    assert_eq!(*post.home.borrow(), [json::command::write(&sent)]);
    assert!(post.lying().is_empty());
}

/// Twelve letters, of which some are selected: more than one receive, and both kinds of ending.
fn a_full_post() -> (Post, Order) {
    let post = Post::new();
    for n in 0..12 {
        let name = if n % 3 == 0 { "billing" } else { "orders" };
        let command = command(Step::Snapshot, &format!("token-{n}"), name);
        post.put_command(&format!("{n:02}"), &command);
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
    let calls = whole.calls.get();
    assert!(calls > 20, "there is something to interrupt");
    for number in 0..calls {
        for after in [false, true] {
            let (post, order) = a_full_post();
            let bodies: Vec<String> = {
                let dead = post.dead.borrow();
                dead.values().map(|m| m.letter.body.clone()).collect()
            };
            post.dies.set(Some((number, after)));
            assert!(
                replay(&post, &order).now_or_never().is_none(),
                "it dies at call {number}"
            );
            post.let_time_pass();
            let count = |body: &String| {
                let dead = post.dead.borrow();
                let lying = dead.values().filter(|m| &m.letter.body == body).count();
                lying + post.home.borrow().iter().filter(|b| *b == body).count()
            };
            for body in &bodies {
                let there = count(body);
                assert!(
                    (1..=2).contains(&there),
                    "{there} times, after a death at call {number}"
                );
            }
            // The next replay does the rest, and leaves what is not selected.
            post.dies.set(None);
            assert!(do_replay(&post, &order).is_complete());
            assert_eq!(post.lying(), ["00", "03", "06", "09"]);
            let selected = bodies.iter().filter(|body| body.contains(":db:orders"));
            assert!(selected.into_iter().all(|body| count(body) >= 1));
        }
    }
}

#[test]
fn a_message_that_could_not_be_sent_stays_and_is_visible_at_once() {
    let (post, order) = a_full_post();
    post.broken.borrow_mut().push("SendMessage");
    let replay = do_replay(&post, &order);
    assert!(!replay.is_complete());
    assert!(
        matches!(outcomes(&replay)["01"], Outcome::NotSent(why) if why.contains("SendMessage"))
    );
    assert_eq!((post.lying().len(), post.hidden()), (12, 0));
    assert!(post.home.borrow().is_empty());
}

#[test]
fn a_message_that_could_not_be_removed_is_there_twice_and_is_not_sent_again() {
    let post = Post::new();
    post.put_command("1", &command(Step::Copy, "token-1", "orders"));
    post.broken.borrow_mut().push("DeleteMessage");
    let replay = do_replay(&post, &all(Mail::Commands));
    assert!(matches!(outcomes(&replay)["1"], Outcome::SentAndKept(_)));
    assert!(!replay.is_complete());
    assert_eq!((post.home.borrow().len(), post.lying().len()), (1, 1));
}

#[test]
fn what_is_not_selected_comes_back_at_once() {
    let (post, order) = a_full_post();
    let replay = do_replay(&post, &order);
    assert_eq!(outcomes(&replay)["00"], &Outcome::Left);
    assert_eq!(post.lying(), ["00", "03", "06", "09"]);
    assert_eq!(post.hidden(), 0);
    assert_eq!(post.home.borrow().len(), 8);
}

#[test]
fn a_dry_run_sends_nothing_removes_nothing_and_hides_nothing() {
    let (post, order) = a_full_post();
    post.world.set_token("token-1", Token::Alive);
    post.world.set_token("token-4", Token::Unknown);
    let order = Order {
        dry_run: true,
        ..order
    };
    let replay = do_replay(&post, &order);
    assert_eq!(outcomes(&replay)["01"], &Outcome::Selected);
    assert_eq!(outcomes(&replay)["00"], &Outcome::Left);
    assert_eq!((post.lying().len(), post.hidden()), (12, 0));
    assert!(post.home.borrow().is_empty());
    let sleeper = |id: &str| {
        let mut rows = replay.rows.iter();
        rows.find(|row| row.letter.message_id == id)
            .unwrap()
            .sleeper
    };
    assert_eq!(sleeper("01"), Some(Sleeper::Alive));
    assert_eq!(sleeper("02"), Some(Sleeper::Dead));
    assert_eq!(sleeper("04"), Some(Sleeper::Unknown));
}

#[test]
fn replaying_asks_for_no_token_because_the_worker_does() {
    let (post, order) = a_full_post();
    do_replay(&post, &order);
    assert_eq!(post.world.calls_of("SendTaskHeartbeat"), 0);
}

#[test]
fn no_more_are_looked_at_than_was_said_and_it_is_told_that_there_may_be_more() {
    let (post, order) = a_full_post();
    let replay = do_replay(&post, &Order { most: 5, ..order });
    assert_eq!(replay.rows.len(), 5);
    assert!(replay.more);
    assert_eq!(post.hidden(), 0);
    assert_eq!(post.lying().len() + post.home.borrow().len(), 12);
}

#[test]
fn a_queue_that_cannot_be_read_to_its_end_is_told_and_hides_nothing() {
    let (post, order) = a_full_post();
    post.broken.borrow_mut().push("ReceiveMessage");
    let replay = do_replay(&post, &order);
    assert!(!replay.is_complete() && replay.more);
    assert!(replay.error.unwrap().contains("ServiceUnavailable"));
    assert_eq!(post.hidden(), 0);
}

#[test]
fn an_empty_queue_is_asked_twice_and_no_more() {
    let post = Post::new();
    let replay = do_replay(&post, &all(Mail::Events));
    assert_eq!(replay, Replay::default());
    assert_eq!(post.calls.get(), 2);
}

/// A command that parked for want of a permission, with the wait that it left behind.
fn parked(post: &Post) -> Command {
    let command = command(Step::Snapshot, "token-1", "orders");
    post.world.set_token("token-1", Token::Alive);
    let denied = "is not authorized to perform: rds:CreateDBSnapshot";
    let (operation, code) = (Operation::CreateDbSnapshot, "AccessDenied");
    post.world.script(operation, Some(code), denied);
    let body = json::command::write(&command);
    let records = vec![record("1", body.clone(), 10)];
    let kept = run(batch::work(&post.world, &desk(), &backoff(), records));
    assert_eq!(
        kept,
        ["1"],
        "its tenth receive sends it to the dead letters"
    );
    post.put("1", body);
    command
}

#[test]
fn a_parked_command_says_why_and_what_mends_it() {
    let post = Post::new();
    let command = parked(&post);
    let order = Order {
        dry_run: true,
        ..all(Mail::Commands)
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
fn a_parked_command_goes_on_when_the_cause_is_mended_and_it_is_replayed() {
    let post = Post::new();
    parked(&post);
    let resource = snapshot_arn(&a_run("orders"), 1);
    assert_eq!(post.world.phase(&resource), Some(Phase::Registered));
    do_replay(&post, &all(Mail::Commands));
    let records = vec![record("2", post.home.borrow()[0].clone(), 1)];
    let kept = run(batch::work(&post.world, &desk(), &backoff(), records));
    assert!(kept.is_empty());
    let wait = post.world.wait(&resource).unwrap();
    assert_eq!(wait.phase, Phase::Requested);
    assert_eq!(wait.standing_trouble(), None, "the trouble is over");
    assert!(post.world.snapshots.borrow().contains_key(&resource));
}

#[test]
fn the_reason_is_told_of_the_wait_that_has_the_commands_own_token() {
    let post = Post::new();
    parked(&post);
    // A retried state's newer command rests there too; its token is not the wait's.
    post.put_command("2", &command(Step::Snapshot, "token-2", "orders"));
    let replay = do_replay(&post, &all(Mail::Commands));
    assert!(reason(&replay, "1").contains("AccessDenied"));
    assert_eq!(replay.rows[1].letter.reason, None);
}

#[test]
fn a_dead_command_is_dropped_by_the_worker_and_nothing_is_done_for_it() {
    let post = Post::new();
    post.world.set_token("token-1", Token::Dead);
    post.put_command("1", &command(Step::Snapshot, "token-1", "orders"));
    do_replay(&post, &all(Mail::Commands));
    let records = vec![record("2", post.home.borrow()[0].clone(), 1)];
    let kept = run(batch::work(&post.world, &desk(), &backoff(), records));
    assert!(kept.is_empty());
    assert!(post.world.snapshots.borrow().is_empty());
    assert!(post.world.waits.borrow().is_empty());
}

#[test]
fn of_several_commands_for_one_database_only_the_one_whose_token_lives_does_anything() {
    let post = Post::new();
    for n in 0..4 {
        let token = format!("token-{n}");
        let state = if n == 2 { Token::Alive } else { Token::Dead };
        post.world.set_token(&token, state);
        post.put_command(&n.to_string(), &command(Step::Snapshot, &token, "orders"));
    }
    do_replay(&post, &all(Mail::Commands));
    assert_eq!(post.home.borrow().len(), 4);
    let bodies = post.home.borrow().clone();
    let records = bodies
        .into_iter()
        .map(|body| record("m", body, 1))
        .collect();
    let kept = run(batch::work(&post.world, &desk(), &backoff(), records));
    assert!(kept.is_empty());
    assert_eq!(post.world.calls_of("CreateDBSnapshot"), 1);
    let waits = post.world.waits.borrow();
    let tokens: Vec<_> = waits.values().map(|w| w.command.token.reveal()).collect();
    assert_eq!(tokens, ["token-2"]);
    assert!(
        post.world.answers.borrow().is_empty(),
        "no execution is failed by it"
    );
}

#[test]
fn a_selection_is_by_database_by_time_and_by_reason_and_all_of_it_must_hold() {
    let post = Post::new();
    parked(&post);
    let later = DeadLetter {
        message_id: "2".to_owned(),
        body: json::command::write(&command(Step::Copy, "token-9", "billing")),
        receipt: ReceiptHandle(String::new()),
        sent_at: Some(time("2026-11-22T09:00:00Z")),
        receives: 10,
        undelivered: None,
    };
    post.put_letter(later);
    let taken = |selection: Selection| {
        let order = Order {
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
    post.put("1", format!("{{\"schema\": 1, \"token\": \"{secret}\""));
    let replay = do_replay(&post, &all(Mail::Commands));
    assert_eq!(outcomes(&replay), [("1", &Outcome::Left)].into());
    assert!(reason(&replay, "1").contains("it cannot be read"));
    assert!(!format!("{replay:?}").contains(secret));
    let selection = Selection {
        unreadable: true,
        ..Selection::default()
    };
    do_replay(&post, &commands(selection));
    assert_eq!(post.home.borrow().len(), 1);
    assert!(post.lying().is_empty());
}

#[test]
fn an_event_is_replayed_as_a_hint_and_says_whose_it_is_if_somebody_waits() {
    let post = Post::new();
    let the_run = a_run("orders");
    let resource = snapshot_arn(&the_run, 1);
    let waiting = command(Step::Snapshot, "token-1", "orders");
    let now = post.world.now.get();
    post.world.store(Wait::new(
        resource.clone(),
        waiting,
        Expectation::Snapshot,
        now,
    ));
    post.put("1", event(resource.name()));
    post.put("2", event("of-somebody-else"));
    let order = Order {
        dry_run: true,
        ..all(Mail::Events)
    };
    let replay = do_replay(&post, &order);
    let databases: Vec<_> = replay
        .rows
        .iter()
        .map(|r| r.letter.about.database())
        .collect();
    assert_eq!(databases, [Some(&the_run.database), None]);
    do_replay(&post, &all(Mail::Events));
    assert_eq!(post.home.borrow().len(), 2);
    assert!(post.lying().is_empty());
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
    post.put_letter(DeadLetter {
        message_id: "1".to_owned(),
        body: event("sf-orders"),
        receipt: ReceiptHandle(String::new()),
        sent_at: None,
        receives: 1,
        undelivered: Some(undelivered),
    });
    let by_reason = Order {
        selection: Selection {
            reason: Some("no_permissions".to_owned()),
            ..Selection::default()
        },
        ..all(Mail::Events)
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
    assert_eq!(*post.home.borrow(), [event("sf-orders")]);
}

#[test]
fn a_trouble_that_cannot_be_noted_changes_nothing() {
    let world = World::new().with_token("token-1", Token::Alive);
    world.script(Operation::CreateDbSnapshot, Some("AccessDenied"), "no");
    world.break_once("NoteTrouble");
    let body = json::command::write(&command(Step::Snapshot, "token-1", "orders"));
    let kept = run(batch::work(
        &world,
        &desk(),
        &backoff(),
        vec![record("1", body, 1)],
    ));
    assert_eq!(kept, ["1"]);
    let wait = world.wait(&snapshot_arn(&a_run("orders"), 1)).unwrap();
    assert_eq!((wait.phase, wait.trouble), (Phase::Registered, None));
}

#[test]
fn the_last_trouble_is_noted_and_is_over_when_rds_accepts() {
    let world = World::new().with_token("token-1", Token::Alive);
    let body = json::command::write(&command(Step::Snapshot, "token-1", "orders"));
    let once = |receives| {
        let records = vec![record("1", body.clone(), receives)];
        run(batch::work(&world, &desk(), &backoff(), records))
    };
    let resource = snapshot_arn(&a_run("orders"), 1);
    let create = Operation::CreateDbSnapshot;
    world.script(create, Some("KMSKeyNotAccessibleFault"), "disabled");
    assert_eq!(once(1), ["1"]);
    world.pass(SignedDuration::from_mins(1));
    world.script(create, Some("Throttling"), "Rate exceeded");
    assert_eq!(once(2), ["1"]);
    let wait = world.wait(&resource).unwrap();
    let trouble = wait.standing_trouble().unwrap();
    assert_eq!((trouble.remedy, trouble.at), (None, world.now.get()));
    assert!(trouble.why.contains("Rate exceeded"), "{}", trouble.why);
    world.script(create, Some("KMSKeyNotAccessibleFault"), "disabled");
    assert_eq!(once(3), ["1"]);
    let wait = world.wait(&resource).unwrap();
    let trouble = wait.standing_trouble().unwrap();
    assert_eq!(trouble.remedy, Some(Remedy::FixKey));
    assert!(once(4).is_empty());
    assert_eq!(world.wait(&resource).unwrap().standing_trouble(), None);
}

#[test]
fn a_trouble_is_not_noted_in_a_wait_that_another_token_has() {
    let world = World::new().with_token("token-1", Token::Alive);
    world.set_token("token-2", Token::Alive);
    let other = command(Step::Snapshot, "token-2", "orders");
    let resource = snapshot_arn(&a_run("orders"), 1);
    let now = world.now.get();
    let wait = Wait::new(resource.clone(), other, Expectation::Snapshot, now);
    world.store(wait.clone());
    world.put_snapshot(ours(
        &resource,
        &a_run("orders"),
        snapferry::domain::snapshot::SnapshotStatus::Creating,
    ));
    let body = json::command::write(&command(Step::Snapshot, "token-1", "orders"));
    run(batch::work(
        &world,
        &desk(),
        &backoff(),
        vec![record("1", body, 1)],
    ));
    assert_eq!(world.wait(&resource), Some(wait));
}
