//! The MQTT station's clients, sessions and users, over a station that is scripted.

use std::sync::Arc;

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Value, json};
use spica_admission::{Admission, Limits};
use spica_mqtt_access::{
    ClientInfo, DroppedInfo, MqttControl, ReloadInfo, SessionInfo, StoredUser,
};

use crate::fixture::Node;
use crate::state::MqttParts;
use crate::token::Role;

/// A station with the clients `a` to `e`, of whom those that were kicked are away.
#[derive(Default)]
struct Scripted {
    kicked: Mutex<Vec<String>>,
    ended: Mutex<Vec<String>>,
}

const IDS: [&str; 5] = ["a", "b/1", "c", "d", "e"];

fn session(id: &str) -> SessionInfo {
    SessionInfo {
        id: id.to_owned(),
        user: Some("ada".into()),
        connected: true,
        since: "2027-01-15T08:00:00Z".into(),
        created: "2027-01-15T08:00:00Z".into(),
        expiry_s: 600,
        subscriptions: 2,
        queued: 3,
        queued_bytes: 300,
        in_flight: 1,
        behind: false,
        dropped: DroppedInfo::default(),
    }
}

impl Scripted {
    fn has(&self, id: &str) -> bool {
        IDS.contains(&id) && !self.ended.lock().iter().any(|ended| ended == id)
    }

    fn ids(&self, after: Option<&str>, limit: usize) -> Vec<&'static str> {
        let ids = IDS.into_iter().filter(|id| self.has(id));
        let ids = ids.filter(|id| after.is_none_or(|after| *id > after));
        ids.take(limit).collect()
    }
}

impl MqttControl for Scripted {
    fn clients(&self, after: Option<&str>, limit: usize) -> Vec<ClientInfo> {
        let ids = self.ids(after, limit).into_iter();
        ids.filter_map(|id| self.client(id)).collect()
    }

    fn client(&self, id: &str) -> Option<ClientInfo> {
        let is_away = self.kicked.lock().iter().any(|kicked| kicked == id);
        (self.has(id) && !is_away).then(|| ClientInfo {
            id: id.to_owned(),
            user: Some("ada".into()),
            roles: vec!["operator".into()],
            serial: None,
            address: "192.0.2.7:4000".into(),
            version: "5",
            keep_alive_s: 60,
            since: "2027-01-15T08:00:00Z".into(),
            session: session(id),
            denied: 0,
        })
    }

    fn kick(&self, id: &str) -> bool {
        let is_there = self.client(id).is_some();
        self.kicked.lock().push(id.to_owned());
        is_there
    }

    fn sessions(&self, after: Option<&str>, limit: usize) -> Vec<SessionInfo> {
        self.ids(after, limit).into_iter().map(session).collect()
    }

    fn has_session(&self, id: &str) -> bool {
        self.has(id)
    }

    fn end(&self, id: &str) -> bool {
        let was_there = self.has(id);
        self.ended.lock().push(id.to_owned());
        was_there
    }

    fn reload(&self) -> Result<ReloadInfo, Vec<String>> {
        Err(vec!["line 3, column 7: there is no role \"x\"".into()])
    }

    fn roles(&self) -> Vec<String> {
        vec!["reader".into(), "sensor".into()]
    }
}

async fn node() -> Node {
    let mqtt = MqttParts {
        control: Arc::new(Scripted::default()),
        admission: Arc::new(Mutex::new(Admission::new(Limits::default()))),
    };
    Node::with_mqtt(mqtt).await
}

#[tokio::test]
async fn clients_are_listed_in_pages_shown_and_cut_off() {
    let node = node().await;
    let (status, page) = node.get(Role::Reader, "/v1/mqtt/clients?limit=2").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(page["clients"][1]["id"], "b/1");
    assert_eq!(page["next"], "b/1");
    let (_, page) = node
        .get(Role::Reader, "/v1/mqtt/clients?limit=3&after=b%2F1")
        .await;
    assert_eq!(page["clients"][2]["id"], "e");
    assert_eq!(page["next"], Value::Null);
    let (status, client) = node.get(Role::Reader, "/v1/mqtt/clients/b%2F1").await;
    assert_eq!(
        (status, &client["session"]["queued"]),
        (StatusCode::OK, &json!(3))
    );
    let kick = |role| node.call(role, "DELETE", "/v1/mqtt/clients/b%2F1", Value::Null);
    assert_eq!(kick(Role::Reader).await.0, StatusCode::FORBIDDEN);
    let before = node.journal_last();
    assert_eq!(kick(Role::Operator).await.0, StatusCode::NO_CONTENT);
    assert_eq!(node.journal_last(), before + 1, "it is in the audit trail");
    assert_eq!(kick(Role::Operator).await.0, StatusCode::NOT_FOUND);
    assert_eq!(node.journal_last(), before + 1);
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let node = node().await;
    let (_, page) = node.get(Role::Reader, "/v1/mqtt/sessions").await;
    assert_eq!(page["sessions"].as_array().unwrap().len(), IDS.len());
    let end = || node.call(Role::Operator, "DELETE", "/v1/mqtt/sessions/c", Value::Null);
    assert_eq!(end().await.0, StatusCode::NO_CONTENT);
    assert_eq!(end().await.0, StatusCode::NOT_FOUND);
    let (_, page) = node.get(Role::Reader, "/v1/mqtt/sessions").await;
    assert_eq!(page["sessions"].as_array().unwrap().len(), IDS.len() - 1);
}

#[tokio::test]
async fn users_are_made_given_passwords_and_removed_and_never_shown_with_them() {
    let node = node().await;
    let user = |name: &str, roles: Value| json!({ "name": name, "password": "correct horse", "roles": roles });
    let add = |role, body| node.call(role, "POST", "/v1/mqtt/users", body);
    let (status, made) = add(Role::Admin, user("ada", json!(["sensor"]))).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert!(made.get("password").is_none());
    for (role, body, refused) in [
        (
            Role::Operator,
            user("b", json!(["sensor"])),
            StatusCode::FORBIDDEN,
        ),
        (
            Role::Admin,
            user("ada", json!(["sensor"])),
            StatusCode::CONFLICT,
        ),
        (
            Role::Admin,
            user("b", json!(["king"])),
            StatusCode::BAD_REQUEST,
        ),
        (Role::Admin, user("b", json!([])), StatusCode::BAD_REQUEST),
        (
            Role::Admin,
            user("a/b", json!(["sensor"])),
            StatusCode::BAD_REQUEST,
        ),
        (
            Role::Admin,
            json!({ "name": "b", "password": "short", "roles": ["sensor"] }),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (status, told) = add(role, body).await;
        assert_eq!(status, refused, "{told}");
    }
    let (_, list) = node.get(Role::Admin, "/v1/mqtt/users").await;
    assert_eq!(list["users"][0]["name"], "ada");
    assert!(!list.to_string().contains("argon2"), "{list}");
    let path = "/v1/mqtt/users/ada/password";
    let other = json!({ "password": "another horse" });
    let (status, _) = node.call(Role::Admin, "PUT", path, other).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let topic = spica_model::Topic::new("root/s1/system/mqtt-users/ada").unwrap();
    let record = node.app.parts.views.get(&topic).unwrap();
    let stored: StoredUser = serde_json::from_slice(&record.payload).unwrap();
    let user = stored.user("ada", &Default::default());
    assert!(user.password.unwrap().is(b"another horse"));
    let remove = || node.call(Role::Admin, "DELETE", "/v1/mqtt/users/ada", Value::Null);
    assert_eq!(remove().await.0, StatusCode::NO_CONTENT);
    assert_eq!(remove().await.0, StatusCode::NOT_FOUND);
    let tree = "/v1/tree/root/s1/system";
    let (_, shown) = node.get(Role::Operator, tree).await;
    assert!(!shown.to_string().contains("mqtt-users"), "{shown}");
}

#[tokio::test]
async fn a_reload_that_fails_says_where_and_a_node_without_a_station_has_nothing() {
    let node = node().await;
    let reload = |role| node.call(role, "POST", "/v1/mqtt/reload", Value::Null);
    assert_eq!(reload(Role::Operator).await.0, StatusCode::FORBIDDEN);
    let (status, told) = reload(Role::Admin).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("line 3, column 7")
    );
    let without = Node::new().await;
    for path in ["/v1/mqtt/clients", "/v1/mqtt/sessions"] {
        let (status, told) = without.get(Role::Reader, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(told["detail"].as_str().unwrap().contains("[mqtt]"));
    }
}
