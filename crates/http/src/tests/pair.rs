//! One of a pair: who serves, what a passive says, how operators give orders.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures::StreamExt;
use serde_json::{Value, json};
use spica_journal::Journal;
use spica_model::{Epoch, Lane, Timestamp};
use spica_role::{Order, OrderError, Standing};

use crate::fixture::{Node, bytes, json as body_of};
use crate::token::Role;

const PARTNER: &str = "http://10.0.0.2:8080";

fn standing() -> Standing {
    Standing {
        side: "primary",
        state: "active",
        phase: "settled",
        epoch: Epoch(7),
        authority: Epoch(7),
        gate: "pair",
        sync: "complete",
        behind: 0,
        partner_alive: true,
        partner_state: Some("passive"),
        partner_http: Some(PARTNER.into()),
        partner_heard_ms: Some(12),
        sound: true,
        notices: vec!["the partner came back".into()],
    }
}

fn passive() -> Standing {
    Standing {
        state: "passive",
        gate: "closed",
        partner_state: Some("active"),
        ..standing()
    }
}

async fn passive_node() -> Node {
    let node = Node::new().await;
    node.role.yield_to(Some(PARTNER));
    node.role.stand(passive());
    node
}

#[tokio::test]
async fn a_passive_sends_clients_to_the_active_unseen() {
    let node = passive_node().await;
    let get = Request::get("/v1/history?topic=%23&limit=5").body(Body::empty());
    let post = Request::post("/v1/topics/root/s1/a?kind=event")
        .header(header::AUTHORIZATION, "Bearer spica_guess")
        .body(Body::from("1"));
    for (request, path) in [
        (get, "/v1/history?topic=%23&limit=5"),
        (post, "/v1/topics/root/s1/a?kind=event"),
        (Request::get("/").body(Body::empty()), "/"),
    ] {
        let response = node.send(request.unwrap()).await;
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(response.headers()["location"], format!("{PARTNER}{path}"));
        assert!(bytes(response).await.is_empty());
    }
    assert_eq!(node.role.votes(), 3, "each is a vote");
    assert_eq!(
        node.app.parts.metrics.bad_tokens.get(),
        0,
        "no token is looked at"
    );
}

#[tokio::test]
async fn a_passive_that_knows_no_active_says_when_to_come_back() {
    let node = passive_node().await;
    node.role.yield_to(None);
    let request = node.request(Role::Reader, "GET", "/v1/tree");
    let response = node.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(body_of(response).await["type"], "urn:spica:problem:passive");
    // Nor does a client wait for ever for a pair that does not decide.
    node.role.hesitate();
    tokio::time::pause();
    let (status, problem) = node.get(Role::Reader, "/v1/tree").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:spica:problem:passive");
}

#[tokio::test]
async fn the_request_whose_vote_makes_the_node_active_is_served() {
    let node = passive_node().await;
    node.role.hesitate();
    let serve = async {
        while node.role.votes() == 0 {
            tokio::task::yield_now().await;
        }
        node.role.serve();
    };
    let ((status, _), ()) = tokio::join!(node.get(Role::Reader, "/v1/tree"), serve);
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_passive_answers_what_is_about_itself() {
    let node = passive_node().await;
    for path in [
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/v1/pair",
    ] {
        assert_eq!(
            node.get(Role::Reader, path).await.0,
            StatusCode::OK,
            "{path}"
        );
    }
    assert_eq!(node.role.votes(), 0, "a look is no vote");
    let request = Request::get("/v1/pair").body(Body::empty()).unwrap();
    assert_eq!(node.send(request).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn live_streams_end_with_the_reign() {
    let node = Node::new().await;
    let request = node.request(Role::Reader, "GET", "/v1/live");
    let response = node.send(request.body(Body::empty()).unwrap()).await;
    let mut stream = response.into_body().into_data_stream();
    let piece = stream.next().await.unwrap().unwrap();
    assert!(piece.starts_with(b"event: "), "{piece:?}");
    node.role.yield_to(None);
    let end = async { while stream.next().await.is_some() {} };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), end).await;
    ended.expect("the stream ends");
}

#[tokio::test]
async fn a_write_that_the_end_of_the_reign_overtakes_has_no_known_outcome() {
    let node = Node::new().await;
    node.journal.hold(Lane::Normal);
    let before = node.journal.status(Lane::Normal).last;
    let depose = async {
        while node.journal.status(Lane::Normal).last == before {
            tokio::task::yield_now().await;
        }
        node.role.yield_to(Some(PARTNER));
    };
    let path = "/v1/topics/root/s1/a";
    let write = node.call(Role::Operator, "POST", path, json!(1));
    let ((status, problem), ()) = tokio::join!(write, depose);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:spica:problem:timed-out");
    assert!(problem["detail"].as_str().unwrap().contains("same key"));
}

#[tokio::test]
async fn balancers_find_the_one_node_that_serves_and_acknowledges() {
    let node = Node::new().await;
    let (status, body) = node.get(Role::Reader, "/health/active").await;
    assert_eq!(status, StatusCode::OK, "a node on its own");
    assert_eq!(body, json!({ "active": true, "gate": null, "epoch": null }));
    for (gate, expected) in [("pair", 200), ("solo", 200), ("closed", 503)] {
        node.role.stand(Standing { gate, ..standing() });
        let (status, body) = node.get(Role::Reader, "/health/active").await;
        assert_eq!(status.as_u16(), expected, "{gate}");
        assert_eq!(body["gate"], gate);
    }
    node.role.stand(standing());
    node.role.yield_to(None);
    let (status, body) = node.get(Role::Reader, "/health/active").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["active"], false);
    node.role.serve();
    node.stopping.cancel();
    let (status, _) = node.get(Role::Reader, "/health/active").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_passive_is_ready_while_it_follows() {
    let node = passive_node().await;
    for (sync, expected) in [
        ("catching-up", 200),
        ("complete", 200),
        ("stale", 503),
        ("absent", 503),
    ] {
        node.role.stand(Standing { sync, ..passive() });
        let (status, body) = node.get(Role::Reader, "/health/ready").await;
        assert_eq!(status.as_u16(), expected, "{sync}");
        assert_eq!(body["pair"]["sync"], sync);
    }
    node.role.serve();
    assert_eq!(
        node.get(Role::Reader, "/health/ready").await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn either_node_says_how_the_pair_stands() {
    let node = Node::new().await;
    let (status, problem) = node.get(Role::Reader, "/v1/pair").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(problem["detail"].as_str().unwrap().contains("[pair]"));
    node.role.stand(standing());
    let (status, body) = node.get(Role::Reader, "/v1/pair").await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({
        "side": "primary", "version": env!("CARGO_PKG_VERSION"), "started": body["started"],
        "state": "active", "phase": "settled", "serves": true,
        "epoch": 7, "authority": 7, "gate": "pair", "sync": "complete", "behind": 0, "sound": true,
        "partner": { "alive": true, "state": "passive", "http": PARTNER, "heard_ms": 12 },
        "notices": ["the partner came back"],
    });
    assert_eq!(body, expected);
    let started = body["started"].as_str().unwrap();
    assert!(started.parse::<Timestamp>().is_ok(), "{started}");
    let metrics = node.request(Role::Reader, "GET", "/metrics");
    let metrics = node.send(metrics.body(Body::empty()).unwrap()).await;
    let metrics = String::from_utf8(bytes(metrics).await.to_vec()).unwrap();
    for line in [
        "spica_pair_active 1",
        "spica_pair_partner_alive 1",
        "spica_pair_epoch 7",
        "spica_pair_behind 0",
        "spica_pair_complete 1",
        "spica_pair_sound 1",
        "spica_pair_gate{gate=\"pair\"} 1",
        "spica_pair_gate{gate=\"solo\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}

async fn audits(node: &Node) -> Vec<Value> {
    let path = "/v1/history?topic=root/s1/audit/pair";
    let (_, page) = node.get(Role::Admin, path).await;
    let records = page["records"].as_array().unwrap();
    records
        .iter()
        .map(|record| record["value"].clone())
        .collect()
}

#[tokio::test]
async fn orders_are_an_admins_and_leave_a_record() {
    let node = Node::new().await;
    let switch = "/v1/pair/switch-over";
    let call = |role, path, body| node.call(role, "POST", path, body);
    assert_eq!(
        call(Role::Admin, switch, Value::Null).await.0,
        StatusCode::NOT_FOUND
    );
    assert!(node.role.orders().is_empty() && audits(&node).await.is_empty());
    node.role.stand(standing());
    assert_eq!(
        call(Role::Operator, switch, Value::Null).await.0,
        StatusCode::FORBIDDEN
    );
    let (status, body) = call(Role::Admin, switch, Value::Null).await;
    assert_eq!((status, &body["side"]), (StatusCode::OK, &json!("primary")));
    let promote = "/v1/pair/promote";
    for unaware in [json!({}), json!({ "i_know": false }), Value::Null] {
        assert_eq!(
            call(Role::Admin, promote, unaware).await.0,
            StatusCode::BAD_REQUEST
        );
    }
    let (status, _) = call(Role::Admin, promote, json!({ "i_know": true })).await;
    assert_eq!(status, StatusCode::OK);
    let orders = node.role.orders();
    assert_eq!(orders[0].0, Order::SwitchOver);
    assert_eq!(orders[1].0, Order::Promote);
    assert!(orders[0].1.starts_with("admin#"), "{orders:?}");
    let actions: Vec<_> = audits(&node)
        .await
        .iter()
        .map(|audit| audit["action"].clone())
        .collect();
    assert_eq!(actions, ["pair.switch-over", "pair.promote"]);
}

#[tokio::test]
async fn a_node_that_cannot_write_takes_orders_all_the_same() {
    let node = passive_node().await;
    let (status, _) = node
        .call(Role::Admin, "POST", "/v1/pair/rejoin", Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(node.role.orders()[0].0, Order::Rejoin);
    node.role.serve();
    assert!(audits(&node).await.is_empty());
    // An active that may not acknowledge, which the order is to change.
    node.role.stand(Standing {
        gate: "closed",
        ..standing()
    });
    node.journal.hold(Lane::Normal);
    let body = json!({ "i_know": true });
    let (status, _) = node
        .call(Role::Admin, "POST", "/v1/pair/promote", body)
        .await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn an_order_that_does_not_fit_is_refused_with_the_reason() {
    let node = Node::new().await;
    node.role.stand(standing());
    let switch = || node.call(Role::Admin, "POST", "/v1/pair/switch-over", Value::Null);
    node.role
        .refuse(OrderError::NotNow("the passive lacks 12 records".into()));
    let (status, problem) = switch().await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["detail"], "the passive lacks 12 records");
    node.role.refuse(OrderError::TimedOut);
    let (status, problem) = switch().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:spica:problem:timed-out");
}
