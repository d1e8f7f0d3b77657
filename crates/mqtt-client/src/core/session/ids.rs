//! Packet ids that are in use.

use spica_mqtt_proto::PacketId;

const WORDS: usize = (u16::MAX as usize + 1) / 64;

/// A bit for each id, and where the search begins.
#[derive(Debug)]
pub(super) struct Ids {
    used: Box<[u64; WORDS]>,
    next: u16,
}

impl Default for Ids {
    fn default() -> Self {
        let used = Box::new([0; WORDS]);
        Self { used, next: 1 }
    }
}

impl Ids {
    /// An id that is not in use, and now is: not one of those just freed, as long as there are others.
    pub(super) fn take(&mut self) -> Option<PacketId> {
        for _ in 0..=u16::MAX {
            let candidate = PacketId::new(self.next);
            self.next = self.next.wrapping_add(1);
            let Some(id) = candidate else { continue };
            let (word, bit) = place(id);
            if self.used[word] & bit == 0 {
                self.used[word] |= bit;
                return Some(id);
            }
        }
        None
    }

    /// It is not in use any more.
    pub(super) fn free(&mut self, id: PacketId) {
        let (word, bit) = place(id);
        self.used[word] &= !bit;
    }
}

const fn place(id: PacketId) -> (usize, u64) {
    (id.get() as usize / 64, 1 << (id.get() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_given_once_until_it_is_freed() {
        let mut ids = Ids::default();
        let all: Vec<_> = std::iter::from_fn(|| ids.take()).collect();
        assert_eq!(all.len(), usize::from(u16::MAX));
        assert_eq!((all[0].get(), all[all.len() - 1].get()), (1, u16::MAX));
        ids.free(all[41]);
        assert_eq!(ids.take(), Some(all[41]));
        assert_eq!(ids.take(), None);
    }
}
