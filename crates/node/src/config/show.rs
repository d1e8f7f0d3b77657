//! The configuration in force, as TOML, and where each value comes from.

use serde_json::Value as Json;

use super::allowed::literal;
use super::shape::Shape;
use super::source::Sources;
use super::tree::{KeyPath, Node};

/// Whether `show` writes secrets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Each is replaced.
    Redacted,
    /// As they are: for a file that is kept as safe as they are.
    Shown,
}

/// What stands for a secret.
pub(super) const REDACTED: &str = "<redacted>";

/// What a configuration is shown from.
pub(super) struct Show<'a> {
    pub(super) root: Shape<'a>,
    pub(super) written: &'a Node,
    pub(super) sources: &'a Sources,
    pub(super) secrets: Secrets,
}

impl Show<'_> {
    /// The whole, section by section.
    pub(super) fn text(&self, effective: &Json) -> String {
        let mut text = String::new();
        self.table(&mut text, &KeyPath::default(), self.root, effective);
        text
    }

    fn table(&self, text: &mut String, path: &KeyPath, shape: Shape<'_>, effective: &Json) {
        let mut tables = Vec::new();
        let mut lines = Vec::new();
        for (key, inner) in shape.properties() {
            let path = path.key(key);
            match effective.get(key).unwrap_or(&Json::Null) {
                table if inner.is_section() && table.is_object() => {
                    tables.push((path, inner, table));
                }
                Json::Null => lines.push(format!("# {key} is not set")),
                value => lines.push(self.line(key, &path, inner, value)),
            }
        }
        if !lines.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            if !path.is_root() {
                text.push_str(&format!("[{path}]\n"));
            }
            text.push_str(&(lines.join("\n") + "\n"));
        }
        for (path, shape, value) in tables {
            self.table(text, &path, shape, value);
        }
    }

    fn line(&self, key: &str, path: &KeyPath, shape: Shape<'_>, value: &Json) -> String {
        let secret = shape.is_secret() && self.secrets == Secrets::Redacted;
        let value = if secret {
            literal(&REDACTED.into())
        } else {
            self.value(shape, value)
        };
        format!("{key} = {value} # {}", self.origin(path))
    }

    /// A value on one line. Secrets below it are redacted as well.
    fn value(&self, shape: Shape<'_>, value: &Json) -> String {
        let mut value = value.clone();
        if self.secrets == Secrets::Redacted {
            redact(shape, &mut value);
        }
        literal(&value)
    }

    /// Where the value at `path` was written.
    fn origin(&self, path: &KeyPath) -> String {
        let node = self.written.at(path);
        node.map_or_else(
            || "default".to_owned(),
            |node| self.sources.origin(&node.place),
        )
    }
}

fn redact(shape: Shape<'_>, value: &mut Json) {
    if shape.is_secret() {
        *value = REDACTED.into();
        return;
    }
    match value {
        Json::Array(items) => {
            for (item, shape) in items.iter_mut().zip(std::iter::repeat(shape.items())) {
                if let Some(shape) = shape {
                    redact(shape, item);
                }
            }
        }
        Json::Object(entries) => {
            for (key, entry) in entries {
                if let Some(shape) = shape.property(key).or_else(|| shape.other_keys()) {
                    redact(shape, entry);
                }
            }
        }
        _ => {}
    }
}
