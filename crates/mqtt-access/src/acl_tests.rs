//! Who may do what.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::{Decide, Effect, Rule};

fn who<'a>(client: &'a str, user: Option<&'a str>, serial: Option<&'a str>) -> Who<'a> {
    Who {
        client,
        user,
        serial,
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

fn built_in(name: &str) -> Grant {
    let role = Role::built_in()
        .into_iter()
        .find(|role| &*role.name == name);
    Grant::new(role.map(Arc::new))
}

fn rule(effect: Effect, filters: &[&str]) -> Rule {
    Rule {
        effect,
        publish: true,
        subscribe: true,
        filters: filters.iter().map(|it| it.parse().unwrap()).collect(),
    }
}

fn role(decide: Decide, rules: Vec<Rule>) -> Arc<Role> {
    Arc::new(Role {
        name: "mine".into(),
        decide,
        rules,
    })
}

/// `None` if it is allowed, or else the word for why not.
fn denied(grant: &Grant, who: &Who<'_>, action: Action, filter: &str) -> Option<&'static str> {
    grant.check(who, action, filter).err().map(|it| it.as_str())
}

#[test]
fn the_built_in_roles_may_do_what_the_table_says() {
    use Action::{Publish, Subscribe};
    let person = who("c1", Some("anna"), None);
    let device = who("c2", None, Some("77"));
    for (role, who, action, filter, want) in [
        ("reader", &person, Subscribe, "#", None),
        ("reader", &person, Subscribe, "devices/+/data/#", None),
        ("reader", &person, Subscribe, "$share/g/a/+", None),
        ("reader", &person, Subscribe, "$SYS/broker/#", None),
        ("reader", &person, Subscribe, "$other", Some("not-allowed")),
        (
            "reader",
            &person,
            Subscribe,
            "system/tokens/x",
            Some("hidden"),
        ),
        (
            "reader",
            &person,
            Subscribe,
            "$share/g/mqtt/sessions/#",
            Some("hidden"),
        ),
        ("reader", &person, Publish, "a", Some("not-allowed")),
        ("operator", &person, Publish, "a/b", None),
        ("operator", &person, Publish, "deviceses", None),
        ("operator", &person, Publish, "devices", Some("reserved")),
        (
            "operator",
            &person,
            Publish,
            "devices/77/data/x",
            Some("reserved"),
        ),
        ("operator", &person, Publish, "audit/x", Some("reserved")),
        (
            "admin",
            &person,
            Publish,
            "mqtt/sessions/x",
            Some("reserved"),
        ),
        ("admin", &person, Publish, "$SYS/x", Some("reserved")),
        ("device", &device, Publish, "devices/77/data/x/y", None),
        (
            "device",
            &device,
            Publish,
            "devices/77/commands/4/response",
            None,
        ),
        ("device", &device, Subscribe, "devices/77/commands/+", None),
        (
            "device",
            &device,
            Publish,
            "devices/77/data",
            Some("reserved"),
        ),
        (
            "device",
            &device,
            Publish,
            "devices/77/data/",
            Some("reserved"),
        ),
        (
            "device",
            &device,
            Publish,
            "devices/77/commands/4",
            Some("reserved"),
        ),
        (
            "device",
            &device,
            Publish,
            "devices/77/commands/4/x/response",
            Some("reserved"),
        ),
        (
            "device",
            &device,
            Publish,
            "devices/77/commands//response",
            Some("reserved"),
        ),
        (
            "device",
            &device,
            Publish,
            "devices/78/data/x",
            Some("reserved"),
        ),
        (
            "device",
            &device,
            Publish,
            "devices/777/data/x",
            Some("reserved"),
        ),
        ("device", &device, Publish, "a", Some("not-allowed")),
        (
            "device",
            &device,
            Subscribe,
            "devices/+/commands/+",
            Some("not-allowed"),
        ),
        (
            "device",
            &device,
            Subscribe,
            "devices/77/#",
            Some("not-allowed"),
        ),
        (
            "device",
            &person,
            Publish,
            "devices/77/data/x",
            Some("reserved"),
        ),
        (
            "device",
            &person,
            Subscribe,
            "devices/77/commands/+",
            Some("not-allowed"),
        ),
        ("nobody", &person, Subscribe, "a", Some("no-role")),
        ("nobody", &person, Publish, "a", Some("no-role")),
    ] {
        let got = denied(&built_in(role), who, action, filter);
        assert_eq!(got, want, "{role} {action:?} {filter}");
    }
}

#[test]
fn reserved_levels_stay_so_whatever_a_role_allows() {
    let all = Grant::new([role(
        Decide::InOrder,
        vec![rule(Effect::Allow, &["#", "$SYS/#"])],
    )]);
    for first in RESERVED.iter().chain(&["$SYS"]) {
        let who = who("c", Some("u"), Some("77"));
        let topic = format!("{first}/x");
        let got = denied(&all, &who, Action::Publish, &topic);
        assert_eq!(got, Some("reserved"), "{topic}");
    }
}

#[test]
fn what_the_node_keeps_for_itself_is_hidden_and_what_is_beside_it_is_not() {
    for topic in [
        "system/tokens/1",
        "system/mqtt-users/a",
        "system/link-key",
        "mqtt/sessions/c/session",
        "mqtt/shares/g",
        "alarms/mark",
        "handlers/history/place",
        "handlers/rules/standing/x/y",
    ] {
        assert!(is_hidden(topic), "{topic}");
    }
    for topic in [
        "systemd/x",
        "mqttx",
        "alarms/cases/3-1",
        "alarms/marks",
        "handlers/history/paused",
        "handlers/history/dead/1",
        "a/handlers/history/place",
    ] {
        assert!(!is_hidden(topic), "{topic}");
    }
}

#[test]
fn a_placeholder_never_makes_a_rule_wider() {
    let grant = Grant::new([role(
        Decide::DenyWins,
        vec![rule(Effect::Allow, &["c/%c/#", "u/%u/#"])],
    )]);
    for evil in ["+", "#", "a/b", "a+", "", "x\n", "$SYS", "../+", "a/#"] {
        let who = who(evil, Some(evil), None);
        assert!(
            matches!(grant.check_who(&who), Err(WhoError::Unsafe(..))),
            "{evil:?}"
        );
        for filter in ["c/other/x", "u/other/x", "c/+/x", "c/#", "c/a/b/x", "u/#"] {
            for action in [Action::Publish, Action::Subscribe] {
                let got = denied(&grant, &who, action, filter);
                assert_eq!(got, Some("not-allowed"), "{evil:?} {filter}");
            }
        }
    }
    let plain = who("me", None, None);
    assert_eq!(denied(&grant, &plain, Action::Publish, "c/me/x"), None);
    assert!(matches!(
        grant.check_who(&plain),
        Err(WhoError::Missing("%u", _))
    ));
    assert_eq!(grant.check_who(&who("me", Some("you"), None)), Ok(()));
}

#[test]
fn rules_decide_in_order_or_as_a_set() {
    let rules = vec![
        rule(Effect::Allow, &["a/open"]),
        rule(Effect::Deny, &["a/#"]),
        rule(Effect::Allow, &["#"]),
    ];
    let who = who("c", None, None);
    let set = Grant::new([role(Decide::DenyWins, rules.clone())]);
    let list = Grant::new([role(Decide::InOrder, rules)]);
    for (filter, of_set, of_list) in [
        ("a/open", Some("rule"), None),
        ("a/other", Some("rule"), Some("rule")),
        ("b", None, None),
    ] {
        for action in [Action::Publish, Action::Subscribe] {
            assert_eq!(denied(&set, &who, action, filter), of_set, "{filter}");
            assert_eq!(denied(&list, &who, action, filter), of_list, "{filter}");
        }
    }
    // What a rule denies some of is not allowed as a whole.
    for filter in ["#", "+/other", "a/+"] {
        for grant in [&set, &list] {
            let denial = grant.check(&who, Action::Subscribe, filter).unwrap_err();
            let want = "rule 2 of the role mine denies it";
            assert_eq!(denial.to_string(), want, "{filter}");
        }
    }
}

#[test]
fn one_role_that_allows_is_enough() {
    let strict = role(Decide::DenyWins, vec![rule(Effect::Deny, &["#"])]);
    let open = role(Decide::DenyWins, vec![rule(Effect::Allow, &["a/#"])]);
    let grant = Grant::new([strict, open]);
    let who = who("c", None, None);
    assert_eq!(denied(&grant, &who, Action::Publish, "a/b"), None);
    assert_eq!(denied(&grant, &who, Action::Publish, "b"), Some("rule"));
}

fn filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![Just("a"), Just("b"), Just("+"), Just("%u")];
    (prop::collection::vec(level, 0..3), any::<bool>()).prop_map(|(mut levels, rest)| {
        if rest || levels.is_empty() {
            levels.push("#");
        }
        levels.join("/")
    })
}

proptest! {
    /// Whoever may subscribe to a filter may read every topic of it: no filter is a way around a rule.
    #[test]
    fn a_filter_opens_no_topic_that_is_not_allowed(
        rules in prop::collection::vec((any::<bool>(), filter()), 1..6),
        in_order in any::<bool>(),
        user in prop_oneof![Just("a"), Just("b"), Just("+"), Just("x")],
        wanted in filter(),
        topic in prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("x")], 1..4),
    ) {
        let rules = rules.iter().map(|(allow, filter)| {
            let effect = if *allow { Effect::Allow } else { Effect::Deny };
            rule(effect, &[filter])
        });
        let decide = if in_order { Decide::InOrder } else { Decide::DenyWins };
        let grant = Grant::new([role(decide, rules.collect())]);
        let who = who("c", Some(user), None);
        let (wanted, topic) = (wanted.replace("%u", "x"), topic.join("/"));
        let may_subscribe = grant.check(&who, Action::Subscribe, &wanted).is_ok();
        if may_subscribe && spica_matcher::matches(&wanted, &topic) {
            prop_assert_eq!(grant.check(&who, Action::Subscribe, &topic), Ok(()));
        }
    }
}
