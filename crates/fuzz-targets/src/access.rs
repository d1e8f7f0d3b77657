//! Fuzz target: access files. Whatever was accepted is used: its users try what they may.

use std::net::{IpAddr, Ipv4Addr};

use spica_mqtt_access::{Access, Action, Grant, RESERVED, Who, is_hidden};

/// Topics, and filters that match them.
const TOPICS: [(&str, [&str; 3]); 4] = [
    ("a", ["a", "+", "#"]),
    (
        "plant/pump7/level",
        ["plant/+/level", "plant/#", "+/pump7/+"],
    ),
    (
        "devices/77/data/x",
        ["devices/77/#", "devices/+/data/x", "#"],
    ),
    ("system/tokens/1", ["system/#", "system/tokens/#", "#"]),
];
/// Names that clients may have, some of which no rule may take in.
const NAMES: [&str; 5] = ["pump7", "+", "a/b", "", "#"];

/// Runs the target on one input.
///
/// # Panics
/// If a problem does not point into the text, or rules that were accepted break a promise.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Access::parse(text) {
        Ok(access) => {
            let roles: Vec<Grant> = access.roles().filter_map(|it| access.role(it)).collect();
            for grant in roles.iter().chain(access.anonymous()) {
                NAMES.iter().for_each(|name| check(grant, name));
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty() && problems.is_sorted());
            for problem in problems {
                assert!((1..=1 + text.matches('\n').count()).contains(&problem.line));
                assert!(problem.column >= 1 && !problem.reason.is_empty());
            }
        }
    }
}

fn check(grant: &Grant, name: &str) {
    let who = Who {
        client: name,
        user: Some(name),
        serial: None,
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    for (topic, filters) in TOPICS {
        let may = |action, filter| grant.check(&who, action, filter).is_ok();
        let is_reserved = RESERVED.iter().any(|first| topic.starts_with(first));
        assert!(!(is_reserved && may(Action::Publish, topic)), "{topic}");
        for filter in filters {
            let is_wider = may(Action::Subscribe, filter) && !may(Action::Subscribe, topic);
            assert!(!is_wider || is_hidden(topic), "{filter} opens {topic}");
        }
    }
}
