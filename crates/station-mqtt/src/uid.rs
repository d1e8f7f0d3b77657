//! Names by chance.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use spica_mqtt::Uid;

/// A session's own name, among all that its client id ever had.
pub(crate) fn uid() -> Uid {
    Uid(random())
}

/// The id of a client that has none.
pub(crate) fn given_id() -> String {
    format!("spica-{:032x}", u128::from_be_bytes(random()))
}

/// Random bytes that are fetched from the system at once.
const POOL_BYTES: usize = 1_024;

/// Random bytes that nobody has had yet.
struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const {
        RefCell::new(Pool {
            bytes: [0; POOL_BYTES],
            used: POOL_BYTES,
        })
    };
}

impl Pool {
    /// The next bytes; `None` if the system has none.
    fn next(&mut self) -> Option<[u8; 16]> {
        if self.used == POOL_BYTES {
            getrandom::fill(&mut self.bytes).ok()?;
            self.used = 0;
        }
        let taken = self.bytes[self.used..].first_chunk().copied();
        self.used += 16;
        taken
    }
}

fn random() -> [u8; 16] {
    POOL.with_borrow_mut(Pool::next).unwrap_or_else(|| {
        // A system without random bytes: a count still differs from all others here.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        u128::from(count).to_be_bytes()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let many = POOL_BYTES / 16 * 3;
        let uids: HashSet<_> = (0..many).map(|_| uid().0).collect();
        assert_eq!(uids.len(), many);
    }
}
