//! A tree to the configuration's types, with every error on the way.
//!
//! The types know more than the schema: that an address parses, that a duration has a unit. Serde
//! stops at the first error, so the value it stopped at is reported, taken out (its default stands
//! in) and the rest is built again.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::allowed::allowed;
use super::finding::{Code, Finding, Findings};
use super::shape::Shape;
use super::sift::advice;
use super::tree::{KeyPath, Node};

/// Builds `T` from its defaults with `tree` on top, and takes out of the tree what the types refuse.
///
/// The defaults of the whole are the base, so that a section that is written in part has the
/// defaults that the reference shows: those of its place, not those of its type.
pub(super) fn typed<T: DeserializeOwned + Serialize + Default>(
    tree: &mut Node,
    root: Shape<'_>,
    findings: &mut Findings,
    removed: &mut Vec<KeyPath>,
) -> T {
    // A key without a value (an option that is not set) is not in it.
    let defaults = toml::Value::try_from(T::default()).unwrap_or(toml::Table::new().into());
    // Every round takes a node out or ends, and every round adds a finding: the list's limit bounds
    // the work on a hostile file.
    while !findings.is_full() {
        let mut whole = defaults.clone();
        overlay(&mut whole, (&*tree).into());
        let error = match serde_path_to_error::deserialize(whole) {
            Ok(value) => return value,
            Err(error) => error,
        };
        let (path, node) = tree.deepest(&key_path(error.path()));
        findings.push(finding(&error, tree, &path, node, root));
        removed.push(path.clone());
        if !tree.remove(&path) {
            break;
        }
    }
    T::default()
}

/// Puts `over` on top of `base`, table by table.
fn overlay(base: &mut toml::Value, over: toml::Value) {
    match (base, over) {
        (toml::Value::Table(base), toml::Value::Table(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(own) => overlay(own, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}

fn finding(
    error: &serde_path_to_error::Error<toml::de::Error>,
    tree: &Node,
    path: &KeyPath,
    node: &Node,
    root: Shape<'_>,
) -> Finding {
    let shape = root.at(path);
    let written = tree.as_written(path);
    let secret = shape.is_some_and(|shape| shape.is_secret());
    let why = if secret {
        "its value is refused"
    } else {
        error.inner().message().trim()
    };
    let message = format!("`{written}` is not valid: {why}");
    let label = shape.map_or_else(
        || "here".to_owned(),
        |shape| format!("allowed: {}", allowed(shape)),
    );
    let mut finding = Finding::error(Code::Invalid, message)
        .of(&written)
        .at(node.place.clone(), label);
    finding.help = shape.and_then(|shape| advice(&node.value, shape));
    finding
}

fn key_path(path: &serde_path_to_error::Path) -> KeyPath {
    let mut keys = KeyPath::default();
    for segment in path {
        keys = match segment {
            Segment::Map { key } => keys.key(key),
            Segment::Seq { index } => keys.item(*index),
            // An enum's variant is no key in TOML, and an unknown one no place.
            Segment::Enum { .. } | Segment::Unknown => keys,
        };
    }
    keys
}
