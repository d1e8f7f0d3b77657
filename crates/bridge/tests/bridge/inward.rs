//! What comes in.

use spica_bridge::{InSettings, Lane as BridgeLane, Service};
use spica_journal::memory::MemoryJournal;
use spica_model::{Kind, Lane};
use spica_mqtt_client::QoS;

use crate::broker::{Broker, Message};
use crate::common::{IN, World, message, settings, wait};

fn subscribed(broker: &Broker) {
    wait("it subscribes", || broker.filters(IN) == ["cmd/#"]);
}

#[test]
fn what_comes_in_is_acknowledged_when_it_is_durable_and_not_before() {
    let broker = Broker::new();
    let world = World::on(MemoryJournal::new(), &settings(&broker));
    subscribed(&broker);
    world.journal.hold(Lane::Normal);
    for number in 1..=3 {
        broker.send(IN, &message("cmd/x", &number.to_string()));
    }
    let placed = || {
        spica_journal::Journal::status(&*world.journal, Lane::Normal)
            .last
            .0
    };
    wait("all are placed", || placed() == 3);
    assert_eq!(broker.acknowledged(IN), 0);
    world.journal.release(Lane::Normal);
    wait("all are acknowledged", || broker.acknowledged(IN) == 3);
    assert_eq!(world.said("remote/x"), ["1", "2", "3"]);
    wait("they are counted", || world.counts("bridge_taken_total", 3));
    assert!(world.is_connected("in-normal"));
    let record = &world.records(Lane::Normal)[0];
    assert_eq!(record.cause.as_ref().unwrap().as_str(), "bridge:b");
}

#[test]
fn a_connection_that_is_lost_while_messages_wait_for_the_disk_doubles_none() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let broker = Broker::new();
        let mut settings = settings(&broker);
        settings.inward[0].qos = Service::ExactlyOnce;
        let world = World::on(MemoryJournal::new(), &settings);
        subscribed(&broker);
        world.journal.hold(Lane::Normal);
        for number in 1..=20 {
            let one = message("cmd/x", &number.to_string());
            broker.send(IN, &Message { qos, ..one });
        }
        let placed = || {
            spica_journal::Journal::status(&*world.journal, Lane::Normal)
                .last
                .0
        };
        wait("all are placed", || placed() == 20);
        broker.down();
        broker.up();
        wait("it is there again", || broker.is_connected(IN));
        world.journal.release(Lane::Normal);
        wait("all are acknowledged", || broker.acknowledged(IN) == 20);
        assert_eq!(world.said("remote/x").len(), 20, "{qos:?}");
    }
}

#[test]
fn while_this_side_is_away_the_session_keeps_what_comes() {
    let broker = Broker::new();
    let settings = settings(&broker);
    let world = World::new(&settings);
    subscribed(&broker);
    broker.down();
    wait("it is seen", || !world.is_connected("in-normal"));
    broker.send(IN, &message("cmd/x", "while away"));
    let world = world.again(&settings);
    broker.up();
    wait("it came", || world.said("remote/x") == ["while away"]);
    wait("it is acknowledged", || broker.acknowledged(IN) == 1);
}

#[test]
fn a_record_of_another_spica_is_one_fact_also_if_it_comes_twice() {
    let broker = Broker::new();
    let world = World::new(&settings(&broker));
    subscribed(&broker);
    let long = "x".repeat(200);
    for record in [
        "root/a@1/normal/1",
        "root/a@1/normal/1",
        "root/a@1/normal/2",
        &long,
        &long,
    ] {
        let user = vec![("spica-record".to_owned(), record.to_owned())];
        broker.send(
            IN,
            &Message {
                user,
                ..message("cmd/x", record)
            },
        );
    }
    wait("all are acknowledged", || broker.acknowledged(IN) == 5);
    assert_eq!(world.said("remote/x").len(), 3);
}

#[test]
fn retained_messages_are_states_and_what_can_be_no_record_is_dropped_and_counted() {
    let broker = Broker::new();
    let mut settings = settings(&broker);
    settings.inward[0].add = None;
    let world = World::new(&settings);
    subscribed(&broker);
    for (topic, payload) in [
        ("cmd/x", "1"),
        ("cmd/x", ""),
        ("cmd/system/x", "2"),
        ("cmd", "3"),
    ] {
        broker.send(
            IN,
            &Message {
                retain: true,
                ..message(topic, payload)
            },
        );
    }
    wait("all are acknowledged", || broker.acknowledged(IN) == 4);
    let records = world.records(Lane::Normal);
    let all_states = records.iter().all(|record| record.kind == Kind::State);
    assert_eq!((records.len(), all_states), (2, true));
    assert!(world.counts("bridge_refused_total", 2));
}

#[test]
fn a_lane_that_is_full_does_not_delay_the_other() {
    let broker = Broker::new();
    let mut settings = settings(&broker);
    settings.inward.push(InSettings {
        topics: vec!["alarm/#".to_owned()],
        strip: None,
        add: None,
        qos: Service::AtLeastOnce,
        lane: BridgeLane::Critical,
    });
    let limits = spica_journal::memory::Limits {
        queue_bytes: 100,
        ..Default::default()
    };
    let journal = MemoryJournal::with(limits);
    journal.hold(Lane::Normal);
    let world = World::on(journal, &settings);
    subscribed(&broker);
    let critical = IN.replace("normal", "critical");
    wait("it subscribes", || broker.filters(&critical) == ["alarm/#"]);
    for number in 1..=50 {
        broker.send(IN, &message("cmd/x", &format!("{number:0100}")));
    }
    broker.send(&critical, &message("alarm/x", "fire"));
    wait("it came", || world.said("alarm/x") == ["fire"]);
    wait("it is acknowledged", || broker.acknowledged(&critical) == 1);
    world.journal.release(Lane::Normal);
    wait("the others came", || broker.acknowledged(IN) == 50);
}

#[test]
fn a_subscription_that_is_refused_is_a_case() {
    let broker = Broker::new();
    broker.refuse_filters();
    let world = World::new(&settings(&broker));
    let told = || {
        let told = world.told.0.lock();
        let found = told.iter().find(|it| it.condition == "bridge-refused");
        found.cloned()
    };
    wait("it is told", || told().is_some());
    let trouble = told().unwrap();
    assert!(trouble.active);
    assert_eq!(trouble.source, "system/bridges/b/in-normal");
    assert!(
        trouble.text.contains("cmd/# (not authorized)"),
        "{}",
        trouble.text
    );
}
