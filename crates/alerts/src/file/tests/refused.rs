//! What is refused, and what is said then.

use super::{SMALL, parse, problem, problem_of, with};

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
