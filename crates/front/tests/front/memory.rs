//! Connections without sockets.

use std::net::SocketAddr;
use std::time::Duration;

use spica_admission::Refusal;
use spica_front::pipe;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{World, echo, hello, soon};

fn remote(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 1))
}

#[tokio::test]
async fn a_pipe_is_served_as_a_socket_is() {
    let mut world = World::new();
    let (near, far) = pipe(1_000);
    world.front().attach(near, remote(1), echo).unwrap();
    let (line, mut far) = hello(far).await;
    assert_eq!(line, "memory 192.0.2.1:1 nobody");
    let sent = vec![7; 100_000];
    let (mut reader, mut writer) = tokio::io::split(far.get_mut());
    let mut back = vec![0; sent.len()];
    let (written, read) = tokio::join!(writer.write_all(&sent), reader.read_exact(&mut back));
    written.unwrap();
    read.unwrap();
    assert!(back == sent, "not the same bytes");
    let stopped = soon(world.front.take().unwrap().stop(Duration::from_secs(60))).await;
    assert_eq!(stopped.finished, 1);
    assert_eq!(soon(far.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn admission_and_role_count_for_pipes_too() {
    let world = World::with(|limits, _| limits.connections_per_source = 1);
    world.role.hesitate();
    let (near, far) = pipe(1_000);
    world.front().attach(near, remote(1), echo).unwrap();
    let refused = world.front().attach(pipe(1).0, remote(1), echo);
    assert_eq!(refused.unwrap_err(), Refusal::SourceFull);
    world.role.serve();
    hello(far).await;
}
