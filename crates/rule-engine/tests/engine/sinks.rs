//! HTTP sinks.

use std::collections::BTreeSet;

use spica_handler::{State, Which};
use spica_model::{Lane, Seq};
use spica_rules::RulesControl as _;

use crate::common::{World, place, wait};
use crate::server::{Does, Server};

fn rules(servers: &[(&str, &Server, &str)]) -> String {
    let mut text = String::new();
    for (name, server, more) in servers {
        let url = &server.url;
        text += &format!("[[sink]]\nname = \"{name}\"\nurl = \"{url}\"\n{more}\n");
    }
    for (name, _, _) in servers {
        text += &format!(
            "[[rule]]\nname = \"to-{name}\"\ntopics = [\"t\"]\n\
             then = [{{ post = {{ sink = \"{name}\", body = 'payload.to' }} }}]\n"
        );
    }
    text
}

fn say(world: &World, number: u32) -> Seq {
    place(
        &world.journal,
        Lane::Normal,
        "t",
        &format!(r#"{{"to": {number}}}"#),
    )
}

fn keys(server: &Server) -> Vec<String> {
    server.seen().iter().map(|it| it.key().to_owned()).collect()
}

#[test]
fn what_is_posted_says_who_it_is_and_what_it_is() {
    let server = Server::friendly();
    let more = "token = \"abc\"\nsecret = \"key\"";
    let world = World::new(&rules(&[("erp", &server, more)]));
    for number in 1..=50 {
        say(&world, number);
    }
    world.settle("sink-erp");
    let seen = server.seen();
    let bodies: BTreeSet<u32> = seen.iter().map(|it| it.body.parse().unwrap()).collect();
    assert_eq!((seen.len(), bodies), (50, (1..=50).collect()));
    let headers = &seen[0].headers;
    assert_eq!(headers["authorization"], "Bearer abc");
    assert_eq!(headers["content-type"], "application/json");
    assert!(
        seen.iter()
            .any(|it| it.key() == "root/s1:rule:to-erp/0/1/normal/1")
    );
    let timestamp = &headers["x-spica-timestamp"];
    let signed = spica_channels::signature(b"key", timestamp, seen[0].body.as_bytes());
    assert_eq!(headers["x-spica-signature"], signed);
    // Which are free when the next is wanted is chance.
    assert!(server.connections() < 50, "connections are used again");
}

#[test]
fn one_at_a_time_is_in_order_also_after_failures() {
    let server =
        Server::new(|_, before| Does::Answer(if before.len() % 3 == 1 { 503 } else { 200 }));
    let world = World::new(&rules(&[("erp", &server, "in_flight = 1")]));
    for number in 1..=10 {
        say(&world, number);
    }
    world.settle("sink-erp");
    let expected: Vec<String> = (1..=10).map(|it| it.to_string()).collect();
    assert_eq!(server.taken(), expected);
    assert_eq!(
        world.letters("sink-erp").total,
        0,
        "it is no record's fault"
    );
}

#[test]
fn what_was_taken_behind_a_failure_is_not_sent_a_second_time() {
    let server = Server::new(|request, before| {
        let tried = before.iter().filter(|it| it.body == "3").count();
        Does::Answer(if request.body == "3" && tried < 4 {
            500
        } else {
            200
        })
    });
    let world = World::new(&rules(&[("erp", &server, "in_flight = 8")]));
    for number in 1..=40 {
        say(&world, number);
    }
    world.settle("sink-erp");
    let taken = server.taken_requests();
    let keys: BTreeSet<&str> = taken.iter().map(|it| it.key()).collect();
    assert_eq!((taken.len(), keys.len()), (40, 40));
}

#[test]
fn what_the_sink_refuses_becomes_a_dead_letter_and_the_others_go_on() {
    let server =
        Server::new(|request, _| Does::Answer(if request.body == "7" { 422 } else { 200 }));
    let world = World::new(&rules(&[("erp", &server, "")]));
    for number in 1..=20 {
        say(&world, number);
    }
    world.settle("sink-erp");
    let letters = world.letters("sink-erp");
    assert_eq!((letters.total, server.taken().len()), (1, 19));
    assert_eq!(
        letters.letters[0].error,
        "the sink answers 422 Unprocessable Entity"
    );
    server.now(|_, _| Does::Answer(200));
    let replayed = world
        .control()
        .replay("sink-erp", Which::All, "me")
        .unwrap();
    assert_eq!((replayed.done, server.taken().len()), (1, 20));
}

#[test]
fn a_sink_that_does_not_answer_in_time_is_tried_again_and_delays_no_other() {
    let hangs = Server::new(|_, _| Does::Hang);
    let fine = Server::friendly();
    let world = World::new(&rules(&[
        ("slow", &hangs, "timeout = \"100ms\""),
        ("fast", &fine, ""),
    ]));
    for number in 1..=20 {
        say(&world, number);
    }
    world.settle("sink-fast");
    assert_eq!(fine.taken().len(), 20);
    wait("it is tried again", || {
        world.status("sink-slow", Lane::Normal).retries > 1
    });
    let status = world.status("sink-slow", Lane::Normal);
    assert_eq!((status.state, status.through), (State::Retrying, Seq::ZERO));
    let error = status.last_error.unwrap().text;
    assert!(
        error.contains("timed out") && !error.contains("http://"),
        "{error}"
    );
    hangs.now(|_, _| Does::Answer(200));
    world.settle("sink-slow");
    let keys: BTreeSet<String> = keys(&hangs).into_iter().collect();
    assert_eq!(keys.len(), 20);
    assert_eq!(world.letters("sink-slow").total, 0);
}

#[test]
fn nobody_there_is_said_with_its_cause_and_nothing_is_lost() {
    // A port that was free a moment ago.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let server = Server::friendly();
    let text = rules(&[("erp", &server, "")]);
    let world = World::new(&text.replace(&server.url, &format!("http://{address}/")));
    say(&world, 1);
    let failed = || world.status("sink-erp", Lane::Normal).last_error;
    wait("it fails", || failed().is_some());
    let error = failed().unwrap().text;
    assert!(
        error.to_lowercase().contains("connection refused"),
        "{error}"
    );
    world.write(&text);
    world.engine.reload().unwrap();
    world.settle("sink-erp");
    assert_eq!(
        server.taken(),
        ["1"],
        "another address holds from the next attempt on"
    );
}

#[test]
fn after_a_restart_what_comes_again_has_the_same_key() {
    let server = Server::new(|request, _| {
        if request.body == "2" {
            Does::Hang
        } else {
            Does::Answer(200)
        }
    });
    let text = rules(&[("erp", &server, "in_flight = 1\ntimeout = \"200ms\"")]);
    let world = World::new(&text);
    for number in 1..=3 {
        say(&world, number);
    }
    wait("it hangs", || server.seen().len() > 1);
    let (first, before) = (server.taken(), keys(&server));
    assert_eq!(first, ["1"]);
    server.now(|_, _| Does::Answer(200));
    let world = world.again(&text);
    world.settle("sink-erp");
    let after = keys(&server);
    let count = |key: &String| after.iter().filter(|it| *it == key).count();
    assert_eq!(
        count(&before[0]),
        1,
        "what was acknowledged is not sent again"
    );
    assert!(count(&before[1]) > 1, "what was not, is, with the same key");
    let distinct: BTreeSet<_> = after.iter().collect();
    assert_eq!(distinct.len(), 3);
}
