//! What a value may be, in words: for diagnostics and for the reference.

use std::fmt::Display;

use serde_json::Value as Json;

use super::shape::{Bounds, Kind, Shape};

/// What is allowed, where the reader knows how durations and amounts of bytes are written.
pub(super) fn allowed_briefly(shape: Shape<'_>) -> String {
    let allowed = allowed(shape);
    let brief = allowed
        .strip_suffix(SPAN)
        .or_else(|| allowed.strip_suffix(BYTE_SIZE));
    brief.unwrap_or(&allowed).to_owned()
}

/// How durations and amounts of bytes are written. Their types say it at more length than fits a
/// line of a diagnostic.
const SPAN: &str = ", such as \"10s\" (ms, s, min, h, d)";
const BYTE_SIZE: &str = ", such as \"64KiB\"";

/// What is allowed, without the key: `an integer from 1 to 65535`.
pub(super) fn allowed(shape: Shape<'_>) -> String {
    let choices = shape.choices();
    if !choices.is_empty() {
        return one_of(choices.iter().map(|choice| literal(choice.value)));
    }
    match (shape.format(), shape.type_description()) {
        (Some("span"), _) => return span("a duration", shape.quantities(), "") + SPAN,
        (Some("byte-size"), _) => {
            return span("an amount of bytes", shape.quantities(), "") + BYTE_SIZE;
        }
        (Some("file-path"), _) => return "a path of a file or directory".to_owned(),
        (_, Some(text)) if shape.kinds().contains(&Kind::Text) => return sentence(text),
        _ => {}
    }
    let kinds = shape.kinds();
    if kinds.is_empty() {
        return "any value".to_owned();
    }
    one_of(kinds.into_iter().map(|kind| of_kind(kind, shape)))
}

fn of_kind(kind: Kind, shape: Shape<'_>) -> String {
    match kind {
        Kind::Boolean => "true or false".to_owned(),
        Kind::Integer => span("an integer", shape.bounds(), ""),
        Kind::Number => span("a number", shape.bounds(), ""),
        Kind::Table => "a table".to_owned(),
        Kind::List => {
            let list = span("an array", shape.counts("Items"), " items");
            let items = shape
                .items()
                .map_or_else(|| "any value".to_owned(), allowed);
            format!("{list}, each {items}")
        }
        Kind::Text => match shape.format() {
            Some("socket-address") => {
                "an address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"".to_owned()
            }
            Some("ip") => "an IP address, such as \"192.0.2.1\" or \"2001:db8::1\"".to_owned(),
            Some("network") => "a network, such as \"10.0.0.0/8\" or \"2001:db8::/32\"".to_owned(),
            _ => span("a string", shape.counts("Length"), " characters"),
        },
    }
}

/// The name of a type, short enough for a table: `integer`.
pub(super) fn type_name(shape: Shape<'_>) -> String {
    if let Some(item) = shape.items() {
        return format!("array of {}s", type_name(item));
    }
    if !shape.choices().is_empty() {
        return "word".to_owned();
    }
    match (shape.format(), shape.kinds().first()) {
        (_, None) => "any".to_owned(),
        (_, Some(Kind::Boolean)) => "boolean".to_owned(),
        (_, Some(Kind::Integer)) => "integer".to_owned(),
        (_, Some(Kind::Number)) => "number".to_owned(),
        (_, Some(Kind::List)) => "array".to_owned(),
        (_, Some(Kind::Table)) => "table".to_owned(),
        (Some("socket-address"), _) => "address".to_owned(),
        (Some("span"), _) => "duration".to_owned(),
        (Some("byte-size"), _) => "bytes".to_owned(),
        (Some("file-path"), _) => "path".to_owned(),
        (Some(format), _) => format.replace('-', " "),
        (None, _) => "string".to_owned(),
    }
}

/// `what`, from the smallest to the largest.
fn span<T: Display>(what: &str, bounds: Bounds<T>, unit: &str) -> String {
    match bounds {
        (None, None) => what.to_owned(),
        (Some(least), None) => format!("{what} of at least {least}{unit}"),
        (None, Some(most)) => format!("{what} of at most {most}{unit}"),
        (Some(least), Some(most)) => format!("{what} from {least} to {most}{unit}"),
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn one_of(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// A value of the schema as it is written in TOML.
pub(super) fn literal(value: &Json) -> String {
    match value {
        Json::Null => "none".to_owned(),
        other => toml::Value::try_from(other).map_or_else(|_| other.to_string(), |v| v.to_string()),
    }
}

/// A description as the end of a sentence: on one line, without its full stop.
fn sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut letters = line.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}
