//! What is served, what the OpenAPI document says and what the handbook says are one.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::Value;

use crate::fixture::{Node, json};
use crate::openapi::routes;
use crate::problem::{ProblemKind, TYPE_PREFIX};
use crate::token::Role;

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

fn document() -> Value {
    serde_json::to_value(routes().1).unwrap()
}

/// Path, method in capitals, operation.
fn operations() -> Vec<(String, String, Value)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let operation = |(path, item): (&String, &Value)| {
        let path = path.clone();
        let methods = item.as_object().unwrap().clone();
        methods
            .into_iter()
            .map(move |(method, op)| (path.clone(), method.to_uppercase(), op))
    };
    paths
        .iter()
        .flat_map(|(path, item)| operation((path, item)).collect::<Vec<_>>())
        .collect()
}

/// A path that the route with this pattern answers.
fn example(path: &str) -> String {
    path.replace("{topic}", "root/s1/a")
        .replace("{prefix}", "root/s1")
        .replace("{serial}", "1")
        .replace("{id}", "1")
        .replace("{address}", &format!("ab/{}", "ab".repeat(32)))
        .replace("{source}", "192.0.2.0/24")
        .replace("{version}", spica_console::version())
        .replace("{path}", "app/main.js")
}

#[test]
fn the_router_and_the_document_have_the_same_paths() {
    let (router, document) = routes();
    // `{:?}` is the only way to ask a router for its paths.
    let debug = format!("{router:?}");
    let served: BTreeSet<String> = debug
        .split('"')
        .filter(|part| part.starts_with('/') && !part.contains("__private"))
        .map(|path| path.replace("{*", "{"))
        .collect();
    let described: BTreeSet<String> = document.paths.paths.keys().cloned().collect();
    assert!(
        served.len() > 15,
        "the router's debug output has changed: {debug}"
    );
    assert_eq!(served, described);
}

#[tokio::test]
async fn each_described_operation_is_served_and_no_other() {
    let node = Node::new().await;
    let operations = operations();
    let paths: BTreeSet<&str> = operations.iter().map(|(path, ..)| path.as_str()).collect();
    for path in paths {
        for method in METHODS {
            let described = operations.iter().any(|(p, m, _)| p == path && m == method);
            let request = node.request(Role::Admin, method, &example(path));
            let response = node.send(request.body(Body::empty()).unwrap()).await;
            let status = response.status();
            assert_eq!(status == 405, !described, "{method} {path}: {status}");
            if status == 405 {
                assert!(
                    response.headers().contains_key(header::ALLOW),
                    "{method} {path}"
                );
            }
        }
    }
    let (status, problem) = node.get(Role::Admin, "/v1/fantasy").await;
    assert_eq!(
        (status, problem["status"].as_u64()),
        (StatusCode::NOT_FOUND, Some(404))
    );
}

/// The roles that an operation names; none for an open one.
fn roles(operation: &Value) -> Vec<String> {
    let security = operation["security"]
        .as_array()
        .expect("each operation says who may");
    let of = |entry: &Value| entry.get("token").and_then(Value::as_array).cloned();
    let named = security.iter().filter_map(of).flatten();
    named
        .map(|role| role.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn each_operation_asks_for_the_role_it_describes() {
    let node = Node::new().await;
    let device = node.make_token(Role::Device, Some("1")).await;
    for (path, method, operation) in operations() {
        let send = |token: Option<&str>| {
            let mut request = Request::builder().method(&*method).uri(example(&path));
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            node.send(request.body(Body::empty()).unwrap())
        };
        let what = format!("{method} {path}");
        let roles = roles(&operation);
        let anonymous = send(None).await.status();
        if roles.is_empty() {
            // A link that was not made here opens nothing.
            let is_link = path.starts_with("/acknowledge/");
            let expected = anonymous.is_success() != is_link;
            assert!(expected, "{what}: {anonymous}");
            continue;
        }
        assert_eq!(anonymous, StatusCode::UNAUTHORIZED, "{what}");
        let lower: &[Role] = match roles[0].as_str() {
            "reader" => &[],
            "operator" => &[Role::Reader],
            "admin" => &[Role::Reader, Role::Operator],
            other => panic!("{what}: {other}"),
        };
        for role in lower {
            let refused = send(Some(node.token(*role))).await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{what} {role}");
            let detail = json(refused).await["detail"].to_string();
            assert!(detail.contains(&roles[0]), "{what}: {detail}");
        }
        let admin = send(Some(node.token(Role::Admin))).await.status();
        assert!(!matches!(admin.as_u16(), 401 | 403), "{what}: {admin}");
        let by_device = send(Some(&device)).await.status();
        if !roles.contains(&"device".to_owned()) {
            assert_eq!(by_device, StatusCode::FORBIDDEN, "{what}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_refusal_is_a_problem() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    for (path, method, operation) in operations() {
        assert!(operation["operationId"].is_string(), "{method} {path}");
        assert!(operation["summary"].is_string(), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with(['4', '5']) && !path.starts_with("/health/") {
                let is = response["content"]
                    .get("application/problem+json")
                    .is_some();
                assert!(is, "{method} {path} {status}");
            }
        }
        for parameter in path
            .split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next())
        {
            let named = operation["parameters"].as_array().into_iter().flatten();
            let found = named
                .filter(|p| p["in"] == "path" && p["name"] == parameter)
                .count();
            assert_eq!(found, 1, "{method} {path} {parameter}");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_as_it_is() {
    let node = Node::new().await;
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let served = json(node.send(request).await).await;
    assert_eq!(served, document());
    assert_eq!(
        served["openapi"].as_str().unwrap().split('.').next(),
        Some("3")
    );
}

const HANDBOOK: &str = include_str!("../../../../docs/http-api.md");

#[test]
fn the_handbook_lists_every_operation_and_every_problem() {
    // Rows are `| `METHOD /path` | roles | what |`.
    let row = |line: &str| {
        let (operation, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let known = METHODS
            .iter()
            .any(|method| operation.starts_with(&format!("{method} ")));
        known.then(|| {
            (
                operation.to_owned(),
                rest.split(" |").next().unwrap().to_owned(),
            )
        })
    };
    let listed: BTreeSet<_> = HANDBOOK.lines().filter_map(row).collect();
    let served: BTreeSet<_> = operations()
        .into_iter()
        .map(|(path, method, operation)| {
            let roles = roles(&operation).join(", ");
            let roles = if roles.is_empty() {
                "–".to_owned()
            } else {
                roles
            };
            (format!("{method} {path}"), roles)
        })
        .collect();
    assert_eq!(listed, served, "the table of endpoints in docs/http-api.md");
    for kind in ProblemKind::ALL {
        let row = format!("| {} | `{}` |", kind.status().as_u16(), kind.slug());
        assert!(HANDBOOK.contains(&row), "docs/http-api.md lacks: {row}");
    }
    assert!(HANDBOOK.contains(TYPE_PREFIX));
}
