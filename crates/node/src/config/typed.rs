//! A tree to the configuration's types, with every error on the way.
//!
//! The types know more than the schema: that an address parses, that a duration has a unit. Serde
//! stops at the first error, so the value it stopped at is reported, taken out (its default stands
//! in) and the rest is built again.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::allowed::allowed;
use super::finding::{Code, Finding, Findings};
use super::shape::Shape;
use super::sift::advice;
use super::tree::{KeyPath, Node};

/// Builds `T` from `tree`, and takes out of it what the types refuse.
pub(super) fn typed<T: DeserializeOwned + Default>(
    tree: &mut Node,
    root: Shape<'_>,
    findings: &mut Findings,
    removed: &mut Vec<KeyPath>,
) -> T {
    // Every round takes a node out or ends, and every round adds a finding: the list's limit bounds
    // the work on a hostile file.
    while !findings.is_full() {
        let error = match serde_path_to_error::deserialize(toml::Value::from(&*tree)) {
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
    let label = shape.map_or_else(|| "here".to_owned(), |s| format!("allowed: {}", allowed(s)));
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
