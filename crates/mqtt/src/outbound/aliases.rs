//! Topic aliases to the client.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// A table with one slot per alias: a topic has one slot, and takes it when it comes the second time
/// in a row there. So a topic that is never seen again costs nothing, and no slot is searched for.
#[derive(Debug)]
pub(super) struct Aliases(Vec<Slot>);

#[derive(Debug, Default)]
struct Slot {
    /// The hash of the last topic that came here and was not the one below.
    candidate: u64,
    /// What the client knows the alias for; empty: nothing.
    topic: String,
}

/// How a topic is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// By itself.
    Plain,
    /// With an alias that stands for it from now on.
    Introduced(u16),
    /// By its alias alone.
    Known(u16),
}

impl Aliases {
    pub(super) fn new(most: u16) -> Self {
        let slots = || Slot::default();
        Self(
            std::iter::repeat_with(slots)
                .take(usize::from(most))
                .collect(),
        )
    }

    /// How a topic is to be sent now. Nothing changes until [`Self::sent`].
    pub(super) fn name(&self, topic: &str) -> Named {
        let (at, hash) = self.place(topic);
        match self.0.get(usize::from(at)) {
            Some(slot) if slot.topic == topic => Named::Known(at + 1),
            Some(slot) if slot.candidate == hash => Named::Introduced(at + 1),
            _ => Named::Plain,
        }
    }

    /// It was sent so.
    pub(super) fn sent(&mut self, topic: &str, named: Named) {
        let (at, hash) = self.place(topic);
        let Some(slot) = self.0.get_mut(usize::from(at)) else {
            return;
        };
        match named {
            Named::Plain => slot.candidate = hash,
            Named::Known(_) => {}
            Named::Introduced(_) => {
                slot.topic.clear();
                slot.topic.push_str(topic);
            }
        }
    }

    fn place(&self, topic: &str) -> (u16, u64) {
        let mut hasher = SipHasher13::new();
        hasher.write(topic.as_bytes());
        let hash = hasher.finish();
        let slots = (self.0.len() as u64).max(1);
        // Below the number of slots, which is a u16.
        let at = u16::try_from(hash % slots).unwrap_or_default();
        (at, hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_gets_an_alias_when_it_comes_again() {
        let mut aliases = Aliases::new(1);
        let mut send = |topic| {
            let named = aliases.name(topic);
            aliases.sent(topic, named);
            named
        };
        assert_eq!(send("a"), Named::Plain);
        assert_eq!(send("a"), Named::Introduced(1));
        assert_eq!(send("a"), Named::Known(1));
        assert_eq!(send("b"), Named::Plain);
        assert_eq!(send("a"), Named::Known(1));
        assert_eq!(send("b"), Named::Introduced(1));
        assert_eq!(send("b"), Named::Known(1));
        assert_eq!(send("a"), Named::Plain);
    }

    #[test]
    fn mqtt_3_1_2_26_a_client_without_aliases_is_sent_none() {
        let mut aliases = Aliases::new(0);
        for _ in 0..3 {
            let named = aliases.name("a");
            assert_eq!(named, Named::Plain);
            aliases.sent("a", named);
        }
    }
}
