//! Schemas that only refer to another one: `$ref`, and an option's `anyOf` with null.

use serde_json::Value as Json;

/// References that are followed before a schema is taken as it is. Ours nest two deep.
const DEPTH: usize = 8;

/// Where a schema refers to.
enum To<'a> {
    /// A pointer from the root.
    Pointer(&'a str),
    /// The one of several, by keyword and number, that is not null.
    OneOf(&'static str, usize),
}

/// What `schema` stands for in the end.
pub(super) fn target<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let mut target = schema;
    for _ in 0..DEPTH {
        let next = match refers_to(target) {
            Some(To::Pointer(pointer)) => root.pointer(pointer),
            Some(To::OneOf(keyword, number)) => target.get(keyword).and_then(|all| all.get(number)),
            None => None,
        };
        let Some(next) = next else { break };
        target = next;
    }
    target
}

/// The same as pointers from the root.
pub(super) fn target_pointer(root: &Json, mut at: String) -> String {
    for _ in 0..DEPTH {
        at = match root.pointer(&at).and_then(refers_to) {
            Some(To::Pointer(pointer)) => pointer.to_owned(),
            Some(To::OneOf(keyword, number)) => format!("{at}/{keyword}/{number}"),
            None => break,
        };
    }
    at
}

fn refers_to(schema: &Json) -> Option<To<'_>> {
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
        return reference.strip_prefix('#').map(To::Pointer);
    }
    ["anyOf", "allOf"].into_iter().find_map(|keyword| {
        let all = schema.get(keyword)?.as_array()?.iter().enumerate();
        let mut some = all.filter(|(_, one)| one.get("type") != Some(&"null".into()));
        match (some.next(), some.next()) {
            (Some((number, _)), None) => Some(To::OneOf(keyword, number)),
            _ => None,
        }
    })
}
