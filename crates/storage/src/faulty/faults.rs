//! What can go wrong, when it does, and how often it did.

use super::random::Random;

/// A way in which a disk misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A read fails with `EIO`.
    ReadError,
    /// A read flips one bit of what it reads, on the medium, for good.
    BitRot,
    /// A read gives what was there before the last sync; the next one is right again. Fires only
    /// where that differs.
    StaleRead,
    /// A write fails with `EIO`; the first part of it may have been written.
    WriteError,
    /// A write or a reservation fails with `ENOSPC`, whatever the capacity.
    NoSpace,
    /// A write succeeds, but only its first sectors, maybe none, ever reach the medium. The page
    /// cache hides it until a crash, or [`drop_caches`](super::FaultyStorage::drop_caches).
    TornWrite,
    /// A write succeeds, but reaches the medium at another place of the file. The page cache hides
    /// it as above.
    MisdirectedWrite,
    /// A sync of a file fails with `EIO`. As on Linux, what was not written by then is lost but
    /// counts as clean: it can still be read, and no later sync writes it.
    SyncError,
    /// A sync of the directory fails with `EIO`; some of the changes are durable.
    DirectorySyncError,
    /// The power fails in the midst of a write or sync: it and all that follows fail, until
    /// [`crash`](super::FaultyStorage::crash) says what survived.
    PowerCut,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ReadError,
        Self::BitRot,
        Self::StaleRead,
        Self::WriteError,
        Self::NoSpace,
        Self::TornWrite,
        Self::MisdirectedWrite,
        Self::SyncError,
        Self::DirectorySyncError,
        Self::PowerCut,
    ];
}

/// What was done to a [`FaultyStorage`](super::FaultyStorage), over all its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Calls of `read_at`.
    pub reads: u64,
    /// Calls of `write_at`.
    pub writes: u64,
    /// Bytes given to `write_at`.
    pub written_bytes: u64,
    /// Calls of `sync_data` and `sync_all`.
    pub syncs: u64,
    /// Calls of `sync_directory`.
    pub directory_syncs: u64,
    /// Calls of `create`, `rename` and `remove`.
    pub name_changes: u64,
    /// Calls of `set_len` and `allocate`.
    pub resizes: u64,
    /// Crashes of the machine.
    pub crashes: u64,
    /// Ends of the process alone.
    pub kills: u64,
    injected: [u64; Fault::ALL.len()],
}

impl Counters {
    /// How often a fault happened.
    #[must_use]
    pub const fn injected(&self, fault: Fault) -> u64 {
        self.injected[fault as usize]
    }

    /// How many faults happened in all.
    #[must_use]
    pub fn injected_in_all(&self) -> u64 {
        self.injected.iter().sum()
    }

    pub(super) const fn count(&mut self, fault: Fault) {
        self.injected[fault as usize] += 1;
    }
}

/// A fault that happens once.
#[derive(Debug, Clone)]
struct Once {
    fault: Fault,
    /// The file it waits for; any if none.
    name: Option<String>,
    /// How many operations it lets pass.
    skip: u64,
}

/// When which fault happens.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    chances: [f64; Fault::ALL.len()],
    once: Vec<Once>,
}

impl Plan {
    pub(super) const fn set_chance(&mut self, fault: Fault, probability: f64) {
        self.chances[fault as usize] = probability;
    }

    pub(super) fn once(&mut self, fault: Fault, name: Option<&str>, skip: u64) {
        let name = name.map(str::to_owned);
        self.once.push(Once { fault, name, skip });
    }

    /// Whether `fault` is planned at all.
    pub(super) fn may_strike(&self, fault: Fault) -> bool {
        self.chances[fault as usize] > 0.0 || self.once.iter().any(|once| once.fault == fault)
    }

    /// Whether `fault` happens to this operation on the file of this name.
    pub(super) fn strikes(&mut self, fault: Fault, name: &str, random: &mut Random) -> bool {
        let mut struck = false;
        self.once.retain_mut(|once| {
            let meant =
                once.fault == fault && once.name.as_deref().is_none_or(|wanted| wanted == name);
            if !meant || struck {
                return true;
            }
            if once.skip > 0 {
                once.skip -= 1;
                return true;
            }
            struck = true;
            false
        });
        let probability = self.chances[fault as usize];
        struck || (probability > 0.0 && random.chance(probability))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_happens_once_waits_for_its_turn_and_its_file() {
        let mut plan = Plan::default();
        let mut random = Random::new(0);
        plan.once(Fault::ReadError, Some("a"), 1);
        let mut strikes = |fault, name| plan.strikes(fault, name, &mut random);
        assert!(!strikes(Fault::WriteError, "a"));
        assert!(!strikes(Fault::ReadError, "b"));
        assert!(!strikes(Fault::ReadError, "a"), "the first one passes");
        assert!(strikes(Fault::ReadError, "a"));
        assert!(!strikes(Fault::ReadError, "a"), "it is over");
    }

    #[test]
    fn every_fault_has_its_own_counter() {
        let mut counters = Counters::default();
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, index);
            counters.count(fault);
        }
        assert!(
            Fault::ALL
                .iter()
                .all(|fault| counters.injected(*fault) == 1)
        );
        assert_eq!(counters.injected_in_all(), Fault::ALL.len() as u64);
    }
}
