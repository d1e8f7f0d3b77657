//! No text makes it panic, hang or grow without end.

use proptest::prelude::*;

use super::super::diagnostics::{Diagnostics, Style};
use super::super::file::{FILE_BYTES, FileRead};
use super::super::finding::{Code, KEPT};
use super::super::load::draft;
use super::super::overrides::Overrides;
use super::sample::{Sample, shape};

fn diagnostics_of(bytes: &[u8], overrides: &Overrides) -> Diagnostics {
    let file = FileRead::with("spica.toml", bytes);
    let draft = draft::<Sample>(shape(), Some(file), overrides);
    Diagnostics::new(draft.findings, draft.sources)
}

const SOUND: &str = "\
[server]
listen = \"127.0.0.1:7000\" # ü
backlog = 128
ratio = 0.5
friends = [\"ada\", \"bob\"]
password = '''ab
cd'''
inner = { enabled = true }
[log]
format = \"json\"
[tls]
certificate = \"/a\"
key = \"/b\"
[budgets]
a = 0x10
";

/// Sound TOML with a few stretches of it replaced.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Vec<u8>>().prop_map(|mut bytes| {
            bytes.truncate(8);
            bytes
        }),
        prop::sample::select(vec![
            "[", "]", "=", "\"", "'''", "\n", ".", "{", "}", ",", "#", "é", "\r"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::sample::select(vec![
            "[server]",
            "[[server]]",
            "inf",
            "nan",
            "1e999",
            "99999999999999999999",
            "1979-05-27"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let edit = (0..SOUND.len(), 0..24usize, piece);
    prop::collection::vec(edit, 0..6).prop_map(|edits| {
        let mut bytes = SOUND.as_bytes().to_vec();
        for (start, length, piece) in edits {
            let start = start.min(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, piece);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn mangled_files_never_panic(bytes in mangled()) {
        let diagnostics = diagnostics_of(&bytes, &Overrides::default());
        let text = diagnostics.render(Style::Plain);
        prop_assert!(text.ends_with('\n'));
        for finding in diagnostics.errors() {
            prop_assert!(!finding.message().is_empty());
        }
    }

    #[test]
    fn mangled_overrides_never_panic(key in "[a-z_.=\\[\\]\" ]{0,24}", value in "\\PC{0,16}") {
        let name = format!("SPICA_{}", key.replace('.', "__").to_uppercase());
        let overrides = Overrides {
            environment: vec![(name.into(), value.clone().into())],
            arguments: vec![format!("{key}={value}"), format!("server.{key}={value}"), key],
        };
        let text = diagnostics_of(b"", &overrides).render(Style::Colour);
        prop_assert!(text.ends_with('\n'));
    }
}

#[test]
fn the_sound_file_is_sound() {
    let diagnostics = diagnostics_of(SOUND.as_bytes(), &Overrides::default());
    assert!(diagnostics.is_empty(), "{diagnostics}");
}

#[test]
fn a_file_may_have_a_mebibyte_and_no_byte_more() {
    let mut text = vec![b'#'; usize::try_from(FILE_BYTES).unwrap()];
    assert!(diagnostics_of(&text, &Overrides::default()).is_empty());
    text.push(b'#');
    let diagnostics = diagnostics_of(&text, &Overrides::default());
    assert_eq!(diagnostics.errors().next().unwrap().code(), Code::TooLarge);
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let keys: String = (0..KEPT + 7)
        .map(|number| format!("x{number} = 1\n"))
        .collect();
    let diagnostics = diagnostics_of(keys.as_bytes(), &Overrides::default());
    assert_eq!(diagnostics.errors().count(), KEPT);
    assert!(
        diagnostics.summary().ends_with("7 more findings left off"),
        "{diagnostics}"
    );
}

/// What is refused by the types alone is found by building again and again: that must not become
/// the square of the file.
#[test]
fn many_wrong_values_of_a_syntax_are_bounded() {
    let friends = "\"ADA\",".repeat(30_000);
    let text = format!("[server]\nfriends = [{friends}]");
    let diagnostics = diagnostics_of(text.as_bytes(), &Overrides::default());
    assert_eq!(diagnostics.errors().count(), KEPT);
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("budgets = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(diagnostics_of(text.as_bytes(), &Overrides::default()).has_errors());
    let text = format!("{} = 1", vec!["a"; 100_000].join("."));
    assert!(diagnostics_of(text.as_bytes(), &Overrides::default()).has_errors());
}
