//! Relative paths in a file count from the file's directory.
//!
//! What is given on the command line or in the environment counts from where the process runs, as
//! everything else there does.

use std::path::Path;

use super::shape::Shape;
use super::tree::{Node, Value};

/// Rewrites every relative path in `node` to one from `base`.
pub(super) fn resolve(node: &mut Node, shape: Shape<'_>, base: &Path) {
    match &mut node.value {
        // Everything here was UTF-8 before.
        Value::Text(text) if shape.format() == Some("file-path") && is_relative(text) => {
            *text = base.join(&*text).to_string_lossy().into_owned();
        }
        Value::Table(table) => {
            for (key, child) in table {
                if let Some(shape) = shape.property(key).or_else(|| shape.other_keys()) {
                    resolve(child, shape, base);
                }
            }
        }
        Value::List(items) => {
            for item in items {
                if let Some(shape) = shape.items() {
                    resolve(item, shape, base);
                }
            }
        }
        _ => {}
    }
}

/// An empty path stays what it is: wrong. So does a URL, in a place that takes one.
fn is_relative(path: &str) -> bool {
    !path.is_empty() && !path.contains("://") && Path::new(path).is_relative()
}
