//! The reference of all keys and the example file, made from the schema: they cannot be out of date.

use super::allowed::{allowed, allowed_briefly, literal, type_name};
use super::shape::Shape;
use super::tree::KeyPath;

/// One table of the configuration: its path, its shape, and its keys that are no tables.
struct Section<'a> {
    path: KeyPath,
    shape: Shape<'a>,
    keys: Vec<(&'a str, Shape<'a>)>,
    /// Whether it is one of an array of tables.
    is_item: bool,
}

impl Section<'_> {
    /// As it is written in a file.
    fn title(&self) -> String {
        if self.is_item {
            format!("[[{}]]", self.path)
        } else {
            format!("[{}]", self.path)
        }
    }
}

/// All sections, in the order they are declared.
fn sections(root: Shape<'_>) -> Vec<Section<'_>> {
    let mut found = Vec::new();
    collect(&KeyPath::default(), root, false, &mut found);
    found
}

fn collect<'a>(path: &KeyPath, shape: Shape<'a>, is_item: bool, found: &mut Vec<Section<'a>>) {
    let (tables, keys): (Vec<_>, Vec<_>) = shape.properties().partition(|(_, s)| s.is_section());
    let items = keys.iter().filter_map(|(key, inner)| {
        let item = inner.items().filter(Shape::is_section)?;
        Some((*key, item))
    });
    let items: Vec<_> = items.collect();
    if !path.is_root() {
        found.push(Section {
            path: path.clone(),
            shape,
            keys,
            is_item,
        });
    }
    for (key, item) in items {
        collect(&path.key(key), item, true, found);
    }
    for (key, inner) in tables {
        collect(&path.key(key), inner, false, found);
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

The value of a variable or of `--set` is written as in TOML. Text needs no quotes where text is
allowed; an array is `[\"a\", \"b\"]`.

A *duration* is a whole number and one of `ms`, `s`, `min`, `h`, `d`: `\"250ms\"`, `\"5min\"`. An *amount
of bytes* is a whole number and one of `B`, `KiB`, `MiB`, `GiB`, `TiB` (powers of 1024), `kB`, `MB`, `GB`,
`TB` (powers of 1000): `\"64KiB\"`, or the number of bytes alone. A relative *path* in a file counts from
the directory of that file; elsewhere, from where the process runs.

`spica config check` says everything that is wrong, with file, line and what is allowed, not only the
first thing; `--json` says it to programs. A node does not start with a wrong configuration (exit code
78). `spica config show` prints what is in force and where each value comes from.
";

/// `docs/configuration.md`.
pub(super) fn markdown(root: Shape<'_>) -> String {
    let mut text = HEAD.to_owned();
    for section in sections(root) {
        text.push_str(&format!("\n## {}\n", section.title()));
        if let Some(about) = section.shape.about() {
            text.push_str(&format!("\n{}\n", paragraph(about)));
        }
        if section.is_item {
            text.push_str("\nOne of an array: the section is written once for each.\n");
        } else if section.shape.default().is_none() {
            text.push_str("\nNot set by default: the section is there only if it is written.\n");
        }
        if !section.keys.is_empty() {
            text.push_str("\n| key | type | default | allowed | what it does |\n");
            text.push_str("|---|---|---|---|---|\n");
        }
        for (key, shape) in &section.keys {
            text.push_str(&row(key, *shape));
        }
    }
    text
}

fn row(key: &str, shape: Shape<'_>) -> String {
    let default = shape
        .usual()
        .map_or_else(|| "none".to_owned(), |value| code(&literal(value)));
    let cells = [
        code(key),
        type_name(shape),
        default,
        allowed_briefly(shape),
        about(shape),
    ];
    format!(
        "| {} |\n",
        cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
    )
}

fn code(text: &str) -> String {
    format!("`{text}`")
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
pub(super) fn example(root: Shape<'_>) -> String {
    let mut text = EXAMPLE_HEAD.to_owned();
    for section in sections(root) {
        text.push('\n');
        if let Some(about) = section.shape.about() {
            text.push_str(&comment(about));
        }
        // A section that is not there by default may want keys: its own are no defaults of the node.
        let mark = if section.shape.default().is_some() {
            "#"
        } else {
            "# "
        };
        text.push_str(&format!("{mark}{}\n", section.title()));
        for (key, shape) in &section.keys {
            text.push_str(&comment(shape.description().unwrap_or("")));
            text.push_str(&match (shape.default(), shape.usual()) {
                (Some(default), _) => format!("#{key} = {}\n", literal(default)),
                (None, Some(usual)) => format!("# {key} = {}\n", literal(usual)),
                (None, None) => format!("# {key} = {}\n", allowed(*shape)),
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
