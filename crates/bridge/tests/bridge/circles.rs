//! Messages that would go round.

use spica_model::{Kind, Lane, Property};

use crate::broker::{Broker, Message};
use crate::common::{IN, World, message, place, settings, wait};

#[test]
fn what_came_in_does_not_go_out_by_the_same_bridge() {
    let broker = Broker::new();
    let mut settings = settings(&broker);
    settings.out[0].topics = vec!["remote/#".to_owned()];
    settings.out[0].strip = None;
    let world = World::new(&settings);
    wait("it subscribes", || !broker.filters(IN).is_empty());
    broker.send(IN, &message("cmd/x", "1"));
    wait("it came", || broker.acknowledged(IN) == 1);
    world.say("remote/x", "2");
    world.settle();
    assert_eq!(broker.payloads(), ["2"]);
    assert!(world.counts("bridge_circles_total", 1));
}

/// Two bridges to each other: what a node has sent comes back by the other's bridge.
#[test]
fn what_has_been_here_is_not_taken_in_and_does_not_go_out() {
    let broker = Broker::new();
    let world = World::new(&settings(&broker));
    wait("it subscribes", || !broker.filters(IN).is_empty());
    world.say("plant/x", "1");
    world.settle();
    let sent = broker.published().remove(0);
    assert_eq!(sent.user("spica-via"), Some("root/s1"));
    for via in ["root/s1", "root/s2,root/s1", "root/s1,root/s2"] {
        let user = vec![("spica-via".to_owned(), via.to_owned())];
        broker.send(
            IN,
            &Message {
                user,
                ..message("cmd/x", via)
            },
        );
    }
    let user = vec![("spica-via".to_owned(), "root/s2".to_owned())];
    broker.send(
        IN,
        &Message {
            user,
            ..message("cmd/x", "of s2")
        },
    );
    wait("all are acknowledged", || broker.acknowledged(IN) == 4);
    assert_eq!(world.said("remote/x"), ["of s2"]);
    let via = Property::User {
        name: "spica-via",
        value: "root/s1,root/s2",
    };
    place(&world.journal, "plant/x", "2", Kind::Event, &[via]);
    let via = Property::User {
        name: "spica-via",
        value: "root/s2",
    };
    place(&world.journal, "plant/x", "3", Kind::Event, &[via]);
    world.settle();
    assert_eq!(broker.payloads(), ["1", "3"]);
    assert_eq!(
        broker.published()[1].user("spica-via"),
        Some("root/s2,root/s1")
    );
    assert!(world.counts("bridge_circles_total", 4));
    assert_eq!(world.records(Lane::Normal).len(), 4);
}

#[test]
fn a_message_comes_through_so_many_nodes_and_no_more() {
    let broker = Broker::new();
    let world = World::new(&settings(&broker));
    for nodes in [15, 16] {
        let via = vec!["root/x"; nodes].join(",");
        let via = Property::User {
            name: "spica-via",
            value: &via,
        };
        place(
            &world.journal,
            "plant/x",
            &nodes.to_string(),
            Kind::Event,
            &[via],
        );
    }
    world.settle();
    assert_eq!(broker.payloads(), ["15"]);
}
