//! What is read from a plan file, and what is refused.

use super::*;
use crate::plans::{Place, Target};

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
    assert_eq!(
        mail.table["from"].as_str(),
        Some("Spica <alarms@example.org>")
    );
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
fn references_that_lead_nowhere_are_refused_with_what_there_is() {
    for (right, wrong, said) in [
        (
            "sms = \"+41791234567\"",
            "fax = \"+41791234567\"",
            "no channel \"fax\"; there are: arc, mail, sms",
        ),
        (
            "otherwise = [\"bob\"]",
            "otherwise = [\"rob\"]",
            "no person \"rob\"; there are: anna, bob",
        ),
        (
            "people = [\"anna\", \"bob\"]",
            "people = [\"anna\", \"rob\"]",
            "no person \"rob\"",
        ),
        (
            "rota = \"duty\"",
            "rota = \"night\"",
            "no rota \"night\"; there are: duty",
        ),
        ("rota = \"duty\"", "person = \"rob\"", "no person \"rob\""),
        ("rota = \"duty\"", "channel = \"fax\"", "no channel \"fax\""),
        (
            "rota = \"duty\"",
            "person = \"anna\", channels = [\"fax\"]",
            "no channel \"fax\"",
        ),
        (
            "kind = \"email\"",
            "kind = \"fax\"",
            "no kind of channel; allowed are webhook, email",
        ),
    ] {
        let problems = parse(&SMALL.replacen(right, wrong, 1)).expect_err(wrong);
        assert!(
            problems[0].to_string().contains(said),
            "{wrong}: {problems:?}"
        );
    }
}

#[test]
fn addresses_that_a_channel_cannot_use_are_refused() {
    let said = problem("+41791234567", "079 123 45 67");
    assert!(
        said.starts_with("line 9, column 15: people.anna.addresses.sms: "),
        "{said}"
    );
    assert!(said.contains("E.164"), "{said}");
    assert!(problem("anna@example.org", "anna").contains("one mail address"));
    assert!(problem("rota = \"duty\"", "channel = \"mail\"").contains("needs `address`"));
    assert!(
        problem("rota = \"duty\"", "channel = \"arc\", address = \"x\"").contains("hexadecimal")
    );
    assert!(parse(&SMALL.replace("rota = \"duty\"", "channel = \"arc\"")).is_ok());
}

#[test]
fn what_would_reach_nobody_is_refused() {
    for (right, wrong, said) in [
        (
            "steps = [{ notify = [{ rota = \"duty\" }] }]",
            "steps = []",
            "at least one step",
        ),
        (
            "notify = [{ rota = \"duty\" }]",
            "notify = []",
            "tells nobody",
        ),
        (
            "notify = [{ rota = \"duty\" }]",
            "after = \"1s\"",
            "`notify` is missing",
        ),
        ("{ rota = \"duty\" }", "{ }", "a target is one of"),
        (
            "{ rota = \"duty\" }",
            "{ rota = \"duty\", person = \"anna\" }",
            "a target is one of",
        ),
        (
            "rota = \"duty\"",
            "person = \"bob\", channels = [\"sms\"]",
            "bob has no address on sms",
        ),
        (
            "rota = \"duty\"",
            "rota = \"duty\", channels = [\"sms\"]",
            "bob has no address on sms",
        ),
        (
            "rota = \"duty\"",
            "person = \"bob\", channels = []",
            "reach nobody",
        ),
        (
            "rota = \"duty\"",
            "rota = \"duty\", place = 3",
            "fewer people",
        ),
        (
            "rota = \"duty\"",
            "rota = \"duty\", place = 0",
            "from 1 to 50",
        ),
        (
            "rota = \"duty\"",
            "rota = \"duty\", place = \"any\"",
            "and \"all\"",
        ),
        (
            "otherwise = [\"bob\"]",
            "otherwise = []",
            "name at least one person",
        ),
        ("otherwise = [\"bob\"]\n", "", "`otherwise` is missing"),
        (
            "people = [\"anna\", \"bob\"]",
            "people = []",
            "name at least one person",
        ),
        (
            "people = [\"anna\", \"bob\"]",
            "people = [\"bob\", \"bob\"]",
            "twice",
        ),
        ("{ mail = \"bob@example.org\" }", "{}", "1 to 16 addresses"),
    ] {
        let said_now = problem(right, wrong);
        assert!(said_now.contains(said), "{wrong}: {said_now}");
    }
}

#[test]
fn a_plan_that_is_never_reached_is_refused() {
    let plan = |name: &str, matches: &str| {
        format!(
            "[[plans]]\nname = \"{name}\"\nmatch = {matches}\nsteps = [{{ notify = [{{ person = \"bob\" }}] }}]\n"
        )
    };
    assert!(
        problem_of(&plan("later", "{ severity = \"high\" }")).contains("plan \"all\" before it")
    );
    let start = SMALL.find("[[plans]]").unwrap();
    let two = |first: &str, second: &str| {
        let text = format!(
            "{}{}{}",
            &SMALL[..start],
            plan("a", first),
            plan("b", second)
        );
        parse(&text).is_ok()
    };
    for (first, second, reached) in [
        ("{ severity = \"high\" }", "{}", true),
        ("{}", "{ severity = \"low\" }", false),
        (
            "{ severity = \"high\" }",
            "{ severity = \"emergency\" }",
            false,
        ),
        (
            "{ conditions = [\"a\", \"b\"] }",
            "{ conditions = [\"b\"] }",
            false,
        ),
        (
            "{ conditions = [\"a\"] }",
            "{ conditions = [\"b\", \"a\"] }",
            true,
        ),
        ("{ customers = [\"a\"] }", "{}", true),
        (
            "{ customers = [\"a\"] }",
            "{ customers = [\"a\"], severity = \"high\" }",
            false,
        ),
        (
            "{ sources = [\"devices/#\"] }",
            "{ sources = [\"devices/+\", \"devices/7\"] }",
            false,
        ),
        (
            "{ sources = [\"devices/+\"] }",
            "{ sources = [\"devices/#\"] }",
            true,
        ),
    ] {
        assert_eq!(two(first, second), reached, "{first} before {second}");
    }
    let same = plan("all", "{}").replace("{}", "{ severity = \"low\" }");
    let problems = parse(&with(&same)).unwrap_err();
    assert!(
        problems
            .iter()
            .any(|p| p.reason.contains("two plans with the name"))
    );
}

#[test]
fn durations_are_within_reason() {
    for (key, wrong, said) in [
        ("repeat_every", "\"1s\"", "allowed is 10s to 1d"),
        ("repeat_every", "\"-5min\"", "a whole number and one of"),
        ("repeat_every", "\"5\"", "a whole number and one of"),
        ("repeat_every", "300", "a text in quotes"),
        ("fallback_after", "\"2h\"", "allowed is 1s to 1h"),
        ("emergency_for", "\"30s\"", "allowed is 1min to 1d"),
        ("repeat", "101", "a whole number from 0 to 100"),
        ("repeat", "-1", "a whole number from 0 to 100"),
        ("attempts", "0", "a whole number from 1 to 1000"),
        ("stop_on_clear", "\"yes\"", "true or false"),
        (
            "colour",
            "\"red\"",
            "not known here; allowed are attempts, emergency_for",
        ),
    ] {
        let said_now = problem_of(&format!("{key} = {wrong}\n"));
        assert!(said_now.contains(said), "{key} = {wrong}: {said_now}");
        assert!(said_now.contains(&format!("plans[1].{key}")), "{said_now}");
    }
    assert!(problem("notify =", "after = \"8d\", notify =").contains("allowed is 0s to 7d"));
    assert!(problem("\"10h\"", "\"32d\"").contains("allowed is 1min to 31d"));
    assert!(problem("\"10h\"", "\"90s\"").contains("whole minutes"));
    let steps = "steps = [{ notify = [{ rota = \"duty\" }] }]";
    let backwards = "steps = [{ after = \"2min\", notify = [{ rota = \"duty\" }] }, { after = \"1min\", notify = [{ rota = \"duty\" }] }]";
    assert!(problem(steps, backwards).contains("cannot come before"));
}

#[test]
fn times_and_cron_lines_are_refused_with_what_is_allowed() {
    let said = problem("0 8 * * mon-fri", "0 8 * * mo-fri");
    assert!(said.contains("line 14"), "{said}");
    assert!(
        said.contains("rotas.duty.shifts[1].start: \"mo\" is no weekday"),
        "{said}"
    );
    let quiet = |hours: &str| {
        problem(
            "[people.bob]",
            &format!("[people.bob]\nquiet_hours = {hours}"),
        )
    };
    assert!(quiet("[{ from = \"22:00\", to = \"24:00\" }]").contains("\"24:00\" is no time"));
    assert!(quiet("[{ from = \"9:00\", to = \"10:00\" }]").contains("\"9:00\" is no time"));
    assert!(quiet("[{ from = \"22:00\" }]").contains("`to` is missing"));
    assert!(quiet("[{ from = \"22:00\", to = \"06:00\", days = \"mo\" }]").contains("no weekday"));
    assert!(quiet("[{ from = \"00:00\", to = \"00:00\" }]").contains("never end"));
    let zone = problem("[people.bob]", "[people.bob]\ntime_zone = \"Europe/Züri\"");
    assert!(zone.contains("IANA"), "{zone}");
}

#[test]
fn templates_are_refused_with_the_placeholders_that_there_are() {
    let said = problem_of("[templates.de]\nsubject = \"{reason} {txt}\"\n");
    assert!(
        said.contains("templates.de.subject: there is no placeholder {txt}; there are: at,"),
        "{said}"
    );
    let fr = problem_of("[templates.fr]\nsubject = \"x\"\nbody = \"y\"\n");
    assert!(
        fr.contains("`sms` is missing: a language that is not built in"),
        "{fr}"
    );
    assert!(problem_of("[templates.deutsch]\n").contains("two small letters"));
    assert!(problem_of("[templates.de.reasons]\nrised = \"x\"\n").contains("none of raised"));
    assert!(
        problem_of("[templates.de.conditions]\n\"Man Down\" = \"x\"\n").contains("\"man-down\"")
    );
    let text = format!("language = \"fr\"\n{SMALL}");
    assert!(
        parse(&text).unwrap_err()[0]
            .reason
            .contains("no texts in fr; there are: de, en")
    );
}

#[test]
fn thresholds_are_judged_by_those_who_use_them() {
    let rule = |rest: &str| {
        format!(
            "[[thresholds]]\ntopic = \"plant/+/level\"\ncondition = \"level-high\"\nseverity = \"high\"\n{rest}\n"
        )
    };
    assert_eq!(
        parse(&with(&rule("above = 4.5")))
            .unwrap()
            .thresholds()
            .len(),
        1
    );
    let said = problem_of(&rule("above = 4.5\nhysteresis = -1.0"));
    assert!(
        said.contains("line 23") && said.contains("thresholds[1].hysteresis"),
        "{said}"
    );
    let said = problem_of(&rule("abov = 4.5"));
    assert!(said.contains("line 22") && said.contains("abov"), "{said}");
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
            .contains("at most 4194304 bytes")
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
