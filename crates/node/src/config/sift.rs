//! A layer against the schema: what does not fit is reported and taken out.
//!
//! Taking it out is what lets one pass report everything: the rest can still be judged, key by key,
//! and built with the default where the wrong value stood.

use super::allowed::{allowed, literal, one_of};
use super::bounds::outside;
use super::finding::{Code, Finding, Findings};
use super::shape::{Kind, Shape};
use super::suggest;
use super::tree::{KeyPath, Name, Node, Value};
use serde_json::Value as Json;

/// What is judged by, and what came of it.
pub(super) struct Sieve<'a> {
    pub(super) root: Shape<'a>,
    pub(super) findings: &'a mut Findings,
    /// The keys whose values were taken out.
    pub(super) removed: &'a mut Vec<KeyPath>,
}

impl Sieve<'_> {
    /// Takes out of `node` what `shape` does not allow. Says whether `node` itself may stay.
    pub(super) fn sift(&mut self, node: &mut Node, shape: Shape<'_>, path: &KeyPath) -> bool {
        let fits = self.fits(node, shape, path);
        if fits {
            match &mut node.value {
                Value::Table(table) => {
                    table.retain(|key, child| self.entry(key, child, shape, path));
                }
                Value::List(items) => {
                    if let Some(shape) = shape.items() {
                        items.retain_mut(|item| self.item(item, shape, path));
                    }
                }
                _ => {}
            }
        } else {
            self.removed.push(path.clone());
        }
        fits
    }

    fn item(&mut self, item: &mut Node, shape: Shape<'_>, path: &KeyPath) -> bool {
        let path = match &item.name {
            Name::Item(number) => path.item(*number),
            _ => path.clone(),
        };
        self.sift(item, shape, &path)
    }

    fn entry(&mut self, key: &str, child: &mut Node, shape: Shape<'_>, path: &KeyPath) -> bool {
        match shape.property(key).or_else(|| shape.other_keys()) {
            Some(inner) => self.sift(child, inner, &path.key(key)),
            None if shape.is_closed() => {
                self.unknown(key, child, shape, path);
                false
            }
            None => true,
        }
    }

    fn unknown(&mut self, key: &str, child: &Node, shape: Shape<'_>, path: &KeyPath) {
        let keys: Vec<&str> = shape.properties().map(|(key, _)| key).collect();
        let (table, what) = if path.is_root() {
            ("the configuration".to_owned(), "section")
        } else {
            (format!("[{path}]"), "key")
        };
        let mut help = String::new();
        if let Some(meant) = suggest::nearest(key, keys.iter().copied()) {
            help = format!("did you mean `{meant}`? ");
        } else if let [place] = suggest::elsewhere(self.root, key).as_slice() {
            help = format!("did you mean `{place}`? ");
        }
        help.push_str(&format!("{table} has: {}", keys.join(", ")));
        let place = match &child.name {
            Name::Key(place) => place.clone(),
            _ => child.place.clone(),
        };
        let message = format!("`{}` is no {what} of {table}", clip(key));
        let label = format!("no such {what}");
        let finding = Finding::error(Code::UnknownKey, message).of(&path.key(key));
        self.findings.push(finding.at(place, label).help(help));
    }

    fn fits(&mut self, node: &Node, shape: Shape<'_>, path: &KeyPath) -> bool {
        let Some((code, wrong)) = wrong(&node.value, shape) else {
            return true;
        };
        let message = format!("`{path}` {wrong}");
        let mut finding = Finding::error(code, message)
            .of(path)
            .at(node.place.clone(), format!("allowed: {}", allowed(shape)));
        finding.help = advice(&node.value, shape);
        self.findings.push(finding);
        false
    }
}

/// Why a value does not fit, as the end of a sentence that starts with its key.
fn wrong(value: &Value, shape: Shape<'_>) -> Option<(Code, String)> {
    let kinds = shape.kinds();
    let choices = shape.choices();
    let fits = |kind: &Kind| is_of(value, *kind);
    if !kinds.is_empty() && !kinds.iter().any(fits) {
        return Some((Code::WrongType, format!("cannot be {}", value.is_a())));
    }
    if !choices.is_empty() && !choices.iter().any(|choice| same(value, choice.value)) {
        if kinds.is_empty() && !matches!(value, Value::Text(_)) {
            return Some((Code::WrongType, format!("cannot be {}", value.is_a())));
        }
        return Some((Code::NotAllowed, "is none of the allowed words".to_owned()));
    }
    outside(value, shape).map(|how| (Code::OutOfRange, format!("is too {how}")))
}

const fn is_of(value: &Value, kind: Kind) -> bool {
    matches!(
        (value, kind),
        (Value::Boolean(_), Kind::Boolean)
            | (
                Value::Integer(_) | Value::Beyond(_),
                Kind::Integer | Kind::Number
            )
            | (Value::Float(_), Kind::Number)
            | (Value::Text(_), Kind::Text)
            | (Value::List(_), Kind::List)
            | (Value::Table(_), Kind::Table)
    )
}

fn same(value: &Value, choice: &serde_json::Value) -> bool {
    match value {
        Value::Text(text) => choice.as_str() == Some(text),
        Value::Integer(number) => choice.as_i64() == Some(*number),
        Value::Boolean(value) => choice.as_bool() == Some(*value),
        _ => false,
    }
}

/// The word that was likely meant, and the default.
pub(super) fn advice(value: &Value, shape: Shape<'_>) -> Option<String> {
    let mut advice = Vec::new();
    if let Value::Text(text) = value {
        let choices = shape.choices();
        let words = choices.iter().filter_map(|choice| choice.value.as_str());
        if let Some(meant) = suggest::nearest(text, words) {
            advice.push(format!(
                "did you mean {}?",
                one_of([format!("\"{meant}\"")])
            ));
        }
    }
    let shown = |default: &&Json| !default.is_null() && !default.is_object() && !shape.is_secret();
    let default = shape.default().filter(shown);
    if let Some(default) = default {
        advice.push(format!("the default is {}", literal(default)));
    }
    (!advice.is_empty()).then(|| advice.join(" "))
}

/// A key for a message: hostile ones are cut.
pub(super) fn clip(key: &str) -> String {
    const SHOWN: usize = 80;
    match key.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", key.get(..end).unwrap_or("")),
        None => key.to_owned(),
    }
}
