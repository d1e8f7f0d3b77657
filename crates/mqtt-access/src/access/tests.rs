//! What is read from an access file, and what is refused.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::{Action, Cost, Who};

const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                    CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

/// A small file that is right.
fn small() -> String {
    format!(
        r#"anonymous = ["guest"]
[roles.guest]
rules = [{{ allow = ["subscribe"], filters = ["public/#"] }}]
[roles.sensor]
decide = "in-order"
rules = [
    {{ deny = ["publish", "subscribe"], filters = ["plant/+/secret/#"] }},
    {{ allow = ["publish"], filters = ["plant/%u/#"] }},
]
[users.pump7]
password = "{HASH}"
certificates = ["cn:pump7.example.org"]
roles = ["sensor", "reader"]
client_ids = ["pump7", "pump7-*"]
serial = "0012345"
"#
    )
}

/// The only problem of the small file, with one place changed.
fn problem(right: &str, wrong: &str) -> String {
    let text = small();
    assert_eq!(text.matches(right).count(), 1, "{right:?}");
    let problems = Access::parse(&text.replace(right, wrong)).expect_err(wrong);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

fn who<'a>(client: &'a str, user: Option<&'a str>) -> Who<'a> {
    Who {
        client,
        user,
        serial: None,
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

#[test]
fn a_file_says_who_may_do_what() {
    let access = Access::parse(&small()).unwrap();
    let user = access.user("pump7").unwrap();
    assert_eq!(user.serial.as_deref(), Some("0012345"));
    assert_eq!(
        user.password.as_ref().unwrap().cost(),
        Some(Cost {
            memory_kib: 65_536,
            ..Cost::default()
        })
    );
    let names: Vec<&str> = user.grant.roles().iter().map(|role| &*role.name).collect();
    assert_eq!(names, ["sensor", "reader"]);
    let pump = who("pump7-a", Some("pump7"));
    let check = |action, filter| user.grant.check(&pump, action, filter).is_ok();
    assert!(check(Action::Publish, "plant/pump7/level"));
    assert!(!check(Action::Publish, "plant/pump8/level"));
    assert!(!check(Action::Publish, "plant/pump7/secret/x"));
    assert!(check(Action::Subscribe, "plant/#"), "as a reader");
    for (client, may) in [
        ("pump7", true),
        ("pump7-x", true),
        ("pump7x", false),
        ("", false),
    ] {
        assert_eq!(user.may_be(client), may, "{client}");
    }
    let guest = access.anonymous().unwrap();
    let nobody = who("x", None);
    assert_eq!(guest.check(&nobody, Action::Subscribe, "public/a"), Ok(()));
    assert!(guest.check(&nobody, Action::Subscribe, "#").is_err());
    assert!(access.user("pump8").is_none());
    let by_name = access.user_of_certificate(&[0; 32], Some("pump7.example.org"));
    assert_eq!(by_name, Some(user));
    assert_eq!(access.user_of_certificate(&[0; 32], Some("other")), None);
    let mut roles: Vec<&str> = access.roles().collect();
    roles.sort_unstable();
    assert_eq!(
        roles,
        ["admin", "device", "guest", "operator", "reader", "sensor"]
    );
    assert!(access.role("operator").is_some() && access.role("x").is_none());
}

#[test]
fn certificates_are_found_by_their_fingerprint_first() {
    let hash = "AB".repeat(32);
    let text = format!(
        "[users.one]\nroles = [\"reader\"]\ncertificates = [\"sha256:{hash}\"]\n\
         [users.two]\nroles = [\"reader\"]\ncertificates = [\"cn:x\"]\n"
    );
    let access = Access::parse(&text).unwrap();
    let name = |sha256: u8| {
        let user = access.user_of_certificate(&[sha256; 32], Some("x"));
        user.map(|user| user.name.to_string())
    };
    assert_eq!(name(0xAB).as_deref(), Some("one"));
    assert_eq!(name(0xAC).as_deref(), Some("two"));
    let (one, two) = (access.user("one").unwrap(), access.user("two").unwrap());
    let shared = std::ptr::eq(one.grant.roles(), two.grant.roles());
    assert!(shared, "users with the same roles share what they may do");
    assert!(one.may_be("anything"));
}

#[test]
fn without_a_file_only_the_built_in_roles_are_there() {
    let access = Access::default();
    assert!(access.anonymous().is_none() && access.users() == 0);
    assert!(
        Role::BUILT_IN
            .iter()
            .all(|role| access.role(role).is_some())
    );
    assert_eq!(access.roles().count(), Role::BUILT_IN.len());
    assert_eq!(Access::parse("").unwrap().roles().count(), 4);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_is_allowed() {
    for (right, wrong, said) in [
        (
            "\"public/#\"",
            "\"public#\"",
            "line 3, column 46: \"public#\" is no topic filter: +",
        ),
        (
            "plant/%u/#",
            "plant/x%u/#",
            "line 8, column 39: \"plant/x%u/#\": % stands in %c",
        ),
        ("plant/%u/#", "plant/%x/#", "% stands in %c"),
        (
            "[\"guest\"]",
            "[\"gast\"]",
            "line 1, column 14: there is no role \"gast\"; there are: admin",
        ),
        ("[\"guest\"]", "[]", "without a role nothing is allowed"),
        (
            "\"in-order\"",
            "\"first\"",
            "line 5, column 10: unknown variant `first`",
        ),
        (
            "decide =",
            "decided =",
            "line 5, column 1: unknown field `decided`, expected `decide` or",
        ),
        (
            "allow = [\"publish\"]",
            "allow = [\"write\"]",
            "unknown variant `write`, expected `publish` or",
        ),
        (
            "allow = [\"publish\"]",
            "allow = []",
            "this rule is about nothing",
        ),
        (
            "allow = [\"publish\"], ",
            "",
            "a rule has either `allow` or `deny`",
        ),
        ("\"plant/%u/#\"", "", "this rule has no filter"),
        (
            "m=65536",
            "m=1",
            "line 11, column 12: the cost of this stored password is not allowed",
        ),
        (
            "$argon2id",
            "argon2id",
            "this is no stored password; allowed is $argon2id",
        ),
        ("cn:pump7", "dn:pump7", "allowed is \"cn:<common name>\" or"),
        (
            "\"pump7-*\"",
            "\"p*7\"",
            "allowed is a client identifier, or how it begins",
        ),
        ("\"0012345\"", "\"00/12345\"", "a serial number has none of"),
        (
            "roles = [\"sensor\", \"reader\"]",
            "roles = [\"sensors\"]",
            "there is no role \"sensors\"",
        ),
        (
            "[users.pump7]",
            "[users.\"\"]",
            "the name of a user has 1 to 200 bytes",
        ),
        ("anonymous = ", "anonymous ", "line 1, column"),
    ] {
        let text = problem(right, wrong);
        assert!(text.contains(said), "{wrong}: {text}");
        assert!(!text.contains("CTFhFdXP"), "no hash is shown: {text}");
    }
}

#[test]
fn all_problems_are_said_at_once_in_the_order_of_the_file() {
    let text = small()
        .replace("public/#", "public#")
        .replace("\"reader\"", "\"readers\"")
        .replace("m=65536", "m=1");
    let problems = Access::parse(&text).unwrap_err();
    let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 11, 13]);
}

#[test]
fn built_in_roles_stay_what_they_are_and_users_need_a_key() {
    let text = "[roles.admin]\nrules = []\n[users.x]\nroles = [\"admin\"]\n\
                [users.y]\nroles = [\"admin\"]\ncertificates = [\"cn:a\", \"cn:a\"]\n";
    let problems = Access::parse(text).unwrap_err();
    let said: Vec<_> = problems
        .iter()
        .map(|problem| problem.reason.as_str())
        .collect();
    assert!(said[0].contains("is built in"), "{said:?}");
    assert!(said[1].contains("could never connect"), "{said:?}");
    assert!(
        said[2].contains("that of the user \"y\" already"),
        "{said:?}"
    );
}

#[test]
fn a_file_its_lists_and_its_problems_have_limits() {
    let long = "#".repeat(FILE_BYTES + 1);
    let said = Access::parse(&long).unwrap_err()[0].to_string();
    assert!(said.contains("at most 16777216 bytes"), "{said}");
    let filters = |count| {
        let list = vec!["\"a\""; count].join(",");
        Access::parse(&format!(
            "[roles.x]\nrules = [{{ deny = [\"publish\"], filters = [{list}] }}]"
        ))
    };
    assert!(filters(100).is_ok());
    let said = filters(101).unwrap_err()[0].to_string();
    assert!(
        said.contains("here are 101 filters; at most 100 are allowed"),
        "{said}"
    );
    let users: String = (0..200)
        .map(|n| format!("[users.u{n}]\nroles = [\"none\"]\npassword = \"x\"\n"))
        .collect();
    assert_eq!(Access::parse(&users).unwrap_err().len(), 100);
}
