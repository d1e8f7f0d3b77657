//! What a value may be, in words: for diagnostics and for the reference.

use std::net::SocketAddr;

use serde_json::Value as Json;

use super::shape::{Kind, Shape};

/// The format of addresses with a port. schemars gives them none.
const SOCKET_ADDRESS: &str = "socket-address";

/// What is allowed, without the key: `an integer from 1 to 65535`.
pub(super) fn allowed(shape: Shape<'_>) -> String {
    let choices = shape.choices();
    if !choices.is_empty() {
        return one_of(choices.iter().map(|choice| literal(choice.value)));
    }
    if let (Some(text), Some(Kind::Text)) = (shape.type_description(), shape.kinds().first()) {
        return sentence(text);
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
        Kind::Integer => format!("an integer{}", range(shape, "")),
        Kind::Number => format!("a number{}", range(shape, "")),
        Kind::Table => "a table".to_owned(),
        Kind::List => {
            let items = shape
                .items()
                .map_or_else(|| "any values".to_owned(), allowed);
            format!("an array{}, each {items}", range(shape, " items"))
        }
        Kind::Text => match format(shape) {
            Some(SOCKET_ADDRESS) => {
                "an address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"".to_owned()
            }
            Some("ip") => "an IP address, such as \"192.0.2.1\" or \"2001:db8::1\"".to_owned(),
            _ => format!("a string{}", range(shape, " characters")),
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
    match (format(shape), shape.kinds().first()) {
        (_, None) => "any".to_owned(),
        (_, Some(Kind::Boolean)) => "boolean".to_owned(),
        (_, Some(Kind::Integer)) => "integer".to_owned(),
        (_, Some(Kind::Number)) => "number".to_owned(),
        (_, Some(Kind::List)) => "array".to_owned(),
        (_, Some(Kind::Table)) => "table".to_owned(),
        (Some(SOCKET_ADDRESS), _) => "address".to_owned(),
        (Some(format), _) => format.replace('-', " "),
        (None, _) => "string".to_owned(),
    }
}

fn format(shape: Shape<'_>) -> Option<&str> {
    let default_is_address = || {
        let default = shape.default().and_then(Json::as_str)?;
        default
            .parse::<SocketAddr>()
            .is_ok()
            .then_some(SOCKET_ADDRESS)
    };
    shape.format().or_else(default_is_address)
}

fn range(shape: Shape<'_>, unit: &str) -> String {
    match shape.bounds() {
        (None, None) => String::new(),
        (Some(least), None) => format!(" of at least {least}{unit}"),
        (None, Some(most)) => format!(" of at most {most}{unit}"),
        (Some(least), Some(most)) => format!(" from {least} to {most}{unit}"),
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
