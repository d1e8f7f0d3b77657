//! Who is let in, what they may do, and what operators see: at a station on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "each test uses its part of it")]
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Client, Node, connect, password_of};
use parking_lot::Mutex;
use spica_clock::{Clock as _, SystemClock};
use spica_front::ClientCertificate;
use spica_mqtt_access::scram;
use spica_mqtt_proto::{Reason, Version};
use spica_station_mqtt::{Access as _, Reread, Settings, Shown};

fn access(text: &str) -> Settings {
    Settings {
        access: toml::from_str(text).unwrap(),
        ..Settings::default()
    }
}

#[tokio::test]
async fn tokens_passwords_and_nothing_at_all() {
    let node = Node::start(Settings::default()).await;
    node.add_user("ada", &["operator"], "correct horse").await;
    for (user, password, reason) in [
        (None, Some("spica_operator"), Reason::Success),
        (Some("any"), Some("spica_reader"), Reason::Success),
        (None, Some("spica_unknown"), Reason::BadUserNameOrPassword),
        (Some("ada"), Some("correct horse"), Reason::Success),
        (
            Some("ada"),
            Some("wrong horse"),
            Reason::BadUserNameOrPassword,
        ),
        (
            Some("bob"),
            Some("correct horse"),
            Reason::BadUserNameOrPassword,
        ),
        (Some("ada"), None, Reason::NotAuthorized),
        (None, None, Reason::NotAuthorized),
    ] {
        let mut client = Client::dial(&node).await;
        let told = client
            .connect(&connect(Version::V5, "", user, password))
            .await;
        assert_eq!(told, reason, "{user:?} {password:?}");
    }
    let mut client = Client::dial(&node).await;
    let old = connect(Version::V311, "old", Some("ada"), Some("wrong horse"));
    assert_eq!(client.connect(&old).await, Reason::BadUserNameOrPassword);
}

#[tokio::test]
async fn each_may_do_what_its_role_says_and_what_it_may_not_is_counted() {
    let node = Node::start(access("anonymous = \"reader\"")).await;
    node.register("77").await;
    let mut device = Client::dial(&node).await;
    let hello = connect(Version::V5, "d", None, Some("spica_device77"));
    assert_eq!(device.connect(&hello).await, Reason::Success);
    for (topic, reason) in [
        ("devices/77/data/level", Reason::Success),
        ("devices/78/data/level", Reason::NotAuthorized),
        ("weather", Reason::NotAuthorized),
        ("system/tokens/x", Reason::NotAuthorized),
    ] {
        assert_eq!(device.publish(topic).await, reason, "{topic}");
    }
    for (filter, is_allowed) in [
        ("devices/77/commands/#", true),
        ("#", false),
        ("$spica/system/tokens/#", false),
        ("$spica/#", false),
    ] {
        let told = device.subscribe(filter).await;
        assert_eq!(told as u8 <= 2, is_allowed, "{filter}: {told}");
    }
    let shown = node.control.client("d").unwrap();
    assert_eq!((shown.denied, shown.serial.as_deref()), (6, Some("77")));
    assert_eq!(
        (shown.user.as_deref(), shown.roles),
        (Some("device:77"), vec!["device".to_owned()])
    );
    let mut reader = Client::dial(&node).await;
    let hello = connect(Version::V5, "r", None, None);
    assert_eq!(
        reader.connect(&hello).await,
        Reason::Success,
        "as anonymous may"
    );
    assert_eq!(reader.publish("weather").await, Reason::NotAuthorized);
    assert_eq!(reader.subscribe("#").await, Reason::Success);
    let mut unknown = Client::dial(&node).await;
    let hello = connect(Version::V5, "u", None, Some("spica_device78"));
    assert_eq!(
        unknown.connect(&hello).await,
        Reason::NotAuthorized,
        "not registered"
    );
}

#[tokio::test]
async fn a_session_is_that_of_the_user_who_made_it() {
    let node = Node::start(Settings::default()).await;
    let mut first = Client::dial(&node).await;
    let hello = connect(Version::V5, "shared", None, Some("spica_operator"));
    assert_eq!(first.connect(&hello).await, Reason::Success);
    let mut other = Client::dial(&node).await;
    let hello = connect(Version::V5, "shared", None, Some("spica_reader"));
    assert_eq!(other.connect(&hello).await, Reason::NotAuthorized);
    assert_eq!(first.publish("still/here").await, Reason::Success);
}

#[tokio::test]
async fn operators_see_kick_and_end() {
    let node = Node::start(Settings::default()).await;
    for id in ["a", "b", "c"] {
        let mut client = Client::dial(&node).await;
        let mut hello = connect(Version::V5, id, None, Some("spica_operator"));
        hello.properties.session_expiry = Some(600);
        assert_eq!(client.connect(&hello).await, Reason::Success);
        let ids = |after, limit| {
            let clients = node.control.clients(after, limit).into_iter();
            clients.map(|client| client.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(None, 10), [id], "those before are away");
        assert!(ids(Some(id), 10).is_empty());
        assert!(node.control.kick(id));
        assert_eq!(client.ended().await, Some(Reason::AdministrativeAction));
        node.away(id).await;
        assert!(!node.control.kick(id), "it is away");
    }
    let sessions = |after, limit| {
        let sessions = node.control.sessions(after, limit).into_iter();
        sessions.map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(sessions(None, 2), ["a", "b"]);
    assert_eq!(sessions(Some("b"), 2), ["c"]);
    assert!(node.control.end("b") && !node.control.end("b"));
    assert_eq!(sessions(None, 10), ["a", "c"]);
    let mut client = Client::dial(&node).await;
    let mut hello = connect(Version::V5, "a", None, Some("spica_operator"));
    hello.clean_start = false;
    hello.properties.session_expiry = Some(600);
    assert_eq!(client.connect(&hello).await, Reason::Success);
    assert!(client.session_present);
    assert!(node.control.end("a"));
    assert_eq!(client.ended().await, Some(Reason::AdministrativeAction));
    assert_eq!(sessions(None, 10), ["c"]);
}

const ROLE: &str =
    "[roles.sensor]\nrules = [{ allow = [\"publish\"], filters = [\"plant/%u/#\"] }]\n";

fn file(stored: &str, more: &str) -> String {
    format!("{ROLE}[users.pump]\nroles = [\"sensor\"]\npassword = \"{stored}\"\n{more}")
}

#[tokio::test]
async fn a_file_that_is_wrong_changes_nothing_and_a_right_one_holds_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.toml");
    let (stored, scram) = password_of("pump it up");
    std::fs::write(&path, file(&stored, "")).unwrap();
    let node = Node::start(access(&format!("file = {path:?}"))).await;
    let hello = connect(Version::V5, "p", Some("pump"), Some("pump it up"));
    let mut pump = Client::dial(&node).await;
    assert_eq!(pump.connect(&hello).await, Reason::Success);
    assert_eq!(pump.publish("plant/pump/level").await, Reason::Success);
    assert_eq!(
        pump.publish("plant/other/level").await,
        Reason::NotAuthorized
    );

    std::fs::write(&path, file(&stored, "serial = \"a/b\"\n")).unwrap();
    let problems = node.control.reload().unwrap_err();
    let place = format!("{}: line 6, column 10", path.display());
    assert!(problems[0].starts_with(&place), "{problems:?}");
    assert_eq!(pump.publish("plant/pump/level").await, Reason::Success);

    let narrow = file(&stored, "").replace("plant/%u/#", "plant/%u/level");
    std::fs::write(&path, narrow).unwrap();
    assert_eq!(node.control.reload().unwrap().users, 1);
    // The keeper gives it to those that are connected.
    while pump.publish("plant/pump/other").await != Reason::NotAuthorized {}
    assert_eq!(pump.publish("plant/pump/level").await, Reason::Success);

    std::fs::write(&path, ROLE).unwrap();
    node.control.reload().unwrap();
    assert_eq!(
        pump.ended().await,
        Some(Reason::NotAuthorized),
        "the user is gone"
    );
    assert!(scram.starts_with("SCRAM-SHA-256$"));
}

#[tokio::test]
async fn a_password_is_proven_without_being_sent_and_again_later() {
    let node = Node::start(Settings::default()).await;
    node.add_user("ada", &["operator"], "correct horse").await;
    for (user, password, reason) in [
        ("ada", "wrong horse", Reason::NotAuthorized),
        ("bob", "correct horse", Reason::NotAuthorized),
        ("ada", "correct horse", Reason::Success),
    ] {
        let (mut prover, first) = scram::Client::begin(user, "aNonceOfItsOwn").unwrap();
        let mut client = Client::dial(&node).await;
        let hello = connect(Version::V5, "s", None, None);
        let told = client
            .prove_at_connect(&hello, &first, |said| prover.prove(said, password).unwrap())
            .await;
        assert_eq!(told.0, reason, "{user} {password}");
        if reason != Reason::Success {
            continue;
        }
        prover.finish(&told.1).unwrap();
        let (mut prover, first) = scram::Client::begin(user, "anotherNonce").unwrap();
        let last = client
            .prove_again(&first, |said| prover.prove(said, password).unwrap())
            .await;
        prover.finish(&last).unwrap();
        assert_eq!(client.publish("a/b").await, Reason::Success);
    }
}

#[tokio::test]
async fn quotas_and_bans_turn_away() {
    let node = Node::start(access(
        "quotas.user.connections = 1\nflapping.client.connects = 2\nanonymous = \"reader\"",
    ))
    .await;
    let hello = |id| connect(Version::V5, id, None, Some("spica_operator"));
    let mut first = Client::dial(&node).await;
    assert_eq!(first.connect(&hello("one")).await, Reason::Success);
    let mut second = Client::dial(&node).await;
    assert_eq!(second.connect(&hello("two")).await, Reason::QuotaExceeded);
    for reason in [Reason::Success, Reason::Success, Reason::Banned] {
        let mut client = Client::dial(&node).await;
        let hello = connect(Version::V5, "flapper", None, None);
        assert_eq!(client.connect(&hello).await, reason);
    }
}

#[tokio::test]
async fn who_may_is_told_how_the_station_stands() {
    let node = Node::start(access("anonymous = \"device\"")).await;
    let mut reader = Client::dial(&node).await;
    let hello = connect(Version::V5, "r", None, Some("spica_reader"));
    assert_eq!(reader.connect(&hello).await, Reason::Success);
    assert_eq!(reader.subscribe("$SYS/broker/+").await, Reason::Success);
    let (version, is_retained) = reader.told("$SYS/broker/version").await;
    assert!(version.starts_with("Spica ") && is_retained, "{version}");
    let (uptime, _) = reader.told("$SYS/broker/uptime").await;
    assert!(uptime.ends_with(" seconds"), "{uptime}");
    assert_eq!(
        reader.publish("$SYS/broker/uptime").await,
        Reason::NotAuthorized
    );
}

#[tokio::test]
async fn settings_that_are_read_again_hold_at_once_or_not_at_all() {
    let first = "anonymous = \"operator\"";
    let text = Arc::new(Mutex::new(String::from(first)));
    let node = Node::start_with(access(first), |gate| {
        let text = Arc::clone(&text);
        gate.rereading(Box::new(move || {
            let settings = toml::from_str(&text.lock());
            Ok(Reread {
                settings: settings.map_err(|error| vec![error.to_string()])?,
                needs_restart: vec!["mqtt.listen".into()],
            })
        }))
    })
    .await;
    let mut client = Client::dial(&node).await;
    let hello = connect(Version::V5, "c", None, None);
    assert_eq!(client.connect(&hello).await, Reason::Success);
    assert_eq!(client.publish("plant/level").await, Reason::Success);

    // A wrong topic rule, and a right role beside it: neither is taken.
    for wrong in [
        "anonymous = \"reader\"\n[[topics]]\nfilter = \"a#\"",
        "anonymous = \"king\"",
        "anonymous = \"reader\"\nfile = \"/nowhere/access.toml\"",
        "anonymous = \"reader\"\nquotas.client.connections = 0",
        "anonymous = 7",
    ] {
        *text.lock() = wrong.into();
        let problems = node.control.reload().unwrap_err();
        assert!(!problems[0].is_empty(), "{wrong}");
        assert_eq!(client.publish("plant/level").await, Reason::Success);
    }

    // What one byte says too much now, and who connects too often.
    *text.lock() = "anonymous = \"operator\"\nflapping.client.connects = 1\n\
                    [[topics]]\nfilter = \"plant/#\"\npayload = \"0B\""
        .into();
    let info = node.control.reload().unwrap();
    assert_eq!(info.needs_restart, ["mqtt.listen"]);
    assert_ne!(client.publish("plant/level").await, Reason::Success);
    for reason in [Reason::Success, Reason::Banned] {
        let mut other = Client::dial(&node).await;
        let hello = connect(Version::V5, "flapper", None, None);
        assert_eq!(other.connect(&hello).await, reason);
    }
}

/// A token that ends so many seconds from now.
fn jwt(name: &str, secs: i64) -> String {
    let now = SystemClock.wall().as_micros() / 1_000_000;
    let claims = serde_json::json!({
        "iss": "https://id.example.org", "aud": "spica", "sub": name, "exp": now + secs,
    });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

const SECRET: &str = "thirty-two bytes or more of chance";
const ISSUER: &str = "[jwt.plant]\nissuer = \"https://id.example.org\"\n\
                      audience = [\"spica\"]\nalgorithms = [\"HS256\"]\n\
                      secret_file = \"plant.secret\"\nleeway = \"0s\"\n\
                      roles = [\"sensor\"]\n";

#[tokio::test]
async fn a_json_web_token_is_a_password_until_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.toml");
    let secret = directory.path().join("plant.secret");
    std::fs::write(&path, format!("{ROLE}{ISSUER}")).unwrap();
    std::fs::write(&secret, SECRET).unwrap();
    let node = Node::start(access(&format!("file = {path:?}"))).await;

    let token = jwt("pump", 60);
    let mut pump = Client::dial(&node).await;
    let hello = connect(Version::V5, "p", Some("any"), Some(&token));
    assert_eq!(pump.connect(&hello).await, Reason::Success);
    assert_eq!(pump.publish("plant/pump/level").await, Reason::Success);
    assert_eq!(pump.publish("plant/any/level").await, Reason::NotAuthorized);
    for wrong in [jwt("pump", -1), jwt("device:77", 60), format!("{token}A")] {
        let hello = connect(Version::V5, "w", None, Some(&wrong));
        let mut client = Client::dial(&node).await;
        assert_eq!(client.connect(&hello).await, Reason::BadUserNameOrPassword);
    }

    let short = jwt("pump", 1);
    let mut brief = Client::dial(&node).await;
    let hello = connect(Version::V5, "b", None, Some(&short));
    assert_eq!(brief.connect(&hello).await, Reason::Success);
    // Each reload has the keeper look again.
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    let mut ended = std::pin::pin!(brief.ended());
    let reason = loop {
        tokio::select! {
            reason = &mut ended => break reason,
            _ = looks.tick() => drop(node.control.reload().unwrap()),
        }
    };
    assert_eq!(reason, Some(Reason::MaximumConnectTime));
    assert_eq!(pump.publish("plant/pump/level").await, Reason::Success);

    // A key that is gone opens no door any more, and an issuer that is gone keeps none open.
    std::fs::write(&secret, "another secret of thirty-two bytes").unwrap();
    assert!(node.gate.is_stale());
    node.control.reload().unwrap();
    assert!(!node.gate.is_stale());
    let mut late = Client::dial(&node).await;
    let hello = connect(Version::V5, "l", None, Some(&token));
    assert_eq!(late.connect(&hello).await, Reason::BadUserNameOrPassword);
    std::fs::write(&path, ROLE).unwrap();
    node.control.reload().unwrap();
    assert_eq!(pump.ended().await, Some(Reason::NotAuthorized));
}

#[tokio::test]
async fn how_far_the_nodes_parts_have_come_is_told_to_nobody() {
    let node = Node::start(Settings::default()).await;
    let hidden = ["alarms/mark", "handlers/history/place", "system/link-key"];
    for topic in hidden.into_iter().chain(["alarms/cases/3-1"]) {
        node.state(topic, b"1").await;
    }
    let mut reader = Client::dial(&node).await;
    let hello = connect(Version::V5, "r", None, Some("spica_reader"));
    assert_eq!(reader.connect(&hello).await, Reason::Success);
    for topic in hidden {
        assert_eq!(reader.subscribe(topic).await, Reason::NotAuthorized);
    }
    assert_eq!(reader.subscribe("#").await, Reason::Success);
    assert_eq!(reader.told_any().await, "alarms/cases/3-1");
    node.state("alarms/mark", b"2").await;
    node.state("plant/level", b"3").await;
    assert_eq!(reader.told_any().await, "plant/level");
}

#[tokio::test]
async fn a_certificate_is_that_of_a_user_or_of_a_device() {
    let node = Node::start(access("certificate_name = \"dns\"")).await;
    node.add_user("pump.example.org", &["operator"], "not asked for")
        .await;
    node.register("77").await;
    for (dns, known) in [
        ("pump.example.org", Some(("pump.example.org", "operator"))),
        ("77", Some(("device:77", "device"))),
        ("78", None),
    ] {
        let certificate = ClientCertificate {
            der: vec![1, 2, 3].into(),
            subject: "CN=ada".into(),
            common_name: Some("ada".into()),
            dns: vec![dns.to_owned()],
            mail: Vec::new(),
            uris: Vec::new(),
            addresses: Vec::new(),
        };
        let shown = Shown {
            client_id: "c".into(),
            user: None,
            password: None,
            certificate: Some(Box::new(certificate)),
            remote: "192.0.2.7:4000".parse().unwrap(),
        };
        let admitted = node.gate.authenticate(shown).await.ok();
        let who = admitted.as_ref().map(|admitted| &admitted.who);
        let told = who.map(|who| (who.user.as_deref().unwrap(), &*who.grant.roles()[0].name));
        assert_eq!(told, known, "{dns}");
    }
}
