//! The types as a configuration file has them, and as its schema describes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spica_settings::{ByteSize, FilePath, Secret, Span};

/// One of each.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Settings {
    /// How long.
    timeout: Span,
    /// How much.
    queue: ByteSize,
    /// What nobody may see.
    password: Option<Secret>,
    /// Where.
    data: FilePath,
}

const FILE: &str =
    "timeout = \"10s\"\nqueue = \"64KiB\"\npassword = \"s3cret\"\ndata = \"data/journal\"\n";

#[test]
fn files_round_trip() {
    let settings: Settings = toml::from_str(FILE).unwrap();
    assert_eq!(settings.timeout, Span::from_secs(10));
    assert_eq!(settings.queue, ByteSize::kib(64));
    assert_eq!(toml::to_string(&settings).unwrap(), FILE);
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
}

#[test]
fn a_size_may_be_a_number() {
    let file = FILE.replace("\"64KiB\"", "65536");
    assert_eq!(
        toml::from_str::<Settings>(&file).unwrap().queue,
        ByteSize::kib(64)
    );
}

#[test]
fn wrong_values_are_told_what_is_allowed() {
    for (right, wrong, said) in [
        (
            "\"10s\"",
            "10",
            "expected a duration in quotes, with its unit, such as \"10s\"",
        ),
        (
            "\"10s\"",
            "\"10\"",
            "allowed is a whole number and one of ms, s, min, h, d",
        ),
        (
            "\"64KiB\"",
            "\"64K\"",
            "one of B, KiB, MiB, GiB, TiB, kB, MB, GB, TB",
        ),
        (
            "\"64KiB\"",
            "-1",
            "expected an amount of bytes, such as \"64KiB\"",
        ),
        (
            "\"64KiB\"",
            "true",
            "expected an amount of bytes, such as \"64KiB\"",
        ),
        ("\"s3cret\"", "\"\"", "a secret has 1 to 4096 bytes"),
        ("\"data/journal\"", "\"\"", "a path has 1 to 4095 bytes"),
        (
            "\"data/journal\"",
            "7",
            "expected a path, as a text in quotes",
        ),
    ] {
        let error = toml::from_str::<Settings>(&FILE.replace(right, wrong)).unwrap_err();
        assert!(
            error.message().contains(said),
            "{wrong}: {}",
            error.message()
        );
    }
}

#[test]
fn a_debug_print_of_a_configuration_hides_its_secrets() {
    let settings: Settings = toml::from_str(FILE).unwrap();
    let printed = format!("{settings:?}");
    assert!(!printed.contains("s3cret"), "{printed}");
    assert!(printed.contains("timeout: 10s, queue: 64KiB"), "{printed}");
}

/// Each type by its own name, so that a reference can say once what is allowed.
#[test]
fn the_schema_says_what_is_allowed() {
    let schema = schemars::schema_for!(Settings).to_value();
    let definition = |name: &str| schema["$defs"][name].clone();
    for name in ["Span", "ByteSize", "Secret", "FilePath"] {
        assert!(definition(name)["description"].is_string(), "{name}");
        assert!(definition(name)["pattern"].is_string(), "{name}");
    }
    assert_eq!(schema["properties"]["timeout"]["$ref"], "#/$defs/Span");
    assert_eq!(definition("Secret")["writeOnly"], Value::Bool(true));
    assert_eq!(definition("ByteSize")["type"], json!(["string", "integer"]));
}
