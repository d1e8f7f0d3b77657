//! Who is who, without a node.

use super::*;

#[test]
fn the_scheme_is_bearer_in_any_case() {
    assert_eq!(bearer("Bearer x"), Some("x"));
    assert_eq!(bearer("bearer  x "), Some("x"));
    assert_eq!(bearer("Basic x"), None);
    assert_eq!(bearer("x"), None);
}

#[test]
fn an_open_node_trusts_only_its_own_page() {
    let check = |pairs: &[(header::HeaderName, &str)]| {
        let headers = pairs
            .iter()
            .map(|(n, v)| (n.clone(), v.parse().unwrap()))
            .collect();
        from_here(&headers).is_ok()
    };
    use header::{HOST, ORIGIN};
    assert!(check(&[]));
    assert!(check(&[(HOST, "localhost:8080")]));
    assert!(check(&[
        (HOST, "127.0.0.1:8080"),
        (ORIGIN, "http://127.0.0.1:8080")
    ]));
    assert!(check(&[(HOST, "[::1]:8080")]) && check(&[(HOST, "[::1]")]));
    assert!(
        !check(&[(HOST, "evil.example:8080")]),
        "a name that was pointed here"
    );
    assert!(!check(&[
        (HOST, "localhost:8080"),
        (ORIGIN, "http://evil.example")
    ]));
    assert!(!check(&[(ORIGIN, "null")]));
}
