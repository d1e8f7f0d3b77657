//! The command line, as an operator uses it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::process::{Command, Output};

use spica_fixture::{Hub, Launch};

fn spica(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spica"))
        .args(args)
        .output()
        .unwrap()
}

fn at(hub: &Hub, args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_spica"))
        .args(args)
        .env("SPICA_SERVER", format!("http://{}", hub.addresses().http))
        .env("SPICA_TOKEN", hub.token().unwrap())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn launch(dir: &tempfile::TempDir) -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path())
}

#[test]
fn devices_are_registered_listed_commanded_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    let csv = dir.path().join("fleet.csv");
    std::fs::write(&csv, "serial,name\n0000000001,Ada\n0000000002,Grace\n").unwrap();
    let ok = |args: &[&str]| {
        let (success, text) = at(&hub, args);
        assert!(success, "{args:?}: {text}");
        text
    };
    assert!(ok(&["device", "import", csv.to_str().unwrap()]).contains("2 devices"));
    ok(&[
        "device",
        "add",
        "0000000003",
        "--name",
        "Edsger",
        "--check-in-minutes",
        "15",
    ]);
    let list = ok(&["device", "list"]);
    assert!(
        list.contains("Ada") && list.contains("Grace") && list.contains("Edsger"),
        "{list}"
    );
    let queued = ok(&[
        "device",
        "command",
        "0000000003",
        "show-text",
        "--text",
        "Come home",
    ]);
    assert!(queued.contains("queued"), "{queued}");
    assert!(ok(&["device", "show", "0000000003"]).contains("show-text"));
    ok(&["device", "disable", "0000000003"]);
    assert!(ok(&["device", "show", "0000000003"]).contains("false"));
    ok(&["device", "remove", "0000000003"]);
    let (found, text) = at(&hub, &["device", "show", "0000000003"]);
    assert!(!found && text.contains("0000000003"), "{text}");
    assert_eq!(hub.stop().unwrap(), Some(0));
}

#[test]
fn tokens_open_what_their_role_allows() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    let (_, made) = at(&hub, &["token", "add", "dashboard", "--role", "reader"]);
    let secret = made
        .lines()
        .find(|line| line.starts_with("spica_"))
        .unwrap()
        .to_owned();
    let url = format!("http://{}", hub.addresses().http);
    let as_reader = |args: &[&str]| {
        spica(&[args, &["--url", &url, "--token", &secret]].concat())
            .status
            .success()
    };
    assert!(as_reader(&["device", "list"]));
    assert!(!as_reader(&["device", "add", "0000000009"]));
    let (_, list) = at(&hub, &["token", "list"]);
    assert!(
        list.contains("dashboard") && !list.contains(&secret),
        "{list}"
    );
    let id = list
        .lines()
        .find(|l| l.contains("dashboard"))
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert!(at(&hub, &["token", "remove", id]).0);
    assert!(!as_reader(&["device", "list"]));
}

#[test]
fn bans_are_set_listed_and_lifted() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    assert!(at(&hub, &["ban", "add", "203.0.113.0/24", "--for", "1h"]).0);
    assert!(at(&hub, &["ban", "list"]).1.contains("203.0.113.0/24"));
    assert!(at(&hub, &["ban", "remove", "203.0.113.0/24"]).0);
    assert!(!at(&hub, &["ban", "list"]).1.contains("203.0.113.0/24"));
}

#[test]
fn a_wrong_value_is_shown_in_its_file_with_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let (code, log) = launch(&dir)
        .config("http.lisen = \"x\"\nlog.format = \"xml\"")
        .run_to_end()
        .unwrap();
    assert_eq!(code, Some(78), "{log}");
    let file = launch(&dir).config_file();
    for expected in [file.to_str().unwrap(), "lisen", "listen", "human", "json"] {
        assert!(log.contains(expected), "no {expected:?} in {log}");
    }
    let checked = spica(&["config", "check", "--config", file.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(78));
}

#[test]
fn a_data_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    let other = tempfile::tempdir().unwrap();
    let second = launch(&other).data_dir(hub.launch().data());
    let (code, log) = second.run_to_end().unwrap();
    assert_eq!(code, Some(13), "{log}");
    assert_eq!(hub.stop().unwrap(), Some(0));
}

#[test]
fn an_address_in_use_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!("http.listen = \"{}\"", taken.local_addr().unwrap());
    let (code, log) = launch(&dir).config(&config).run_to_end().unwrap();
    assert_eq!(code, Some(14), "{log}");
    assert!(
        log.contains(&taken.local_addr().unwrap().to_string()),
        "{log}"
    );
}

#[test]
fn completions_are_printed() {
    let output = spica(&["completions", "bash"]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("spica"));
}

#[test]
fn a_clean_stop_leaves_no_run_file_and_the_next_start_has_everything() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    assert!(at(&hub, &["device", "add", "0000000001", "--name", "Ada"]).0);
    let data = hub.launch().data().to_owned();
    let token = hub.token().unwrap();
    assert_eq!(hub.stop().unwrap(), Some(0));
    assert!(!data.join("run.json").exists());
    let hub = launch(&dir).start().unwrap();
    assert_eq!(
        hub.token().unwrap(),
        token,
        "a second start makes no second admin token"
    );
    assert!(at(&hub, &["device", "list"]).1.contains("Ada"));
}

#[test]
fn the_next_server_is_asked_and_a_node_on_its_own_is_no_pair() {
    let dir = tempfile::tempdir().unwrap();
    let hub = launch(&dir).start().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let both = format!("{gone},http://{}", hub.addresses().http);
    let (ok, text) = at(&hub, &["device", "list", "--server", &both]);
    assert!(ok, "{text}");
    let (ok, text) = at(&hub, &["pair", "status"]);
    assert!(!ok && text.contains("there is no [pair]"), "{text}");
    let (ok, text) = at(&hub, &["pair", "promote"]);
    assert!(!ok && text.contains("--i-know"), "{text}");
    let (ok, text) = at(&hub, &["pair", "rejoin", "--server", &both]);
    assert!(!ok && text.contains("one --server"), "{text}");
    let (ok, text) = at(&hub, &["pair", "status", "--json", "--server", &gone]);
    assert!(!ok && text.contains("\"error\""), "{text}");
}

#[test]
fn balancers_in_front_of_a_pair_are_configured() {
    let nodes = ["--node", "a=10.0.0.1:8080", "--node", "b=10.0.0.2:8080"];
    let printed = spica(&[&["topology", "haproxy"][..], &nodes].concat());
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains("uri /health/active"), "{text}");
    assert!(
        !spica(&[&["topology", "haproxy"][..], &nodes[..2]].concat())
            .status
            .success()
    );
    let address = ["--virtual-ip", "10.0.0.100/24"];
    let printed = spica(
        &[
            &["topology", "keepalived", "--side", "backup"][..],
            &address,
        ]
        .concat(),
    );
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains("priority 90"), "{text}");
}
