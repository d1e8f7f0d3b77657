//! The index of one lane: a file, what has come since it was last written, and the thread that
//! writes.

pub(crate) mod cache;
pub(crate) mod head;
pub(crate) mod lane;
pub(crate) mod state;
pub(crate) mod store;
mod sweep;
mod write;

/// The list of the records whose topics have none of their own, since there are too many.
pub(crate) const OTHERS: u32 = 0;

/// The name under which the postings of an event are kept. No topic has a control character.
pub(crate) fn event_key(name: &str) -> Vec<u8> {
    [b"\x01event/", name.as_bytes()].concat()
}

/// Whether a name is one of a topic.
pub(crate) fn is_topic(name: &[u8]) -> bool {
    name.first() != Some(&1)
}
