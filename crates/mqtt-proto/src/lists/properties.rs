//! The properties of MQTT 5 that may stand more than once.

use std::fmt;

use crate::EncodeError;
use crate::property::{SUBSCRIPTION_ID, USER, skip};
use crate::read::Reader;
use crate::write;

/// Pairs of texts in the order in which they were given; a name may stand more than once.
///
/// A slice of the packet from the first to the last pair: others may stand between.
#[derive(Clone, Copy, Default)]
pub struct UserProperties<'a>(&'a [u8]);

impl<'a> UserProperties<'a> {
    /// Checked bytes of a packet, or what was put together by [`Self::push`], and nothing else.
    #[must_use]
    pub const fn of(buffer: &'a [u8]) -> Self {
        Self(buffer)
    }

    /// Puts a pair at the end of a buffer.
    ///
    /// # Errors
    /// If a text is longer than 65,535 bytes or holds U+0000; the buffer is as before then.
    pub fn push(buffer: &mut Vec<u8>, name: &str, value: &str) -> Result<(), EncodeError> {
        let before = buffer.len();
        buffer.push(USER);
        let pushed = write::checked_text(buffer, name);
        let pushed = pushed.and_then(|()| write::checked_text(buffer, value));
        pushed.inspect_err(|_| buffer.truncate(before))
    }

    /// Each pair: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.entries().filter_map(|bytes| {
            let mut reader = Reader::new(bytes.get(1..)?);
            Some((reader.text().ok()?, reader.text().ok()?))
        })
    }

    /// The value of the first pair of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self.iter().filter(|(its, _)| *its == name);
        pairs.next().map(|(_, value)| value)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each pair as it stands in the packet.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        of_id(self.0, USER)
    }
}

impl PartialEq for UserProperties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for UserProperties<'_> {}

impl fmt::Debug for UserProperties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The identifiers of the subscriptions that a PUBLISH is delivered for.
#[derive(Clone, Copy, Default)]
pub struct SubscriptionIds<'a>(&'a [u8]);

impl<'a> SubscriptionIds<'a> {
    /// Checked bytes of a packet, or what was put together by [`Self::push`], and nothing else.
    #[must_use]
    pub const fn of(buffer: &'a [u8]) -> Self {
        Self(buffer)
    }

    /// Puts an identifier at the end of a buffer.
    ///
    /// # Errors
    /// If it is 0 or above 268,435,455.
    pub fn push(buffer: &mut Vec<u8>, id: u32) -> Result<(), EncodeError> {
        if id == 0 || id > write::VARINT_MAX {
            let what = "a subscription identifier is 1 to 268,435,455";
            return Err(EncodeError::Contradiction(what));
        }
        buffer.push(SUBSCRIPTION_ID);
        write::varint(buffer, id);
        Ok(())
    }

    /// Each identifier.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        let ids = self.entries();
        ids.filter_map(|bytes| Reader::new(bytes.get(1..)?).varint().ok())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each as it stands in the packet.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        of_id(self.0, SUBSCRIPTION_ID)
    }
}

fn of_id<'a>(bytes: &'a [u8], id: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let mut reader = Reader::new(bytes);
    let all = std::iter::from_fn(move || skip(&mut reader).ok());
    all.filter_map(move |(its, bytes)| (its == id).then_some(bytes))
}

impl PartialEq for SubscriptionIds<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SubscriptionIds<'_> {}

impl fmt::Debug for SubscriptionIds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
