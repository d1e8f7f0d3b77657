//! The reference of all keys and the example file, made from the schema: they cannot be out of date.

use serde_json::Value as Json;

use super::allowed::{allowed, literal, type_name};
use super::shape::Shape;
use super::tree::KeyPath;

/// One table of the configuration: its path, its shape, its keys that are no tables, and which of
/// its tables are optional.
struct Section<'a> {
    path: KeyPath,
    shape: Shape<'a>,
    keys: Vec<(&'a str, Shape<'a>)>,
    default: Option<&'a Json>,
}

/// All sections, in the order they are declared.
fn sections<'a>(root: Shape<'a>, defaults: &'a Json) -> Vec<Section<'a>> {
    let mut found = Vec::new();
    collect(KeyPath::default(), root, Some(defaults), &mut found);
    found
}

fn collect<'a>(
    path: KeyPath,
    shape: Shape<'a>,
    default: Option<&'a Json>,
    found: &mut Vec<Section<'a>>,
) {
    let (tables, keys): (Vec<_>, Vec<_>) = shape.properties().partition(|(_, s)| s.is_table());
    if !path.is_root() {
        found.push(Section {
            path: path.clone(),
            shape,
            keys,
            default,
        });
    }
    for (key, inner) in tables {
        let default = default
            .and_then(|default| default.get(key))
            .filter(|d| !d.is_null());
        collect(path.key(key), inner, default, found);
    }
}

const HEAD: &str = "\
# Configuration

<!-- Generated. `UPDATE_DOCS=1 cargo test -p spica-node config` writes it again. -->

`spica serve` runs without a configuration: every key has a default. With `--config FILE` (or
`SPICA_CONFIG`) it reads a TOML file of at most 1 MiB. `spica.example.toml` has every key with its
default.

What is read last wins:

1. the default
2. the file
3. the environment: `SPICA_` and the key in capitals, with two underscores between its levels:
   `SPICA_HTTP__LISTEN=0.0.0.0:8080` is `http.listen`. A variable without two underscores is never a
   key of the configuration
4. `--set http.listen=0.0.0.0:8080`, as often as needed

The value of a variable or of `--set` is written as in TOML. Text needs no quotes where only text is
allowed; an array is `[\"a\", \"b\"]`.

`spica config check` says everything that is wrong, with file, line and what is allowed, not only the
first thing; `--json` says it to programs. A node does not start with a wrong configuration (exit code
78). `spica config show` prints what is in force and where each value comes from.
";

/// `docs/configuration.md`.
pub(super) fn markdown(root: Shape<'_>, defaults: &Json) -> String {
    let mut text = HEAD.to_owned();
    for section in sections(root, defaults) {
        text.push_str(&format!("\n## [{}]\n", section.path));
        if let Some(about) = section.shape.description() {
            text.push_str(&format!("\n{}\n", paragraph(about)));
        }
        if section.default.is_none() {
            text.push_str("\nNot set by default: the section is there only if it is written.\n");
        }
        if section.keys.is_empty() {
            continue;
        }
        text.push_str("\n| key | type | default | allowed | what it does |\n");
        text.push_str("|---|---|---|---|---|\n");
        for (key, shape) in &section.keys {
            text.push_str(&row(key, *shape, section.default));
        }
    }
    text
}

fn row(key: &str, shape: Shape<'_>, section: Option<&Json>) -> String {
    let default = match section
        .and_then(|section| section.get(key))
        .or_else(|| shape.default())
    {
        None | Some(Json::Null) => "none".to_owned(),
        Some(value) => format!("`{}`", literal(value)),
    };
    let about = about(shape);
    let cells = [
        format!("`{key}`"),
        type_name(shape),
        default,
        allowed(shape),
        about,
    ];
    format!(
        "| {} |\n",
        cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
    )
}

/// What a key does, and what each of its words means.
fn about(shape: Shape<'_>) -> String {
    let mut about = paragraph(shape.description().unwrap_or("")).replace("\n\n", "<br>");
    for choice in shape.choices() {
        if let Some(meaning) = choice.description {
            about.push_str(&format!(
                "<br>`{}`: {}",
                literal(choice.value),
                paragraph(meaning)
            ));
        }
    }
    about.replace('\n', " ")
}

/// Lines of a doc comment joined to paragraphs.
fn paragraph(text: &str) -> String {
    let paragraphs = text
        .split("\n\n")
        .map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

const EXAMPLE_HEAD: &str = "\
# Every key of the configuration with its default. Take the # away from what you change.
# docs/configuration.md says what is allowed. Generated, as it is.
";

/// `spica.example.toml`.
pub(super) fn example(root: Shape<'_>, defaults: &Json) -> String {
    let mut text = EXAMPLE_HEAD.to_owned();
    for section in sections(root, defaults) {
        text.push('\n');
        if let Some(about) = section.shape.description() {
            text.push_str(&comment(about));
        }
        // A section that is not there by default has no defaults to show, and may want keys.
        let mark = if section.default.is_some() { "#" } else { "# " };
        text.push_str(&format!("{mark}[{}]\n", section.path));
        for (key, shape) in &section.keys {
            text.push_str(&comment(shape.description().unwrap_or("")));
            let default = section.default.and_then(|section| section.get(key));
            text.push_str(&match default.filter(|default| !default.is_null()) {
                Some(default) => format!("#{key} = {}\n", literal(default)),
                None => format!("# {key} = {}\n", allowed(*shape)),
            });
        }
    }
    text
}

fn comment(text: &str) -> String {
    text.lines()
        .map(|line| format!("# {}\n", line.trim()))
        .collect()
}
