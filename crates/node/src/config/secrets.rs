//! Hides what nobody may see, before anything is printed.

use std::ops::Range;

use super::shape::Shape;
use super::source::Sources;
use super::suggest;
use super::tree::{Node, Place, SourceId, Value};

/// Hides every secret that stands in `node`.
pub(super) fn hide(node: &Node, shape: Shape<'_>, sources: &mut Sources) {
    if shape.is_secret() {
        return sources.hide(&node.place);
    }
    match &node.value {
        Value::Table(table) => {
            for (key, child) in table {
                match shape.property(key).or_else(|| shape.other_keys()) {
                    Some(inner) => hide(child, inner, sources),
                    None if is_slip_of_secret(key, shape) => sources.hide(&child.place),
                    None => {}
                }
            }
        }
        Value::List(items) => {
            for item in items {
                if let Some(shape) = shape.items() {
                    hide(item, shape, sources);
                }
            }
        }
        _ => {}
    }
}

/// Whether an unknown key is a slip of a secret's: `pasword`.
fn is_slip_of_secret(key: &str, shape: Shape<'_>) -> bool {
    let secrets = shape
        .properties()
        .filter(|(_, inner)| inner.is_secret())
        .map(|(key, _)| key);
    suggest::nearest(key, secrets).is_some()
}

/// Hides secrets in a text that is not TOML as a whole: whatever follows `name =` on its line, or up
/// to the closing quotes where it may have many lines. What the parser understood is hidden by
/// [`hide`]; this is for the rest, which diagnostics quote as well.
pub(super) fn hide_in_broken(source: SourceId, root: Shape<'_>, sources: &mut Sources) {
    let mut names = Vec::new();
    collect(root, &mut names);
    let text = sources
        .get(source)
        .map_or_else(String::new, |source| source.text.clone());
    for name in names {
        for (at, _) in text.match_indices(name) {
            if let Some(span) = value_after(&text, at + name.len()) {
                sources.hide(&Place { source, span });
            }
        }
    }
}

fn collect<'a>(shape: Shape<'a>, names: &mut Vec<&'a str>) {
    for (key, inner) in shape.properties() {
        if inner.is_secret() {
            names.push(key);
        }
        collect(inner, names);
        if let Some(items) = inner.items() {
            collect(items, names);
        }
    }
}

fn value_after(text: &str, key_end: usize) -> Option<Range<usize>> {
    let rest = text.get(key_end..)?;
    let gap = rest.len() - rest.trim_start_matches([' ', '\t', '"', '\'']).len();
    let value = rest.get(gap..)?.strip_prefix('=')?;
    let start = key_end + gap + 1;
    let many_lines = ["\"\"\"", "'''"]
        .into_iter()
        .find(|q| value.trim_start().starts_with(*q));
    let length = match many_lines {
        // The first occurrence opens, the second closes.
        Some(quotes) => value.match_indices(quotes).nth(1).map(|(at, _)| at),
        None => value.find('\n'),
    };
    Some(start..start + length.unwrap_or(value.len()))
}
