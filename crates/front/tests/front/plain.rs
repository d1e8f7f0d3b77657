//! Bytes over TCP: admission, balancers, roles, stopping.

use std::time::Duration;

use spica_front::{Listen, ListenError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{World, dial, echo, hello, soon};

#[tokio::test]
async fn several_listeners_share_what_they_count_and_stop_together() {
    let mut world = World::new();
    let addresses = [world.listen(None, false), world.listen(None, false)];
    let mut streams = Vec::new();
    for address in addresses {
        let stream = dial(address).await;
        let from = stream.local_addr().unwrap();
        let (line, mut stream) = hello(stream).await;
        assert_eq!(line, format!("echo {from} nobody"));
        stream.write_all(b"12345").await.unwrap();
        let mut back = [0; 5];
        soon(stream.read_exact(&mut back)).await.unwrap();
        assert_eq!(&back, b"12345");
        streams.push(stream);
    }
    assert_eq!(world.metric("echo_connections_open"), 2.0);
    assert_eq!(world.metric("echo_admission_open"), 2.0);
    let stop = world.front.take().unwrap().stop(Duration::from_secs(60));
    let stopped = soon(stop).await;
    assert_eq!((stopped.finished, stopped.cut), (2, 0));
    for mut stream in streams {
        assert_eq!(soon(stream.read(&mut [0])).await.unwrap_or(0), 0);
    }
    let closed = "echo_connections_closed_total{reason=\"stopped\"}";
    assert_eq!(world.metric(closed), 2.0);
    assert_eq!(world.metric("echo_admission_open"), 0.0);
}

#[tokio::test]
async fn what_is_beyond_the_cap_is_closed_unheard() {
    let world = World::with(|limits, _| limits.connections = 1);
    let address = world.listen(None, false);
    let (_, first) = hello(dial(address).await).await;
    let mut second = dial(address).await;
    assert_eq!(soon(second.read(&mut [0])).await.unwrap_or(0), 0);
    drop(first);
    world.until("echo_connections_open", 0.0).await;
    hello(dial(address).await).await;
}

#[tokio::test]
async fn the_end_of_a_reign_cuts_what_began_in_it_and_a_vote_brings_the_next() {
    let world = World::new();
    let address = world.listen(None, false);
    let (_, mut stream) = hello(dial(address).await).await;
    world.role.hesitate();
    assert_eq!(soon(stream.read(&mut [0])).await.unwrap_or(0), 0);
    let passive = "echo_connections_closed_total{reason=\"passive\"}";
    world.until(passive, 1.0).await;
    let waiting = dial(address).await;
    world.until("echo_connections_open", 1.0).await;
    world.role.serve();
    hello(waiting).await;
}

#[tokio::test]
async fn a_station_that_greets_when_passive_is_given_who_comes_and_where_to_send_them() {
    let world = World::with(|_, rules| rules.greets_when_passive = true);
    let address = world.listen(None, false);
    world.role.yield_to(Some("hub-b"));
    let (line, mut stream) = hello(dial(address).await).await;
    assert_eq!(line, "go to Some(\"hub-b\")");
    world.role.serve();
    let (line, _) = hello(dial(address).await).await;
    assert!(line.ends_with("nobody"), "{line}");
    world.role.yield_to(None);
    assert_eq!(soon(stream.read(&mut [0])).await.unwrap_or(0), 0);
    let (line, _) = hello(dial(address).await).await;
    assert_eq!(line, "go to None");
}

#[tokio::test]
async fn a_balancer_names_the_client_and_nobody_else_can() {
    let world = World::with(|_, rules| rules.balancers = vec!["127.0.0.1/32".parse().unwrap()]);
    let address = world.listen(None, false);
    let mut stream = dial(address).await;
    let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 1883\r\nrest";
    stream.write_all(header).await.unwrap();
    let (line, mut stream) = hello(stream).await;
    assert_eq!(line, "echo 192.0.2.7:4000 nobody");
    let mut rest = [0; 4];
    soon(stream.read_exact(&mut rest)).await.unwrap();
    assert_eq!(&rest, b"rest");
    dial(address).await.write_all(b"noise\r\n").await.unwrap();
    world.until("echo_proxy_errors_total", 1.0).await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let world = World::new();
    let listen = Listen {
        name: "second listener",
        address: world.listen(None, false),
        tls: None,
        web_socket: None,
    };
    let error = world.front().listen(listen, echo).unwrap_err();
    assert!(matches!(error, ListenError::Bind { .. }));
    assert!(
        error
            .to_string()
            .contains("the second listener cannot listen on 127")
    );
}
