//! What is read from a plan file, and what is refused.

use super::*;
use crate::plans::{Place, Target};

mod refused;

const EXAMPLE: &str = include_str!("../../../../alarms.example.toml");

/// A small file that is right.
const SMALL: &str = r#"
[channels.mail]
kind = "email"
[channels.sms]
kind = "smpp"
[channels.arc]
kind = "dc09"
[people.anna]
addresses = { sms = "+41791234567", mail = "anna@example.org" }
[people.bob]
addresses = { mail = "bob@example.org" }
[rotas.duty]
otherwise = ["bob"]
shifts = [{ start = "0 8 * * mon-fri", duration = "10h", people = ["anna", "bob"] }]
[[plans]]
name = "all"
steps = [{ notify = [{ rota = "duty" }] }]
"#;

fn parse(text: &str) -> Result<Plans, Vec<Problem>> {
    Plans::parse(text, &ChannelKind::ALL)
}

/// The only problem of the small file, with one place changed.
fn problem(right: &str, wrong: &str) -> String {
    assert_eq!(SMALL.matches(right).count(), 1, "{right:?}");
    let problems = parse(&SMALL.replace(right, wrong)).expect_err(wrong);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

fn with(more: &str) -> String {
    format!("{SMALL}{more}")
}

/// The only problem of the small file with more behind it.
fn problem_of(more: &str) -> String {
    let problems = parse(&with(more)).expect_err(more);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

#[test]
fn the_example_is_right_and_says_what_it_shows() {
    let plans = parse(EXAMPLE).unwrap();
    let channels: Vec<_> = plans.channels().map(|c| (c.name, c.kind)).collect();
    let kinds = [
        ("arc", "dc09"),
        ("chat", "webhook"),
        ("mail", "email"),
        ("sms", "sms-http"),
    ];
    assert_eq!(channels, kinds);
    let mail = plans.channels().find(|c| c.name == "mail").unwrap();
    assert_eq!(mail.table["from"].as_str(), Some("alarms@example.org"));
    assert!(!mail.table.contains_key("kind"));
    assert!(
        EXAMPLE
            .lines()
            .nth(mail.line - 1)
            .unwrap()
            .contains("[channels.mail]")
    );
    assert_eq!(plans.link_base(), Some("https://alarms.example.org"));
    assert_eq!(plans.thresholds().len(), 1);
    assert_eq!(plans.plans.len(), 3);
    let first = &plans.plans[0];
    assert_eq!(
        (first.steps.len(), first.repeat, first.notify_cleared),
        (3, 5, Some(true))
    );
    let anna = &plans.people["anna"];
    let channels: Vec<_> = anna
        .addresses
        .iter()
        .map(|to| to.channel.as_str())
        .collect();
    assert_eq!(channels, ["sms", "mail"], "in the order of the file");
    assert_eq!(plans.texts.len(), 3);
}

#[test]
fn every_key_that_there_is_stands_in_the_example() {
    // Whatever the parser knows, it says when it meets a key that it does not know.
    let unknown = |header: &str| {
        let text = EXAMPLE.replacen(header, &format!("{header}\nno_such_key = 1"), 1);
        let problems = parse(&text).expect_err(header);
        let reason = &problems[0].reason;
        let (_, known) = reason.split_once("allowed are ").expect(reason);
        known.split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    let headers = [
        "[people.anna]",
        "[rotas.duty]",
        "[[rotas.duty.shifts]]",
        "[[plans]]",
        "[templates.fr]",
    ];
    let known = headers.iter().flat_map(|header| unknown(header));
    for key in known.chain(["place", "channels", "address", "days", "after"].map(str::to_owned)) {
        let is_there =
            EXAMPLE.contains(&format!("{key} =")) || EXAMPLE.contains(&format!(".{key}]"));
        assert!(is_there, "{key} is not shown");
    }
}

#[test]
fn the_defaults_are_those_of_the_reference() {
    let plans = parse(SMALL).unwrap();
    let plan = &plans.plans[0];
    assert_eq!((plan.repeat, plan.repeat_every.as_secs()), (3, 300));
    assert_eq!((plan.attempts, plan.emergency_for.as_secs()), (10, 3_600));
    assert_eq!(plan.fallback_after.as_secs(), 30);
    assert_eq!(
        (plan.stop_on_clear, plan.notify_cleared, plan.notify_closed),
        (false, None, false)
    );
    assert_eq!(
        plan.steps[0].targets,
        [Target::Rota {
            name: "duty".to_owned(),
            place: Place::At(0),
            channels: Vec::new()
        }]
    );
    assert!(Plans::none().plans.is_empty());
    assert_eq!(parse("").unwrap().channels().count(), 0);
}

#[test]
fn all_problems_are_said_at_once_in_the_order_of_the_file() {
    let text = SMALL
        .replace("kind = \"smpp\"", "kind = \"fax\"")
        .replace("bob@example.org", "bob")
        .replace("0 8 * *", "61 8 * *")
        .replace("name = \"all\"", "nam = \"all\"");
    let problems = parse(&text).unwrap_err();
    let lines: Vec<usize> = problems.iter().map(|p| p.line).collect();
    assert!(lines.is_sorted());
    for part in [
        "is no kind",
        "one mail address",
        "no minute",
        "`name` is missing",
        "not known here",
    ] {
        assert!(
            problems.iter().any(|p| p.reason.contains(part)),
            "{part}: {problems:?}"
        );
    }
}

#[test]
fn what_is_not_toml_is_said_and_nothing_else() {
    let text = with("a = \nb = 1\nc = [\n");
    let problems = parse(&text).unwrap_err();
    assert!(problems.len() >= 2, "{problems:?}");
    assert!(
        problems
            .iter()
            .all(|p| p.reason.starts_with("this is not TOML"))
    );
    assert_eq!(problems[0].line, 18);
}

#[test]
fn columns_count_characters() {
    let problems = parse("äö = 1\n\"ä\" = 2\n").unwrap_err();
    assert!(problems.iter().all(|p| p.column == 1));
    let problems = parse("link_base = \"ä\"").unwrap_err();
    assert_eq!((problems[0].line, problems[0].column), (1, 1));
    let problems = parse("people = { \"ä\" = 1, b = 2 }").unwrap_err();
    let columns: Vec<usize> = problems.iter().map(|p| p.column).collect();
    assert_eq!(columns, [12, 21]);
}

#[test]
fn a_file_and_its_problems_have_limits() {
    let long = "#".repeat(FILE_BYTES + 1);
    assert!(
        parse(&long).unwrap_err()[0]
            .reason
            .contains("at most 1048576 bytes")
    );
    assert!(parse(&long[1..]).is_ok());
    let wrong: String = (0..500).map(|n| format!("k{n} = 1\n")).collect();
    let problems = parse(&wrong).unwrap_err();
    assert_eq!(problems.len(), walk::PROBLEMS);
    assert!(
        problems[99]
            .reason
            .ends_with("(there are more problems behind this one)")
    );
    let channels: String = (0..101)
        .map(|n| format!("[channels.c{n}]\nkind = \"email\"\n"))
        .collect();
    assert!(
        parse(&channels).unwrap_err()[0]
            .reason
            .contains("at most 100 are allowed")
    );
}

#[test]
fn links_begin_with_a_host() {
    for (base, good) in [
        ("https://a.example", true),
        ("http://a:8080/x/", true),
        ("https://", false),
        ("a.example", false),
        ("https://a/?x=1", false),
        ("javascript:alert(1)", false),
    ] {
        let text = format!("link_base = \"{base}\"");
        assert_eq!(parse(&text).is_ok(), good, "{base}");
    }
    let plans = parse("link_base = \"http://a:8080/x/\"").unwrap();
    assert_eq!(plans.link_base(), Some("http://a:8080/x"));
}

#[test]
fn the_built_in_texts_are_complete() {
    let texts = crate::texts::built_in();
    assert_eq!(texts.len(), 2);
    for texts in texts.values() {
        assert_eq!(texts.severities.len(), 4);
        assert_eq!(texts.reasons.len(), crate::Reason::ALL.len());
    }
}
