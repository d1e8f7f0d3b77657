//! What the parts' schemas do not say themselves: the smallest and largest duration or amount of
//! bytes, for which JSON schema has no word, and which text is an address or a network.
//!
//! A part may say it itself: `#[schemars(extend("x-least" = "1s"))]`. Here it is said for those that
//! do not, so that the diagnostics and the reference know it.

use serde_json::Value as Json;

use super::refer::target_pointer;

/// Durations and amounts of bytes: the smallest and the largest, empty for none.
const QUANTITIES: &[(&str, &str, &str)] = &[
    ("journal.cursor_interval", "10ms", "1h"),
    ("journal.mark_after", "1ms", "1h"),
    ("journal.give_way", "0ms", "100ms"),
    ("journal.critical.segment_bytes", "8KiB", "256MiB"),
    ("journal.critical.commit_bytes_max", "4KiB", "64MiB"),
    ("journal.normal.segment_bytes", "8KiB", "256MiB"),
    ("journal.normal.commit_bytes_max", "4KiB", "64MiB"),
    ("identicom.timeouts.identity_request", "1ms", "1d"),
    ("identicom.timeouts.idle", "1ms", "1d"),
    ("identicom.timeouts.session", "1ms", "1d"),
    ("identicom.admission.ban_window", "1s", "1d"),
    ("identicom.admission.ban_time", "1s", "366d"),
    ("mqtt.admission.ban_window", "1s", "1d"),
    ("mqtt.admission.ban_time", "1s", "366d"),
    ("http.idle_timeout", "1ms", "1d"),
    ("http.body_timeout", "1ms", "1d"),
    ("http.request_timeout", "1ms", "1d"),
    ("http.write_timeout", "1ms", "1d"),
    ("http.heartbeat", "1ms", "1d"),
    ("http.payload_limit", "1B", "1MiB"),
    ("http.batch_limit", "1KiB", "1GiB"),
    ("http.import_limit", "1KiB", "1GiB"),
    ("http.bodies_limit", "1MiB", ""),
    ("http.page_bytes", "1KiB", "1GiB"),
    ("http.ban_time", "1s", "366d"),
];

/// Numbers: the smallest and the largest.
const NUMBERS: &[(&str, u64, u64)] = &[
    ("journal.critical.prepared_segments", 1, 64),
    ("journal.critical.dedup_keys", 0, 1 << 30),
    ("journal.normal.prepared_segments", 1, 64),
    ("journal.normal.dedup_keys", 0, 1 << 30),
];

/// Texts with a syntax of their own: the key, where below it, and the format.
const FORMATS: &[(&str, &str, &str)] = &[
    ("http.listen", "", "socket-address"),
    ("http.trusted", "/items", "network"),
    ("identicom.listen", "", "socket-address"),
    ("identicom.tls.listen", "", "socket-address"),
    ("identicom.proxy_protocol_from", "/items", "network"),
    ("identicom.admission.trusted", "/items", "network"),
    ("mqtt.admission.trusted", "/items", "network"),
    ("mqtt.proxy_protocol_from", "/items", "network"),
];

/// Writes all of it into `schema`.
pub(super) fn annotate(schema: &mut Json) {
    for (key, least, most) in QUANTITIES {
        set(schema, key, "", "x-least", (*least).into());
        set(schema, key, "", "x-most", (*most).into());
    }
    for (key, least, most) in NUMBERS {
        set(schema, key, "", "minimum", (*least).into());
        set(schema, key, "", "maximum", (*most).into());
    }
    for (key, below, format) in FORMATS {
        set(schema, key, below, "format", (*format).into());
    }
}

/// Sets a keyword of a key, unless the part has said it itself, or says nothing with it.
fn set(schema: &mut Json, key: &str, below: &str, keyword: &str, value: Json) {
    if value == "" {
        return;
    }
    let found = pointer(schema, key).and_then(|at| schema.pointer_mut(&format!("{at}{below}")));
    if let Some(Json::Object(found)) = found {
        // What schemars says of a type's own range is no news.
        if keyword.starts_with("x-") || keyword == "format" {
            found.entry(keyword).or_insert(value);
        } else {
            found.insert(keyword.to_owned(), value);
        }
    }
}

/// Where the schema of a key stands.
fn pointer(schema: &Json, key: &str) -> Option<String> {
    let mut at = String::new();
    for level in key.split('.') {
        at = format!("{}/properties/{level}", target_pointer(schema, at));
        schema.pointer(&at)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use spica_settings::{ByteSize, Span};

    use super::*;
    use crate::config::Config;

    fn all() -> impl Iterator<Item = &'static str> {
        let quantities = QUANTITIES.iter().map(|(key, ..)| *key);
        let numbers = NUMBERS.iter().map(|(key, ..)| *key);
        quantities
            .chain(numbers)
            .chain(FORMATS.iter().map(|(key, ..)| *key))
    }

    #[test]
    fn every_annotated_key_is_there() {
        let schema = Config::schema();
        for key in all() {
            assert!(pointer(&schema, key).is_some(), "{key}");
        }
    }

    #[test]
    fn every_quantity_can_be_read() {
        for (key, least, most) in QUANTITIES {
            for text in [least, most].into_iter().filter(|text| !text.is_empty()) {
                let read = text.parse::<Span>().is_ok() || text.parse::<ByteSize>().is_ok();
                assert!(read, "{key} {text}");
            }
        }
    }

    /// The journal checks its settings itself. What is said here must be the same.
    #[test]
    fn the_journal_allows_exactly_what_is_said_here() {
        let check = |key: &str, value: Json| {
            let mut config = serde_json::to_value(Config::default()).unwrap();
            let mut journal = config["journal"].take();
            for lane in ["critical", "normal"] {
                // Out of the way of the rules between two values.
                journal[lane]["queue_bytes"] = "1GiB".into();
            }
            *journal
                .pointer_mut(&key["journal".len()..].replace('.', "/"))
                .unwrap() = value;
            let settings: spica_journal_file::Settings = serde_json::from_value(journal).unwrap();
            settings.validate().is_ok()
        };
        for (key, least, most) in NUMBERS
            .iter()
            .filter(|(key, ..)| key.starts_with("journal."))
        {
            assert!(
                check(key, (*least).into()) && check(key, (*most).into()),
                "{key}"
            );
            assert!(!check(key, (most + 1).into()), "{key}");
            assert!(*least == 0 || !check(key, (least - 1).into()), "{key}");
        }
        for (key, least, most) in QUANTITIES
            .iter()
            .filter(|(key, ..)| key.starts_with("journal."))
        {
            assert!(
                check(key, (*least).into()) && check(key, (*most).into()),
                "{key}"
            );
            let (below, above) = match (least.parse::<Span>(), most.parse::<Span>()) {
                (Ok(least), Ok(most)) => (
                    // Nothing is shorter than no time at all.
                    (least.as_millis().checked_sub(1))
                        .map(|below| Span::from_millis(below).to_string()),
                    Span::from_millis(most.as_millis() + 1).to_string(),
                ),
                _ => {
                    let bytes = |text: &str| text.parse::<ByteSize>().unwrap().as_u64();
                    (
                        Some(ByteSize::new(bytes(least) - 1).to_string()),
                        ByteSize::new(bytes(most) + 1).to_string(),
                    )
                }
            };
            assert!(
                !below.is_some_and(|below| check(key, below.into())),
                "{key}"
            );
            assert!(!check(key, above.into()), "{key}");
        }
    }
}
