//! Requests that do not become WebSockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{World, dial, soon};
use crate::web_socket::REQUEST;

/// The whole answer to a request.
async fn answer(world: &World, address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = dial(address).await;
    soon(stream.write_all(request.as_bytes())).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    drop(stream);
    world.until("echo_connections_open", 0.0).await;
    answer
}

#[tokio::test]
async fn each_refusal_says_what_is_wrong_and_only_probes_are_offences() {
    let world = World::new();
    let address = world.listen(None, true);
    let long = format!("X: {}\r\n\r\n", "x".repeat(9_000));
    let many = format!("{}\r\n", "X: 1\r\n".repeat(60));
    for (from, to, status, is_probe) in [
        ("/echo", "/nowhere", "404 Not Found", false),
        ("/echo", "/echoes", "404 Not Found", false),
        ("GET", "POST", "405 Method Not Allowed", true),
        ("HTTP/1.1", "HTTP/1.0", "400 Bad Request", true),
        ("GET /echo", "\u{16}\u{3}\u{1}", "400 Bad Request", true),
        ("Upgrade: WebSocket\r\n", "", "426 Upgrade Required", true),
        ("keep-alive, Upgrade", "close", "426 Upgrade Required", true),
        ("Host: hub\r\n", "", "426 Upgrade Required", true),
        ("Version: 13", "Version: 8", "426 Upgrade Required", false),
        ("dGhl", "", "400 Bad Request", false),
        ("other, mqtt", "mqttx", "400 Bad Request", false),
        (
            "Sec-WebSocket-Protocol: other, mqtt\r\n",
            "",
            "400 Bad Request",
            false,
        ),
        (
            "\r\n\r\n",
            &format!("\r\n{long}"),
            "431 Request Header",
            true,
        ),
        (
            "\r\n\r\n",
            &format!("\r\n{many}"),
            "431 Request Header",
            true,
        ),
    ] {
        let offences = "echo_admission_offences_total{reason=\"probe\"}";
        let (errors, before) = (
            world.metric("echo_upgrade_errors_total"),
            world.metric(offences),
        );
        let request = REQUEST.replacen(from, to, 1);
        assert_ne!(request, REQUEST);
        let said = answer(&world, address, &request).await;
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status}")),
            "{request}\n{said}"
        );
        assert!(said.contains("Connection: close\r\n"), "{said}");
        assert_eq!(world.metric("echo_upgrade_errors_total"), errors + 1.0);
        let more = f64::from(u8::from(is_probe));
        assert_eq!(world.metric(offences), before + more, "{request}");
    }
}

#[tokio::test]
async fn the_older_name_of_the_protocol_is_taken_and_the_clients_order_counts() {
    let world = World::new();
    let address = world.listen(None, true);
    for (offered, chosen) in [("mqttv3.1", "mqttv3.1"), ("mqttv3.1, mqtt", "mqttv3.1")] {
        let mut stream = dial(address).await;
        let request = REQUEST.replace("other, mqtt", offered);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = vec![0; 129];
        soon(stream.read_exact(&mut head)).await.unwrap();
        let mut rest = vec![0; 200];
        let read = soon(stream.read(&mut rest)).await.unwrap();
        let said =
            String::from_utf8_lossy(&head).into_owned() + &String::from_utf8_lossy(&rest[..read]);
        let wanted = format!("Sec-WebSocket-Protocol: {chosen}\r\n\r\n");
        assert!(said.contains(&wanted), "{said}");
    }
}

#[tokio::test]
async fn a_request_that_does_not_end_is_waited_for_only_so_long() {
    let world = World::with(|_, rules| rules.patience = Duration::from_millis(30));
    let mut stream = dial(world.listen(None, true)).await;
    stream.write_all(b"GET /echo HTTP/1.1\r\n").await.unwrap();
    assert_eq!(soon(stream.read(&mut [0])).await.unwrap_or(0), 0);
    let late = "echo_connections_closed_total{reason=\"handshake-timeout\"}";
    world.until(late, 1.0).await;
}
