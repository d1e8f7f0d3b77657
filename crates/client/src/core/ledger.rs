//! The book of the credit: what the application has taken, the server may send again.

use parking_lot::Mutex;

/// What items cost: the number of the session that spent it, and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cost {
    session: u64,
    bytes: u64,
}

/// Credit that is owed to the server. Whoever takes items writes into it; the core reads.
#[derive(Debug)]
pub(crate) struct Ledger {
    credit: u64,
    owed: Mutex<Cost>,
}

impl Ledger {
    /// A ledger of a client whose sessions begin with `credit` bytes.
    pub(crate) fn new(credit: u64) -> Self {
        Self {
            credit,
            owed: Mutex::default(),
        }
    }

    /// Another session: it owes nothing yet.
    pub(crate) fn begin(&self) {
        let mut owed = self.owed.lock();
        *owed = Cost {
            session: owed.session + 1,
            bytes: 0,
        };
    }

    /// What `bytes` of this session cost.
    pub(crate) fn cost(&self, bytes: usize) -> Cost {
        Cost {
            session: self.owed.lock().session,
            bytes: bytes as u64,
        }
    }

    /// Items were taken; true if it is time to give credit.
    pub(crate) fn taken(&self, cost: Cost) -> bool {
        let mut owed = self.owed.lock();
        if cost.session == owed.session {
            owed.bytes += cost.bytes;
        }
        owed.bytes > 0 && owed.bytes.saturating_mul(4) >= self.credit
    }

    /// What to give now, if it is worth a frame.
    pub(crate) fn due(&self) -> Option<u64> {
        let mut owed = self.owed.lock();
        let worth = owed.bytes > 0 && owed.bytes.saturating_mul(4) >= self.credit;
        worth.then(|| std::mem::take(&mut owed.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_given_in_quarters_and_only_to_the_session_that_spent_it() {
        let ledger = Ledger::new(400);
        ledger.begin();
        let old = ledger.cost(90);
        assert!(!ledger.taken(old));
        assert_eq!(ledger.due(), None);
        assert!(ledger.taken(ledger.cost(10)));
        assert_eq!(ledger.due(), Some(100));
        assert_eq!(ledger.due(), None);
        ledger.begin();
        assert!(!ledger.taken(old), "the old session's");
        assert!(ledger.taken(ledger.cost(100)));
    }
}
