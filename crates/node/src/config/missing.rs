//! Keys that must be there, once all layers are one.

use super::finding::{Code, Finding, Findings};
use super::shape::Shape;
use super::tree::{KeyPath, Node, Step, Value};

/// Reports every key that is required and not there, and takes out the tables that lack them.
pub(super) fn missing(
    tree: &mut Node,
    root: Shape<'_>,
    findings: &mut Findings,
    removed: &mut Vec<KeyPath>,
) {
    let mut incomplete = Vec::new();
    look(tree, root, &KeyPath::default(), findings, &mut incomplete);
    // From the last to the first: taking an item out moves those behind it.
    for path in incomplete.into_iter().rev() {
        let written = tree.as_written(&path);
        tree.remove(&path);
        removed.push(written);
    }
}

fn look(
    node: &Node,
    shape: Shape<'_>,
    path: &KeyPath,
    findings: &mut Findings,
    incomplete: &mut Vec<KeyPath>,
) {
    match &node.value {
        Value::Table(table) => {
            let absent: Vec<_> = shape
                .required()
                .filter(|key| !table.contains_key(*key))
                .collect();
            if !absent.is_empty() {
                incomplete.push(path.clone());
                findings.push(lacks(node, path, &absent));
            }
            for (key, child) in table {
                if let Some(shape) = shape.property(key).or_else(|| shape.other_keys()) {
                    look(child, shape, &path.key(key), findings, incomplete);
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(shape) = shape.items() {
                    look(
                        item,
                        shape,
                        &KeyPath([path.0.as_slice(), &[Step::Item(index)]].concat()),
                        findings,
                        incomplete,
                    );
                }
            }
        }
        _ => {}
    }
}

fn lacks(node: &Node, path: &KeyPath, absent: &[&str]) -> Finding {
    let keys = absent
        .iter()
        .map(|key| format!("`{key}`"))
        .collect::<Vec<_>>()
        .join(" and ");
    let message = format!("[{path}] lacks {keys}");
    Finding::error(Code::Missing, message)
        .of(path)
        .at(node.place.clone(), "here")
}
