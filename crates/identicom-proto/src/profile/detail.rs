//! Details: the tagged values behind a log entry.

use super::{Layout, Values};

/// A known detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The tag in front of it.
    pub tag: u8,
    /// Its name.
    pub name: String,
    /// Its values.
    pub layout: Layout,
    /// Whether it is one value that has no name of its own.
    pub is_scalar: bool,
}

/// What was found in the detail of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailItem<'p, 'd> {
    /// A detail that the profile knows, laid out as it says: at least one value.
    Known(&'p Detail, Values<'p, 'd>),
    /// Anything else, kept as bytes: a tag that the profile does not know, or a value that is not
    /// laid out as it says.
    Other {
        /// The tag.
        tag: u8,
        /// The value; less than its length says, if the detail ends before.
        bytes: &'d [u8],
    },
}

/// The details of a log entry, in order.
#[derive(Debug, Clone)]
pub struct Details<'p, 'd> {
    known: &'p [Detail],
    rest: &'d [u8],
}

impl<'p, 'd> Details<'p, 'd> {
    pub(super) const fn new(known: &'p [Detail], detail: &'d [u8]) -> Self {
        Self {
            known,
            rest: detail,
        }
    }
}

impl<'p, 'd> Iterator for Details<'p, 'd> {
    type Item = DetailItem<'p, 'd>;

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, rest) = self.rest.split_first()?;
        // A value that is cut off has no length of its own.
        let (length, rest) = match rest.split_first() {
            Some((length, rest)) => (Some(usize::from(*length)), rest),
            None => (None, rest),
        };
        let (bytes, rest) = length
            .and_then(|length| rest.split_at_checked(length))
            .unwrap_or((rest, &[]));
        self.rest = rest;
        let known = self.known.iter().find(|detail| detail.tag == *tag);
        let whole = known.filter(|_| length == Some(bytes.len()));
        let values = whole.and_then(|d| Some(DetailItem::Known(d, d.layout.read(bytes)?)));
        Some(values.unwrap_or(DetailItem::Other { tag: *tag, bytes }))
    }
}
