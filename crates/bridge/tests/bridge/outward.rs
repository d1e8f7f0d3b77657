//! What goes out.

use spica_bridge::{Protocol, Service, TlsSettings};
use spica_handler::State;
use spica_model::{Kind, Lane, Property, Seq};
use spica_mqtt_client::{QoS, Reason, Version};

use crate::broker::{Broker, Does};
use crate::common::{OUT, World, bridge, place, runtime, settings, wait};

fn numbers(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[test]
fn topics_are_mapped_and_all_that_a_record_says_goes_along() {
    let broker = Broker::new();
    let world = World::new(&settings(&broker));
    let properties = [
        Property::Expiry(1_000),
        Property::User {
            name: "a",
            value: "b",
        },
        Property::User {
            name: "spica-record",
            value: "of somebody else",
        },
    ];
    place(
        &world.journal,
        "plant/3/level",
        "1",
        Kind::State,
        &properties,
    );
    place(&world.journal, "plant/3/level", "", Kind::State, &[]);
    place(&world.journal, "plant", "2", Kind::Event, &[]);
    place(&world.journal, "other/x", "3", Kind::Event, &[]);
    world.settle();
    let published = broker.published();
    assert_eq!(published.len(), 2, "{published:?}");
    let [set, deleted] = [&published[0], &published[1]];
    assert_eq!((set.topic.as_str(), set.retain), ("site1/3/level", true));
    assert_eq!((deleted.payload.as_str(), deleted.retain), ("", true));
    assert_eq!(
        (set.user("a"), set.user("spica-via")),
        (Some("b"), Some("root/s1"))
    );
    assert_eq!(set.user("spica-record"), Some("root/s1@1/normal/1"));
    assert!(set.expiry.is_some_and(|left| (900..=1_000).contains(&left)));
    assert!(world.counts("bridge_sent_total", 2));
}

#[test]
fn while_the_other_side_is_down_the_journal_is_the_spool_and_nothing_is_lost_or_mixed() {
    let broker = Broker::new();
    let world = World::new(&settings(&broker));
    for number in numbers(1..=50) {
        world.say("plant/x", &number);
    }
    world.settle();
    wait("it is shown", || world.is_connected("out-normal"));
    broker.down();
    wait("that is shown, too", || !world.is_connected("out-normal"));
    // More than may be on its way at once.
    for number in numbers(51..=1_000) {
        world.say("plant/x", &number);
    }
    let before = broker.connects();
    wait("it tries to connect", || broker.connects() > before + 1);
    assert_eq!(world.status().through, Seq(50));
    broker.up();
    world.settle();
    assert_eq!(broker.payloads(), numbers(1..=1_000));
}

#[test]
fn what_was_taken_without_an_answer_comes_again_once_with_qos_1_and_never_with_qos_2() {
    for (service, times) in [(Service::AtLeastOnce, 2), (Service::ExactlyOnce, 1)] {
        let broker = Broker::new();
        let mut settings = settings(&broker);
        settings.out[0].qos = service;
        let tries = std::sync::atomic::AtomicU32::new(0);
        broker.script(move |message| {
            let first = message.payload == "7"
                && tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            if first { Does::TakeAndCut } else { Does::Take }
        });
        let world = World::new(&settings);
        for number in numbers(1..=20) {
            world.say("plant/x", &number);
        }
        world.settle();
        let mut taken = broker.payloads();
        assert_eq!(
            taken.iter().filter(|it| *it == "7").count(),
            times,
            "{service:?}"
        );
        taken.dedup();
        let mut first = Vec::new();
        taken.into_iter().for_each(|it| {
            if !first.contains(&it) {
                first.push(it);
            }
        });
        assert_eq!(first, numbers(1..=20));
    }
}

#[test]
fn a_restart_sends_again_what_was_not_acknowledged_as_the_same_record() {
    let broker = Broker::new();
    broker.script(|message| {
        if message.payload == "3" {
            Does::Ignore
        } else {
            Does::Take
        }
    });
    let settings = settings(&broker);
    let world = World::new(&settings);
    for number in numbers(1..=4) {
        world.say("plant/x", &number);
    }
    wait("the others are taken", || {
        broker.payloads() == ["1", "2", "4"]
    });
    broker.script(|_| Does::Take);
    let world = world.again(&settings);
    world.settle();
    let published = broker.published();
    let records: Vec<_> = published.iter().filter(|it| it.payload == "4").collect();
    assert!(records.len() > 1);
    let same = |name| {
        records
            .iter()
            .all(|it| it.user(name) == records[0].user(name))
    };
    assert!(same("spica-record"), "a second Spica knows it");
    assert!(published.iter().any(|it| it.payload == "3"));
}

#[test]
fn what_is_refused_for_good_is_a_dead_letter_and_what_may_pass_is_tried_again() {
    let broker = Broker::new();
    let tries = std::sync::atomic::AtomicU32::new(0);
    broker.script(move |message| match message.payload.as_str() {
        "2" => Does::Refuse(Reason::NotAuthorized),
        "4" if tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2 => {
            Does::Refuse(Reason::QuotaExceeded)
        }
        _ => Does::Take,
    });
    let world = World::new(&settings(&broker));
    for number in numbers(1..=5) {
        world.say("plant/x", &number);
    }
    world.settle();
    let letters = world.letters();
    assert_eq!(letters.total, 1);
    assert!(
        letters.letters[0].error.contains("not authorized"),
        "{:?}",
        letters.letters[0].error
    );
    let mut taken = broker.payloads();
    taken.sort();
    assert_eq!(taken, ["1", "3", "4", "5"]);
}

#[test]
fn a_record_whose_time_is_over_is_not_sent_and_counted() {
    let broker = Broker::new();
    broker.down();
    let world = World::new(&settings(&broker));
    place(
        &world.journal,
        "plant/x",
        "old",
        Kind::Event,
        &[Property::Expiry(1)],
    );
    place(&world.journal, "plant/x", "new", Kind::Event, &[]);
    let begin = std::time::Duration::from_millis(1_100);
    let past = world.records(Lane::Normal)[0].received;
    let clock = spica_clock::SystemClock;
    wait("its time is over", || {
        let now = spica_clock::Clock::wall(&clock);
        u128::from((now.as_micros() - past.as_micros()).unsigned_abs()) > begin.as_micros()
    });
    // Those that are handed to the client before are as they were.
    let settings = settings(&broker);
    let world = world.again(&settings);
    broker.up();
    world.settle();
    assert_eq!(broker.payloads(), ["new"]);
    assert!(world.counts("bridge_expired_total", 1));
}

#[test]
fn why_there_is_no_connection_is_said() {
    let broker = Broker::new();
    broker.refuse_clients(Some(Reason::BadUserNameOrPassword));
    let world = World::new(&settings(&broker));
    world.say("plant/x", "1");
    let error = || {
        world
            .status()
            .last_error
            .map(|it| it.text)
            .unwrap_or_default()
    };
    wait("it says why", || {
        error().contains("refuses the connection: bad user name or password")
    });
    assert_eq!(world.status().state, State::Retrying);
    assert!(!world.is_connected("out-normal"));
    broker.refuse_clients(None);
    world.settle();
    assert_eq!(broker.payloads(), ["1"]);
    // A broker that knows no TLS.
    let mut with_tls = settings(&broker);
    with_tls.tls = Some(TlsSettings::default());
    let world = world.again(&with_tls);
    world.say("plant/x", "2");
    let error = || {
        world
            .status()
            .last_error
            .map(|it| it.text)
            .unwrap_or_default()
    };
    wait("it says why", || error().contains("cannot reach"));
    // A file that is not there.
    with_tls.tls = Some(TlsSettings {
        ca: Some("nowhere.pem".parse().unwrap()),
        ..TlsSettings::default()
    });
    let opened = bridge(
        &with_tls,
        &world.journal,
        &Default::default(),
        Default::default(),
        &runtime(),
    );
    let error = opened.err().unwrap().to_string();
    assert!(
        error.starts_with("bridge \"b\": tls.ca: nowhere.pem: "),
        "{error}"
    );
}

#[test]
fn mqtt_3_1_1_does_as_well() {
    let broker = Broker::of(Version::V311);
    let mut settings = settings(&broker);
    settings.version = Protocol::V311;
    let world = World::new(&settings);
    for number in numbers(1..=20) {
        world.say("plant/x", &number);
    }
    world.settle();
    assert_eq!(broker.payloads(), numbers(1..=20));
    assert!(
        broker
            .published()
            .iter()
            .all(|it| it.qos == QoS::AtLeastOnce)
    );
    assert!(broker.is_connected(OUT));
}
