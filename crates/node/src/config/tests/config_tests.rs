//! The node's own configuration: wrong values, rules, what is shown, what is generated.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::file::FileRead;
use super::super::overrides::Overrides;
use super::super::rules::Machine;
use super::super::{Code, Config, Diagnostics, Finding, Loaded, Secrets, Style};
use super::cases::{check, compare};

/// A directory with a configuration file in it.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn load(&self, text: &str, machine: Machine) -> Result<Loaded, Diagnostics> {
        let path = self.path("spica.toml").display().to_string();
        let file = FileRead::with(&path, text.as_bytes());
        Config::load_on(machine, Some(file), &Overrides::default())
    }

    /// What is said, with this directory called `/etc/spica`.
    fn said(&self, text: &str, machine: Machine) -> String {
        let diagnostics = self
            .load(text, machine)
            .map_or_else(|d| d, |loaded| loaded.warnings);
        let directory = self.directory.path().display().to_string();
        diagnostics
            .render(Style::Plain)
            .replace(&directory, "/etc/spica")
    }
}

static EXAMPLE: LazyLock<String> = LazyLock::new(Config::example);

/// Room for everything.
const LARGE: Machine = Machine { descriptors: None };

fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let loaded = Config::load_on(LARGE, None, &Overrides::default()).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.config, Config::default());
    let empty = Place::new().load("", LARGE).unwrap();
    assert_eq!(empty.config, Config::default());
}

#[test]
fn wrong_configurations_are_said_with_place_and_remedy() {
    let place = Place::new();
    std::fs::write(place.path("a-file"), "not = \"a profile\"").unwrap();
    check("config-wrong.txt", |input| place.said(input, LARGE));
}

#[test]
fn the_reference_is_up_to_date() {
    compare(&repository("docs/configuration.md"), &Config::reference());
}

#[test]
fn the_example_is_up_to_date() {
    compare(&repository("spica.example.toml"), &Config::example());
}

/// A line of the example that is a key or a section: prose has a space after its `#`.
fn uncommented(example: &str) -> String {
    let lines = example.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_has_every_default_and_nothing_to_complain_about() {
    let text = uncommented(&Config::example());
    assert!(text.contains("\nlisten = "), "{text}");
    let place = Place::new();
    let loaded = place.load(&text, LARGE).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    // Paths count from where they are written: that is the one difference.
    let mut config = loaded.config;
    config.node.data_dir = Config::default().node.data_dir;
    assert_eq!(config, Config::default());
    let untouched = place.load(&Config::example(), LARGE).unwrap();
    assert_eq!(untouched.config, Config::default());
}

#[test]
fn what_is_shown_can_be_loaded_again() {
    let place = Place::new();
    let text = "[http]\nlisten = \"127.0.0.1:9\"\n[journal.critical]\nqueue_bytes = 2097152\n";
    let loaded = place.load(text, LARGE).unwrap();
    let shown = loaded.show(Secrets::Shown);
    assert!(shown.contains("spica.toml:2\n"), "{shown}");
    assert!(shown.contains("spica.toml:4\n"), "{shown}");
    let mut again = place.load(&shown, LARGE).unwrap().config;
    again.node.data_dir = loaded.config.node.data_dir.clone();
    assert_eq!(again, loaded.config);
}

#[test]
fn a_part_of_a_section_leaves_the_other_defaults_of_its_place() {
    let text = "[journal.critical]\nprepared_segments = 3\n[journal.normal]\nprepared_segments = 3";
    let journal = Place::new().load(text, LARGE).unwrap().config.journal;
    let defaults = Config::default().journal;
    assert_ne!(
        defaults.critical.segment_bytes,
        defaults.normal.segment_bytes
    );
    assert_eq!(
        journal.critical.segment_bytes,
        defaults.critical.segment_bytes
    );
    assert_eq!(journal.normal.segment_bytes, defaults.normal.segment_bytes);
}

#[test]
fn paths_count_from_where_they_are_written() {
    let place = Place::new();
    let loaded = place.load("[node]\ndata_dir = \"data\"", LARGE).unwrap();
    assert_eq!(loaded.config.node.data_dir.as_path(), place.path("data"));
    let arguments = vec!["node.data_dir=data".to_owned()];
    let overrides = Overrides {
        arguments,
        ..Overrides::default()
    };
    let loaded = Config::load_on(LARGE, None, &overrides).unwrap();
    assert_eq!(loaded.config.node.data_dir.as_path(), Path::new("data"));
}

#[test]
fn too_few_descriptors_are_a_warning() {
    let config = Config::default();
    let wanted: u64 = config
        .connection_limits()
        .iter()
        .map(|(_, number)| number)
        .sum();
    let enough = wanted + u64::from(config.node.reserved_descriptors);
    let warnings = |descriptors| {
        let machine = Machine {
            descriptors: Some(descriptors),
        };
        Config::load_on(machine, None, &Overrides::default())
            .unwrap()
            .warnings
    };
    assert!(warnings(enough).is_empty());
    let said = warnings(enough - 1);
    let codes: Vec<_> = said.warnings().map(Finding::code).collect();
    assert_eq!(codes, [Code::Resources]);
    // Nothing was written that it could point at.
    assert_eq!(
        said.warnings().find_map(|finding| said.location(finding)),
        None
    );
    assert!(said.to_string().contains("LimitNOFILE"), "{said}");
}

#[test]
fn a_file_that_is_not_there_or_no_text_is_said_so() {
    let place = Place::new();
    let load =
        |name: &str| Config::load(Some(&place.path(name)), &Overrides::default()).unwrap_err();
    assert_eq!(
        load("absent.toml").errors().next().unwrap().code(),
        Code::Unreadable
    );
    std::fs::write(place.path("latin1.toml"), b"\n# gr\xfcn\n").unwrap();
    let said = load("latin1.toml");
    let finding = said.errors().next().unwrap();
    assert_eq!(finding.code(), Code::Encoding);
    assert!(finding.message().contains("line 2"), "{finding:?}");
}

#[test]
fn a_private_key_that_everyone_may_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let text = "[identicom.tls]\nlisten = \"127.0.0.1:1\"\ncertificate = \"c\"\nkey = \"k\"";
    std::fs::write(place.path("c"), "").unwrap();
    std::fs::write(place.path("k"), "").unwrap();
    for (mode, codes) in [(0o644, vec![Code::Path]), (0o640, vec![])] {
        std::fs::set_permissions(place.path("k"), PermissionsExt::from_mode(mode)).unwrap();
        let warnings = place.load(text, LARGE).unwrap().warnings;
        let found: Vec<_> = warnings.warnings().map(Finding::code).collect();
        assert_eq!(found, codes, "{mode:o}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The whole way, rules included.
    #[test]
    fn mangled_examples_never_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, "[a-z0-9\"=\\[\\].#]{0,3}"), 1..8)
    ) {
        let mut text = uncommented(&EXAMPLE);
        for (at, length, piece) in cuts {
            let start = at.index(text.len());
            if text.is_char_boundary(start) && text.is_char_boundary(start + length) {
                text.replace_range(start..start + length, &piece);
            }
        }
        let file = FileRead::with("spica.toml", text.as_bytes());
        let machine = Machine { descriptors: Some(1) };
        let loaded = Config::load_on(machine, Some(file), &Overrides::default());
        let said = loaded.map_or_else(|d| d, |loaded| loaded.warnings).render(Style::Plain);
        prop_assert!(!said.is_empty());
    }
}
