//! What comes of attempts: retries, fallbacks, limits, order.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use spica_alerts::{
    Destination, NOTICES_PER_CASE, NoticeState, Outcome, Reason, TestError, TestTarget,
};
use spica_model::{Kind, Timestamp};

use crate::support::{PLANS, World, delivered, refused, retry};

const ANNA: &str = "+41790000001";
const BOB: &str = "+41790000002";

/// The seconds at which something was sent to an address.
fn times(log: &[String], address: &str) -> Vec<u64> {
    let lines = log.iter().filter(|line| line.ends_with(address));
    lines
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect()
}

fn attempts(world: &World, key: &str) -> Vec<Timestamp> {
    world
        .sent
        .iter()
        .filter(|sent| sent.key == key)
        .map(|sent| sent.at)
        .collect()
}

#[test]
fn what_is_no_emergency_is_tried_ten_times_at_growing_distance() {
    let mut world = World::morning();
    world.answer = Box::new(|_| retry());
    let start = world.now;
    world.event(7, "battery-low");
    world.minutes(50);
    let at = attempts(&world, "root/s1:3-1/1");
    assert_eq!(at.len(), 10);
    let waits: Vec<f64> = at
        .windows(2)
        .map(|w| w[1].since(w[0]).as_secs_f64())
        .collect();
    for (wait, plain) in waits
        .iter()
        .zip([5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 120.0, 120.0, 120.0])
    {
        assert!((0.8..=1.2).contains(&(wait / plain)), "{wait} for {plain}");
    }
    let notice = &world.notices(world.case().id)[0];
    assert_eq!((notice.state, notice.attempts), (NoticeState::Failed, 10));
    assert_eq!(notice.settled_at, at.last().copied());
    assert_eq!(notice.last_answer.as_deref(), Some("busy"));
    assert_eq!(world.alerts.counts().failed, 1);
    assert!(start < at[1]);
}

#[test]
fn an_emergency_is_tried_for_an_hour() {
    let text = PLANS.replacen("repeat = 2", "repeat = 0", 1);
    let mut world = World::new(&text, "2026-11-23T08:00:00Z");
    world.answer = Box::new(|_| retry());
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(180);
    let at = attempts(&world, "root/s1:3-1/1");
    assert!(at.len() > 25, "{}", at.len());
    assert_eq!(at.last().unwrap().since(start), Duration::from_secs(3_600));
    assert_eq!(world.notices(world.case().id)[0].state, NoticeState::Failed);
    assert_eq!(world.alerts.waiting(), 0);
}

#[test]
fn the_other_side_may_ask_for_time() {
    let mut world = World::morning();
    let ask = |secs| Outcome::Retry {
        answer: "later".to_owned(),
        after: Some(Duration::from_secs(secs)),
    };
    world.answer = Box::new(move |_| ask(600));
    world.event(7, "battery-low");
    world.minutes(11);
    let at = attempts(&world, "root/s1:3-1/1");
    assert_eq!(at[1].since(at[0]), Duration::from_secs(600));
}

#[test]
fn a_second_failure_starts_the_next_address_while_the_first_goes_on() {
    let mut world = World::morning();
    world.answer = Box::new(|m| {
        if m.address == ANNA {
            retry()
        } else {
            delivered()
        }
    });
    let start = world.now;
    world.event(7, "man-down");
    world.seconds(25);
    let log = world.log(start);
    let (sms, mail) = (times(&log, ANNA), times(&log, "anna@example.org"));
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0], sms[1], "with the second failure");
    assert!(sms.len() > 2, "the first goes on: {log:?}");
    let notices = world.notices(world.case().id);
    let by_mail = notices.iter().find(|n| n.channel == "mail").unwrap();
    assert_eq!(
        (by_mail.reason, by_mail.step, by_mail.state),
        (Reason::Raised, 1, NoticeState::Delivered)
    );
    assert_eq!(by_mail.person.as_deref(), Some("anna"));
    assert_eq!(world.alerts.counts().fallbacks, 1);
}

#[test]
fn a_refusal_starts_the_next_address_at_once_and_ends_the_first() {
    let mut world = World::morning();
    world.answer = Box::new(|m| {
        if m.address == ANNA {
            refused()
        } else {
            delivered()
        }
    });
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(1);
    let log = world.log(start);
    assert_eq!(times(&log, ANNA), [0]);
    assert_eq!(times(&log, "anna@example.org"), [0]);
}

#[test]
fn a_channel_that_hangs_starts_the_next_address_after_thirty_seconds() {
    let mut world = World::morning();
    let start = world.now;
    world.event(7, "man-down");
    let hanging = world.alerts.ready(world.now, 1)[0];
    assert_eq!(world.message(hanging).address, ANNA);
    world.seconds(29);
    assert_eq!(
        times(&world.log(start), "anna@example.org"),
        Vec::<u64>::new()
    );
    world.seconds(2);
    assert_eq!(times(&world.log(start), "anna@example.org"), [30]);
    world.settle(hanging, &delivered());
    assert_eq!(
        world.alerts.notice(hanging).unwrap().state,
        NoticeState::Delivered
    );
}

#[test]
fn a_first_failure_starts_nothing_else() {
    let mut world = World::morning();
    let mut failures = 1;
    world.answer = Box::new(move |m| {
        if m.address == ANNA && failures > 0 {
            failures -= 1;
            return retry();
        }
        delivered()
    });
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(1);
    let log = world.log(start);
    assert_eq!(times(&log, ANNA).len(), 2);
    assert!(times(&log, "anna@example.org").is_empty());
}

#[test]
fn a_fallback_waits_for_the_morning_with_its_notice() {
    let text = PLANS.replacen(
        "addresses = { sms = \"+41790000002\" }",
        "addresses = { sms = \"+41790000002\", mail = \"bob@example.org\" }",
        1,
    );
    let mut world = World::new(&text, "2026-11-24T04:00:00Z");
    let start = world.now;
    world.event(7, "battery-low");
    world.minutes(59);
    assert!(world.sent.is_empty(), "Bob sleeps, on every channel");
    world.minutes(2);
    assert_eq!(times(&world.log(start), BOB), [3_600]);
}

#[test]
fn emergencies_leave_first() {
    let mut world = World::new(PLANS, "2026-11-23T09:00:00Z");
    for serial in 1..=50 {
        world.event(serial, "battery-low");
    }
    world.seconds(0);
    world.sent.clear();
    world.answer = Box::new(|_| retry());
    for serial in 51..=80 {
        world.event(serial, "battery-low");
    }
    world.event(99, "man-down");
    let first = world.alerts.ready(world.now, 2);
    assert!(
        first
            .iter()
            .all(|id| world.message(*id).case.condition == "man-down")
    );
    assert_eq!(
        world.alerts.ready(world.now, 5).len(),
        5,
        "then the others, as many as asked for"
    );
}

#[test]
fn a_receiver_gets_one_notice_of_a_case_at_a_time() {
    let mut world = World::morning();
    world.event(7, "battery-low");
    let first = world.alerts.ready(world.now, 9);
    assert_eq!(first.len(), 1);
    // It hangs; the condition goes and comes, and the same person would be told again.
    world.event(7, "battery-ok");
    world.event(7, "battery-low");
    assert!(world.alerts.ready(world.now, 9).is_empty());
    assert!(
        world.alerts.next_due().is_none_or(|due| due > world.now),
        "nothing to be woken for"
    );
    world.settle(first[0], &delivered());
    let second = world.alerts.ready(world.now, 9);
    assert_eq!(second.len(), 1);
    assert_ne!(second, first);
}

#[test]
fn what_was_not_sent_after_all_is_ready_again() {
    let mut world = World::morning();
    world.event(7, "battery-low");
    let ready = world.alerts.ready(world.now, 9);
    assert!(world.alerts.ready(world.now, 9).is_empty());
    world.alerts.release(ready[0]);
    assert_eq!(world.alerts.ready(world.now, 9), ready);
    assert_eq!(world.message(ready[0]).attempt, 1);
}

#[test]
fn every_attempt_is_an_event_below_its_notice() {
    let mut world = World::morning();
    let count = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&count);
    world.answer = Box::new(move |_| {
        *counted.borrow_mut() += 1;
        let long = "é".repeat(1_000);
        if *counted.borrow() < 3 {
            Outcome::Retry {
                answer: long,
                after: None,
            }
        } else {
            delivered()
        }
    });
    world.event(7, "battery-low");
    world.minutes(5);
    let events: Vec<_> = world
        .written
        .iter()
        .filter(|d| d.kind == Kind::Event)
        .collect();
    assert_eq!(events.len(), *count.borrow());
    for (index, event) in events.iter().enumerate() {
        assert_eq!(
            event.topic.as_str(),
            "root/s1/alarms/notices/3-1/1/attempts"
        );
        let json: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
        assert_eq!(json["attempt"], index + 1);
        assert_eq!(json["address"], BOB);
        let (outcome, state) = if index == 2 {
            ("delivered", "delivered")
        } else {
            ("retry", "waiting")
        };
        assert_eq!(
            (&json["outcome"], &json["state"]),
            (&outcome.into(), &state.into())
        );
    }
    let first: serde_json::Value = serde_json::from_slice(&events[0].payload).unwrap();
    assert_eq!(
        first["answer"].as_str().unwrap().len(),
        500,
        "answers are cut, between characters"
    );
}

#[test]
fn a_case_keeps_a_bounded_number_of_notices_and_never_the_same_number_twice() {
    let mut world = World::morning();
    for _ in 0..(NOTICES_PER_CASE + 50) / 2 {
        world.event(7, "battery-low");
        world.seconds(1);
        world.event(7, "battery-ok");
        world.seconds(1);
    }
    let notices = world.notices(world.case().id);
    assert_eq!(notices.len(), NOTICES_PER_CASE);
    assert_eq!(notices.last().unwrap().id.number, 250);
    let kept = world
        .state
        .keys()
        .filter(|topic| topic.as_str().contains("/notices/"));
    assert_eq!(kept.count(), NOTICES_PER_CASE);
    assert_eq!(world.delivered().len(), 250);
}

#[test]
fn when_everything_waits_only_emergencies_get_more_and_not_without_end() {
    for (low, condition, cap) in [
        (true, "battery-low", NOTICES_PER_CASE),
        (false, "man-down", 2 * NOTICES_PER_CASE),
    ] {
        // A plan of many people, whose channels all hang.
        let people: String = (0..50)
            .map(|n| format!("[people.p{n}]\naddresses = {{ sms = \"+4179{n:07}\" }}\n"))
            .collect();
        let targets: Vec<String> = (0..50)
            .map(|n| format!("{{ person = \"p{n}\" }}"))
            .collect();
        let steps: Vec<String> = (0..20)
            .map(|n| format!("{{ after = \"{n}s\", notify = [{}] }}", targets.join(", ")))
            .collect();
        let text = format!(
            "[channels.sms]\nkind = \"smpp\"\n{people}\n[[plans]]\nname = \"all\"\nsteps = [{}]\n",
            steps.join(", ")
        );
        let mut world = World::new(&text, "2026-11-23T08:00:00Z");
        world.answer = Box::new(|_| retry());
        world.event(7, condition);
        world.seconds(19);
        let case = world.case().id;
        assert_eq!(world.notices(case).len(), cap, "{condition}");
        assert_eq!(world.alerts.counts().refused, 1_000 - cap as u64);
        assert_eq!(low, condition == "battery-low");
    }
}

#[test]
fn a_late_answer_about_what_is_gone_is_nothing() {
    let mut world = World::morning();
    world.event(7, "battery-low");
    let id = world.alerts.ready(world.now, 1)[0];
    let mut drafts = Vec::new();
    world.alerts.forget(id.case, &mut drafts);
    drafts.clear();
    let state = world
        .alerts
        .on_attempt(id, &delivered(), &world.cases, world.now, &mut drafts);
    assert_eq!((state, drafts.len()), (None, 0));
    assert!(
        world
            .alerts
            .message(id, &world.cases, world.now, None)
            .is_none()
    );
}

#[test]
fn a_test_reaches_every_address_and_drops_off_the_list_in_time() {
    let mut world = World::new(PLANS, "2026-11-23T22:00:00Z");
    let test = |world: &mut World, target: &str| {
        let mut drafts = Vec::new();
        let target: TestTarget = target.parse().unwrap();
        assert_eq!(target.to_string().parse(), Ok(target.clone()));
        let ids = world.alerts.test(&target, world.now, &mut drafts);
        world.write(drafts);
        ids
    };
    for (target, to) in [
        ("person:anna", vec![ANNA, "anna@example.org"]),
        ("person:bob", vec![BOB]),
        ("rota:duty", vec!["eve@example.org"]),
        ("channel:arc", vec![""]),
        ("channel:arc:1234", vec!["1234"]),
        ("channel:mail:x@example.org", vec!["x@example.org"]),
    ] {
        world.sent.clear();
        let ids = test(&mut world, target).unwrap();
        world.work();
        let sent: Vec<_> = world.sent.iter().map(|sent| sent.to.as_str()).collect();
        assert_eq!(sent, to, "{target}, whatever the time of day");
        assert!(ids.iter().all(|id| id.is_test()));
        assert!(world.sent.iter().all(|sent| sent.reason == Reason::Test));
    }
    for wrong in ["person:rob", "rota:night", "channel:fax"] {
        let error = test(&mut world, wrong).unwrap_err();
        assert!(matches!(error, TestError::Unknown { .. }), "{error}");
    }
    let error = test(&mut world, "channel:mail").unwrap_err();
    assert!(error.to_string().contains("one mail address"), "{error}");
    for wrong in ["", "anna", "person:", "team:x"] {
        assert!(
            matches!(wrong.parse::<TestTarget>(), Err(TestError::Form(_))),
            "{wrong}"
        );
    }
    let channel = TestTarget::Channel(Destination {
        channel: "sms".to_owned(),
        address: ANNA.to_owned(),
    });
    assert_eq!("channel:sms:+41790000001".parse(), Ok(channel));

    let mut last = 0;
    for _ in 0..150 {
        last = test(&mut world, "person:bob").unwrap()[0].case.number;
        world.work();
    }
    let kept = world
        .state
        .keys()
        .filter(|topic| topic.as_str().contains("/notices/0-"));
    assert_eq!(kept.count(), 100);
    world.restart();
    assert_eq!(
        test(&mut world, "person:bob").unwrap()[0].case.number,
        last + 1
    );
}

#[test]
fn a_test_that_fails_is_tried_three_times() {
    let mut world = World::morning();
    world.answer = Box::new(|_| retry());
    let mut drafts = Vec::new();
    let target = TestTarget::Person("bob".to_owned());
    let ids = world.alerts.test(&target, world.now, &mut drafts).unwrap();
    world.minutes(10);
    assert_eq!(world.sent.len(), 3);
    assert_eq!(
        world.alerts.notice(ids[0]).unwrap().state,
        NoticeState::Failed
    );
}
