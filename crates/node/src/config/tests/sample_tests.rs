//! The machinery on the sample.

use std::ffi::OsString;

use super::super::diagnostics::{Diagnostics, Style};
use super::super::file::FileRead;
use super::super::load::{Draft, draft};
use super::super::overrides::Overrides;
use super::super::reference;
use super::super::show::{Secrets, Show};
use super::cases::check;
use super::sample::{Format, Friend, Sample, shape};

/// Loads `text` as a file.
fn load(text: &str, overrides: &Overrides) -> Draft<Sample> {
    let file = FileRead::with("spica.toml", text.as_bytes());
    draft(shape(), Some(file), overrides)
}

/// An input may begin with lines `NAME=value` (environment) and `--set key=value`, up to an empty one.
fn split(input: &str) -> (Overrides, &str) {
    let mut overrides = Overrides::default();
    let is_override = |line: &str| line.starts_with("SPICA_") || line.starts_with("--set ");
    if !input.lines().next().is_some_and(is_override) {
        return (overrides, input);
    }
    let (head, text) = input.split_once("\n\n").unwrap_or((input, ""));
    for line in head.lines() {
        match line.strip_prefix("--set ") {
            Some(argument) => overrides.arguments.push(argument.to_owned()),
            None => {
                let (name, value) = line.split_once('=').unwrap();
                overrides.environment.push((name.into(), value.into()));
            }
        }
    }
    (overrides, text)
}

#[test]
fn wrong_values_are_said_with_place_and_remedy() {
    check("sample-wrong.txt", |input| {
        let (overrides, text) = split(input);
        let draft = load(text, &overrides);
        Diagnostics::new(draft.findings, draft.sources).render(Style::Plain)
    });
}

#[test]
fn shown_values_say_where_they_come_from() {
    check("sample-show.txt", |input| {
        let (overrides, text) = split(input);
        let draft = load(text, &overrides);
        assert!(draft.findings.kept.is_empty(), "{:?}", draft.findings);
        let show = Show {
            root: shape(),
            written: &draft.tree,
            sources: &draft.sources,
            secrets: Secrets::Redacted,
        };
        show.text(&serde_json::to_value(&draft.value).unwrap())
    });
}

#[test]
fn the_reference_has_a_row_for_every_key() {
    let text = reference::markdown(shape());
    for part in [
        "## [server]\n\nThe server.\n",
        "| `backlog` | integer | `128` | an integer from 1 to 1000 | How many may wait. |\n",
        "| `password` | string | none | a string of at least 4 characters | Who may write. |\n",
        "## [server.inner]\n",
        "How.<br>`\"human\"`: For people.<br>`\"json\"`: For programs. |\n",
        "## [tls]\n\nCertificates.\n\nNot set by default",
        "each a friend: a name in lower case, such as `ada`",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn layers_win_in_order() {
    let mut overrides = Overrides::default();
    let text = "server.backlog = 1\nlog.format = \"json\"\nserver.friends = [\"ada\"]";
    assert_eq!(load(text, &overrides).value.server.backlog, 1);
    overrides
        .environment
        .push(("SPICA_SERVER__BACKLOG".into(), "2".into()));
    assert_eq!(load(text, &overrides).value.server.backlog, 2);
    overrides.arguments.push("server.backlog=3".to_owned());
    assert_eq!(load(text, &overrides).value.server.backlog, 3);
    overrides.arguments.push("server.backlog = 4".to_owned());
    let loaded = load(text, &overrides);
    assert_eq!(loaded.value.server.backlog, 4);
    assert_eq!(loaded.value.log.format, Format::Json);
    assert_eq!(loaded.value.server.friends, [Friend("ada".to_owned())]);
}

#[test]
fn other_variables_are_not_configuration() {
    let names = [
        "SPICA_CONFIG",
        "SPICA_TOKEN",
        "SPICA_SERVICE_HOST",
        "SPICAX__Y",
        "HOME",
        "A__B",
    ];
    let environment = names
        .iter()
        .map(|name| (name.into(), OsString::from("x")))
        .collect();
    let loaded = load(
        "",
        &Overrides {
            environment,
            arguments: Vec::new(),
        },
    );
    assert!(loaded.findings.kept.is_empty());
    assert_eq!(loaded.value, Sample::default());
}

#[test]
fn no_secret_is_shown_by_any_diagnostic() {
    let texts = [
        "[server]\npassword = \"hunter2\" # x\nlisten = 7",
        "[server]\nlisten = 7\npassword = \"hunter2\"",
        "[server]\npasword = \"hunter2\"",
        "server = { password = \"hunter2\", listen = 7 }",
        "[server]\npassword = [\"hunter2\"]",
        "[server]\npassword = \"hunter2\nlisten = 7",
        "[server]\npassword = hunter2\nlisten = 7",
        "server = { \"password\"= \"hunter2, listen = 7 }",
        "[server]\nlisten =\npassword = \"\"\"\nhunter2\n",
        "[server]\npassword = \"\"\"\nhunter2\n\"\"\"\"\"\"\"\nlisten =\n",
    ];
    for text in texts {
        let draft = load(text, &Overrides::default());
        let diagnostics = Diagnostics::new(draft.findings, draft.sources);
        assert!(diagnostics.has_errors(), "{text}");
        assert!(
            !diagnostics.render(Style::Plain).contains("hunter2"),
            "{diagnostics}"
        );
        assert!(
            !diagnostics.to_json().to_string().contains("hunter2"),
            "{diagnostics}"
        );
    }
    for argument in [
        "server.password=hu",
        "server.password=\"hunter2",
        "server.pasword=hunter2",
    ] {
        let overrides = Overrides {
            arguments: vec![argument.to_owned()],
            ..Overrides::default()
        };
        let draft = load("", &overrides);
        let diagnostics = Diagnostics::new(draft.findings, draft.sources);
        assert!(diagnostics.has_errors(), "{argument}");
        assert!(
            !diagnostics.render(Style::Plain).contains("=hu"),
            "{diagnostics}"
        );
        assert!(
            !diagnostics.render(Style::Plain).contains("\"hu"),
            "{diagnostics}"
        );
    }
}

#[test]
fn programs_get_the_same_as_people() {
    let draft = load("[server]\nbacklog = 0\n", &Overrides::default());
    let diagnostics = Diagnostics::new(draft.findings, draft.sources);
    let location = diagnostics
        .errors()
        .find_map(|finding| diagnostics.location(finding));
    assert_eq!(location.as_deref(), Some("spica.toml:2:11"));
    let json = diagnostics.to_json();
    let expected = serde_json::json!({
        "ok": false, "errors": 1, "warnings": 0, "left_off": 0,
        "findings": [{
            "code": "config::out-of-range", "severity": "error",
            "message": "`server.backlog` is too small", "key": "server.backlog",
            "source": "spica.toml", "line": 2, "column": 11, "offset": 19, "length": 1,
            "label": "allowed: an integer from 1 to 1000", "help": "the default is 128",
        }],
    });
    assert_eq!(json, expected);
}
