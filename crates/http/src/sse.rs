//! Server-sent events: the lines. Pure functions.

use std::fmt::Display;

/// The media type.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// Keeps an idle stream open, and tells the client that it is alive.
pub const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// Adds one event. `data` must be one line, as JSON without line breaks is.
pub fn event(out: &mut Vec<u8>, name: &str, id: Option<&dyn Display>, data: &[u8]) {
    debug_assert!(!data.contains(&b'\n'), "data of one line");
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(format!("\nid: {id}").as_bytes());
    }
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

/// Adds one event without a name. `data` must be one line, as JSON without line breaks is.
pub fn message(out: &mut Vec<u8>, id: u64, data: &[u8]) {
    debug_assert!(!data.contains(&b'\n'), "data of one line");
    out.extend_from_slice(format!("id: {id}\ndata: ").as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_ends_with_an_empty_line() {
        let mut out = Vec::new();
        event(&mut out, "record", Some(&7), b"{}");
        event(&mut out, "gap", None, b"{}");
        let text = "event: record\nid: 7\ndata: {}\n\nevent: gap\ndata: {}\n\n";
        assert_eq!(std::str::from_utf8(&out).unwrap(), text);
        out.clear();
        message(&mut out, 3, b"[]");
        assert_eq!(out, b"id: 3\ndata: []\n\n");
    }
}
