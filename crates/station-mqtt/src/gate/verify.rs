//! Checks of passwords: dear, so a few at a time, off the async workers; and what was right is
//! remembered for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hashbrown::HashSet;
use hmac::{Hmac, Mac as _};
use parking_lot::Mutex;
use sha2::Sha256;
use spica_mqtt_access::PasswordHash;
use tokio::sync::Semaphore;

/// How many passwords are checked at once: 19 MiB and a core each.
const CHECKS: usize = 2;
/// How many clients may wait for that. At some twenty milliseconds each, the last one waits for as
/// long as a greeting may take.
const WAITING: usize = 1_000;
/// A password that was right is remembered for this time at least, and for twice as long at most.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// How many are remembered in each half of that.
const MARKS: usize = 32_768;

/// What a check of a password comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// Too many are waiting for theirs.
    Busy,
}

/// Checks passwords.
pub(super) struct Verifier {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Marks are keyed with it: nobody who sees them learns a password.
    key: [u8; 32],
    marks: Mutex<Marks>,
}

/// What was right, in two halves; the older one is dropped when the newer one is full or old.
#[derive(Debug, Default)]
struct Marks {
    new: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
    turned: Duration,
}

impl Marks {
    fn turn(&mut self, now: Duration) {
        let since = now.saturating_sub(self.turned);
        if since < REMEMBERED && self.new.len() < MARKS {
            return;
        }
        self.old = std::mem::take(&mut self.new);
        if since >= 2 * REMEMBERED {
            self.old.clear();
        }
        self.turned = now;
    }

    fn has(&mut self, now: Duration, mark: &[u8; 32]) -> bool {
        self.turn(now);
        self.new.contains(mark) || self.old.contains(mark)
    }

    fn add(&mut self, now: Duration, mark: [u8; 32]) {
        self.turn(now);
        self.new.insert(mark);
    }
}

impl Verifier {
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self {
            places: Arc::new(Semaphore::new(CHECKS)),
            waiting: AtomicUsize::new(0),
            key,
            marks: Mutex::default(),
        })
    }

    /// Whether `password` is the one that `stored` was made of.
    pub(super) async fn check(
        &self,
        now: Duration,
        stored: &PasswordHash,
        password: &[u8],
    ) -> Verdict {
        if stored.cost().is_none() {
            return match stored.is(password) {
                true => Verdict::Right,
                false => Verdict::Wrong,
            };
        }
        let mark = self.mark(stored, password);
        if self.marks.lock().has(now, &mark) {
            return Verdict::Right;
        }
        let Some(_waiting) = Waiting::begin(&self.waiting) else {
            return Verdict::Busy;
        };
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            return Verdict::Busy;
        };
        // Somebody else may have shown the same meanwhile.
        if self.marks.lock().has(now, &mark) {
            return Verdict::Right;
        }
        let (stored, password) = (stored.clone(), password.to_vec());
        if !off_worker(move || {
            let is_right = stored.is(&password);
            drop(place);
            is_right
        })
        .await
        {
            return Verdict::Wrong;
        }
        self.marks.lock().add(now, mark);
        Verdict::Right
    }

    /// What is remembered of a password that is right. A stored one that changes has another mark.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn mark(&self, stored: &PasswordHash, password: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length");
        let stored = stored.reveal();
        mac.update(&(stored.len() as u64).to_be_bytes());
        mac.update(stored.as_bytes());
        mac.update(password);
        mac.finalize().into_bytes().into()
    }
}

/// One that waits for its check.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Option<Self> {
        if count.fetch_add(1, Ordering::Relaxed) >= WAITING {
            count.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a check where it keeps no other connection waiting.
#[expect(
    clippy::disallowed_methods,
    reason = "checks of passwords: bounded by the semaphore, and no acknowledgement waits for them"
)]
async fn off_worker(check: impl FnOnce() -> bool + Send + 'static) -> bool {
    let checked = tokio::task::spawn_blocking(check).await;
    checked.unwrap_or_else(|error| {
        tracing::error!(%error, "a check of a password panicked");
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_mqtt_access::{Cost, RANDOM_BYTES};

    const CHEAP: Cost = Cost {
        memory_kib: 1_024,
        passes: 1,
        lanes: 1,
    };

    fn stored(password: &str, salt: u8) -> PasswordHash {
        PasswordHash::new(password.as_bytes(), &[salt; 16], CHEAP).unwrap()
    }

    #[tokio::test]
    async fn what_was_right_is_remembered_for_a_while_and_only_that() {
        let verifier = Verifier::new().unwrap();
        let (one, other) = (stored("pencil", 1), stored("pencil", 2));
        let now = Duration::from_secs(1);
        assert_eq!(verifier.check(now, &one, b"pencil").await, Verdict::Right);
        assert_eq!(verifier.check(now, &one, b"Pencil").await, Verdict::Wrong);
        // Nobody can be checked any more: only what is remembered is right.
        verifier.waiting.store(WAITING, Ordering::Relaxed);
        assert_eq!(verifier.check(now, &one, b"pencil").await, Verdict::Right);
        for (stored, password) in [(&one, b"Pencil"), (&other, b"pencil")] {
            assert_eq!(verifier.check(now, stored, password).await, Verdict::Busy);
        }
        let later = now + 2 * REMEMBERED;
        assert_eq!(verifier.check(later, &one, b"pencil").await, Verdict::Busy);
    }

    #[tokio::test]
    async fn a_password_of_random_bytes_waits_for_nobody() {
        let verifier = Verifier::new().unwrap();
        verifier.waiting.store(WAITING, Ordering::Relaxed);
        let (password, stored) = PasswordHash::of_random(&[7; RANDOM_BYTES], &[1; 16]);
        let now = Duration::from_secs(1);
        let check = |text| verifier.check(now, &stored, text);
        assert_eq!(check(password.as_bytes()).await, Verdict::Right);
        assert_eq!(check(b"pencil").await, Verdict::Wrong);
    }

    #[test]
    fn marks_are_bounded() {
        let mut marks = Marks::default();
        for number in 0..3 * MARKS as u32 {
            let mut mark = [0; 32];
            mark[..4].copy_from_slice(&number.to_be_bytes());
            marks.add(Duration::ZERO, mark);
        }
        assert!(marks.new.len() + marks.old.len() <= 2 * MARKS);
    }
}
