//! A read's records that the journal has no room for yet.

use spica_journal::Durable;
use spica_model::Lane;

use crate::entry::Entry;
use crate::session::Then;

/// They are submitted again when there is room; nothing more is read from the client until then.
pub(crate) struct Held {
    pub(crate) batches: Vec<(Lane, Vec<Entry<'static>>, Option<Then>)>,
    pub(crate) room: Durable,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held")
            .field("batches", &self.batches.len())
            .finish_non_exhaustive()
    }
}
