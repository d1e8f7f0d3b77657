//! Reason codes of SUBACK and UNSUBACK.

use std::fmt;

use crate::Reason;

/// Reason codes, one for each filter that was asked for, in its order.
#[derive(Clone, Copy)]
pub struct ReasonCodes<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Wire(&'a [u8]),
    Words(&'a [Reason]),
}

impl<'a> ReasonCodes<'a> {
    /// These.
    #[must_use]
    pub const fn of(reasons: &'a [Reason]) -> Self {
        Self(Source::Words(reasons))
    }

    /// Checked bytes of a packet.
    pub(crate) const fn of_wire(bytes: &'a [u8]) -> Self {
        Self(Source::Wire(bytes))
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.0 {
            Source::Wire(bytes) => bytes.len(),
            Source::Words(reasons) => reasons.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Reason> + use<'a> {
        let (wire, words): (&'a [u8], &'a [Reason]) = match self.0 {
            Source::Wire(bytes) => (bytes, &[]),
            Source::Words(reasons) => (&[], reasons),
        };
        let wire = wire.iter().filter_map(|code| Reason::of(*code));
        wire.chain(words.iter().copied())
    }
}

impl Default for ReasonCodes<'_> {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl PartialEq for ReasonCodes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for ReasonCodes<'_> {}

impl fmt::Debug for ReasonCodes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
