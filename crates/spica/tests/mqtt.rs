//! `spica mqtt pub` and `sub` against the real node.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use spica_fixture::{Hub, Launch};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(30);

fn start(dir: &tempfile::TempDir) -> Hub {
    let launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path());
    let launch = launch.config("mqtt.listen = \"127.0.0.1:0\"");
    let launch = launch.config("mqtt.access.anonymous = \"operator\"");
    launch.start().unwrap()
}

fn mqtt(hub: &Hub, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spica"));
    command
        .arg("mqtt")
        .args(args)
        .env("SPICA_MQTT", hub.addresses().mqtt.unwrap().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn ended(command: &mut Command) -> Output {
    timeout(DEADLINE, command.output()).await.unwrap().unwrap()
}

async fn lines_of(command: &mut Command) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

async fn row(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = timeout(DEADLINE, lines.next_line()).await.unwrap();
    serde_json::from_str(&line.unwrap().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_printed_with_its_properties() {
    let dir = tempfile::tempdir().unwrap();
    let hub = start(&dir);
    for version in ["3.1.1", "5"] {
        let args = [
            "sub", "-t", "a/+", "-q", "2", "--json", "-C", "1", "-M", version,
        ];
        let (mut child, mut lines) = lines_of(&mut mqtt(&hub, &args)).await;
        assert_eq!(row(&mut lines).await, json!({ "subscribed": { "a/+": 2 } }));
        let sent = ended(&mut mqtt(
            &hub,
            &[
                "pub",
                "-t",
                "a/b",
                "-m",
                "on",
                "-q",
                "2",
                "--property",
                "n=v",
                "--content-type",
                "text/plain",
                "--json",
            ],
        ))
        .await;
        assert!(sent.status.success(), "{sent:?}");
        let sent: Value = serde_json::from_slice(&sent.stdout).unwrap();
        assert_eq!(sent["reason"], "success");
        let mut expected = json!({ "topic": "a/b", "qos": 2, "retain": false, "payload": "on" });
        if version == "5" {
            expected["properties"] = json!([["n", "v"]]);
            expected["content_type"] = "text/plain".into();
        }
        assert_eq!(row(&mut lines).await, expected);
        let status = timeout(DEADLINE, child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "the count is reached");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_messages_and_wait_for_a_session_that_stays() {
    let dir = tempfile::tempdir().unwrap();
    let hub = start(&dir);
    let sub = ["sub", "-t", "l", "-i", "stays", "--session", "1h"];
    let sub = |more: &[&'static str]| [&sub, more].concat();
    let first = ended(&mut mqtt(&hub, &sub(&["--for", "0s"]))).await;
    assert!(first.status.success(), "{first:?}");
    let mut publish = mqtt(&hub, &["pub", "-t", "l", "--stdin"]);
    let mut child = publish.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo\n\nfour").await.unwrap();
    drop(stdin);
    let status = timeout(DEADLINE, child.wait()).await.unwrap().unwrap();
    assert!(status.success());
    let waited = ended(&mut mqtt(&hub, &sub(&["-v", "-C", "4"]))).await;
    assert_eq!(waited.stdout, b"l one\nl two\nl \nl four\n", "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retained_message_comes_first_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let hub = start(&dir);
    let file = dir.path().join("payload");
    std::fs::write(&file, "kept").unwrap();
    let file = file.to_str().unwrap();
    let sent = ended(&mut mqtt(&hub, &["pub", "-t", "r", "-f", file, "-r"])).await;
    assert!(sent.status.success(), "{sent:?}");
    let seen = ended(&mut mqtt(&hub, &["sub", "-t", "r", "-C", "1"])).await;
    assert_eq!(seen.stdout, b"kept\n", "{seen:?}");
    let none = ended(&mut mqtt(
        &hub,
        &["sub", "-t", "r", "-R", "-C", "1", "--for", "100ms"],
    ))
    .await;
    assert_eq!(none.status.code(), Some(1));
    let said = String::from_utf8(none.stderr).unwrap();
    assert!(
        said.contains("only 0 of 1 messages have come in time"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let hub = start(&dir);
    let pub_as = |secret: String| {
        let mut command = mqtt(&hub, &["pub", "-t", "a", "-m", "x", "-u", "somebody"]);
        command.env("SPICA_MQTT_PASSWORD", secret);
        command
    };
    let taken = ended(&mut pub_as(hub.token().unwrap())).await;
    assert!(taken.status.success(), "{taken:?}");
    let refused = ended(&mut pub_as("sesame".into())).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("refuses the connection"), "{said}");
    assert!(!said.contains("sesame"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let hub = start(&dir);
    let refused = ended(&mut mqtt(&hub, &["pub", "-t", "audit/x", "-m", "x"])).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("the server refuses the message"), "{said}");
    let address = hub.addresses().mqtt.unwrap().to_string();
    assert_eq!(hub.stop().unwrap(), Some(0));
    let args = ["mqtt", "pub", "-t", "a", "-m", "x", "-b", &address];
    let mut command = Command::new(env!("CARGO_BIN_EXE_spica"));
    let unreachable = ended(command.args(args)).await;
    assert_eq!(unreachable.status.code(), Some(1));
    let said = String::from_utf8(unreachable.stderr).unwrap();
    assert!(said.contains("cannot reach"), "{said}");
}
