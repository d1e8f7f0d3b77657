//! What people read.

use spica_alerts::{Language, Plans, Reason};
use spica_model::Timestamp;

use crate::support::{PLANS, World};

fn in_german(extra: &str) -> String {
    let text = PLANS.replacen(
        "[people.bob]",
        "[people.bob]\nname = \"Bob Keller\"\nlanguage = \"de\"",
        1,
    );
    format!("{text}\n{extra}")
}

fn first_message(world: &mut World, link: Option<&str>) -> spica_alerts::Message {
    let id = world.alerts.ready(world.now, 1)[0];
    let link = link.map(str::to_owned);
    world
        .alerts
        .message(id, &world.cases, world.now, link)
        .unwrap()
}

#[test]
fn a_mail_says_what_is_known_and_nothing_else() {
    let mut world = World::new(PLANS, "2026-11-23T22:00:00Z");
    world.event(7, "man-down");
    let message = first_message(&mut world, Some("https://a.example/x?s=1"));
    assert_eq!(message.key, "root/s1:3-1/1");
    assert_eq!(
        message.subject,
        "ALARM: EMERGENCY: Man down - devices/0000007"
    );
    assert_eq!(
        message.body,
        "Man down\nALARM, severity EMERGENCY\n\nWho: devices/0000007\nWhat: devices/0000007\n\
         Raised: 2026-11-23 23:00:00 CET\nBattery: 17 %\n\n\
         Acknowledge here: https://a.example/x?s=1\n\nCase 3-1 of root/s1, notice 3-1/1, step 1"
    );
    assert_eq!(
        (message.person.as_deref(), message.address.as_str()),
        (Some("eve"), "eve@example.org")
    );
    assert_eq!((message.attempt, message.reason), (1, Reason::Raised));
    assert_eq!(message.language, Language::ENGLISH);
    let without = world
        .alerts
        .message(message.notice, &world.cases, world.now, None)
        .unwrap();
    assert!(
        !without.body.contains("Acknowledge"),
        "no line without what it is for"
    );
}

#[test]
fn a_person_is_written_to_in_their_language_and_by_their_clock() {
    let mut world = World::new(&in_german(""), "2026-07-01T10:00:00Z");
    world.event(7, "battery-low");
    let message = first_message(&mut world, Some("https://a.example/x"));
    assert_eq!(message.language, Language::GERMAN);
    assert_eq!(message.person.as_deref(), Some("Bob Keller"));
    assert_eq!(
        message.body,
        "ALARM: Batterie schwach devices/0000007\n2026-07-01 12:00:00 CEST\nhttps://a.example/x",
        "the short form, since it goes by SMS"
    );
}

#[test]
fn the_file_overrides_words_and_keeps_the_rest() {
    let extra = "[templates.de]\nsms = \"{text}: {what}, {step}\"\n[templates.de.conditions]\nlow-battery = \"Akku leer\"\n";
    let mut world = World::new(&in_german(extra), "2026-07-01T10:00:00Z");
    world.event(7, "battery-low");
    let message = first_message(&mut world, None);
    assert_eq!(message.body, "Akku leer: unacknowledged, 1");
    assert!(message.subject.starts_with("ALARM: mittel: Akku leer"));
}

#[test]
fn messages_have_limits() {
    let long = "x".repeat(9_000);
    let extra = format!("[templates.de]\nsubject = \"{long}\"\nsms = \"é{long}\"\n");
    let mut world = World::new(&in_german(&extra), "2026-07-01T10:00:00Z");
    world.event(7, "battery-low");
    let message = first_message(&mut world, None);
    assert_eq!(message.subject.chars().count(), 200);
    assert_eq!(message.body.chars().count(), 469);
    assert!(message.subject.ends_with('…') && message.body.ends_with('…'));
}

#[test]
fn what_was_cleared_and_closed_is_said_with_when_and_by_whom() {
    let text = PLANS.replace("sms = \"+41790000002\"", "mail = \"bob@example.org\"");
    let mut world = World::new(&text, "2026-11-23T08:00:00Z");
    world.event(7, "battery-low");
    world.seconds(1);
    let case = world.case().id;
    world.event(7, "battery-ok");
    let cleared = first_message(&mut world, None);
    assert!(
        cleared
            .subject
            .starts_with("Back to normal: medium: Low battery"),
        "{}",
        cleared.subject
    );
    assert!(
        cleared.body.contains("Cleared: 2026-11-23 09:00:01 CET"),
        "{}",
        cleared.body
    );
    world.settle(cleared.notice, &crate::support::delivered());
    world.acknowledge(case);
    let closed = first_message(&mut world, None);
    assert_eq!(closed.reason, Reason::Closed);
    assert!(closed.body.contains("Closed by: "), "{}", closed.body);
}

#[test]
fn a_test_says_that_it_is_one() {
    let mut world = World::new(&in_german(""), "2026-07-01T10:00:00Z");
    let mut drafts = Vec::new();
    let target = "person:bob".parse().unwrap();
    world.alerts.test(&target, world.now, &mut drafts).unwrap();
    let message = first_message(&mut world, None);
    assert_eq!(message.case.condition, "test");
    assert!(
        message.body.starts_with("TEST: Probealarm"),
        "{}",
        message.body
    );
    assert!(message.at > Timestamp::EPOCH);
}

#[test]
fn no_plans_tell_nobody() {
    let mut world = World::morning();
    world
        .alerts
        .replace_plans(std::sync::Arc::new(Plans::none()));
    world.event(7, "man-down");
    world.minutes(60);
    assert!(world.sent.is_empty());
}
